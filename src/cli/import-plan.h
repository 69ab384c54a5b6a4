/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an import will do, before it does it: each rule that was read is new, there already, in conflict with one that is there (which stays), or
 * cannot be added. Two rules are about the same when their criteria are the same; the daemon would put the one in the place of the other, and an
 * import must not undo what somebody decided here. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/rule.h"

enum import_state { IMPORT_NEW, IMPORT_THERE, IMPORT_CONFLICT, IMPORT_REFUSED, IMPORT_STATE_COUNT };

struct import_item {
        enum import_state state;
        struct rule *rule;   /* NULL: none could be made */
        char *file;          /* where it comes from */
        char *words;         /* what stands there, where it is no rule; or NULL */
        char *reason;        /* IMPORT_REFUSED */
        char *other;         /* IMPORT_CONFLICT: the rule that is there, with its id */
        bool denies;
};

struct import_plan {
        struct import_item *items;
        size_t n, size;
        size_t counts[IMPORT_STATE_COUNT]; /* after import_plan_compare() */
        size_t n_any_case;                 /* OpenSnitch's paths without regard to case */
};
void import_plan_deinit(struct import_plan *plan);

/* Takes the item's pointers, also on failure. A rule makes it IMPORT_NEW, else it is IMPORT_REFUSED with its reason. 0 or -ENOMEM. */
int import_plan_add(struct import_plan *plan, struct import_item *item);
/* Sets the states: against each other, and against the rules that are there. Those of a session and the shipped ones do not count. The priorities
 * of `rules` change meanwhile and are restored. 0 or -ENOMEM. */
int import_plan_compare(struct import_plan *plan, struct rule *const *rules, size_t n);

/* For a person: what is new, and so on, as sentences. */
void import_plan_format(const struct import_plan *plan, struct buf *out);
/* For programs: one object a line. */
void import_plan_format_json(const struct import_plan *plan, struct buf *out);
