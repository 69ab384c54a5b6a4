/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "base/hashmap.h"
#include "base/macros.h"

struct item {
        struct hashmap_node node;
        unsigned key;
};

static bool item_equal(const struct hashmap_node *node, const void *key)
{
        return CONTAINER_OF(node, struct item, node)->key == *(const unsigned *)key;
}

static uint64_t key_hash(const struct hashmap *map, unsigned key)
{
        return hash_bytes(map->seed, &key, sizeof(key));
}

static struct item *find(const struct hashmap *map, unsigned key)
{
        struct hashmap_node *node = hashmap_find(map, key_hash(map, key), item_equal, &key);

        return node ? CONTAINER_OF(node, struct item, node) : NULL;
}

static void an_empty_map_finds_nothing(void **state)
{
        struct hashmap map;

        (void)state;
        hashmap_init(&map, 1);
        assert_null(find(&map, 5));
        assert_null(hashmap_next(&map, NULL));
        hashmap_deinit(&map);
}

static void what_was_inserted_is_found_until_it_is_removed(void **state)
{
        enum { N = 10000 };
        struct item *items = calloc(N, sizeof(*items));
        struct hashmap map;

        (void)state;
        assert_non_null(items);
        hashmap_init(&map, 42);
        for (unsigned i = 0; i < N; i++) {
                items[i].key = i;
                assert_int_equal(hashmap_insert(&map, &items[i].node, key_hash(&map, i)), 0);
        }
        for (unsigned i = 0; i < N; i += 2)
                hashmap_remove(&map, &items[i].node);
        for (unsigned i = 0; i < N; i++)
                assert_ptr_equal(find(&map, i), i % 2 ? &items[i] : NULL);
        assert_int_equal(map.n, N / 2);
        hashmap_deinit(&map);
        free(items);
}

static void equal_keys_are_found_one_after_the_other(void **state)
{
        struct item a = { .key = 7 }, b = { .key = 7 }, other = { .key = 8 };
        struct hashmap_node *first, *second;
        struct hashmap map;
        unsigned key = 7;

        (void)state;
        hashmap_init(&map, 3);
        hashmap_insert(&map, &a.node, 99); /* one hash for all: keys still differ */
        hashmap_insert(&map, &other.node, 99);
        hashmap_insert(&map, &b.node, 99);
        first = hashmap_find(&map, 99, item_equal, &key);
        assert_non_null(first);
        second = hashmap_find_next(first, item_equal, &key);
        assert_non_null(second);
        assert_ptr_not_equal(first, second);
        assert_null(hashmap_find_next(second, item_equal, &key));
        hashmap_deinit(&map);
}

static void iteration_sees_each_node_once(void **state)
{
        struct item items[100];
        struct hashmap map;
        unsigned seen[100] = { 0 };

        (void)state;
        hashmap_init(&map, 5);
        for (unsigned i = 0; i < 100; i++) {
                items[i].key = i;
                hashmap_insert(&map, &items[i].node, key_hash(&map, i));
        }
        for (struct hashmap_node *node = hashmap_next(&map, NULL); node; node = hashmap_next(&map, node))
                seen[CONTAINER_OF(node, struct item, node)->key]++;
        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(seen[i], 1);
        hashmap_deinit(&map);
}

static void a_hash_depends_on_every_byte_the_length_and_the_seed(void **state)
{
        char data[40] = { 0 };

        (void)state;
        for (size_t n = 1; n <= sizeof(data); n++) {
                uint64_t hash = hash_bytes(1, data, n);

                assert_true(hash != hash_bytes(1, data, n - 1));
                assert_true(hash != hash_bytes(2, data, n));
                for (size_t i = 0; i < n; i++) {
                        data[i] = 1;
                        assert_true(hash != hash_bytes(1, data, n));
                        data[i] = 0;
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_map_finds_nothing),
                cmocka_unit_test(what_was_inserted_is_found_until_it_is_removed),
                cmocka_unit_test(equal_keys_are_found_one_after_the_other),
                cmocka_unit_test(iteration_sees_each_node_once),
                cmocka_unit_test(a_hash_depends_on_every_byte_the_length_and_the_seed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
