/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel programs as objects: loaded, attached, pinned, read back, removed. Knows their names and file descriptors, nothing of what
 * their maps hold (sys/tracker.c). libbpf is needed for loading only: afterwards its memory is given back and descriptors remain.
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
        PROGRAM_GATE, /* attached by the nftables rule, not here */
        PROGRAM_N,
};

enum map { MAP_CONFIG, MAP_SOCKETS, MAP_PEERS, MAP_QUEUED, MAP_SEEN, MAP_TRACKS, MAP_COUNTERS, MAP_N };

struct programs {
        char *pins;
        char *gate_pin;
        int program_fds[PROGRAM_N];
        int link_fds[PROGRAM_N];
        int map_fds[MAP_N];
};

/* The value of `config` is written by `configure` after loading and before the first program is attached. 0 or negative errno with words in
 * `why`; on failure nothing is left behind. What a dead daemon pinned in `pins` is replaced. */
int programs_open(struct programs *p, const char *pins, int (*configure)(void *userdata, const struct programs *p), void *userdata,
                  struct buf *why);
void programs_close(struct programs *p);
/* Reads every link back from the kernel: one line each in `report`, true when all of them are what was asked for. */
bool programs_check(const struct programs *p, struct buf *report);
/* Unpins all that is Bastion's in `pins` and removes the directory. -EINVAL: not on a BPF file system. */
int programs_remove_pins(const char *pins);
