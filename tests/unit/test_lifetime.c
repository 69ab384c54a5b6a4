/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a rule lives: its words, its bounds, and that nobody's hand on the wall clock changes it while the machine runs. */
#include <time.h>

#include "base/macros.h"
#include "core/rule.h"
#include "unit.h"

static const struct boot_id boot_a = { { 1, 2, 3 } }, boot_b = { { 1, 2, 4 } };

enum { DAY = 24 * 60 * 60, HOUR = 60 * 60 };

static const int64_t epoch = INT64_C(1798758000); /* 2026-12-31T23:00:00Z */

/* `seconds` after the machine began, when the wall clock says `realtime`. */
static struct clocks clocks_at(uint64_t seconds, int64_t realtime, const struct boot_id *boot)
{
        return (struct clocks){ .now = { seconds * NS_PER_SEC }, .realtime_us = realtime * 1000000, .boot = *boot };
}

static struct rule *new_rule(enum lifetime lifetime, uint32_t lasts, int64_t until)
{
        struct rule *r = rule_new(ACTION_ALLOW);

        assert_non_null(r);
        r->lifetime = lifetime;
        r->ending = (struct ending){ .lasts = lasts, .until = until };
        return r;
}

static void test_words(void **state _unused_)
{
        enum lifetime lifetime;

        for (int i = LIFETIME_ONCE; i <= LIFETIME_ALWAYS; i++)
                assert_true(lifetime_parse(lifetime_name((enum lifetime)i), &lifetime) && (int)lifetime == i);
        assert_false(lifetime_parse("", &lifetime));
        assert_false(lifetime_parse("Always", &lifetime));
        assert_true(lifetime_is_kept(LIFETIME_UNTIL) && lifetime_is_kept(LIFETIME_REBOOT) && lifetime_is_kept(LIFETIME_ALWAYS));
        assert_false(lifetime_is_kept(LIFETIME_ONCE) || lifetime_is_kept(LIFETIME_PROCESS) || lifetime_is_kept(LIFETIME_SESSION));
}

static void test_boot_ids(void **state _unused_)
{
        static const char text[] = "01234567-89ab-cdef-0123-456789abcdef";
        static const char *const bad[] = {
                "", "0", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0", "0123456789abcdef0123456789abcdef",
                "01234567-89ab-cdef-0123-456789abcdeg", "01234567+89ab-cdef-0123-456789abcdef", "-1234567-89ab-cdef-0123-456789abcdef",
        };
        struct boot_id id, none = { { 0 } };
        char again[BOOT_ID_TEXT_MAX];

        assert_true(boot_id_parse(text, &id));
        assert_string_equal(boot_id_format(&id, again), text);
        assert_true(boot_id_parse("01234567-89AB-CDEF-0123-456789ABCDEF", &none) && boot_id_equal(&id, &none));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(boot_id_parse(bad[i], &id));
        none = (struct boot_id){ { 0 } };
        assert_false(boot_id_is_set(&none) || boot_id_equal(&none, &none));
        assert_false(boot_id_equal(&boot_a, &boot_b));
}

