/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The peer of bench/brief.c: hears who everybody says he is, and keeps the time. What it heard is the truth that a firewall's naming is
 * compared with. TCP visitors are answered and served one after the other; they speak at once.
 *
 *      witness PORT      "ready"; on SIGTERM a line for each visitor: "TCP|UDP SOURCE-PORT PATH PID NS", NS being how long his packet was
 *                        on its way: connect() as he timed it himself, or from his sendto() to the kernel's time of arrival here
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "target.h"

enum { VISITS_MAX = 1 << 17, PATH_SIZE = 256, TEXT_MAX = 512, BUFFER = 32 << 20, BACKLOG = 4096, PATIENCE_S = 2 };

struct visit {
        bool is_tcp;
        uint16_t port;
        int pid;
        long long ns;
        char path[PATH_SIZE];
};

static struct visit *visits;
static unsigned n_visits;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
        (void)number;
        stop = 1;
}

/* `arrived`: of a datagram, in nanoseconds of CLOCK_REALTIME; of a stream 0. */
static void note(bool is_tcp, const struct sockaddr_in6 *from, const char *text, long long arrived)
{
        struct visit *v = &visits[n_visits];

        if (n_visits == VISITS_MAX)
                return;
        *v = (struct visit){ .is_tcp = is_tcp, .port = ntohs(from->sin6_port) };
        if (sscanf(text, "%255s %d %lld", v->path, &v->pid, &v->ns) != 3)
                return;
        if (arrived)
                v->ns = arrived - v->ns;
        n_visits++;
}

static void hear_stream(int listener)
{
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        struct sockaddr_in6 from = { 0 };
        socklen_t from_n = sizeof(from);
        char text[TEXT_MAX];
        ssize_t n;
        int fd = accept(listener, (struct sockaddr *)&from, &from_n);

        if (fd < 0)
                return;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        n = recv(fd, text, sizeof(text) - 1, 0);
        if (n > 0) {
                text[n] = '\0';
                note(true, &from, text, 0);
                send(fd, "k", 1, MSG_NOSIGNAL);
        }
        close(fd);
}

static void hear_datagram(int fd)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(struct timespec))];
        } control;
        struct sockaddr_in6 from = { 0 };
        char text[TEXT_MAX];
        struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
        struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
                                  .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
        struct cmsghdr *header;
        struct timespec t;
        ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

        if (n <= 0)
                return;
        text[n] = '\0';
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_type != SO_TIMESTAMPNS)
                return;
        memcpy(&t, CMSG_DATA(header), sizeof(t));
        note(false, &from, text, (long long)t.tv_sec * 1000000000 + t.tv_nsec);
}

static int open_socket(int type, uint16_t port)
{
        const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
        const int on = 1, off = 0, size = BUFFER;
        int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 && (type != SOCK_STREAM || listen(fd, BACKLOG) == 0))
                return fd;
        close(fd);
        return -1;
}

int main(int argc, char **argv)
{
        const struct sigaction action = { .sa_handler = on_signal };
        struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

        if (argc != 2)
                return 2;
        sigaction(SIGTERM, &action, NULL);
        visits = calloc(VISITS_MAX, sizeof(*visits));
        fds[0].fd = open_socket(SOCK_STREAM, (uint16_t)atoi(argv[1]));
        fds[1].fd = open_socket(SOCK_DGRAM, (uint16_t)atoi(argv[1]));
        if (!visits || fds[0].fd < 0 || fds[1].fd < 0) {
                perror("witness");
                return EXIT_FAILURE;
        }
        puts("ready");
        fflush(stdout);
        while (!stop) {
                if (poll(fds, 2, -1) < 0)
                        continue;
                if (fds[0].revents)
                        hear_stream(fds[0].fd);
                if (fds[1].revents)
                        hear_datagram(fds[1].fd);
        }
        for (unsigned i = 0; i < n_visits; i++)
                printf("%s %u %s %d %lld\n", visits[i].is_tcp ? "TCP" : "UDP", visits[i].port, visits[i].path, visits[i].pid, visits[i].ns);
        free(visits);
        return EXIT_SUCCESS;
}
