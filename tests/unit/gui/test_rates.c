/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes so far → bytes a second: what a graph may draw, and where it has to leave a gap. */
#include "../unit.h"

#include "gui/rates.h"

static struct boottime at(unsigned seconds)
{
        return (struct boottime){ (1000 + seconds) * NS_PER_SEC };
}

static void a_rate_is_a_difference(void **state)
{
        uint64_t rate;

        (void)state;
        assert_true(rate_between(1000, 3000, 2 * NS_PER_SEC, &rate));
        assert_int_equal(rate, 1000);
        assert_false(rate_between(3000, 1000, NS_PER_SEC, &rate));
        assert_false(rate_between(1000, 3000, 0, &rate));
}

static void what_cannot_be_told_is_a_gap(void **state)
{
        static struct rates rates;

        (void)state;
        rates_add(&rates, at(0), 0, 0);
        rates_add(&rates, at(1), 500, 100);
        rates_add(&rates, at(2), 10, 200);    /* an interface has gone */
        rates_add(&rates, at(3), 30, 300);
        rates_add(&rates, at(60), 9999, 9999); /* nobody looked */
        assert_int_equal(rates.n, 5);
        assert_true(rates_at(&rates, 0)->gap);
        assert_int_equal(rates_at(&rates, 1)->in, 500);
        assert_int_equal(rates_at(&rates, 1)->out, 100);
        assert_true(rates_at(&rates, 2)->gap);
        assert_int_equal(rates_at(&rates, 2)->out, 0);
        assert_int_equal(rates_at(&rates, 3)->in, 20);
        assert_true(rates_at(&rates, 4)->gap);
        assert_int_equal(rates_peak(&rates), 500);
}

static void the_same_moment_twice_is_one(void **state)
{
        static struct rates rates;

        (void)state;
        rates_add(&rates, at(0), 0, 0);
        rates_add(&rates, at(0), 100, 100);
        assert_int_equal(rates.n, 1);
}

static void what_is_old_goes(void **state)
{
        static struct rates rates;

        (void)state;
        for (unsigned i = 0; i < 10 * RATES_SECONDS; i++)
                rates_add(&rates, at(i), i * 10, i);
        assert_in_range(rates.n, RATES_SECONDS, RATES_SECONDS + 1);
        assert_int_equal(rates_at(&rates, rates.n - 1)->at.ns, at(10 * RATES_SECONDS - 1).ns);
        for (unsigned i = 0; i < 20 * RATES_SAMPLES; i++) /* faster than once a second */
                rates_add(&rates, (struct boottime){ at(10 * RATES_SECONDS).ns + i * NS_PER_MSEC }, i, i);
        assert_int_equal(rates.n, RATES_SAMPLES);
}

static void scales_are_round(void **state)
{
        (void)state;
        assert_int_equal(rates_scale(0), 1000);
        assert_int_equal(rates_scale(1000), 1000);
        assert_int_equal(rates_scale(1001), 2000);
        assert_int_equal(rates_scale(2100000), 5000000);
        assert_int_equal(rates_scale(UINT64_MAX), UINT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rate_is_a_difference), cmocka_unit_test(what_cannot_be_told_is_a_gap), cmocka_unit_test(the_same_moment_twice_is_one),
                cmocka_unit_test(what_is_old_goes),       cmocka_unit_test(scales_are_round),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
