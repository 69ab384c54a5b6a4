/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A save that is killed at every system call, before and after it: the file is the old one or the new one, whole, and the next save works and
 * leaves nothing behind. The saving child is traced and stopped at the n-th entry or exit of a system call, for every n that there is, and
 * killed there. That the new bytes are on disk before the name is theirs is seen in the order of the calls.
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

enum { SIZE = 100000, STOPS_MAX = 1000 };

static char old_text[SIZE], new_text[SIZE + 1];
static char directory[] = "/tmp/bastion-save.XXXXXX", path[sizeof(directory) + 16];

static _Noreturn void save_traced(void)
{
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                _exit(100);
        raise(SIGSTOP);
        _exit(files_replace(path, new_text, sizeof(new_text), 0644) == 0 ? 0 : 101);
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

/* To the next entry or exit of a system call; false when the child has ended well. */
static bool step(pid_t pid)
{
        int status;

        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSTOPPED(status))
                return true;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        return false;
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

static void a_save_killed_anywhere_leaves_the_old_file_or_the_new(void **state _unused_)
{
        unsigned n, n_old = 0, n_new = 0, n_leftovers = 0;

        for (n = 1; n < STOPS_MAX; n++) {
                assert_int_equal(files_replace(path, old_text, sizeof(old_text), 0644), 0);
                assert_int_equal(count_files(), 1); /* what the killed one before left is gone */
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
static void the_bytes_are_on_disk_before_the_name(void **state _unused_)
{
        unsigned n_calls = 0, written = 0, synced = 0, renamed = 0, directory_synced = 0;
        pid_t pid = start_saving();

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
                cmocka_unit_test(the_bytes_are_on_disk_before_the_name),
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
