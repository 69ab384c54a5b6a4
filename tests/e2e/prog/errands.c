/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One program that does much: it reads an errand a line, runs it, and answers each with a line of what its calls came to: the errnos in the order
 * of their first appearance, with how often each came ("0:19 111:1"). So one process can be watched over many connections, and can become
 * another user or another program in between.
 *
 *      stream PROTOCOL ADDRESS PORT COUNT [BYTES]   a connection each, which says who it is, or says BYTES
 *      datagram PROTOCOL ADDRESS PORT COUNT         a connected socket each
 *      unconnected PROTOCOL ADDRESS PORT COUNT      a socket each
 *      again ADDRESS PORT COUNT                     one socket that is kept, unconnected
 *      bound LOCAL-PORT ADDRESS PORT COUNT [connected]
 *                                                   one socket that shares its port (SO_REUSEPORT)
 *      spread ADDRESS PORT N COUNT                  four threads, one socket, ports PORT … PORT + N - 1, each COUNT times: a list for each port
 *      many ADDRESS PORT N                          one sendmmsg to these ports; one errno for each
 *      waiting ADDRESS PORT, fast-open ADDRESS PORT a non-blocking connect; data in the SYN
 *      both ADDRESS PORT PORT                       one stream socket, connected to the one and then to the other: two errnos
 *      open ADDRESS PORT, write BYTES               a stream that is kept
 *      hosts NETWORK FIRST LAST PORT                a datagram from one socket to each address NETWORK + FIRST … LAST (IPv4)
 *      crowd ADDRESS PORT COUNT                     as many children, one after the other, with a datagram each
 *      sockets ADDRESS PORT COUNT FROM              as many datagram sockets of the address FROM (one has no ports for more than some 20,000), which
 *                                                   stay open until `sockets` is said again; a datagram each
 *      become UID GID, name COMM, child ERRAND…, run PROGRAM
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS = 16, THREADS = 4, PORTS_MAX = 64, LINE = 1024, PIECE = 65536, WAIT_MS = 20000 };

struct tally {
        int n, error[KINDS], count[KINDS];
};

static const char *me;
static int kept = -1, stream = -1;

static void add(struct tally *t, int error)
{
        int i = 0;

        while (i < t->n && t->error[i] != error)
                i++;
        if (i == KINDS)
                exit(4);
        t->error[i] = error;
        t->count[i]++;
        t->n += i == t->n;
}

static void print(const struct tally *t)
{
        for (int i = 0; i < t->n; i++)
                printf("%s%d:%d", i ? " " : "", t->error[i], t->count[i]);
}

struct place {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        };
        socklen_t n;
};

static struct place place_of(const char *address, int port)
{
        struct place p = { 0 };

        if (inet_pton(AF_INET, address, &p.v4.sin_addr) == 1) {
                p.v4.sin_family = AF_INET;
                p.v4.sin_port = htons((uint16_t)port);
                p.n = sizeof(p.v4);
                return p;
        }
        if (inet_pton(AF_INET6, address, &p.v6.sin6_addr) != 1)
                exit(5);
        p.v6.sin6_family = AF_INET6;
        p.v6.sin6_port = htons((uint16_t)port);
        p.n = sizeof(p.v6);
        return p;
}

/* A link-local address is written with the number of its interface: fe80::1%3. */
static struct place parse(const char *address, const char *port)
{
        char plain[64];
        const char *scope = strchr(address, '%');
        struct place p;

        snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(address, "%"), address);
        p = place_of(plain, atoi(port));
        if (scope)
                p.v6.sin6_scope_id = (uint32_t)atoi(scope + 1);
        return p;
}

static int make(const struct place *to, int type, int protocol)
{
        int fd = socket(to->any.sa_family, type, protocol);

        if (fd < 0)
                exit(6);
        return fd;
}

static size_t greet(char *text, size_t size)
{
        return (size_t)snprintf(text, size, "%s %d\n", me, (int)getpid());
}

static int say(int fd, const struct place *to)
{
        char text[512];
        size_t n = greet(text, sizeof(text));

        return sendto(fd, text, n, MSG_NOSIGNAL, to ? &to->any : NULL, to ? to->n : 0) < 0 ? errno : 0;
}

static int say_much(int fd, long bytes)
{
        static char piece[PIECE];
        ssize_t n;

        for (; bytes > 0; bytes -= n) {
                n = send(fd, piece, (size_t)(bytes < PIECE ? bytes : PIECE), MSG_NOSIGNAL);
                if (n < 0)
                        return errno;
        }
        return 0;
}

static int connect_one(int type, int protocol, const struct place *to, long bytes)
{
        int fd = make(to, type, protocol), error = 0;

        if (connect(fd, &to->any, to->n) < 0)
                error = errno;
        else
                error = bytes > 0 ? say_much(fd, bytes) : say(fd, NULL);
        close(fd);
        return error;
}

