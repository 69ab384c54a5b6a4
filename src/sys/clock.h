/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clocks. Read by loops only; everything else is given `now`. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/boottime.h"
#include "core/lifetime.h"

static inline struct boottime clock_boottime(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (struct boottime){ (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec };
}

/* Microseconds since 1970. */
static inline int64_t clock_realtime_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* What lifetimes are counted by. `boot` is read once (sys/bootid.h). */
static inline struct clocks clock_all(const struct boot_id *boot)
{
        return (struct clocks){ .now = clock_boottime(), .realtime_us = clock_realtime_us(), .boot = *boot };
}

static inline uint64_t clock_monotonic_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
