/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How widely a decision holds. First what a person expects of a few rules. Then random ones, where every flow of the claimed set, of
 * every process, now and later, must get the very same rule; nothing else would make it safe to remember a verdict.
 */
#include "unit.h"

#include "random-rules.h"
#include "wire/sentence.h"

/* "[PRIORITY] SENTENCE", and "once" before it for a rule that is bound to process 1 and expires. */
static struct rule *spoken(const char *text, unsigned number)
{
        struct sentence_error error;
        struct rule *r = NULL;
        char *sentence = NULL, id[16];
        bool once = strncmp(text, "once ", 5) == 0;
        int priority = (int)strtol(once ? text + 5 : text, &sentence, 10);

        while (*sentence == ' ')
                sentence++;
        assert_int_equal(sentence_parse(sentence, strlen(sentence), &r, &error), 0);
        snprintf(id, sizeof(id), "r%u", number + 1);
        r->id = strdup(id);
        r->priority = priority;
        if (once) {
                assert_int_equal(rule_set_process(r, &(struct process){ .pid = 1 }), 0);
                r->lifetime = LIFETIME_ONCE;
                r->expires = (struct boottime){ random_now.ns + 5 };
        }
        return r;
}

/* Of /bin/a, called a, process 1 of user and group 0. `rule` decides, counted from 1. */
static const struct row {
        const char *rules[4];
        const char *to;
        uint16_t port;
        uint8_t protocol;
        unsigned rule;
        enum breadth breadth;
        const char *host; /* by which it knows the address */
} rows[] = {
        { { "allow /bin/a" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "ask /bin/a" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow name a" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow anyone" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow anyone user 0" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow /bin/a for session" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "deny /bin/a port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a port 80,443" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a tcp" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a icmp" }, "192.0.2.7", 0, 1, 1, BREADTH_PORT },
        { { "allow /bin/a to 192.0.2.7 port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a to 192.0.2.7" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a to 192.0.2.0/24" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a to internet" }, "203.0.113.7", 443, 6, 1, BREADTH_DESTINATION },

        { { "allow /bin/a", "deny /bin/a port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "deny /bin/a port 25" }, "192.0.2.7", 25, 6, 2, BREADTH_PORT },
        { { "allow /bin/a", "deny /bin/a port 25 tcp" }, "192.0.2.7", 25, 17, 1, BREADTH_PORT },
        { { "allow /bin/a port 443", "deny /bin/a port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "deny /bin/a to 192.0.2.9" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a", "deny /bin/a to 192.0.2.9 port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "deny /bin/a to 192.0.2.9 port 25" }, "192.0.2.7", 25, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a", "deny /bin/a user 1" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow /bin/a", "deny /bin/b port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },

        /* The program's own rule comes first, so that of anyone cannot disturb; with a higher priority it does. */
        { { "allow /bin/a", "deny anyone to lan" }, "10.0.0.1", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow /bin/a", "100 deny anyone to lan" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow /bin/a", "100 deny anyone port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "100 allow /bin/a", "100 deny anyone port 25" }, "192.0.2.7", 25, 6, 1, BREADTH_PROGRAM },
        { { "deny anyone to lan", "allow /bin/a port 22" }, "10.0.0.1", 443, 6, 1, BREADTH_DESTINATION },
        { { "deny anyone", "allow /bin/a port 22" }, "10.0.0.1", 443, 6, 1, BREADTH_PORT },

        /* What is shipped has the lowest priority. */
        { { "allow /bin/a", "-1000 allow anyone to loopback", "-1000 allow anyone to resolver port 53 udp", "-1000 allow /bin/a port 80" },
          "192.0.2.7", 80, 6, 1, BREADTH_PROGRAM },
        { { "-1000 allow anyone user 0", "-1000 allow anyone to loopback" }, "192.0.2.7", 80, 6, 1, BREADTH_DESTINATION },
        { { "-1000 allow anyone to loopback", "deny /bin/b" }, "127.0.0.1", 80, 6, 1, BREADTH_DESTINATION },

        /* A name is silent where the path has a rule. */
        { { "allow name a", "deny /bin/a port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "100 allow name a", "-1000 deny /bin/a port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "100 deny name a port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow /bin/a port 443", "100 deny name a" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow anyone", "deny name a port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },

        /* One process's rule says nothing of the others, and whoever has one may not be served from what others got. */
        { { "once allow /bin/a" }, "192.0.2.7", 443, 6, 1, BREADTH_NONE },
        { { "allow /bin/a", "once deny /bin/a" }, "192.0.2.7", 443, 6, 2, BREADTH_NONE },
        { { "100 allow /bin/a", "once deny /bin/a" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM },
        { { "allow /bin/a", "once deny /bin/a to 192.0.2.9 port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "once deny /bin/a to 192.0.2.9 port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },
        { { "allow name a", "once allow /bin/a to 192.0.2.9 port 443" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION },

        /* A name that is known holds while it is known, and one that is not may come to be. */
        { { "allow /bin/a to www.example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES, "www.example.com" },
        { { "allow anyone to not .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES, "example.org" },
        { { "allow /bin/a", "deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES },
        { { "allow /bin/a", "deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES, "example.org" },
        { { "allow /bin/a", "deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 2, BREADTH_NAMES, "a.example.com" },
        { { "allow name a", "deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES },
        { { "once deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NONE, "a.example.com" },
        { { "allow /bin/a", "once deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_NAMES },
        /* Where the name cannot matter it does not. */
        { { "allow /bin/a", "deny /bin/a to .example.com port 25" }, "192.0.2.7", 443, 6, 1, BREADTH_PORT },
        { { "allow /bin/a", "deny anyone to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_PROGRAM, "a.example.com" },
        { { "100 allow /bin/a to 192.0.2.0/24", "deny /bin/a to .example.com" }, "192.0.2.7", 443, 6, 1, BREADTH_DESTINATION, "a.example.com" },
};

static void a_few_rules_give_the_expected_breadth(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");

        (void)state;
        assert_non_null(s);
        s->uid = s->gid = 0;
        s->process.pid = 1;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct row *row = &rows[i];
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                struct flow flow = flow_to(row->to, row->port, row->protocol);
                struct facts facts = { .subject = s, .flow = &flow, .scopes = addr_scopes(&flow.remote, NULL), .host = row->host };
                const struct rule *rule;
                enum breadth breadth;

                for (unsigned n = 0; n < ARRAY_SIZE(row->rules) && row->rules[n]; n++)
                        assert_int_equal(ruleset_add(set, spoken(row->rules[n], n)), 0);
                rule = ruleset_decide(set, &facts, random_now);
                breadth = ruleset_breadth(set, &facts, rule, random_now);
                if (!rule || rule->id[1] != (char)('0' + row->rule) || breadth != row->breadth)
                        fail_msg("row %zu (%s): rule %s, breadth %d", i + 1, row->rules[0], rule ? rule->id : "-", breadth);
        }
}

static void no_rule_has_no_breadth(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct flow flow = flow_to("192.0.2.7", 443, 6);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };

        (void)state;
        assert_int_equal(ruleset_breadth(set, &facts, NULL, random_now), BREADTH_NONE);
}

/* A criterion that ruleset_breadth() was not told of, in the rule itself or in one before it. */
static void a_criterion_of_the_future_makes_a_decision_narrow(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        struct flow flow = flow_to("192.0.2.7", 443, 6);
        struct facts facts = { .subject = s, .flow = &flow };
        struct rule *plain = spoken("allow /bin/a", 0), *odd = spoken("100 allow /bin/a", 1);

        (void)state;
        odd->has |= 1u << 31;
        assert_int_equal(ruleset_add(set, plain), 0);
        assert_int_equal(ruleset_breadth(set, &facts, plain, random_now), BREADTH_PROGRAM);
        assert_int_equal(ruleset_add(set, odd), 0);
        assert_int_equal(ruleset_breadth(set, &facts, plain, random_now), BREADTH_NONE);
        assert_int_equal(ruleset_breadth(set, &facts, odd, random_now), BREADTH_NONE);
}

/* More rules before the deciding one than are looked at: only the index is asked, which knows the destination. */
static void a_program_with_many_rules_gets_a_narrow_answer(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        struct flow flow = flow_to("192.0.2.7", 443, 6);
        struct facts facts = { .subject = s, .flow = &flow };
        struct rule *plain = spoken("allow /bin/a", 0);

        (void)state;
        assert_int_equal(ruleset_add(set, plain), 0);
        for (unsigned i = 1; i <= 1000; i++) {
                struct rule *r = spoken("deny /bin/a", i);

                assert_int_equal(rule_add_ports(r, (uint16_t)(1000 + i), (uint16_t)(1000 + i)), 0);
                assert_int_equal(ruleset_add(set, r), 0);
                assert_int_equal(ruleset_breadth(set, &facts, plain, random_now), i <= 64 ? BREADTH_PORT : BREADTH_DESTINATION);
        }
        /* Ten thousand others that come after it cost nothing and change nothing. */
        for (unsigned i = 0; i < 10000; i++) {
                struct addr addr = addr_from_v4((uint8_t[]){ 10, 0, (uint8_t)(i >> 8), (uint8_t)i });
                struct rule *r = spoken("deny anyone", 2000 + i);

                assert_int_equal(rule_add_network(r, &addr, 128), 0);
                assert_int_equal(ruleset_add(set, r), 0);
        }
        plain = spoken("101 allow /bin/a", 20000);
        assert_int_equal(ruleset_add(set, plain), 0);
        assert_int_equal(ruleset_breadth(set, &facts, plain, random_now), BREADTH_PROGRAM);
}

/* The random part. */

/* Few rules with few criteria: with the many that random_rule() gives, nothing ever holds widely. */
static struct ruleset *random_set(void)
{
        struct ruleset *set = ruleset_new(random_state);

        assert_non_null(set);
        for (unsigned n = 1 + random_below(6); n > 0; n--) {
                struct rule *r = random_rule();

                for (unsigned kind = CRITERION_PROGRAM + 1, few = random_below(2); few && kind < CRITERION_KIND_COUNT; kind++)
                        if (kind != CRITERION_HOST && random_below(2)) /* names are few as it is */
                                rule_drop_criterion(r, (enum criterion_kind)kind);
                if (random_below(3) == 0 && r->subject == RULE_PATH)
                        memcpy(r->program, random_paths[0], strlen(random_paths[0]) + 1);
                if (ruleset_add(set, r) != 0)
                        rule_free(r);
        }
        return set;
}

struct given {
        const struct ruleset *set;
        struct subject *subject; /* its process is varied, and what else differs from one of its processes to the other */
        const struct rule *rule;
        const char *host;
        unsigned n_flows;
};

/* For all processes and all that may be known of a connection later; of names only those that are known now, if `named`. */
static bool same_rule(struct given *g, const struct flow *flow, bool named)
{
        struct facts facts = { .subject = g->subject, .flow = flow, .scopes = addr_scopes(&flow->remote, NULL) };
        const uint32_t pid = g->subject->process.pid;
        const size_t n_arguments = g->subject->n_arguments;
        const unsigned n_ancestors = g->subject->n_ancestors, covers = g->subject->key_covers;
        char *cgroup = g->subject->cgroup, other_cgroup[] = "/user.slice/x";
        bool same = true;

        for (uint32_t other = 0; other < 2 && same; other++)
                for (uint64_t later = 0; later < 2 && same; later++) {
                        const struct boottime then = { random_now.ns + later };

                        if (boottime_reached(g->rule->expires, then))
                                continue;
                        g->subject->process.pid = other;
                        g->subject->n_arguments = other && !(covers & SUBJECT_ARGUMENTS) ? 0 : n_arguments;
                        g->subject->n_ancestors = other && !(covers & SUBJECT_ANCESTORS) ? 0 : n_ancestors;
                        g->subject->cgroup = other && !(covers & SUBJECT_CGROUP) ? other_cgroup : cgroup;
                        facts.host = named ? g->host : other ? random_of(random_hosts) : NULL;
                        facts.interface = later ? "x" : NULL;
                        same = ruleset_decide(g->set, &facts, then) == g->rule;
                        g->n_flows++;
                }
        g->subject->process.pid = pid;
        g->subject->n_arguments = n_arguments;
        g->subject->n_ancestors = n_ancestors;
        g->subject->cgroup = cgroup;
        return same;
}

static bool same_rule_at_every_address(struct given *g, struct flow flow)
{
        for (size_t i = 0; i < ARRAY_SIZE(random_addresses); i++) {
                flow.remote = random_address_number(i);
                if (!same_rule(g, &flow, false))
                        return false;
        }
        return true;
}

static bool same_rule_everywhere(struct given *g, struct flow flow)
{
        for (size_t i = 0; i < ARRAY_SIZE(random_protocols); i++) {
                bool ports = protocol_has_ports(random_protocols[i]);

                flow.protocol = random_protocols[i];
                for (flow.remote_port = ports; flow.remote_port <= (ports ? 8 : 0); flow.remote_port++)
                        if (!same_rule_at_every_address(g, flow))
                                return false;
        }
        return true;
}

/* The widest set whose every flow was tried. */
static enum breadth true_breadth(struct given *g, const struct flow *flow)
{
        if (!g->rule || !same_rule(g, flow, true))
                return BREADTH_NONE;
        if (!same_rule(g, flow, false))
                return BREADTH_NAMES;
        if (!same_rule_at_every_address(g, *flow))
                return BREADTH_DESTINATION;
        return same_rule_everywhere(g, *flow) ? BREADTH_PROGRAM : BREADTH_PORT;
}

static void what_is_claimed_holds_for_every_flow(void **state)
{
        enum { N = BREADTH_PROGRAM + 1 };
        uint64_t seed = random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL));
        uint64_t rounds = random_number_from("BASTION_TEST_ROUNDS", 200000);
        struct ruleset *set = NULL;
        unsigned long counts[N][N] = { 0 }, n_flows = 0;

        (void)state;
        random_start(seed, rounds);
        for (uint64_t i = 0; i < rounds; i++) {
                _cleanup_(subject_unrefp) struct subject *s = random_subject();
                struct flow flow = random_flow();
                const char *host = random_below(2) ? random_of(random_hosts) : NULL;
                struct facts facts = { .subject = s, .flow = &flow, .scopes = addr_scopes(&flow.remote, NULL), .host = host };
                struct given given = { .subject = s, .host = host };
                enum breadth claimed, truth;

                if (s->kind == SUBJECT_PROGRAM)
                        s->key_covers = random_below(8);
                if (i % 4 == 0) {
                        ruleset_free(set);
                        set = random_set();
                }
                given.set = set;
                given.rule = ruleset_decide(set, &facts, random_now);
                claimed = ruleset_breadth(set, &facts, given.rule, random_now);
                truth = true_breadth(&given, &flow);
                if (claimed > truth)
                        fail_msg("round %llu: claimed %d, holds %d", (unsigned long long)i, claimed, truth);
                counts[truth][claimed]++;
                n_flows += given.n_flows;
        }
        ruleset_free(set);
        print_message("%lu flows tried; held (row) and claimed (column):\n", n_flows);
        for (unsigned truth = 0; truth < N; truth++)
                print_message("%8lu %8lu %8lu %8lu %8lu\n", counts[truth][0], counts[truth][1], counts[truth][2], counts[truth][3], counts[truth][4]);
        /* Narrower than true is allowed, and would still be useless if it were the rule. */
        for (unsigned truth = BREADTH_NAMES; truth < N && rounds >= 10000; truth++)
                assert_true(counts[truth][truth] > rounds / (truth == BREADTH_NAMES ? 400 : 200) && counts[truth][truth] > counts[truth][BREADTH_NONE]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_few_rules_give_the_expected_breadth),
                cmocka_unit_test(no_rule_has_no_breadth),
                cmocka_unit_test(a_criterion_of_the_future_makes_a_decision_narrow),
                cmocka_unit_test(a_program_with_many_rules_gets_a_narrow_answer),
                cmocka_unit_test(what_is_claimed_holds_for_every_flow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
