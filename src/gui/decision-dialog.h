/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is known of one past decision, and what the rules of today say about such a connection. */
#pragma once

#include <adwaita.h>

#include "core/record.h"
#include "gui/link.h"

#define BASTION_TYPE_DECISION_DIALOG (bastion_decision_dialog_get_type())
G_DECLARE_FINAL_TYPE(BastionDecisionDialog, bastion_decision_dialog, BASTION, DECISION_DIALOG, AdwWindow)

/* Shown over `parent`; lives until it is closed. `record` is copied into words; its connection is asked about. */
void bastion_decision_dialog_present(GtkWindow *parent, BastionLink *link, const struct record *record);
