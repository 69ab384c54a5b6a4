/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of host names, up to a million: what a file that a rule names as a list holds. It is built once, name by name, and asked from then on; a file
 * that changed is another set. An entry is one host, or a domain: that host and all below it.
 *
 * The names lie in one arena, each once, behind a byte for its length. A hash table of 32 bits a slot says where: 26 bits of place, one for "and all
 * below it", five of the name's hash, which spare nearly every look into the arena that would find another name. What is found is compared byte for
 * byte: a hash that happens to be the same denies no stranger. The hash is keyed, so that who writes a list cannot choose a slot, and it is made from
 * the last label up: one pass over a host's name gives the hashes of all domains that it is in.
 *
 * Memory: the names' bytes and 8 to 16 more for each name; 30 MB for a million of common length. While it grows there are an old and a new table, and the
 * old one is half as large. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/limits.h"

struct hostset;

enum { HOSTSET_E_FULL = 1 }; /* it has `max` names, or no room for their bytes */

/* Of at most `max` names; `seed` is secret. NULL on -ENOMEM. */
struct hostset *hostset_new(uint64_t seed, size_t max);
struct hostset *hostset_free(struct hostset *set); /* takes NULL, returns NULL */
DEFINE_FREEP(struct hostset, hostset_free)

/* `name` is 1 to LIMIT_NAME bytes in lower case, without dots at its ends; one that is there already is not added again. 0, -ENOMEM or HOSTSET_E_FULL,
 * when nothing has changed. */
int hostset_add(struct hostset *set, const char *name, bool below);
/* Nothing more comes: gives back what was kept for growth. */
void hostset_settle(struct hostset *set);

/* The end of `host` that is in the set: all of it, or a domain that it is below; NULL: it is not listed. *ret_below (NULL: not asked) says whether the
 * entry is a domain. Borrowed from `host`. */
const char *hostset_find(const struct hostset *set, const char *host, bool *ret_below);

size_t hostset_count(const struct hostset *set);

/* The sets in force, by the paths of their files: what a rule's lists are looked up in. A list that could not be read is not there, or there without a
 * set. Borrows all of it. */
struct hostsets {
        struct {
                const char *path;
                const struct hostset *set;
        } of[LIMIT_LISTS];
        unsigned n;
};

/* NULL where there is no set of that path; `sets` may be NULL. */
const struct hostset *hostsets_find(const struct hostsets *sets, const char *path);
