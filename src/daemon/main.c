/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-daemon: wiring. The order of start is the order of what depends on what: the nursery while there is nothing to take along, files, lock, rules,
 * the clients' socket, the kernel's side (start.c); then privileges go. The order of stop is the reverse, so that at no moment a rule stands without
 * what it needs. A daemon that is killed leaves tables and pins: what happens then is `on_failure`, until the next one takes them over.
 */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/selftest.h"
#include "sys/bootid.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/listener.h"
#include "sys/netwatch.h"
#include "sys/privs.h"

enum { LARGE_BLOCK = 128 << 10 };

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_INPUT = 2, EXIT_NOT_PERMITTED = 4 };

static void set_up_log(const struct options *options)
{
        const char *word = getenv("BASTION_LOG");
        enum log_level level = LOG_LEVEL_INFO;

        if (!word)
                word = getenv("RUST_LOG"); /* people type `sudo RUST_LOG=debug bastion-daemon` */
        if (word && !log_level_parse(word, &level))
                log_warn("BASTION_LOG=%s: expected error, warn, info, debug or trace", word);
        log_set_level(options->debug && level < LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : level);
        log_set_journal(!options->foreground && getenv("JOURNAL_STREAM"));
}

/* Pins of another network namespace must not be mistaken for ours. */
static void default_pins(char ret[PATH_MAX])
{
        struct stat own, initial;

        snprintf(ret, PATH_MAX, "/sys/fs/bpf/bastion");
        if (stat("/proc/self/ns/net", &own) == 0 && stat("/proc/1/ns/net", &initial) == 0 && own.st_ino != initial.st_ino)
                snprintf(ret, PATH_MAX, "/sys/fs/bpf/bastion-%lu", (unsigned long)own.st_ino);
}

static int rescue(const struct options *options)
{
        int tables = hook_remove(), pins = tracker_remove_pins(options->pins);

        printf("tables ip bastion, ip6 bastion: %s\n", tables < 0 ? strerror(-tables) : "removed");
        printf("pins %s: %s\n", options->pins, pins < 0 ? strerror(-pins) : "removed");
        return tables < 0 || pins < 0 ? EXIT_FAILED : EXIT_FINE;
}

/* ---- sources of the loop ------------------------------------------------------------------------------------------------------ */

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, _unused_ void *userdata)
{
        log_info("%s: stopping", strsignal((int)info->ssi_signo));
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata)
{
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_monotonic_us());
        policy_reload(userdata);
        sd_notify(0, "READY=1");
        return 0;
}

static void on_save(void *userdata, const char *path, int64_t ticket, int error)
{
        struct daemon *d = userdata;

        error = policy_on_saved(d, path, ticket, error);
        if (error != POLICY_E_LATER)
                server_on_saved(d, ticket, error);
}

static int on_saver(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct daemon *d = userdata;

        saver_dispatch(d->saver, on_save, d);
        return 0;
}

static int on_network(_unused_ sd_event_source *source, int fd, _unused_ uint32_t events, void *userdata)
{
        netwatch_drain(fd);
        policy_read_net(userdata);
        return 0;
}

static int on_resolv_conf(_unused_ sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        if (event->len > 0 && strcmp(event->name, "resolv.conf") == 0)
                policy_read_net(userdata);
        return 0;
}

static int watch_world(struct daemon *d)
{
        int fd, r;

        r = sd_event_add_signal(d->loop, NULL, SIGTERM, on_stop, d);
        if (r >= 0)
                r = sd_event_add_signal(d->loop, NULL, SIGINT, on_stop, d);
        if (r >= 0)
                r = sd_event_add_signal(d->loop, NULL, SIGHUP, on_reload, d);
        if (r >= 0)
                r = sd_event_add_io(d->loop, NULL, saver_fd(d->saver), EPOLLIN, on_saver, d);
        if (r < 0)
                return r;
        fd = netwatch_open();
        if (fd < 0 || sd_event_add_io(d->loop, NULL, fd, EPOLLIN, on_network, d) < 0)
                log_warn("changes of addresses and interfaces are not noticed; a reload reads them");
        /* The directory, because the file is replaced rather than written. Not a floating source: libsystemd 252 counts a reference for one
         * that nobody gives back, and the loop is never freed. */
        if (sd_event_add_inotify(d->loop, &d->resolv_watch, "/etc", IN_CLOSE_WRITE | IN_MOVED_TO, on_resolv_conf, d) < 0)
                log_warn("changes of resolv.conf are not noticed; a reload reads it");
        return 0;
}

