/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end: accepts and closes on TCP, echoes on UDP, IPv4 and IPv6 by the same sockets. The kernel completes a handshake without
 * the server, so the backlog is emptied only every few milliseconds: a wake-up for each connection would compete for the processor with
 * what is measured. Echoes are sent at once, since their time is measured.
 *
 *      server PORT UDP_PORTS      TCP on PORT, UDP on PORT .. PORT+UDP_PORTS-1; one line "ready" on standard output when it serves
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UDP_PORTS_MAX = 64, BACKLOG = 65535, PAUSE_NS = 2000000 };

static int open_socket(int type, uint16_t port)
{
        struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
        const int on = 1, off = 0;
        int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 && (type != SOCK_STREAM || listen(fd, BACKLOG) == 0))
                return fd;
        close(fd);
        return -1;
}

static void empty_backlog(int listener)
{
        for (;;) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd >= 0)
                        close(fd);
                else if (errno == EAGAIN || errno == EMFILE || errno == ENFILE)
                        return;
        }
}

static void echo(int fd)
{
        struct sockaddr_storage from;
        socklen_t from_n = sizeof(from);
        char data[2048];
        ssize_t n;

        while ((n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_n)) >= 0) {
                sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, from_n);
                from_n = sizeof(from);
        }
}

/* Never returns: whoever started it ends it. */
static void serve(struct pollfd *fds, nfds_t n)
{
        const struct timespec pause = { .tv_nsec = PAUSE_NS };

        for (;;) {
                if (poll(fds, n, -1) < 0)
                        continue;
                for (nfds_t i = 1; i < n; i++)
                        if (fds[i].revents)
                                echo(fds[i].fd);
                if (!fds[0].revents)
                        continue;
                nanosleep(&pause, NULL);
                empty_backlog(fds[0].fd);
        }
}

int main(int argc, char **argv)
{
        struct pollfd fds[1 + UDP_PORTS_MAX];
        int port, n_udp;

        if (argc != 3) {
                fputs("usage: server PORT UDP_PORTS\n", stderr);
                return 2;
        }
        port = atoi(argv[1]);
        n_udp = atoi(argv[2]);
        if (port < 1 || n_udp < 0 || n_udp > UDP_PORTS_MAX || port + n_udp > UINT16_MAX)
                return 2;
        for (int i = 0; i < 1 + n_udp; i++) {
                fds[i] = (struct pollfd){ .events = POLLIN };
                fds[i].fd = i == 0 ? open_socket(SOCK_STREAM, (uint16_t)port) : open_socket(SOCK_DGRAM, (uint16_t)(port + i - 1));
                if (fds[i].fd < 0) {
                        perror("server");
                        return 1;
                }
        }
        puts("ready");
        fflush(stdout);
        serve(fds, (nfds_t)(1 + n_udp));
}
