/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-daemon --selftest: may this machine be given the firewall? It is applied for some seconds, what should be reached is tried before and
 * while it stands, and it is taken away whatever happens. Three processes, so that nobody has to be trusted to live:
 *
 *      the tester    tries and tells; its end, of whatever kind, closes a pipe
 *      the guardian  its child, in a session of its own: waits for that pipe or for its own timer, then ends the daemon and removes everything
 *      the daemon    the guardian's child: this program, with directories of its own; should the guardian die, the kernel ends the daemon too,
 *                    which takes its rule along
 *
 * What the daemon does is not made easier for the test: it is the real one, on the rung that it would choose. It starts in learning, which blocks
 * nothing; --enforcement tries the machine's own rules. Nothing of the machine's files is written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "daemon/selftest.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/hook.h"
#include "sys/netwatch.h"
#include "sys/queue.h"
#include "sys/reach.h"
#include "sys/tracker.h"

enum {
        TARGETS_MAX = 8 + OPTIONS_REACH_MAX,
        ATTEMPT_MS = 2000,
        DAEMON_ENDS_MS = 5000, /* then it is killed */
        RULES_MAX = 64 << 20,
        WORDS_MAX = 4096,
};

enum kind { KIND_SELF, KIND_PING, KIND_DNS, KIND_TCP };

struct target {
        enum kind kind;
        struct addr addr;
        uint16_t port;
        bool demanded; /* by --reach: it must be reached; of the others, what was reached without the firewall */
        int before, during;
        uint64_t before_us, during_us;
};

struct selftest {
        const struct options *options;
        struct target targets[TARGETS_MAX];
        unsigned n;
        char directory[64];
        pid_t guardian;
        int alive; /* our end of the pipe that the guardian watches */
        int words; /* the daemon's output */
        uint64_t ends_us;
};

/* ---- targets ------------------------------------------------------------------------------------------------------------------ */

static void add_target(struct selftest *t, enum kind kind, const struct addr *addr, uint16_t port, bool demanded)
{
        if (t->n < TARGETS_MAX)
                t->targets[t->n++] = (struct target){ .kind = kind, .addr = *addr, .port = port, .demanded = demanded };
}

static void choose_targets(struct selftest *t)
{
        const struct options *o = t->options;
        struct netinfo net = { 0 };
        struct addr addr;

        for (unsigned i = 0; i < o->n_reach; i++)
                add_target(t, KIND_TCP, &o->reach[i].addr, o->reach[i].port, true);
        if (addr_parse("127.0.0.1", &addr))
                add_target(t, KIND_SELF, &addr, 0, false);
        if (addr_parse("::1", &addr))
                add_target(t, KIND_SELF, &addr, 0, false);
        if (reach_gateway(&addr))
                add_target(t, KIND_PING, &addr, 0, false);
        netwatch_read("/etc/resolv.conf", &net);
        for (unsigned i = 0; i < net.n_resolvers; i++)
                add_target(t, KIND_DNS, &net.resolvers[i], 53, false);
}

static int try_target(const struct target *t, uint64_t *ret_us)
{
        switch (t->kind) {
        case KIND_SELF:
                return reach_self(&t->addr, ATTEMPT_MS, ret_us);
        case KIND_PING:
                return reach_ping(&t->addr, ATTEMPT_MS, ret_us);
        case KIND_DNS:
                return reach_dns(&t->addr, ATTEMPT_MS, ret_us);
        case KIND_TCP:
                return reach_tcp(&t->addr, t->port, ATTEMPT_MS, ret_us);
        }
        return -EINVAL;
}

static void describe(const struct target *t, struct buf *out)
{
        static const char *const WORDS[] = {
                [KIND_SELF] = "loopback", [KIND_PING] = "default gateway, ping", [KIND_DNS] = "name server", [KIND_TCP] = "TCP",
        };
        char text[ADDR_TEXT_MAX];

        buf_printf(out, "%s ", WORDS[t->kind]);
        if (t->kind == KIND_TCP)
                addr_format_port(out, &t->addr, t->port);
        else
                buf_puts(out, addr_format(&t->addr, text));
}

/* One line; true when nothing is lost by the firewall. */
static bool tell_target(const struct target *t)
{
        _cleanup_(buf_deinit) struct buf name = { 0 };

        describe(t, &name);
        if (t->during == 0) {
                printf("  ok      %s: %.1f ms with the firewall", name.data, (double)t->during_us / 1000);
                if (t->before == 0)
                        printf(", %.1f ms without\n", (double)t->before_us / 1000);
                else
                        printf(" (without: %s)\n", strerror(-t->before));
                return true;
        }
        if (t->before == 0 || t->demanded) {
                printf("  FAILED  %s: %s with the firewall; without: %s\n", name.data, strerror(-t->during),
                       t->before == 0 ? "reached" : strerror(-t->before));
                return false;
        }
        printf("  -       %s: not reached without the firewall either (%s)\n", name.data, strerror(-t->before));
        return true;
}

