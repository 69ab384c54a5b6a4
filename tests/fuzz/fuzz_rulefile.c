/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.json: what was taken and saved is taken again and saved to the same bytes. The same input as sentences too. */
#include "tests/fuzz/rules.h"
#include "wire/rulefile.h"

/* Some time in 2026, an hour after a start of the machine that the corpus knows. */
static const struct clocks clocks = {
        .now = { 3600 * NS_PER_SEC },
        .realtime_us = INT64_C(1780000000000000),
        .boot = { { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef } },
};

static void check_error(int result, const struct file_error *error, const uint8_t *data, size_t size)
{
        unsigned lines = 1;

        for (size_t i = 0; i < size; i++)
                lines += data[i] == '\n';
        fuzz_check(result == RULEFILE_E_SYNTAX || result == RULEFILE_E_VALUE);
        fuzz_check(error->line >= 1 && error->line <= lines && error->column >= 1 && error->text[0]);
}

static struct ruleset *parse(const char *data, size_t n, struct rulefile_rest *rest)
{
        struct ruleset *set = ruleset_new(1);
        struct file_error error;

        fuzz_check(set);
        fuzz_check(rulefile_parse(data, n, &clocks, set, rest, &error) == 0);
        return set;
}

static void check_saved(const struct ruleset *set, const struct rulefile_rest *rest)
{
        _cleanup_(buf_deinit) struct buf text = {}, text2 = {};
        _cleanup_(ruleset_freep) struct ruleset *again = NULL;
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest2 = {};

        fuzz_check(rulefile_format(set, rest, &text) == 0);
        again = parse(text.data, text.n, &rest2);
        fuzz_check(ruleset_count(again) == ruleset_count(set));
        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r)) {
                const struct rule *other = ruleset_find(again, r->id);

                fuzz_check_same(r, other);
                fuzz_check(r->expires.ns == other->expires.ns);
                fuzz_check_rule(r);
        }
        fuzz_check(rulefile_format(again, &rest2, &text2) == 0);
        fuzz_check(text.n == text2.n && memcmp(text.data, text2.data, text.n) == 0);
}

static void check_file(const uint8_t *data, size_t size)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
        struct file_error error = {};
        int result;

        fuzz_check(set);
        result = rulefile_parse((const char *)data, size, &clocks, set, &rest, &error);
        if (result == 0)
                check_saved(set, &rest);
        else
                check_error(result, &error, data, size);
}

/* Its sentence leaves the priority of its origin unsaid; as a person's rule it has another. */
static void check_factory_rule(const struct rule *r)
{
        _cleanup_(rule_freep) struct rule *own = rule_copy(r);

        fuzz_check(own && r->origin == ORIGIN_FACTORY && r->priority != PRIORITY_DEFAULT && r->lifetime == LIFETIME_ALWAYS);
        own->origin = ORIGIN_LIST;
        fuzz_check_rule(own);
}

static void check_sentences(const uint8_t *data, size_t size)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error = {};
        int result;

        fuzz_check(set);
        result = rulefile_parse_sentences((const char *)data, size, ORIGIN_FACTORY, PRIORITY_FACTORY, NULL, NULL, set, &error);
        if (result != 0)
                check_error(result, &error, data, size);
        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r))
                check_factory_rule(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_file(data, size);
        check_sentences(data, size);
        return 0;
}
