/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The administrator's files: which names count, what their rules are called, and the copy of all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "wire/dropins.h"

/* As the daemon does it. */
static int add(const char *name, const char *text, size_t n, struct ruleset *set, size_t *ret_replaced, struct file_error *error)
{
        size_t n_rules = 0;
        int r = dropin_check(name, text, n, NULL, NULL, &n_rules, error);

        return r ? r : dropin_add_rules(name, text, n, n_rules, NULL, NULL, set, ret_replaced, error);
}

static int read_file(const char *name, const char *text, struct ruleset *set, struct file_error *error)
{
        size_t n_replaced;

        return add(name, text, strlen(text), set, &n_replaced, error);
}

static void test_names(void **state _unused_)
{
        static const struct {
                const char *name;
                bool meant, good;
        } rows[] = {
                { "10-work.rules", true, true },   { "a.rules", true, true },       { "A_b+c@d.x.rules", true, true },
                { ".rules", false, false },        { ".hidden.rules", false, false }, { ".#10-work.rules", false, false },
                { "10-work.rules~", false, false }, { "README", false, false },     { "10-work.rules.bak", false, false },
                { "two words.rules", true, false }, { "a:b.rules", true, false },   { "\xc3\xa4.rules", true, false },
                { "a\nb.rules", true, false },
        };
        char long_name[LIMIT_DROPIN_NAME + 2];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(dropin_is_meant(rows[i].name), rows[i].meant);
                assert_int_equal(dropin_name_is_good(rows[i].name), rows[i].good);
        }
        memset(long_name, 'a', sizeof(long_name));
        strcpy(long_name + LIMIT_DROPIN_NAME - 6, ".rules");
        assert_true(dropin_name_is_good(long_name));
        memset(long_name, 'a', LIMIT_DROPIN_NAME);
        strcpy(long_name + LIMIT_DROPIN_NAME - 5, ".rules");
        assert_false(dropin_name_is_good(long_name));
}

/* The first by name count, in whatever order a directory is read. */
static void test_order_of_names(void **state _unused_)
{
        _cleanup_(dropin_names_deinit) struct dropin_names names = { .n = 0 };
        char name[32];

        for (unsigned i = 0; i < LIMIT_DROPINS + 44; i++) {
                snprintf(name, sizeof(name), "%03u.rules", i * 7 % (LIMIT_DROPINS + 44));
                assert_int_equal(dropin_names_add(&names, name), 0);
                assert_int_equal(dropin_names_add(&names, "README"), 0);
        }
        assert_int_equal(names.n, LIMIT_DROPINS);
        assert_int_equal(names.n_more, 44);
        for (unsigned i = 0; i < LIMIT_DROPINS; i++) {
                snprintf(name, sizeof(name), "%03u.rules", i);
                assert_string_equal(names.names[i], name);
        }
}

static void test_rules_are_named_after_their_place(void **state _unused_)
{
        static const char text[] = "# mine\n\nallow /bin/a port 80\n  mail: allow /bin/b port 25\n\tdeny /bin/c\n";
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct dropins files = { 0 };
        struct file_error error;
        const struct rule *r;
        unsigned line = 99;

        assert_int_equal(read_file("10-work.rules", text, set, &error), 0);
        assert_int_equal(ruleset_count(set), 3);
        r = ruleset_find(set, "10-work.rules:3");
        assert_non_null(r);
        assert_string_equal(r->program, "/bin/a");
        assert_int_equal(r->origin, ORIGIN_FILE);
        assert_int_equal(r->priority, PRIORITY_DEFAULT);
        assert_string_equal(ruleset_find(set, "10-work.rules:mail")->program, "/bin/b");
        assert_string_equal(ruleset_find(set, "10-work.rules:5")->program, "/bin/c");

        assert_int_equal(dropins_append(&files, strdup("10-work.rules"), strdup(text), strlen(text)), 0);
        assert_ptr_equal(dropins_find_rule(&files, "10-work.rules:mail", &line), &files.files[0]);
        assert_int_equal(line, 4);
        assert_non_null(dropins_find_rule(&files, "10-work.rules:3", &line));
        assert_int_equal(line, 3);
        assert_non_null(dropins_find_rule(&files, "10-work.rules:mai", &line));
        assert_int_equal(line, 0);
        assert_null(dropins_find_rule(&files, "10-work.rule:3", &line));
        assert_null(dropins_find_rule(&files, "/bin/a", &line));
        dropins_deinit(&files);
}

