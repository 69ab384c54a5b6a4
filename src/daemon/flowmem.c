/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The list is in order of use, the oldest first. */
#include <errno.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/list.h"
#include "core/limits.h"
#include "daemon/flowmem.h"

struct key {
        uint64_t cookie;
        struct addr remote;
        uint16_t remote_port;
        uint8_t protocol;
        uint8_t pad[5]; /* hashed with the rest */
};

struct entry {
        struct hashmap_node node;
        struct list link;
        struct key key;
        struct remembered remembered;
};

struct flowmem {
        struct hashmap by_key;
        struct list by_use;
};

static struct key key_of(uint64_t cookie, const struct flow *flow)
{
        return (struct key){ .cookie = cookie, .remote = flow->remote, .remote_port = flow->remote_port, .protocol = flow->protocol };
}

static bool key_equal(const struct hashmap_node *node, const void *key)
{
        return memcmp(&CONTAINER_OF(node, struct entry, node)->key, key, sizeof(struct key)) == 0;
}

static void drop_subjects(struct remembered *r)
{
        for (unsigned i = 0; i < r->n_subjects; i++)
                subject_unref(r->subjects[i]);
        r->n_subjects = 0;
}

static void entry_drop(struct flowmem *m, struct entry *entry)
{
        hashmap_remove(&m->by_key, &entry->node);
        list_unlink(&entry->link);
        drop_subjects(&entry->remembered);
        free(entry);
}

static struct entry *oldest(struct flowmem *m)
{
        return list_is_empty(&m->by_use) ? NULL : CONTAINER_OF(m->by_use.next, struct entry, link);
}

struct flowmem *flowmem_new(uint64_t seed)
{
        struct flowmem *m = calloc(1, sizeof(*m));

        if (!m)
                return NULL;
        hashmap_init(&m->by_key, seed);
        list_init(&m->by_use);
        return m;
}

struct flowmem *flowmem_free(struct flowmem *m)
{
        struct entry *entry;

        if (!m)
                return NULL;
        while ((entry = oldest(m)))
                entry_drop(m, entry);
        hashmap_deinit(&m->by_key);
        free(m);
        return NULL;
}

static struct entry *find(struct flowmem *m, uint64_t cookie, const struct flow *flow)
{
        const struct key key = key_of(cookie, flow);
        struct hashmap_node *node = hashmap_find(&m->by_key, hash_bytes(m->by_key.seed, &key, sizeof(key)), key_equal, &key);

        return node ? CONTAINER_OF(node, struct entry, node) : NULL;
}

const struct remembered *flowmem_find(struct flowmem *m, uint64_t cookie, const struct flow *flow)
{
        struct entry *entry = cookie ? find(m, cookie, flow) : NULL;

        if (!entry)
                return NULL;
        list_unlink(&entry->link);
        list_append(&m->by_use, &entry->link);
        return &entry->remembered;
}

static struct entry *entry_new(struct flowmem *m, uint64_t cookie, const struct flow *flow)
{
        struct entry *entry = calloc(1, sizeof(*entry));

        if (!entry)
                return NULL;
        entry->key = key_of(cookie, flow);
        if (hashmap_insert(&m->by_key, &entry->node, hash_bytes(m->by_key.seed, &entry->key, sizeof(entry->key))) < 0) {
                free(entry);
                return NULL;
        }
        list_append(&m->by_use, &entry->link);
        if (m->by_key.n > LIMIT_FLOWS)
                entry_drop(m, oldest(m));
        return entry;
}

int flowmem_put(struct flowmem *m, uint64_t cookie, const struct flow *flow, struct subject *const *subjects, unsigned n)
{
        struct entry *entry = cookie ? find(m, cookie, flow) : NULL;

        if (!cookie)
                return 0;
        if (!entry)
                entry = entry_new(m, cookie, flow);
        if (!entry)
                return -ENOMEM;
        drop_subjects(&entry->remembered);
        entry->remembered = (struct remembered){ .state = TAG_UNDECIDED };
        for (unsigned i = 0; i < n && i < LIMIT_OWNERS; i++)
                entry->remembered.subjects[entry->remembered.n_subjects++] = subject_ref(subjects[i]);
        return 0;
}

void flowmem_decide(struct flowmem *m, uint64_t cookie, const struct flow *flow, enum tag_state state, uint32_t generation,
                    uint16_t mode_epoch)
{
        struct entry *entry = cookie ? find(m, cookie, flow) : NULL;

        if (!entry)
                return;
        entry->remembered.state = state;
        entry->remembered.generation = generation;
        entry->remembered.mode_epoch = mode_epoch;
}

void flowmem_each(const struct flowmem *m, flowmem_fn fn, void *userdata)
{
        list_for_each(pos, &m->by_use) {
                const struct key *key = &CONTAINER_OF(pos, const struct entry, link)->key;
                const struct flow flow = { .remote = key->remote, .remote_port = key->remote_port, .protocol = key->protocol };

                fn(userdata, key->cookie, &flow);
        }
}

void flowmem_forget(struct flowmem *m, uint64_t cookie, const struct flow *flow)
{
        struct entry *entry = cookie ? find(m, cookie, flow) : NULL;

        if (entry)
                entry_drop(m, entry);
}
