/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program whose connections are measured. Every sample is a socket of its own. Prints one JSON object. Nothing that a firewall
 * delays is left outside the clock, and nothing else is inside it:
 *
 *      connect tcp|udp ADDRESS PORT N            time of connect(); the socket is closed with a reset, which leaves no TIME_WAIT behind.
 *                                                udp: from send() to the echo, on a fresh connected socket
 *      connect fresh-tcp|fresh-udp ADDRESS PORT N FIRST
 *                                                the same, each sample to an address that was never used: ADDRESS + FIRST and on
 *      connect refused-tcp|refused-udp ADDRESS PORT N
 *                                                time until the program hears that it may not: an error of connect(), send() or recv()
 *      connect rate ADDRESS PORT THREADS MS      how many connect() succeed in that time
 *      connect processes ADDRESS PORT PARALLEL MS PROGRAM
 *                                                how many `PROGRAM knock ADDRESS PORT` are started, connect and exit with 0 in that time
 *
 * udp walks over UDP_PORTS ports from PORT on: a local port that the kernel chooses a second time then meets another destination, and no
 * conntrack entry of the first lets it through unasked.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target.h"

enum { UDP_PORTS = 16, THREADS_MAX = 64, WARM_UP = 50, PATIENCE_S = 2 };

struct worker {
        pthread_t thread;
        const struct target *target;
        uint64_t deadline;
        unsigned long n_done, n_failed;
};

/* Samples: nanoseconds, 0 when it failed. */

static uint64_t sample_tcp(const struct target *target, unsigned index)
{
        uint64_t began, took = 0;
        int fd;

        (void)index;
        fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return 0;
        close_with_reset(fd);
        began = now_ns();
        if (connect(fd, target_sockaddr(target), target->n) == 0)
                took = now_ns() - began;
        close(fd);
        return took;
}

