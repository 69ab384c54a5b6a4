/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel decided by a known verdict, added up: one tally for each program (as one user) and rule, which the hooks count connections in and
 * the gate bytes. Here is whose each tally is, and how much of it was told already. A tally's id has its place in the kernel's map in the low
 * bits and a turn above, so that a socket or a verdict that still has the id of a tally that was given away counts nowhere.
 *
 * Bounds: TALLIES_MAX at a time. When they are used up, tallies_reset() begins the next turn; verdicts that name the old ones must be gone by then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/decision.h"
#include "core/flow.h"

enum { TALLIES_MAX = 4095 };

struct tallies;

/* Whose: all borrowed. */
struct tally {
        const struct subject *subject;
        const char *rule; /* its id */
        enum verdict verdict;
        enum reason reason;
};

/* What came since it was last told. */
struct tally_news {
        uint64_t n_connections, n_bytes;
        struct flow last; /* the last connection's: protocol, remote, remote port */
};

/* `map_fd` is borrowed. NULL on -ENOMEM. */
struct tallies *tallies_new(int map_fd);
struct tallies *tallies_free(struct tallies *t); /* takes NULL, returns NULL */
DEFINE_FREEP(struct tallies, tallies_free)

/* The id of the tally, which is made when there is none. -ENOSPC when they are used up, -ENOMEM, or the map's negative errno. */
int64_t tallies_get(struct tallies *t, const struct tally *tally);
/* Whose a tally is; false: nobody's any more. */
bool tallies_find(const struct tallies *t, uint32_t id, struct tally *ret);

typedef void (*tallies_fn)(void *userdata, const struct tally *tally, const struct tally_news *news);
/* Calls `fn` for each tally that has new connections, which are then told, with the bytes that came until now. */
void tallies_tell(struct tallies *t, tallies_fn fn, void *userdata);
/* Nobody has a tally any more. */
void tallies_reset(struct tallies *t);
