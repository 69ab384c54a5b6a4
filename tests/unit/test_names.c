/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who was told which name an address has: several names, ends, bounds that one program cannot spend for another, and a million of additions. */
#include <malloc.h>
#include <string.h>

#include "base/macros.h"
#include "core/names.h"
#include "unit.h"

enum { CURL = 1, PYTHON = 2, FORGER = 3, MAX = 8 };

static struct boottime at(uint64_t seconds)
{
        return (struct boottime){ seconds * NS_PER_SEC };
}

static void tell(struct names *names, uint64_t program, const char *name, const char *addr, uint32_t ttl, uint64_t now)
{
        const struct addr a = address(addr);

        assert_int_equal(names_add(names, program, name, &a, ttl, at(now)), 0);
}

static const char *joined(const struct names_found *found, unsigned n)
{
        static char line[4096];

        line[0] = 0;
        for (unsigned i = 0; i < n; i++) {
                strcat(line, i ? " " : "");
                strcat(line, found[i].name);
        }
        return line;
}

/* "newest older oldest". */
static const char *known(const struct names *names, uint64_t program, const char *addr, uint64_t now)
{
        const struct addr a = address(addr);
        struct names_found found[MAX];

        return joined(found, names_find(names, program, &a, at(now), found, MAX));
}

static const char *label(const struct names *names, const char *addr, uint64_t now)
{
        const struct addr a = address(addr);
        struct names_found found[MAX];

        return joined(found, names_of_address(names, &a, at(now), found, MAX));
}

static struct addr numbered(uint32_t i)
{
        struct addr a = address("2001:db8::");

        memcpy(a.bytes + 12, &i, sizeof(i));
        return a;
}

static void only_who_asked_knows(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);

        tell(names, CURL, "example.com", "192.0.2.1", 300, 0);
        assert_string_equal(known(names, CURL, "192.0.2.1", 1), "example.com");
        assert_string_equal(known(names, PYTHON, "192.0.2.1", 1), "");
        assert_string_equal(known(names, CURL, "192.0.2.2", 1), "");
        assert_string_equal(label(names, "192.0.2.1", 1), "example.com");
}

static void an_address_has_many_names_newest_first(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);
        const struct addr a = address("192.0.2.1");
        struct names_found found[2];

        tell(names, CURL, "a.example", "192.0.2.1", 300, 0);
        tell(names, CURL, "b.example", "192.0.2.1", 300, 1);
        tell(names, PYTHON, "c.example", "192.0.2.1", 300, 2);
        assert_string_equal(known(names, CURL, "192.0.2.1", 3), "b.example a.example");
        assert_string_equal(label(names, "192.0.2.1", 3), "c.example b.example a.example");
        tell(names, CURL, "a.example", "192.0.2.1", 300, 4);
        assert_string_equal(known(names, CURL, "192.0.2.1", 5), "a.example b.example");
        assert_int_equal(names_count(names), 3);
        assert_int_equal(names_find(names, CURL, &a, at(5), found, 1), 1);
        assert_string_equal(found[0].name, "a.example");
        tell(names, PYTHON, "b.example", "192.0.2.1", 300, 6);
        assert_string_equal(label(names, "192.0.2.1", 7), "b.example a.example c.example"); /* each once */
        assert_int_equal(names_of_address(names, &a, at(7), found, 2), 2);
}

static void a_ttl_has_its_bounds(_unused_ void **state)
{
        static const struct {
                uint32_t ttl, lasts;
        } TTLS[] = { { 0, 60 }, { 59, 60 }, { 61, 61 }, { 86400, 86400 }, { 86401, 86400 }, { UINT32_MAX, 86400 } };

        for (size_t i = 0; i < ARRAY_SIZE(TTLS); i++) {
                _cleanup_(names_freep) struct names *names = names_new(1);
                const struct addr a = address("192.0.2.1");
                struct names_found found;

                tell(names, CURL, "example.com", "192.0.2.1", TTLS[i].ttl, 1000);
                assert_int_equal(names_find(names, CURL, &a, at(1000), &found, 1), 1);
                assert_true(found.expires.ns == at(1000 + TTLS[i].lasts).ns);
                assert_string_equal(known(names, CURL, "192.0.2.1", 1000 + TTLS[i].lasts - 1), "example.com");
                assert_string_equal(known(names, CURL, "192.0.2.1", 1000 + TTLS[i].lasts), "");
                assert_string_equal(label(names, "192.0.2.1", 1000 + TTLS[i].lasts), "");
        }
}

