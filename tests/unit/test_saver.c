/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The saver and a file that others write too: it replaces the version that it was told of and what it made of it since, also when saves follow each
 * other without a pause and nobody has looked at the results yet; anything else stays and ends every save until the saver is told anew.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "sys/files.h"
#include "sys/saver.h"

static char directory[] = "/tmp/bastion-saver.XXXXXX", path[sizeof(directory) + 16];

/* What saver_dispatch() told last. */
static int64_t told_ticket;
static int told_error;

static void on_done(void *userdata, const char *done_path, int64_t ticket, int error)
{
        assert_ptr_equal(userdata, &told_ticket);
        assert_string_equal(done_path, path);
        told_ticket = ticket;
        told_error = error;
}

static int64_t save(struct saver *s, const char *text)
{
        int64_t ticket = saver_replace(s, path, strdup(text), strlen(text), 0644);

        assert_true(ticket > 0);
        return ticket;
}

/* The result of everything up to `ticket`. */
static int result_of(struct saver *s, int64_t ticket)
{
        saver_wait(s);
        saver_dispatch(s, on_done, &told_ticket);
        assert_true(saver_covers(told_ticket, ticket));
        return told_error;
}

static void write_as_somebody_else(const char *text)
{
        assert_int_equal(files_replace(path, text, strlen(text), 0644), 0);
}

static void expect_what_is_there(struct saver *s)
{
        struct file_stamp now = files_stamp(path);

        assert_int_equal(saver_expect(s, path, &now), 0);
}

static void assert_file_is(const char *text)
{
        _cleanup_(freep) char *data = NULL;
        size_t n;

        assert_int_equal(files_read(path, 1000, &data, &n), 0);
        assert_string_equal(data, text);
}

static int setup(void **state)
{
        struct saver *s = NULL;

        unlink(path);
        if (saver_new(&s) < 0 || saver_run(s) < 0)
                return -1;
        *state = s;
        return 0;
}

static int teardown(void **state)
{
        saver_stop(*state);
        return 0;
}

static void without_a_word_anything_is_replaced(void **state)
{
        struct file_stamp ignored;

        write_as_somebody_else("theirs");
        assert_int_equal(result_of(*state, save(*state, "ours")), 0);
        assert_file_is("ours");
        assert_false(saver_expected(*state, path, &ignored));
}

static void its_own_saves_follow_each_other(void **state)
{
        struct file_stamp expected, now;
        int64_t last = 0;

        expect_what_is_there(*state); /* nothing */
        for (int i = 0; i < 200; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%d", i);
                last = save(*state, text);
                if (i % 10 == 0)
                        saver_wait(*state); /* finished, and not told */
        }
        assert_int_equal(result_of(*state, last), 0);
        assert_file_is("199");
        now = files_stamp(path);
        assert_true(saver_expected(*state, path, &expected));
        assert_true(file_stamp_equal(&expected, &now));
}

static void somebody_elses_file_stays_until_it_was_read(void **state)
{
        expect_what_is_there(*state);
        assert_int_equal(result_of(*state, save(*state, "ours")), 0);
        write_as_somebody_else("theirs");
        assert_int_equal(result_of(*state, save(*state, "ours too")), -ESTALE);
        assert_int_equal(result_of(*state, save(*state, "ours again")), -ESTALE);
        assert_file_is("theirs");
        expect_what_is_there(*state);
        assert_int_equal(result_of(*state, save(*state, "theirs and ours")), 0);
        assert_file_is("theirs and ours");
}

static void a_file_that_was_taken_away_or_came_is_somebody_elses_doing(void **state)
{
        expect_what_is_there(*state);
        write_as_somebody_else("theirs");
        assert_int_equal(result_of(*state, save(*state, "the first of ours")), -ESTALE);
        assert_file_is("theirs");
        expect_what_is_there(*state);
        unlink(path);
        assert_int_equal(result_of(*state, save(*state, "the first of ours")), -ESTALE);
        assert_int_equal(access(path, F_OK), -1);
        expect_what_is_there(*state);
        assert_int_equal(result_of(*state, save(*state, "the first of ours")), 0);
        assert_file_is("the first of ours");
}

static int64_t append(struct saver *s, const char *text)
{
        int64_t ticket = saver_append(s, path, text, strlen(text), 0600);

        assert_true(ticket > 0);
        return ticket;
}

static void what_is_appended_follows_what_is_there(void **state)
{
        int64_t ticket;

        unlink(path);
        assert_int_equal(result_of(*state, append(*state, "1,")), 0);
        assert_file_is("1,");
        /* As many as come, in their order, whatever of it waits for the one before. */
        for (int i = 2; i < 10; i++) {
                char text[4];

                snprintf(text, sizeof(text), "%d,", i);
                ticket = append(*state, text);
        }
        assert_int_equal(result_of(*state, ticket), 0);
        assert_file_is("1,2,3,4,5,6,7,8,9,");
        /* A replacing takes the place of all, and what is appended then is its end. */
        append(*state, "lost");
        save(*state, "new,");
        assert_int_equal(result_of(*state, append(*state, "more")), 0);
        assert_file_is("new,more");
        assert_int_equal(result_of(*state, append(*state, ".")), 0);
        assert_file_is("new,more.");
}

static void an_append_that_failed_is_told_whatever_follows(void **state)
{
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        append(*state, "into a directory");
        saver_wait(*state);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(result_of(*state, append(*state, "into a file")), -EISDIR);
        assert_file_is("into a file");
        assert_int_equal(result_of(*state, append(*state, ".")), 0);
        unlink(path);
        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(result_of(*state, append(*state, "through a link")), -ELOOP);
        unlink(path);
}

static void waiting_for_a_saver_without_a_thread_ends(void **state _unused_)
{
        _cleanup_(saver_stopp) struct saver *s = NULL;

        assert_int_equal(saver_new(&s), 0);
        save(s, "never written");
        saver_wait(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(without_a_word_anything_is_replaced, setup, teardown),
                cmocka_unit_test_setup_teardown(its_own_saves_follow_each_other, setup, teardown),
                cmocka_unit_test_setup_teardown(somebody_elses_file_stays_until_it_was_read, setup, teardown),
                cmocka_unit_test_setup_teardown(a_file_that_was_taken_away_or_came_is_somebody_elses_doing, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_appended_follows_what_is_there, setup, teardown),
                cmocka_unit_test_setup_teardown(an_append_that_failed_is_told_whatever_follows, setup, teardown),
                cmocka_unit_test(waiting_for_a_saver_without_a_thread_ends),
        };
        int r;

        if (!mkdtemp(directory))
                return 99;
        snprintf(path, sizeof(path), "%s/file", directory);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        rmdir(directory);
        return r;
}
