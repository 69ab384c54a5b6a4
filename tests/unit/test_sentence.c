/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences: what is said comes back in the same words; what is not understood is pointed at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/sentence.h"

static void expect_format(const struct rule *rule, const char *expected)
{
        _cleanup_(buf_deinit) struct buf out = {};

        sentence_format(rule, &out);
        assert_int_equal(buf_error(&out), 0);
        assert_string_equal(out.data, expected);
}

static void test_round_trip(void **state _unused_)
{
        /* in, out (NULL: the same) */
        static const char *const rows[][2] = {
                { "allow /usr/bin/curl", NULL },
                { "deny /usr/bin/curl port 443", NULL },
                { "ask anyone", NULL },
                { "deny unknown to 192.0.2.7 port 123", NULL },
                { "allow kernel icmpv6", NULL },
                { "allow kernel protocol 58", "allow kernel icmpv6" },
                { "allow name ping", NULL },
                { "allow name \"two words\"", NULL },
                { "allow name \"ping\"", "allow name ping" },
                { "allow name anyone", NULL },
                { "deny \"/opt/a b/c\"", NULL },
                { "deny \"/opt/\\\"q\\\\\\\\\"", NULL },
                { "deny \"/tmp/\\xff\\n\\t\\u202e\"", NULL },
                { "deny \"/tmp/\\U000e0041\"", NULL },
                { "deny \"/tmp/\xc3\xa4\"", NULL },
                { "deny /tmp/\xc3\xa4", "deny \"/tmp/\xc3\xa4\"" },
                { "deny \"/usr/bin/x\"", "deny /usr/bin/x" },
                { "allow anyone to 10.0.0.0/8", NULL },
                { "allow anyone to 0.0.0.0/0", NULL },
                { "allow anyone to ::/0", NULL },
                { "allow anyone to 192.0.2.1/32", "allow anyone to 192.0.2.1" },
                { "allow anyone to 2001:db8::/32", NULL },
                { "allow anyone to ::1", NULL },
                { "allow anyone to ::ffff:10.0.0.0/104", "allow anyone to 10.0.0.0/8" },
                { "allow anyone to loopback,lan,multicast", "allow anyone to loopback,lan,multicast" },
                { "allow anyone to lan,loopback,lan", "allow anyone to loopback,lan" },
                { "allow anyone to lan to 10.0.0.0/8", "allow anyone to 10.0.0.0/8 to lan" },
                { "allow anyone port 80,443,8000-8999", NULL },
                { "allow anyone port 1-65535", NULL },
                { "allow anyone port 5-5", "allow anyone port 5" },
                { "allow anyone TCP port 80", "allow anyone port 80 tcp" },
                { "allow anyone protocol 253", NULL },
                { "allow anyone protocol 0", NULL },
                { "allow anyone user 0 group 4294967294", NULL },
                { "deny /bin/x for session", NULL },
                { "deny /bin/x priority 7 disabled", NULL },
                { "deny /bin/x priority -7", NULL },
                { "allow /usr/bin/curl or /usr/bin/wget", NULL },
                { "allow /usr/bin/wget or /usr/bin/curl or /usr/bin/wget", "allow /usr/bin/curl or /usr/bin/wget" },
                { "allow /usr/bin/curl or /usr/bin/curl", "allow /usr/bin/curl" },
                { "allow not /usr/bin/curl", NULL },
                { "allow not /usr/bin/curl or /opt/**", "allow not /opt/** or /usr/bin/curl" },
                { "allow /usr/lib/firefox*/** to internet", NULL },
                { "allow \"/opt/a\\\\*b\"", NULL },
                { "allow \"/opt/\\\\a\"", "allow /opt/a" },
                { "allow /bin/x to .example.com or Example.ORG port 443", "allow /bin/x to .example.com or example.org port 443" },
                { "allow /bin/x to \"nas\"", NULL },
                { "allow /bin/x to not lan,link", "allow /bin/x to not link,lan" },
                { "allow /bin/x to not 10.0.0.0/8 or 192.0.2.1 to internet", NULL },
                { "allow /bin/x to 192.0.2.1,10.0.0.0/8", "allow /bin/x to 10.0.0.0/8 or 192.0.2.1" },
                { "allow /bin/x to 192.0.2.2,192.0.2.1", "allow /bin/x to 192.0.2.1 or 192.0.2.2" },
                { "allow /bin/x to Bücher.example. or .xn--p1ai.example", "allow /bin/x to .xn--p1ai.example or xn--bcher-kva.example" },
                { "allow /bin/x to b.example,a.example,.test", "allow /bin/x to .test or a.example or b.example" },
                { "allow /bin/x to \"lan\" or \"not\"", NULL },
                { "allow /bin/x port not 80 or 443", "allow /bin/x port not 80,443" },
                { "allow /bin/x tcp,udp", NULL },
                { "allow /bin/x protocol not udp,tcp", "allow /bin/x protocol not tcp,udp" },
                { "allow anyone user not 0,33 group 5", NULL },
                { "allow /usr/bin/python3 argument /home/*.py or \"or\"", NULL },
                { "deny anyone parent /usr/bin/bash ancestor /usr/sbin/* unit cron.service cgroup /system.slice/**", NULL },
                { "deny anyone interface wg* or tun0 to internet", "deny anyone to internet interface tun0 or wg*" },
                { "allow /bin/x for 1 hour", NULL },
                { "allow /bin/x for 1h", "allow /bin/x for 1 hour" },
                { "allow /bin/x for 60 minutes", "allow /bin/x for 1 hour" },
                { "allow /bin/x for 90 minutes", NULL },
                { "deny /bin/x for 2 days to lan", "deny /bin/x to lan for 2 days" },
                { "deny /bin/x for 30s", "deny /bin/x for 30 seconds" },
                { "deny /bin/x for 10m note \"n\"", "deny /bin/x for 10 minutes note \"n\"" },
                { "deny /bin/x for 1 second", NULL },
                { "deny /bin/x for 1 seconds", "deny /bin/x for 1 second" },
                { "deny /bin/x for 3660 days", NULL },
                { "deny /bin/x for boot", "deny /bin/x until reboot" },
                { "deny /bin/x until boot", "deny /bin/x until reboot" },
                { "ask /bin/x until reboot", NULL },
                { "allow /bin/x until 2026-12-31Z", "allow /bin/x until 2026-12-31T00:00:00Z" },
                { "allow /bin/x until 2026-12-31T18:00+01:00 tcp", "allow /bin/x tcp until 2026-12-31T17:00:00Z" },
                { "allow /bin/x until 2026-12-31 18:00:05Z tcp", "allow /bin/x tcp until 2026-12-31T18:00:05Z" },
                { "allow /bin/x until \"2026-12-31 18:00Z\"", "allow /bin/x until 2026-12-31T18:00:00Z" },
                { "allow /bin/x until 9999-12-31T23:59:59Z", NULL },
                { "allow /bin/x until 1970-01-01T00:00:00Z", NULL },
                { "deny /bin/x note \"why \\\"so\\\"\\nnext\"", NULL },
                { "deny /bin/x note because", "deny /bin/x note \"because\"" },
                { "deny /bin/x note \"\"", NULL },
                { "\t allow   /usr/bin/curl\tto  internet ", "allow /usr/bin/curl to internet" },
                { "allow /a note \"n\" user 1 tcp port 2 to lan", "allow /a to lan port 2 tcp user 1 note \"n\"" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rule_freep) struct rule *rule = NULL, *again = NULL;
                const char *expected = rows[i][1] ? rows[i][1] : rows[i][0];
                struct sentence_error error = {};

                if (sentence_parse(rows[i][0], strlen(rows[i][0]), &rule, &error) != 0)
                        fail_msg("%s: %s", rows[i][0], error.expected);
                expect_format(rule, expected);
                assert_int_equal(sentence_parse(expected, strlen(expected), &again, &error), 0);
                assert_true(rule_same_criteria(rule, again));
                assert_int_equal(rule->action, again->action);
                assert_int_equal(rule->lifetime, again->lifetime);
                assert_int_equal(rule->ending.lasts, again->ending.lasts);
                assert_int_equal(rule->ending.until, again->ending.until);
                assert_int_equal(rule->origin, rule->lifetime == LIFETIME_SESSION ? ORIGIN_SESSION : ORIGIN_LIST);
        }
}

