/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Findings that a person would agree with; then random rules, where no rule that is said never to decide decides any of many random
 * connections: a false alarm would make somebody delete a rule that works.
 */
#include "unit.h"

#include "core/hygiene.h"
#include "random-rules.h"
#include "wire/sentence.h"

enum { FOUND_MAX = 64 };

struct found {
        struct finding of[FOUND_MAX];
        unsigned n;
};

static void on_found(void *userdata, const struct finding *finding)
{
        struct found *found = userdata;

        assert_true(found->n < FOUND_MAX);
        found->of[found->n++] = *finding;
}

static bool exists(void *userdata, const char *path)
{
        (void)userdata;
        return strcmp(path, "/gone") != 0;
}

static struct found check(const struct ruleset *rules)
{
        struct found found = { .n = 0 };
        const struct hygiene h = { .exists = exists, .found = on_found, .userdata = &found };

        size_t n = hygiene_check(rules, &h, random_now);

        assert_int_equal(n, found.n);
        return found;
}

/* Two rules of the list, r1 and r2, each as "[PRIORITY] SENTENCE"; what is found, as "r2 shadowed r1" or "". */
static const struct {
        const char *rules[2], *finding;
} rows[] = {
        { { "allow /bin/a", "deny /bin/b" }, "" },
        { { "allow /bin/a", "deny /bin/a port 80" }, "" },
        { { "allow /bin/a", "allow /bin/a port 80" }, "" }, /* needless, but it does decide */
        { { "deny anyone", "allow /bin/a" }, "" },
        { { "7 deny anyone", "allow /bin/a" }, "r2 shadowed r1" },
        { { "7 deny anyone", "allow name a" }, "r2 shadowed r1" },
        { { "7 deny anyone", "allow unknown port 1" }, "r2 shadowed r1" },
        { { "7 deny anyone user 0", "allow /bin/a" }, "" },
        { { "7 deny anyone user 0", "allow /bin/a user 0" }, "r2 shadowed r1" },
        { { "7 deny anyone user 0", "allow /bin/a user 1" }, "" },
        { { "7 allow /bin/a", "allow /bin/a" }, "r2 duplicate r1" },
        { { "7 deny /bin/a", "allow /bin/a" }, "r2 shadowed r1" },
        { { "7 deny /bin/a", "allow /bin/b" }, "" },
        { { "7 deny /bin/a", "allow name a" }, "" },
        { { "7 deny /bin/a port 80", "allow /bin/a" }, "" },
        { { "7 deny /bin/a port 1-100", "allow /bin/a port 80,90-95" }, "r2 shadowed r1" },
        { { "7 deny /bin/a port 1-100", "allow /bin/a port 80,90-101" }, "" },
        { { "7 deny /bin/a tcp", "allow /bin/a port 80" }, "" },
        { { "7 deny /bin/a tcp", "allow /bin/a port 80 tcp" }, "r2 shadowed r1" },
        { { "7 deny /bin/a to 10.0.0.0/8", "allow /bin/a to 10.1.0.0/16" }, "r2 shadowed r1" },
        { { "7 deny /bin/a to 10.1.0.0/16", "allow /bin/a to 10.0.0.0/8" }, "" },
        { { "7 deny /bin/a to 10.0.0.0/8", "allow /bin/a to 11.0.0.1" }, "" },
        { { "7 deny /bin/a to lan,loopback", "allow /bin/a to lan" }, "r2 shadowed r1" },
        { { "7 deny /bin/a to lan", "allow /bin/a to lan,loopback" }, "" },
        { { "7 deny /bin/a to lan", "allow /bin/a to 10.1.2.3" }, "r2 shadowed r1" },
        { { "7 deny /bin/a to internet", "allow /bin/a to 1.2.3.255" }, "" }, /* may be a broadcast address here */
        { { "7 deny /bin/a to lan", "allow /bin/a to 10.0.0.0/8" }, "" },     /* not proved */
        { { "deny /bin/a port 80-81", "allow /bin/a port 81,80" }, "r2 shadowed r1" },
        { { "deny /bin/a port 80-81 for session", "allow /bin/a port 81,80" }, "r2 overruled r1" },
        { { "deny /bin/a port 80-81 for session", "allow /bin/a port 81,80 for session" }, "r2 shadowed r1" },
        { { "7 deny /bin/*", "allow /bin/a" }, "r2 shadowed r1" },
        { { "7 deny not /bin/b", "allow /bin/a" }, "r2 shadowed r1" },
        { { "7 deny not /bin/a", "allow /bin/a" }, "" },
        { { "7 deny /bin/**", "allow /bin/a or /bin/b" }, "r2 shadowed r1" },
        { { "7 deny /bin/a or /bin/b", "allow /bin/**" }, "" },
        { { "7 deny /bin/a port not 22", "allow /bin/a port not 22,80" }, "r2 shadowed r1" },
        { { "7 deny /bin/a port not 22,80", "allow /bin/a port not 22" }, "" },
        { { "7 deny /bin/a to .example.com", "allow /bin/a to www.example.com" }, "" }, /* a made-up connection has no name */
        { { "allow /bin/a port 80 icmp", "allow /bin/b" }, "r1 never" },
        { { "allow /bin/a to 10.0.0.1 to internet", "allow /bin/b" }, "r1 never" },
        { { "allow /bin/a to 10.0.0.1 to internet,resolver", "allow /bin/b" }, "" },
        { { "allow unknown user 0", "allow /bin/b" }, "" }, /* its user may be known where its program is not */
        { { "allow /gone", "allow /bin/b" }, "r1 no-file" },
        { { "deny anyone list /ads or /gone", "allow /bin/b" }, "r1 no-list" },
        { { "deny anyone list /ads", "allow /bin/b" }, "" },
        { { "7 deny anyone list /ads", "allow /bin/a list /ads" }, "" }, /* a made-up connection has no name */
        { { "7 deny anyone", "allow /gone" }, "r2 shadowed r1" }, /* one finding a rule */
};

