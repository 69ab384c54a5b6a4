/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Talks to one place in one of the many ways that Linux has, then waits for the end of its input, so that whoever wants to look at the process
 * can. Each message says who sent it.
 *
 *      talk KIND ADDRESS PORT [NUMBER] [then PROGRAM ARGUMENT…]
 *
 * `then` executes another program in this process, instead of waiting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talk.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { THREADS = 4, BIG = 20000, BUFFERED = 4 << 20, MANY_MAX = 64, NOBODY = 65534 };

const char *me;

size_t greet(char *ret, size_t size)
{
        return (size_t)snprintf(ret, size, "%s %d\n", me, (int)getpid());
}

int set_port(struct destination *to, uint16_t port)
{
        to->port = port;
        if (to->family == AF_INET)
                ((struct sockaddr_in *)&to->address)->sin_port = htons(port);
        else
                ((struct sockaddr_in6 *)&to->address)->sin6_port = htons(port);
        return 0;
}

int send_greeting(int fd, const struct destination *to, size_t size)
{
        static char text[BIG];
        size_t n = greet(text, sizeof(text));

        n = size > n ? size : n;
        return sendto(fd, text, n, 0, (const struct sockaddr *)(to ? &to->address : NULL), to ? to->n : 0) == (ssize_t)n ? 0 : 1;
}

static int resolve(const char *address, const char *port, struct destination *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->address;

        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
                ret->family = AF_INET;
                ret->n = sizeof(*v4);
        } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
                ret->family = AF_INET6;
                ret->n = sizeof(*v6);
        } else {
                return -1;
        }
        ret->address.ss_family = (sa_family_t)ret->family;
        return set_port(ret, (uint16_t)atoi(port));
}

static int connected(const struct destination *to, int type, int protocol)
{
        int fd = socket(to->family, type, protocol);

        if (fd < 0)
                return -1;
        return connect(fd, (const struct sockaddr *)&to->address, to->n) == 0 ? fd : -1;
}

static int talk_connected(const struct destination *to, int type, int protocol)
{
        int fd = connected(to, type, protocol);

        return fd < 0 ? 1 : send_greeting(fd, NULL, 0);
}

static int talk_unconnected(const struct destination *to, int protocol, size_t size)
{
        int fd = socket(to->family, SOCK_DGRAM, protocol);

        return fd < 0 ? 1 : send_greeting(fd, to, size);
}

/* The first packet already carries data. */
static int talk_fast_open(const struct destination *to)
{
        char text[512];
        size_t n = greet(text, sizeof(text));
        int fd = socket(to->family, SOCK_STREAM, 0);

        if (fd < 0 || sendto(fd, text, n, MSG_FASTOPEN, (const struct sockaddr *)&to->address, to->n) != (ssize_t)n)
                return 1;
        return shutdown(fd, SHUT_WR) == 0 ? 0 : 1;
}

/* Hop-by-hop and destination options of padding, as a program may ask for them. */
static int talk_options6(const struct destination *to)
{
        uint8_t padding[8] = { 0, 0, 1, 4 };
        int fd = socket(AF_INET6, SOCK_DGRAM, 0);

        if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, padding, sizeof(padding)) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, padding, sizeof(padding)) < 0)
                return 1;
        return send_greeting(fd, to, 0);
}

/* One system call, `n` destinations: ports PORT, PORT + 1, … */
static int talk_many(const struct destination *to, int n)
{
        struct destination targets[MANY_MAX];
        struct mmsghdr messages[MANY_MAX] = { 0 };
        char text[512];
        struct iovec part = { text, greet(text, sizeof(text)) };
        int fd = socket(to->family, SOCK_DGRAM, 0), sent = 0, r;

        if (fd < 0 || n > MANY_MAX)
                return 1;
        for (int i = 0; i < n; i++) {
                targets[i] = *to;
                set_port(&targets[i], (uint16_t)(to->port + i));
                messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &targets[i].address, .msg_namelen = to->n, .msg_iov = &part, .msg_iovlen = 1
                };
        }
        while (sent < n) {
                r = sendmmsg(fd, messages + sent, (unsigned)(n - sent), 0);
                sent += r > 0 ? r : 1; /* one that is refused does not keep the others */
        }
        return 0;
}

struct sharer {
        const struct destination *to;
        int fd, first, n;
};

static void *share(void *argument)
{
        const struct sharer *s = argument;
        struct destination to = *s->to;

        for (int i = s->first; i < s->n; i += THREADS) {
                set_port(&to, (uint16_t)(s->to->port + i));
                send_greeting(s->fd, &to, 0);
        }
        return NULL;
}

static int talk_threads(const struct destination *to, int n)
{
        int fd = socket(to->family, SOCK_DGRAM, 0);
        struct sharer sharers[THREADS];
        pthread_t threads[THREADS];

        if (fd < 0)
                return 1;
        for (int i = 0; i < THREADS; i++) {
                sharers[i] = (struct sharer){ .to = to, .fd = fd, .first = i, .n = n };
                if (pthread_create(&threads[i], NULL, share, &sharers[i]) != 0)
                        return 1;
        }
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        return 0;
}

static void *connect_as_thread(void *to)
{
        return (void *)(intptr_t)talk_connected(to, SOCK_STREAM, 0);
}

static int talk_thread(struct destination *to)
{
        pthread_t thread;
        void *result;

        if (pthread_create(&thread, NULL, connect_as_thread, to) != 0 || pthread_join(thread, &result) != 0)
                return 1;
        return (int)(intptr_t)result;
}

