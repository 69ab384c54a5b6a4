/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packed rules to test with. */
#pragma once

#include "../unit.h"

#include "gui/rule-line.h"

/* Of a flat entry of rules.json, as the daemon tells it: its id is its key. The caller's reference. */
static inline struct rule_line *flat_line(const char *key, bool allow)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        const char *expected;
        struct rule_line *line;

        assert_int_equal(rule_from_flat_key(key, allow, &rule, &expected), 0);
        free(rule->id);
        rule->id = strdup(key);
        rule->origin = ORIGIN_FLAT;
        line = rule_line_new(rule);
        assert_non_null(line);
        return line;
}
