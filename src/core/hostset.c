/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Place 0 is no name's, so that a slot of zeros is free. At most half of the slots are used; a table that is to grow is filled anew
 * from the arena, in which names stand in the order in which they came.
 */
#include "core/hostset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum {
        PLACE_BITS = 26,
        ARENA_MAX = 1 << PLACE_BITS,
        ARENA_FIRST = 64 << 10,
        SLOTS_FIRST = 1 << 12,
        LABELS_MAX = LIMIT_NAME, /* of a host's name, even where all of it is dots */
};

static const uint32_t PLACE = ARENA_MAX - 1, BELOW = UINT32_C(1) << PLACE_BITS, TAG = ~((UINT32_C(1) << (PLACE_BITS + 1)) - 1);

struct hostset {
        uint64_t seed;
        size_t n, max;
        uint8_t *arena; /* [length, bytes]… from 1 on */
        size_t used, size;
        uint32_t *slots;
        size_t n_slots; /* a power of two */
};

struct hostset *hostset_new(uint64_t seed, size_t max)
{
        _cleanup_(hostset_freep) struct hostset *set = calloc(1, sizeof(*set));

        if (!set)
                return NULL;
        set->seed = seed;
        set->max = max;
        set->used = 1;
        set->size = ARENA_FIRST;
        set->n_slots = SLOTS_FIRST;
        set->arena = malloc(set->size);
        set->slots = calloc(set->n_slots, sizeof(*set->slots));
        return set->arena && set->slots ? TAKE_PTR(set) : NULL;
}

struct hostset *hostset_free(struct hostset *set)
{
        if (!set)
                return NULL;
        free(set->arena);
        free(set->slots);
        free(set);
        return NULL;
}

size_t hostset_count(const struct hostset *set)
{
        return set->n;
}

/* Cuts the last label off `*n` bytes of a name, and goes on with what was the hash of the name behind it. Returns where the label begins. */
static size_t hash_label(const char *name, size_t *n, uint64_t *hash)
{
        size_t at = *n;

        while (at > 0 && name[at - 1] != '.')
                at--;
        *hash = hash_bytes(*hash, name + at, *n - at);
        *n = at > 0 ? at - 1 : 0;
        return at;
}

static uint64_t hash_name(const struct hostset *set, const char *name, size_t n)
{
        uint64_t hash = set->seed;

        while (n > 0)
                hash_label(name, &n, &hash);
        return hash;
}

/* The slots are chosen by the low half. */
static uint32_t tag_of(uint64_t hash)
{
        return (uint32_t)(hash >> 32) & TAG;
}

/* The slot of this name, or the free one where it would be. */
static uint32_t *find_slot(const struct hostset *set, uint64_t hash, const char *name, size_t n)
{
        for (size_t i = hash;; i++) {
                uint32_t *slot = &set->slots[i & (set->n_slots - 1)];
                const uint8_t *entry = set->arena + (*slot & PLACE);

                if (*slot == 0)
                        return slot;
                if ((*slot & TAG) == tag_of(hash) && entry[0] == n && memcmp(entry + 1, name, n) == 0)
                        return slot;
        }
}

/* The slot that says this place, or the free one where it would be. */
static uint32_t *place_slot(uint32_t *slots, size_t n_slots, uint64_t hash, size_t place)
{
        size_t i = hash;

        while (slots[i & (n_slots - 1)] != 0 && (slots[i & (n_slots - 1)] & PLACE) != place)
                i++;
        return &slots[i & (n_slots - 1)];
}

/* Along the arena, not along the table: names are read one after the other then, and memory is read far faster that way. */
static int grow_table(struct hostset *set)
{
        const size_t n_slots = set->n_slots * 2;
        uint32_t *slots = calloc(n_slots, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        for (size_t place = 1; place < set->used; place += 1u + set->arena[place]) {
                const uint64_t hash = hash_name(set, (const char *)set->arena + place + 1, set->arena[place]);

                *place_slot(slots, n_slots, hash, place) = *place_slot(set->slots, set->n_slots, hash, place);
        }
        free(set->slots);
        set->slots = slots;
        set->n_slots = n_slots;
        return 0;
}

/* Room for `n` more bytes. */
static int grow_arena(struct hostset *set, size_t n)
{
        uint8_t *grown;
        size_t size = set->size;

        if (set->used + n > ARENA_MAX)
                return HOSTSET_E_FULL;
        if (set->used + n <= size)
                return 0;
        size = MIN(size * 2, (size_t)ARENA_MAX);
        grown = realloc(set->arena, size);
        if (!grown)
                return -ENOMEM;
        set->arena = grown;
        set->size = size;
        return 0;
}

int hostset_add(struct hostset *set, const char *name, bool below)
{
        const size_t n = strlen(name);
        const uint64_t hash = hash_name(set, name, n);
        uint32_t *slot = find_slot(set, hash, name, n);
        int r;

        assert(n >= 1 && n <= LIMIT_NAME);
        if (*slot != 0) {
                *slot |= below ? BELOW : 0;
                return 0;
        }
        if (set->n >= set->max)
                return HOSTSET_E_FULL;
        r = grow_arena(set, n + 1);
        if (r == 0 && set->n >= set->n_slots / 2)
                r = grow_table(set);
        if (r != 0)
                return r;
        slot = find_slot(set, hash, name, n);
        *slot = (uint32_t)set->used | (below ? BELOW : 0) | tag_of(hash);
        set->arena[set->used] = (uint8_t)n;
        memcpy(set->arena + set->used + 1, name, n);
        set->used += n + 1;
        set->n++;
        return 0;
}

void hostset_settle(struct hostset *set)
{
        uint8_t *fitting = realloc(set->arena, set->used);

        if (!fitting)
                return; /* it stays as it is */
        set->arena = fitting;
        set->size = set->used;
}

/* All of a name's slots are asked for before the first is looked at: fetching them from memory, which is what takes time, goes on at once. */
const char *hostset_find(const struct hostset *set, const char *host, bool *ret_below)
{
        struct {
                uint64_t hash;
                size_t at;
        } ends[LABELS_MAX]; /* of the name, the shortest first */
        const size_t n_host = strlen(host);
        uint64_t hash = set->seed;
        unsigned n_ends = 0;

        if (n_host > LIMIT_NAME)
                return NULL;
        for (size_t n = n_host; n > 0; n_ends++) {
                ends[n_ends].at = hash_label(host, &n, &hash);
                ends[n_ends].hash = hash;
                __builtin_prefetch(&set->slots[hash & (set->n_slots - 1)]);
        }
        for (unsigned i = 0; i < n_ends; i++) {
                const size_t at = ends[i].at;
                const uint32_t slot = *find_slot(set, ends[i].hash, host + at, n_host - at);

                if (slot != 0 && (at == 0 || (slot & BELOW))) {
                        if (ret_below)
                                *ret_below = slot & BELOW;
                        return host + at;
                }
        }
        return NULL;
}

const struct hostset *hostsets_find(const struct hostsets *sets, const char *path)
{
        for (unsigned i = 0; sets && i < sets->n; i++)
                if (strcmp(sets->of[i].path, path) == 0)
                        return sets->of[i].set;
        return NULL;
}
