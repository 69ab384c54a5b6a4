/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <string.h>

#include "base/hashmap.h"
#include "recorder/fold.h"

struct entry {
        struct hashmap_node node;
        struct record record;
};

struct fold {
        struct hashmap entries;
        struct entry **list; /* room for `max` */
        size_t n, n_taken, max;
};

struct fold *fold_new(size_t max, uint64_t seed)
{
        struct fold *f = calloc(1, sizeof(*f));

        if (!f)
                return NULL;
        f->max = max;
        f->list = calloc(max, sizeof(*f->list)); /* not touched before it is used */
        hashmap_init(&f->entries, seed);
        return f->list ? f : fold_free(f);
}

struct fold *fold_free(struct fold *f)
{
        struct record r;

        if (!f)
                return NULL;
        while (fold_take(f, &r))
                record_deinit(&r);
        free(f->list);
        hashmap_deinit(&f->entries);
        free(f);
        return NULL;
}

static bool same_text(const char *a, const char *b)
{
        return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool same_program(const struct subject *a, const struct subject *b)
{
        return subject_same_program(a, b) && strcmp(a->name, b->name) == 0;
}

static bool same(const struct hashmap_node *node, const void *key)
{
        const struct record *a = &CONTAINER_OF(node, struct entry, node)->record, *b = key;

        if (a->verdict != b->verdict || a->reason != b->reason || a->would_deny != b->would_deny || a->direction != b->direction)
                return false;
        if (a->flow.protocol != b->flow.protocol || a->flow.remote_port != b->flow.remote_port || !addr_equal(&a->flow.remote, &b->flow.remote))
                return false;
        return same_program(a->subject, b->subject) && same_text(a->rule, b->rule) && same_text(hosts_first(&a->hosts), hosts_first(&b->hosts));
}

static uint64_t hash_of(const struct fold *f, const struct record *r)
{
        const uint32_t numbers[] = { r->verdict, r->reason, r->direction, r->flow.protocol, r->flow.remote_port };
        uint64_t hash = subject_program_hash(r->subject, f->entries.seed);

        hash = hash_bytes(hash, numbers, sizeof(numbers));
        return hash_bytes(hash, r->flow.remote.bytes, sizeof(r->flow.remote.bytes));
}

static int64_t since(const struct record *r)
{
        return r->is_summary ? r->since_us : r->time_us;
}

/* The first of them stands for all. */
static void join(struct record *to, const struct record *more)
{
        to->since_us = MIN(since(to), since(more));
        to->is_summary = true;
        to->time_us = MAX(to->time_us, more->time_us);
        to->n_connections += more->n_connections;
        to->n_bytes += more->n_bytes;
}

bool fold_add(struct fold *f, struct record *r)
{
        const uint64_t hash = hash_of(f, r);
        struct hashmap_node *node = hashmap_find(&f->entries, hash, same, r);
        struct entry *e;

        if (node) {
                join(&CONTAINER_OF(node, struct entry, node)->record, r);
                record_deinit(r);
                return true;
        }
        e = f->n < f->max ? malloc(sizeof(*e)) : NULL;
        if (!e || hashmap_insert(&f->entries, &e->node, hash) < 0) {
                free(e);
                return false;
        }
        e->record = *r;
        f->list[f->n++] = e;
        *r = (struct record){ 0 };
        return true;
}

bool fold_take(struct fold *f, struct record *ret)
{
        struct entry *e;

        if (f->n_taken == f->n)
                return false;
        e = f->list[f->n_taken++];
        *ret = e->record;
        free(e);
        return true;
}
