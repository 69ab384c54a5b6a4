/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules in, out, by id, in order, until they expire, as many as may be. Which of them decides is test_reference's and the tables' matter; here is
 * only what can be said of it without knowing all. BASTION_TEST_SEED repeats a run, BASTION_TEST_ROUNDS makes it longer.
 */
#include <time.h>

#include "unit.h"

#include "random-rules.h"

static struct ruleset *set_new(void)
{
        struct ruleset *set = ruleset_new(12345);

        assert_non_null(set);
        return set;
}

static struct rule *flat(const char *key, bool allow)
{
        struct rule *r = NULL;
        const char *expected;

        assert_int_equal(rule_from_flat_key(key, allow, &r, &expected), 0);
        return r;
}

static struct rule *named(const char *id, const char *program)
{
        struct rule *r = rule_new(ACTION_ALLOW);

        assert_non_null(r);
        r->id = id ? strdup(id) : NULL;
        r->subject = RULE_PATH;
        r->program = strdup(program);
        return r;
}

static void added_rules_are_found_and_removed_by_id(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *r = flat("/bin/a:1", true);

        (void)state;
        assert_int_equal(ruleset_add(set, r), 0);
        assert_ptr_equal(ruleset_find(set, "/bin/a:1"), r);
        assert_int_equal(ruleset_count(set), 1);
        assert_ptr_equal(ruleset_remove(set, "/bin/a:1"), r);
        assert_null(ruleset_remove(set, "/bin/a:1"));
        assert_null(ruleset_find(set, "/bin/a:1"));
        assert_null(ruleset_next(set, NULL));
        assert_int_equal(ruleset_count(set), 0);
        rule_free(r);
}

static void assert_would_be(const struct ruleset *set, const struct rule *rule, const char *id)
{
        _cleanup_(freep) char *chosen = ruleset_choose_id(set, rule);

        assert_string_equal(chosen, id);
}

static void a_rule_without_id_is_named(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *key = named(NULL, "/bin/a"), *list = named(NULL, "/bin/b"), *session = named(NULL, "/bin/c");
        struct rule *r7 = named("r7", "/bin/d"), *later = named(NULL, "/bin/e");

        (void)state;
        list->note = strdup("not flat");
        session->lifetime = LIFETIME_SESSION;
        session->origin = ORIGIN_SESSION;
        later->note = strdup("not flat");
        assert_would_be(set, list, "r1");
        assert_would_be(set, list, "r1"); /* asking gives nothing away */
        assert_would_be(set, key, "/bin/a:*");
        assert_int_equal(ruleset_add(set, key), 0);
        assert_string_equal(key->id, "/bin/a:*");
        assert_int_equal(ruleset_add(set, list), 0);
        assert_string_equal(list->id, "r1");
        assert_int_equal(ruleset_add(set, session), 0);
        assert_string_equal(session->id, "s1");
        assert_would_be(set, list, "r1"); /* its own place */
        assert_int_equal(ruleset_add(set, r7), 0);
        rule_free(ruleset_remove(set, "r7"));
        assert_would_be(set, later, "r8");
        assert_int_equal(ruleset_add(set, later), 0);
        assert_string_equal(later->id, "r8"); /* a number that was used is not used again */
}

/* The ids of the rules after `number`, each with a blank. */
static void check_after(const struct ruleset *set, uint64_t number, const char *id, const char *expected)
{
        _cleanup_(buf_deinit) struct buf ids = {};

        buf_puts(&ids, "");
        for (const struct rule *r = ruleset_next_after(set, number, id); r; r = ruleset_next(set, r))
                buf_printf(&ids, "%s ", r->id);
        assert_int_equal(buf_error(&ids), 0);
        assert_string_equal(ids.data, expected);
}

static void a_walk_goes_on_whatever_changed_since(void **state)
{
        static const char *const ids[] = { "a", "b", "c", "d" };
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *again;
        char program[8];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                snprintf(program, sizeof(program), "/%s", ids[i]);
                assert_int_equal(ruleset_add(set, named(ids[i], program)), 0);
                assert_int_equal(ruleset_number(set, ruleset_find(set, ids[i])), i + 1);
        }
        check_after(set, 2, "b", "c d ");
        check_after(set, 4, "d", "");
        check_after(set, 2, "never there", "c d ");
        again = named("b2", "/b"); /* takes b's place */
        assert_int_equal(ruleset_add(set, again), 0);
        assert_int_equal(ruleset_number(set, again), 2);
        check_after(set, 1, "a", "b2 c d ");
        check_after(set, 2, "b", "c d ");
        rule_free(ruleset_remove(set, "c"));
        check_after(set, 3, "c", "d ");
        assert_int_equal(ruleset_add(set, named("c", "/c")), 0); /* comes last now */
        check_after(set, 3, "c", "d c ");
        rule_free(ruleset_remove(set, "c"));
        assert_int_equal(ruleset_add(set, named("e", "/e")), 0);
        assert_int_equal(ruleset_number(set, ruleset_find(set, "e")), 6); /* 5 was given already */
        assert_int_equal(ruleset_last_number(set), 6);
        check_after(set, 5, "c", "e ");
        check_after(set, UINT64_MAX, "e", "");
        check_after(set, 0, "", "a b2 d e ");
}

