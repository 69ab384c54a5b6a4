/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why, for a few rules that a person can follow; then random ones: the rule said to decide is ruleset_decide()'s, what is said of each
 * other rule is true, and the change that is offered leads to the verdict that it promises.
 */
#include "unit.h"

#include "core/explain.h"
#include "random-rules.h"
#include "wire/sentence.h"

static void add_spoken(struct ruleset *set, const char *id, int priority, const char *sentence)
{
        struct sentence_error error;
        struct rule *rule = NULL;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        rule->id = strdup(id);
        rule->priority = priority;
        assert_int_equal(ruleset_add(set, rule), 0);
}

/* /bin/a (uid 1000) -> 1.2.3.4:443 tcp */
struct scene {
        struct ruleset *set;
        struct config config;
        struct subject *subject;
        struct flow flow;
        struct facts facts;
        struct explanation e;
};

static int scene_new(void **state)
{
        struct scene *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        s->set = ruleset_new(1);
        s->config = config_default();
        s->config.mode = MODE_ENFORCEMENT;
        s->subject = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        s->subject->uid = s->subject->gid = 1000;
        s->flow = flow_to("1.2.3.4", 443, 6);
        s->facts = (struct facts){ .subject = s->subject, .flow = &s->flow, .scopes = addr_scopes(&s->flow.remote, NULL) };
        *state = s;
        return 0;
}

static int scene_free(void **state)
{
        struct scene *s = *state;

        explanation_deinit(&s->e);
        ruleset_free(s->set);
        subject_unref(s->subject);
        free(s);
        return 0;
}

static void run(struct scene *s)
{
        explanation_deinit(&s->e);
        assert_int_equal(explain(s->set, &s->config, &s->facts, random_now, &s->e), 0);
}

static void assert_candidate(const struct scene *s, unsigned i, const char *id, int fate)
{
        assert_true(i < s->e.n_candidates);
        assert_string_equal(s->e.candidates[i].rule->id, id);
        assert_int_equal(s->e.candidates[i].fate, fate);
}

static void assert_sentence(const struct rule *rule, const char *sentence)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        assert_non_null(rule);
        sentence_format(rule, &text);
        assert_string_equal(text.data, sentence);
}

static void each_rule_has_its_fate(void **state)
{
        struct scene *s = *state;

        add_spoken(s->set, "off", 0, "deny /bin/a to 1.2.3.4 port 443 tcp user 1000");
        ruleset_find(s->set, "off")->disabled = true;
        add_spoken(s->set, "wins", 0, "deny /bin/a port 443");
        add_spoken(s->set, "port", 0, "allow /bin/a port 80");
        add_spoken(s->set, "loses", 0, "allow /bin/a tcp");
        add_spoken(s->set, "user", 0, "allow /bin/a user 0");
        add_spoken(s->set, "name", 0, "allow name a");
        add_spoken(s->set, "net", 0, "allow anyone to 10.0.0.0/8");
        add_spoken(s->set, "scope", 0, "allow anyone to lan");
        add_spoken(s->set, "first", 7, "allow anyone udp");
        add_spoken(s->set, "other", 0, "allow /bin/b");
        run(s);
        assert_int_equal(s->e.n_candidates, 9);
        assert_int_equal(s->e.n_considered, 9); /* the rule of another program is none of them */
        assert_candidate(s, 0, "first", EXPLAIN_CRITERION + CRITERION_PROTOCOL);
        assert_candidate(s, 1, "off", EXPLAIN_DISABLED);
        assert_candidate(s, 2, "wins", EXPLAIN_DECIDES);
        assert_candidate(s, 3, "port", EXPLAIN_CRITERION + CRITERION_PORT);
        assert_candidate(s, 4, "loses", EXPLAIN_LOSES);
        assert_int_equal(s->e.candidates[4].step, ORDER_CRITERION + CRITERION_PORT);
        assert_candidate(s, 5, "user", EXPLAIN_CRITERION + CRITERION_USER);
        assert_candidate(s, 6, "name", EXPLAIN_SILENT);
        assert_candidate(s, 7, "net", EXPLAIN_CRITERION + CRITERION_NETWORK);
        assert_candidate(s, 8, "scope", EXPLAIN_CRITERION + CRITERION_SCOPE);
        assert_string_equal(s->e.rule->id, "wins");
}

