/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a terminal shows: widths, cuts, durations, tables, and names that strangers chose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/rule-words.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"

#define assert_shown(out, expected)                                                                          \
        do {                                                                                                 \
                assert_int_equal(buf_error(out), 0);                                                         \
                assert_string_equal((out)->n > 0 ? (out)->data : "", expected);                              \
                buf_reset(out);                                                                              \
        } while (0)

static void widths_are_columns_and_not_bytes(void **state)
{
        (void)state;
        assert_int_equal(text_width(""), 0);
        assert_int_equal(text_width("curl"), 4);
        assert_int_equal(text_width("Grüße"), 5);
        assert_int_equal(text_width("日本語"), 6);
        assert_int_equal(text_width("e\u0301"), 1);
        assert_int_equal(text_width("🦊"), 2);
        assert_int_equal(text_width("\x1b[31mred\x1b[0m"), 3);
        assert_int_equal(text_width("\x1b[3"), 0);
        assert_int_equal(text_width("\xff\xfe"), 2); /* no character: still no reading past the end */
        assert_int_equal(text_width("\xe6\x97"), 2);
}

static void cuts_end_with_an_ellipsis(void **state)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        text_cut(&out, "firefox", 7);
        assert_shown(&out, "firefox");
        text_cut(&out, "firefox", 6);
        assert_shown(&out, "firef…");
        text_cut(&out, "firefox", 1);
        assert_shown(&out, "…");
        text_cut(&out, "firefox", 0);
        assert_shown(&out, "");
        text_cut(&out, "日本語", 4);
        assert_shown(&out, "日…");
        text_cut(&out, "\x1b[1mfirefox\x1b[0m", 4);
        assert_shown(&out, "\x1b[1mfir…\x1b[0m");
        text_pad(&out, "日本語", 6);
        assert_shown(&out, "日本語");
        text_pad(&out, "日本語", 5);
        assert_shown(&out, "日本…");
        text_pad(&out, "sh", 4);
        assert_shown(&out, "sh  ");
}

static void durations_have_two_units(void **state)
{
        static const struct {
                uint64_t seconds;
                const char *words;
        } rows[] = {{0, "0 s"},    {59, "59 s"},        {60, "1 min"},  {61, "1 min 1 s"}, {3600, "1 h"},
                    {3659, "1 h"}, {7384, "2 h 3 min"}, {86400, "1 d"}, {90000, "1 d 1 h"}};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                words_duration(&out, rows[i].seconds);
                assert_shown(&out, rows[i].words);
        }
}

static void numbers_are_grouped(void **state)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        words_number(&out, 0);
        assert_shown(&out, "0");
        words_number(&out, 999);
        assert_shown(&out, "999");
        words_number(&out, 1000);
        assert_shown(&out, "1,000");
        words_number(&out, UINT64_MAX);
        assert_shown(&out, "18,446,744,073,709,551,615");
}

static void times_are_local_times_of_day(void **state)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        setenv("TZ", "UTC0", 1);
        text_time(&out, INT64_C(1793308443) * 1000000 + 999999);
        assert_shown(&out, "21:14:03");
}

static void words_cannot_disturb_the_terminal(void **state)
{
        static const char text[] = "say \"hi\" \\ \x1b[31m\u202e\n";
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        words_plain(&out, text, strlen(text));
        assert_shown(&out, "say \"hi\" \\ \\x1b[31m\\u202e\\n");
        words_lines(&out, "rules.json: line 3\x1b[31m\nconfig.json: gone\n");
        words_lines(&out, "one more\n");
        assert_shown(&out, "rules.json: line 3\\x1b[31m\nconfig.json: gone\none more");
        text_block(&out, "one\n\ttwo\nthree\n", 2);
        assert_shown(&out, "one\n          two\n  three\n");
}

