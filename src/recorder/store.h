/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * History: decisions in an SQLite database, one row each, for people to query; a summary is one row too, with its count. WAL without an fsync a
 * transaction: a crash of the recorder loses nothing that was committed, a crash of the machine the last seconds at most, and no disk is kept busy.
 *
 * Bounds: rows, bytes and age (struct store_limits). What is over goes when something is written, the oldest rows first, a bounded number at a
 * time. Pages that become free are used again.
 *
 * A file of an older version is made one of this version, with its rows. One that is damaged, of a newer version or not readable is moved aside to
 * "<name>.aside" (one such is kept) and a new one begun. A disk that refuses leaves the store closed; it is tried again at a later batch. Both are
 * words in store_problem().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/record.h"

enum { STORE_VERSION = 4 }; /* of the tables; PRAGMA user_version */

struct store_limits {
        uint64_t rows, bytes, age_us;
};

struct store;

/* `path` is looked at by the first store_begin(). NULL: no memory. */
struct store *store_new(const char *path, const struct store_limits *limits);
/* Ends without committing what was begun. Takes NULL, returns NULL. */
struct store *store_free(struct store *s);
DEFINE_FREEP(struct store, store_free)

/* Begins a batch: opens the file where it is not open. `now_us` is CLOCK_REALTIME. */
void store_begin(struct store *s, int64_t now_us);
/* Adds a row to the batch; a store that is not open forgets it. */
void store_add(struct store *s, const struct record *record);
/* Ends the batch. How many of its rows were lost: 0, or all of them. */
uint64_t store_commit(struct store *s);

/* Words about what is wrong, or "". */
const char *store_problem(const struct store *s);