/* The child borrows our memory, and is another process all the same. */
static int talk_vfork(const struct destination *to)
{
        pid_t pid = vfork();
        int status;

        if (pid == 0)
                _exit(talk_connected(to, SOCK_STREAM, 0));
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

/* Once as it was started, once as nobody. */
static int talk_setuid(const struct destination *to)
{
        int before = talk_connected(to, SOCK_STREAM, 0);

        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return 1;
        return talk_connected(to, SOCK_STREAM, 0) | before;
}

/* Connects; after a line of input its child does. */
static int talk_fork_later(const struct destination *to)
{
        int before = talk_connected(to, SOCK_STREAM, 0), status;
        char line[16];
        pid_t pid;

        if (!fgets(line, sizeof(line), stdin))
                return 1;
        pid = fork();
        if (pid == 0)
                _exit(talk_connected(to, SOCK_STREAM, 0));
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? before : 1;
}

/* Writes more than the peer reads, and leaves; the kernel sends on without us. */
static int talk_buffered(const struct destination *to)
{
        int fd = connected(to, SOCK_STREAM, 0), size = BUFFERED;
        char *text = malloc(BUFFERED);
        ssize_t n;

        if (fd < 0 || !text || setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                return 1;
        memset(text, 'x', BUFFERED);
        n = send(fd, text, BUFFERED, MSG_DONTWAIT);
        printf("%zd\n", n);
        return n > 0 ? 0 : 1;
}

/* Answers one datagram from an unconnected socket, the next from the same one, connected. */
static int serve(const struct destination *to)
{
        int fd = socket(to->family, SOCK_DGRAM, 0);
        struct destination from;
        char text[512];
        ssize_t n;

        if (fd < 0 || bind(fd, (const struct sockaddr *)&to->address, to->n) < 0)
                return 1;
        puts("listening");
        fflush(stdout);
        for (int i = 0; i < 2; i++) {
                from.n = sizeof(from.address);
                n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from.address, &from.n);
                if (n < 0)
                        return 1;
                if (i == 1 && connect(fd, (struct sockaddr *)&from.address, from.n) < 0)
                        return 1;
                if (sendto(fd, text, (size_t)n, 0, i == 1 ? NULL : (struct sockaddr *)&from.address, i == 1 ? 0 : from.n) != n)
                        return 1;
        }
        return 0;
}

static int talk(const char *kind, struct destination *to, const char *extra)
{
        const int number = extra ? atoi(extra) : 0;

#define IS(name) (strcmp(kind, name) == 0)
        if (IS("tcp"))
                return talk_connected(to, SOCK_STREAM, 0);
        if (IS("udp"))
                return talk_connected(to, SOCK_DGRAM, 0);
        if (IS("udp-unconnected"))
                return talk_unconnected(to, 0, 0);
        if (IS("udplite"))
                return talk_connected(to, SOCK_DGRAM, IPPROTO_UDPLITE);
        if (IS("udplite-unconnected"))
                return talk_unconnected(to, IPPROTO_UDPLITE, 0);
        if (IS("sctp"))
                return talk_connected(to, SOCK_STREAM, IPPROTO_SCTP);
        if (IS("mptcp"))
                return talk_connected(to, SOCK_STREAM, IPPROTO_MPTCP);
        if (IS("big"))
                return talk_unconnected(to, 0, BIG);
        if (IS("tfo"))
                return talk_fast_open(to);
        if (IS("options6"))
                return talk_options6(to);
        if (IS("many"))
                return talk_many(to, number);
        if (IS("threads"))
                return talk_threads(to, number);
        if (IS("thread"))
                return talk_thread(to);
        if (IS("vfork"))
                return talk_vfork(to);
        if (IS("fork-later"))
                return talk_fork_later(to);
        if (IS("setuid"))
                return talk_setuid(to);
        if (IS("buffered"))
                return talk_buffered(to);
        if (IS("serve"))
                return serve(to);
        if (IS("raw"))
                return talk_raw(to, number, NULL);
        if (IS("raw-fd"))
                return talk_raw(to, 0, extra);
        if (IS("fd"))
                return send_greeting(number, to, 0);
        if (IS("header4"))
                return talk_header4(to, 4, number, 64);
        if (IS("cut4"))
                return talk_header4(to, 4, number, 3);
        if (IS("version5"))
                return talk_header4(to, 5, IPPROTO_UDP, 64);
        if (IS("fragments4"))
                return talk_fragments4(to);
        if (IS("headers6"))
                return talk_headers6(to, number, 8);
        if (IS("long-headers6"))
                return talk_headers6(to, number, 256);
        if (IS("uring-tcp"))
                return talk_uring(to, SOCK_STREAM);
        if (IS("uring-udp"))
                return talk_uring(to, SOCK_DGRAM);
        return 2;
#undef IS
}

int main(int argc, char **argv)
{
        struct destination to;
        int next = 4, result;

        if (argc < 4 || resolve(argv[2], argv[3], &to) < 0)
                return 2;
        me = argv[0];
        if (next < argc && strcmp(argv[next], "then") != 0)
                next++;
        result = talk(argv[1], &to, next > 4 ? argv[4] : NULL);
        if (result != 0)
                fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        fflush(stdout);
        if (next + 1 < argc) {
                execv(argv[next + 1], argv + next + 1);
                return 127;
        }
        while (read(STDIN_FILENO, &(char){ 0 }, 1) > 0)
                ;
        return result;
}
