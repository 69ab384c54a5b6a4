/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The icon, and the words beside it. */
#include "unit.h"

#include "gui/tray-text.h"

static void the_worst_is_shown(void **state)
{
        const struct trouble none = { 0 }, problems = { .has_problems = true }, fails = { .fails = true, .has_problems = true };

        (void)state;
        assert_int_equal(tray_state_of(true, true, MODE_ENFORCEMENT, none), TRAY_CONNECTED);
        assert_int_equal(tray_state_of(true, true, MODE_LEARNING, none), TRAY_LEARNING);
        assert_int_equal(tray_state_of(true, true, MODE_LEARNING, problems), TRAY_WARNING);
        assert_int_equal(tray_state_of(true, true, MODE_ENFORCEMENT, fails), TRAY_ERROR);
        assert_int_equal(tray_state_of(false, true, MODE_LEARNING, none), TRAY_DISCONNECTED);
        assert_int_equal(tray_state_of(false, false, MODE_LEARNING, none), TRAY_ERROR);
        assert_string_equal(tray_state_icon(TRAY_WARNING), "bastion-warning");
}

static void trouble_is_what_grew(void **state)
{
        struct status before = { .pid = 1, .n_queue_overruns = 3 }, now = before;
        char *text;

        (void)state;
        assert_false(trouble_of(&now, &before).fails);
        assert_false(trouble_of(&now, NULL).fails);
        now.n_queue_overruns++;
        assert_true(trouble_of(&now, &before).fails);
        before.pid = 2; /* another daemon's counts */
        assert_false(trouble_of(&now, &before).fails);
        assert_false(trouble_of(&now, &before).has_problems);
        assert_null(tray_text_problems(&now, (struct trouble){ 0 }));
        now.problems = strdup("rules.json: line 3:\x1b[31m\nconfig.json: gone");
        assert_true(trouble_of(&now, &before).has_problems);
        text = tray_text_problems(&now, trouble_of(&now, &before));
        assert_string_equal(text, "rules.json: line 3:\\x1b[31m\nconfig.json: gone");
        free(text);
        free(now.problems);
}

static void words(void **state)
{
        struct tray_facts facts = { .state = TRAY_LEARNING, .is_up = true, .mode = MODE_LEARNING, .is_tried = true, .left_seconds = 272, .n_open = 2 };
        char *text = tray_text_try(&facts);

        (void)state;
        assert_string_equal(text, "Paused: 4:32 left — resume");
        free(text);
        text = tray_text_tooltip(&facts);
        assert_string_equal(text, "Paused: everything is let through\nQuestions waiting (2)");
        free(text);
        facts.mode = MODE_ENFORCEMENT;
        text = tray_text_try(&facts);
        assert_string_equal(text, "Trying enforcement: 4:32 left — keep it");
        free(text);
        facts.n_open = 0;
        facts.n_missed = 3;
        text = tray_text_questions(&facts);
        assert_string_equal(text, "Decided without you (3)");
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(the_worst_is_shown), cmocka_unit_test(trouble_is_what_grew), cmocka_unit_test(words) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
