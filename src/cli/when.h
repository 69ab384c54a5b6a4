/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A time as a person says it: how long ago, or when. Pure but for the time zone, which is the C library's ($TZ).
 *
 *      90s, 30m (30min), 2h, 3d, 2w      so long ago
 *      now, today, yesterday             the last two: at midnight
 *      10:00, 10:00:30                   of today
 *      2026-11-20, 2026-11-20T10:00, "2026-11-20 10:00:30"
 *      2026-11-20T10:00:30.123456Z       as --json prints it: UTC
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WHEN_MAX_DAYS = 36500 };

/* Microseconds since 1970, never before. False: it is none of the above, or a day or hour that does not exist. */
bool when_parse(const char *text, int64_t now_us, int64_t *ret_us);
/* What when_parse() takes, after "expected". */
extern const char when_expected[];
