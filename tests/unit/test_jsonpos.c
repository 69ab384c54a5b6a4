/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a key path stands in a text: lines and columns as a person counts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/jsonpos.h"

#define KEY(k)   { .key = (k) }
#define INDEX(i) { .index = (i) }

static const char text[] = "{\n"                                               /* 1 */
                           "  \"a\": 1, \"b\" : [ 10, [], {\"c\": \"]\\\"\"} ],\n" /* 2 */
                           "  \"\xc3\xa4\": true, \"d\\u0065\": null,\n"       /* 3 */
                           "\t\"rules\": [\n"                                  /* 4 */
                           "    {\"x\": {\"port\": \"{\"}},\n"                 /* 5 */
                           "    {\"port\": [1, \"http\"]}\n"                   /* 6 */
                           "  ]\n"
                           "}\n";

static void test_positions(void **state _unused_)
{
        static const struct {
                struct jsonpos_step path[5];
                size_t n;
                bool found;
                unsigned key_line, key_column, line, column;
                const char *value;
        } rows[] = {
                { { KEY("") }, 0, true, 1, 1, 1, 1, NULL },
                { { KEY("a") }, 1, true, 2, 3, 2, 8, "1" },
                { { KEY("b") }, 1, true, 2, 11, 2, 17, "[ 10, [], {\"c\": \"]\\\"\"} ]" },
                { { KEY("b"), INDEX(0) }, 2, true, 2, 19, 2, 19, "10" },
                { { KEY("b"), INDEX(1) }, 2, true, 2, 23, 2, 23, "[]" },
                { { KEY("b"), INDEX(2), KEY("c") }, 3, true, 2, 28, 2, 33, "\"]\\\"\"" },
                { { KEY("\xc3\xa4") }, 1, true, 3, 3, 3, 8, "true" },
                { { KEY("de") }, 1, true, 3, 14, 3, 25, "null" },
                { { KEY("rules"), INDEX(1), KEY("port") }, 3, true, 6, 6, 6, 14, "[1, \"http\"]" },
                { { KEY("rules"), INDEX(1), KEY("port"), INDEX(1) }, 4, true, 6, 18, 6, 18, "\"http\"" },
                { { KEY("rules"), INDEX(0), KEY("x"), KEY("port") }, 4, true, 5, 12, 5, 20, "\"{\"" },
                /* the way ends: the last place reached */
                { { KEY("no") }, 1, false, 1, 1, 1, 1, NULL },
                { { KEY("rules"), INDEX(2) }, 2, false, 4, 11, 4, 11, NULL },
                { { KEY("rules"), INDEX(0), KEY("port") }, 3, false, 5, 5, 5, 5, "{\"x\": {\"port\": \"{\"}}" },
                { { KEY("a"), INDEX(0) }, 2, false, 2, 8, 2, 8, "1" },
                { { KEY("b"), KEY("c") }, 2, false, 2, 17, 2, 17, NULL },
                { { KEY("b"), INDEX(1), INDEX(0) }, 3, false, 2, 23, 2, 23, "[]" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct jsonpos key, value;

                assert_int_equal(jsonpos_find(text, sizeof(text) - 1, rows[i].path, rows[i].n, &key, &value), rows[i].found);
                assert_int_equal(key.line, rows[i].key_line);
                assert_int_equal(key.column, rows[i].key_column);
                assert_int_equal(value.line, rows[i].line);
                assert_int_equal(value.column, rows[i].column);
                if (rows[i].value) {
                        assert_int_equal(value.length, strlen(rows[i].value));
                        assert_memory_equal(text + value.at, rows[i].value, value.length);
                }
        }
}

/* Never beyond the end, whatever is cut off. */
static void test_cut_everywhere(void **state _unused_)
{
        static const struct jsonpos_step path[] = { KEY("rules"), INDEX(1), KEY("port"), INDEX(1) };

        for (size_t n = 0; n < sizeof(text); n++) {
                _cleanup_(freep) char *copy = malloc(n ? n : 1);
                struct jsonpos key, value;

                assert_non_null(copy);
                memcpy(copy, text, n);
                jsonpos_find(copy, n, path, ARRAY_SIZE(path), &key, &value);
                assert_true(value.at + value.length <= n && key.at + key.length <= n);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_positions), cmocka_unit_test(test_cut_everywhere) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
