/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A byte stream cuts lines wherever it likes: what has arrived is kept until its newline is there, and
 * `scanned` remembers how far the search went, so that a long line is not searched again from its start with
 * every piece. Memory is bounded by the longest line, time in one dispatch by READS_PER_DISPATCH.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"

enum { READ_SIZE = 64 << 10, READS_PER_DISPATCH = 16 };

struct client {
        int fd;
        client_event_fn on_event;
        void *userdata;
        struct buf in, out;
        size_t scanned; /* bytes of `in` that are known to hold no newline */
        int64_t last_id;
        uint64_t n_garbage;
};

static void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

int client_new(int fd, client_event_fn on_event, void *userdata, struct client **ret)
{
        struct client *c;
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->fd = fd;
        c->on_event = on_event;
        c->userdata = userdata;
        c->in.max = (size_t)CLIENT_LINE_MAX + READ_SIZE;
        c->out.max = CLIENT_OUTPUT_MAX;
        *ret = c;
        return 0;
}

/* What a failed connect() means to a person. */
static int connect_error(int error)
{
        switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
                return CLIENT_E_NO_DAEMON;
        case EACCES:
        case EPERM:
                return CLIENT_E_NOT_PERMITTED;
        default:
                return -error;
        }
}

int client_connect(const char *path, client_event_fn on_event, void *userdata, struct client **ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_(closep) int fd = -1;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* unix(7): a connect to a local socket succeeds or fails at once, there is no EINPROGRESS. */
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return connect_error(errno);

        r = client_new(fd, on_event, userdata, ret);
        if (r == 0)
                fd = -1;
        return r;
}

struct client *client_free(struct client *c)
{
        if (!c)
                return NULL;
        close(c->fd);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        free(c);
        return NULL;
}

int client_fd(const struct client *c)
{
        return c->fd;
}

short client_poll_events(const struct client *c)
{
        return (short)(POLLIN | (c->out.n > 0 ? POLLOUT : 0));
}

int64_t client_next_id(struct client *c)
{
        return ++c->last_id;
}

struct buf *client_output(struct client *c)
{
        return &c->out;
}

uint64_t client_n_garbage(const struct client *c)
{
        return c->n_garbage;
}

/* A daemon that closed still has its last words in our receive queue: a broken pipe is left for the reader to
 * find. */
static int client_flush(struct client *c)
{
        ssize_t n;

        if (buf_error(&c->out))
                return buf_error(&c->out);
        while (c->out.n > 0) {
                n = send(c->fd, c->out.data, c->out.n, MSG_NOSIGNAL);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        if (errno == EAGAIN)
                                return 0;
                        if (errno == EPIPE || errno == ECONNRESET) {
                                buf_reset(&c->out);
                                return 0;
                        }
                        return -errno;
                }
                buf_consume(&c->out, (size_t)n);
        }
        return 0;
}

static int deliver_line(struct client *c, const char *line, size_t n)
{
        _cleanup_(event_freep) struct event *event = NULL;
        int r;

        r = event_parse(line, n, &event);
        if (r < 0)
                return r;
        if (r > 0)
                c->n_garbage++;
        else
                c->on_event(c, event, line, n, c->userdata);
        return 0;
}

/* Delivers every whole line in `in` and keeps the rest. */
static int deliver_lines(struct client *c)
{
        size_t start = 0, from = c->scanned;
        char *newline;
        int r = 0;

        while (r == 0 && from < c->in.n && (newline = memchr(c->in.data + from, '\n', c->in.n - from))) {
                size_t end = (size_t)(newline - c->in.data);

                *newline = '\0';
                r = end - start > CLIENT_LINE_MAX ? CLIENT_E_TOO_LONG
                                                  : deliver_line(c, c->in.data + start, end - start);
                start = from = end + 1;
        }
        buf_consume(&c->in, start);
        c->scanned = c->in.n;
        if (r == 0 && c->in.n > CLIENT_LINE_MAX)
                return CLIENT_E_TOO_LONG;
        return r;
}

int client_dispatch(struct client *c)
{
        char data[READ_SIZE];
        int r;

        r = client_flush(c);
        if (r)
                return r;
        for (int i = 0; i < READS_PER_DISPATCH; i++) {
                ssize_t n = recv(c->fd, data, sizeof(data), 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return CLIENT_E_CLOSED;
                if (n < 0)
                        return -errno;
                buf_append(&c->in, data, (size_t)n);
                if (buf_error(&c->in))
                        return buf_error(&c->in);
                r = deliver_lines(c);
                if (r)
                        return r;
        }
        return client_flush(c); /* what the callbacks asked */
}

struct boottime client_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (struct boottime){ (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec };
}
