/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-rules(5) against the program: each example that is a sentence is taken as one, each that is an object is a rule or a rules.json;
 * and no criterion is without an example.
 */
#include "unit.h"

#include "base/str.h"
#include "wire/rulejson.h"
#include "wire/sentence.h"

static char page[1 << 16];
static unsigned n_sentences, n_objects, n_files, seen;

static int read_page(void **state)
{
        FILE *file = fopen(SOURCE_ROOT "/man/bastion-rules.5", "rb");
        size_t n;

        (void)state;
        assert_non_null(file);
        n = fread(page, 1, sizeof(page) - 1, file);
        fclose(file);
        assert_true(n > 0 && n < sizeof(page) - 1);
        return 0;
}

/* What roff makes of a line: \(dq is a quote, \e a backslash. */
static void plain_text(const char *line, size_t n, char *ret)
{
        while (n > 0) {
                size_t used = n >= 4 && memcmp(line, "\\(dq", 4) == 0 ? 4 : n >= 2 && memcmp(line, "\\e", 2) == 0 ? 2 : 1;

                *ret++ = used == 4 ? '"' : *line;
                line += used;
                n -= used;
        }
        *ret = 0;
}

static bool everybody_is_known(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        (void)userdata;
        (void)name;
        *ret = 100 + (uint32_t)what;
        return true;
}

static void check_sentence(const char *text)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error;

        if (sentence_parse_with_names(text, strlen(text), everybody_is_known, NULL, &rule, &error) != 0)
                fail_msg("%s\n%*s^ %s", text, (int)error.at, "", error.expected);
        seen |= rule->has;
        n_sentences++;
}

static void check_object(const char *text)
{
        _cleanup_(json_decrefp) json_t *object = NULL;
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct file_error error;
        struct jsonread r = {};

        if (jsonread_load(text, strlen(text), &object, &error) != 0)
                fail_msg("%s: %s", text, error.text);
        rule = rulejson_read(&r, object, RULEJSON_REQUEST);
        if (!rule)
                fail_msg("%s: %s: %s", text, r.key, r.expected);
        n_objects++;
}

static void check_file(const char *text)
{
        static const struct clocks clocks = { .realtime_us = 1 };
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error;

        if (rulefile_parse(text, strlen(text), &clocks, set, &rest, &error) != 0)
                fail_msg("%s: %s", text, error.text);
        assert_true(ruleset_count(set) > 0);
        n_files++;
}

static void check_line(const char *line, size_t n)
{
        char text[1024];

        assert_true(n < sizeof(text));
        plain_text(line, n, text);
        if (str_has_prefix(text, "allow ") || str_has_prefix(text, "deny ") || str_has_prefix(text, "ask "))
                check_sentence(text);
        else if (str_has_prefix(text, "{\"action\""))
                check_object(text);
        else if (text[0] == '{')
                check_file(text);
}

static void examples_are_taken(void **state)
{
        (void)state;
        for (const char *at = page; *at; at += strcspn(at, "\n") + 1)
                if (str_has_prefix(at, ".Dl "))
                        check_line(at + 4, strcspn(at + 4, "\n"));
        print_message("%u sentences, %u objects, %u files\n", n_sentences, n_objects, n_files);
        assert_true(n_sentences >= 30 && n_objects >= 3 && n_files >= 1);
        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++)
                if (kind != CRITERION_PROCESS && !(seen & CRITERION_BIT(kind)))
                        fail_msg("%s has no example", criterion_name((enum criterion_kind)kind));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(examples_are_taken),
        };

        return cmocka_run_group_tests(tests, read_page, NULL);
}
