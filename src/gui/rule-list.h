/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules as a list of rows: those that pass the filter, each group of them below a heading. A model without widgets: a row is an object made when
 * it is looked at, so that 200,000 rules are 200,000 lines (gui/rule-line.h) and an index. A new state of the rules is set as a whole; what rows
 * differ is told, so that who looks at the others keeps his place.
 */
#pragma once

#include <gio/gio.h>

#include "gui/rule-findings.h"
#include "gui/rule-line.h"

enum rule_grouping { GROUP_BY_PROGRAM, GROUP_BY_ORIGIN };

/* One row: a heading, or a rule. */
#define BASTION_TYPE_RULE_ITEM (bastion_rule_item_get_type())
G_DECLARE_FINAL_TYPE(BastionRuleItem, bastion_rule_item, BASTION, RULE_ITEM, GObject)

/* Of a heading: the first rule below it. */
const struct rule_line *bastion_rule_item_get_line(BastionRuleItem *item);
/* Of a heading: how many rules stand below it; of a rule 0. */
unsigned bastion_rule_item_get_count(BastionRuleItem *item);

/*
 * Signal: findings-changed   what is wrong with rules is known anew
 */
#define BASTION_TYPE_RULE_LIST (bastion_rule_list_get_type())
G_DECLARE_FINAL_TYPE(BastionRuleList, bastion_rule_list, BASTION, RULE_LIST, GObject)

BastionRuleList *bastion_rule_list_new(void);

/* Takes the array, whose elements are struct rule_line and sorted for the grouping. */
void bastion_rule_list_take(BastionRuleList *list, GPtrArray *lines);
/* Borrowed, sorted; never NULL. */
GPtrArray *bastion_rule_list_get_lines(BastionRuleList *list);
/* Sorts anew. */
void bastion_rule_list_set_grouping(BastionRuleList *list, enum rule_grouping grouping);
enum rule_grouping bastion_rule_list_get_grouping(BastionRuleList *list);
/* `words` in any case, separated by blanks; "": all. */
void bastion_rule_list_set_filter(BastionRuleList *list, enum rule_filter filter, const char *words);
unsigned bastion_rule_list_get_n_shown(BastionRuleList *list); /* rules, without headings */

/* Takes them, sorted. */
void bastion_rule_list_take_findings(BastionRuleList *list, struct rule_findings *findings);
/* Borrowed; NULL: nothing. */
const char *bastion_rule_list_get_finding(BastionRuleList *list, const char *id);
unsigned bastion_rule_list_get_n_findings(BastionRuleList *list);
