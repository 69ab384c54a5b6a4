/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program on an NFQUEUE that accepts whatever it is handed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Shown each packet, from the IP header on, before it is accepted. */
typedef void (*plain_queue_fn)(const void *data, size_t n);

/* Says "ready" on standard output, serves until SIGTERM or SIGINT, and takes its rule away. 0 or a negative errno. `fn` may be NULL. */
int plain_queue_run(uint16_t queue, plain_queue_fn fn, unsigned long *ret_n_packets);
