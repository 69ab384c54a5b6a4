/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's Unix socket, and who stands at its other end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/authority.h"

/* Binds a listening stream socket at `path` with mode 0660, group `bastion` where it exists, owner `owner` (0: root). A socket file left by
 * a dead daemon is replaced (the caller holds the lock that proves it dead). Returns the fd or a negative errno. */
int listener_open(const char *path, uid_t owner);
/* Next client's fd, non-blocking; -EAGAIN when none waits, -EMFILE and the like when there is no room. */
int listener_accept(int fd);

struct peer {
        pid_t pid;
        uid_t uid;
        enum authority authority; /* ROOT: uid 0 or `owner`; GROUP: member of `bastion`, primary or supplementary; or NONE */
        bool has_start;           /* else it has exited by now, and whoever has its pid is another */
        uint64_t start_ticks;     /* when it began, as procread_start_ticks() says */
};

/* By SO_PEERCRED, SO_PEERGROUPS and SO_PEERPIDFD: the kernel's word at connect time, not the client's. */
int peer_identify(int fd, uid_t owner, struct peer *ret);
/* The very process that connected is there. */
bool peer_is_alive(const struct peer *peer);

/* The lock that only one daemon of this run directory holds: an flock()ed file with its pid in it. Returns its fd (keep it open), -EBUSY
 * when another daemon lives. */
int lock_acquire(const char *path);
/* Signals the process that wrote its pid there, if it is (still) one of that name. -ESRCH when there is none. */
int lock_signal(const char *path, const char *name, int signal);
