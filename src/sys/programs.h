/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel programs as objects: loaded, attached, pinned, read back, removed. Knows their names and file descriptors, nothing of what
 * their maps hold (sys/tracker.c). libbpf is needed for loading only: afterwards its memory is given back and descriptors remain.
 *
 * Taking over from a daemon that was killed: its links and maps live by their pins, its gate by the nftables rule too. The new programs are
 * attached beside the old ones (each hook then runs twice for some milliseconds, which writes the same tag twice) and pinned under names
 * that end in `_new`; when the rule uses the new gate, programs_commit() renames them over the old, which ends those.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* In the order of their definition in bpf/. */
enum program {
        PROGRAM_CONN4,
        PROGRAM_CONN6,
        PROGRAM_SEND4,
        PROGRAM_SEND6,
        PROGRAM_RECV4,
        PROGRAM_RECV6,
        PROGRAM_CREATE,
        PROGRAM_RELEASE,
        PROGRAM_STATE,
        PROGRAM_ANSWER,
        PROGRAM_GATE, /* attached by the nftables rule, not here */
        PROGRAM_N,
};

enum map {
        MAP_CONFIG,
        MAP_SOCKETS,
        MAP_PEERS,
        MAP_QUEUED,
        MAP_SEEN,
        MAP_VERDICTS,
        MAP_HEARD,
        MAP_TALLIES,
        MAP_TRACKS,
        MAP_QUESTIONS,
        MAP_ANSWERS,
        MAP_COUNTERS,
        MAP_N,
};

struct programs {
        char *pins;
        char *gate_pin;
        int program_fds[PROGRAM_N];
        int link_fds[PROGRAM_N];
        int map_fds[MAP_N];
        bool taken_over; /* the maps are those of a daemon that died */
        bool had_gate;   /* so had the directory when we came */
        bool committed;
};

/* What the owner of the maps has to say while they are opened. */
struct programs_owner {
        /* A dead daemon's maps have our shapes; may their contents be gone on with? Asked before anything is loaded. */
        bool (*may_take_over)(void *userdata, const struct programs *p);
        /* Writes the value of `config`: after loading, before the first program is attached. */
        int (*configure)(void *userdata, const struct programs *p);
        void *userdata;
};

/*
 * Loads and attaches beside whatever a dead daemon left in `pins`, so that at no moment no hook runs; takes its maps over when it may. What
 * was there stays until programs_commit(). 0 or negative errno with words in `why`; on failure nothing of ours is left, and what was
 * there is as it was.
 */
int programs_open(struct programs *p, const char *pins, const struct programs_owner *owner, struct buf *why);
/* The rule uses the new gate: our pins take the final names, and what the dead daemon had there is let go. */
int programs_commit(struct programs *p);
/* Before the commit only what is ours goes, afterwards all. */
void programs_close(struct programs *p);
/* Reads every link back from the kernel: one line each in `report`, true when all of them are what was asked for. */
bool programs_check(const struct programs *p, struct buf *report);
/* Unpins all that is Bastion's in `pins` and removes the directory. -EINVAL: not on a BPF file system. */
int programs_remove_pins(const char *pins);
