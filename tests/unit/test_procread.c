/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who holds a socket: a program that waits is found by every walk over /proc, while others are born and end around it as fast as they can;
 * one that has gone is not, and its socket handed on belongs to who has it now.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/procread.h"
#include "unit.h"

enum { STORMS = 4, WALKS = 100 };

static uint64_t inode_of(int fd)
{
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        return st.st_ino;
}

static pid_t fork_mortal(void)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static _Noreturn void storm(void)
{
        for (;;) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(0);
                waitpid(pid, NULL, 0);
        }
}

/* A process that holds `fd`, which is closed here. */
static pid_t hand_over(int fd)
{
        pid_t pid = fork_mortal();

        if (pid == 0)
                for (;;)
                        pause();
        close(fd);
        return pid;
}

static void test_who_waits_is_found_by_every_walk(void **state _unused_)
{
        pid_t storms[STORMS], holder;
        uint64_t inode;
        int fd;

        for (unsigned i = 0; i < STORMS; i++) {
                storms[i] = fork_mortal();
                if (storms[i] == 0)
                        storm();
        }
        fd = socket(AF_UNIX, SOCK_STREAM, 0); /* later than the storms, none of which so holds it: a walk names so many only */
        inode = inode_of(fd);
        holder = hand_over(fd);
        for (unsigned i = 0; i < WALKS; i++) {
                uint32_t pids[LIMIT_OWNERS];
                unsigned n = procread_socket_owners(inode, pids);
                bool found = false;

                for (unsigned j = 0; j < n; j++)
                        found = found || pids[j] == (uint32_t)holder;
                if (!found)
                        fail_msg("walk %u of %u did not find who holds the socket", i + 1, (unsigned)WALKS);
        }
        for (unsigned i = 0; i < STORMS; i++)
                end(storms[i]);
        end(holder);
}

static void test_handed_on_and_gone(void **state _unused_)
{
        uint32_t pids[LIMIT_OWNERS];
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        uint64_t inode = inode_of(fd);
        pid_t holder;

        assert_int_equal(procread_socket_owners(inode, pids), 1);
        assert_int_equal(pids[0], getpid());
        holder = hand_over(fd);
        assert_int_equal(procread_socket_owners(inode, pids), 1);
        assert_int_equal(pids[0], holder);
        end(holder);
        assert_int_equal(procread_socket_owners(inode, pids), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_waits_is_found_by_every_walk),
                cmocka_unit_test(test_handed_on_and_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
