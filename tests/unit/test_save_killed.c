/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A save that is killed at every system call, before and after it: the file is the old one or the new one, whole, and the next save works and
 * leaves nothing behind. The saving child is traced and stopped at the n-th entry or exit of a system call, for every n that there is, and
 * killed there. That the new bytes are on disk before the name is theirs is seen in the order of the calls.
 *
 * What is appended (the journal of the rules) is there or not, and what was there before is, whole, at whatever call it ends. A write that the kernel
 * cuts short is seen by a limit of the file's size: it is taken back.
 *
 * The same stops serve for the race with an editor: at every one, and at every two, somebody else replaces the file. What they wrote
 * last is what lies there in the end, and the save says so when it is not its own.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <elf.h>
#include <linux/ptrace.h>

#include "base/macros.h"
#include "sys/files.h"

enum { SIZE = 100000, STOPS_MAX = 1000, EXIT_STALE = 102 };

/* How the child saves: over whatever lies there, or over the version that it knows. */
static bool guarded, appending;
static struct file_stamp known;

static char old_text[SIZE], new_text[SIZE + 1];
static char directory[] = "/tmp/bastion-save.XXXXXX", path[sizeof(directory) + 16];

static _Noreturn void save_traced(void)
{
        struct file_stamp written;
        int r;

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                _exit(100);
        raise(SIGSTOP);
        r = appending ? files_append(path, new_text, sizeof(new_text), 0600) :
            guarded ? files_replace_known(path, &known, new_text, sizeof(new_text), 0644, &written) :
                      files_replace(path, new_text, sizeof(new_text), 0644);
        _exit(r == 0 ? 0 : r == -ESTALE ? EXIT_STALE : 101);
}

static pid_t start_saving(void)
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                save_traced();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
        return pid;
}

/* To the next entry or exit of a system call; false when the child has ended, with *ret_code. */
static bool step_or_end(pid_t pid, int *ret_code)
{
        int status;

        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSTOPPED(status))
                return true;
        assert_true(WIFEXITED(status));
        *ret_code = WEXITSTATUS(status);
        return false;
}

/* False when the child has ended well. */
static bool step(pid_t pid)
{
        int code = 0;
        bool stopped = step_or_end(pid, &code);

        assert_int_equal(code, 0);
        return stopped;
}

/* False: the child had ended before. */
static bool kill_at_stop(unsigned n)
{
        pid_t pid = start_saving();
        int status;

        for (unsigned i = 0; i < n; i++)
                if (!step(pid))
                        return false;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return true;
}

static bool file_is(const char *text, size_t n)
{
        _cleanup_(freep) char *data = NULL;
        size_t n_data;

        assert_int_equal(files_read(path, SIZE * 2, &data, &n_data), 0);
        return n_data == n && memcmp(data, text, n) == 0;
}

static unsigned count_files(void)
{
        struct dirent *entry;
        DIR *dir = opendir(directory);
        unsigned n = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n += entry->d_name[0] != '.' || entry->d_name[1] == 'f';
        closedir(dir);
        return n;
}

static void kill_everywhere(void)
{
        unsigned n, n_old = 0, n_new = 0, n_leftovers = 0;

        for (n = 1; n < STOPS_MAX; n++) {
                assert_int_equal(files_replace(path, old_text, sizeof(old_text), 0644), 0);
                assert_int_equal(count_files(), 1); /* what the killed one before left is gone */
                known = files_stamp(path);
                if (!kill_at_stop(n))
                        break;
                if (file_is(old_text, sizeof(old_text)))
                        n_old++;
                else if (file_is(new_text, sizeof(new_text)))
                        n_new++;
                else
                        fail_msg("killed at stop %u: the file is neither the old nor the new one", n);
                n_leftovers += count_files() > 1;
        }
        assert_in_range(n, 16, STOPS_MAX - 1); /* it was really stopped, and came to an end */
        assert_true(n_old > 0 && n_new > 0 && n_leftovers > 0);
        assert_true(file_is(new_text, sizeof(new_text)));
        assert_int_equal(count_files(), 1);
}

static void a_save_killed_anywhere_leaves_the_old_file_or_the_new(void **state _unused_)
{
        guarded = false;
        kill_everywhere();
}

static void a_guarded_save_killed_anywhere_leaves_the_old_file_or_the_new(void **state _unused_)
{
        guarded = true;
        kill_everywhere();
}

/* ---- appending ------------------------------------------------------------------------------------------------------------ */

