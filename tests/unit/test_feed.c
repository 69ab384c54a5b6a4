/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the daemon and its recorder say to each other. */
#include <string.h>

#include "core/limits.h"
#include "unit.h"
#include "wire/feed.h"

static int parse(const char *text, struct feed *ret)
{
        return feed_parse(text, strlen(text), ret);
}

/* The worst names that there can be: every byte of them is escaped. */
static struct record longest_record(void)
{
        struct decision decision = { .verdict = VERDICT_DENY, .reason = REASON_TIMEOUT };
        struct flow flow = { .protocol = 17, .local_port = 65535, .remote_port = 65535 };
        static char path[LIMIT_PATH + 1], arguments[LIMIT_ARGS], cgroup[LIMIT_CGROUP + 1], host[256];
        struct subject *s;
        struct record r;

        memset(path, 0xff, LIMIT_PATH);
        memset(arguments, 0xff, LIMIT_ARGS - 1);
        memset(cgroup, 0x01, LIMIT_CGROUP);
        memset(host, 'h', sizeof(host) - 1);
        s = subject_new(SUBJECT_PROGRAM, path, "\x01\x02\x03\x04\x05\x06\x07\xff\xff\xff\xff\xff\xff\xff\xff");
        assert_non_null(s);
        s->arguments = malloc(LIMIT_ARGS);
        memcpy(s->arguments, arguments, LIMIT_ARGS);
        s->n_arguments = LIMIT_ARGS;
        s->cgroup = strdup(cgroup);
        s->n_ancestors = LIMIT_ANCESTORS;
        for (int i = 0; i < LIMIT_ANCESTORS; i++) {
                memset(s->ancestors[i].name, 0xff, sizeof(s->ancestors[i].name) - 1);
                memset(s->ancestors[i].program, 0xff, sizeof(s->ancestors[i].program) - 1);
                s->ancestors[i].path = calloc(1, LIMIT_ANCESTOR_PATHS / LIMIT_ANCESTORS + 1);
                memset(s->ancestors[i].path, 0xff, LIMIT_ANCESTOR_PATHS / LIMIT_ANCESTORS);
        }
        assert_true(addr_parse("fe80::ffff:ffff:ffff:ffff", &flow.local));
        assert_true(addr_parse("fe80::ffff:ffff:ffff:fffe", &flow.remote));
        assert_int_equal(record_init(&r, &decision, s, &flow, &(struct hosts){ .names = { host }, .n = 1, .source = HOST_SOURCE_DNS }), 0);
        r.time_us = 1800000000123456;
        subject_unref(s);
        return r;
}

static void the_longest_decision_fits_and_comes_back(_unused_ void **state)
{
        struct record r = longest_record();
        _cleanup_(buf_deinit) struct buf line = { 0 }, before = { 0 }, after = { 0 };
        struct feed f;

        feed_format_decision(&line, &r);
        assert_int_equal(buf_error(&line), 0);
        assert_in_range(line.n, LIMIT_PATH, LIMIT_FEED_DATAGRAM);
        assert_int_equal(feed_parse(line.data, line.n - 1, &f), 0);
        assert_int_equal(f.type, FEED_DECISION);
        assert_int_equal(f.time_us, 1800000000123456);
        record_format_log(&r, &before);
        record_format_log(&f.record, &after);
        assert_string_equal(before.data, after.data);
        feed_deinit(&f);
        record_deinit(&r);
}

static void the_longest_summary_fits_and_comes_back(_unused_ void **state)
{
        struct record r = longest_record();
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct feed f;

        r.is_summary = true;
        r.n_connections = r.n_bytes = UINT64_MAX; /* a reader holds less */
        r.since_us = INT64_MAX;
        feed_format_decision(&line, &r);
        assert_in_range(line.n, LIMIT_PATH, LIMIT_FEED_DATAGRAM);
        assert_int_equal(feed_parse(line.data, line.n - 1, &f), 0);
        assert_int_equal(f.type, FEED_DECISION);
        assert_true(f.record.is_summary && f.record.n_connections == INT64_MAX && f.record.n_bytes == INT64_MAX);
        feed_deinit(&f);
        record_deinit(&r);
}

