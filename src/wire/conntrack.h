/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one message of ctnetlink (linux/netfilter/nfnetlink_conntrack.h) that is needed: forget a flow. Pure; sys/conntrack.c owns the socket, and
 * the answer is a plain netlink ack.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/flow.h"

enum { CONNTRACK_MESSAGE_MAX = 256 };

/* Writes the request to forget the flow that this machine opened, of a protocol with ports; returns its length. `ret` has room for CONNTRACK_MESSAGE_MAX. */
size_t conntrack_build_delete(void *ret, const struct flow *flow, uint32_t seq);
