/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A past decision in a list: who, where to, when, and under it why. */
#pragma once

#include <gtk/gtk.h>

#include "core/record.h"

#define BASTION_TYPE_DECISION_ROW (bastion_decision_row_get_type())
G_DECLARE_FINAL_TYPE(BastionDecisionRow, bastion_decision_row, BASTION, DECISION_ROW, GtkBox)

/* `record` NULL: it is not there yet. Copied into words; not kept. */
void bastion_decision_row_set(BastionDecisionRow *row, const struct record *record, gint64 now_us);
