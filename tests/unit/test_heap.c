/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap beside an array that is searched: the smallest key first, whatever is put in and taken out, and in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/heap.h"
#include "base/macros.h"

enum { NODES = 200, STEPS = 200000, MANY = 200000 };

static uint32_t rnd(void)
{
        static uint64_t state = 1;

        state = state * UINT64_C(6364136223846793005) + 1;
        return (uint32_t)(state >> 33);
}

static void test_like_an_array(void **state _unused_)
{
        static struct heap_node nodes[NODES];
        static bool in[NODES];
        struct heap heap = { 0 };

        for (unsigned step = 0; step < STEPS; step++) {
                unsigned i = rnd() % NODES;
                const struct heap_node *smallest = NULL;

                if (in[i])
                        heap_remove(&heap, &nodes[i]);
                else
                        heap_insert(&heap, &nodes[i], rnd() % 64);
                in[i] = !in[i];
                for (unsigned k = 0; k < NODES; k++)
                        if (in[k] && (!smallest || nodes[k].key < smallest->key))
                                smallest = &nodes[k];
                assert_true(!heap.first == !smallest);
                if (smallest)
                        assert_true(heap.first->key == smallest->key && in[heap.first - nodes]);
        }
}

/* Rising, falling and equal keys are what a heap of this kind could be slow or deep with. */
static void test_order(void **state _unused_)
{
        struct heap_node *nodes = calloc(MANY, sizeof(*nodes));

        assert_non_null(nodes);
        for (int kind = 0; kind < 3; kind++) {
                struct heap heap = { 0 };
                uint64_t last = 0;

                for (unsigned i = 0; i < MANY; i++)
                        heap_insert(&heap, &nodes[i], kind == 0 ? i : kind == 1 ? MANY - i : 7);
                for (unsigned i = 0; i < MANY; i++) {
                        assert_true(heap.first && heap.first->key >= last);
                        last = heap.first->key;
                        heap_remove(&heap, heap.first);
                }
                assert_null(heap.first);
        }
        free(nodes);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_like_an_array), cmocka_unit_test(test_order) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
