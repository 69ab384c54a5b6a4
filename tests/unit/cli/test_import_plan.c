/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an import will do: each rule that was read beside the rules that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "cli/import-plan.h"
#include "wire/sentence.h"

enum { RULES_MAX = 8 };

static struct rule *rule_of(const char *sentence)
{
        struct sentence_error error;
        struct rule *rule = NULL;

        if (sentence_parse(sentence, strlen(sentence), &rule, &error) != 0)
                fail_msg("%s: %s", sentence, error.expected);
        return rule;
}

static void add(struct import_plan *plan, const char *file, const char *sentence)
{
        struct import_item item = { .rule = sentence ? rule_of(sentence) : NULL, .file = strdup(file) };

        if (!sentence) {
                item.reason = strdup("because");
                item.words = strdup("deny always: x");
                item.denies = true;
        }
        assert_int_equal(import_plan_add(plan, &item), 0);
}

/* `there`: sentences of the rules that are there, ended by NULL; those with an origin before them are not the person's. */
static void compare(struct import_plan *plan, const char *const *there)
{
        struct rule *rules[RULES_MAX] = { NULL };
        size_t n = 0;

        for (; there[n]; n++) {
                bool shipped = strncmp(there[n], "shipped ", 8) == 0;

                rules[n] = rule_of(there[n] + (shipped ? 8 : 0));
                rules[n]->id = strdup("r1");
                if (shipped)
                        rules[n]->origin = ORIGIN_FACTORY;
        }
        assert_int_equal(import_plan_compare(plan, rules, n), 0);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(rule_freep) struct rule *same = rule_of(there[i] + (rules[i]->origin == ORIGIN_FACTORY ? 8 : 0));

                assert_int_equal(rules[i]->priority, same->priority);
                rule_free(rules[i]);
        }
}

static void test_beside_what_is_there(void **state _unused_)
{
        static const struct {
                const char *sentence;
                const char *there[3];
                enum import_state state;
                const char *other;
        } rows[] = {
                { "allow /bin/a port 443", { NULL }, IMPORT_NEW, NULL },
                { "allow /bin/a port 443", { "allow /bin/a port 80" }, IMPORT_NEW, NULL },
                { "allow /bin/a port 443", { "allow /bin/a port 443 note \"mine\"" }, IMPORT_THERE, NULL },
                { "allow /bin/a port 443", { "deny /bin/a port 443" }, IMPORT_CONFLICT, "r1: deny /bin/a port 443" },
                { "allow /bin/a port 443", { "allow /bin/a port 443 disabled" }, IMPORT_CONFLICT, "r1: allow /bin/a port 443 disabled" },
                { "allow /bin/a port 443", { "allow /bin/a port 443 priority 5" }, IMPORT_CONFLICT, "r1: allow /bin/a port 443 priority 5" },
                { "allow /bin/a port 443", { "deny /bin/a port 443 priority 5", "allow /bin/a port 443" }, IMPORT_THERE, NULL },
                { "deny /bin/a priority 1", { "allow /bin/a" }, IMPORT_CONFLICT, "r1: allow /bin/a" },
                { "allow /bin/a", { "shipped deny /bin/a" }, IMPORT_NEW, NULL },
                { "allow /bin/a", { "deny /bin/a for session" }, IMPORT_NEW, NULL },
                { "deny anyone to a.example or b.example", { "deny anyone to b.example or a.example" }, IMPORT_THERE, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(import_plan_deinit) struct import_plan plan = { .n = 0 };

                add(&plan, "f", rows[i].sentence);
                compare(&plan, rows[i].there);
                assert_int_equal(plan.items[0].state, rows[i].state);
                assert_int_equal(plan.counts[rows[i].state], 1);
                if (rows[i].other)
                        assert_string_equal(plan.items[0].other, rows[i].other);
                else
                        assert_null(plan.items[0].other);
        }
}

static void test_beside_each_other(void **state _unused_)
{
        static const char *const nothing[] = { NULL };
        _cleanup_(import_plan_deinit) struct import_plan plan = { .n = 0 };

        add(&plan, "a", "allow /bin/a disabled");
        add(&plan, "b", "allow /bin/a");
        add(&plan, "c", "deny /bin/a");
        add(&plan, "d", "deny /bin/a note \"again\"");
        add(&plan, "e", "allow /bin/a priority 1");
        compare(&plan, nothing);
        assert_int_equal(plan.items[0].state, IMPORT_REFUSED);
        assert_int_equal(plan.items[1].state, IMPORT_REFUSED);
        assert_string_equal(plan.items[1].reason, "about the same, and before it comes what is in c");
        assert_int_equal(plan.items[2].state, IMPORT_NEW);
        assert_int_equal(plan.items[3].state, IMPORT_THERE);
        assert_int_equal(plan.items[4].state, IMPORT_NEW);
}

static void test_too_long(void **state _unused_)
{
        static const char *const nothing[] = { NULL };
        struct import_item item = { .rule = rule_of("deny anyone"), .file = strdup("f"), .denies = true };
        _cleanup_(import_plan_deinit) struct import_plan plan = { .n = 0 };
        char pattern[300];

        memset(pattern, 'a', sizeof(pattern) - 1);
        pattern[sizeof(pattern) - 1] = 0;
        for (int i = 0; i < 40; i++) {
                pattern[0] = (char)('A' + i % 26);
                pattern[1] = (char)('a' + i / 26);
                assert_int_equal(rule_add_text(item.rule, CRITERION_ARGUMENT, pattern), 0);
        }
        assert_int_equal(import_plan_add(&plan, &item), 0);
        compare(&plan, nothing);
        assert_int_equal(plan.items[0].state, IMPORT_REFUSED);
        assert_string_equal(plan.items[0].reason, "a sentence of more than 8192 bytes");
}

static void test_words(void **state _unused_)
{
        static const char *const there[] = { "deny /bin/b", "deny /bin/c", NULL };
        _cleanup_(import_plan_deinit) struct import_plan plan = { .n = 0 };
        _cleanup_(buf_deinit) struct buf out = { 0 };

        add(&plan, "a.json", "allow /bin/a to example.com");
        add(&plan, "b.json", "allow /bin/b");
        add(&plan, "c.json", "deny /bin/c");
        add(&plan, "d\x1b.json", NULL);
        plan.n_any_case = 3;
        compare(&plan, there);
        import_plan_format(&plan, &out);
        assert_string_equal(out.data,
                            "New: 1\n"
                            "  allow /bin/a to example.com\n"
                            "There already: 1\n"
                            "  deny /bin/c\n"
                            "In conflict with a rule that is there and stays: 1\n"
                            "  allow /bin/b\n"
                            "    is not added; there is r1: deny /bin/b\n"
                            "Cannot be added: 1\n"
                            "  d\\x1b.json: because\n"
                            "    deny always: x\n"
                            "1 of those that cannot be added denies: what it kept back may be allowed by other rules.\n"
                            "1 of the new ones names hosts: without a name that the daemon knows a connection matches none of these.\n"
                            "OpenSnitch compared the paths of 3 rules without regard to case; here case counts.\n");
        buf_reset(&out);
        import_plan_format_json(&plan, &out);
        assert_non_null(strstr(out.data, "{\"state\":\"new\",\"file\":\"a.json\",\"sentence\":\"allow /bin/a to example.com\",\"reason\":null,"
                                         "\"words\":null,\"other\":null}\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_beside_what_is_there),
                cmocka_unit_test(test_beside_each_other),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
