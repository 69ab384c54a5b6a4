/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines and typed answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "cli/answer-line.h"
#include "cli/arguments.h"
#include "client/words.h"

#define PARSE(a, error, ...)                                                                                 \
        ({                                                                                                   \
                static const char *words_[] = {__VA_ARGS__};                                                 \
                arguments_parse((int)ARRAY_SIZE(words_), (char **)words_, a, error);                         \
        })

static void options_stand_anywhere(void **state)
{
        _cleanup_(arguments_deinit) struct arguments a = {0};
        char error[ARGUMENTS_ERROR_MAX];

        (void)state;
        assert_int_equal(PARSE(&a, error, "--json", "mode", "--try", "60", "enforcement", "--socket=/run/s"),
                         0);
        assert_int_equal(a.n_words, 2);
        assert_string_equal(a.words[0], "mode");
        assert_string_equal(a.words[1], "enforcement");
        assert_true(arguments_have(&a, OPTION_JSON));
        assert_false(arguments_have(&a, OPTION_KEEP));
        assert_string_equal(a.values[OPTION_TRY], "60");
        assert_string_equal(a.values[OPTION_SOCKET], "/run/s");
}

static void after_two_dashes_everything_is_a_word(void **state)
{
        _cleanup_(arguments_deinit) struct arguments a = {0};
        char error[ARGUMENTS_ERROR_MAX];

        (void)state;
        assert_int_equal(PARSE(&a, error, "rescue", "-", "--", "--pins=/x", "--"), 0);
        assert_int_equal(a.n_words, 4);
        assert_string_equal(a.words[1], "-");
        assert_string_equal(a.words[2], "--pins=/x");
        assert_string_equal(a.words[3], "--");
}

static void wrong_options_are_refused_with_words(void **state)
{
        _cleanup_(arguments_deinit) struct arguments a = {0};
        char error[ARGUMENTS_ERROR_MAX];

        (void)state;
        assert_int_equal(PARSE(&a, error, "status", "--jso"), 1);
        assert_string_equal(error, "there is no option '--jso'");
        assert_int_equal(PARSE(&a, error, "status", "-x"), 1);
        assert_int_equal(PARSE(&a, error, "status", "--json=yes"), 1);
        assert_string_equal(error, "'--json' takes no value");
        assert_int_equal(PARSE(&a, error, "log", "--count"), 1);
        assert_string_equal(error, "'--count' needs a value: --count=N");
        assert_int_equal(PARSE(&a, error, "log", "--count="), 1);
        assert_null(a.words);
}

static void numbers_have_bounds(void **state)
{
        _cleanup_(arguments_deinit) struct arguments a = {0};
        char error[ARGUMENTS_ERROR_MAX];
        uint64_t n;

        (void)state;
        assert_int_equal(PARSE(&a, error, "log", "--count=12"), 0);
        assert_true(arguments_number(&a, OPTION_COUNT, 12, 5, &n, error));
        assert_int_equal(n, 12);
        assert_false(arguments_number(&a, OPTION_COUNT, 11, 5, &n, error));
        assert_string_equal(error, "'--count' needs a number of 1 to 11, not '12'");
        assert_true(arguments_number(&a, OPTION_TRY, 11, 5, &n, error));
        assert_int_equal(n, 5);
        a.values[OPTION_COUNT] = "0";
        assert_false(arguments_number(&a, OPTION_COUNT, 11, 5, &n, error));
        a.values[OPTION_COUNT] = "-1";
        assert_false(arguments_number(&a, OPTION_COUNT, 11, 5, &n, error));
}

static void answers_say_what_they_mean(void **state)
{
        char error[ANSWER_LINE_ERROR_MAX];
        struct answer_line line;

        (void)state;
        assert_true(answer_line_parse_text("q7-5be1 allow", &line, error));
        assert_string_equal(line.ref, "q7-5be1");
        assert_true(line.answer.allow);
        assert_int_equal(line.answer.lifetime, LIFETIME_ONCE);
        assert_int_equal(line.answer.scope, ANSWER_PORT);
        assert_true(answer_line_parse_text(" next\tdeny all-ports always\r", &line, error));
        assert_string_equal(line.ref, "next");
        assert_false(line.answer.allow);
        assert_int_equal(line.answer.lifetime, LIFETIME_ALWAYS);
        assert_int_equal(line.answer.scope, ANSWER_ALL_PORTS);
        assert_true(answer_line_parse_text("next allow destination", &line, error));
        assert_int_equal(line.answer.scope, ANSWER_DESTINATION);
        assert_true(answer_line_parse_text("next allow process", &line, error));
        assert_int_equal(line.answer.lifetime, LIFETIME_PROCESS);
        assert_true(answer_line_parse_text("next deny all-ports reboot", &line, error));
        assert_int_equal(line.answer.lifetime, LIFETIME_REBOOT);
        assert_true(answer_line_parse_text("next allow 90m port", &line, error));
        assert_int_equal(line.answer.lifetime, LIFETIME_UNTIL);
        assert_int_equal(line.answer.ending.lasts, 5400);
        assert_true(answer_line_parse_text("next allow host", &line, error));
        assert_int_equal(line.answer.scope, ANSWER_HOST);
        assert_false(line.answer.late);
        assert_true(answer_line_parse_text("q7-5be1 allow late domain always", &line, error));
        assert_int_equal(line.answer.scope, ANSWER_DOMAIN);
        assert_int_equal(line.answer.lifetime, LIFETIME_ALWAYS);
        assert_true(line.answer.late);
}

static void answers_are_never_guessed(void **state)
{
        static const char *const wrong[] = {"",
                                            "next",
                                            "next perhaps",
                                            "next allow forever",
                                            "next allow once once",
                                            "next allow 1h once",
                                            "next allow 0s",
                                            "next allow until",
                                            "next allow 3661d",
                                            "next allow port port",
                                            "next allow once port now",
                                            "next ALLOW",
                                            "next allow late",
                                            "next allow late once",
                                            "next allow process late",
                                            "next allow always late late",
                                            "next allow always late port domain",
                                            "allow next"};
        char error[ANSWER_LINE_ERROR_MAX], text[400];
        struct answer_line line = {.ref = "kept"};

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_false(answer_line_parse_text(wrong[i], &line, error));
        memset(text, 'q', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_false(answer_line_parse_text(text, &line, error));
        memcpy(text + QUESTION_REF_MAX, " allow", 7);
        assert_false(answer_line_parse_text(text, &line, error));
        assert_true(answer_line_parse_text(text + 1, &line, error)); /* the longest name there is */
        assert_int_equal(strlen(line.ref), QUESTION_REF_MAX - 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_stand_anywhere),
                cmocka_unit_test(after_two_dashes_everything_is_a_word),
                cmocka_unit_test(wrong_options_are_refused_with_words),
                cmocka_unit_test(numbers_have_bounds),
                cmocka_unit_test(answers_say_what_they_mean),
                cmocka_unit_test(answers_are_never_guessed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