static void heard_again_it_ends_later_never_sooner(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);

        tell(names, CURL, "example.com", "192.0.2.1", 300, 0);
        tell(names, CURL, "example.com", "192.0.2.1", 0, 10);
        assert_string_equal(known(names, CURL, "192.0.2.1", 299), "example.com");
        assert_string_equal(known(names, CURL, "192.0.2.1", 300), "");
        tell(names, CURL, "example.com", "192.0.2.1", 300, 100);
        assert_string_equal(known(names, CURL, "192.0.2.1", 399), "example.com");
}

static void what_has_ended_goes_without_being_asked_for(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);

        for (uint32_t i = 0; i < 1000; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, CURL, "example.com", &a, 60, at(0)), 0);
        }
        for (uint32_t i = 0; i < 1000 / NAMES_EXPIRE_STEP; i++)
                tell(names, PYTHON, "example.com", "192.0.2.1", 300, 60);
        assert_in_range(names_count(names), 1, 1000 % NAMES_EXPIRE_STEP + 1);
        tell(names, PYTHON, "example.com", "192.0.2.1", 300, 60);
        assert_int_equal(names_count(names), 1);
}

static void names_have_a_length(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);
        const struct addr a = address("192.0.2.1");
        char name[LIMIT_NAME + 2];

        memset(name, 'a', sizeof(name));
        name[LIMIT_NAME + 1] = 0;
        assert_int_equal(names_add(names, CURL, name, &a, 60, at(0)), NAMES_E_NAME);
        assert_int_equal(names_add(names, CURL, "", &a, 60, at(0)), NAMES_E_NAME);
        assert_int_equal(names_count(names), 0);
        name[LIMIT_NAME] = 0;
        assert_int_equal(names_add(names, CURL, name, &a, 60, at(0)), 0);
        assert_string_equal(known(names, CURL, "192.0.2.1", 1), name);
}

static void a_program_pushes_out_its_own(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);
        struct names_found found[MAX];
        struct addr a;

        tell(names, CURL, "example.com", "192.0.2.1", 86400, 0);
        for (uint32_t i = 0; i < LIMIT_NAMES_PROGRAM + 10; i++) {
                a = numbered(i);
                assert_int_equal(names_add(names, FORGER, "forged.example", &a, 86400, at(1)), 0);
        }
        assert_int_equal(names_count(names), LIMIT_NAMES_PROGRAM + 1);
        assert_string_equal(known(names, CURL, "192.0.2.1", 2), "example.com");
        a = numbered(9); /* the ten oldest of its own are gone */
        assert_int_equal(names_find(names, FORGER, &a, at(2), found, MAX), 0);
        a = numbered(10);
        assert_int_equal(names_find(names, FORGER, &a, at(2), found, MAX), 1);
}

static unsigned n_of(const struct names *names, uint64_t program, uint32_t first, uint32_t n, uint64_t now)
{
        struct names_found found[MAX];
        unsigned known = 0;

        for (uint32_t i = first; i < first + n; i++) {
                const struct addr a = numbered(i);

                known += names_find(names, program, &a, at(now), found, MAX);
        }
        return known;
}