static void the_same_criteria_replace_and_keep_their_id_and_place(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *second = named(NULL, "/bin/a"), *third = named("mine", "/bin/a");

        (void)state;
        assert_int_equal(ruleset_add(set, named("first", "/bin/a")), 0);
        assert_int_equal(ruleset_add(set, named("other", "/bin/b")), 0);
        assert_int_equal(ruleset_add(set, second), 0);
        assert_int_equal(ruleset_count(set), 2);
        assert_string_equal(second->id, "first");
        assert_ptr_equal(ruleset_next(set, NULL), second);
        assert_int_equal(ruleset_add(set, third), 0);
        assert_null(ruleset_find(set, "first"));
        assert_ptr_equal(ruleset_find(set, "mine"), third);
        assert_ptr_equal(ruleset_next(set, NULL), third);
        assert_int_equal(ruleset_count(set), 2);
}

static void another_origin_is_another_rule(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *factory = named("factory:a", "/bin/a");

        (void)state;
        factory->origin = ORIGIN_FACTORY;
        assert_int_equal(ruleset_add(set, named("r1", "/bin/a")), 0);
        assert_int_equal(ruleset_add(set, factory), 0);
        assert_int_equal(ruleset_count(set), 2);
}

static void an_id_belongs_to_one_rule(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *thief = named("r1", "/bin/b");

        (void)state;
        assert_int_equal(ruleset_add(set, named("r1", "/bin/a")), 0);
        assert_int_equal(ruleset_add(set, thief), RULESET_E_EXISTS);
        assert_int_equal(ruleset_count(set), 1);
        rule_free(thief); /* still ours */
}

static void next_goes_in_the_order_of_insertion(void **state)
{
        static const char *const keys[] = { "/bin/z:1", "unknown:5", "@name:x:*", "/bin/a:1" };
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        const struct rule *r = NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                assert_int_equal(ruleset_add(set, flat(keys[i], true)), 0);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                r = ruleset_next(set, r);
                assert_string_equal(r->id, keys[i]);
        }
        assert_null(ruleset_next(set, r));
}

static unsigned take_expired(struct ruleset *set, struct boottime now)
{
        struct boottime last = { 0 };
        unsigned n = 0;

        for (struct rule *r; (r = ruleset_take_expired(set, now)); n++) {
                assert_true(r->expires.ns >= last.ns && r->expires.ns <= now.ns);
                last = r->expires;
                rule_free(r);
        }
        return n;
}

static void expired_rules_go_and_the_next_expiry_is_known(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *a = named("a", "/bin/a"), *b = named("b", "/bin/b"), *c = named("c", "/bin/c");

        (void)state;
        assert_true(ruleset_next_expiry(set).ns == BOOTTIME_NEVER.ns);
        a->expires = (struct boottime){ 50 };
        b->expires = (struct boottime){ 20 };
        assert_int_equal(ruleset_add(set, a), 0);
        assert_int_equal(ruleset_add(set, b), 0);
        assert_int_equal(ruleset_add(set, c), 0);
        assert_int_equal(ruleset_next_expiry(set).ns, 20);
        assert_int_equal(take_expired(set, (struct boottime){ 19 }), 0);
        assert_int_equal(take_expired(set, (struct boottime){ 20 }), 1);
        assert_int_equal(ruleset_next_expiry(set).ns, 50);
        assert_int_equal(take_expired(set, (struct boottime){ 1000 }), 1);
        assert_true(ruleset_next_expiry(set).ns == BOOTTIME_NEVER.ns);
        assert_int_equal(ruleset_count(set), 1);
}

static double seconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Filled to the cap, by one shape of rule; the time is told, not asserted: a quadratic load would be noticed by the
 * test's time limit. */
static void fill(const char *what, void (*shape)(struct rule *r, unsigned i))
{
        _cleanup_(ruleset_freep) struct ruleset *set = set_new();
        struct rule *extra = named("extra", "/bin/extra");
        double start = seconds();

        for (unsigned i = 0; i < LIMIT_RULES; i++) {
                struct rule *r = rule_new(ACTION_ALLOW);

                shape(r, i);
                assert_int_equal(ruleset_add(set, r), 0);
        }
        print_message("%u rules of %s in %.2f s\n", (unsigned)LIMIT_RULES, what, seconds() - start);
        assert_int_equal(ruleset_count(set), LIMIT_RULES);
        assert_int_equal(ruleset_add(set, extra), RULESET_E_FULL);
        rule_free(extra);
}

