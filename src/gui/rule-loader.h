/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps a list of rules (gui/rule-list.h) what the daemon has, while somebody looks: all rules in pages small enough that no frame is missed, sorted
 * and judged (core/hygiene.h) in threads of their own. Rules that change while they are loaded are loaded again, at most every RELOAD_MS.
 *
 * Signal: progress   loaded() or failed() may say something else
 */
#pragma once

#include "gui/link.h"
#include "gui/rule-list.h"

#define BASTION_TYPE_RULE_LOADER (bastion_rule_loader_get_type())
G_DECLARE_FINAL_TYPE(BastionRuleLoader, bastion_rule_loader, BASTION, RULE_LOADER, GObject)

BastionRuleLoader *bastion_rule_loader_new(BastionLink *link, BastionRuleList *list);
/* Whether somebody looks. What has changed meanwhile is loaded then. */
void bastion_rule_loader_set_active(BastionRuleLoader *loader, bool active);
/* The list has been filled once. */
bool bastion_rule_loader_is_loaded(BastionRuleLoader *loader);
