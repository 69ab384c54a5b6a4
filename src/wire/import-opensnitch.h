/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of OpenSnitch, one JSON object a file, read as rules of ours. A rule becomes one that means the same, or none: a condition that
 * cannot be said here is a restriction, and without it the rule would be wider than it was. What differs all the same is told (`any_case`).
 *
 * OpenSnitch asks its rules in the order of their names: the first that denies, or has `precedence`, decides; else any that allows. Here the
 * more specific one decides. So the rules of one import are given priorities, the smallest with which they decide as they did.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/rule.h"
#include "wire/sentence.h"

struct import_opensnitch {
        struct rule *rule; /* NULL: it cannot be said here, for `reason` */
        char reason[256];
        char *name;  /* as the file has it; "" where there is none */
        char *words; /* what the file says, for a person: one line, at most IMPORT_OPENSNITCH_WORDS bytes; or NULL where it says no rule */
        bool precedence, denies;
        bool any_case; /* it names paths, which OpenSnitch compared without regard to case: here case counts */
};

enum { IMPORT_OPENSNITCH_WORDS = 1024 };

void import_opensnitch_deinit(struct import_opensnitch *import);

/* One file. `names` knows users, as for sentence_parse_with_names(). 0 or -ENOMEM: whatever the bytes are, the result says what became of them. */
int import_opensnitch_parse(const char *data, size_t n, sentence_name_fn names, void *userdata, struct import_opensnitch *ret);

/* Sets the priorities of those that have rules. 0 or -ENOMEM. Takes n² steps. */
int import_opensnitch_rank(struct import_opensnitch *imports, size_t n);
