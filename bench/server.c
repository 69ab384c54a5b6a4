/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end: accepts and closes on TCP, echoes on UDP, IPv4 and IPv6 by the same sockets. The kernel completes a handshake without
 * the server, so the backlog is emptied only every few milliseconds: a wake-up for each connection would compete for the processor with
 * what is measured. Echoes are sent at once, since their time is measured, and from the address that was asked: a whole network of
 * addresses may lead here. A third kind of port takes one bulk flow after another and throws away what comes.
 *
 *      server PORT UDP_PORTS SINK_PORT      TCP on PORT and SINK_PORT, UDP on PORT .. PORT+UDP_PORTS-1; one line "ready" on standard
 *                                           output when it serves
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UDP_PORTS_MAX = 64, BACKLOG = 65535, PAUSE_NS = 2000000, PIECE = 256 << 10 };

/* In the order in which they are polled; the datagram sockets follow. */
enum { LISTENER, SINK_LISTENER, SINK, FIRST_UDP };

static int open_socket(int type, uint16_t port)
{
        struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
        const int on = 1, off = 0;
        int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)); /* answers from addresses that only a route makes ours */
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

/* What came with the datagram, its address of arrival, goes back with it as the address to send from; the way is the routes'. */
static void echo(int fd)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        } control;
        struct sockaddr_in6 from;
        char data[2048];
        struct iovec iov = { .iov_base = data };

        for (;;) {
                struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
                                          .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
                struct cmsghdr *header;
                ssize_t n;

                iov.iov_len = sizeof(data);
                n = recvmsg(fd, &message, 0);
                if (n < 0)
                        return;
                header = CMSG_FIRSTHDR(&message);
                if (header && header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO)
                        memset(CMSG_DATA(header) + offsetof(struct in6_pktinfo, ipi6_ifindex), 0, sizeof(unsigned));
                iov.iov_len = (size_t)n;
                sendmsg(fd, &message, 0);
        }
}

/* One connection at a time. The bytes are read as a program reads them (MSG_TRUNC would leave them where they are). */
static void sink(struct pollfd *listener, struct pollfd *connection)
{
        static char piece[PIECE];

        if (connection->revents) {
                ssize_t n = recv(connection->fd, piece, sizeof(piece), MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno != EAGAIN)) {
                        close(connection->fd);
                        connection->fd = -1;
                }
        }
        if (connection->fd < 0 && listener->revents)
                connection->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
}

/* Never returns: whoever started it ends it. */
static void serve(struct pollfd *fds, nfds_t n)
{
        const struct timespec pause = { .tv_nsec = PAUSE_NS };

        for (;;) {
                fds[SINK_LISTENER].events = fds[SINK].fd < 0 ? POLLIN : 0;
                if (poll(fds, n, -1) < 0)
                        continue;
                for (nfds_t i = FIRST_UDP; i < n; i++)
                        if (fds[i].revents)
                                echo(fds[i].fd);
                sink(&fds[SINK_LISTENER], &fds[SINK]);
                if (!fds[LISTENER].revents)
                        continue;
                nanosleep(&pause, NULL);
                empty_backlog(fds[LISTENER].fd);
        }
}

/* False with errno. */
static bool open_all(struct pollfd *fds, uint16_t port, unsigned n_udp, uint16_t sink_port)
{
        fds[LISTENER].fd = open_socket(SOCK_STREAM, port);
        fds[SINK_LISTENER].fd = open_socket(SOCK_STREAM, sink_port);
        for (unsigned i = 0; i < n_udp; i++)
                fds[FIRST_UDP + i].fd = open_socket(SOCK_DGRAM, (uint16_t)(port + i));
        for (unsigned i = 0; i < FIRST_UDP + n_udp; i++) {
                fds[i].events = POLLIN;
                if (fds[i].fd < 0 && i != SINK)
                        return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        struct pollfd fds[FIRST_UDP + UDP_PORTS_MAX] = { [SINK] = { .fd = -1 } };
        int port, n_udp, sink_port;

        if (argc != 4) {
                fputs("usage: server PORT UDP_PORTS SINK_PORT\n", stderr);
                return 2;
        }
        port = atoi(argv[1]);
        n_udp = atoi(argv[2]);
        sink_port = atoi(argv[3]);
        if (port < 1 || n_udp < 0 || n_udp > UDP_PORTS_MAX || port + n_udp > UINT16_MAX || sink_port < 1 || sink_port > UINT16_MAX)
                return 2;
        if (!open_all(fds, (uint16_t)port, (unsigned)n_udp, (uint16_t)sink_port)) {
                perror("server");
                return 1;
        }
        puts("ready");
        fflush(stdout);
        serve(fds, (nfds_t)(FIRST_UDP + n_udp));
}
