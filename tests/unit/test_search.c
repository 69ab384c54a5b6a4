/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `bastion log` searches by: each criterion finds what it says and nothing else, and says what it wants where it is given something else. */
#include "unit.h"

#include "base/macros.h"
#include "wire/search.h"

static const int64_t NOON_US = INT64_C(1800000000000000);

/* curl of user 1000 to 93.184.216.34:443, host Example.com, allowed by r7 at noon. */
static struct record a_record(struct subject *s)
{
        struct rule rule = { .id = (char[]){ "r7" } };
        struct decision decision = { VERDICT_ALLOW, REASON_RULE, .rule = &rule };
        struct flow flow = flow_to("93.184.216.34", 443, 6);
        struct record r;

        s->uid = 1000;
        assert_int_equal(record_init(&r, &decision, s, &flow, &(struct hosts){ .names = { "www.Example.com" }, .n = 1 }), 0);
        r.time_us = NOON_US;
        r.seq = 5;
        return r;
}

/* `words`: criteria, separated by one blank. */
static bool finds(const char *words, const struct record *r)
{
        _cleanup_(search_deinit) struct search s = {};
        _cleanup_(freep) char *copy = strdup(words);
        char error[SEARCH_ERROR_MAX];

        for (char *rest = copy, *word; (word = strsep(&rest, " ")) && *word;)
                if (search_set_word(&s, word, error) != 0)
                        fail_msg("%s: %s", word, error);
        return search_matches(&s, r);
}

static void each_criterion_finds_what_it_says(_unused_ void **state)
{
        static const struct {
                const char *words;
                bool found;
        } cases[] = {
                { "", true },
                { "program=/usr/bin/curl", true },
                { "program=curl", true },
                { "program=*/curl", true },
                { "program=/usr/*", true },
                { "program=c?rl", true },
                { "program=url", false },
                { "program=/usr/bin", false },
                { "program=comm-of-it", false },
                { "host=93.184.216.34", true },
                { "host=93.184.216.35", false },
                { "host=93.184.216.0/24", true },
                { "host=93.184.217.0/24", false },
                { "host=::ffff:93.184.216.34", true },
                { "host=2001:db8::/32", false },
                { "host=www.example.com", true },
                { "host=*.EXAMPLE.com", true },
                { "host=example.com", false },
                { "port=443", true },
                { "port=442", false },
                { "port=400-500", true },
                { "port=443-443", true },
                { "port=1-442", false },
                { "verdict=allow", true },
                { "verdict=deny", false },
                { "rule=r7", true },
                { "rule=r", false },
                { "rule=*", false },
                { "reason=rule", true },
                { "reason=learning", false },
                { "uid=1000", true },
                { "uid=0", false },
                { "since=1800000000000000", true },
                { "since=1800000000000001", false },
                { "until=1800000000000001", true },
                { "until=1800000000000000", false },
                { "older=5@1800000000000000", false },
                { "older=6@1800000000000000", true },
                { "older=5@1800000000000001", true },
                { "older=1@1", false },
                { "program=curl port=443 verdict=allow", true },
                { "program=curl port=80 verdict=allow", false },
        };
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "comm-of-it");
        struct record r = a_record(s);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (finds(cases[i].words, &r) != cases[i].found)
                        fail_msg("%s", cases[i].words);
        record_deinit(&r);
}

static void a_path_with_a_globs_letters_is_found_by_itself(_unused_ void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/opt/[game]/run", "run");
        struct record r = a_record(s);

        assert_true(finds("program=/opt/[game]/run", &r));
        assert_false(finds("program=/opt/g/run", &r));
        record_deinit(&r);
}

static void who_has_no_path_is_found_by_what_people_read(_unused_ void **state)
{
        _cleanup_(subject_unrefp) struct subject *nameless = subject_new(SUBJECT_PROGRAM, "", "worker");
        struct flow flow = flow_to("192.0.2.9", 0, 1);
        struct decision decision = { VERDICT_DENY, REASON_TIMEOUT };
        struct record r;

        assert_int_equal(record_init(&r, &decision, nameless, &flow, NULL), 0);
        assert_true(finds("program=worker", &r));
        record_deinit(&r);
        assert_int_equal(record_init(&r, &decision, subject_unknown(), &flow, NULL), 0);
        assert_true(finds("program=unknown", &r));
        assert_false(finds("program=kernel", &r));
        assert_false(finds("port=1-65535", &r));
        assert_false(finds("host=example.com", &r));
        assert_false(finds("rule=r7", &r));
        assert_false(finds("uid=0", &r));
        record_deinit(&r);
        assert_int_equal(record_init(&r, &decision, subject_kernel(), &flow, NULL), 0);
        assert_true(finds("program=kernel", &r));
        record_deinit(&r);
}

static void assert_refused(const char *word, const char *expected)
{
        _cleanup_(search_deinit) struct search s = {};
        char error[SEARCH_ERROR_MAX];

        assert_int_equal(search_set_word(&s, "port=53", error), 0);
        if (search_set_word(&s, word, error) != 1)
                fail_msg("%s was taken", word);
        if (!strstr(error, expected))
                fail_msg("%s: %s", word, error);
}

static void a_wrong_value_is_told_what_was_expected(_unused_ void **state)
{
        char path[LIMIT_PATH + 32] = "program=/";

        assert_refused("program=", "expected a path");
        memset(path + strlen(path), 'a', sizeof(path) - strlen(path) - 1);
        assert_refused(path, "of 1 to 4096 bytes");
        assert_refused("host=", "expected an address");
        assert_refused("host=10.0.0.1/8", "without bits beyond");
        assert_refused("host=10.0.0", "expected an address, or a network");
        assert_refused("host=example.com/24", "expected an address, or a network");
        assert_refused("host=1.2.3.4:80", "expected an address, or a network");
        assert_refused("verdict=ask", "expected allow or deny");
        assert_refused("rule=", "a rule's id");
        assert_refused("reason=because", "one of rule session user learning");
        assert_refused("uid=root", "a user's number");
        assert_refused("uid=4294967295", "a user's number");
        assert_refused("since=yesterday", "microseconds");
        assert_refused("until=-1", "microseconds");
        assert_refused("older=5", "SEQ@TIME");
        assert_refused("older=@5", "SEQ@TIME");
        assert_refused("older=5@", "microseconds");
        assert_refused("older=111111111111111111111111111@5", "SEQ@TIME");
        assert_refused("port=53", "'port' stands twice");
        assert_refused("colour=red", "nothing is searched by 'colour'");
        assert_refused("no-equals", "expected KEY=VALUE");
        assert_refused("a-key-of-some-length=1", "expected KEY=VALUE");
}

static void ports_have_bounds(_unused_ void **state)
{
        static const char *const wrong[] = { "0", "65536", "", "-", "1-", "-1", "80-79", "0-1", "1-65536", "http", "1-2-3", "000000001", "+1", " 1" };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                _cleanup_(search_deinit) struct search s = {};
                char error[SEARCH_ERROR_MAX];

                if (search_set(&s, "port", wrong[i], error) != 1 || !strstr(error, "a port 1..65535"))
                        fail_msg("'%s'", wrong[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_criterion_finds_what_it_says),
                cmocka_unit_test(a_path_with_a_globs_letters_is_found_by_itself),
                cmocka_unit_test(who_has_no_path_is_found_by_what_people_read),
                cmocka_unit_test(a_wrong_value_is_told_what_was_expected),
                cmocka_unit_test(ports_have_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