#define CLAUSES \
        "expected to, port, tcp, udp, icmp, protocol, user, group, argument, parent, ancestor, unit, cgroup, interface, list, for, until, " \
        "priority, disabled or note"
#define DESTINATION \
        "expected an address, a network like 10.0.0.0/8, a host like example.com or .example.com, or loopback, lan, link, multicast, " \
        "broadcast, internet, resolver"

static void test_errors(void **state _unused_)
{
        static const struct {
                const char *text, *word, *expected; /* the word that is pointed at; "" the end */
        } rows[] = {
                { "", "", "expected allow, deny or ask" },
                { "   ", "", "expected allow, deny or ask" },
                { "permit /bin/x", "permit", "expected allow, deny or ask" },
                { "\"allow\" /bin/x", "\"allow\"", "expected allow, deny or ask" },
                { "allow", "", "expected a program's absolute path, name COMM, anyone, unknown or kernel" },
                { "allow curl", "curl", "expected a program's absolute path, name COMM, anyone, unknown or kernel" },
                { "allow \"anyone\"", "\"anyone\"", "expected a program's absolute path, name COMM, anyone, unknown or kernel" },
                { "allow name", "", "expected a program's name as the kernel shows it (comm)" },
                { "allow name \"\"", "\"\"", "expected a program's name as the kernel shows it (comm)" },
                { "allow /bin/x nonsense", "nonsense", CLAUSES },
                { "allow /bin/x 443", "443", CLAUSES },
                { "allow /bin/x port", "", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 0", "0", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 65536", "65536", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 9-8", "9-8", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 1,,2", "", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 1,", "", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port http", "http", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x port 1 port 2", "port", "expected port only once" },
                { "allow /bin/x tcp udp", "udp", "expected protocol only once" },
                { "allow /bin/x tcp protocol 17", "protocol", "expected protocol only once" },
                { "allow /bin/x protocol 256", "256", "expected a protocol's name or number 0..255" },
                { "allow /bin/x protocol", "", "expected a protocol's name or number 0..255" },
                { "allow /bin/x to", "", DESTINATION },
                { "allow /bin/x to mars", "mars", DESTINATION },
                { "allow /bin/x to lan,", "", "expected loopback, lan, link, multicast, broadcast, internet or resolver" },
                { "allow /bin/x to lan or mars", "mars", "expected loopback, lan, link, multicast, broadcast, internet or resolver" },
                { "allow /bin/x to lan to loopback", "loopback", "expected only one \"to\" with this kind of destination; join several by \"or\"" },
                { "allow /bin/x to 1.2.3.4 to 1.2.3.5", "1.2.3.5",
                  "expected only one \"to\" with this kind of destination; join several by \"or\"" },
                { "allow /bin/x to 1.2.3.4 or lan", "lan",
                  "expected an address or a network, like those before; other kinds in a \"to\" of their own" },
                { "allow /bin/x to example.com or 1.2.3.4", "1.2.3.4",
                  "expected a host, like those before; other kinds in a \"to\" of their own" },
                { "allow /bin/x to lan,10.0.0.0/8", "10.0.0.0/8",
                  "expected loopback, lan, link, multicast, broadcast, internet or resolver" },
                { "allow /bin/x to 1.2.3.4,example.com", "example.com",
                  "expected an address or a network, like those before; other kinds in a \"to\" of their own" },
                { "allow /bin/x to \"10\"", "\"10\"", DESTINATION },
                { "allow /bin/x to example..com", "example..com",
                  "expected a host's name like example.com, or .example.com for it and all below it" },
                { "allow /bin/x to *.example.com", "*.example.com",
                  "expected a host's name like example.com, or .example.com for it and all below it" },
                { "allow /bin/x to not", "", "expected loopback, lan, link, multicast, broadcast, internet or resolver" },
                { "allow /bin/x port 80 or", "", "expected a port 1..65535, a range or a list" },
                { "allow /bin/x or curl", "curl", "expected an absolute path, or a pattern for one like /usr/lib/*/firefox" },
                { "allow not", "", "expected an absolute path, or a pattern for one like /usr/lib/*/firefox" },
                { "allow /bin/[x", "/bin/[x", "expected a ] that ends the set, or \\[ for the character itself" },
                { "allow \"/bin/x*\\\\\"", "\"/bin/x*\\\\\"", "expected a character after the last backslash" },
                { "allow /bin/x parent bash", "bash", "expected an absolute path, or a pattern for one like /usr/lib/*/firefox" },
                { "allow /bin/x argument", "", "expected a word, or a pattern in which * stands for any bytes" },
                { "allow /bin/x priority high", "high", "expected a number -1000000..1000000; higher comes first" },
                { "allow /bin/x priority 1000001", "1000001", "expected a number -1000000..1000000; higher comes first" },
                { "allow /bin/x disabled disabled", "disabled", "expected disabled only once" },
                { "allow /bin/x to 1.2.3", "1.2.3", DESTINATION },
                { "allow /bin/x to 10.0.0.0/33", "10.0.0.0/33", "expected a prefix length: 0..32 for IPv4, 0..128 for IPv6" },
                { "allow /bin/x to ::/129", "::/129", "expected a prefix length: 0..32 for IPv4, 0..128 for IPv6" },
                { "allow /bin/x to 10.1.2.3/8", "10.1.2.3/8", "expected a network whose address has no bits beyond its prefix" },
                { "allow /bin/x user root", "root", "expected the number of a user" },
                { "allow /bin/x group -1", "-1", "expected the number of a group" },
                { "allow /bin/x user 4294967295", "4294967295", "expected the number of a user" },
                { "allow /bin/x user 1 user 2", "user", "expected user only once" },
                { "allow /bin/x for", "", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for ever", "ever", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for once", "once", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for process", "process", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for \"session\"", "\"session\"", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for -1 hour", "-1", "expected session, boot, or a duration like 1 hour, 90 minutes or 2d" },
                { "allow /bin/x for 0 hours", "0", "expected 1 second to 3660 days" },
                { "allow /bin/x for 3661 days", "3661", "expected 1 second to 3660 days" },
                { "allow /bin/x for 3661d tcp", "3661d", "expected 1 second to 3660 days" },
                { "allow /bin/x for 99999999999 seconds", "99999999999", "expected 1 second to 3660 days" },
                { "allow /bin/x for 1", "", "expected seconds, minutes, hours or days, or s, m, h or d" },
                { "allow /bin/x for 1 fortnight", "fortnight", "expected seconds, minutes, hours or days, or s, m, h or d" },
                { "allow /bin/x for 1 \"hour\"", "\"hour\"", "expected seconds, minutes, hours or days, or s, m, h or d" },
                { "allow /bin/x for 1w", "1w", "expected seconds, minutes, hours or days, or s, m, h or d" },
                { "allow /bin/x for 1 hour until reboot", "until", "expected one lifetime only" },
                { "allow /bin/x until reboot for session", "for", "expected one lifetime only" },
                { "allow /bin/x for 1h for 2h", "for", "expected for only once" },
                { "allow /bin/x until", "", "expected reboot, or a date like 2026-12-31, 2026-12-31T18:00Z or 2026-12-31 18:00+01:00" },
                { "allow /bin/x until tomorrow", "tomorrow",
                  "expected reboot, or a date like 2026-12-31, 2026-12-31T18:00Z or 2026-12-31 18:00+01:00" },
                { "allow /bin/x until 2026-02-30Z", "2026-02-30Z",
                  "expected reboot, or a date like 2026-12-31, 2026-12-31T18:00Z or 2026-12-31 18:00+01:00" },
                { "allow /bin/x until 2026-12-31", "2026-12-31", "expected Z or an offset like +01:00 after the time" },
                { "allow /bin/x until 2026-12-31 18:00 tcp", "2026-12-31 18:00", "expected Z or an offset like +01:00 after the time" },
                { "allow /bin/x until 2026-12-31 25:00Z", "25:00Z", "expected a time of day like 18:00, 18:00:05Z or 18:00+01:00" },
                { "allow /bin/x until 2026-12-31 443", "443", "expected a time of day like 18:00, 18:00:05Z or 18:00+01:00" },
                { "allow /bin/x until 2026-12-31T18:00Z 19:00Z", "19:00Z", "expected a time of day like 18:00, 18:00:05Z or 18:00+01:00" },
                { "allow /bin/x until 1970-01-01+01:00 tcp", "1970-01-01+01:00", "expected a time between 1970 and 9999" },
                { "allow /bin/x process 812", "process", CLAUSES },
                { "allow /bin/x note", "", "expected the note in quotes" },
                { "allow /bin/x note \"\\xff\"", "\"\\xff\"", "expected a note of at most 1024 bytes of UTF-8" },
                { "allow \"/bin/x", "\"/bin/x", "expected a closing quote" },
                { "allow \"/bin/x\\\"", "\"/bin/x\\\"", "expected a closing quote" },
                { "allow \"/bin/x\\", "\"/bin/x\\", "expected a closing quote" },
                { "allow \"/bin\"x", "x", "expected a space after the closing quote" },
                { "allow \"/a\\q\"", "\\", "expected \\\", \\\\, \\n, \\r, \\t, \\xNN or \\uNNNN after a backslash" },
                { "allow \"/a\\x00\"", "\\", "expected \\\", \\\\, \\n, \\r, \\t, \\xNN or \\uNNNN after a backslash" },
                { "allow \"/a\\ud800\"", "\\", "expected \\\", \\\\, \\n, \\r, \\t, \\xNN or \\uNNNN after a backslash" },
                { "allow \"/a\\U00110000\"", "\\", "expected \\\", \\\\, \\n, \\r, \\t, \\xNN or \\uNNNN after a backslash" },
                { "allow /a\"b", "/a\"b", "expected quotes around a word with quotes, backslashes or control characters" },
                { "allow /a\\b", "/a\\b", "expected quotes around a word with quotes, backslashes or control characters" },
                { "allow /a\nb", "/a\nb", "expected quotes around a word with quotes, backslashes or control characters" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct rule *rule = NULL;
                struct sentence_error error = {};
                const char *text = rows[i].text;

                if (sentence_parse(text, strlen(text), &rule, &error) != 1)
                        fail_msg("%s: was taken", text);
                assert_null(rule);
                assert_string_equal(error.expected, rows[i].expected);
                assert_int_equal(error.length, strlen(rows[i].word));
                assert_memory_equal(text + error.at, rows[i].word, error.length);
        }
}

static void test_bounds(void **state _unused_)
{
        static char text[LIMIT_SENTENCE + 2];
        struct sentence_error error = {};
        struct rule *rule = NULL;

        memset(text, 'x', sizeof(text));
        memcpy(text, "deny /", 6);
        assert_int_equal(sentence_parse(text, LIMIT_SENTENCE + 1, &rule, &error), 1);
        assert_string_equal(error.expected, "expected at most 8192 bytes");
        assert_int_equal(sentence_parse(text, 5 + LIMIT_PATH, &rule, &error), 1);
        assert_string_equal(error.expected, "expected a path of at most 4095 bytes");
        assert_int_equal(sentence_parse(text, 5 + LIMIT_PATH - 1, &rule, &error), 0);
        rule = rule_free(rule);
        memcpy(text, "deny anyone note ", 17);
        assert_int_equal(sentence_parse(text, 17 + LIMIT_RULE_NOTE + 1, &rule, &error), 1);
        assert_int_equal(sentence_parse(text, 17 + LIMIT_RULE_NOTE, &rule, &error), 0);
        rule_free(rule);
}

static bool resolve(void *userdata _unused_, enum sentence_name what, const char *name, uint32_t *ret)
{
        if (what == SENTENCE_USER && strcmp(name, "alice") == 0)
                *ret = 1000;
        else if (what == SENTENCE_GROUP && strcmp(name, "systemd-network") == 0)
                *ret = 998;
        else
                return false;
        return true;
}

static void test_names(void **state _unused_)
{
        static const struct {
                const char *in, *out;
                bool disabled;
        } rows[] = {
                { "allow anyone user alice", "allow anyone user 1000", false },
                { "allow anyone group systemd-network", "allow anyone group 998", false },
                { "allow anyone user 7", "allow anyone user 7", false },
                { "allow anyone user systemd-network", "allow anyone user 4294967295 disabled", true },
                { "allow anyone group nobody-here", "allow anyone group 4294967295 disabled", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rule_freep) struct rule *rule = NULL;
                struct sentence_error error;

                assert_int_equal(sentence_parse_with_names(rows[i].in, strlen(rows[i].in), resolve, NULL, &rule, &error), 0);
                expect_format(rule, rows[i].out);
                assert_int_equal(rule->disabled, rows[i].disabled);
        }
}

/* "not" a name that this machine does not know must not be everybody, even if somebody switches the rule on. */
static void test_an_unknown_name_matches_nobody(void **state _unused_)
{
        static const char *const rows[] = { "allow anyone user nobody-here", "allow anyone user not nobody-here",
                                            "allow anyone user not nobody-here,7" };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rule_freep) struct rule *rule = NULL;
                struct subject s = { .kind = SUBJECT_KERNEL, .uid = 5 };
                struct flow flow = { .protocol = 6 };
                struct facts facts = { .subject = &s, .flow = &flow };
                struct sentence_error error;

                assert_int_equal(sentence_parse_with_names(rows[i], strlen(rows[i]), resolve, NULL, &rule, &error), 0);
                assert_true(rule->disabled);
                rule->disabled = false;
                assert_false(rule_matches(rule, &facts, (struct boottime){ 0 }));
        }
}

static void test_process_is_shown(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *rule = rule_new(ACTION_ALLOW);

        assert_non_null(rule);
        rule->subject = RULE_PATH;
        rule->program = strdup("/bin/x");
        rule->lifetime = LIFETIME_ONCE;
        assert_int_equal(rule_set_process(rule, &(struct process){ .pid = 812 }), 0);
        expect_format(rule, "allow /bin/x process 812 for once");
}

/* A rule that has begun says when it ends, and read back it ends at the same second. */
static void test_what_is_left(void **state _unused_)
{
        static const char text[] = "allow /bin/x for 90 minutes", expected[] = "allow /bin/x until 2026-05-28T22:09:40Z";
        const struct clocks now = { .now = { 5 * NS_PER_SEC }, .realtime_us = INT64_C(1780000780000000), .boot = { { 1 } } };
        _cleanup_(rule_freep) struct rule *rule = NULL, *again = NULL;
        struct sentence_error error;

        assert_int_equal(sentence_parse(text, strlen(text), &rule, &error), 0);
        assert_true(rule_begin(rule, &now));
        expect_format(rule, expected);
        assert_int_equal(sentence_parse(expected, strlen(expected), &again, &error), 0);
        assert_true(rule_begin(again, &now));
        assert_int_equal(again->expires.ns, rule->expires.ns);
        again->lifetime = LIFETIME_PROCESS;
        expect_format(again, "allow /bin/x for process");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_errors),           cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_names),      cmocka_unit_test(test_process_is_shown), cmocka_unit_test(test_an_unknown_name_matches_nobody),
                cmocka_unit_test(test_what_is_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