static void shape_paths(struct rule *r, unsigned i)
{
        char path[64];

        snprintf(path, sizeof(path), "/usr/bin/program-%u", i);
        r->subject = RULE_PATH;
        r->program = strdup(path);
}

static void add_network(struct rule *r, unsigned i, uint8_t prefix)
{
        struct addr addr = addr_from_v4((uint8_t[]){ 20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i });

        assert_int_equal(rule_add_network(r, &addr, prefix), 0);
}

static void shape_addresses(struct rule *r, unsigned i)
{
        r->subject = RULE_PATH;
        r->program = strdup("/usr/bin/one");
        add_network(r, i, 128);
        assert_int_equal(rule_add_ports(r, (uint16_t)(i % 65535 + 1), (uint16_t)(i % 65535 + 1)), 0);
}

static void shape_networks(struct rule *r, unsigned i)
{
        r->subject = RULE_PATH;
        r->program = strdup("/usr/bin/one");
        add_network(r, i << 1, 127);
}

static void the_cap_is_reached_quickly_and_refused_after(void **state)
{
        (void)state;
        fill("as many programs", shape_paths);
        fill("one program, by address and port", shape_addresses);
        fill("one program, by network", shape_networks);
}

static unsigned kinds_by_scan(const struct ruleset *set)
{
        unsigned kinds = 0;

        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r))
                kinds |= r->has;
        return kinds;
}

/* What is sure without some facts is what comes of them, and with all of them everything is sure. Counts what was sure. */
static unsigned unsure_once(const struct ruleset *set)
{
        _cleanup_(subject_unrefp) struct subject *s = random_subject(), *poor = NULL;
        struct flow flow = random_flow();
        struct facts facts = {
                .subject = s,
                .flow = &flow,
                .scopes = addr_scopes(&flow.remote, NULL),
                .host = random_below(2) ? random_of(random_hosts) : NULL,
                .interface = random_below(2) ? random_of(random_words) : NULL,
        };
        struct facts less = { .flow = &flow, .scopes = facts.scopes };
        const struct rule *rule = ruleset_decide(set, &facts, random_now);
        bool sure;

        assert_true(ruleset_is_sure(set, &facts, 0, rule, random_now));
        if (s->kind != SUBJECT_PROGRAM)
                return 0;
        less.subject = poor = subject_as_process(s, &s->process);
        assert_non_null(poor);
        sure = ruleset_is_sure(set, &less, facts_unknown(&less), ruleset_decide(set, &less, random_now), random_now);
        if (sure)
                assert_ptr_equal(ruleset_decide(set, &less, random_now), rule);
        return sure;
}

/* Some rules come and some go; ids that are taken and rules that are replaced are part of it. */
static void change_rules(struct ruleset *set)
{
        struct rule *r = random_rule();
        char id[16];

        if (random_below(3) == 0) {
                snprintf(id, sizeof(id), "r%u", random_below(40));
                r->id = strdup(id);
        }
        if (ruleset_add(set, r) != 0)
                rule_free(r);
        if (random_below(3) == 0) {
                const struct rule *victim = ruleset_next(set, NULL);

                for (unsigned n = random_below(20); n > 0 && victim; n--)
                        victim = ruleset_next(set, victim);
                if (victim)
                        rule_free(ruleset_remove(set, victim->id));
        }
        if (random_below(50) == 0)
                take_expired(set, (struct boottime){ random_now.ns - random_below(2) });
}

static void what_is_sure_is_so_whatever_comes_to_be_known(void **state)
{
        uint64_t seed = random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL));
        uint64_t rounds = random_number_from("BASTION_TEST_ROUNDS", 100000), n_sure = 0;
        struct ruleset *set = NULL;

        (void)state;
        random_start(seed, rounds);
        for (uint64_t i = 0; i < rounds; i++) {
                if (i % 200 == 0) {
                        ruleset_free(set);
                        set = ruleset_new(random_state);
                        assert_non_null(set);
                }
                change_rules(set);
                n_sure += unsure_once(set);
                assert_true(i % 16 || ruleset_kinds(set) == kinds_by_scan(set));
        }
        ruleset_free(set);
        print_message("%llu sure without the facts\n", (unsigned long long)n_sure);
        assert_true(n_sure > rounds / 20 && n_sure < rounds * 9 / 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(added_rules_are_found_and_removed_by_id),
                cmocka_unit_test(a_rule_without_id_is_named),
                cmocka_unit_test(a_walk_goes_on_whatever_changed_since),
                cmocka_unit_test(the_same_criteria_replace_and_keep_their_id_and_place),
                cmocka_unit_test(another_origin_is_another_rule),
                cmocka_unit_test(an_id_belongs_to_one_rule),
                cmocka_unit_test(next_goes_in_the_order_of_insertion),
                cmocka_unit_test(expired_rules_go_and_the_next_expiry_is_known),
                cmocka_unit_test(the_cap_is_reached_quickly_and_refused_after),
                cmocka_unit_test(what_is_sure_is_so_whatever_comes_to_be_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
