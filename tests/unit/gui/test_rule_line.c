/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packed rule says what the rule said, is the same rule when it is unpacked, and is found by what is in it. */
#include "rule-lines.h"
#include "wire/sentence.h"

static struct rule_line *listed(const char *sentence, enum rule_origin origin, const char *id)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error;
        struct rule_line *line;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        rule->id = strdup(id);
        rule->origin = origin;
        rule->priority = origin == ORIGIN_FACTORY ? PRIORITY_FACTORY : PRIORITY_DEFAULT;
        line = rule_line_new(rule);
        assert_non_null(line);
        return line;
}

static void says(struct rule_line *line, const char *sentence, const char *subject)
{
        _cleanup_(buf_deinit) struct buf said = { 0 };
        _cleanup_(rule_freep) struct rule *rule = NULL;
        const char *of;
        size_t n;

        rule_line_sentence(line, &said);
        assert_string_equal(said.data, sentence);
        of = rule_line_subject(line, &n);
        assert_int_equal(n, strlen(subject));
        assert_memory_equal(of, subject, n);
        assert_int_equal(rule_line_rule(line, &rule), 0);
        assert_string_equal(rule->id, rule_line_id(line));
        rule_line_unref(line);
}

static void packed_it_says_the_same(void **state)
{
        (void)state;
        says(flat_line("/usr/bin/curl:443", true), "allow /usr/bin/curl port 443", "/usr/bin/curl");
        says(flat_line("/opt/a b:*", false), "deny \"/opt/a b\"", "\"/opt/a b\"");
        says(flat_line("@name:ping:*", true), "allow name ping", "name ping");
        says(flat_line("@dest:192.0.2.7:123:*", false), "deny unknown to 192.0.2.7 port 123", "unknown");
        says(listed("deny /usr/bin/telnet to internet note \"n\"", ORIGIN_LIST, "r7"), "deny /usr/bin/telnet to internet note \"n\"", "/usr/bin/telnet");
        says(listed("allow anyone to lan", ORIGIN_FACTORY, "factory:lan"), "allow anyone to lan", "anyone");
}

static void flat_and_listed_rules_of_a_program_are_one_group(void **state)
{
        _cleanup_(rule_line_unrefp) struct rule_line *a = flat_line("/usr/bin/curl:443", true), *b = listed("deny /usr/bin/curl to lan", ORIGIN_LIST, "r1"),
                                                     *shipped = listed("allow /usr/bin/curl", ORIGIN_FACTORY, "factory:x");

        (void)state;
        assert_true(rule_line_same_group(a, b));
        assert_false(rule_line_same_group(a, shipped));
        assert_true(rule_line_compare(&a, &shipped) < 0);
        assert_false(rule_line_equal(a, b));
        assert_true(rule_line_equal(a, a));
}

static void the_alphabet_is_of_names_not_of_folders(void **state)
{
        _cleanup_(rule_line_unrefp) struct rule_line *curl = flat_line("/usr/local/bin/curl:1", true), *bash = flat_line("/zzz/bash:1", true);

        (void)state;
        assert_true(rule_line_compare(&bash, &curl) < 0);
}

static void it_is_found_by_its_words(void **state)
{
        _cleanup_(rule_line_unrefp) struct rule_line *line = flat_line("/usr/bin/Curl:443", false), *list = listed("allow anyone to .example.com", ORIGIN_LIST, "r12");

        (void)state;
        assert_true(rule_line_has_words(line, ""));
        assert_true(rule_line_has_words(line, "curl"));
        assert_true(rule_line_has_words(line, "deny  443 "));
        assert_false(rule_line_has_words(line, "allow curl"));
        assert_true(rule_line_has_words(list, "r12"));
        assert_true(rule_line_has_words(list, "example allow"));
        assert_true(rule_line_passes(line, FILTER_DENY));
        assert_false(rule_line_passes(line, FILTER_SHIPPED));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(packed_it_says_the_same),
                cmocka_unit_test(flat_and_listed_rules_of_a_program_are_one_group),
                cmocka_unit_test(the_alphabet_is_of_names_not_of_folders),
                cmocka_unit_test(it_is_found_by_its_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
