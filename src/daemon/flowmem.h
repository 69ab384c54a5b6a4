/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the queue rung remembers of a socket's flow: whose it is and what was decided. It is to that rung what tags are to the gate. Without
 * it every datagram of a flow would cost a walk over /proc, and "answered before" would mean nothing.
 *
 * Keyed by socket cookie and remote end. Bounded by LIMIT_FLOWS, longest unused out first; what is forgotten is looked up and decided anew.
 */
#pragma once

#include <stdint.h>

#include "base/macros.h"
#include "core/flow.h"
#include "core/subject.h"
#include "sys/tracker.h"

struct flowmem;

struct remembered {
        struct subject *subjects[LIMIT_OWNERS]; /* referenced by the memory */
        unsigned n_subjects;
        enum tag_state state;
        uint32_t generation;
        uint16_t mode_epoch;
};

struct flowmem *flowmem_new(uint64_t seed);
struct flowmem *flowmem_free(struct flowmem *m); /* takes NULL, returns NULL */
DEFINE_FREEP(struct flowmem, flowmem_free)

/* What is known of the flow, borrowed until the next call of flowmem_put(); NULL: nothing. `cookie` 0 is never known. */
const struct remembered *flowmem_find(struct flowmem *m, uint64_t cookie, const struct flow *flow);
/* Remembers the owners of a flow, undecided; the subjects are referenced. 0 or -ENOMEM. */
int flowmem_put(struct flowmem *m, uint64_t cookie, const struct flow *flow, struct subject *const *subjects, unsigned n);
/* What was decided for a remembered flow; nothing for one that is not. */
void flowmem_decide(struct flowmem *m, uint64_t cookie, const struct flow *flow, enum tag_state state, uint32_t generation,
                    uint16_t mode_epoch);
typedef void (*flowmem_fn)(void *userdata, uint64_t cookie, const struct flow *flow);
/* Calls `fn`, which changes nothing here, for each flow: its protocol and remote end. */
void flowmem_each(const struct flowmem *m, flowmem_fn fn, void *userdata);
/* The flow has ended. */
void flowmem_forget(struct flowmem *m, uint64_t cookie, const struct flow *flow);
