/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One proposed rule: its sentence, what it is for, and what deserves a second look. It can be accepted, edited first, or refused.
 *
 * Signals: accepted(const char *sentence), refused().
 */
#pragma once

#include <adwaita.h>

#include "core/learn.h"

#define BASTION_TYPE_PROPOSAL_ROW (bastion_proposal_row_get_type())
G_DECLARE_FINAL_TYPE(BastionProposalRow, bastion_proposal_row, BASTION, PROPOSAL_ROW, GtkListBoxRow)

/* Copied into words. */
BastionProposalRow *bastion_proposal_row_new(const struct proposal *proposal, gint64 now_us);
/* As proposed. */
const char *bastion_proposal_row_get_sentence(BastionProposalRow *row);
gboolean bastion_proposal_row_is_surprising(BastionProposalRow *row);
/* While the daemon is asked nothing can be pressed. */
void bastion_proposal_row_set_busy(BastionProposalRow *row, gboolean busy);
/* Why the sentence was not taken; the row is for editing then. */
void bastion_proposal_row_show_error(BastionProposalRow *row, const char *error);
