/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a rule lives, and the words for it. Time is counted on CLOCK_BOOTTIME, which nobody sets: a clock that is put forward or back by a day
 * changes no lifetime. Only over a reboot, which starts that clock anew, the wall clock says what is left; which of the two holds is told by the
 * boot that a point in time belongs to. Pure: clocks are an argument, and local time is the business of whoever knows a time zone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/buf.h"

enum lifetime {
        LIFETIME_ONCE,    /* the connections that a question holds, and 5 s more of the same process */
        LIFETIME_PROCESS, /* until the process that the rule is bound to has exited; at most as a session */
        LIFETIME_SESSION, /* until the daemon restarts */
        LIFETIME_UNTIL,   /* until a time, or for a duration */
        LIFETIME_REBOOT,  /* until the machine starts anew */
        LIFETIME_ALWAYS,  /* until somebody deletes it */
};

const char *lifetime_name(enum lifetime lifetime); /* "once", "process", "session", "until", "reboot", "always" */
bool lifetime_parse(const char *word, enum lifetime *ret);
/* Kept in rules.json, over a restart of the daemon; the others are in memory only. */
bool lifetime_is_kept(enum lifetime lifetime);

/* Which start of the machine: the kernel's boot_id. All zero: none, and never equal to another. */
struct boot_id {
        uint8_t bytes[16];
};

enum { BOOT_ID_TEXT_MAX = 37 };

/* "01234567-89ab-cdef-0123-456789abcdef". */
bool boot_id_parse(const char *text, struct boot_id *ret);
const char *boot_id_format(const struct boot_id *id, char ret[BOOT_ID_TEXT_MAX]);
bool boot_id_is_set(const struct boot_id *id);
bool boot_id_equal(const struct boot_id *a, const struct boot_id *b); /* false where either is none */

/* What the loop reads and pure code is given, all at one moment. */
struct clocks {
        struct boottime now;
        int64_t realtime_us; /* since 1970 */
        struct boot_id boot;
};

/* The end of a rule beside the point on CLOCK_BOOTTIME (struct rule's `expires`, which is of `boot`). */
struct ending {
        uint32_t lasts;      /* s, of a duration that has not begun; 0: `until` says it */
        int64_t until;       /* the same end on the wall clock as it stood then, s since 1970; holds in another boot than `boot` */
        struct boot_id boot; /* none: not in force yet */
};

/* See rule_begin(). */
bool ending_begin(struct ending *e, const struct clocks *now, struct boottime *expires);
bool ending_begin_boot(struct ending *e, const struct clocks *now);

/* ---- durations: 1 s to ten years */

enum { DURATION_MAX = 10 * 366 * 24 * 60 * 60 };

/* "90", "90m": the digits in front, and how many bytes they are. False without any, for 0, or where they are too many for any duration. */
bool duration_parse_number(const char *text, uint32_t *ret, size_t *ret_n);
/* "s", "minute", "hours", "d": its seconds, or 0. */
uint32_t duration_unit(const char *word);
/* "90 minutes", in the largest unit that says it exactly; read back by the two above. */
void duration_format(uint32_t seconds, struct buf *out);
/* "42 minutes", "3 days": for people, rounded up, never "0 …". */
void duration_format_about(uint64_t seconds, struct buf *out);
/* One word: "30s", "90m", "2h", "1d". */
bool duration_parse(const char *word, uint32_t *ret);

/* ---- dates: 1970-01-01 to 9999-12-31, Gregorian */

struct date {
        int year, month, day, hour, minute, second;
        bool has_offset;
        int offset; /* s east of UTC */
};

/*
 * "2026-12-31", "2026-12-31T18:00", "2026-12-31T18:00:05+01:00", "2026-12-31Z": without a time of day its first moment. `time` is NULL, or the
 * time of day with its offset as a word of its own: "18:00", "18:00:05Z". A blank for the T, as one word, is taken too.
 */
bool date_parse(const char *date, const char *time, struct date *ret);
/* Seconds since 1970, taken as UTC where there is no offset. False: not in these years in UTC. */
bool date_seconds(const struct date *date, int64_t *ret);
/* "2026-12-31T17:00:00Z", years 1970..9999. */
void date_format(int64_t seconds, struct buf *out);
