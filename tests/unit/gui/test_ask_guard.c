/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a question may be answered: a line of time, by a clock that the test moves. */
#include "unit.h"

#include "gui/ask-guard.h"

static struct boottime at(unsigned ms)
{
        return (struct boottime){ 1000 * NS_PER_SEC + ms * NS_PER_MSEC };
}

static void buttons_wait_after_it_appeared(void **state)
{
        struct ask_guard guard = { 0 };

        (void)state;
        ask_guard_disturb(&guard, at(0));
        assert_false(ask_guard_buttons(&guard, at(0)));
        assert_int_equal(ask_guard_wait_ms(&guard, at(0)), ASK_GUARD_MS);
        assert_false(ask_guard_buttons(&guard, at(599)));
        assert_int_equal(ask_guard_wait_ms(&guard, at(599)), 1);
        assert_true(ask_guard_buttons(&guard, at(600)));
        assert_int_equal(ask_guard_wait_ms(&guard, at(600)), 0);
}

static void each_change_begins_it_anew(void **state)
{
        struct ask_guard guard = { 0 };

        (void)state;
        ask_guard_disturb(&guard, at(0));
        ask_guard_disturb(&guard, at(500));
        assert_false(ask_guard_buttons(&guard, at(1099)));
        assert_true(ask_guard_buttons(&guard, at(1100)));
        ask_guard_disturb(&guard, at(5000));
        assert_false(ask_guard_buttons(&guard, at(5001)));
}

static void keys_need_a_deliberate_turn_to_it(void **state)
{
        struct ask_guard guard = { 0 };

        (void)state;
        ask_guard_disturb(&guard, at(0));
        assert_false(ask_guard_engage(&guard, at(300))); /* meant for what was there before */
        assert_false(ask_guard_keys(&guard, at(700)));
        assert_true(ask_guard_buttons(&guard, at(700)));
        assert_true(ask_guard_engage(&guard, at(700)));
        assert_true(ask_guard_keys(&guard, at(700)));
        ask_guard_disturb(&guard, at(800)); /* the next question: the same person, who has to read it first */
        assert_false(ask_guard_keys(&guard, at(1399)));
        assert_true(ask_guard_keys(&guard, at(1400)));
        ask_guard_leave(&guard);
        assert_false(ask_guard_keys(&guard, at(9000)));
        assert_true(ask_guard_buttons(&guard, at(9000)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(buttons_wait_after_it_appeared),
                cmocka_unit_test(each_change_begins_it_anew),
                cmocka_unit_test(keys_need_a_deliberate_turn_to_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