static void test_refused(void **state _unused_)
{
        static const struct {
                const char *text;
                unsigned line, column;
                const char *words;
        } rows[] = {
                { "allow /bin/a\nallow /bin/b prot 80\n", 2, 14, "expected" },
                { "12: allow /bin/a\n", 1, 1, "expected a name that is no number" },
                { "a: allow /bin/a\na: allow /bin/b\n", 2, 1, "another rule has this id" },
                { "allow /bin/a\ndeny /bin/a\n", 2, 1, "an earlier rule has the same criteria" },
                { "allow /bin/a for session\n", 1, 1, "expected a rule without" },
                { ": allow /bin/a\n", 1, 1, "expected an id before the colon" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                struct file_error error = { 0 };

                assert_int_equal(read_file("x.rules", rows[i].text, set, &error), RULEFILE_E_VALUE);
                assert_non_null(strstr(error.text, rows[i].words));
                assert_int_equal(error.line, rows[i].line);
                assert_int_equal(error.column, rows[i].column);
                assert_int_equal(ruleset_count(set), 0); /* the whole file, or nothing of it */
        }
}

static void test_a_name_has_no_nul(void **state _unused_)
{
        static const char text[] = "a\0b: allow /bin/a\n";
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error = { 0 };
        size_t n_replaced;

        assert_int_equal(add("x.rules", text, sizeof(text) - 1, set, &n_replaced, &error), RULEFILE_E_VALUE);
        assert_non_null(strstr(error.text, "expected an id"));
}

static void test_a_later_file_takes_the_place(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error;
        size_t n_replaced;

        assert_int_equal(read_file("10.rules", "allow /bin/a\nallow /bin/b\n", set, &error), 0);
        assert_int_equal(add("20.rules", "deny /bin/a\n", 12, set, &n_replaced, &error), 0);
        assert_int_equal(n_replaced, 1);
        assert_int_equal(ruleset_count(set), 2);
        assert_null(ruleset_find(set, "10.rules:1"));
        assert_int_equal(ruleset_find(set, "20.rules:1")->action, ACTION_DENY);
}

/* A rule of rules.json with the same criteria lives beside it; deny comes first. */
static void test_one_order_with_other_rules(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = { 0 };
        const struct clocks now = { .now = { NS_PER_SEC } };
        static const char json[] = "{\"/bin/a:*\": true, \"/bin/b:*\": false}";
        struct file_error error;

        assert_int_equal(read_file("x.rules", "deny /bin/a\nallow /bin/b\n", set, &error), 0);
        assert_int_equal(rulefile_parse(json, strlen(json), &now, set, &rest, &error), 0);
        assert_int_equal(ruleset_count(set), 4);
        assert_true(rule_compare(ruleset_find(set, "x.rules:1"), ruleset_find(set, "/bin/a:*")) < 0);
        assert_true(rule_compare(ruleset_find(set, "/bin/b:*"), ruleset_find(set, "x.rules:2")) < 0);
}

static void test_too_many_rules(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(buf_deinit) struct buf text = { 0 };
        struct file_error error = { 0 };

        for (unsigned i = 0; i < LIMIT_RULES; i++)
                buf_printf(&text, "deny anyone to 10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(read_file("a.rules", "allow /bin/a\n", set, &error), 0);
        assert_int_equal(read_file("b.rules", text.data, set, &error), RULEFILE_E_VALUE);
        assert_non_null(strstr(error.text, "more than 200000 rules"));
        assert_int_equal(ruleset_count(set), 1);
}

static void test_copy(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf copy = { 0 };
        struct dropins files = { 0 }, again = { 0 };

        assert_int_equal(dropins_append(&files, strdup("a.rules"), strdup(""), 0), 0);
        assert_int_equal(dropins_append(&files, strdup("b.rules"), strdup("b.rules 3\nallow /bin/\xff\n\n"), 24), 0);
        dropins_format(&files, &copy);
        assert_int_equal(dropins_parse(copy.data, copy.n, &again), 0);
        assert_int_equal(again.n, 2);
        assert_int_equal(again.n_bytes, 24);
        assert_string_equal(again.files[1].name, "b.rules");
        assert_string_equal(again.files[1].text, files.files[1].text);
        dropins_deinit(&again);
        /* Half of a copy is none. */
        for (size_t n = 1; n < copy.n; n++)
                if (n != strlen("a.rules 0\n\n"))
                        assert_int_equal(dropins_parse(copy.data, n, &again), DROPINS_E_SYNTAX);
        dropins_deinit(&files);
}

static void test_no_copy(void **state _unused_)
{
        static const char *const rows[] = {
                "x", "\n", "a.rules\n\n", "a.rules 1\n\n", "a.rules 99999999\n\n", "a.rules -1\n\n", "a.rules 0 \n\n",
                "../a.rules 0\n\n", "a.txt 0\n\n", "b.rules 0\n\na.rules 0\n\n", "a.rules 0\n\na.rules 0\n\n", "a.rules 18446744073709551615\nx\n",
        };
        struct dropins files = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(dropins_parse(rows[i], strlen(rows[i]), &files), DROPINS_E_SYNTAX);
        assert_int_equal(files.n, 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_order_of_names),
                cmocka_unit_test(test_rules_are_named_after_their_place),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_a_name_has_no_nul),
                cmocka_unit_test(test_a_later_file_takes_the_place),
                cmocka_unit_test(test_one_order_with_other_rules),
                cmocka_unit_test(test_too_many_rules),
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_no_copy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
