/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which start of the machine this is: without it a point on CLOCK_BOOTTIME that a file keeps means nothing. */
#pragma once

#include "core/lifetime.h"

/* The kernel's boot_id; where it cannot be read, one that no other run of the daemon has: then every start of the daemon counts as a start of the
 * machine, and nothing lasts longer than it was meant to. 0, or the negative errno for which it is a random one. */
int bootid_read(struct boot_id *ret);
