/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Each entry stands in three lists, newest last: of its program, of its address, and of both together. A list has an owner,
 * struct group, which is found by what its entries have in common, and goes with the last of them. So whatever is asked for is one look into a hash
 * table, and a walk over nothing but what was asked for; and an entry leaves without a search. A heap says which entry ends first. Who has most is known
 * because programs stand in one list for each number of entries: with every entry that comes or goes a program moves to the next such list.
 */
#include "core/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/heap.h"
#include "base/list.h"

enum group_kind { OF_PROGRAM, OF_ADDRESS, OF_BOTH, GROUP_KINDS };

/* No padding: it is hashed as bytes. What the kind does not speak of is 0. */
struct group_key {
        uint64_t kind, program;
        struct addr addr;
};

struct group {
        struct hashmap_node node;
        struct group_key key;
        struct list entries; /* by membership.link, oldest first */
        struct list rank;    /* OF_PROGRAM: among those that have as many */
        unsigned n;
};

struct membership {
        struct list link;
        struct group *group; /* NULL: not yet in one */
};

struct entry {
        struct hashmap_node node; /* by program, address and name */
        struct heap_node end;     /* boottime in ns */
        struct membership in[GROUP_KINDS];
        char name[]; /* with its NUL */
};

struct names {
        struct hashmap groups, entries;
        struct heap ends;
        struct list ranks[LIMIT_NAMES_PROGRAM + 1]; /* programs by group.rank: those that have so many entries, who came last is last */
        unsigned most;                              /* the highest rank that somebody has, 0: nobody has any */
        uint64_t seed;
};

_Static_assert(sizeof(struct group_key) == 32, "padding would be hashed");
/* Each entry may have a group of each kind to itself; malloc adds 16 bytes to a block at most twice; each table has fewer than 2 n + 16 buckets. */
_Static_assert(LIMIT_NAMES * (sizeof(struct entry) + LIMIT_NAME + 1 + 32 + GROUP_KINDS * (sizeof(struct group) + 32) + (1 + GROUP_KINDS) * 16) +
                       sizeof(struct names) + 4096 < NAMES_MEMORY_MAX, "more than the header promises");

struct names *names_new(uint64_t seed)
{
        struct names *names = calloc(1, sizeof(*names));

        if (!names)
                return NULL;
        names->seed = seed;
        hashmap_init(&names->groups, seed);
        hashmap_init(&names->entries, seed);
        for (size_t i = 0; i < ARRAY_SIZE(names->ranks); i++)
                list_init(&names->ranks[i]);
        return names;
}

/* Groups. */

static struct group_key group_key(enum group_kind kind, uint64_t program, const struct addr *addr)
{
        struct group_key key = { .kind = kind };

        if (kind != OF_ADDRESS)
                key.program = program;
        if (kind != OF_PROGRAM)
                key.addr = *addr;
        return key;
}

static bool group_has_key(const struct hashmap_node *node, const void *key)
{
        return memcmp(&CONTAINER_OF(node, const struct group, node)->key, key, sizeof(struct group_key)) == 0;
}

static struct group *find_group(const struct names *names, const struct group_key *key)
{
        struct hashmap_node *node = hashmap_find(&names->groups, hash_bytes(names->seed, key, sizeof(*key)), group_has_key, key);

        return node ? CONTAINER_OF(node, struct group, node) : NULL;
}

static struct group *need_group(struct names *names, const struct group_key *key)
{
        struct group *group = find_group(names, key);

        if (group)
                return group;
        group = malloc(sizeof(*group));
        if (!group)
                return NULL;
        *group = (struct group){ .key = *key };
        list_init(&group->entries);
        list_init(&group->rank);
        if (hashmap_insert(&names->groups, &group->node, hash_bytes(names->seed, key, sizeof(*key))) < 0) {
                free(group);
                return NULL;
        }
        return group;
}

/* The group has one entry more or less than before: so what `most` says is off by one at most. */
static void set_number(struct names *names, struct group *group, unsigned n)
{
        group->n = n;
        if (group->key.kind != OF_PROGRAM)
                return;
        list_unlink(&group->rank);
        if (n > 0)
                list_append(&names->ranks[n], &group->rank);
        names->most = MAX(names->most, n);
        if (names->most > 0 && list_is_empty(&names->ranks[names->most]))
                names->most--;
}

static void leave_group(struct names *names, struct membership *in)
{
        struct group *group = in->group;

        list_unlink(&in->link);
        in->group = NULL;
        set_number(names, group, group->n - 1);
        if (group->n > 0)
                return;
        hashmap_remove(&names->groups, &group->node);
        free(group);
}

static void join_group(struct names *names, struct group *group, struct membership *in)
{
        in->group = group;
        list_append(&group->entries, &in->link);
        set_number(names, group, group->n + 1);
}

static struct entry *entry_in(struct list *link, enum group_kind kind)
{
        return CONTAINER_OF(link, struct entry, in[kind].link);
}

/* Entries. */

/* Of an entry that may be in some groups only, when there was no memory for all. */
static void free_entry(struct names *names, struct entry *entry)
{
        for (int kind = 0; kind < GROUP_KINDS; kind++)
                if (entry->in[kind].group)
                        leave_group(names, &entry->in[kind]);
        free(entry);
}

static void remove_entry(struct names *names, struct entry *entry)
{
        hashmap_remove(&names->entries, &entry->node);
        heap_remove(&names->ends, &entry->end);
        free_entry(names, entry);
}

struct names *names_free(struct names *names)
{
        if (!names)
                return NULL;
        while (names->ends.first)
                remove_entry(names, CONTAINER_OF(names->ends.first, struct entry, end));
        hashmap_deinit(&names->entries);
        hashmap_deinit(&names->groups);
        free(names);
        return NULL;
}

