/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An intrusive, doubly linked, circular list. A head and an entry are the same type; an entry that is in no list
 * points to itself, so that unlinking twice is harmless.
 */
#pragma once

#include <stdbool.h>

#include "base/macros.h"

struct list {
        struct list *prev, *next;
};

#define LIST_INIT(name) { .prev = &(name), .next = &(name) }

static inline void list_init(struct list *l)
{
        l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
        return l->next == l;
}

/* Links `entry` before `at`; with the head as `at` that is the list's end. */
static inline void list_append(struct list *at, struct list *entry)
{
        entry->prev = at->prev;
        entry->next = at;
        at->prev->next = entry;
        at->prev = entry;
}

static inline void list_unlink(struct list *entry)
{
        entry->prev->next = entry->next;
        entry->next->prev = entry->prev;
        list_init(entry);
}

#define list_for_each(pos, head)         for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, n, head) for (struct list *pos = (head)->next, *n = pos->next; pos != (head); pos = n, n = pos->next)
