/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this namespace's interfaces have carried, for a graph of it: asked of the kernel each time, over a socket of its own. */
#pragma once

#include <stdint.h>

/* Bytes of all interfaces but loopback, each since it exists. 0 or negative errno. Waits for nothing: what the kernel has not answered at once
 * (-EAGAIN) is not awaited. */
int traffic_read(uint64_t *ret_out, uint64_t *ret_in);
