/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decisions that differ in nothing but time, process and local port as one summary: so many, from then until then. Who wants to know what there was,
 * and not when each was, reads thousands of lines where there are a million rows. Bounded: what finds no room is the caller's as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

struct fold;

/* At most `max` different ones. `seed`: strangers choose the keys. NULL on -ENOMEM. */
struct fold *fold_new(size_t max, uint64_t seed);
struct fold *fold_free(struct fold *f); /* takes NULL, returns NULL */
DEFINE_FREEP(struct fold, fold_free)

/* True: taken. False: there is no room, or no memory, and the record is still the caller's. */
bool fold_add(struct fold *f, struct record *r);
/* Each that was taken, the caller's to deinit, in the order in which they were first seen; false when there is none left. Nothing is added any
 * more then. */
bool fold_take(struct fold *f, struct record *ret);
