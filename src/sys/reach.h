/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is somebody there? One attempt, bounded by a time, over a real socket: what a program of this machine would find. Each returns 0 and
 * *ret_us, how long it took, or a negative errno (-ETIMEDOUT: no answer in time).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

/* A connection is opened and closed. */
int reach_tcp(const struct addr *addr, uint16_t port, unsigned timeout_ms, uint64_t *ret_us);
/* A connection to a listener of our own on this loopback address. */
int reach_self(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us);
/* One ICMP echo request (IPv4). */
int reach_ping(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us);
/* Asks the name server for the root's servers, over UDP; any answer will do. */
int reach_dns(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us);

/* Where IPv4 packets without a better route go. False: there is no default route. */
bool reach_gateway(struct addr *ret);
