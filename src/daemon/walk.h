/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets that exist: what the kernel lists of TCP, UDP and UDP-Lite, and who holds them. One pass over the kernel's sockets, one over
 * /proc/PID/fd, joined by inode; the second is the dearer one and left to the caller. At most WALK_MAX sockets.
 */
#pragma once

#include "base/macros.h"
#include "core/limits.h"
#include "core/subject.h"
#include "sys/sockets.h"

enum { WALK_MAX = 65536 };

struct walked {
        struct sockdiag_socket socket;
        uint32_t pids[LIMIT_OWNERS]; /* of those who hold it, lowest first */
        unsigned n_pids;
};

struct walk {
        struct walked *found;
        size_t n, size;
        bool bytes; /* what they have carried is wanted: set before the walk */
        bool lost;  /* there are more */
        uint8_t listening[(UINT16_MAX + 1) / 8]; /* TCP ports, a bit each */
};

/* `w` is all zero but for `bytes`. 0 or negative errno; walk_deinit() afterwards in any case. */
int walk_sockets(struct walk *w, struct sockets *sockets);
/* Fills in the pids; the order of `found` changes. */
void walk_find_holders(struct walk *w);
void walk_deinit(struct walk *w);

/* Its first holder as /proc knows it, referenced; subject_unknown() where nobody is known. After walk_find_holders(). */
struct subject *walk_subject(const struct walked *found);

/* Connected to somebody, or about to be. */
bool walk_is_connection(const struct sockdiag_socket *s);
/* Direction in when somebody listens at its local port. */
enum direction walk_direction(const struct walk *w, const struct sockdiag_socket *s);