static int udp_socket(const struct target *target)
{
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        int fd = socket(target->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return fd;
}

static uint64_t sample_udp(const struct target *first, unsigned index)
{
        const struct target target = target_plus_port(first, index % UDP_PORTS);
        uint64_t began, took = 0;
        char byte = 'b';
        int fd = udp_socket(&target);

        if (fd < 0)
                return 0;
        if (connect(fd, target_sockaddr(&target), target.n) == 0) {
                began = now_ns();
                if (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)
                        took = now_ns() - began;
        }
        close(fd);
        return took;
}

static uint64_t sample_fresh_tcp(const struct target *first, unsigned index)
{
        const struct target target = target_plus_address(first, index);

        return sample_tcp(&target, index);
}

static uint64_t sample_fresh_udp(const struct target *first, unsigned index)
{
        const struct target target = target_plus_address(first, index);

        return sample_udp(&target, index);
}

static uint64_t sample_refused_tcp(const struct target *target, unsigned index)
{
        int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint64_t began, took = 0;

        (void)index;
        if (fd < 0)
                return 0;
        began = now_ns();
        if (connect(fd, target_sockaddr(target), target->n) < 0 && errno != ETIMEDOUT)
                took = now_ns() - began;
        close(fd);
        return took;
}

/* Where the firewall hears of a datagram only when it is sent, connect() succeeds and the error comes later. */
static uint64_t sample_refused_udp(const struct target *first, unsigned index)
{
        const struct target target = target_plus_port(first, index % UDP_PORTS);
        uint64_t began, took = 0;
        char byte = 'b';
        int fd = udp_socket(&target);

        if (fd < 0)
                return 0;
        began = now_ns();
        if (connect(fd, target_sockaddr(&target), target.n) < 0 || send(fd, &byte, 1, 0) < 0 || recv(fd, &byte, 1, 0) < 0)
                took = errno != EAGAIN ? now_ns() - began : 0;
        close(fd);
        return took;
}

static int compare_u64(const void *a, const void *b)
{
        uint64_t x, y;

        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return x < y ? -1 : x > y;
}

static uint64_t percentile(const uint64_t *sorted, size_t n, unsigned percent)
{
        return n ? sorted[(n - 1) * percent / 100] : 0;
}

typedef uint64_t (*sample_fn)(const struct target *, unsigned);

static int measure(sample_fn sample, const struct target *target, size_t n)
{
        uint64_t *took = calloc(n ? n : 1, sizeof(*took));
        size_t n_taken = 0;

        if (!took)
                return EXIT_FAILURE;
        for (unsigned i = 0; i < WARM_UP; i++)
                sample(target, i);
        for (size_t i = 0; i < n; i++) {
                took[n_taken] = sample(target, WARM_UP + (unsigned)i);
                n_taken += took[n_taken] > 0;
        }
        qsort(took, n_taken, sizeof(*took), compare_u64);
        printf("{\"n\": %zu, \"failed\": %zu, \"warm_up\": %d, \"p50_ns\": %llu, \"p99_ns\": %llu}\n", n_taken, n - n_taken, WARM_UP,
               (unsigned long long)percentile(took, n_taken, 50), (unsigned long long)percentile(took, n_taken, 99));
        free(took);
        return EXIT_SUCCESS;
}

static int print_rate(const char *name, unsigned long n_done, unsigned long n_failed, uint64_t took)
{
        printf("{\"of\": \"%s\", \"n\": %lu, \"failed\": %lu, \"per_second\": %.0f}\n", name, n_done, n_failed,
               (double)n_done * 1e9 / (double)took);
        return EXIT_SUCCESS;
}

static void *work(void *userdata)
{
        struct worker *w = userdata;

        while (now_ns() < w->deadline) {
                if (sample_tcp(w->target, 0))
                        w->n_done++;
                else
                        w->n_failed++;
        }
        return NULL;
}

static int measure_rate(const struct target *target, unsigned n_threads, unsigned ms)
{
        struct worker workers[THREADS_MAX] = { 0 };
        unsigned long n_done = 0, n_failed = 0;
        uint64_t began = now_ns();
        unsigned n_started = 0;

        while (n_started < n_threads && n_started < THREADS_MAX) {
                struct worker *w = &workers[n_started];

                *w = (struct worker){ .target = target, .deadline = began + (uint64_t)ms * 1000000u };
                if (pthread_create(&w->thread, NULL, work, w) != 0)
                        break;
                n_started++;
        }
        for (unsigned i = 0; i < n_started; i++) {
                pthread_join(workers[i].thread, NULL);
                n_done += workers[i].n_done;
                n_failed += workers[i].n_failed;
        }
        return print_rate("connections", n_done, n_failed, now_ns() - began);
}

/* vfork: a fork of this small process would cost more than the program's whole life. */
static bool start_process(char *const argv[])
{
        pid_t pid = vfork();

        if (pid == 0) {
                execv(argv[0], argv);
                _exit(127);
        }
        return pid > 0;
}

static int measure_processes(char *address, char *port, unsigned parallel, unsigned ms, char *program)
{
        char word[] = "knock", *const argv[] = { program, word, address, port, NULL };
        uint64_t began = now_ns(), deadline = began + (uint64_t)ms * 1000000u;
        unsigned long n_done = 0, n_failed = 0;
        unsigned n_running = 0;

        for (;;) {
                int status;

                while (n_running < parallel && now_ns() < deadline && start_process(argv))
                        n_running++;
                if (n_running == 0)
                        break;
                if (wait(&status) < 0)
                        return EXIT_FAILURE;
                n_running--;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                        n_done++;
                else
                        n_failed++;
        }
        return print_rate("processes", n_done, n_failed, now_ns() - began);
}

static sample_fn find_sample(const char *name)
{
        static const struct {
                const char *name;
                sample_fn sample;
        } rows[] = {
                { "tcp", sample_tcp },
                { "udp", sample_udp },
                { "fresh-tcp", sample_fresh_tcp },
                { "fresh-udp", sample_fresh_udp },
                { "refused-tcp", sample_refused_tcp },
                { "refused-udp", sample_refused_udp },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (strcmp(rows[i].name, name) == 0)
                        return rows[i].sample;
        return NULL;
}

int main(int argc, char **argv)
{
        struct target target;
        sample_fn sample;

        if (argc < 5 || !target_parse(argv[2], argv[3], &target))
                goto usage;
        sample = find_sample(argv[1]);
        if (sample && argc == 6)
                target = target_plus_address(&target, (uint32_t)strtoul(argv[5], NULL, 10));
        if (sample)
                return measure(sample, &target, strtoul(argv[4], NULL, 10));
        if (strcmp(argv[1], "rate") == 0 && argc == 6)
                return measure_rate(&target, (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
        if (strcmp(argv[1], "processes") == 0 && argc == 7)
                return measure_processes(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]), argv[6]);
usage:
        fputs("usage: connect tcp|udp|fresh-tcp|fresh-udp|refused-tcp|refused-udp ADDRESS PORT N [FIRST]\n"
              "       connect rate ADDRESS PORT THREADS MS | connect processes ADDRESS PORT PARALLEL MS PROGRAM\n", stderr);
        return 2;
}