static void test_durations(void **state _unused_)
{
        static const struct {
                const char *word;
                uint32_t seconds;
                const char *text;
        } rows[] = {
                { "1s", 1, "1 second" },        { "59s", 59, "59 seconds" },         { "60s", 60, "1 minute" },
                { "30m", 1800, "30 minutes" },  { "90m", 5400, "90 minutes" },       { "60m", 3600, "1 hour" },
                { "36h", 129600, "36 hours" },  { "48hours", 172800, "2 days" },     { "1day", 86400, "1 day" },
                { "1seconds", 1, "1 second" },  { "2minute", 120, "2 minutes" },     { "3660d", DURATION_MAX, "3660 days" },
                { "316224000s", DURATION_MAX, "3660 days" },
        };
        static const char *const bad[] = { "", "s", "0s", "00m", "1", "1w", "1S", "-1s", "+1s", "1.5h", "1 h", "3661d", "316224001s", "87841h",
                                           "4294967296s", "99999999999999999999d", "1ss", "1mi", "1minuteses", "1dayz" };
        uint32_t seconds;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf text = {};

                assert_true(duration_parse(rows[i].word, &seconds));
                assert_int_equal(seconds, rows[i].seconds);
                duration_format(seconds, &text);
                assert_string_equal(text.data, rows[i].text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (duration_parse(bad[i], &seconds))
                        fail_msg("%s was taken", bad[i]);
}

/* What is written of any duration is read back as the same. */
static void test_every_duration(void **state _unused_)
{
        for (uint32_t seconds = 1; seconds <= DURATION_MAX; seconds += seconds < 200000 ? one_in(97) : 7919 * one_in(9)) {
                _cleanup_(buf_deinit) struct buf text = {};
                uint32_t number = 0;
                size_t n = 0;

                duration_format(seconds, &text);
                assert_true(duration_parse_number(text.data, &number, &n));
                assert_int_equal(text.data[n], ' ');
                assert_int_equal(number * duration_unit(text.data + n + 1), seconds);
        }
}

static void test_about(void **state _unused_)
{
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {
                { 0, "1 second" },       { 1, "1 second" },       { 59, "59 seconds" },         { 60, "1 minute" },
                { 61, "61 seconds" },    { 119, "119 seconds" },  { 120, "2 minutes" },         { 2519, "42 minutes" },
                { 3600, "1 hour" },      { 3601, "61 minutes" },  { 7199, "120 minutes" },      { 7200, "2 hours" },
                { 86400, "1 day" },      { 90000, "25 hours" },   { 172800, "2 days" },         { 172801, "3 days" },
                { UINT64_MAX / NS_PER_SEC, "213504 days" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf text = {};

                duration_format_about(rows[i].seconds, &text);
                assert_string_equal(text.data, rows[i].text);
        }
}

static void test_dates(void **state _unused_)
{
        static const struct {
                const char *day, *time;
                bool has_offset;
                const char *text;
        } rows[] = {
                { "1970-01-01", NULL, false, "1970-01-01T00:00:00Z" },
                { "2026-12-31", NULL, false, "2026-12-31T00:00:00Z" },
                { "2026-12-31Z", NULL, true, "2026-12-31T00:00:00Z" },
                { "2026-12-31+02:00", NULL, true, "2026-12-30T22:00:00Z" },
                { "2026-12-31-02:00", NULL, true, "2026-12-31T02:00:00Z" },
                { "2026-12-31T18:00", NULL, false, "2026-12-31T18:00:00Z" },
                { "2026-12-31 18:00", NULL, false, "2026-12-31T18:00:00Z" },
                { "2026-12-31", "18:00", false, "2026-12-31T18:00:00Z" },
                { "2026-12-31", "18:00:59Z", true, "2026-12-31T18:00:59Z" },
                { "2026-12-31", "18:00+01:00", true, "2026-12-31T17:00:00Z" },
                { "2026-12-31T18:00:05-09:30", NULL, true, "2027-01-01T03:30:05Z" },
                { "2024-02-29T23:59:59+14:59", NULL, true, "2024-02-29T09:00:59Z" }, /* no zone has more; it is what it says */
                { "2000-02-29", NULL, false, "2000-02-29T00:00:00Z" },
                { "9999-12-31T23:59:59Z", NULL, true, "9999-12-31T23:59:59Z" },
        };
        static const char *const bad[][2] = {
                { "", NULL },           { "2026", NULL },           { "2026-12", NULL },       { "2026-13-01", NULL },      { "2026-00-01", NULL },
                { "2026-12-32", NULL }, { "2026-12-00", NULL },     { "2026-02-29", NULL },    { "2100-02-29", NULL },      { "1969-12-31", NULL },
                { "26-12-31", NULL },   { "2026-12-31T", NULL },    { "2026-12-31T18", NULL }, { "2026-12-31T18:0", NULL }, { "2026-12-31T24:00", NULL },
                { "2026-12-31T18:60", NULL }, { "2026-12-31T18:00:60", NULL }, { "2026-12-31T18:00z", NULL }, { "2026-12-31T18:00+1:00", NULL },
                { "2026-12-31T18:00+15:00", NULL }, { "2026-12-31T18:00+01:60", NULL }, { "2026-12-31T18:00+0100", NULL },
                { "2026-12-31T18:00ZZ", NULL }, { "2026-12-31x", NULL }, { "2026-12-31Z", "18:00" }, { "2026-12-31", "" }, { "2026-12-31", "Z" },
                { "2026-12-31T10:00", "18:00" },
        };
        struct date date;
        int64_t seconds;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf text = {};

                if (!date_parse(rows[i].day, rows[i].time, &date) || !date_seconds(&date, &seconds))
                        fail_msg("%s was refused", rows[i].day);
                assert_int_equal(date.has_offset, rows[i].has_offset);
                date_format(seconds, &text);
                assert_string_equal(text.data, rows[i].text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (date_parse(bad[i][0], bad[i][1], &date))
                        fail_msg("%s was taken", bad[i][0]);
        assert_true(date_parse("1970-01-01T00:59+01:00", NULL, &date));
        assert_false(date_seconds(&date, &seconds));
        assert_true(date_parse("9999-12-31T23:59:59-00:01", NULL, &date));
        assert_false(date_seconds(&date, &seconds));
}

/* Beside the C library, at every day and some odd seconds. */
static void test_every_date(void **state _unused_)
{
        for (int64_t at = 0; at <= INT64_C(253402300799); at += DAY * one_in(101) + (at / DAY % 7 == 0)) {
                _cleanup_(buf_deinit) struct buf text = {};
                time_t t = (time_t)at;
                char expected[32];
                struct date date;
                int64_t again;
                struct tm tm;

                assert_non_null(gmtime_r(&t, &tm));
                strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
                date_format(at, &text);
                assert_string_equal(text.data, expected);
                assert_true(date_parse(text.data, NULL, &date) && date_seconds(&date, &again) && again == at);
        }
}

static void test_a_duration_begins_once(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *r = new_rule(LIFETIME_UNTIL, HOUR, 0);
        struct clocks now = clocks_at(100, epoch, &boot_a);

        assert_int_equal(r->expires.ns, BOOTTIME_NEVER.ns);
        assert_true(rule_begin(r, &now));
        assert_int_equal(r->expires.ns, (100 + HOUR) * NS_PER_SEC);
        assert_int_equal(r->ending.until, epoch + HOUR);
        assert_int_equal(r->ending.lasts, 0);
        assert_true(boot_id_equal(&r->ending.boot, &boot_a));
        now = clocks_at(200, epoch + 100, &boot_a);
        assert_true(rule_begin(r, &now));
        assert_int_equal(r->expires.ns, (100 + HOUR) * NS_PER_SEC);
}

/* Whatever the wall clock is set to: in the boot that a rule began in, only CLOCK_BOOTTIME counts. */
static void test_the_wall_clock_is_not_looked_at(void **state _unused_)
{
        static const int64_t shifts[] = { 0, 1, -1, DAY, -DAY, 400 * DAY, -400 * DAY };

        for (size_t i = 0; i < ARRAY_SIZE(shifts); i++)
                for (int dated = 0; dated < 2; dated++) {
                        _cleanup_(rule_freep) struct rule *r = new_rule(LIFETIME_UNTIL, dated ? 0 : HOUR, dated ? epoch + HOUR : 0);
                        struct clocks now = clocks_at(100, epoch, &boot_a);

                        assert_true(rule_begin(r, &now));
                        now = clocks_at(100 + HOUR - 1, epoch + HOUR - 1 + shifts[i], &boot_a);
                        assert_true(rule_begin(r, &now));
                        assert_int_equal(r->expires.ns, (100 + HOUR) * NS_PER_SEC);
                        assert_int_equal(r->ending.until, epoch + HOUR);
                        now = clocks_at(100 + HOUR, epoch + HOUR + shifts[i], &boot_a);
                        assert_false(rule_begin(r, &now));
                }
}

/* A second has no fractions: over a reboot a rule is cut by what was more, never given what was less. */
static void test_a_fraction_is_not_given(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *r = new_rule(LIFETIME_UNTIL, 1, 0);
        struct clocks now = { .now = { 5 * NS_PER_SEC }, .realtime_us = epoch * 1000000 + 999999, .boot = boot_a };

        assert_true(rule_begin(r, &now));
        assert_int_equal(r->ending.until, epoch + 1);
        now = (struct clocks){ .now = { 6 * NS_PER_SEC }, .realtime_us = epoch * 1000000 + 1999999, .boot = boot_a };
        assert_false(rule_begin(r, &now));
        now.boot = boot_b;
        assert_false(rule_begin(r, &now));
}

/* The clock of the boot before is gone: what is left is what the wall clock says. */
static void test_another_boot(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *r = new_rule(LIFETIME_UNTIL, HOUR, 0);
        struct clocks now = clocks_at(5000, epoch, &boot_a);

        assert_true(rule_begin(r, &now));
        now = clocks_at(7, epoch + HOUR, &boot_b);
        assert_false(rule_begin(r, &now));
        assert_int_equal(r->expires.ns, (5000 + HOUR) * NS_PER_SEC); /* nothing was changed */
        now = clocks_at(7, epoch + HOUR - 10, &boot_b);
        assert_true(rule_begin(r, &now));
        assert_int_equal(r->expires.ns, 17 * NS_PER_SEC);
        assert_true(boot_id_equal(&r->ending.boot, &boot_b));
        /* from here on it is this boot's */
        now = clocks_at(16, epoch + 100 * DAY, &boot_b);
        assert_true(rule_begin(r, &now));
}

static void test_dates_that_are_far(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *past = new_rule(LIFETIME_UNTIL, 0, epoch), *far = new_rule(LIFETIME_UNTIL, 0, INT64_C(253402300799));
        struct clocks now = clocks_at(5, epoch, &boot_a);

        assert_false(rule_begin(past, &now));
        assert_int_equal(past->expires.ns, BOOTTIME_NEVER.ns);
        now.realtime_us--;
        assert_true(rule_begin(past, &now));
        assert_int_equal(past->expires.ns, 5 * NS_PER_SEC + NS_PER_USEC);
        assert_true(rule_begin(far, &now));
        assert_int_equal(far->expires.ns, INT64_MAX); /* 292 years */
}

static void test_reboot(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *r = new_rule(LIFETIME_REBOOT, 0, 0);
        struct clocks now = clocks_at(5, epoch, &boot_a);

        assert_true(rule_begin(r, &now));
        assert_int_equal(r->expires.ns, BOOTTIME_NEVER.ns);
        now = clocks_at(500 * DAY, epoch - 500 * DAY, &boot_a);
        assert_true(rule_begin(r, &now));
        now = clocks_at(6, epoch + 1, &boot_b);
        assert_false(rule_begin(r, &now));
}

static void test_the_others_do_not_end_by_a_clock(void **state _unused_)
{
        static const enum lifetime others[] = { LIFETIME_ONCE, LIFETIME_PROCESS, LIFETIME_SESSION, LIFETIME_ALWAYS };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                _cleanup_(rule_freep) struct rule *r = new_rule(others[i], 0, 0);
                struct clocks now = clocks_at(5, epoch, &boot_a);

                assert_true(rule_begin(r, &now));
                assert_int_equal(r->expires.ns, BOOTTIME_NEVER.ns);
                assert_false(boot_id_is_set(&r->ending.boot));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_boot_ids),
                cmocka_unit_test(test_durations),
                cmocka_unit_test(test_every_duration),
                cmocka_unit_test(test_about),
                cmocka_unit_test(test_dates),
                cmocka_unit_test(test_every_date),
                cmocka_unit_test(test_a_duration_begins_once),
                cmocka_unit_test(test_the_wall_clock_is_not_looked_at),
                cmocka_unit_test(test_a_fraction_is_not_given),
                cmocka_unit_test(test_another_boot),
                cmocka_unit_test(test_dates_that_are_far),
                cmocka_unit_test(test_reboot),
                cmocka_unit_test(test_the_others_do_not_end_by_a_clock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
