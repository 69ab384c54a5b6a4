/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Programs are opened before the fork and started by descriptor, so that it does not matter whether the helpers' user may walk
 * the path to them. A daemon that runs from a build tree (its own path ends in src/daemon) takes the helpers from there.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/nursery.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "sys/privs.h"

enum { BACK_OFF_MAX_S = 60, LONG_LIFE_S = 60, HELPER_SOCKET = 3, END_MS = 2000 };

static const uint64_t US_PER_S = 1000000;

static const char *const NAMES[HELPER_COUNT] = { [HELPER_RECORDER] = "bastion-recorder", [HELPER_PARSER] = "bastion-parser" };

struct child {
        enum helper helper;
        int program_fd; /* -1: not to be had */
        pid_t pid;      /* 0: not running */
        uint64_t started_us, due_us; /* CLOCK_MONOTONIC */
        unsigned back_off_s; /* 0: the next start is at once */
};

struct house {
        int daemon_fd, signal_fd, history_fd;
        uid_t uid;
        gid_t gid, readers;
        struct child children[HELPER_COUNT];
};

/* ---- one helper ------------------------------------------------------------------------------------------------------------- */

static void fail_child(const char *name, const char *what, int error)
{
        log_error("%s: %s: %s", name, what, strerror(error));
        _exit(1);
}

/* In the new process: what the helper finds is one socket, standard error and a user. The recorder changes its user itself, because it
 * changes its root before. */
static void become_helper(const struct house *h, const struct child *c, int socket)
{
        char uid[24], gid[24], name[32];
        char *const argv[] = { name, uid, gid, NULL }, *const short_argv[] = { name, NULL };
        sigset_t none;
        int r;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        snprintf(name, sizeof(name), "%s", NAMES[c->helper]);
        snprintf(uid, sizeof(uid), "%u", h->uid);
        snprintf(gid, sizeof(gid), "%u", h->gid);
        if (c->helper == HELPER_RECORDER && fchdir(h->history_fd) < 0)
                fail_child(name, "cannot enter the history folder", errno);
        if (c->helper != HELPER_RECORDER) {
                r = privs_become(h->uid, h->gid);
                if (r < 0)
                        fail_child(name, "cannot become its user", -r);
        }
        /* dup2() of a descriptor to itself would leave it close-on-exec. */
        if ((socket == HELPER_SOCKET ? fcntl(socket, F_SETFD, 0) : dup2(socket, HELPER_SOCKET)) < 0)
                fail_child(name, "cannot pass its socket", errno);
        execveat(c->program_fd, "", c->helper == HELPER_RECORDER ? argv : short_argv, environ, AT_EMPTY_PATH);
        fail_child(name, "cannot be started", errno);
}

