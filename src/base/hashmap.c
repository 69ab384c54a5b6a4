/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Growth doubles at one node a bucket; it never shrinks, the bound is the caller's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum { HASHMAP_FIRST_BUCKETS = 16 };

void hashmap_init(struct hashmap *map, uint64_t seed)
{
        *map = (struct hashmap){ .seed = seed };
}

void hashmap_deinit(struct hashmap *map)
{
        free(map->buckets);
        *map = (struct hashmap){ .seed = map->seed };
}

static void hashmap_link(struct hashmap_node **buckets, size_t n_buckets, struct hashmap_node *node)
{
        struct hashmap_node **slot = &buckets[node->hash & (n_buckets - 1)];

        node->next = *slot;
        *slot = node;
}

static int hashmap_grow(struct hashmap *map)
{
        size_t n_buckets = map->n_buckets ? map->n_buckets * 2 : HASHMAP_FIRST_BUCKETS;
        struct hashmap_node **buckets = calloc(n_buckets, sizeof(*buckets));

        if (!buckets)
                return -ENOMEM;
        for (size_t i = 0; i < map->n_buckets; i++)
                for (struct hashmap_node *node = map->buckets[i], *next; node; node = next) {
                        next = node->next;
                        hashmap_link(buckets, n_buckets, node);
                }
        free(map->buckets);
        map->buckets = buckets;
        map->n_buckets = n_buckets;
        return 0;
}

int hashmap_insert(struct hashmap *map, struct hashmap_node *node, uint64_t hash)
{
        /* A table that cannot grow still works, only slower; a table without any bucket does not. */
        if (map->n >= map->n_buckets && hashmap_grow(map) < 0 && map->n_buckets == 0)
                return -ENOMEM;
        node->hash = hash;
        hashmap_link(map->buckets, map->n_buckets, node);
        map->n++;
        return 0;
}

static struct hashmap_node *hashmap_scan(struct hashmap_node *node, uint64_t hash, hashmap_equal_fn equal, const void *key)
{
        for (; node; node = node->next)
                if (node->hash == hash && equal(node, key))
                        return node;
        return NULL;
}

struct hashmap_node *hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_equal_fn equal, const void *key)
{
        if (map->n_buckets == 0)
                return NULL;
        return hashmap_scan(map->buckets[hash & (map->n_buckets - 1)], hash, equal, key);
}

struct hashmap_node *hashmap_find_next(const struct hashmap_node *node, hashmap_equal_fn equal, const void *key)
{
        return hashmap_scan(node->next, node->hash, equal, key);
}

void hashmap_remove(struct hashmap *map, struct hashmap_node *node)
{
        struct hashmap_node **slot = &map->buckets[node->hash & (map->n_buckets - 1)];

        while (*slot != node)
                slot = &(*slot)->next;
        *slot = node->next;
        node->next = NULL;
        map->n--;
}

struct hashmap_node *hashmap_next(const struct hashmap *map, const struct hashmap_node *node)
{
        size_t i = 0;

        if (node) {
                if (node->next)
                        return node->next;
                i = (node->hash & (map->n_buckets - 1)) + 1;
        }
        for (; i < map->n_buckets; i++)
                if (map->buckets[i])
                        return map->buckets[i];
        return NULL;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
        unsigned __int128 product = (unsigned __int128)a * b;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
        const uint8_t *p = data;
        uint64_t hash = seed ^ UINT64_C(0x9e3779b97f4a7c15);

        for (; n >= 8; p += 8, n -= 8) {
                uint64_t word;

                memcpy(&word, p, 8);
                hash = mix(hash ^ word, UINT64_C(0xbf58476d1ce4e5b9) ^ seed);
        }
        uint64_t tail = n;

        for (size_t i = 0; i < n; i++)
                tail = tail << 8 | p[i];
        hash = mix(hash ^ tail, UINT64_C(0x94d049bb133111eb) ^ seed);
        return hash ^ hash >> 32;
}
