/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The kernel counts on each processor for itself; an element is written as a whole only when it is given to somebody. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/hashmap.h"
#include "bpf/abi.h"
#include "core/subject.h"
#include "sys/tallies.h"

_Static_assert(TALLIES_MAX == ABI_TALLIES - 1, "element 0 is nobody's");

struct entry {
        struct hashmap_node node;
        uint32_t id;
        struct subject *subject;
        char *rule;
        enum verdict verdict;
        enum reason reason;
        uint64_t n_connections, n_bytes; /* told */
};

struct tallies {
        int map_fd;
        int n_cpus;
        struct abi_tally *values; /* one for each processor */
        struct hashmap by_pair;
        struct entry *by_index[ABI_TALLIES];
        uint32_t n, turn;
};

struct tallies *tallies_new(int map_fd)
{
        struct tallies *t = calloc(1, sizeof(*t));
        uint64_t random[2] = { 0 };

        if (!t)
                return NULL;
        t->map_fd = map_fd;
        t->n_cpus = libbpf_num_possible_cpus();
        t->values = t->n_cpus > 0 ? calloc((size_t)t->n_cpus, sizeof(*t->values)) : NULL;
        if (!t->values || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
                free(t->values);
                free(t);
                return NULL;
        }
        /* Sockets may have ids of a daemon before. */
        t->turn = (uint32_t)random[0];
        hashmap_init(&t->by_pair, random[1]);
        return t;
}

static void entry_free(struct entry *e)
{
        if (!e)
                return;
        subject_unref(e->subject);
        free(e->rule);
        free(e);
}

void tallies_reset(struct tallies *t)
{
        for (uint32_t i = 1; i <= t->n; i++) {
                hashmap_remove(&t->by_pair, &t->by_index[i]->node);
                entry_free(t->by_index[i]);
                t->by_index[i] = NULL;
        }
        t->n = 0;
        t->turn++;
}

struct tallies *tallies_free(struct tallies *t)
{
        if (!t)
                return NULL;
        tallies_reset(t);
        hashmap_deinit(&t->by_pair);
        free(t->values);
        free(t);
        return NULL;
}

static uint64_t hash_pair(const struct tallies *t, const struct tally *tally)
{
        const uint64_t words[3] = { tally->subject->program_key, (uint64_t)tally->subject->uid << 32 | tally->subject->gid, tally->verdict };

        return hash_bytes(hash_bytes(t->by_pair.seed, words, sizeof(words)), tally->rule, strlen(tally->rule));
}

static bool entry_is(const struct hashmap_node *node, const void *wanted)
{
        const struct entry *e = CONTAINER_OF(node, const struct entry, node);
        const struct tally *tally = wanted;

        return e->subject->program_key == tally->subject->program_key && e->subject->uid == tally->subject->uid &&
               e->subject->gid == tally->subject->gid && e->verdict == tally->verdict && strcmp(e->rule, tally->rule) == 0;
}

/* Its element in the map begins with nothing, on every processor. */
static int give(struct tallies *t, uint32_t index, uint32_t id, const struct subject *subject)
{
        for (int i = 0; i < t->n_cpus; i++)
                t->values[i] = (struct abi_tally){ .program = subject->program_key, .uid = subject->uid, .gid = subject->gid, .id = id };
        return bpf_map_update_elem(t->map_fd, &index, t->values, BPF_ANY) < 0 ? -errno : 0;
}

int64_t tallies_get(struct tallies *t, const struct tally *tally)
{
        const uint64_t hash = hash_pair(t, tally);
        struct hashmap_node *node = hashmap_find(&t->by_pair, hash, entry_is, tally);
        uint32_t index = t->n + 1;
        struct entry *e;
        int r;

        if (node)
                return CONTAINER_OF(node, struct entry, node)->id;
        if (index > TALLIES_MAX)
                return -ENOSPC;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->id = (t->turn << 12 | index) & ((1u << ABI_TALLY_ID_BITS) - 1);
        e->rule = strdup(tally->rule);
        e->verdict = tally->verdict;
        e->reason = tally->reason;
        r = e->rule ? give(t, index, e->id, tally->subject) : -ENOMEM;
        if (r == 0)
                r = hashmap_insert(&t->by_pair, &e->node, hash);
        if (r < 0) {
                entry_free(e);
                return r;
        }
        e->subject = subject_ref((struct subject *)(uintptr_t)tally->subject); /* its count changes, nothing else */
        t->by_index[index] = e;
        t->n = index;
        return e->id;
}

_Static_assert(ABI_TALLIES == 1 << 12, "an id's low bits are its index");

static struct tally describe(const struct entry *e)
{
        return (struct tally){ .subject = e->subject, .rule = e->rule, .verdict = e->verdict, .reason = e->reason };
}

bool tallies_find(const struct tallies *t, uint32_t id, struct tally *ret)
{
        const struct entry *e = t->by_index[id & (ABI_TALLIES - 1)];

        if (!e || e->id != id)
                return false;
        *ret = describe(e);
        return true;
}

static void read_last(const struct abi_tally *value, struct tally_news *news)
{
        news->last.protocol = value->protocol;
        news->last.remote_port = value->remote_port;
        memcpy(news->last.remote.bytes, value->remote, sizeof(news->last.remote.bytes));
}

/* What all processors counted; the news' numbers are the sums so far. */
static bool read_sums(struct tallies *t, const struct entry *e, uint32_t index, struct tally_news *ret)
{
        uint64_t last = 0;

        *ret = (struct tally_news){ 0 };
        if (bpf_map_lookup_elem(t->map_fd, &index, t->values) < 0)
                return false;
        for (int i = 0; i < t->n_cpus; i++) {
                const struct abi_tally *value = &t->values[i];

                if (value->id != e->id)
                        return false;
                ret->n_connections += value->n_connections;
                ret->n_bytes += value->n_bytes;
                if (value->n_connections == 0 || value->last < last)
                        continue;
                last = value->last;
                read_last(value, ret);
        }
        return true;
}

void tallies_tell(struct tallies *t, tallies_fn fn, void *userdata)
{
        for (uint32_t i = 1; i <= t->n; i++) {
                struct entry *e = t->by_index[i];
                const struct tally tally = describe(e);
                struct tally_news news;
                uint64_t n_connections, n_bytes;

                /* Bytes alone wait for the next connection to be told with. */
                if (!read_sums(t, e, i, &news) || news.n_connections == e->n_connections)
                        continue;
                n_connections = news.n_connections;
                n_bytes = news.n_bytes;
                news.n_connections -= e->n_connections;
                news.n_bytes -= e->n_bytes;
                e->n_connections = n_connections;
                e->n_bytes = n_bytes;
                fn(userdata, &tally, &news);
        }
}
