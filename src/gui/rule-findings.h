/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with rules of a list: words for a person, by the rule's id. Every rule of 100,000 may have some: a finding is two pointers, to a line
 * (gui/rule-line.h), which holds the id, and to words that many share. Added, then sorted, then only looked at.
 */
#pragma once

#include <glib.h>

#include "gui/rule-line.h"

struct rule_findings;

struct rule_findings *rule_findings_new(void);
struct rule_findings *rule_findings_free(struct rule_findings *findings); /* takes NULL, returns NULL */

/* Of one line, what was added last counts. Takes references of its own. */
void rule_findings_add(struct rule_findings *findings, struct rule_line *line, const char *words);
void rule_findings_sort(struct rule_findings *findings);

/* From here on after rule_findings_sort(). Borrowed; NULL: nothing. */
const char *rule_findings_find(const struct rule_findings *findings, const char *id);
unsigned rule_findings_count(const struct rule_findings *findings);