static int start_child(struct house *h, struct child *c)
{
        const char word = (char)c->helper;
        int pair[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become_helper(h, c, pair[1]);
        r = pid < 0 ? -errno : fdpass_send(h->daemon_fd, &word, sizeof(word), pair[0], 0);
        close(pair[0]);
        close(pair[1]);
        c->started_us = clock_monotonic_us();
        if (pid > 0)
                c->pid = pid;
        return r;
}

static void plan_restart(struct child *c, const char *why)
{
        const uint64_t now = clock_monotonic_us();

        if (now - c->started_us >= LONG_LIFE_S * US_PER_S)
                c->back_off_s = 0;
        c->due_us = now + c->back_off_s * US_PER_S;
        log_warn("%s ended (%s); it is started again %s", NAMES[c->helper], why, c->back_off_s ? "in a while" : "at once");
        c->back_off_s = c->back_off_s ? MIN(2 * c->back_off_s, (unsigned)BACK_OFF_MAX_S) : 1;
}

static void reap(struct house *h, bool restart)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                for (size_t i = 0; i < HELPER_COUNT; i++) {
                        struct child *c = &h->children[i];
                        char why[64];

                        if (c->pid != pid)
                                continue;
                        c->pid = 0;
                        if (WIFSIGNALED(status))
                                snprintf(why, sizeof(why), "signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
                        else
                                snprintf(why, sizeof(why), "exit %d", WEXITSTATUS(status));
                        if (restart)
                                plan_restart(c, why);
                }
}

/* ---- the process ------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct house *h, const struct child *c)
{
        return c->program_fd >= 0 && (c->helper != HELPER_RECORDER || h->history_fd >= 0);
}

/* Starts what is due. Milliseconds until the next is, or -1. */
static int start_due(struct house *h)
{
        int wait_ms = -1;

        for (size_t i = 0; i < HELPER_COUNT; i++) {
                struct child *c = &h->children[i];
                const uint64_t now = clock_monotonic_us();
                int ms, r;

                if (c->pid != 0 || !is_wanted(h, c))
                        continue;
                if (c->due_us <= now) {
                        r = start_child(h, c);
                        if (r == -EPIPE || r == -ECONNRESET)
                                return -1; /* the daemon has gone; poll() says so too */
                        if (r < 0 && c->pid == 0)
                                plan_restart(c, strerror(-r));
                        if (c->pid != 0)
                                continue;
                }
                ms = (int)((c->due_us - MIN(now, c->due_us)) / 1000 + 1);
                wait_ms = wait_ms < 0 ? ms : MIN(wait_ms, ms);
        }
        return wait_ms;
}

static void drain_signals(int fd)
{
        struct signalfd_siginfo info;

        while (read(fd, &info, sizeof(info)) > 0)
                ;
}

static bool any_child(const struct house *h)
{
        for (size_t i = 0; i < HELPER_COUNT; i++)
                if (h->children[i].pid != 0)
                        return true;
        return false;
}

/* The helpers see the end of their sockets and finish what they have; one that hangs is left behind. */
static void await_children(struct house *h)
{
        const uint64_t until = clock_monotonic_us() + END_MS * UINT64_C(1000);
        struct pollfd p = { .fd = h->signal_fd, .events = POLLIN };

        while (any_child(h) && clock_monotonic_us() < until) {
                poll(&p, 1, (int)((until - MIN(until, clock_monotonic_us())) / 1000 + 1));
                drain_signals(h->signal_fd);
                reap(h, false);
        }
}

static void keep_house(struct house *h)
{
        struct pollfd p[] = { { .fd = h->daemon_fd, .events = POLLIN }, { .fd = h->signal_fd, .events = POLLIN } };

        for (;;) {
                int wait_ms = start_due(h);

                if (poll(p, ARRAY_SIZE(p), wait_ms) < 0 && errno != EINTR)
                        break;
                if (p[0].revents)
                        break; /* nothing more is ever said: it is the end */
                drain_signals(h->signal_fd);
                reap(h, true);
        }
        await_children(h);
}

static int prepare_house(struct house *h, pid_t daemon)
{
        static const unsigned CAPABILITIES[] = { CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SETPCAP };
        sigset_t child;
        int null_fd, r;

        prctl(PR_SET_NAME, "bastion-nursery");
        signal(SIGINT, SIG_IGN); /* Ctrl-C and a terminal's end are the daemon's to carry out; the helpers inherit this */
        signal(SIGHUP, SIG_IGN);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_SETMASK, &child, NULL);
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
                return -errno;
        close(null_fd);
        h->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        if (h->signal_fd < 0)
                return -errno;
        /* Root without its capabilities enters the history folder as one of its group. */
        if (setgroups(1, &h->readers) < 0)
                return -errno;
        r = privs_keep(CAPABILITIES, ARRAY_SIZE(CAPABILITIES));
        if (r < 0)
                return r;
        /* After the capabilities, because a change of them clears it. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == daemon ? 0 : -ESRCH;
}

static _Noreturn void nursery_main(struct house *h, pid_t daemon)
{
        char word;
        ssize_t n;
        int r;

        r = prepare_house(h, daemon);
        if (r < 0) {
                log_error("bastion-nursery: %s; there will be no helpers", strerror(-r));
                _exit(1);
        }
        n = fdpass_receive(h->daemon_fd, &word, sizeof(word), &h->history_fd, 0);
        if (n > 0)
                keep_house(h);
        _exit(0);
}

/* ---- the daemon's side -------------------------------------------------------------------------------------------------------- */

static int open_program(enum helper helper)
{
        const char *name = NAMES[helper], *folder = helper == HELPER_RECORDER ? "recorder" : "parser";
        char own[PATH_MAX], path[PATH_MAX + 64];
        ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
        char *end;
        int fd;

        own[MAX(n, 0)] = '\0';
        end = strrchr(own, '/');
        if (end)
                *end = '\0';
        if (end && str_has_suffix(own, "/src/daemon"))
                snprintf(path, sizeof(path), "%s/../%s/%s", own, folder, name);
        else
                snprintf(path, sizeof(path), "%s/%s", BASTION_LIBEXECDIR, name);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                log_error("cannot open %s: %m; going on without it", path);
        return fd;
}

static int find_user(struct nursery *n)
{
        bool fallback;
        int r = privs_find_helper_user(&n->uid, &n->gid, &fallback);

        if (r == 0 && n->uid == 0)
                r = -EPERM;
        if (r < 0)
                log_error("no user for the helpers (bastion, nobody): %s; going on without them", strerror(-r));
        else if (fallback)
                log_info("user bastion does not exist: the helpers run as nobody");
        n->readers = fallback ? 0 : n->gid; /* nobody's group is everybody's */
        return r;
}

int nursery_fork(struct nursery *ret)
{
        struct nursery n = { .fd = -1 };
        struct house house = { .history_fd = -1 };
        const pid_t daemon = getpid();
        int pair[2], r;

        r = find_user(&n);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        house.daemon_fd = pair[1];
        house.uid = n.uid;
        house.gid = n.gid;
        house.readers = n.readers;
        for (enum helper i = 0; i < HELPER_COUNT; i++)
                house.children[i] = (struct child){ .helper = i, .program_fd = open_program(i) };
        n.pid = fork();
        r = n.pid < 0 ? -errno : 0;
        if (n.pid == 0) {
                close(pair[0]);
                nursery_main(&house, daemon);
        }
        close(pair[1]);
        for (enum helper i = 0; i < HELPER_COUNT; i++)
                if (house.children[i].program_fd >= 0)
                        close(house.children[i].program_fd);
        if (r < 0) {
                close(pair[0]);
                return r;
        }
        n.fd = pair[0];
        *ret = n;
        return 0;
}

int nursery_begin(struct nursery *n, int history_fd)
{
        return fdpass_send(n->fd, "b", 1, history_fd, MSG_DONTWAIT);
}

int nursery_receive(struct nursery *n, enum helper *ret, int *ret_fd)
{
        char word;
        int fd = -1;
        ssize_t got = fdpass_receive(n->fd, &word, sizeof(word), &fd, MSG_DONTWAIT);

        if (got == -EAGAIN)
                return 0;
        if (got <= 0)
                return got < 0 && got != -ECONNRESET ? (int)got : -EPIPE;
        if (fd < 0) {
                log_warn("no file descriptor left for a helper's socket; it ends and is started again");
                return 0;
        }
        if (word < 0 || word >= HELPER_COUNT) {
                close(fd);
                return -EPROTO;
        }
        *ret = (enum helper)word;
        *ret_fd = fd;
        return 1;
}

void nursery_dismiss(struct nursery *n)
{
        if (n->fd >= 0)
                shutdown(n->fd, SHUT_WR);
}

void nursery_end(struct nursery *n, int ms)
{
        struct pollfd p = { .fd = n->fd, .events = 0 };

        if (n->fd < 0)
                return;
        /* It hangs up by exiting, which is when its helpers have. */
        if (poll(&p, 1, ms) == 0)
                log_warn("the helpers have not ended after %d ms: leaving them behind", ms);
        else
                waitpid(n->pid, NULL, 0);
        close(n->fd);
        n->fd = -1;
}
