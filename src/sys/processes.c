/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "sys/processes.h"

struct entry {
        struct hashmap_node node;
        struct list use;
        struct process process;
        struct subject *subject;
};

void processes_init(struct processes *p, processes_forgotten_fn forgotten, void *userdata)
{
        uint64_t seed = 0;

        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
                seed = (uint64_t)(uintptr_t)p; /* pids and start times are not chosen freely; any seed will do */
        *p = (struct processes){ .forgotten = forgotten, .userdata = userdata };
        hashmap_init(&p->by_process, seed);
        list_init(&p->by_use);
}

static uint64_t hash_process(const struct processes *p, const struct process *key)
{
        const uint64_t words[2] = { key->start_ns, (uint64_t)key->pid << 32 | key->exec_id };

        return hash_bytes(p->by_process.seed, words, sizeof(words));
}

static bool entry_is(const struct hashmap_node *node, const void *key)
{
        return process_equal(&CONTAINER_OF(node, const struct entry, node)->process, key);
}

static struct entry *find(struct processes *p, const struct process *key)
{
        struct hashmap_node *node = hashmap_find(&p->by_process, hash_process(p, key), entry_is, key);

        return node ? CONTAINER_OF(node, struct entry, node) : NULL;
}

static void touch(struct processes *p, struct entry *e)
{
        list_unlink(&e->use);
        list_append(&p->by_use, &e->use);
}

struct subject *processes_find(struct processes *p, const struct process *key)
{
        struct entry *e = find(p, key);

        if (!e)
                return NULL;
        touch(p, e);
        return e->subject;
}

struct subject *processes_lend(struct processes *p, struct subject *subject)
{
        struct subject **graveyard;
        size_t size;

        if (p->n_graves == p->n_graves_size) {
                size = MAX(p->n_graves_size * 2, (size_t)64);
                graveyard = reallocarray(p->graveyard, size, sizeof(*graveyard));
                if (!graveyard) {
                        subject_unref(subject);
                        return NULL;
                }
                p->graveyard = graveyard;
                p->n_graves_size = size;
        }
        p->graveyard[p->n_graves++] = subject;
        return subject;
}

void processes_bury(struct processes *p)
{
        for (size_t i = 0; i < p->n_graves; i++)
                subject_unref(p->graveyard[i]);
        p->n_graves = 0;
}

static void forget(struct processes *p, struct entry *e)
{
        hashmap_remove(&p->by_process, &e->node);
        list_unlink(&e->use);
        processes_lend(p, e->subject);
        free(e);
}

static void forget_oldest(struct processes *p)
{
        struct entry *e = CONTAINER_OF(p->by_use.next, struct entry, use);

        p->forgotten(p->userdata, &e->process);
        forget(p, e);
}

int processes_put(struct processes *p, const struct process *key, struct subject *subject)
{
        struct entry *e = find(p, key);

        if (e) {
                processes_lend(p, e->subject);
                e->subject = subject;
                touch(p, e);
                return 0;
        }
        e = calloc(1, sizeof(*e));
        if (!e || hashmap_insert(&p->by_process, &e->node, hash_process(p, key)) < 0) {
                free(e);
                subject_unref(subject);
                return -ENOMEM;
        }
        e->process = *key;
        e->subject = subject;
        list_init(&e->use);
        list_append(&p->by_use, &e->use);
        if (p->by_process.n > LIMIT_SUBJECTS)
                forget_oldest(p);
        return 0;
}

void processes_deinit(struct processes *p)
{
        list_for_each_safe(pos, n, &p->by_use)
                forget(p, CONTAINER_OF(pos, struct entry, use));
        processes_bury(p);
        free(p->graveyard);
        hashmap_deinit(&p->by_process);
}
