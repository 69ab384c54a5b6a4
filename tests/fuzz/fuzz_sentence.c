/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sentence that is taken says the same again in its own words, and as a JSON object; one that is refused is pointed at within the text. */
#include "tests/fuzz/rules.h"

/* A machine that knows the users whose names begin with "a". */
static bool known(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        (void)userdata;
        *ret = (uint32_t)what + 7;
        return name[0] == 'a';
}

/* With names more is taken, and nothing otherwise. */
static void check_names(const char *text, size_t n, const struct rule *rule)
{
        _cleanup_(rule_freep) struct rule *named = NULL;
        struct sentence_error error = {};
        int result = sentence_parse_with_names(text, n, known, NULL, &named, &error);

        if (rule)
                fuzz_check_same(rule, named);
        else
                fuzz_check(result == 0 ? !!named : !named && error.at + error.length <= n && error.expected[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error = {};

        if (sentence_parse((const char *)data, size, &rule, &error) != 0) {
                fuzz_check(!rule && error.at + error.length <= size && error.expected[0]);
        } else {
                fuzz_check(rule->origin == (rule->lifetime == LIFETIME_SESSION ? ORIGIN_SESSION : ORIGIN_LIST));
                fuzz_check_rule(rule);
        }
        check_names((const char *)data, size, rule);
        return 0;
}
