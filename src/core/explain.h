/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a connection meets the verdict it meets: the rules that were considered in the order of decision, for each what became of it,
 * the mode's part, and the smallest change of rules after which the verdict is the other one. It asks the very functions that decide
 * packets (rule_may_match(), rule_compare_step(), decide()) and knows no criterion and no order of its own.
 *
 * Bounded for any number of rules: EXPLAIN_SCAN are looked at, EXPLAIN_RULES told. The rule that decides is always among them.
 */
#pragma once

#include "core/decision.h"

enum { EXPLAIN_RULES = 32, EXPLAIN_SCAN = 16384, EXPLAIN_CHANGES = 2 };

/* What became of one rule. */
enum explain_fate {
        EXPLAIN_DECIDES,
        EXPLAIN_LOSES,    /* matches, and the one that decides comes before it: `step` */
        EXPLAIN_SILENT,   /* matches by name, where a rule of the program's path does */
        EXPLAIN_DISABLED, /* would match, but is switched off */
        EXPLAIN_EXPIRED,  /* would match, but its time is over */
        EXPLAIN_SUBJECT,   /* another program */
        EXPLAIN_CRITERION, /* + enum criterion_kind: the first that does not hold */
        EXPLAIN_FATE_LAST = EXPLAIN_CRITERION + CRITERION_KIND_COUNT - 1,
        EXPLAIN_FATE_COUNT,
};

struct explain_candidate {
        const struct rule *rule; /* borrowed from the rule set */
        enum explain_fate fate;
        enum order_step step; /* EXPLAIN_LOSES */
        bool not_known;       /* EXPLAIN_CRITERION: it does not hold because that is not known of the connection */
};

/* What leads to another verdict: rules to delete, then one to add, then the mode. Each may be absent. */
struct explain_change {
        enum action action;
        const struct rule *delete[EXPLAIN_RULES]; /* borrowed */
        unsigned n_delete;
        struct rule *add;
        bool enforce; /* learning must end: it denies nothing */
};

struct explanation {
        struct decision decision;   /* what happens */
        const struct rule *rule;    /* which decides, before any mode; or NULL */
        struct decision unanswered; /* what happens where it is asked and nobody answers */
        struct explain_candidate candidates[EXPLAIN_RULES]; /* in the order of decision */
        unsigned n_candidates;
        size_t n_considered; /* rules that can be about this program; those beyond the candidates are not told */
        struct explain_change changes[EXPLAIN_CHANGES];
        unsigned n_changes;
};

/* 0 or -ENOMEM. *ret borrows from `rules` and `facts`, so it lives as long as they stay as they are. */
int explain(const struct ruleset *rules, const struct config *config, const struct facts *facts, struct boottime now,
            struct explanation *ret);
void explanation_deinit(struct explanation *e);

/* What became of one rule, but for the others: EXPLAIN_DECIDES stands for "matches". */
struct explain_candidate explain_rule(const struct rule *rule, const struct facts *facts, struct boottime now);

const char *explain_fate_word(enum explain_fate fate); /* "decides", "loses", …, for JSON */
bool explain_fate_parse(const char *word, enum explain_fate *ret);
const char *order_step_word(enum order_step step); /* "priority", "subject", …, for JSON */
bool order_step_parse(const char *word, enum order_step *ret);
