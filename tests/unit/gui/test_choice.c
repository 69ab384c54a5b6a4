/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is offered, and the answer that it makes. */
#include "prompts.h"

#include "gui/choice.h"

static void offers(const struct prompt *p, unsigned n, const enum answer_scope *expected)
{
        enum answer_scope scopes[CHOICE_SCOPES_MAX];

        assert_int_equal(choice_scopes(p, scopes), n);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(scopes[i], expected[i]);
}

static void scopes_are_what_is_known(void **state)
{
        struct prompt named = prompt_of("/usr/bin/curl", "www.example.com", "example.com"), lone = prompt_of("/usr/bin/curl", "localhost", NULL),
                      bare = prompt_of("/usr/bin/curl", NULL, NULL);

        (void)state;
        offers(&named, 6, (const enum answer_scope[]){ ANSWER_DESTINATION, ANSWER_ADDRESS, ANSWER_HOST, ANSWER_DOMAIN, ANSWER_PORT, ANSWER_ALL_PORTS });
        offers(&lone, 5, (const enum answer_scope[]){ ANSWER_DESTINATION, ANSWER_ADDRESS, ANSWER_HOST, ANSWER_PORT, ANSWER_ALL_PORTS });
        offers(&bare, 3, (const enum answer_scope[]){ ANSWER_DESTINATION, ANSWER_PORT, ANSWER_ALL_PORTS });
        bare.flow.protocol = 1;
        offers(&bare, 2, (const enum answer_scope[]){ ANSWER_DESTINATION, ANSWER_ALL_PORTS });
        prompt_deinit(&named);
        prompt_deinit(&lone);
        prompt_deinit(&bare);
}

static void the_default_is_the_least(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", NULL, NULL);
        struct choice choice = choice_default(&p);
        struct answer answer = choice_answer(&choice, &p, false);

        (void)state;
        assert_false(answer.allow);
        assert_int_equal(answer.lifetime, LIFETIME_ONCE);
        assert_int_equal(answer.scope, ANSWER_DESTINATION);
        assert_false(answer.late);
        assert_int_equal(answer.ending.lasts, 0);
        p.whole_program = true;
        assert_int_equal(choice_default(&p).scope, ANSWER_ALL_PORTS);
        prompt_deinit(&p);
}

static void what_is_over_is_answered_for_the_future(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", NULL, NULL);
        struct choice choice;

        (void)state;
        p.state = QUESTION_EXPIRED;
        choice = choice_default(&p);
        assert_int_equal(choice.time, CHOICE_SESSION);
        assert_true(choice_answer(&choice, &p, true).late);
        assert_false(choice_offers_time(&p, CHOICE_ONCE));
        assert_false(choice_offers_time(&p, CHOICE_PROCESS));
        assert_true(choice_offers_time(&p, CHOICE_ALWAYS));
        prompt_deinit(&p);
}

static void an_hour_has_3600_seconds(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", NULL, NULL);
        const struct choice choice = { CHOICE_HOUR, ANSWER_PORT };
        struct answer answer = choice_answer(&choice, &p, true);

        (void)state;
        assert_int_equal(answer.lifetime, LIFETIME_UNTIL);
        assert_int_equal(answer.ending.lasts, 3600);
        assert_int_equal(answer.scope, ANSWER_PORT);
        prompt_deinit(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scopes_are_what_is_known),
                cmocka_unit_test(the_default_is_the_least),
                cmocka_unit_test(what_is_over_is_answered_for_the_future),
                cmocka_unit_test(an_hour_has_3600_seconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
