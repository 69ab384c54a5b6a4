/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "unit.h"

#include "base/log.h"

enum { CAPTURE_MAX = 8192 };

static int saved_stderr, pipe_ends[2];

static void capture_begin(void)
{
        assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
        saved_stderr = dup(STDERR_FILENO);
        assert_true(saved_stderr >= 0);
        assert_true(dup2(pipe_ends[1], STDERR_FILENO) >= 0);
}

static void capture_end(char ret[CAPTURE_MAX])
{
        ssize_t n;

        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        close(pipe_ends[1]);
        n = read(pipe_ends[0], ret, CAPTURE_MAX - 1);
        close(pipe_ends[0]);
        ret[n > 0 ? n : 0] = '\0';
}

static void a_line_carries_its_level(void **state)
{
        char text[CAPTURE_MAX];

        (void)state;
        capture_begin();
        log_error("broken %d", 7);
        log_debug("not shown");
        log_set_journal(true);
        log_warn("careful");
        log_set_journal(false);
        capture_end(text);
        assert_string_equal(text, "error: broken 7\n<4>careful\n");
}

static void a_message_cannot_forge_a_second_line(void **state)
{
        char text[CAPTURE_MAX];

        (void)state;
        capture_begin();
        log_info("%s", "a\nerror: forged\x1b[2J");
        capture_end(text);
        assert_string_equal(text, "info: a?error: forged?[2J\n");
}

static void a_long_message_is_cut_and_stays_a_line(void **state)
{
        char text[CAPTURE_MAX], message[5000];

        (void)state;
        memset(message, 'x', sizeof(message) - 1);
        message[sizeof(message) - 1] = '\0';
        capture_begin();
        log_info("%s", message);
        capture_end(text);
        assert_in_range(strlen(text), 1000, 2048);
        assert_int_equal(text[strlen(text) - 1], '\n');
}

static void levels_are_words(void **state)
{
        enum log_level level;

        (void)state;
        assert_true(log_level_parse("trace", &level));
        assert_int_equal(level, LOG_LEVEL_TRACE);
        assert_false(log_level_parse("INFO", &level));
        assert_false(log_level_parse("", &level));
        log_set_level(LOG_LEVEL_WARN);
        assert_true(log_enabled(LOG_LEVEL_ERROR));
        assert_false(log_enabled(LOG_LEVEL_INFO));
        log_set_level(LOG_LEVEL_INFO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_carries_its_level),
                cmocka_unit_test(a_message_cannot_forge_a_second_line),
                cmocka_unit_test(a_long_message_is_cut_and_stays_a_line),
                cmocka_unit_test(levels_are_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
