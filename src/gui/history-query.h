/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One search of history that runs beside the main loop: bastion-recorder --query (recorder/reader.h) in a process of its own, whose lines are read as
 * they come, some each time, like anybody's bytes. Ends once with a result; one that is dropped before (bastion_history_query_cancel()) says nothing
 * more.
 */
#pragma once

#include <gio/gio.h>

#include "core/record.h"

/* Where history is when no daemon says otherwise. */
#define BASTION_HISTORY_FOLDER "/var/lib/bastion/history"

typedef enum {
        BASTION_HISTORY_FINE,
        BASTION_HISTORY_MISSING, /* there is none */
        BASTION_HISTORY_DENIED,  /* this user may not read it */
        BASTION_HISTORY_FAILED,  /* `words` say why */
} BastionHistoryResult;

typedef struct _BastionHistoryQuery BastionHistoryQuery;

/* Each record is the function's: what it does not keep it deinits. In history's order, the oldest first. */
typedef void (*BastionHistoryRecordFunc)(struct record *record, gpointer userdata);
/* The query is freed when this returns. `words` for a person, "" where there are none. */
typedef void (*BastionHistoryEndFunc)(BastionHistoryResult result, const char *words, gpointer userdata);

/*
 * Searches the newest `limit` (1..LIMIT_HISTORY_ROWS) decisions. `words`: NULL-terminated, KEY=VALUE (wire/search.h), before them "fold" where summaries
 * are wanted. `on_end` is never called before this has returned.
 */
BastionHistoryQuery *bastion_history_query_start(const char *folder, uint64_t limit, const char *const *words, BastionHistoryRecordFunc on_record,
                                                 BastionHistoryEndFunc on_end, gpointer userdata);
/* Takes NULL. */
void bastion_history_query_cancel(BastionHistoryQuery *query);