static int send_one(int protocol, const struct place *to)
{
        int fd = make(to, SOCK_DGRAM, protocol), error = say(fd, to);

        close(fd);
        return error;
}

static void send_bound(char **words, bool connected, struct tally *t)
{
        struct place to = parse(words[2], words[3]), local = place_of(to.any.sa_family == AF_INET ? "0.0.0.0" : "::", atoi(words[1]));
        int fd = make(&to, SOCK_DGRAM, 0), error = 0;

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)) < 0 || bind(fd, &local.any, local.n) < 0)
                exit(10);
        if (connected && connect(fd, &to.any, to.n) < 0)
                error = errno;
        for (int i = 0; i < atoi(words[4]); i++)
                add(t, error ? error : say(fd, connected ? NULL : &to));
        close(fd);
}

struct sharer {
        char **words;
        int fd, first, n, count;
        struct tally tallies[PORTS_MAX];
};

static void *share(void *argument)
{
        struct sharer *s = argument;

        for (int i = 0; i < s->count * s->n; i++) {
                int at = (s->first + i) % s->n;
                struct place to = place_of(s->words[1], atoi(s->words[2]) + at);

                add(&s->tallies[at], say(s->fd, &to));
        }
        return NULL;
}

static void spread(char **words)
{
        static struct sharer sharers[THREADS];
        struct place any = parse(words[1], words[2]);
        int fd = make(&any, SOCK_DGRAM, 0), n = atoi(words[3]);
        pthread_t threads[THREADS];

        memset(sharers, 0, sizeof(sharers));
        for (int i = 0; i < THREADS; i++) {
                sharers[i] = (struct sharer){ .words = words, .fd = fd, .first = i * n / THREADS, .n = n, .count = atoi(words[4]) };
                if (n > PORTS_MAX || pthread_create(&threads[i], NULL, share, &sharers[i]) != 0)
                        exit(7);
        }
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        for (int at = 0; at < n; at++) {
                struct tally sum = { 0 };

                for (int i = 0; i < THREADS; i++)
                        for (int k = 0; k < sharers[i].tallies[at].n; k++)
                                for (int c = 0; c < sharers[i].tallies[at].count[k]; c++)
                                        add(&sum, sharers[i].tallies[at].error[k]);
                print(&sum);
                printf(at + 1 < n ? ", " : "");
        }
        close(fd);
}

static void many(char **words)
{
        struct mmsghdr messages[PORTS_MAX] = { 0 };
        struct place to[PORTS_MAX];
        char text[512];
        struct iovec part = { text, greet(text, sizeof(text)) };
        int n = atoi(words[3]), fd, r;

        if (n > PORTS_MAX)
                exit(7);
        for (int i = 0; i < n; i++) {
                to[i] = place_of(words[1], atoi(words[2]) + i);
                messages[i].msg_hdr = (struct msghdr){ .msg_name = &to[i], .msg_namelen = to[i].n, .msg_iov = &part, .msg_iovlen = 1 };
        }
        fd = make(&to[0], SOCK_DGRAM, 0);
        for (int sent = 0; sent < n; sent += r) {
                r = sendmmsg(fd, messages + sent, (unsigned)(n - sent), 0);
                for (int i = 0; i < r; i++)
                        printf("0 ");
                if (r > 0)
                        continue;
                printf("%d ", errno); /* the first of what was left */
                r = 1;
        }
        close(fd);
}

static int connect_waiting(const struct place *to)
{
        int fd = make(to, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
        struct pollfd polled = { .fd = fd, .events = POLLOUT };
        socklen_t n = sizeof(error);

        if (connect(fd, &to->any, to->n) < 0)
                error = errno;
        if (error == EINPROGRESS) {
                error = ETIMEDOUT;
                if (poll(&polled, 1, WAIT_MS) == 1)
                        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
        }
        if (error == 0)
                error = say(fd, NULL);
        close(fd);
        return error;
}

static int connect_fast(const struct place *to)
{
        char text[512];
        size_t n = greet(text, sizeof(text));
        int fd = make(to, SOCK_STREAM, 0), error = 0;

        if (sendto(fd, text, n, MSG_FASTOPEN | MSG_NOSIGNAL, &to->any, to->n) < 0)
                error = errno;
        close(fd);
        return error;
}

static int connect_kept(int fd, const struct place *to)
{
        return connect(fd, &to->any, to->n) < 0 ? errno : 0;
}

static void both(char **words)
{
        struct place first = parse(words[1], words[2]), second = parse(words[1], words[3]);
        int fd = make(&first, SOCK_STREAM, 0);

        printf("%d", connect_kept(fd, &first));
        printf(" %d", connect_kept(fd, &second));
        close(fd);
}

static void hosts(char **words, struct tally *t)
{
        struct place to = parse(words[1], words[4]);
        uint32_t network = ntohl(to.v4.sin_addr.s_addr);
        int fd = make(&to, SOCK_DGRAM, 0);

        for (uint32_t i = (uint32_t)atoi(words[2]); i <= (uint32_t)atoi(words[3]); i++) {
                to.v4.sin_addr.s_addr = htonl(network + i);
                add(t, say(fd, &to));
        }
        close(fd);
}

static void crowd(char **words, struct tally *t)
{
        struct place to = parse(words[1], words[2]);

        for (int i = 0, status; i < atoi(words[3]); i++) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(send_one(0, &to));
                if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                        exit(8);
                add(t, WEXITSTATUS(status));
        }
}