/* ---- start and stop ---------------------------------------------------------------------------------------------------------- */

static int prepare_directories(const struct options *o)
{
        const struct {
                const char *path;
                mode_t mode;
        } directories[] = { { o->etc, 0755 }, { o->run, 0755 }, { o->state, 0700 }, { o->log_dir, 0755 } };

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                int r = files_make_directory(directories[i].path, directories[i].mode);

                if (r < 0) {
                        log_error("cannot make directory %s: %s", directories[i].path, strerror(-r));
                        return r;
                }
        }
        return 0;
}

/* What a running daemon needs, and nothing else from here on (privs.h). BASTION_SECCOMP=kill: a system call that is not on the list ends the
 * daemon instead of failing with EPERM; the tests want to know, a machine in use wants its firewall. */
static int give_up_privileges(struct daemon *d)
{
        static const unsigned CAPABILITIES[] = { CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };
        const char *word = getenv("BASTION_SECCOMP");
        int r;

        r = privs_keep(CAPABILITIES, ARRAY_SIZE(CAPABILITIES));
        if (r < 0) {
                log_error("cannot give up capabilities: %s", strerror(-r));
                return r;
        }
        r = saver_run(d->saver);
        if (r >= 0)
                r = policy_run_lists(d);
        if (r < 0)
                return r;
        r = privs_confine(PRIVS_DAEMON, word && strcmp(word, "kill") == 0 ? PRIVS_DIE : PRIVS_EPERM);
        if (r < 0)
                log_error("cannot give up system calls: %s", strerror(-r));
        malloc_trim(0); /* the filter was built in memory that is not needed again */
        return r;
}

static int start(struct daemon *d)
{
        char lock[PATH_MAX];
        int r;

        r = prepare_directories(&d->options);
        if (r < 0)
                return r;
        snprintf(lock, sizeof(lock), "%s/bastion-daemon.lock", d->options.run);
        r = lock_acquire(lock); /* kept open until we exit */
        if (r < 0) {
                log_error("%s: %s", lock, r == -EBUSY ? "another bastion-daemon is running with this run directory" : strerror(-r));
                return r;
        }
        r = saver_new(&d->saver);
        if (r >= 0)
                r = helpers_start(d);
        if (r >= 0)
                r = authority_start(d);
        if (r >= 0)
                r = watch_world(d);
        if (r >= 0)
                r = sweep_start(d);
        if (r >= 0)
                r = policy_start(d);
        if (r >= 0)
                r = history_start(d);
        if (r >= 0)
                r = summaries_start(d);
        if (r >= 0)
                r = prompts_start(d);
        if (r >= 0)
                r = packet_path_start(d);
        if (r < 0) {
                log_error("cannot start: %s", strerror(-r));
                return r;
        }
        /* Clients wait in the listener's backlog; the kernel comes last, so that nothing else can fail when a rule stands. */
        r = server_start(d);
        if (r >= 0)
                r = start_kernel(d);
        if (r >= 0)
                r = naming_start(d);
        return r < 0 ? r : give_up_privileges(d);
}

