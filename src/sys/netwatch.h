/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine's own addresses that scopes depend on: the interfaces' broadcast addresses and the servers of /etc/resolv.conf.
 * Read at start and when the kernel or the file says that they changed, never on the packet path.
 */
#pragma once

#include "core/addr.h"

/* Fills what can be read; what cannot be is left out and logged. */
void netwatch_read(const char *resolv_conf, struct netinfo *ret);
/* A netlink socket that becomes readable when an IPv4 address comes or goes; negative errno. */
int netwatch_open_addresses(void);
/* Empties it. */
void netwatch_drain(int fd);