static void a_deny_is_turned_by_one_rule(void **state)
{
        struct scene *s = *state;

        add_spoken(s->set, "r1", 0, "deny /bin/a");
        run(s);
        assert_int_equal(s->e.n_changes, 1);
        assert_int_equal(s->e.changes[0].n_delete, 0);
        assert_false(s->e.changes[0].enforce);
        assert_sentence(s->e.changes[0].add, "allow /bin/a to 1.2.3.4 port 443 tcp");
}

static void a_user_is_named_where_that_saves_a_deletion(void **state)
{
        struct scene *s = *state;

        add_spoken(s->set, "r1", 0, "deny /bin/a to 1.2.3.4 port 443 tcp user 1000");
        run(s);
        assert_int_equal(s->e.changes[0].n_delete, 0);
        assert_sentence(s->e.changes[0].add, "allow /bin/a to 1.2.3.4 port 443 tcp user 1000 group 1000");
}

static void what_outranks_every_rule_is_deleted(void **state)
{
        struct scene *s = *state;

        add_spoken(s->set, "r1", 7, "deny anyone");
        run(s);
        assert_int_equal(s->e.changes[0].n_delete, 1);
        assert_string_equal(s->e.changes[0].delete[0]->id, "r1");
        assert_sentence(s->e.changes[0].add, "allow /bin/a to 1.2.3.4 port 443 tcp");
}

static void a_question_can_be_turned_both_ways(void **state)
{
        struct scene *s = *state;

        run(s);
        assert_int_equal(s->e.decision.verdict, VERDICT_ASK);
        assert_int_equal(s->e.n_changes, 2);
        assert_int_equal(s->e.changes[0].action, ACTION_ALLOW);
        assert_int_equal(s->e.changes[1].action, ACTION_DENY);
        assert_int_equal(s->e.unanswered.reason, REASON_TIMEOUT);
}

static void learning_has_to_end_before_anything_is_denied(void **state)
{
        struct scene *s = *state;

        s->config.mode = MODE_LEARNING;
        run(s);
        assert_int_equal(s->e.decision.reason, REASON_LEARNING);
        assert_int_equal(s->e.n_changes, 1);
        assert_true(s->e.changes[0].enforce && s->e.changes[0].add);
        add_spoken(s->set, "r1", 0, "deny /bin/a");
        run(s);
        assert_true(s->e.decision.would_deny);
        assert_true(s->e.changes[0].enforce && !s->e.changes[0].add);
}

/* More than are looked at, and the one that decides beyond them all. */
static void many_rules_are_bounded(void **state)
{
        struct scene *s = *state;
        char sentence[64], id[16];
        struct timespec before, after;

        for (unsigned i = 0; i < 100000; i++) {
                snprintf(sentence, sizeof(sentence), "deny /bin/a to 10.%u.%u.%u port 443", i >> 16, i >> 8 & 255, i & 255);
                snprintf(id, sizeof(id), "r%u", i);
                add_spoken(s->set, id, 0, sentence);
        }
        add_spoken(s->set, "last", 0, "allow /bin/a");
        clock_gettime(CLOCK_MONOTONIC, &before);
        run(s);
        clock_gettime(CLOCK_MONOTONIC, &after);
        print_message("100,000 rules of one program: %ld us\n",
                      (after.tv_sec - before.tv_sec) * 1000000L + (after.tv_nsec - before.tv_nsec) / 1000);
        assert_int_equal(s->e.n_considered, 100001);
        assert_int_equal(s->e.n_candidates, EXPLAIN_RULES);
        assert_candidate(s, EXPLAIN_RULES - 1, "last", EXPLAIN_DECIDES);
        assert_string_equal(s->e.rule->id, "last");
}

