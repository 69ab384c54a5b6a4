/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Fredman, Sedgewick, Sleator and Tarjan, 1986; nothing recurses, whatever the order of keys. */
#include "base/heap.h"

#include <stddef.h>

/* Makes one root of two, each without siblings. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
        struct heap_node *parent, *child;

        if (!a || !b)
                return a ? a : b;
        parent = b->key < a->key ? b : a;
        child = parent == a ? b : a;
        child->before = parent;
        child->next = parent->child;
        if (child->next)
                child->next->before = child;
        parent->child = child;
        return parent;
}

/* The first of the siblings, which becomes a root alone; *siblings goes on. */
static struct heap_node *split(struct heap_node **siblings)
{
        struct heap_node *node = *siblings;

        if (!node)
                return NULL;
        *siblings = node->next;
        node->next = node->before = NULL;
        return node;
}

/* Two by two from the left, then what that gave from the right: a list of pairs is built backwards through `next`. */
static struct heap_node *meld_all(struct heap_node *siblings)
{
        struct heap_node *pairs = NULL, *root = NULL;

        while (siblings) {
                struct heap_node *a = split(&siblings), *pair = meld(a, split(&siblings));

                pair->next = pairs;
                pairs = pair;
        }
        while (pairs)
                root = meld(root, split(&pairs));
        return root;
}

void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
        *node = (struct heap_node){ .key = key };
        heap->first = meld(heap->first, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
        struct heap_node *children = meld_all(node->child);

        if (!node->before) {
                heap->first = children;
        } else {
                if (node->before->child == node)
                        node->before->child = node->next;
                else
                        node->before->next = node->next;
                if (node->next)
                        node->next->before = node->before;
                heap->first = meld(heap->first, children);
        }
        *node = (struct heap_node){ 0 };
}
