/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of one address: a copy has all of them, whatever becomes of those it was made of. */
#include "unit.h"

#include "core/hosts.h"

static void a_copy_outlives_what_it_is_of(_unused_ void **state)
{
        for (unsigned n = 0; n <= LIMIT_HOSTS; n++) {
                char names[LIMIT_HOSTS][LIMIT_NAME + 1];
                struct hosts found = { .n = n, .source = n > 0 ? HOST_SOURCE_DNS : HOST_SOURCE_NONE }, copy;

                for (unsigned i = 0; i < n; i++) {
                        memset(names[i], (int)('a' + i), LIMIT_NAME);
                        names[i][i == 0 ? LIMIT_NAME : i] = '\0';
                        found.names[i] = names[i];
                }
                assert_int_equal(hosts_copy(&copy, &found), 0);
                memset(names, 'x', sizeof(names));
                assert_true(copy.n == n && copy.source == found.source);
                for (unsigned i = 0; i < n; i++) {
                        assert_int_equal(strlen(copy.names[i]), i == 0 ? LIMIT_NAME : i);
                        assert_int_equal(copy.names[i][0], 'a' + i);
                }
                if (n == 0)
                        assert_null(hosts_first(&copy));
                else
                        assert_ptr_equal(hosts_first(&copy), copy.names[0]);
                hosts_deinit(&copy);
                assert_true(copy.n == 0 && copy.source == HOST_SOURCE_NONE);
                hosts_deinit(&copy);
        }
}

static void one_name_or_none(_unused_ void **state)
{
        const struct hosts one = hosts_one("a.example", HOST_SOURCE_DNS), none = hosts_one(NULL, HOST_SOURCE_DNS);

        assert_string_equal(hosts_first(&one), "a.example");
        assert_true(one.n == 1 && one.source == HOST_SOURCE_DNS);
        assert_true(none.n == 0 && none.source == HOST_SOURCE_NONE); /* of no name nobody knows */
}

static void a_source_has_a_word(_unused_ void **state)
{
        enum host_source source = HOST_SOURCE_NONE;

        assert_null(host_source_word(HOST_SOURCE_NONE));
        assert_true(host_source_parse(host_source_word(HOST_SOURCE_DNS), &source) && source == HOST_SOURCE_DNS);
        assert_false(host_source_parse("", &source));
        assert_false(host_source_parse("DNS", &source));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_copy_outlives_what_it_is_of),
                cmocka_unit_test(one_name_or_none),
                cmocka_unit_test(a_source_has_a_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