static void tables_are_aligned_and_cut_nothing(void **state)
{
        _cleanup_(columns_deinit) struct columns table = {.n_columns = 2};
        _cleanup_(buf_deinit) struct buf out = {0};
        char path[100];

        (void)state;
        memset(path, 'p', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        columns_add(&table, "ID");
        columns_add(&table, "RULE");
        columns_add(&table, "日本");
        columns_add(&table, "one");
        columns_format(&table, &style_plain, &out);
        assert_shown(&out, "ID    RULE\n日本  one\n");
        columns_add(&table, path);
        columns_add(&table, "two");
        columns_format(&table, &style_plain, &out);
        assert_non_null(strstr(out.data, path));
}

static struct subject *evil(void)
{
        static const char arguments[] = "evil\0-c\0two words\0\x1b]0;x\x07";
        struct subject *s = subject_new(SUBJECT_PROGRAM, "/tmp/ev\x1bil", "evil");

        assert_non_null(s);
        s->process.pid = 666;
        s->uid = 4000000000u;
        s->arguments = malloc(sizeof(arguments));
        assert_non_null(s->arguments);
        memcpy(s->arguments, arguments, sizeof(arguments));
        s->n_arguments = sizeof(arguments);
        strcpy(s->ancestors[0].name, "s\nh");
        strcpy(s->ancestors[1].name, "make");
        s->n_ancestors = 2;
        return s;
}

static void names_are_escaped_wherever_they_are_shown(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = evil();
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        show_name(&out, s);
        assert_shown(&out, "ev\\x1bil");
        show_path(&out, s);
        assert_shown(&out, "/tmp/ev\\x1bil");
        show_arguments(&out, s);
        assert_shown(&out, "evil -c 'two words' '\\x1b]0;x\\x07'");
        show_chain(&out, s, 0);
        assert_shown(&out, "make ▸ s\\nh ▸ ev\\x1bil");
        show_chain(&out, s, 22);
        assert_shown(&out, "make ▸ s\\nh ▸ ev\\x1bil");
        show_chain(&out, s, 21);
        assert_shown(&out, "… ▸ s\\nh ▸ ev\\x1bil");
        show_chain(&out, s, 3);
        assert_shown(&out, "… ▸ ev\\x1bil");
        show_user(&out, s);
        assert_shown(&out, "4000000000");
}

static void a_record_fits_its_screen(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = evil();
        struct record r = {.verdict = VERDICT_DENY, .reason = REASON_TIMEOUT, .subject = s};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        setenv("TZ", "UTC0", 1);
        assert_true(addr_parse("2001:db8:1111:2222:3333:4444:5555:6666", &r.flow.remote));
        r.flow.protocol = 6;
        r.flow.remote_port = 443;
        show_record(&out, &style_plain, 0, &r);
        assert_shown(&out, "00:00:00 DENY  ev\\x1bil (666, 4000000000) → "
                           "[2001:db8:1111:2222:3333:4444:5555:6666]:443 TCP  timeout");
        show_record(&out, &style_plain, 100, &r);
        assert_shown(&out,
                     "00:00:00 DENY  ev\\x1bil (666, 4000000000) → [2001:db8:1111:2222:3333:4444…  timeout");
        show_record(&out, &style_plain, 44, &r);
        assert_shown(&out, "00:00:00 DENY  ev\\x1bil     → [2001:db8:111…  timeout");
}

static void a_summary_says_how_much(void **state)
{
        struct record r = {.verdict = VERDICT_ALLOW, .reason = REASON_RULE, .subject = subject_unknown(), .rule = (char *)"r7",
                           .is_summary = true, .n_connections = 1057, .n_bytes = 12345};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        setenv("TZ", "UTC0", 1);
        assert_true(addr_parse("192.0.2.9", &r.flow.remote));
        r.flow.protocol = 6;
        r.flow.remote_port = 443;
        show_record(&out, &style_plain, 0, &r);
        assert_shown(&out, "00:00:00 ALLOW unknown                    → 192.0.2.9:443 TCP               1,057 connections, 12 kB, rule r7");
        r.n_connections = 1;
        r.n_bytes = 0;
        show_record(&out, &style_plain, 0, &r);
        assert_shown(&out, "00:00:00 ALLOW unknown                    → 192.0.2.9:443 TCP               1 connection, 0 B, rule r7");
}

static void a_record_says_every_name(void **state)
{
        struct record r = {.verdict = VERDICT_ALLOW, .reason = REASON_RULE, .subject = subject_unknown(), .rule = (char *)"r7",
                           .hosts = {.names = {"a.example", "b\x1b.example", "c.example"}, .n = 3}};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        setenv("TZ", "UTC0", 1);
        r.flow.protocol = 6;
        r.flow.remote_port = 443;
        show_record(&out, &style_plain, 0, &r);
        assert_shown(&out, "00:00:00 ALLOW unknown                    → a.example:443 TCP               (also b\\x1b.example, c.example) rule r7");
        r.hosts.n = 1;
        show_record(&out, &style_plain, 0, &r);
        assert_shown(&out, "00:00:00 ALLOW unknown                    → a.example:443 TCP               rule r7");
}

static void bytes_have_their_unit(void **state)
{
        static const struct {
                uint64_t n;
                const char *text;
        } cases[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {9999, "9.9 kB"}, {10000, "10 kB"}, {1999999, "1.9 MB"},
                     {12000000000, "12 GB"}, {UINT64_MAX, "18 EB"}};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                words_bytes(&out, cases[i].n);
                assert_shown(&out, cases[i].text);
        }
}

