/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Learning that ends: from what was recorded to the rules that would allow it, few enough to be read.
 *
 * Of the records that are added those count that no rule decided and nobody answered: let through by learning, or decided by default. What a rule
 * of today decides is left out, and so is whoever no rule can be about (unknown, deleted, another mount namespace's). What remains are endpoints,
 * each once with its amounts: program, protocol, port, and host or address. core/propose.c makes rules of them: every endpoint is matched by one of
 * the rules, which is held to by a test with random records.
 *
 * Bounded: so many programs, endpoints, and endpoints of one program (limits.h); what does not fit is counted, and fits once rules were made of the
 * rest. Pure: whether a file can be changed by others is the caller's to find out, and so is where today begins.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/record.h"
#include "core/ruleset.h"

/* What a person should look at twice. */
enum {
        SURPRISE_WRITABLE = 1 << 0, /* somebody else than root can change the program's file: the caller's to add */
        SURPRISE_ADDRESS = 1 << 1,  /* the internet by a bare address, though names are known of others */
        SURPRISE_NEW = 1 << 2,      /* the program was first seen today, though the records are older */
        SURPRISE_DENIED = 1 << 3,   /* some of it was denied, because nobody answered */
        SURPRISE_NO_FILE = 1 << 4,  /* the program's file is not there now: the caller's to add */
        SURPRISE_LAST = SURPRISE_NO_FILE,
};
/* Of one bit: "writable-file", …; and for a person: "its file can be …" */
const char *surprise_word(unsigned surprise);
const char *surprise_sentence(unsigned surprise);

struct amounts {
        uint64_t n_connections, n_denied; /* of the former */
        int64_t first_us, last_us;
};

struct proposal {
        struct rule *rule; /* allows; no id */
        struct amounts amounts;
        struct addr example; /* one of the addresses */
        unsigned surprises;
};
void proposal_deinit(struct proposal *p);

struct learn_counts {
        uint64_t n_records;   /* connections: of all records */
        uint64_t n_undecided; /* of these, which no rule decides */
        uint64_t n_nobody;    /* of these, of whom no rule can be about */
        uint64_t n_left_out;  /* of these, for which there was no room */
};

struct learn;

/* `rules` are those in force, and `lists` (or NULL) what they speak of; both borrowed. `seed`: of tables whose keys strangers choose. NULL on -ENOMEM. */
struct learn *learn_new(const struct ruleset *rules, const struct hostsets *lists, struct boottime now, uint64_t seed);
struct learn *learn_free(struct learn *l); /* takes NULL, returns NULL */
DEFINE_FREEP(struct learn, learn_free)

/* In any order; 0 or -ENOMEM. */
int learn_add(struct learn *l, const struct record *r);
struct learn_counts learn_counts(const struct learn *l);

/* The rules, those of the program with most connections first. `today_us`: midnight. The caller deinits each and frees the array. 0 or -ENOMEM. */
int learn_propose(const struct learn *l, int64_t today_us, host_domain_fn domain, struct proposal **ret, size_t *ret_n);