static void words_are_read_back(void **state)
{
        (void)state;
        for (int i = 0; i < EXPLAIN_FATE_COUNT; i++) {
                enum explain_fate fate;

                assert_true(explain_fate_parse(explain_fate_word((enum explain_fate)i), &fate) && (int)fate == i);
        }
        for (int i = ORDER_PRIORITY; i < ORDER_STEP_COUNT; i++) {
                enum order_step step;

                assert_true(order_step_parse(order_step_word((enum order_step)i), &step) && (int)step == i);
        }
}

/* Random ones. */

static struct ruleset *copy_of(const struct ruleset *set)
{
        struct ruleset *copy = ruleset_new(2);

        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r))
                assert_int_equal(ruleset_add(copy, rule_copy(r)), 0);
        return copy;
}

static void assert_change(const struct ruleset *set, const struct facts *facts, const struct explain_change *change)
{
        _cleanup_(ruleset_freep) struct ruleset *copy = copy_of(set);
        const struct rule *rule;

        for (unsigned i = 0; i < change->n_delete; i++)
                rule_free(ruleset_remove(copy, change->delete[i]->id));
        if (change->add)
                assert_int_equal(ruleset_add(copy, rule_copy(change->add)), 0);
        rule = ruleset_decide(copy, facts, random_now);
        assert_non_null(rule);
        assert_int_equal(rule->action, change->action);
}

static void assert_fate(const struct explain_candidate *c, const struct explanation *e, const struct facts *facts)
{
        bool matches = rule_matches(c->rule, facts, random_now);
        enum order_step step;

        assert_int_equal(matches, c->fate <= EXPLAIN_SILENT);
        assert_int_equal(c->fate == EXPLAIN_DECIDES, c->rule == e->rule);
        if (c->fate == EXPLAIN_LOSES) {
                assert_true(rule_compare_step(e->rule, c->rule, &step) < 0);
                assert_int_equal(step, c->step);
        }
        if (c->fate == EXPLAIN_DISABLED)
                assert_true(c->rule->disabled);
}

static void random_explanations_are_true(void **state)
{
        uint64_t rounds = random_number_from("BASTION_TEST_ROUNDS", 5000), n_changes = 0, n_deletions = 0;

        (void)state;
        random_start(random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL)), rounds);
        for (uint64_t round = 0; round < rounds; round++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(round);
                struct config config = config_default();
                unsigned n = random_below(40);

                config.mode = (enum mode)random_below(2);
                for (unsigned i = 0; i < n; i++) {
                        struct rule *rule = random_rule();

                        if (ruleset_add(set, rule) != 0)
                                rule_free(rule);
                }
                for (unsigned i = 0; i < 4; i++) {
                        _cleanup_(subject_unrefp) struct subject *subject = random_subject();
                        struct flow flow = random_flow();
                        struct facts facts = { .subject = subject, .flow = &flow, .scopes = addr_scopes(&flow.remote, NULL) };
                        struct explanation e;

                        assert_int_equal(explain(set, &config, &facts, random_now, &e), 0);
                        assert_ptr_equal(e.rule, ruleset_decide(set, &facts, random_now));
                        for (unsigned c = 0; c < e.n_candidates; c++) {
                                assert_fate(&e.candidates[c], &e, &facts);
                                assert_true(c == 0 || rule_compare(e.candidates[c - 1].rule, e.candidates[c].rule) < 0);
                        }
                        for (unsigned c = 0; c < e.n_changes; c++) {
                                assert_change(set, &facts, &e.changes[c]);
                                n_changes++;
                                n_deletions += e.changes[c].n_delete;
                        }
                        explanation_deinit(&e);
                }
        }
        print_message("%llu changes, %llu deletions\n", (unsigned long long)n_changes, (unsigned long long)n_deletions);
        assert_true(n_changes > rounds && n_deletions > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_rule_has_its_fate, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(a_deny_is_turned_by_one_rule, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(a_user_is_named_where_that_saves_a_deletion, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(what_outranks_every_rule_is_deleted, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(a_question_can_be_turned_both_ways, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(learning_has_to_end_before_anything_is_denied, scene_new, scene_free),
                cmocka_unit_test_setup_teardown(many_rules_are_bounded, scene_new, scene_free),
                cmocka_unit_test(words_are_read_back),
                cmocka_unit_test(random_explanations_are_true),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
