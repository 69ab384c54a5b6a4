/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs as short as a program can be, and one that stays. Linked statically where that is possible: a dynamic linker would be most of
 * their lives, and hide what a firewall adds.
 *
 *      brief knock ADDRESS PORT      connects and exits; says nothing
 *      brief tcp   ADDRESS PORT      connects, says who it is, waits for the answer and exits
 *      brief udp   ADDRESS PORT      sends one datagram that says who it is, and exits
 *      brief long  ADDRESS PORT N    N times what tcp does, in one process
 *
 * Who it is: "PATH PID NS", PATH being argv[0]. NS of tcp: how long connect() took; of udp: CLOCK_REALTIME just before it is sent, which
 * the receiver subtracts from the time that the kernel received it at.
 */
#include <stdio.h>
#include <unistd.h>

#include "target.h"

enum { TEXT_MAX = 512 };

static bool say(int fd, const char *path, uint64_t ns)
{
        char text[TEXT_MAX];
        int n = snprintf(text, sizeof(text), "%s %d %llu\n", path, (int)getpid(), (unsigned long long)ns);

        return n > 0 && n < TEXT_MAX && send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool visit_tcp(const struct target *target, const char *path, bool silent)
{
        int fd = socket(target->address.ss_family, SOCK_STREAM, 0);
        uint64_t began = now_ns();
        bool good;
        char byte;

        if (fd < 0)
                return false;
        close_with_reset(fd);
        good = connect(fd, target_sockaddr(target), target->n) == 0;
        if (good && !silent)
                good = say(fd, path, now_ns() - began) && recv(fd, &byte, 1, 0) == 1;
        close(fd);
        return good;
}

/* connect() of a datagram socket sends nothing: the datagram is the first that the network hears. */
static bool visit_udp(const struct target *target, const char *path)
{
        int fd = socket(target->address.ss_family, SOCK_DGRAM, 0);

        return fd >= 0 && connect(fd, target_sockaddr(target), target->n) == 0 && say(fd, path, clock_ns(CLOCK_REALTIME));
}

int main(int argc, char **argv)
{
        struct target target;
        unsigned long n_failed = 0;

        if (argc < 4 || !target_parse(argv[2], argv[3], &target))
                return 2;
        if (strcmp(argv[1], "knock") == 0)
                return !visit_tcp(&target, argv[0], true);
        if (strcmp(argv[1], "tcp") == 0)
                return !visit_tcp(&target, argv[0], false);
        if (strcmp(argv[1], "udp") == 0)
                return !visit_udp(&target, argv[0]);
        if (strcmp(argv[1], "long") != 0 || argc != 5)
                return 2;
        for (unsigned long left = strtoul(argv[4], NULL, 10); left > 0; left--)
                n_failed += !visit_tcp(&target, argv[0], false);
        return n_failed > 0;
}
