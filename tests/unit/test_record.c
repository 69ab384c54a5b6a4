/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/record.h"

static void assert_line(struct decision decision, struct subject *s, const char *remote, uint16_t port, const char *expected)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct flow flow = flow_to(remote, port, port ? 6 : 1);
        struct record r;

        assert_int_equal(record_init(&r, &decision, s, &flow, NULL), 0);
        record_format_log(&r, &line);
        assert_string_equal(line.data, expected);
        record_deinit(&r);
}

static void each_reason_has_the_tag_that_people_grep_for(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl");
        struct rule rule = { .id = (char[]){ "/usr/bin/curl:443" } };

        (void)state;
        s->uid = 1000;
        s->process.pid = 42;
        assert_line((struct decision){ VERDICT_ALLOW, REASON_RULE, .rule = &rule }, s, "1.2.3.4", 443,
                    "[RULE:ALLOW] app=\"curl\" dst=\"1.2.3.4:443\" user=1000 proto=TCP pid=42 path=\"/usr/bin/curl\" "
                    "rule=\"/usr/bin/curl:443\" reason=rule");
        assert_line((struct decision){ VERDICT_DENY, REASON_USER }, s, "::1", 443,
                    "[USER:BLOCK] app=\"curl\" dst=\"[::1]:443\" user=1000 proto=TCP pid=42 path=\"/usr/bin/curl\" reason=user");
        assert_line((struct decision){ VERDICT_DENY, REASON_SESSION }, s, "1.2.3.4", 443,
                    "[SESSION:BLOCK] app=\"curl\" dst=\"1.2.3.4:443\" user=1000 proto=TCP pid=42 path=\"/usr/bin/curl\" reason=session");
        assert_line((struct decision){ VERDICT_DENY, REASON_TIMEOUT }, s, "1.2.3.4", 0,
                    "[DEFAULT:BLOCK] app=\"curl\" dst=\"1.2.3.4\" user=1000 proto=ICMP pid=42 path=\"/usr/bin/curl\" reason=timeout");
        assert_line((struct decision){ VERDICT_ALLOW, REASON_LEARNING }, s, "1.2.3.4", 443,
                    "[AUTO] curl - learning mode lets everything through dst=\"1.2.3.4:443\" user=1000 proto=TCP pid=42 "
                    "path=\"/usr/bin/curl\" reason=learning");
        assert_line((struct decision){ VERDICT_ALLOW, REASON_LEARNING, .rule = &rule, .would_deny = true }, s, "1.2.3.4", 443,
                    "[LEARN:RULE-DENIED-BUT-ALLOWED] app=\"curl\" dst=\"1.2.3.4:443\" user=1000 proto=TCP pid=42 path=\"/usr/bin/curl\" "
                    "rule=\"/usr/bin/curl:443\" reason=learning");
}

/* Fault 15 of the old implementation: blocked traffic was invisible. */
static void every_deny_says_block(void **state)
{
        (void)state;
        for (unsigned i = 0; i < REASON_COUNT; i++) {
                _cleanup_(buf_deinit) struct buf line = { 0 };
                struct decision decision = { VERDICT_DENY, (enum reason)i };
                struct flow flow = flow_to("1.2.3.4", 443, 6);
                struct record r;

                assert_int_equal(record_init(&r, &decision, NULL, &flow, NULL), 0);
                record_format_log(&r, &line);
                assert_non_null(strstr(line.data, ":BLOCK] app=\"unknown\" "));
                assert_non_null(strstr(line.data, " user=unknown "));
                record_deinit(&r);
        }
}

/* Fault 14: log lines could be forged. */
static void names_cannot_forge_a_line(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/tmp/a\n[USER:ALLOW] app=\"x\"", "");
        struct decision decisions[] = { { VERDICT_DENY, REASON_NOBODY }, { VERDICT_ALLOW, REASON_LEARNING } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
                _cleanup_(buf_deinit) struct buf line = { 0 };
                struct flow flow = flow_to("1.2.3.4", 443, 6);
                struct record r;

                assert_int_equal(record_init(&r, &decisions[i], s, &flow, &(struct hosts){ .names = { "evil\"host\u202e" }, .n = 1 }), 0);
                record_format_log(&r, &line);
                assert_null(strchr(line.data, '\n'));
                assert_null(strstr(line.data, "app=\"x\""));
                assert_non_null(strstr(line.data, "host=\"evil\\\"host\\u202e\""));
                record_deinit(&r);
        }
}

static void a_record_outlives_what_it_was_made_of(void **state)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        struct rule *rule = rule_new(ACTION_ALLOW);
        struct decision decision = { VERDICT_ALLOW, REASON_RULE, .rule = rule };
        struct flow flow = flow_to("1.2.3.4", 443, 6);
        char host[] = "example.com";
        struct record r;

        (void)state;
        rule->id = strdup("r1");
        assert_int_equal(record_init(&r, &decision, s, &flow, &(struct hosts){ .names = { host, "other.example" }, .n = 2, .source = HOST_SOURCE_DNS }), 0);
        rule_free(rule);
        subject_unref(s);
        host[0] = '\0';
        assert_string_equal(r.rule, "r1");
        assert_string_equal(r.hosts.names[0], "example.com");
        assert_string_equal(r.hosts.names[1], "other.example");
        assert_true(r.hosts.n == 2 && r.hosts.source == HOST_SOURCE_DNS);
        assert_string_equal(r.subject->path, "/bin/a");
        record_deinit(&r);
}

static void a_summary_says_how_many_and_how_much(void **state)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl");
        char rule[] = "/usr/bin/curl:443", host[] = "example.com";
        struct summary summary = { .verdict = VERDICT_ALLOW, .reason = REASON_RULE, .subject = s, .rule = rule, .flow = flow_to("1.2.3.4", 443, 6),
                                   .host = host, .time_us = 7, .since_us = 3, .n_connections = 57, .n_bytes = UINT64_MAX };
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct record r;

        (void)state;
        s->uid = 1000;
        assert_int_equal(record_init_summary(&r, &summary), 0);
        subject_unref(s);
        rule[0] = host[0] = '\0';
        assert_true(r.is_summary && r.time_us == 7 && r.since_us == 3);
        record_format_log(&r, &line);
        assert_string_equal(line.data, "[RULE:ALLOW] app=\"curl\" dst=\"1.2.3.4:443\" user=1000 proto=TCP path=\"/usr/bin/curl\" "
                                       "host=\"example.com\" rule=\"/usr/bin/curl:443\" reason=rule count=57 bytes=18446744073709551615");
        record_deinit(&r);
        summary.subject = NULL;
        summary.rule = summary.host = NULL;
        assert_int_equal(record_init_summary(&r, &summary), 0);
        assert_int_equal(r.subject->kind, SUBJECT_UNKNOWN);
        record_deinit(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_reason_has_the_tag_that_people_grep_for),
                cmocka_unit_test(every_deny_says_block),
                cmocka_unit_test(names_cannot_forge_a_line),
                cmocka_unit_test(a_record_outlives_what_it_was_made_of),
                cmocka_unit_test(a_summary_says_how_many_and_how_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
