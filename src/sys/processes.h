/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of processes that were seen sending, by process life: at most LIMIT_SUBJECTS, least recently used first out. A subject that leaves
 * the table lives on in a graveyard until processes_bury(), so that what was borrowed during a batch stays valid for that batch.
 */
#pragma once

#include "base/hashmap.h"
#include "base/list.h"
#include "core/subject.h"

typedef void (*processes_forgotten_fn)(void *userdata, const struct process *process);

struct processes {
        struct hashmap by_process;
        struct list by_use; /* oldest first */
        struct subject **graveyard;
        size_t n_graves, n_graves_size;
        processes_forgotten_fn forgotten; /* called for what the bound pushed out */
        void *userdata;
};

void processes_init(struct processes *p, processes_forgotten_fn forgotten, void *userdata);
void processes_deinit(struct processes *p);
/* The subject, borrowed until processes_bury(), or NULL. Counts as a use. */
struct subject *processes_find(struct processes *p, const struct process *key);
/* Takes the reference, also when it fails (-ENOMEM). Replaces what is there. */
int processes_put(struct processes *p, const struct process *key, struct subject *subject);
/* Keeps `subject` alive until processes_bury(); takes the reference. NULL on -ENOMEM, else `subject`. */
struct subject *processes_lend(struct processes *p, struct subject *subject);
void processes_bury(struct processes *p);