static void stop(struct daemon *d)
{
        int r;

        packet_path_stop(d);
        if (d->questions)
                prompts_abandon_all(d);
        if (d->hook_installed) {
                r = hook_remove();
                if (r < 0)
                        log_error("cannot remove the tables: %s; `bastion rescue` does it", strerror(-r));
        }
        sweep_stop(d);
        naming_stop(d);
        if (d->server)
                summaries_tell(d);
        history_tell(d);
        server_stop(d);
        authority_stop(d);
        queue_close(d->queue);
        d->tracker = tracker_close(d->tracker);
        sockets_close(d->sockets);
        flowmem_free(d->flows);
        d->questions = question_table_free(d->questions);
        history_stop(d);
        helpers_stop(d);
        policy_stop(d);
        saver_stop(d->saver);
        sd_event_source_unref(d->rules_timer);
        sd_event_source_unref(d->question_timer);
        sd_event_source_unref(d->expiry_timer);
        sd_event_source_unref(d->try_timer);
        sd_event_source_unref(d->save_timer);
        sd_event_source_unref(d->summary_timer);
        sd_event_source_unref(d->resolv_watch);
        free(d->rung_reason);
}

static void say_ready(const struct daemon *d, struct boottime began)
{
        double ms = (double)boottime_left(clock_boottime(), began) / 1e6;

        printf("bastion-daemon %s ready: %s, %s rung, queue %u, %zu rules, %.1f ms\n", BASTION_VERSION, mode_name(d->config.mode),
               d->tracker ? "gate" : "queue", d->options.queue, ruleset_count(d->rules), ms);
        fflush(stdout);
        sd_notifyf(0, "READY=1\nSTATUS=%s, %s rung", mode_name(d->config.mode), d->tracker ? "gate" : "queue");
}

static int run(struct daemon *d)
{
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        signal(SIGPIPE, SIG_IGN);
        /* First of all, because it takes along whatever is open. */
        r = nursery_fork(&d->nursery);
        if (r < 0)
                log_error("no nursery: %s; verdicts are given, nothing is recorded", strerror(-r));
        r = sd_event_new(&d->loop);
        if (r >= 0)
                r = start(d);
        if (r >= 0) {
                say_ready(d, d->started);
                r = sd_event_loop(d->loop);
                sd_notify(0, "STOPPING=1");
        }
        stop(d);
        sd_event_unref(d->loop);
        return r == -EPERM || r == -EACCES ? EXIT_NOT_PERMITTED : r < 0 ? EXIT_FAILED : EXIT_FINE;
}

static uid_t owner_from_environment(void)
{
        const char *word = getenv("SUDO_UID");
        uint64_t uid;

        return word && str_parse_u64(word, UINT32_MAX - 1, &uid) ? (uid_t)uid : 0;
}

int main(int argc, char **argv)
{
        struct daemon d = { .started = clock_boottime(), .pid = (uint32_t)getpid(), .nursery = { .fd = -1 } };
        char pins[PATH_MAX];
        int r;

        r = options_parse(argc, argv, &d.options);
        if (r != 0)
                return r == OPTIONS_E_DONE ? EXIT_FINE : EXIT_INPUT;
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK); /* fixed, so that what a flood needed goes back to the system */
        set_up_log(&d.options);
        if (d.options.check)
                return policy_check(&d.options);
        if (geteuid() != 0) {
                fputs("bastion-daemon: must be started by root\n", stderr);
                return EXIT_NOT_PERMITTED;
        }
        default_pins(pins);
        if (!d.options.pins)
                d.options.pins = pins;
        if (d.options.rescue)
                return rescue(&d.options);
        if (d.options.selftest_seconds > 0)
                return selftest_run(&d.options);
        if (d.options.foreground)
                d.owner = owner_from_environment();
        if (getrandom(&d.seed, sizeof(d.seed), 0) != (ssize_t)sizeof(d.seed)) {
                log_error("no random numbers: %m");
                return EXIT_FAILED;
        }
        r = bootid_read(&d.boot);
        if (r < 0)
                log_warn("cannot read the kernel's boot_id: %s; what was to end with a reboot ends with this run", strerror(-r));
        return run(&d);
}