/* ---- the daemon's own directories ------------------------------------------------------------------------------------------- */

static void path_in(const struct selftest *t, const char *name, char ret[PATH_MAX])
{
        snprintf(ret, PATH_MAX, "%s/%s", t->directory, name);
}

static int copy_rules(const struct selftest *t)
{
        _cleanup_(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t n;
        int r;

        snprintf(path, sizeof(path), "%s/rules.json", t->options->etc);
        r = files_read(path, RULES_MAX, &text, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        path_in(t, "rules.json", path);
        return files_replace(path, text, n, 0600);
}

static int make_directory(struct selftest *t)
{
        static const char LEARNING[] = "{\"mode\": \"learning\", \"log_decisions\": false}\n";
        static const char ENFORCEMENT[] = "{\"mode\": \"enforcement\", \"log_decisions\": false}\n";
        const char *config = t->options->enforcement ? ENFORCEMENT : LEARNING;
        char path[PATH_MAX];
        int r;

        snprintf(t->directory, sizeof(t->directory), "/run/bastion-selftest.XXXXXX");
        if (!mkdtemp(t->directory))
                return -errno;
        path_in(t, "config.json", path);
        r = files_replace(path, config, strlen(config), 0600);
        if (r == 0 && t->options->enforcement)
                r = copy_rules(t);
        return r;
}

static void remove_directory(const struct selftest *t)
{
        DIR *dir = opendir(t->directory);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                /* "." and ".." are refused. The one folder is the recorder's, and empty: nothing is logged. */
                if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
                        unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
        if (dir)
                closedir(dir);
        rmdir(t->directory);
}

/* ---- the guardian ---------------------------------------------------------------------------------------------------------------- */

static void exec_daemon(const struct selftest *t, int words, pid_t guardian)
{
        static const char *const RUNGS[] = { [RUNG_AUTO] = "auto", [RUNG_GATE] = "gate", [RUNG_QUEUE] = "queue" };
        const struct options *o = t->options;
        char etc[PATH_MAX], run[PATH_MAX], state[PATH_MAX], log[PATH_MAX], data[PATH_MAX], pins[PATH_MAX], rung[32], queue[32];
        char *argv[] = { (char *)"bastion-daemon", etc, run, state, log, data, pins, rung, queue, (char *)"--foreground", NULL };
        sigset_t none;

        snprintf(etc, sizeof(etc), "--etc=%s", t->directory);
        snprintf(run, sizeof(run), "--run=%s", t->directory);
        snprintf(state, sizeof(state), "--state=%s", t->directory);
        snprintf(log, sizeof(log), "--log-dir=%s", t->directory);
        snprintf(data, sizeof(data), "--data=%s", o->data);
        snprintf(pins, sizeof(pins), "--pins=%s", o->pins);
        snprintf(rung, sizeof(rung), "--rung=%s", RUNGS[o->rung]);
        snprintf(queue, sizeof(queue), "--queue=%u", o->queue);
        unsetenv("NOTIFY_SOCKET");
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != guardian)
                _exit(1);
        if (dup2(words, STDOUT_FILENO) >= 0 && dup2(words, STDERR_FILENO) >= 0)
                execv("/proc/self/exe", argv);
        _exit(1);
}

/* Returns when it has ended. */
static void end_daemon(pid_t pid)
{
        const uint64_t patience = clock_monotonic_us() + DAEMON_ENDS_MS * 1000;
        int status;

        kill(pid, SIGTERM);
        while (waitpid(pid, &status, WNOHANG) == 0) {
                if (clock_monotonic_us() > patience) {
                        kill(pid, SIGKILL);
                        waitpid(pid, &status, 0);
                        return;
                }
                usleep(5000);
        }
}

static _Noreturn void guard(struct selftest *t, int alive, int words)
{
        struct pollfd tester = { .fd = alive };
        const pid_t self = getpid();
        uint64_t now;
        sigset_t all;
        pid_t daemon;
        int r, tables, pins;

        setsid();
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        daemon = fork();
        if (daemon == 0)
                exec_daemon(t, words, self);
        close(words);
        if (daemon < 0)
                _exit(1);
        do {
                now = clock_monotonic_us();
                r = poll(&tester, 1, now < t->ends_us ? (int)((t->ends_us - now) / 1000) + 1 : 0);
        } while (r < 0 && errno == EINTR);
        end_daemon(daemon);
        /* In the daemon's order: the table first, for a rule whose hooks are gone would block everything new. */
        tables = hook_remove();
        pins = tracker_remove_pins(t->options->pins);
        remove_directory(t);
        _exit(tables < 0 || (pins < 0 && pins != -EINVAL) ? 1 : 0);
}

/* ---- the tester ------------------------------------------------------------------------------------------------------------------ */

static int start_guardian(struct selftest *t)
{
        int alive[2], words[2], r;

        if (pipe2(alive, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(words, O_CLOEXEC) < 0) {
                r = -errno;
                close(alive[0]);
                close(alive[1]);
                return r;
        }
        t->ends_us = clock_monotonic_us() + t->options->selftest_seconds * 1000000ull;
        fflush(stdout);
        t->guardian = fork();
        if (t->guardian == 0) {
                close(alive[1]);
                close(words[0]);
                guard(t, alive[0], words[1]);
        }
        r = t->guardian < 0 ? -errno : 0;
        close(alive[0]);
        close(words[1]);
        t->alive = alive[1];
        t->words = words[0];
        return r;
}

/* The line by which the daemon says that it is ready, NULL while it has not come whole. */
static const char *ready_line(const struct buf *said)
{
        const char *ready = said->data ? strstr(said->data, " ready: ") : NULL;

        if (!ready || !strchr(ready, '\n'))
                return NULL;
        while (ready > said->data && ready[-1] != '\n')
                ready--;
        return ready;
}

static const char *await_ready(const struct selftest *t, struct buf *said)
{
        struct pollfd p = { .fd = t->words, .events = POLLIN };
        char piece[512];
        ssize_t n;

        while (!ready_line(said) && clock_monotonic_us() < t->ends_us) {
                if (poll(&p, 1, 100) <= 0)
                        continue;
                n = read(t->words, piece, sizeof(piece));
                if (n <= 0 || said->n + (size_t)n > WORDS_MAX)
                        return NULL;
                buf_append(said, piece, (size_t)n);
        }
        return ready_line(said);
}

static int run_targets(struct selftest *t)
{
        int n_failed = 0;

        for (unsigned i = 0; i < t->n; i++) {
                struct target *target = &t->targets[i];

                target->during = clock_monotonic_us() < t->ends_us ? try_target(target, &target->during_us) : -ETIME;
                /* An attempt that ended after the firewall was taken away proves nothing. */
                if (target->during == 0 && clock_monotonic_us() >= t->ends_us)
                        target->during = -ETIME;
                n_failed += !tell_target(target);
        }
        return n_failed;
}

static bool remove_firewall(struct selftest *t)
{
        int status = -1;

        close(t->alive);
        while (waitpid(t->guardian, &status, 0) < 0 && errno == EINTR)
                continue;
        close(t->words);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && hook_present() == 0) {
                puts("  ok      the firewall is removed again");
                return true;
        }
        puts("  FAILED  the firewall could not be removed: run bastion rescue");
        return false;
}

static int refuse(void)
{
        uint16_t queue;
        int r = hook_find_queue(&queue);

        if (r < 0)
                fprintf(stderr, "selftest: cannot read the nftables tables: %s\n", strerror(-r));
        else if (r == 1 && queue_is_bound(queue))
                fputs("selftest: a bastion-daemon runs here already; bastion doctor looks at it\n", stderr);
        else if (r == 1)
                fputs("selftest: the tables of a bastion-daemon that was killed stand here; start it again, or run bastion rescue first\n", stderr);
        return r;
}

int selftest_run(const struct options *options)
{
        struct selftest t = { .options = options };
        _cleanup_(buf_deinit) struct buf said = { 0 };
        const char *ready;
        int n_failed, r;

        if (refuse() != 0)
                return 1;
        choose_targets(&t);
        for (unsigned i = 0; i < t.n; i++)
                t.targets[i].before = try_target(&t.targets[i], &t.targets[i].before_us);
        r = make_directory(&t);
        if (r == 0)
                r = start_guardian(&t);
        if (r < 0) {
                fprintf(stderr, "selftest: cannot begin: %s\n", strerror(-r));
                return 1;
        }
        printf("The firewall stands for at most %u s, in %s.\n", options->selftest_seconds, options->enforcement ? "enforcement" : "learning");
        ready = await_ready(&t, &said);
        if (ready && hook_present() == 1) {
                printf("  ok      applied: %.*s\n", (int)strcspn(ready, "\n"), ready);
                n_failed = run_targets(&t);
        } else {
                printf("  FAILED  the daemon did not apply it:\n%s", said.data ? said.data : "");
                n_failed = 1;
        }
        n_failed += !remove_firewall(&t);
        puts(n_failed ? "This machine should not be given the firewall yet." : "This machine reaches with the firewall what it reaches without.");
        return n_failed ? 1 : 0;
}
