/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much was decided when: every connection counts once, in the piece that its time lies in. */
#include "recorder/timeline.h"

#include "unit.h"

static const int64_t SINCE = INT64_C(1800000000000000);

/* The next sum: which piece of `us` each, of how many, allowed or denied. */
static void assert_next(struct timeline *t, int64_t us, unsigned piece, enum verdict verdict, uint64_t n)
{
        struct record r;

        assert_true(timeline_take(t, &r));
        assert_true(r.is_summary);
        assert_int_equal(r.since_us, SINCE + us * piece);
        assert_int_equal(r.time_us, SINCE + us * (piece + 1));
        assert_int_equal(r.verdict, verdict);
        assert_int_equal(r.n_connections, n);
        record_deinit(&r);
}

static void pieces_have_their_own_and_nothing_of_outside(_unused_ void **state)
{
        _cleanup_(timeline_freep) struct timeline *t = timeline_new(SINCE, SINCE + 1000, 10);
        struct record r;

        assert_non_null(t);
        timeline_add(t, SINCE - 1, VERDICT_ALLOW, 1);
        timeline_add(t, SINCE, VERDICT_ALLOW, 1);
        timeline_add(t, SINCE + 99, VERDICT_ALLOW, 57);
        timeline_add(t, SINCE + 99, VERDICT_DENY, 2);
        timeline_add(t, SINCE + 100, VERDICT_DENY, 3);
        timeline_add(t, SINCE + 999, VERDICT_ALLOW, 4);
        timeline_add(t, SINCE + 1000, VERDICT_ALLOW, 5);
        assert_next(t, 100, 0, VERDICT_ALLOW, 58);
        assert_next(t, 100, 0, VERDICT_DENY, 2);
        assert_next(t, 100, 1, VERDICT_DENY, 3);
        assert_next(t, 100, 9, VERDICT_ALLOW, 4);
        assert_false(timeline_take(t, &r));
}

static void pieces_meet_where_the_stretch_cannot_be_divided(_unused_ void **state)
{
        _cleanup_(timeline_freep) struct timeline *t = timeline_new(SINCE, SINCE + 1001, 7);
        int64_t end = SINCE;
        uint64_t n = 0;
        struct record r;

        for (int64_t us = 0; us < 1001; us++)
                timeline_add(t, SINCE + us, VERDICT_ALLOW, 1);
        while (timeline_take(t, &r)) {
                assert_int_equal(r.since_us, end);
                end = r.time_us;
                n += r.n_connections;
                record_deinit(&r);
        }
        assert_int_equal(end, SINCE + 1001);
        assert_int_equal(n, 1001);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pieces_have_their_own_and_nothing_of_outside),
                cmocka_unit_test(pieces_meet_where_the_stretch_cannot_be_divided),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