/* `n` old bytes and then all of the new ones, or some. */
static bool file_is_old_and(size_t n_new)
{
        _cleanup_(freep) char *data = NULL;
        size_t n_data;

        assert_int_equal(files_read(path, SIZE * 3, &data, &n_data), 0);
        return n_data == sizeof(old_text) + n_new && memcmp(data, old_text, sizeof(old_text)) == 0 &&
               memcmp(data + sizeof(old_text), new_text, n_new) == 0;
}

static void an_append_killed_anywhere_leaves_what_was_there(void **state _unused_)
{
        unsigned n, n_without = 0, n_with = 0;

        appending = true;
        for (n = 1; n < STOPS_MAX; n++) {
                assert_int_equal(files_replace(path, old_text, sizeof(old_text), 0600), 0);
                if (!kill_at_stop(n))
                        break;
                if (file_is_old_and(0))
                        n_without++;
                else if (file_is_old_and(sizeof(new_text)))
                        n_with++;
                else
                        fail_msg("killed at stop %u: the file is neither with nor without what was appended", n);
                assert_int_equal(count_files(), 1);
        }
        appending = false;
        assert_in_range(n, 8, STOPS_MAX - 1);
        assert_true(n_without > 0 && n_with > 0);
        assert_true(file_is_old_and(sizeof(new_text)));
}

