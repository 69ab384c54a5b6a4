/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * History searched: bastion-recorder --query (recorder/reader.h) is run, because SQLite is the recorder's alone, and what it prints is read like
 * anybody's bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

/* Where it is when nobody says otherwise. */
#define HISTORY_FOLDER "/var/lib/bastion/history"

enum history_result {
        HISTORY_FINE,
        HISTORY_MISSING, /* there is none; nothing was said, here and below */
        HISTORY_DENIED,  /* this user may not read it */
        HISTORY_FAILED,  /* words were said: it is damaged, or of a newer version, … */
};

/* Gets each record; false ends the search, which is then fine. */
typedef bool (*history_fn)(const struct record *record, void *userdata);

/* The last `limit` (1..LIMIT_HISTORY_ROWS) that are found, oldest first. `words`: KEY=VALUE (wire/search.h), and before them
 * "fold" for summaries. */
enum history_result history_search(const char *folder, uint64_t limit, char *const *words, size_t n_words, history_fn each, void *userdata);