static void hold_sockets(char **words, struct tally *t)
{
        static int *held, n_held;
        const int n = atoi(words[3]);
        struct place to = parse(words[1], words[2]), from = parse(words[4], "0");
        struct rlimit files;

        while (n_held > 0)
                close(held[--n_held]);
        free(held);
        held = calloc((size_t)n + 1, sizeof(*held));
        if (!held || getrlimit(RLIMIT_NOFILE, &files) < 0)
                exit(9);
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                exit(9);
        for (int i = 0; i < n; i++) {
                held[n_held++] = make(&to, SOCK_DGRAM, 0);
                if (bind(held[i], &from.any, from.n) < 0)
                        exit(10);
                add(t, say(held[i], &to));
        }
}

static int become(char **words)
{
        const gid_t gid = (gid_t)atoi(words[2]);
        const uid_t uid = (uid_t)atoi(words[1]);

        /* The saved ids stay: it can go back. */
        if (seteuid(0) < 0 || setegid(gid) < 0 || seteuid(uid) < 0)
                return errno;
        return 0;
}

static void run(char **words)
{
        char *argv[] = { words[1], NULL };

        execv(words[1], argv);
        printf("%d\n", errno);
}

static void do_errand(char **w, int n);

static void do_in_child(char **words, int n)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                do_errand(words + 1, n - 1);
                fflush(stdout);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                exit(8);
}

static void do_errand(char **w, int n)
{
        struct tally t = { 0 };
        struct place to = { 0 };

#define IS(name, n_words) (strcmp(w[0], name) == 0 && n >= (n_words))
        if (IS("stream", 5) || IS("datagram", 5) || IS("unconnected", 5)) {
                to = parse(w[2], w[3]);
                for (int i = 0; i < atoi(w[4]); i++) {
                        if (IS("unconnected", 5))
                                add(&t, send_one(atoi(w[1]), &to));
                        else
                                add(&t, connect_one(IS("stream", 5) ? SOCK_STREAM : SOCK_DGRAM, atoi(w[1]), &to, n > 5 ? atol(w[5]) : 0));
                }
        } else if (IS("again", 4)) {
                to = parse(w[1], w[2]);
                if (kept < 0)
                        kept = make(&to, SOCK_DGRAM, 0);
                for (int i = 0; i < atoi(w[3]); i++)
                        add(&t, say(kept, &to));
        } else if (IS("bound", 5)) {
                send_bound(w, n > 5, &t);
        } else if (IS("spread", 5)) {
                spread(w);
        } else if (IS("many", 4)) {
                many(w);
        } else if (IS("waiting", 3)) {
                to = parse(w[1], w[2]);
                add(&t, connect_waiting(&to));
        } else if (IS("fast-open", 3)) {
                to = parse(w[1], w[2]);
                add(&t, connect_fast(&to));
        } else if (IS("both", 4)) {
                both(w);
        } else if (IS("open", 3)) {
                to = parse(w[1], w[2]);
                stream = make(&to, SOCK_STREAM, 0);
                add(&t, connect_kept(stream, &to));
        } else if (IS("write", 2)) {
                add(&t, say_much(stream, atol(w[1])));
        } else if (IS("hosts", 5)) {
                hosts(w, &t);
        } else if (IS("crowd", 4)) {
                crowd(w, &t);
        } else if (IS("sockets", 5)) {
                hold_sockets(w, &t);
        } else if (IS("become", 3)) {
                add(&t, become(w));
        } else if (IS("name", 2)) {
                add(&t, prctl(PR_SET_NAME, w[1]) < 0 ? errno : 0);
        } else if (IS("child", 2)) {
                do_in_child(w, n);
                return;
        } else if (IS("run", 2)) {
                run(w);
                return;
        } else {
                exit(2);
        }
#undef IS
        print(&t);
        putchar('\n');
}

/* Byte by byte: what comes after this line is for the program that we may have become by then. */
static int read_line(char *line)
{
        int n = 0;

        while (n < LINE - 1 && read(STDIN_FILENO, &line[n], 1) == 1 && line[n] != '\n')
                n++;
        line[n] = 0;
        return n;
}

int main(int argc, char **argv)
{
        char line[LINE], *words[16];
        int n;

        (void)argc;
        me = argv[0];
        puts("ready");
        fflush(stdout);
        while (read_line(line) > 0) {
                n = 0;
                for (char *word = strtok(line, " "); word && n < 16; word = strtok(NULL, " "))
                        words[n++] = word;
                do_errand(words, n);
                fflush(stdout);
        }
        return 0;
}
