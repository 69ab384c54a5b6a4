/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns by a table, and against a matcher so simple that it must be right, which tries every way there is. */
#include "unit.h"

#include <time.h>

#include "core/pattern.h"

static void the_table_holds(void **state)
{
        static const struct {
                const char *pattern, *text;
                bool path, other; /* matches as a path; as a text */
        } rows[] = {
                { "", "", true, true },
                { "", "a", false, false },
                { "/usr/bin/curl", "/usr/bin/curl", true, true },
                { "/usr/bin/curl", "/usr/bin/curl2", false, false },
                { "/usr/bin/curl", "/usr/bin/cur", false, false },
                { "/usr/bin/*", "/usr/bin/curl", true, true },
                { "/usr/bin/*", "/usr/bin/", true, true },
                { "/usr/bin/*", "/usr/bin/x/curl", false, true },
                { "/usr/**", "/usr/bin/x/curl", true, true },
                { "/usr/**/curl", "/usr/bin/x/curl", true, true },
                { "/usr/**/curl", "/usr/curl", false, false },
                { "/usr/*/*/c*l", "/usr/bin/x/curl", true, true },
                { "/***", "/a/b", true, true },
                { "*", "a/b", false, true },
                { "?", "/", false, true },
                { "?", "", false, false },
                { "a?c", "abc", true, true },
                { "[ab]", "a", true, true },
                { "[ab]", "c", false, false },
                { "[!ab]", "c", true, true },
                { "[^ab]", "a", false, false },
                { "[!ab]", "/", false, true },
                { "[a-c]x", "bx", true, true },
                { "[a-c]x", "dx", false, false },
                { "[]]", "]", true, true },
                { "[!]]", "]", false, false },
                { "[a-]", "-", true, true },
                { "[\\]x", "\\x", true, true }, /* a backslash in a set is itself */
                { "\\*", "*", true, true },
                { "\\*", "a", false, false },
                { "\\[a]", "[a]", true, true },
                { "a\\b", "ab", true, true },
                { "**a", "aaa", true, true },
                { "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, false },
                { "\xff*", "\xff\xfe", true, true },
                { "[\x80-\xff]", "\xc3", true, true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_null(pattern_check(rows[i].pattern));
                if (pattern_matches(rows[i].pattern, PATTERN_PATH, rows[i].text, strlen(rows[i].text)) != rows[i].path ||
                    pattern_matches(rows[i].pattern, PATTERN_TEXT, rows[i].text, strlen(rows[i].text)) != rows[i].other)
                        fail_msg("%s on %s", rows[i].pattern, rows[i].text);
        }
}

static void what_is_no_pattern_is_refused(void **state)
{
        static const char *const bad[] = { "[", "[a", "[]", "[!", "[!]", "a\\", "**[^]" };
        char longest[LIMIT_PATTERN + 2];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (!pattern_check(bad[i]))
                        fail_msg("%s was taken", bad[i]);
        memset(longest, '?', sizeof(longest));
        longest[LIMIT_PATTERN + 1] = 0;
        assert_non_null(pattern_check(longest));
        longest[LIMIT_PATTERN] = 0;
        assert_null(pattern_check(longest));
        assert_true(pattern_matches(longest, PATTERN_TEXT, longest, LIMIT_PATTERN));
        assert_false(pattern_matches(longest, PATTERN_TEXT, longest, LIMIT_PATTERN - 1));
}

static void escaped_is_literal_and_comes_back(void **state)
{
        static const char *const texts[] = { "", "/usr/bin/curl", "/a*b", "[x]", "\\", "?\\*[", "/\xff" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_(buf_deinit) struct buf escaped = {};

                buf_puts(&escaped, "");
                pattern_escape(&escaped, texts[i]);
                assert_int_equal(buf_error(&escaped), 0);
                if (!escaped.data)
                        continue;
                assert_null(pattern_check(escaped.data));
                assert_true(pattern_is_literal(escaped.data));
                assert_true(pattern_matches(escaped.data, PATTERN_PATH, texts[i], strlen(texts[i])));
                pattern_unescape(escaped.data);
                assert_string_equal(escaped.data, texts[i]);
        }
        assert_false(pattern_is_literal("a*"));
        assert_false(pattern_is_literal("[a]"));
        assert_true(pattern_is_literal("\\*"));
}

/* Every way: a star takes nothing, or one byte and stays. */
static bool tries(const char *p, enum pattern_kind kind, const char *t, const char *end)
{
        bool crosses = kind == PATTERN_TEXT || (p[0] == '*' && p[1] == '*');

        if (*p == '*') {
                const char *after = p + (p[1] == '*' ? 2 : 1);

                return tries(after, kind, t, end) || (t < end && (crosses || *t != '/') && tries(p, kind, t + 1, end));
        }
        if (!*p || t == end)
                return !*p && t == end;
        if (*p == '?')
                return (kind == PATTERN_TEXT || *t != '/') && tries(p + 1, kind, t + 1, end);
        return *p == *t && tries(p + 1, kind, t + 1, end);
}

static void random_ones_match_as_trying_says(void **state)
{
        static const char of_pattern[] = "ab/**??", of_text[] = "ab/";
        uint64_t seed = (uint64_t)time(NULL), matched = 0;

        (void)state;
        print_message("seed %llu\n", (unsigned long long)seed);
        srandom((unsigned)seed);
        for (unsigned i = 0; i < 300000; i++) {
                char pattern[9] = "", text[9] = "";
                enum pattern_kind kind = random() % 2 ? PATTERN_PATH : PATTERN_TEXT;
                bool expected;

                for (long n = random() % 8; n-- > 0;)
                        pattern[n] = of_pattern[(size_t)random() % (sizeof(of_pattern) - 1)];
                for (long n = random() % 8; n-- > 0;)
                        text[n] = of_text[(size_t)random() % (sizeof(of_text) - 1)];
                expected = tries(pattern, kind, text, text + strlen(text));
                matched += expected;
                if (pattern_matches(pattern, kind, text, strlen(text)) != expected)
                        fail_msg("%s on %s", pattern, text);
        }
        assert_true(matched > 10000);
}

/* A text that makes matchers which go back try for minutes. */
static void no_text_takes_long(void **state)
{
        char pattern[LIMIT_PATTERN + 1], text[4096];

        (void)state;
        for (size_t i = 0; i < LIMIT_PATTERN; i++)
                pattern[i] = i % 2 ? 'a' : '*';
        pattern[LIMIT_PATTERN - 1] = 'b';
        pattern[LIMIT_PATTERN] = 0;
        memset(text, 'a', sizeof(text));
        assert_false(pattern_matches(pattern, PATTERN_TEXT, text, sizeof(text)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_holds),
                cmocka_unit_test(what_is_no_pattern_is_refused),
                cmocka_unit_test(escaped_is_literal_and_comes_back),
                cmocka_unit_test(random_ones_match_as_trying_says),
                cmocka_unit_test(no_text_takes_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
