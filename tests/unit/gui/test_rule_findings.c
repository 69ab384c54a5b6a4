/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a rule is found by its id, whatever the order in which it was told; the line is held as long as it is. */
#include "gui/rule-findings.h"
#include "rule-lines.h"

static void add(struct rule_findings *findings, const char *key, const char *words)
{
        struct rule_line *line = flat_line(key, true);

        rule_findings_add(findings, line, words);
        rule_line_unref(line); /* findings has its own */
}

static void nothing_is_wrong(void **state)
{
        struct rule_findings *findings = rule_findings_new();

        (void)state;
        rule_findings_sort(findings);
        assert_int_equal(rule_findings_count(findings), 0);
        assert_null(rule_findings_find(findings, "/usr/bin/curl:443"));
        assert_null(rule_findings_free(findings));
        assert_null(rule_findings_free(NULL));
}

static void each_is_found(void **state)
{
        struct rule_findings *findings = rule_findings_new();

        (void)state;
        add(findings, "/usr/bin/wget:80", "third");
        add(findings, "/usr/bin/curl:443", "first");
        add(findings, "/usr/bin/curl:80", "second");
        rule_findings_sort(findings);
        assert_int_equal(rule_findings_count(findings), 3);
        assert_string_equal(rule_findings_find(findings, "/usr/bin/curl:443"), "first");
        assert_string_equal(rule_findings_find(findings, "/usr/bin/curl:80"), "second");
        assert_string_equal(rule_findings_find(findings, "/usr/bin/wget:80"), "third");
        assert_null(rule_findings_find(findings, "/usr/bin/aria2:80"));
        assert_null(rule_findings_find(findings, "/usr/bin/curl:8"));
        assert_null(rule_findings_find(findings, "/usr/bin/zsh:80"));
        rule_findings_free(findings);
}

static void the_last_of_a_line_counts(void **state)
{
        struct rule_findings *findings = rule_findings_new();
        struct rule_line *line = flat_line("/usr/bin/curl:443", true);

        (void)state;
        rule_findings_add(findings, line, "shadowed");
        rule_findings_add(findings, line, "not there");
        rule_findings_sort(findings);
        assert_int_equal(rule_findings_count(findings), 1);
        assert_string_equal(rule_findings_find(findings, "/usr/bin/curl:443"), "not there");
        rule_line_unref(line);
        rule_findings_free(findings);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_wrong),
                cmocka_unit_test(each_is_found),
                cmocka_unit_test(the_last_of_a_line_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