static struct rule *spoken(const char *text, const char *id)
{
        struct sentence_error error;
        char *sentence = NULL;
        struct rule *r = NULL;
        int priority = (int)strtol(text, &sentence, 10);

        sentence += strspn(sentence, " ");
        assert_int_equal(sentence_parse(sentence, strlen(sentence), &r, &error), 0);
        r->id = strdup(id);
        r->priority = priority;
        return r;
}

static void each_pair_is_found_as_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(i);
                struct found found;
                char text[64] = "";

                for (unsigned k = 0; k < 2; k++)
                        assert_int_equal(ruleset_add(rules, spoken(rows[i].rules[k], k ? "r2" : "r1")), 0);
                found = check(rules);
                assert_true(found.n <= 1);
                if (found.n)
                        snprintf(text, sizeof(text), "%s %s%s%s", found.of[0].rule->id, finding_word(found.of[0].kind),
                                 found.of[0].other ? " " : "", found.of[0].other ? found.of[0].other->id : "");
                if (strcmp(text, rows[i].finding) != 0)
                        fail_msg("%s | %s: %s", rows[i].rules[0], rows[i].rules[1], text);
        }
}

static void what_ships_and_what_is_off_is_not_judged(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(1);
        struct rule *shipped = spoken("-1000 allow /gone", "factory:x"), *off = spoken("allow /gone port 1", "r1");

        (void)state;
        shipped->origin = ORIGIN_FACTORY;
        off->disabled = true;
        assert_int_equal(ruleset_add(rules, shipped), 0);
        assert_int_equal(ruleset_add(rules, off), 0);
        assert_int_equal(ruleset_add(rules, spoken("7 deny anyone", "r2")), 0);
        assert_int_equal(check(rules).n, 0);
}

static void assert_silent(const struct ruleset *rules, const struct found *found)
{
        _cleanup_(subject_unrefp) struct subject *subject = random_subject();
        struct flow flow = random_flow();
        const struct netinfo net = { .n_broadcasts = random_below(2),
                                     .broadcasts = { random_address() },
                                     .n_resolvers = random_below(2),
                                     .resolvers = { random_address() } };
        struct facts facts = { .subject = subject, .flow = &flow, .scopes = addr_scopes(&flow.remote, &net) };
        const struct rule *winner = ruleset_decide(rules, &facts, random_now);

        for (unsigned i = 0; i < found->n && winner; i++)
                if (found->of[i].rule == winner)
                        assert_int_equal(found->of[i].kind, FINDING_NO_FILE);
}

/* 300 sets of rules with 1,000 connections each. */
static void no_rule_that_is_found_ever_decides(void **state)
{
        uint64_t rounds = random_number_from("BASTION_TEST_ROUNDS", 300), n_found[FINDING_KIND_COUNT] = { 0 };

        (void)state;
        random_start(random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL)), rounds);
        for (uint64_t round = 0; round < rounds; round++) {
                _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(round);
                struct found found;

                for (unsigned i = 1 + random_below(FOUND_MAX - 1); i > 0; i--) {
                        struct rule *rule = random_rule();

                        if (ruleset_add(rules, rule) != 0)
                                rule_free(rule);
                }
                found = check(rules);
                for (unsigned i = 0; i < found.n; i++)
                        n_found[found.of[i].kind]++;
                for (unsigned i = 0; i < 1000; i++)
                        assert_silent(rules, &found);
        }
        for (int i = 0; i < FINDING_KIND_COUNT; i++)
                print_message("%s: %llu\n", finding_word((enum finding_kind)i), (unsigned long long)n_found[i]);
        assert_true(n_found[FINDING_SHADOWED] > 0 && n_found[FINDING_NEVER] > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_pair_is_found_as_the_table_says),
                cmocka_unit_test(what_ships_and_what_is_off_is_not_judged),
                cmocka_unit_test(no_rule_that_is_found_ever_decides),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
