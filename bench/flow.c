/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One established flow.
 *
 *      flow bulk ADDRESS PORT MS MBIT    sends as fast as it can (MBIT 0) or at that rate, to a peer that reads; one JSON object.
 *                                        The rate is TCP's own pacing (SO_MAX_PACING_RATE), which needs no queueing discipline.
 *      flow wait tcp|udp ADDRESS PORT    connects and says a byte; "ready" when the byte came back; then blocks in recv(), and prints
 *                                        CLOCK_MONOTONIC in nanoseconds and the errno when that ends
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "target.h"

enum { PIECE = 128 << 10 };

static uint64_t own_cpu_us(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int bulk(const struct target *target, unsigned ms, uint64_t mbit)
{
        static char piece[PIECE];
        const uint64_t bytes_a_second = mbit * 1000000 / 8;
        uint64_t began, now, cpu, n_sent = 0;
        int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, target_sockaddr(target), target->n) < 0 ||
            (mbit && setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_a_second, sizeof(bytes_a_second)) < 0)) {
                perror("flow");
                return EXIT_FAILURE;
        }
        close_with_reset(fd);
        began = now_ns();
        cpu = own_cpu_us();
        while ((now = now_ns()) < began + (uint64_t)ms * 1000000u) {
                ssize_t n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);

                if (n < 0) {
                        perror("flow");
                        return EXIT_FAILURE;
                }
                n_sent += (uint64_t)n;
        }
        printf("{\"n\": %llu, \"failed\": 0, \"gbit\": %.3f, \"cpu_us\": %llu}\n", (unsigned long long)n_sent,
               (double)n_sent * 8 / (double)(now - began), (unsigned long long)(own_cpu_us() - cpu));
        close(fd);
        return EXIT_SUCCESS;
}

static int wait_for_the_end(int type, const struct target *target)
{
        int fd = socket(target->address.ss_family, type | SOCK_CLOEXEC, 0), error;
        char byte = 'b';

        if (fd < 0 || connect(fd, target_sockaddr(target), target->n) < 0 || send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1) {
                perror("flow");
                return EXIT_FAILURE;
        }
        puts("ready");
        fflush(stdout);
        error = recv(fd, &byte, 1, 0) < 0 ? errno : 0;
        printf("%llu %d\n", (unsigned long long)now_ns(), error);
        close(fd);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        struct target target;

        if (argc == 6 && strcmp(argv[1], "bulk") == 0 && target_parse(argv[2], argv[3], &target))
                return bulk(&target, (unsigned)atoi(argv[4]), strtoull(argv[5], NULL, 10));
        if (argc == 5 && strcmp(argv[1], "wait") == 0 && target_parse(argv[3], argv[4], &target))
                return wait_for_the_end(strcmp(argv[2], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, &target);
        fputs("usage: flow bulk ADDRESS PORT MS MBIT | flow wait tcp|udp ADDRESS PORT\n", stderr);
        return 2;
}
