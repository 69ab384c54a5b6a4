/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An intrusive pairing heap: which of many comes first, without an allocation that could fail. Inserting costs nothing, taking one out the logarithm
 * of their number on average; what is looked at again and again, the first, is one step away.
 */
#pragma once

#include <stdint.h>

/* All zero: in no heap. `key` must not change while it is in one. */
struct heap_node {
        uint64_t key;
        struct heap_node *child, *next; /* the first child; the next sibling */
        struct heap_node *before;       /* the sibling before, or for a first child the parent; NULL: the root */
};

/* All zero: empty. */
struct heap {
        struct heap_node *first; /* the smallest key, or NULL */
};

void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);
/* `node` is in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
