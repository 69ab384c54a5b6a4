/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine's own addresses that scopes depend on (the interfaces' broadcast addresses and the servers of /etc/resolv.conf), and the names of
 * its interfaces. Read at start and when the kernel or the file says that they changed, never on the packet path.
 */
#pragma once

#include "core/addr.h"

/* Fills what can be read; what cannot be is left out and logged. */
void netwatch_read(const char *resolv_conf, struct netinfo *ret);
/* A netlink socket that becomes readable when an IPv4 address or an interface comes, goes or changes; negative errno. */
int netwatch_open(void);
/* Empties it. */
void netwatch_drain(int fd);