static bool lookup(bool group, const char *name, uint32_t *ret)
{
        if (strcmp(name, group ? "staff" : "alice") != 0)
                return false;
        *ret = group ? 50 : 1000;
        return true;
}

static int resolve(const char *sentence, struct buf *out, struct sentence_error *error)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;

        buf_puts(out, sentence);
        return rule_words_resolve(out, lookup, &rule, error);
}

static void names_of_users_become_numbers(void **state)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        struct sentence_error error;

        (void)state;
        assert_int_equal(resolve("allow /usr/bin/curl user alice group staff", &out, &error), 0);
        assert_shown(&out, "allow /usr/bin/curl user 1000 group 50");
        assert_int_equal(resolve("allow \"/opt/user alice\" user 7", &out, &error), 0);
        assert_shown(&out, "allow \"/opt/user alice\" user 7");
        assert_int_equal(resolve("allow /usr/bin/curl user bob", &out, &error), 1);
        assert_int_equal(error.at, 25);
        assert_int_equal(error.length, 3);
        buf_reset(&out);
        assert_int_equal(resolve("", &out, &error), 1);
}

static void local_time_becomes_utc(void **state)
{
        static const char *const rows[][2] = {
                {"allow /a until 2026-07-01", "allow /a until 2026-06-30T22:00:00Z"},
                {"allow /a until 2026-07-01T18:00 tcp", "allow /a until 2026-07-01T16:00:00Z tcp"},
                {"allow /a until 2026-01-01   18:00:05 note until", "allow /a until 2026-01-01T17:00:05Z note until"},
                {"allow /a until \"2026-01-01 18:00\"", "allow /a until 2026-01-01T17:00:00Z"},
                {"allow /a until 2026-01-01T18:00Z user alice", "allow /a until 2026-01-01T18:00Z user 1000"},
        };
        struct sentence_error error;

        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf out = {0};

                assert_int_equal(resolve(rows[i][0], &out, &error), 0);
                assert_shown(&out, rows[i][1]);
        }
        for (size_t i = 0; i < 2; i++) {
                static const char *const wrong[] = {"allow /a until tomorrow", "allow /a until 1970-01-01"};
                _cleanup_(buf_deinit) struct buf out = {0};

                assert_int_equal(resolve(wrong[i], &out, &error), 1);
                assert_int_equal(error.at, 15);
        }
        unsetenv("TZ");
        tzset();
}

static void quoted_words_stay_together(void **state)
{
        char *several[] = {(char *)"deny", (char *)"/opt/my game/play", (char *)"note", (char *)"say \"no\""};
        char *one[] = {(char *)"deny \"/opt/my game/play\""};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        rule_words_join(&out, several, 4);
        assert_shown(&out, "deny \"/opt/my game/play\" note \"say \\\"no\\\"\"");
        rule_words_join(&out, one, 1);
        assert_shown(&out, "deny \"/opt/my game/play\"");
}

static void errors_are_underlined(void **state)
{
        struct sentence_error error = {.at = 13, .length = 4, .expected = "expected a port"};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        rule_words_show_error(&out, "allow 日本 port", &error);
        assert_shown(&out, "  allow 日本 port\n             ^^^^\nexpected a port\n");
        error.at = 1000;
        rule_words_show_error(&out, "allow", &error);
        assert_shown(&out, "  allow\n       ^\nexpected a port\n");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(widths_are_columns_and_not_bytes),
                cmocka_unit_test(cuts_end_with_an_ellipsis),
                cmocka_unit_test(durations_have_two_units),
                cmocka_unit_test(numbers_are_grouped),
                cmocka_unit_test(times_are_local_times_of_day),
                cmocka_unit_test(words_cannot_disturb_the_terminal),
                cmocka_unit_test(tables_are_aligned_and_cut_nothing),
                cmocka_unit_test(names_are_escaped_wherever_they_are_shown),
                cmocka_unit_test(a_record_fits_its_screen),
                cmocka_unit_test(a_summary_says_how_much),
                cmocka_unit_test(a_record_says_every_name),
                cmocka_unit_test(bytes_have_their_unit),
                cmocka_unit_test(names_of_users_become_numbers),
                cmocka_unit_test(local_time_becomes_utc),
                cmocka_unit_test(quoted_words_stay_together),
                cmocka_unit_test(errors_are_underlined),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