static void when_it_is_full_the_program_that_has_most_loses_its_oldest(_unused_ void **state)
{
        enum { FIRST = 100, SECOND, THIRD };
        _cleanup_(names_freep) struct names *names = names_new(1);

        tell(names, CURL, "old.example", "192.0.2.1", 86400, 0);
        for (uint32_t i = 0; i < LIMIT_NAMES - 1; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, FIRST + i / (LIMIT_NAMES_PROGRAM - 1), "example.com", &a, 86400, at(1)), 0);
        }
        assert_int_equal(names_count(names), LIMIT_NAMES);
        tell(names, CURL, "old.example", "192.0.2.1", 86400, 2);
        assert_int_equal(names_count(names), LIMIT_NAMES);
        assert_int_equal(n_of(names, FIRST, 0, 1, 2), 1);
        tell(names, PYTHON, "new.example", "192.0.2.1", 86400, 3);
        assert_int_equal(names_count(names), LIMIT_NAMES);
        assert_string_equal(label(names, "192.0.2.1", 4), "new.example old.example");
        /* Ten have as many: who came to that first gives one, then who did so next. */
        assert_int_equal(n_of(names, FIRST, 0, 1, 4), 0);
        assert_int_equal(n_of(names, FIRST, 1, LIMIT_NAMES_PROGRAM - 2, 4), LIMIT_NAMES_PROGRAM - 2);
        assert_int_equal(n_of(names, SECOND, LIMIT_NAMES_PROGRAM - 1, 1, 4), 1);
        tell(names, PYTHON, "newer.example", "192.0.2.1", 86400, 5);
        assert_int_equal(n_of(names, SECOND, LIMIT_NAMES_PROGRAM - 1, 1, 6), 0);
        assert_int_equal(n_of(names, THIRD, 2 * (LIMIT_NAMES_PROGRAM - 1), 1, 6), 1);
}

/* Each forger would fill a tenth of the table and more; who has less than his share keeps all of it, the oldest too. */
static void a_crowd_of_forgers_takes_from_each_other(_unused_ void **state)
{
        enum { FORGERS = 30, EACH = 3000, MODEST = 400, SHARE = (LIMIT_NAMES - MODEST) / FORGERS };
        _cleanup_(names_freep) struct names *names = names_new(1);

        for (uint32_t i = 0; i < MODEST; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, CURL, "modest.example", &a, 86400, at(0)), 0);
        }
        for (uint32_t i = 0; i < EACH; i++)
                for (unsigned forger = 0; forger < FORGERS; forger++) {
                        struct addr a = numbered(i);

                        assert_int_equal(names_add(names, 1000 + forger, "forged.example", &a, 86400, at(1)), 0);
                }
        assert_int_equal(names_count(names), LIMIT_NAMES);
        assert_int_equal(n_of(names, CURL, 0, MODEST, 2), MODEST);
        for (unsigned forger = 0; forger < FORGERS; forger++)
                assert_in_range(n_of(names, 1000 + forger, 0, EACH, 2), SHARE, SHARE + 1);
}

/* Who has most is told apart from who had most: names that end, and programs that are gone, count no more. */
static void who_has_most_is_known_after_names_have_ended(_unused_ void **state)
{
        enum { ONCE_GREAT = 100, GREAT = 101 };
        _cleanup_(names_freep) struct names *names = names_new(1);

        for (uint32_t i = 0; i < LIMIT_NAMES_PROGRAM; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, ONCE_GREAT, "example.com", &a, i < 10 ? 86400 : 60, at(0)), 0);
        }
        for (uint32_t i = 0; i < LIMIT_NAMES_PROGRAM / 2; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, GREAT, "example.com", &a, 86400, at(60)), 0);
        }
        for (uint32_t i = 0; names_count(names) < LIMIT_NAMES; i++) {
                struct addr a = numbered(i);

                assert_int_equal(names_add(names, 200 + i / 500, "example.com", &a, 86400, at(60)), 0);
        }
        tell(names, PYTHON, "new.example", "192.0.2.1", 86400, 61);
        assert_int_equal(n_of(names, ONCE_GREAT, 0, 10, 62), 10);
        assert_int_equal(n_of(names, GREAT, 0, LIMIT_NAMES_PROGRAM / 2, 62), LIMIT_NAMES_PROGRAM / 2 - 1);
}

#ifdef BASTION_SANITIZED
enum { MILLION = 200000 }; /* what is slow there is the sanitizer's malloc */
#else
enum { MILLION = 1000000 };
#endif

