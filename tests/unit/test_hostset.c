/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of host names against a list that is read line by line, at its bounds, and as large as it may be. */
#include "random-rules.h"

#include "base/macros.h"
#include "core/hostset.h"

static void add(struct hostset *set, const char *name, bool below)
{
        assert_int_equal(hostset_add(set, name, below), 0);
}

static void an_entry_is_a_host_or_a_domain(_unused_ void **state)
{
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(7, 10);
        const char *host = "a.b.tracker.example";
        bool below = false;

        assert_non_null(set);
        assert_null(hostset_find(set, "example", &below));
        add(set, "ads.example", false);
        add(set, "tracker.example", true);
        assert_non_null(hostset_find(set, "ads.example", &below));
        assert_false(below);
        assert_null(hostset_find(set, "www.ads.example", NULL));
        assert_null(hostset_find(set, "example", NULL));
        assert_null(hostset_find(set, "xads.example", NULL));
        assert_non_null(hostset_find(set, "tracker.example", NULL));
        assert_ptr_equal(hostset_find(set, host, &below), host + strlen("a.b."));
        assert_true(below);
        assert_null(hostset_find(set, "xtracker.example", NULL));
        assert_null(hostset_find(set, "", NULL));
        assert_null(hostset_find(set, "..", NULL));
        assert_int_equal(hostset_count(set), 2);
        /* Said again, and then as a domain: one entry. */
        add(set, "ads.example", false);
        add(set, "ads.example", true);
        add(set, "ads.example", false);
        assert_int_equal(hostset_count(set), 2);
        assert_non_null(hostset_find(set, "www.ads.example", &below));
        hostset_settle(set);
        assert_non_null(hostset_find(set, "ads.example", NULL));
}

static void what_is_full_takes_no_more_and_keeps_what_it_has(_unused_ void **state)
{
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(7, 2);

        add(set, "a", false);
        add(set, "b", false);
        assert_int_equal(hostset_add(set, "c", false), HOSTSET_E_FULL);
        add(set, "b", true);
        assert_non_null(hostset_find(set, "a", NULL));
        assert_non_null(hostset_find(set, "x.b", NULL));
        assert_null(hostset_find(set, "c", NULL));
        assert_int_equal(hostset_count(set), 2);
}

static void the_longest_names_fill_the_arena(_unused_ void **state)
{
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(7, LIMIT_LIST_NAMES);
        char name[LIMIT_NAME + 2];
        unsigned n = 0;
        int r;

        memset(name, 'a', sizeof(name));
        name[LIMIT_NAME] = '\0';
        do {
                snprintf(name, 9, "%08u", n);
                name[8] = '.';
                r = hostset_add(set, name, false);
                n += r == 0;
        } while (r == 0);
        assert_int_equal(r, HOSTSET_E_FULL);
        assert_int_equal(n, ((64 << 20) - 1) / (LIMIT_NAME + 1));
        assert_null(hostset_find(set, name, NULL));
        snprintf(name, 9, "%08u", n - 1);
        name[8] = '.';
        assert_non_null(hostset_find(set, name, NULL));
        name[LIMIT_NAME] = 'a';
        name[LIMIT_NAME + 1] = '\0';
        assert_null(hostset_find(set, name, NULL)); /* longer than any entry */
}

/* Of an alphabet of two letters: nearly everything is a suffix of something. */
static void random_name(char ret[16])
{
        unsigned n = 0;

        for (unsigned labels = 1 + random_below(4); labels > 0; labels--) {
                for (unsigned left = 1 + random_below(2); left > 0; left--)
                        ret[n++] = random_below(2) ? 'a' : 'b';
                ret[n++] = '.';
        }
        ret[n - 1] = '\0';
}

static bool is_below(const char *host, const char *domain)
{
        for (; host; host = strchr(host, '.') ? strchr(host, '.') + 1 : NULL)
                if (strcmp(host, domain) == 0)
                        return true;
        return false;
}

static void it_says_what_a_list_says_that_is_read_line_by_line(_unused_ void **state)
{
        const uint64_t rounds = random_rounds(300, 10000);

        random_start(random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL)), rounds);
        for (uint64_t round = 0; round < rounds; round++) {
                _cleanup_(hostset_freep) struct hostset *set = hostset_new(random_state, 100);
                char names[30][16], host[16];
                bool below[30];
                unsigned n = random_below(30);

                for (unsigned i = 0; i < n; i++) {
                        random_name(names[i]);
                        below[i] = random_below(2);
                        add(set, names[i], below[i]);
                }
                for (unsigned tries = 0; tries < 100; tries++) {
                        bool expected = false;

                        random_name(host);
                        for (unsigned i = 0; i < n; i++)
                                expected = expected || (below[i] ? is_below(host, names[i]) : strcmp(host, names[i]) == 0);
                        assert_true(expected == (hostset_find(set, host, NULL) != NULL));
                }
        }
}

static void a_million_names_are_all_found_and_no_other(_unused_ void **state)
{
        const unsigned n = (unsigned)random_rounds(100000, 1000000);
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(9, LIMIT_LIST_NAMES);
        char name[64];

        for (unsigned i = 0; i < n; i++) {
                snprintf(name, sizeof(name), "host%u.example%u.test", i, i % 1000);
                add(set, name, i % 2);
        }
        hostset_settle(set);
        assert_int_equal(hostset_count(set), n);
        for (unsigned i = 0; i < n; i++) {
                snprintf(name, sizeof(name), "x.host%u.example%u.test", i, i % 1000);
                assert_true((hostset_find(set, name, NULL) != NULL) == (i % 2));
                assert_non_null(hostset_find(set, name + 2, NULL));
                snprintf(name, sizeof(name), "host%u.example%u.test", i, (i + 1) % 1000);
                assert_null(hostset_find(set, name, NULL));
        }
}

static void sets_are_found_by_path(_unused_ void **state)
{
        const struct hostsets *sets = random_lists();

        assert_non_null(hostsets_find(sets, "/l/hosts"));
        assert_null(hostsets_find(sets, "/l/missing"));
        assert_null(hostsets_find(sets, "/l"));
        assert_null(hostsets_find(NULL, "/l/hosts"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_entry_is_a_host_or_a_domain),
                cmocka_unit_test(what_is_full_takes_no_more_and_keeps_what_it_has),
                cmocka_unit_test(the_longest_names_fill_the_arena),
                cmocka_unit_test(it_says_what_a_list_says_that_is_read_line_by_line),
                cmocka_unit_test(a_million_names_are_all_found_and_no_other),
                cmocka_unit_test(sets_are_found_by_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
