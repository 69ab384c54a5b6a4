/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sentences about the past. */
#include "unit.h"

#include "gui/history-text.h"

static const int64_t NOW = INT64_C(1795295640000000); /* 2026-11-21T21:14:00Z */
static const int64_t DAY = INT64_C(86400) * 1000000;

#define says(expected, function, ...)                           \
        do {                                                    \
                _cleanup_(buf_deinit) struct buf out = { 0 };   \
                                                                \
                function(&out, __VA_ARGS__);                    \
                assert_int_equal(buf_error(&out), 0);           \
                assert_string_equal(out.data, expected);        \
        } while (0)

static struct record record_of(struct subject *subject)
{
        return (struct record){ .time_us = NOW, .verdict = VERDICT_DENY, .reason = REASON_NO_RULE, .subject = subject, .flow = flow_to("93.184.216.34", 443, 6), .n_connections = 1 };
}

static void decisions(_unused_ void **state)
{
        struct subject *curl = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl");
        struct record r = record_of(curl);

        curl->uid = 0;
        r.rule = (char *)"r7";
        says("rule r7", history_text_why, &r);
        says("rule r7 · root", history_text_line, &r);
        says("curl → 93.184.216.34:443", history_text_title, &r);
        says("Denied: curl to 93.184.216.34:443, 21:14:00, rule r7 · root", history_text_spoken, &r, NOW);
        r.verdict = VERDICT_ALLOW;
        r.would_deny = true;
        r.is_summary = true;
        r.n_connections = 1234;
        r.n_bytes = 5000;
        says("would be denied: rule r7 · root · 1,234 connections, 5.0 kB", history_text_line, &r);
        says("Allowed, though a rule denies it: curl to 93.184.216.34:443, 20 Nov 21:14:00, would be denied: rule r7 · root · 1,234 connections, 5.0 kB",
             history_text_spoken, &(struct record){ .time_us = NOW - DAY, .verdict = r.verdict, .would_deny = true, .subject = curl, .flow = r.flow, .rule = r.rule,
                                                    .is_summary = true, .n_connections = 1234, .n_bytes = 5000 }, NOW);
        subject_unref(curl);
}

static void sums(_unused_ void **state)
{
        says("1 connection", history_text_sum, 1, 0, 0);
        says("1 connection, denied", history_text_sum, 0, 1, 0);
        says("2 connections, all denied", history_text_sum, 0, 2, 0);
        says("1,234 connections, 5 of them denied, 12 kB", history_text_sum, 1229, 5, 12000);
        says("and 1 connection to other places", history_text_elsewhere, 1);
        says("and 12 connections to other places", history_text_elsewhere, 12);
        says("1,234 allowed, 5 denied, 20:14:00 – 21:14:00", history_text_stretch, 1234, 5, NOW - INT64_C(3600000000), NOW, NOW);
}

static void programs(_unused_ void **state)
{
        says("of root, first seen 20 Nov 21:14:00, last 21:14:00", history_text_seen, NOW - DAY, NOW, 0, NOW);
        says("first seen 2025-11-21 21:14:00, last 21:14:00", history_text_seen, NOW - 365 * DAY, NOW, UINT32_MAX, NOW);
}

static void learning(_unused_ void **state)
{
        struct proposal p = { .amounts = { .n_connections = 57, .n_denied = 3, .first_us = NOW - DAY, .last_us = NOW }, .example = address("192.0.2.7") };

        says("57 connections, 3 of them denied, 20 Nov 21:14:00 – 21:14:00, as to 192.0.2.7", history_text_proposal, &p, NOW);
        p.amounts = (struct amounts){ .n_connections = 1, .first_us = NOW, .last_us = NOW };
        says("1 connection, 21:14:00, as to 192.0.2.7", history_text_proposal, &p, NOW);
        says("1 connection was recorded, 0 of them without a rule of today.", history_text_learned, &(struct learn_counts){ .n_records = 1 });
        says("1,234 connections were recorded, 7 of them without a rule of today. No rule can be about the programs of 2 (unknown, deleted, in a container). "
             "There was no room for 3: review again when these are decided.",
             history_text_learned, &(struct learn_counts){ .n_records = 1234, .n_undecided = 7, .n_nobody = 2, .n_left_out = 3 });
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(decisions), cmocka_unit_test(sums), cmocka_unit_test(programs), cmocka_unit_test(learning) };

        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