static void an_append_that_does_not_fit_is_taken_back(void **state _unused_)
{
        struct rlimit before, small;

        assert_int_equal(files_replace(path, old_text, sizeof(old_text), 0600), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = before;
        small.rlim_cur = sizeof(old_text) + sizeof(new_text) / 2;
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(files_append(path, new_text, sizeof(new_text), 0600), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        signal(SIGXFSZ, SIG_DFL);
        assert_true(file_is_old_and(0));
        assert_int_equal(files_append(path, new_text, sizeof(new_text), 0600), 0);
        assert_true(file_is_old_and(sizeof(new_text)));
}

/* ---- the race with an editor ------------------------------------------------------------------------------------------------- */

enum edit { EDIT_REPLACE, EDIT_IN_PLACE, EDIT_DELETE, EDIT_COUNT };

/* As editors do it. Each edit has a length of its own. */
static void edit(enum edit how, const char *text)
{
        char beside[sizeof(path) + 8];
        FILE *f;

        if (how == EDIT_DELETE) {
                assert_true(unlink(path) == 0 || errno == ENOENT);
                return;
        }
        snprintf(beside, sizeof(beside), "%s~", path);
        f = fopen(how == EDIT_REPLACE ? beside : path, "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        if (how == EDIT_REPLACE)
                assert_int_equal(rename(beside, path), 0);
}

/* Begins a save where `old` lies, or nothing (NULL). */
static pid_t start_race(const char *old)
{
        if (old)
                edit(EDIT_REPLACE, old);
        else
                unlink(path);
        known = files_stamp(path);
        assert_int_equal(known.exists, old != NULL);
        guarded = true;
        return start_saving();
}

/* Lets the child run to its end, editing at the stops `first` and `second` (0: not). Its exit code; -1 when it ended before it could be edited. */
static int race(pid_t pid, enum edit how, unsigned first, unsigned second)
{
        int code = 0;
        unsigned n = 0;

        while (step_or_end(pid, &code)) {
                n++;
                if (n == first)
                        edit(how, "first edit");
                else if (n == second)
                        edit(EDIT_REPLACE, "the second edit");
        }
        return n >= MAX(first, second) ? code : -1;
}

static bool file_is_text(const char *text)
{
        return file_is(text, strlen(text));
}

static void one_edit_at_every_stop(const char *old, enum edit how)
{
        unsigned n, n_stale = 0, n_saved = 0;

        for (n = 1; n < STOPS_MAX; n++) {
                int code = race(start_race(old), how, n, 0);

                if (code < 0)
                        break;
                n_stale += code == EXIT_STALE;
                n_saved += code == 0;
                assert_int_equal(count_files(), how == EDIT_DELETE ? 0 : 1);
                if (how != EDIT_DELETE && !file_is_text("first edit"))
                        fail_msg("edited at stop %u: the edit is lost (the save ended with %d)", n, code);
        }
        assert_in_range(n, 16, STOPS_MAX - 1);
        assert_true(n_stale > 0 && n_saved > 0 && n_stale + n_saved == n - 1);
}

static void an_edit_at_any_moment_of_a_save_stays(void **state _unused_)
{
        for (enum edit how = 0; how < EDIT_COUNT; how++)
                one_edit_at_every_stop("old", how);
}

static void a_file_that_appears_at_any_moment_of_a_first_save_stays(void **state _unused_)
{
        one_edit_at_every_stop(NULL, EDIT_REPLACE);
}

static void the_last_of_two_edits_stays(void **state _unused_)
{
        unsigned first, second, n_pairs = 0;

        for (first = 1; first < STOPS_MAX; first++) {
                for (second = first + 1; second < STOPS_MAX; second++) {
                        if (race(start_race("old"), EDIT_REPLACE, first, second) < 0)
                                break;
                        if (!file_is_text("the second edit"))
                                fail_msg("edited at stops %u and %u: the second edit is lost", first, second);
                        assert_int_equal(count_files(), 1);
                        n_pairs++;
                }
                if (second == first + 1)
                        break;
        }
        assert_in_range(n_pairs, 100, STOPS_MAX * STOPS_MAX);
}

static void a_save_knows_what_it_wrote(void **state _unused_)
{
        struct file_stamp written, now;

        edit(EDIT_REPLACE, "old");
        known = files_stamp(path);
        assert_int_equal(files_replace_known(path, &known, new_text, sizeof(new_text), 0644, &written), 0);
        now = files_stamp(path);
        assert_true(file_stamp_equal(&written, &now));
        assert_false(file_stamp_equal(&written, &known));
        /* And from there on. */
        assert_int_equal(files_replace_known(path, &written, old_text, sizeof(old_text), 0644, &now), 0);
        assert_int_equal(files_replace_known(path, &written, new_text, sizeof(new_text), 0644, &now), -ESTALE);
        assert_true(file_is(old_text, sizeof(old_text)));
}

static void a_symlink_in_the_files_place_is_refused(void **state _unused_)
{
        struct file_stamp ignored;

        edit(EDIT_REPLACE, "old");
        known = files_stamp(path);
        unlink(path);
        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(files_replace_known(path, &known, "x", 1, 0644, &ignored), -ELOOP);
        unlink(path);
}

/* The number of the call that the child is about to make; -1 at an exit. */
static long call_at_entry(pid_t pid)
{
        struct ptrace_syscall_info info = { 0 };

        assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0);
        return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
}

static bool is_rename(long call)
{
#ifdef SYS_renameat
        if (call == SYS_renameat)
                return true;
#endif
        return call == SYS_renameat2;
}

/* A crash of the machine: the bytes come to disk before the name, and the name before anybody is told. */
static void the_bytes_are_on_disk_before_the_name(void **state)
{
        unsigned n_calls = 0, written = 0, synced = 0, renamed = 0, directory_synced = 0;
        pid_t pid;

        guarded = *state != NULL;
        known = files_stamp(path);
        pid = start_saving();
        while (step(pid)) {
                long call = call_at_entry(pid);

                if (call < 0)
                        continue;
                n_calls++;
                if (call == SYS_write)
                        written = n_calls;
                else if (call == SYS_fsync && !renamed)
                        synced = n_calls;
                else if (call == SYS_fsync)
                        directory_synced = n_calls;
                else if (is_rename(call))
                        renamed = n_calls;
        }
        assert_true(written > 0 && written < synced && synced < renamed && renamed < directory_synced);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_save_killed_anywhere_leaves_the_old_file_or_the_new),
                cmocka_unit_test(a_guarded_save_killed_anywhere_leaves_the_old_file_or_the_new),
                cmocka_unit_test(an_append_killed_anywhere_leaves_what_was_there),
                cmocka_unit_test(an_append_that_does_not_fit_is_taken_back),
                cmocka_unit_test(the_bytes_are_on_disk_before_the_name),
                cmocka_unit_test_prestate(the_bytes_are_on_disk_before_the_name, &guarded),
                cmocka_unit_test(an_edit_at_any_moment_of_a_save_stays),
                cmocka_unit_test(a_file_that_appears_at_any_moment_of_a_first_save_stays),
                cmocka_unit_test(the_last_of_two_edits_stays),
                cmocka_unit_test(a_save_knows_what_it_wrote),
                cmocka_unit_test(a_symlink_in_the_files_place_is_refused),
        };
        int r;

        if (!mkdtemp(directory))
                return 99;
        snprintf(path, sizeof(path), "%s/file", directory);
        memset(old_text, 'o', sizeof(old_text));
        memset(new_text, 'n', sizeof(new_text));
        r = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        rmdir(directory);
        return r;
}
