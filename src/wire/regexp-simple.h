/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions as other firewalls' rules have them, as far as they are patterns (core/pattern.h) in another spelling:
 *
 *      literals · \. and other escaped punctuation · .* · .+ · [a-z0-9] · \d · (a|b) · (?:a|b) · X? · ^ and $ at an end · (?i) in front
 *
 * An expression is written out as patterns of whole texts that together match what it matches, and nothing else; where that cannot be done it is
 * not simple, and the reason says why. It is searched for, not matched whole: "curl" is "*curl*", "^curl" is "curl*". One difference is let
 * pass: "." is not a line break, and a star may be one; who can put a line break into a path can put anything else there.
 *
 * (?i) changes nothing: how case is treated is the caller's business.
 */
#pragma once

#include "base/macros.h"
#include "core/limits.h"

enum regexp_flavour {
        REGEXP_PATH,   /* stars are "**" */
        REGEXP_TEXT,   /* stars are "*" */
        REGEXP_DIGITS, /* the same, and the texts are ASCII without line breaks: "." is one byte */
        REGEXP_WORDS,  /* sets are written out: each pattern is literal but for stars */
};

struct regexp_patterns {
        char *patterns[LIMIT_RULE_VALUES];
        unsigned n; /* 1..LIMIT_RULE_VALUES */
};
void regexp_patterns_deinit(struct regexp_patterns *p);

enum { REGEXP_E_NOT_SIMPLE = 1 };
/* 0, -ENOMEM, or REGEXP_E_NOT_SIMPLE with words in *ret_reason. Every pattern passes pattern_check(); one may be empty. */
int regexp_to_patterns(const char *regexp, enum regexp_flavour flavour, struct regexp_patterns *ret, const char **ret_reason);
