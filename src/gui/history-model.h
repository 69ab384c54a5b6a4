/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Past decisions as a list for a view, the newest first: a window on history that never holds more than some pages of it. Pages are searched for one
 * after the other as the view comes near the end; where it goes back to one that was let go, that is searched for again, and its rows are empty
 * meanwhile. What is decided after the search began is not in it: whoever shows it says so and searches anew.
 */
#pragma once

#include <gio/gio.h>

#include "core/record.h"
#include "gui/history-query.h"

/* One row. */
#define BASTION_TYPE_DECISION (bastion_decision_get_type())
G_DECLARE_FINAL_TYPE(BastionDecision, bastion_decision, BASTION, DECISION, GObject)

/* Borrowed; NULL while it is searched for, and for good where history has let it go since. */
const struct record *bastion_decision_get_record(BastionDecision *decision);

typedef enum {
        BASTION_HISTORY_MODEL_LOADING,
        BASTION_HISTORY_MODEL_MORE, /* there is more to be had: bastion_history_model_load_more() */
        BASTION_HISTORY_MODEL_END,  /* nothing older is there */
        BASTION_HISTORY_MODEL_NONE, /* BastionHistoryResult says why */
} BastionHistoryModelState;

#define BASTION_TYPE_HISTORY_MODEL (bastion_history_model_get_type())
G_DECLARE_FINAL_TYPE(BastionHistoryModel, bastion_history_model, BASTION, HISTORY_MODEL, GObject)

/* Signal: notify::state. */
BastionHistoryModel *bastion_history_model_new(void);
/* Begins anew. `words`: criteria KEY=VALUE (wire/search.h) but "older", copied. `newest_seq`, `newest_us`: the newest decision that the daemon knows, which
 * history is waited for to have; 0 where no daemon is there. */
void bastion_history_model_search(BastionHistoryModel *model, const char *folder, const char *const *words, guint64 newest_seq, gint64 newest_us);
void bastion_history_model_load_more(BastionHistoryModel *model);
BastionHistoryModelState bastion_history_model_get_state(BastionHistoryModel *model);
/* Why there is nothing: FINE where nothing was found. `*ret_words` is borrowed. */
BastionHistoryResult bastion_history_model_get_result(BastionHistoryModel *model, const char **ret_words);
