/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tables (tests/table) do not say: words, subjects, and reasons by lifetime. */
#include "unit.h"

#include "core/decision.h"

static const struct boottime now = { 100 };

static void a_reason_is_the_rules_lifetime(void **state)
{
        static const enum reason expected[] = {
                [LIFETIME_ONCE] = REASON_USER,   [LIFETIME_PROCESS] = REASON_SESSION, [LIFETIME_SESSION] = REASON_SESSION,
                [LIFETIME_UNTIL] = REASON_RULE, [LIFETIME_REBOOT] = REASON_RULE,     [LIFETIME_ALWAYS] = REASON_RULE,
        };
        struct flow flow = flow_to("1.2.3.4", 80, 6);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };
        struct config config = config_default();

        (void)state;
        config.mode = MODE_ENFORCEMENT;
        for (unsigned i = LIFETIME_ONCE; i <= LIFETIME_ALWAYS; i++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                struct rule *r = rule_new(ACTION_DENY);
                struct decision d;

                r->lifetime = (enum lifetime)i;
                assert_int_equal(ruleset_add(set, r), 0);
                d = decide(set, &config, &facts, 1, OWNERS_ALL, now);
                assert_int_equal(d.verdict, VERDICT_DENY);
                assert_int_equal(d.reason, expected[i]);
                assert_ptr_equal(d.rule, r);
                assert_ptr_equal(d.subject, subject_unknown());
        }
}

static void deciding_changes_nothing_in_the_rules(void **state)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct flow flow = flow_to("1.2.3.4", 80, 6);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };
        struct config config = config_default();
        struct rule *r = rule_new(ACTION_ALLOW);

        (void)state;
        assert_int_equal(ruleset_add(set, r), 0);
        decide(set, &config, &facts, 1, OWNERS_ALL, now);
        assert_int_equal(r->n_hits, 0); /* counting is the caller's, who knows that the verdict went out */
}

static void words_go_both_ways(void **state)
{
        enum verdict verdict;
        enum reason reason;

        (void)state;
        for (unsigned i = VERDICT_ALLOW; i <= VERDICT_ASK; i++)
                assert_true(verdict_parse(verdict_name((enum verdict)i), &verdict) && verdict == i);
        for (unsigned i = 0; i < REASON_COUNT; i++) {
                assert_true(reason_parse(reason_word((enum reason)i), &reason) && reason == i);
                assert_true(strlen(reason_sentence((enum reason)i)) > 10);
        }
        assert_false(verdict_parse("", &verdict));
        assert_false(reason_parse("Rule", &reason));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reason_is_the_rules_lifetime),
                cmocka_unit_test(deciding_changes_nothing_in_the_rules),
                cmocka_unit_test(words_go_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
