/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each program did, as history tells it: one row a program and user, with its amounts and where it went, the one seen last first. Put together
 * from summaries (recorder/fold.h), so that a million decisions are some thousand lines; the list is exchanged when all are there. What comes
 * afterwards is in the next search. Bounded: some thousand programs, 200 places of each and 20,000 in all; what has no room is counted.
 */
#pragma once

#include <gio/gio.h>

#include "core/record.h"
#include "gui/history-query.h"

struct program_amounts {
        guint64 n_allowed, n_denied, n_bytes; /* bytes as far as somebody counted them */
        gint64 first_us, last_us;
};

struct program_destination {
        struct flow flow; /* remote address, port and protocol; of the newest where a host has several */
        char *host;       /* or NULL */
        struct program_amounts amounts;
};

#define BASTION_TYPE_PROGRAM (bastion_program_get_type())
G_DECLARE_FINAL_TYPE(BastionProgram, bastion_program, BASTION, PROGRAM, GObject)

const struct subject *bastion_program_get_subject(BastionProgram *program);
const struct program_amounts *bastion_program_get_amounts(BastionProgram *program);
/* Places, most connections first; `*ret_n_more` connections went to others. Borrowed. */
const struct program_destination *const *bastion_program_get_destinations(BastionProgram *program, guint *ret_n, guint64 *ret_n_more);

/* A GListModel of BastionProgram. Signal: notify::loading. */
#define BASTION_TYPE_PROGRAMS_MODEL (bastion_programs_model_get_type())
G_DECLARE_FINAL_TYPE(BastionProgramsModel, bastion_programs_model, BASTION, PROGRAMS_MODEL, GObject)

BastionProgramsModel *bastion_programs_model_new(void);
/* Searches anew; what is there stays until that is done. */
void bastion_programs_model_search(BastionProgramsModel *model, const char *folder, gint64 since_us);
gboolean bastion_programs_model_is_loading(BastionProgramsModel *model);
/* Of the last search that has ended; `*ret_words` is borrowed. */
BastionHistoryResult bastion_programs_model_get_result(BastionProgramsModel *model, const char **ret_words);
/* Connections of programs for which there was no room. */
guint64 bastion_programs_model_get_n_left_out(BastionProgramsModel *model);
