/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nursery: a process of its own, forked before the daemon opens anything and before it gives up its privileges. It does nothing but start the
 * helpers, start them again when they end, and hand the daemon a fresh socket each time. It keeps the four capabilities that becoming another user
 * takes, reads nothing but one datagram from the daemon ("begin"), and ends with it.
 *
 * A helper that ends is started again at once; the next time after 1 s, 2 s, 4 s … 60 s, until one lived for a minute.
 */
#pragma once

#include <sys/types.h>

enum helper { HELPER_RECORDER, HELPER_PARSER, HELPER_COUNT };

struct nursery {
        int fd; /* readable when a helper's socket has come, or when the nursery has ended; -1: none */
        pid_t pid;
        uid_t uid; /* of the helpers */
        gid_t gid;
        gid_t readers; /* the group that may read history: the helpers' own, or root's where they run as nobody */
};

/* Finds programs and user, and forks. 0 or a negative errno. */
int nursery_fork(struct nursery *ret);
/* From here on there are helpers. The recorder gets `history_fd`, a folder, as its root; -1: no recorder. */
int nursery_begin(struct nursery *n, int history_fd);
/* A helper's socket: 1 with *ret_fd (the caller's), 0 when there is none now, or a negative errno; -EPIPE: the nursery has ended. */
int nursery_receive(struct nursery *n, enum helper *ret, int *ret_fd);
/* From here on nothing is started again, and it ends when the helpers have. */
void nursery_dismiss(struct nursery *n);
/* Waits for that at most `ms`. The helpers' sockets must be closed before. */
void nursery_end(struct nursery *n, int ms);
