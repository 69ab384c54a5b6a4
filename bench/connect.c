/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program whose first connections are measured. Every sample is a socket of its own, so a firewall has to decide every one anew.
 * Prints one JSON object. Nothing that a firewall delays is left outside the clock, and nothing else is inside it:
 *
 *      connect tcp  ADDRESS PORT N            time of connect(); the socket is closed with a reset, which leaves no TIME_WAIT behind
 *      connect udp  ADDRESS PORT N            time from send() to the echo, on a fresh connected socket
 *      connect rate ADDRESS PORT THREADS MS   how many connect() succeed in that time
 *
 * udp walks over UDP_PORTS ports from PORT on: a local port that the kernel chooses a second time then meets another destination, and no
 * conntrack entry of the first lets it through unasked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { UDP_PORTS = 16, THREADS_MAX = 64, WARM_UP = 50, PATIENCE_S = 2 };

struct target {
        struct sockaddr_storage address;
        socklen_t n;
};

struct worker {
        pthread_t thread;
        const struct target *target;
        uint64_t deadline;
        unsigned long n_done, n_failed;
};

static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool parse_target(const char *address, const char *port, struct target *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->address;
        uint16_t be_port = htons((uint16_t)atoi(port));

        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = be_port;
                ret->n = sizeof(*v4);
                return true;
        }
        if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
                return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = be_port;
        ret->n = sizeof(*v6);
        return true;
}

/* Both families keep the port at the same place. */
static struct target with_port(const struct target *target, unsigned add)
{
        struct target t = *target;
        struct sockaddr_in *in = (struct sockaddr_in *)&t.address;

        in->sin_port = htons((uint16_t)(ntohs(in->sin_port) + add));
        return t;
}

/* 0 when it failed. */
static uint64_t sample_tcp(const struct target *target, unsigned index)
{
        const struct linger reset = { .l_onoff = 1 };
        uint64_t began, took = 0;
        int fd;

        (void)index;
        fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return 0;
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        began = now_ns();
        if (connect(fd, (const struct sockaddr *)&target->address, target->n) == 0)
                took = now_ns() - began;
        close(fd);
        return took;
}

static uint64_t sample_udp(const struct target *first, unsigned index)
{
        const struct target target = with_port(first, index % UDP_PORTS);
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        uint64_t began, took = 0;
        char byte = 'b';
        int fd;

        fd = socket(target.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return 0;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (connect(fd, (const struct sockaddr *)&target.address, target.n) == 0) {
                began = now_ns();
                if (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)
                        took = now_ns() - began;
        }
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

static int measure(uint64_t (*sample)(const struct target *, unsigned), const struct target *target, size_t n)
{
        uint64_t *took = calloc(n ? n : 1, sizeof(*took));
        size_t n_taken = 0;

        if (!took)
                return EXIT_FAILURE;
        for (unsigned i = 0; i < WARM_UP; i++)
                sample(target, i);
        for (size_t i = 0; i < n; i++) {
                took[n_taken] = sample(target, (unsigned)i);
                n_taken += took[n_taken] > 0;
        }
        qsort(took, n_taken, sizeof(*took), compare_u64);
        printf("{\"n\": %zu, \"failed\": %zu, \"warm_up\": %d, \"p50_ns\": %llu, \"p99_ns\": %llu}\n", n_taken, n - n_taken, WARM_UP,
               (unsigned long long)percentile(took, n_taken, 50), (unsigned long long)percentile(took, n_taken, 99));
        free(took);
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
        uint64_t began = now_ns(), took;
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
        took = now_ns() - began;
        printf("{\"n\": %lu, \"failed\": %lu, \"threads\": %u, \"per_second\": %.0f}\n", n_done, n_failed, n_started,
               (double)n_done * 1e9 / (double)took);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        struct target target;

        if (argc < 5 || !parse_target(argv[2], argv[3], &target))
                goto usage;
        if (strcmp(argv[1], "tcp") == 0 && argc == 5)
                return measure(sample_tcp, &target, strtoul(argv[4], NULL, 10));
        if (strcmp(argv[1], "udp") == 0 && argc == 5)
                return measure(sample_udp, &target, strtoul(argv[4], NULL, 10));
        if (strcmp(argv[1], "rate") == 0 && argc == 6)
                return measure_rate(&target, (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
usage:
        fputs("usage: connect tcp|udp ADDRESS PORT N | connect rate ADDRESS PORT THREADS MS\n", stderr);
        return 2;
}
