/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much was decided when: a stretch of time in equal pieces, and for each how many connections were allowed and denied. For a picture of days, to
 * which a million rows are a few hundred numbers. A summary counts where it ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/record.h"

enum { TIMELINE_PIECES = 512 };

struct timeline;

/* `pieces` (1..TIMELINE_PIECES) of equal length, from `since_us` until before `until_us`, which is later. NULL on -ENOMEM. */
struct timeline *timeline_new(int64_t since_us, int64_t until_us, unsigned pieces);
struct timeline *timeline_free(struct timeline *t); /* takes NULL, returns NULL */
DEFINE_FREEP(struct timeline, timeline_free)

/* What lies outside counts nowhere. */
void timeline_add(struct timeline *t, int64_t time_us, enum verdict verdict, uint64_t n_connections);
/* The next piece in which something was, as a summary of nobody in particular, the caller's to deinit; false when there is none left, or no memory. */
bool timeline_take(struct timeline *t, struct record *ret);
