/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with a set of rules that loads without a mistake: rules that can never decide, that say what another says, that
 * match nothing, that name a program or a list which is not there. Nothing is found that is not so: a rule is called shadowed only where one
 * other rule comes before it and matches all that it matches, as long as it lasts. (Several rules that cover it together are not
 * looked for.) Shipped rules and those that are switched off or expired are not judged; the shipped ones still stand before others.
 *
 * Pure: whether a path exists is the caller's to say. Some decisions a rule, whatever their number.
 */
#pragma once

#include "core/ruleset.h"

enum finding_kind {
        FINDING_SHADOWED,  /* `other` comes before it and matches everything that it matches */
        FINDING_DUPLICATE, /* the same, and it says the same: same criteria, same action */
        FINDING_OVERRULED, /* shadowed, but only until `other`, which is for this session, ends */
        FINDING_NEVER,     /* its criteria exclude each other: `why` */
        FINDING_NO_FILE,   /* its program does not exist */
        FINDING_NO_LIST,   /* a list that it speaks of does not: `why` is its path */
        FINDING_KIND_COUNT,
};

struct finding {
        enum finding_kind kind;
        const struct rule *rule;
        const struct rule *other; /* or NULL */
        const char *why;          /* FINDING_NEVER: words for a person; FINDING_NO_LIST: a path; else NULL */
};

struct hygiene {
        bool (*exists)(void *userdata, const char *path);
        void (*found)(void *userdata, const struct finding *finding); /* in the rules' order of insertion */
        void *userdata;
};

/* Tells each finding; returns how many there were. */
size_t hygiene_check(const struct ruleset *rules, const struct hygiene *h, struct boottime now);

/* `a` matches every connection that `b` matches, lifetimes aside. False where that is not certain. */
bool rule_covers(const struct rule *a, const struct rule *b);

const char *finding_word(enum finding_kind kind); /* "shadowed", … */
