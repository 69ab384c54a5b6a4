/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chained hash table of intrusive nodes: the value embeds `struct hashmap_node`, so insertion allocates nothing
 * but (rarely) a larger bucket array, and removal cannot fail. The table never owns its values.
 *
 * Keys that strangers choose (paths, tuples) must not be able to choose their bucket: hash with hash_bytes() and the
 * table's own random seed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap_node {
        struct hashmap_node *next;
        uint64_t hash;
};

struct hashmap {
        struct hashmap_node **buckets;
        size_t n_buckets; /* a power of two, or 0 before the first insertion */
        size_t n;
        uint64_t seed;
};

/* True when `node` has the key that `key` points to. */
typedef bool (*hashmap_equal_fn)(const struct hashmap_node *node, const void *key);

void hashmap_init(struct hashmap *map, uint64_t seed);
/* Frees the bucket array; the nodes belong to the caller. */
void hashmap_deinit(struct hashmap *map);

/* Links `node` under `hash`; does not look for duplicates. 0 or -ENOMEM (only when the map was empty of buckets). */
int hashmap_insert(struct hashmap *map, struct hashmap_node *node, uint64_t hash);
struct hashmap_node *hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_equal_fn equal, const void *key);
/* Next node after `node` with the same hash and an equal key, or NULL. */
struct hashmap_node *hashmap_find_next(const struct hashmap_node *node, hashmap_equal_fn equal, const void *key);
void hashmap_remove(struct hashmap *map, struct hashmap_node *node);

/* Iteration in no particular order: start with NULL, ends with NULL. Removing the returned node is not allowed
 * until its successor was fetched. */
struct hashmap_node *hashmap_next(const struct hashmap *map, const struct hashmap_node *node);

/* Keyed 64-bit hash of `n` bytes: a seeded multiply-and-fold, good enough against chosen keys while the seed is secret. */
uint64_t hash_bytes(uint64_t seed, const void *data, size_t n);