/* Names as long as they may be: of one forger for one address, or as different as they can be. */
static void add_a_million(struct names *names, bool one)
{
        char name[LIMIT_NAME + 1];

        memset(name, 'a', LIMIT_NAME);
        name[LIMIT_NAME] = 0;
        for (uint32_t i = 0; i < MILLION / one_in(10); i++) {
                struct addr a = numbered(one ? 0 : i);

                name[snprintf(name, sizeof(name), "%u", (unsigned)i)] = 'x';
                assert_int_equal(names_add(names, one ? FORGER : 1000 + i, name, &a, i, at(i / 10000)), 0);
        }
}

static void a_million_forged_names_stay_within_the_bound(_unused_ void **state)
{
        size_t before = mallinfo2().uordblks; /* 0 under a sanitizer, which has a malloc of its own */
        _cleanup_(names_freep) struct names *names = names_new(1);

        add_a_million(names, false);
        assert_int_equal(names_count(names), LIMIT_NAMES);
        assert_in_range(mallinfo2().uordblks - before, 0, NAMES_MEMORY_MAX);
}

static void a_million_of_one_forger_disturb_nobody(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(1);

        tell(names, CURL, "example.com", "192.0.2.1", 86400, 0);
        add_a_million(names, true);
        assert_int_equal(names_count(names), LIMIT_NAMES_PROGRAM + 1);
        assert_string_equal(known(names, CURL, "192.0.2.1", 100), "example.com");
}

/* Whatever is added, in whatever order: the table agrees with a plain array. */

enum { PROGRAMS = 3, ADDRESSES = 4, NAMES = 4 };

static struct {
        uint64_t ends; /* second; 0: never heard */
} model[PROGRAMS][ADDRESSES][NAMES];

static void agree(const struct names *names, uint64_t now)
{
        for (unsigned program = 0; program < PROGRAMS; program++)
                for (unsigned addr = 0; addr < ADDRESSES; addr++) {
                        const struct addr a = numbered(addr);
                        struct names_found found[MAX];
                        unsigned expected = 0;

                        for (unsigned name = 0; name < NAMES; name++)
                                expected += model[program][addr][name].ends > now;
                        assert_int_equal(names_find(names, program, &a, at(now), found, MAX), expected);
                }
}

static void it_agrees_with_a_plain_array(_unused_ void **state)
{
        _cleanup_(names_freep) struct names *names = names_new(7);
        uint32_t random = 1;

        for (uint64_t now = 0; now < 20000 / one_in(10); now += random >> 28) {
                unsigned program, addr, name, ttl;
                struct names_found newest;
                struct addr a;
                char text[16];

                random = random * 1103515245 + 12345;
                program = (random >> 16) % PROGRAMS, addr = (random >> 20) % ADDRESSES, name = (random >> 24) % NAMES, ttl = 60 + (random >> 8) % 200;
                a = numbered(addr);
                snprintf(text, sizeof(text), "%u.example", name);
                assert_int_equal(names_add(names, program, text, &a, ttl, at(now)), 0);
                model[program][addr][name].ends = MAX(model[program][addr][name].ends, now + ttl);
                agree(names, now);
                assert_int_equal(names_find(names, program, &a, at(now), &newest, 1), 1);
                assert_string_equal(newest.name, text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_who_asked_knows),
                cmocka_unit_test(an_address_has_many_names_newest_first),
                cmocka_unit_test(a_ttl_has_its_bounds),
                cmocka_unit_test(heard_again_it_ends_later_never_sooner),
                cmocka_unit_test(what_has_ended_goes_without_being_asked_for),
                cmocka_unit_test(names_have_a_length),
                cmocka_unit_test(a_program_pushes_out_its_own),
                cmocka_unit_test(when_it_is_full_the_program_that_has_most_loses_its_oldest),
                cmocka_unit_test(a_crowd_of_forgers_takes_from_each_other),
                cmocka_unit_test(who_has_most_is_known_after_names_have_ended),
                cmocka_unit_test(a_million_forged_names_stay_within_the_bound),
                cmocka_unit_test(a_million_of_one_forger_disturb_nobody),
                cmocka_unit_test(it_agrees_with_a_plain_array),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