static void a_line_comes_back(_unused_ void **state)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct feed f;

        feed_format_line(&line, 1800000000000001, "Stats: \"1\" total\xff\n");
        assert_ptr_equal(memchr(line.data, '\n', line.n), line.data + line.n - 1);
        assert_int_equal(feed_parse(line.data, line.n - 1, &f), 0);
        assert_int_equal(f.type, FEED_LINE);
        assert_int_equal(f.time_us, 1800000000000001);
        assert_string_equal(f.text, "Stats: \"1\" total\xff\n");
        feed_deinit(&f);
}

static void a_log_comes_back(_unused_ void **state)
{
        for (int wanted = 0; wanted < 2; wanted++) {
                _cleanup_(buf_deinit) struct buf line = { 0 };
                struct feed f;

                feed_format_log(&line, wanted);
                assert_int_equal(feed_parse(line.data, line.n - 1, &f), 0);
                assert_int_equal(f.type, FEED_LOG);
                assert_int_equal(f.wants_file, wanted);
                feed_deinit(&f);
        }
}

static void other_lines_are_refused(_unused_ void **state)
{
        static const char *const LINES[] = {
                "", "{", "[]", "null", "{}", "{\"type\":7}", "{\"type\":\"status\"}", "{\"type\":\"decision\"}", "{\"type\":\"line\"}",
                "{\"type\":\"line\",\"time\":\"2026-01-01T00:00:00Z\"}", "{\"type\":\"line\",\"time\":\"2026-01-01T00:00:00Z\",\"text\":null}",
                "{\"type\":\"line\",\"time\":5,\"text\":\"x\"}", "{\"type\":\"log\"}", "{\"type\":\"log\",\"wants_file\":1}",
        };
        struct feed f;

        for (size_t i = 0; i < ARRAY_SIZE(LINES); i++)
                if (parse(LINES[i], &f) != 1)
                        fail_msg("was taken: %s", LINES[i]);
}

static void a_report_comes_back(_unused_ void **state)
{
        struct feed_report report = { .n_done = 12, .n_lost = 5, .problem = "no \"room\"" }, got;
        _cleanup_(buf_deinit) struct buf line = { 0 };

        memset(report.problem, 0x01, sizeof(report.problem) - 1); /* as long as it can be, every byte escaped */
        feed_format_report(&line, &report);
        assert_in_range(line.n, 256, LIMIT_FEED_REPORT);
        assert_int_equal(feed_parse_report(line.data, line.n - 1, &got), 0);
        assert_int_equal(got.n_done, 12);
        assert_int_equal(got.n_lost, 5);
        assert_string_equal(got.problem, report.problem);
}

static void other_reports_are_refused(_unused_ void **state)
{
        static const char *const LINES[] = {
                "", "{}", "[1]", "{\"done\":1,\"lost\":2,\"problem\":\"\"}", "{\"done\":-1,\"lost\":0,\"problem\":\"\"}",
                "{\"done\":1,\"lost\":0}", "{\"done\":1,\"lost\":0,\"problem\":null}", "{\"done\":1.5,\"lost\":0,\"problem\":\"\"}",
        };
        struct feed_report got;
        char line[512];

        for (size_t i = 0; i < ARRAY_SIZE(LINES); i++)
                if (feed_parse_report(LINES[i], strlen(LINES[i]), &got) != 1)
                        fail_msg("was taken: %s", LINES[i]);
        snprintf(line, sizeof(line), "{\"done\":1,\"lost\":0,\"problem\":\"%0300d\"}", 0);
        assert_int_equal(feed_parse_report(line, strlen(line), &got), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_longest_decision_fits_and_comes_back),
                cmocka_unit_test(the_longest_summary_fits_and_comes_back),
                cmocka_unit_test(a_line_comes_back),
                cmocka_unit_test(a_log_comes_back),
                cmocka_unit_test(other_lines_are_refused),
                cmocka_unit_test(a_report_comes_back),
                cmocka_unit_test(other_reports_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
