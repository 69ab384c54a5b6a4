/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens COUNT connections at once, each to a port of its own from PORT on, without waiting for any; prints "open"; waits for SIGTERM, or until
 * each has ended; then prints how many were connected, refused, still under way, and ended in another way.
 *
 *      flood ADDRESS PORT COUNT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void on_stop(int number)
{
        (void)number;
        stopping = 1;
}

static int open_one(struct sockaddr_in *address, int port)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        if (fd < 0)
                exit(3);
        address->sin_port = htons((unsigned short)port);
        if (connect(fd, (struct sockaddr *)address, sizeof(*address)) < 0 && errno != EINPROGRESS)
                exit(4);
        return fd;
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        struct sigaction stop = { .sa_handler = on_stop };
        int connected = 0, refused = 0, other = 0, pending, count = argc == 4 ? atoi(argv[3]) : 0;
        struct rlimit files = { .rlim_cur = (rlim_t)count + 64, .rlim_max = (rlim_t)count + 64 };
        struct pollfd *polled = count > 0 ? calloc((size_t)count, sizeof(*polled)) : NULL;

        if (!polled || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 || setrlimit(RLIMIT_NOFILE, &files) < 0)
                return 2;
        sigaction(SIGTERM, &stop, NULL);
        for (int i = 0; i < count; i++)
                polled[i] = (struct pollfd){ .fd = open_one(&address, atoi(argv[2]) + i), .events = POLLOUT };
        puts("open");
        fflush(stdout);
        for (pending = count; pending > 0 && !stopping;) {
                if (poll(polled, (nfds_t)count, 1000) <= 0)
                        continue;
                for (int i = 0; i < count; i++) {
                        int error = 0;
                        socklen_t n = sizeof(error);

                        if (polled[i].fd < 0 || !polled[i].revents)
                                continue;
                        getsockopt(polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &n);
                        connected += error == 0;
                        refused += error == ECONNREFUSED;
                        other += error != 0 && error != ECONNREFUSED;
                        close(polled[i].fd);
                        polled[i].fd = -1;
                        pending--;
                }
        }
        printf("%d %d %d %d\n", connected, refused, pending, other);
        return 0;
}
