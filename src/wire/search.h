/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A search of decisions: criteria as words KEY=VALUE, and whether a decision meets them all. One meaning for what is in the daemon's memory, what
 * comes live and what is on disk, because `bastion log` shows one after the other.
 *
 *      program=PATTERN   the whole path, its last component, or a glob (fnmatch(3), '*' goes across '/') over either; where there is no path, the comm,
 *                        "kernel" or "unknown"
 *      host=WHERE        the remote end: an address, a network, or a host name or a glob over it, in any case of letters
 *      port=PORTS        the remote port: 443, or 8000-8999; what has no ports has none of these
 *      verdict=allow|deny
 *      rule=ID           the rule that decided, exactly
 *      reason=WORD       a word of reason.def
 *      uid=NUMBER
 *      since=TIME, until=TIME      microseconds since 1970; `since` is within, `until` is not. A summary is found by its own time, its end
 *      older=SEQ@TIME    not the decisions from number SEQ on, which was made at TIME, of the daemon that made that one: somebody has these already
 *
 * Pure. Each key once; what a value may be is said by the error.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/record.h"

enum { SEARCH_ERROR_MAX = 512 };

/* How a program that searches history (recorder/reader.h) tells whoever started it what became of that. */
enum search_exit {
        SEARCH_EXIT_FINE = 0,
        SEARCH_EXIT_WRONG = 2,   /* arguments; words were said, here and below */
        SEARCH_EXIT_FAILED = 3,
        SEARCH_EXIT_MISSING = 4, /* there is no history; nothing was said, here and below */
        SEARCH_EXIT_DENIED = 5,
};

/* Which criteria are there; the order is that of their keys in search.c. */
enum {
        SEARCH_PROGRAM = 1 << 0,
        SEARCH_HOST = 1 << 1, /* by name, or by network where `host` is NULL */
        SEARCH_PORT = 1 << 2,
        SEARCH_VERDICT = 1 << 3,
        SEARCH_RULE = 1 << 4,
        SEARCH_REASON = 1 << 5,
        SEARCH_UID = 1 << 6,
        SEARCH_SINCE = 1 << 7,
        SEARCH_UNTIL = 1 << 8,
        SEARCH_OLDER = 1 << 9,
};

struct search {
        unsigned has;
        char *program, *host, *rule;
        struct addr network;
        uint8_t prefix; /* of the 16-byte form */
        uint16_t first_port, last_port;
        enum verdict verdict; /* ALLOW or DENY */
        enum reason reason;
        uint32_t uid;
        int64_t since_us, until_us;
        uint64_t older_seq;
        int64_t older_us;
};
void search_deinit(struct search *s);

/* Adds one criterion. 0, -ENOMEM, or 1 with words for a person in `ret_error`: what was expected. */
int search_set(struct search *s, const char *key, const char *value, char ret_error[SEARCH_ERROR_MAX]);
/* The same of one word KEY=VALUE. */
int search_set_word(struct search *s, const char *word, char ret_error[SEARCH_ERROR_MAX]);

bool search_matches(const struct search *s, const struct record *r);
/* Its parts, for who has a decision's columns and no record: the two that a database is not asked for. `host` may be NULL. */
bool search_matches_program(const struct search *s, enum subject_kind kind, const char *path, const char *name);
bool search_matches_remote(const struct search *s, const struct addr *remote, const char *host);
