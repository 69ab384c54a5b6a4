/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times as people say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "cli/when.h"

/* 2026-11-21 14:30:15.5 in Berlin: UTC+1. */
static const int64_t NOW_US = INT64_C(1795267815500000);

static int64_t at(const char *text)
{
        int64_t us = -1;

        if (!when_parse(text, NOW_US, &us))
                fail_msg("'%s' is no time", text);
        return us;
}

static int in_berlin(void **state)
{
        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        return 0;
}

static void so_long_ago(void **state)
{
        (void)state;
        assert_int_equal(at("now"), NOW_US);
        assert_int_equal(at("0s"), NOW_US);
        assert_int_equal(at("90s"), NOW_US - INT64_C(90000000));
        assert_int_equal(at("30m"), NOW_US - INT64_C(1800000000));
        assert_int_equal(at("30min"), at("30m"));
        assert_int_equal(at("2h"), NOW_US - INT64_C(7200000000));
        assert_int_equal(at("3d"), at("72h"));
        assert_int_equal(at("2w"), at("14d"));
        assert_int_equal(at("36500d"), 0); /* never before 1970 */
}

static void days_and_hours(void **state)
{
        (void)state;
        assert_int_equal(at("today"), INT64_C(1795215600000000));
        assert_int_equal(at("yesterday"), at("today") - INT64_C(86400000000));
        assert_int_equal(at("2026-11-21"), at("today"));
        assert_int_equal(at("2026-11-20"), at("yesterday"));
        assert_int_equal(at("10:00"), at("today") + INT64_C(36000000000));
        assert_int_equal(at("10:00:30"), at("10:00") + 30000000);
        assert_int_equal(at("2026-11-21T10:00"), at("10:00"));
        assert_int_equal(at("2026-11-21 10:00:30"), at("10:00:30"));
        assert_int_equal(at("2026-11-21T13:30:15.500000Z"), NOW_US);
        assert_int_equal(at("2026-11-21T13:30:15Z"), NOW_US - 500000);
        assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
        assert_int_equal(at("2028-02-29T00:00:00Z"), INT64_C(1835395200000000));
}

/* A day that has 23 hours, and one that has 25. */
static void summer_and_winter(void **state)
{
        int64_t us;

        (void)state;
        assert_int_equal(at("2026-03-30") - at("2026-03-29"), INT64_C(23) * 3600000000);
        assert_int_equal(at("2026-10-26") - at("2026-10-25"), INT64_C(25) * 3600000000);
        assert_true(when_parse("yesterday", at("2026-10-26T01:00"), &us));
        assert_int_equal(us, at("2026-10-25"));
        assert_true(when_parse("yesterday", at("2026-03-01T00:30"), &us));
        assert_int_equal(us, at("2026-02-28"));
        assert_true(when_parse("2026-03-29T02:30", NOW_US, &us)); /* an hour that was skipped: the one beside it */
        assert_in_range(us, at("2026-03-29T01:30"), at("2026-03-29T03:30"));
}

static void what_is_no_time_is_refused(void **state)
{
        static const char *const wrong[] = {
                "",           " ",           "2",           "h",          "2 h",         "-2h",          "+2h",           "2hours",      "1.5h",
                "36501d",     "99999999999999h", "tomorrow", "Today",     "2026",        "2026-11",      "2026-11-2",     "2026-02-30",  "2026-13-01",
                "2026-00-10", "2026-11-20T", "2026-11-20T1", "2026-11-20T25:00", "2026-11-20T10:60", "2026-11-20T10:00:60", "2026-11-20 10:00 ",
                "2026-11-20x", "24:00",      "10:",         "10:00:",     "1:00",        "10:00Z",       "2026-11-20Z",   "2026-11-20T10:00+01:00",
                "2026-11-20T10:00.5Z", "1969-12-31", "0000-01-01", "10:00am", "2026-11-20T10:00:00.123456", "2026-11-20T10:00:00.123456Zz",
        };
        int64_t us;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (when_parse(wrong[i], NOW_US, &us))
                        fail_msg("'%s' was taken for %lld", wrong[i], (long long)us);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(so_long_ago),
                cmocka_unit_test(days_and_hours),
                cmocka_unit_test(summer_and_winter),
                cmocka_unit_test(what_is_no_time_is_refused),
        };

        return cmocka_run_group_tests(tests, in_berlin, NULL);
}
