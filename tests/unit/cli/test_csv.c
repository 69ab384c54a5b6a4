/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decisions as CSV: as many fields as the header, whatever a program calls itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "cli/csv.h"

static struct record a_record(struct subject *s)
{
        struct decision decision = { VERDICT_ALLOW, REASON_LEARNING };
        struct flow flow = { .local_port = 40000, .remote_port = 443, .protocol = 6 };
        struct record r;

        assert_true(addr_parse("192.0.2.1", &flow.local) && addr_parse("2001:db8::1", &flow.remote));
        assert_int_equal(record_init(&r, &decision, s, &flow, NULL), 0);
        r.time_us = INT64_C(1769860800123456);
        return r;
}

static void a_decision_is_a_line(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl");
        _cleanup_(buf_deinit) struct buf out = { 0 };
        struct record r = a_record(s);

        (void)state;
        s->uid = 1000;
        s->process.pid = 42;
        csv_record(&out, &r);
        assert_string_equal(out.data, "2026-01-31T12:00:00.123456Z,allow,learning,,false,program,/usr/bin/curl,curl,42,1000,TCP,out,192.0.2.1,40000,"
                                      "2001:db8::1,443,,1,,\r\n");
        record_deinit(&r);
}

static void a_summary_has_its_amounts(void **state)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        struct record r = a_record(subject_unknown());

        (void)state;
        r.flow.protocol = 1;
        r.is_summary = true;
        r.n_connections = 57;
        r.n_bytes = 12345;
        r.since_us = INT64_C(1769860740000001);
        r.would_deny = true;
        r.direction = DIRECTION_IN;
        csv_record(&out, &r);
        assert_string_equal(out.data, "2026-01-31T12:00:00.123456Z,allow,learning,,true,unknown,,,,,ICMP,in,192.0.2.1,,2001:db8::1,,,57,12345,"
                                      "2026-01-31T11:59:00.000001Z\r\n");
        record_deinit(&r);
}

/* Fields of the first line, quoted ones included (RFC 4180). */
static unsigned count_fields(const char *line)
{
        bool quoted = false;
        unsigned n = 1;

        for (; *line && *line != '\r'; line++) {
                if (*line == '"')
                        quoted = !quoted;
                n += *line == ',' && !quoted;
        }
        assert_false(quoted);
        assert_string_equal(line, "\r\n");
        return n;
}

static void whatever_a_program_is_called_it_is_one_field_of_one_line(void **state)
{
        static const char *const paths[] = { "/a,b", "/a\"b", "/\"", "/a\nb\r\n", "/\x1b[31mred", "/\xff\xfe", "/a,\"b\",c" };
        _cleanup_(buf_deinit) struct buf header = { 0 };

        (void)state;
        csv_header(&header);
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, paths[i], paths[i]);
                _cleanup_(buf_deinit) struct buf out = { 0 };
                struct record r = a_record(s);

                csv_record(&out, &r);
                assert_int_equal(count_fields(out.data), count_fields(header.data));
                assert_null(strchr(out.data, '\x1b'));
                record_deinit(&r);
        }
}

static void a_quote_stands_twice(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/opt/a,b", "c");
        _cleanup_(buf_deinit) struct buf out = { 0 };
        struct record r = a_record(s);

        (void)state;
        assert_int_equal(hosts_copy(&r.hosts, &(struct hosts){ .names = { "say \"hi\"" }, .n = 1 }), 0);
        csv_record(&out, &r);
        assert_non_null(strstr(out.data, ",\"/opt/a,b\",c,"));
        assert_non_null(strstr(out.data, ",\"say \\\"\"hi\\\"\"\","));
        record_deinit(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_decision_is_a_line),
                cmocka_unit_test(a_summary_has_its_amounts),
                cmocka_unit_test(whatever_a_program_is_called_it_is_one_field_of_one_line),
                cmocka_unit_test(a_quote_stands_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
