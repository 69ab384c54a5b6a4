/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who was told which name an address has. An entry is (program, address, name): a rule for a name matches only where the asking program itself
 * resolved it, so that no program's answers, forged or not, decide for another. Labels for people may use anybody's.
 *
 * `program` is opaque here: 64 bits by which the caller tells one program of one user from another.
 *
 * Bounds. LIMIT_NAMES entries in all and LIMIT_NAMES_PROGRAM of one program, whose own oldest makes room for its next. When all places are taken, the
 * oldest of the program that has most goes; of several that have as many, of the one that has had so many for longest. So no number of answers takes a
 * name from a program that has fewer than its even share of the table. Old is what was not heard again for longest. An entry lives as long as the TTL
 * that it came with, at least NAMES_TTL_MIN (a program connects after it has asked) and at most NAMES_TTL_MAX seconds; heard again it lives to the later
 * end of both. No operation scans: an addition ends at most NAMES_EXPIRE_STEP others. All of it is at most NAMES_MEMORY_MAX bytes. Pure: no clock, no I/O.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/macros.h"
#include "core/addr.h"
#include "core/limits.h"

enum {
        NAMES_TTL_MIN = 60,
        NAMES_TTL_MAX = 86400,
        NAMES_EXPIRE_STEP = 16,
        NAMES_LOOK = 1024, /* entries of one address that names_of_address() looks at */
        NAMES_MEMORY_MAX = 16 << 20,
};

enum { NAMES_E_NAME = 1 }; /* no name, or one longer than LIMIT_NAME */

struct names;

struct names_found {
        const char *name;         /* borrowed until the next addition */
        struct boottime expires;  /* of this program's entry */
};

/* NULL on -ENOMEM. */
struct names *names_new(uint64_t seed);
struct names *names_free(struct names *names); /* takes NULL, returns NULL */
DEFINE_FREEP(struct names, names_free)

/* `program` was told at `now` that `name` (lower case) has `addr` for `ttl` seconds. 0, -ENOMEM (nothing changed but that old ones may be gone), or
 * NAMES_E_NAME. */
int names_add(struct names *names, uint64_t program, const char *name, const struct addr *addr, uint32_t ttl, struct boottime now);

/* The names by which `program` knows `addr`, newest first, at most `max`. Returns how many. */
unsigned names_find(const struct names *names, uint64_t program, const struct addr *addr, struct boottime now, struct names_found *ret, unsigned max);
/* The same of whatever program, each name once: for what people read, never for a decision. `expires` is that of the newest. */
unsigned names_of_address(const struct names *names, const struct addr *addr, struct boottime now, struct names_found *ret, unsigned max);

/* Entries, ended ones that nobody has removed yet included. */
size_t names_count(const struct names *names);
