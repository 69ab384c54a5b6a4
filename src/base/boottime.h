/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A point on CLOCK_BOOTTIME, as a type of its own so that it is never mixed up with wall-clock time or with a
 * duration. It does not jump when somebody sets the clock, and it goes on while the machine sleeps. Nothing here
 * reads a clock: pure code is given `now` by the loop (sys/clock.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct boottime {
        uint64_t ns;
};

#define NS_PER_SEC  UINT64_C(1000000000)
#define NS_PER_MSEC UINT64_C(1000000)
#define NS_PER_USEC UINT64_C(1000)

/* The point that never comes: what lives without end expires here. */
#define BOOTTIME_NEVER ((struct boottime){ UINT64_MAX })

/* `t` plus `ns`, saturating at BOOTTIME_NEVER. */
static inline struct boottime boottime_add(struct boottime t, uint64_t ns)
{
        return (struct boottime){ UINT64_MAX - t.ns < ns ? UINT64_MAX : t.ns + ns };
}

static inline struct boottime boottime_earlier(struct boottime a, struct boottime b)
{
        return a.ns < b.ns ? a : b;
}

static inline bool boottime_reached(struct boottime deadline, struct boottime now)
{
        return deadline.ns != UINT64_MAX && now.ns >= deadline.ns;
}

/* Nanoseconds from `now` until `deadline`, 0 when it has passed. */
static inline uint64_t boottime_left(struct boottime deadline, struct boottime now)
{
        return deadline.ns > now.ns ? deadline.ns - now.ns : 0;
}
