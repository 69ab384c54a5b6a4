/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sys/executables: a file is recognised by what it is and the path it had; a look-alike is not. */
#include "sys/executables.h"
#include "unit.h"

static const struct track_file CURL = { .inode = 4711, .device = 8 << 20 | 1, .generation = 7, .ctime_ns = 1000 };

static void test_replaced_while_running(void **state _unused_)
{
        struct executables *e = executables_new();
        struct track_file unlinked = CURL, other = CURL;

        assert_non_null(e);
        assert_false(executables_had_path(e, &CURL, "/usr/bin/curl"));
        executables_remember(e, &CURL, "/usr/bin/curl");
        unlinked.ctime_ns = 2000; /* losing its name changed it */
        assert_true(executables_had_path(e, &unlinked, "/usr/bin/curl"));
        assert_false(executables_has_path(e, &unlinked, "/usr/bin/curl"));
        assert_true(executables_has_path(e, &CURL, "/usr/bin/curl"));
        assert_false(executables_had_path(e, &unlinked, "/usr/bin/wget"));
        other.generation = 8; /* the inode number is used again */
        assert_false(executables_had_path(e, &other, "/usr/bin/curl"));
        executables_free(e);
}

static void test_renamed(void **state _unused_)
{
        struct executables *e = executables_new();

        assert_non_null(e);
        executables_remember(e, &CURL, "/usr/bin/curl");
        executables_remember(e, &CURL, "/usr/bin/curl.old");
        assert_false(executables_had_path(e, &CURL, "/usr/bin/curl"));
        assert_true(executables_has_path(e, &CURL, "/usr/bin/curl.old"));
        executables_free(e);
}

/* More files than places: memory stays bounded, and whoever lost his place is not mistaken for another. */
static void test_bound(void **state _unused_)
{
        struct executables *e = executables_new();
        unsigned n_known = 0;
        char path[32];

        assert_non_null(e);
        for (unsigned i = 0; i < 3 * LIMIT_EXECUTABLES; i++) {
                struct track_file file = { .inode = i };

                snprintf(path, sizeof(path), "/bin/p%u", i);
                executables_remember(e, &file, path);
                assert_true(executables_has_path(e, &file, path));
        }
        for (unsigned i = 0; i < 3 * LIMIT_EXECUTABLES; i++) {
                struct track_file file = { .inode = i };

                snprintf(path, sizeof(path), "/bin/p%u", i);
                n_known += executables_has_path(e, &file, path);
                snprintf(path, sizeof(path), "/bin/p%u", i + 1);
                assert_false(executables_has_path(e, &file, path));
        }
        assert_in_range(n_known, 1, LIMIT_EXECUTABLES);
        executables_free(e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replaced_while_running),
                cmocka_unit_test(test_renamed),
                cmocka_unit_test(test_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
