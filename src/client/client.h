/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's protocol for programs: one connected socket, lines in, lines out, nothing that blocks. The
 * caller owns the event loop: it polls client_fd() for client_poll_events() and calls client_dispatch(),
 * which calls back once for each line. Requests are formatted by wire/message.h straight into
 * client_output(). There is no reconnecting here: only the caller knows what a lost connection means to it.
 * One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/buf.h"
#include "base/macros.h"
#include "core/limits.h"
#include "wire/message.h"

/* Where the daemon listens when nobody says otherwise. */
#define CLIENT_SOCKET "/run/bastion/bastion-daemon.sock"

enum {
        /* The daemon holds no more than this for one client, so no honest line is longer. */
        CLIENT_LINE_MAX = LIMIT_CLIENT_OUTPUT,
        /* What may wait to be sent. A caller that reaches it talks to a daemon that does not listen. */
        CLIENT_OUTPUT_MAX = 1 << 20,
};

enum {
        CLIENT_E_NO_DAEMON = 1,     /* nobody listens there */
        CLIENT_E_NOT_PERMITTED = 2, /* this user may not connect */
        CLIENT_E_CLOSED = 3,        /* the daemon went away, or closed this connection */
        CLIENT_E_TOO_LONG = 4, /* a line beyond CLIENT_LINE_MAX: whoever speaks there is no daemon of ours */
};

struct client;

/*
 * One line from the daemon: `event`, and the `n` bytes of `raw` it was parsed from, without the newline and
 * NUL-terminated. Both are borrowed for the call; what the callback takes out of `event` it leaves zero
 * there. It may send requests; it must not free the client or call client_dispatch().
 */
typedef void (*client_event_fn)(struct client *c, struct event *event, const char *raw, size_t n,
                                void *userdata);

/*
 * Connects to the socket at `path`. 0; CLIENT_E_NO_DAEMON, CLIENT_E_NOT_PERMITTED; -EAGAIN: the daemon's
 * backlog is full, try again in a moment; -ENAMETOOLONG; another negative errno.
 */
int client_connect(const char *path, client_event_fn on_event, void *userdata, struct client **ret);
/* Takes over a connected socket: what client_connect() does after connecting, and what tests do with a
 * socketpair. The fd is the client's on success only. 0 or a negative errno. */
int client_new(int fd, client_event_fn on_event, void *userdata, struct client **ret);
struct client *client_free(struct client *c); /* takes NULL, returns NULL */
DEFINE_FREEP(struct client, client_free)

int client_fd(const struct client *c);
/* POLLIN, and POLLOUT while something waits to be sent. */
short client_poll_events(const struct client *c);

/* Sends what waits, reads what is there (at most a few buffers: the caller's other sources get their turn),
 * calls back for each whole line. 0, CLIENT_E_CLOSED (after the last whole line was delivered),
 * CLIENT_E_TOO_LONG, or a negative errno; after anything but 0 the connection is of no more use. */
int client_dispatch(struct client *c);

/* A fresh id for a request, from 1. */
int64_t client_next_id(struct client *c);
/* Where requests are appended by message_format_request…(). Errors stick in it and come out of
 * client_dispatch(). */
struct buf *client_output(struct client *c);

/* CLOCK_BOOTTIME: what the daemon's deadlines and lifetimes are counted by, and who shows them has to count by too. */
struct boottime client_now(void);

/* Lines that were not of this protocol; they are dropped, and whoever shows anything to a person says so. */
uint64_t client_n_garbage(const struct client *c);