struct entry_key {
        struct group_key both;
        const char *name;
};

static bool entry_has_key(const struct hashmap_node *node, const void *key)
{
        const struct entry *entry = CONTAINER_OF(node, const struct entry, node);
        const struct entry_key *wanted = key;

        return memcmp(&entry->in[OF_BOTH].group->key, &wanted->both, sizeof(wanted->both)) == 0 && strcmp(entry->name, wanted->name) == 0;
}

static uint64_t entry_hash(const struct names *names, const struct entry_key *key)
{
        return hash_bytes(hash_bytes(names->seed, &key->both, sizeof(key->both)), key->name, strlen(key->name));
}

static void end_some(struct names *names, struct boottime now)
{
        for (int i = 0; i < NAMES_EXPIRE_STEP && names->ends.first && names->ends.first->key <= now.ns; i++)
                remove_entry(names, CONTAINER_OF(names->ends.first, struct entry, end));
}

static void make_room(struct names *names, uint64_t program)
{
        const struct group_key key = group_key(OF_PROGRAM, program, NULL);
        const struct group *from = find_group(names, &key);

        if (!from || from->n < LIMIT_NAMES_PROGRAM) {
                if (names->entries.n < LIMIT_NAMES)
                        return;
                from = CONTAINER_OF(names->ranks[names->most].next, struct group, rank);
        }
        remove_entry(names, entry_in(from->entries.next, OF_PROGRAM));
}

/* Heard again: as new as the newest, and ends when the later of both does. */
static void renew(struct names *names, struct entry *entry, struct boottime end)
{
        if (end.ns > entry->end.key) {
                heap_remove(&names->ends, &entry->end);
                heap_insert(&names->ends, &entry->end, end.ns);
        }
        for (int kind = 0; kind < GROUP_KINDS; kind++) {
                list_unlink(&entry->in[kind].link);
                list_append(&entry->in[kind].group->entries, &entry->in[kind].link);
        }
}

static struct entry *new_entry(struct names *names, uint64_t program, const struct addr *addr, const char *name, size_t n)
{
        struct entry *entry = calloc(1, sizeof(*entry) + n + 1);

        if (!entry)
                return NULL;
        memcpy(entry->name, name, n);
        for (int kind = 0; kind < GROUP_KINDS; kind++) {
                const struct group_key key = group_key((enum group_kind)kind, program, addr);
                struct group *group = need_group(names, &key);

                if (!group) {
                        free_entry(names, entry);
                        return NULL;
                }
                join_group(names, group, &entry->in[kind]);
        }
        return entry;
}

static uint32_t bounded_ttl(uint32_t ttl)
{
        uint32_t least = MAX(ttl, (uint32_t)NAMES_TTL_MIN);

        return MIN(least, (uint32_t)NAMES_TTL_MAX);
}

int names_add(struct names *names, uint64_t program, const char *name, const struct addr *addr, uint32_t ttl, struct boottime now)
{
        const struct entry_key key = { .both = group_key(OF_BOTH, program, addr), .name = name };
        const struct boottime end = boottime_add(now, bounded_ttl(ttl) * NS_PER_SEC);
        const size_t n = strnlen(name, LIMIT_NAME + 1);
        struct hashmap_node *node;
        struct entry *entry;

        if (n == 0 || n > LIMIT_NAME)
                return NAMES_E_NAME;
        end_some(names, now);
        node = hashmap_find(&names->entries, entry_hash(names, &key), entry_has_key, &key);
        if (node) {
                renew(names, CONTAINER_OF(node, struct entry, node), end);
                return 0;
        }
        make_room(names, program);
        entry = new_entry(names, program, addr, name, n);
        if (!entry)
                return -ENOMEM;
        if (hashmap_insert(&names->entries, &entry->node, entry_hash(names, &key)) < 0) {
                free_entry(names, entry);
                return -ENOMEM;
        }
        heap_insert(&names->ends, &entry->end, end.ns);
        return 0;
}

/* Looking up. */

static bool is_in(const struct names_found *found, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; i++)
                if (strcmp(found[i].name, name) == 0)
                        return true;
        return false;
}

unsigned names_find(const struct names *names, uint64_t program, const struct addr *addr, struct boottime now, struct names_found *ret, unsigned max)
{
        const struct group_key key = group_key(OF_BOTH, program, addr);
        struct group *group = find_group(names, &key);
        unsigned n = 0;

        if (!group)
                return 0;
        for (struct list *at = group->entries.prev; at != &group->entries && n < max; at = at->prev) {
                const struct entry *entry = entry_in(at, OF_BOTH);

                if (entry->end.key > now.ns)
                        ret[n++] = (struct names_found){ .name = entry->name, .expires = { entry->end.key } };
        }
        return n;
}

unsigned names_of_address(const struct names *names, const struct addr *addr, struct boottime now, struct names_found *ret, unsigned max)
{
        const struct group_key key = group_key(OF_ADDRESS, 0, addr);
        struct group *group = find_group(names, &key);
        unsigned n = 0, n_seen = 0;

        if (!group)
                return 0;
        for (struct list *at = group->entries.prev; at != &group->entries && n < max && n_seen < NAMES_LOOK; at = at->prev, n_seen++) {
                const struct entry *entry = entry_in(at, OF_ADDRESS);

                if (entry->end.key > now.ns && !is_in(ret, n, entry->name))
                        ret[n++] = (struct names_found){ .name = entry->name, .expires = { entry->end.key } };
        }
        return n;
}

size_t names_count(const struct names *names)
{
        return names->entries.n;
}
