/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row of the list of rules: a heading, or a rule with what can be done with it. It says what is wanted; the page does it.
 *
 * Signals:
 *      switched(const char *id, gboolean enabled)
 *      edit(const char *id)
 *      delete(const char *id)
 */
#pragma once

#include <gtk/gtk.h>

#include "gui/rule-list.h"

#define BASTION_TYPE_RULE_ROW (bastion_rule_row_get_type())
G_DECLARE_FINAL_TYPE(BastionRuleRow, bastion_rule_row, BASTION, RULE_ROW, GtkBox)

GtkWidget *bastion_rule_row_new(BastionRuleList *list);
/* NULL: it shows nothing any more. */
void bastion_rule_row_show(BastionRuleRow *row, BastionRuleItem *item);
/* Shows again what was shown: another time of day, another right. */
void bastion_rule_row_set_may_change(BastionRuleRow *row, bool may);
