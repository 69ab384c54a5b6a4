/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages: those of a real server as it sent them (tests/fuzz/corpus/dns, written by make-seeds.py from dnsmasq), and composed ones for what no
 * server sends. An answer is written as one line: "name type: address ttl, …".
 */
#include <string.h>

#include "unit.h"
#include "wire/dns.h"

/* Messages of a real server. */

struct message {
        uint8_t bytes[LIMIT_PROBE_BYTES + 1];
        size_t n;
};

static void load(const char *seed, struct message *ret)
{
        char path[512];
        FILE *f;

        snprintf(path, sizeof(path), SOURCE_ROOT "/tests/fuzz/corpus/dns/seed-%s", seed);
        f = fopen(path, "rb");
        assert_non_null(f);
        ret->n = fread(ret->bytes, 1, sizeof(ret->bytes), f);
        fclose(f);
}

static const char *line_of(const struct dns_answer *answer)
{
        static char line[4096];
        size_t n = (size_t)snprintf(line, sizeof(line), "%s %u:", answer->name, (unsigned)answer->qtype);

        for (unsigned i = 0; i < answer->n_addresses; i++) {
                char text[ADDR_TEXT_MAX];

                n += (size_t)snprintf(line + n, sizeof(line) - n, "%s %s %u", i ? "," : "", addr_format(&answer->addresses[i].addr, text),
                                      (unsigned)answer->addresses[i].ttl);
        }
        return line;
}

static void a_real_server_is_understood(_unused_ void **state)
{
        static const struct {
                const char *seed, *line;
        } ANSWERS[] = {
                { "dnsmasq-two-1", "two.example 1: 192.0.2.1 3600" },
                { "dnsmasq-two-1-edns", "two.example 1: 192.0.2.1 3600" },
                { "dnsmasq-two-28", "two.example 28: 2001:db8::1 3600" },
                { "dnsmasq-two-28-edns", "two.example 28: 2001:db8::1 3600" },
                { "dnsmasq-two-16", "two.example 16:" },
                { "dnsmasq-WWW-1", "www.example 1: 192.0.2.7 0" }, /* an alias for 0 s, of which the address holds for 60 */
                { "dnsmasq-WWW-1-edns", "www.example 1: 192.0.2.7 0" },
                { "dnsmasq-www-28", "www.example 28:" },
                { "dnsmasq-zero-1", "zero.example 1: 192.0.2.9 0" },
                { "dnsmasq-none-1", "none.example 1:" },
        };
        struct message message;
        struct dns_answer answer;

        for (size_t i = 0; i < ARRAY_SIZE(ANSWERS); i++) {
                load(ANSWERS[i].seed, &message);
                assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
                assert_string_equal(line_of(&answer), ANSWERS[i].line);
                assert_int_equal(answer.id, 0x1234);
                assert_true(answer.is_response && !answer.truncated);
        }
        assert_int_equal(answer.rcode, 3);
}

static void a_truncated_answer_is_true_as_far_as_it_goes(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;

        load("dnsmasq-round-1", &message);
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_true(answer.truncated);
        assert_in_range(answer.n_addresses, 20, LIMIT_DNS_ADDRESSES);
        load("dnsmasq-round-1-edns", &message); /* all of them fit there */
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_false(answer.truncated);
        assert_int_equal(answer.n_addresses, 40);
}

static void of_too_many_the_first_count(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;

        load("many", &message);
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_int_equal(answer.n_addresses, LIMIT_DNS_ADDRESSES);
}

/* 4 KB of names that take as long to read as names can, sixteen aliases to be looked for among them, and an address at the end. */
static void what_takes_longest_is_understood(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;

        load("longest-work", &message);
        assert_in_range(message.n, LIMIT_PROBE_BYTES - 16, LIMIT_PROBE_BYTES);
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_int_equal(answer.n_addresses, 1);
}

static void every_cut_of_a_real_message_is_refused(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;
        int r;

        load("dnsmasq-WWW-1", &message);
        for (size_t n = 0; n < message.n; n++) {
                uint8_t *exact = malloc(n + 1); /* for the sanitizer */

                memcpy(exact, message.bytes, n);
                r = dns_parse(exact, n, &answer);
                free(exact);
                assert_int_equal(r, DNS_E_CUT);
        }
}

/* Composed messages, which make-seeds.py writes too. */

static void composed_messages(_unused_ void **state)
{
        static const struct {
                const char *seed, *line;
                int error;
        } MESSAGES[] = {
                { "query", "example.com 1:", 0 },
                { "opcode", NULL, DNS_E_OPCODE },
                { "nxdomain", "example.com 1:", 0 },
                { "truncated", "example.com 1:", 0 },
                { "year", "example.com 1: 192.0.2.1 31536000, 192.0.2.2 0", 0 },
                { "backwards", "a.test 1: 192.0.2.1 7", 0 }, /* in any order; the smallest TTL */
                { "other-owner", "a.test 1: 192.0.2.2 300", 0 },
                { "ring", NULL, DNS_E_CHAIN },
                { "self", NULL, DNS_E_CHAIN },
                { "chain-16", "n0.test 1: 192.0.2.1 300", 0 },
                { "chain-17", NULL, DNS_E_CHAIN },
                { "class", "a.test 1: 192.0.2.2 300", 0 },
                { "no-question", NULL, DNS_E_QUESTION },
                { "two-questions", NULL, DNS_E_QUESTION },
                { "short-address", NULL, DNS_E_RECORD },
                { "long-address", NULL, DNS_E_RECORD },
                { "after-alias", NULL, DNS_E_RECORD },
                { "pointer-ahead", NULL, DNS_E_NAME },
                { "pointer-self", NULL, DNS_E_NAME },
                { "pointer-header", NULL, DNS_E_NAME },
                { "pointer-ladder-100", "a.test 1: 192.0.2.1 300", 0 },
                { "pointer-ladder-200", NULL, DNS_E_NAME },
                { "twice", "a.test 1: 192.0.2.1 9", 0 },
                { "question-class", NULL, DNS_E_QUESTION },
                { "label-reserved", NULL, DNS_E_NAME },
                { "label-dot", NULL, DNS_E_HOSTNAME },
                { "label-nul", NULL, DNS_E_HOSTNAME },
                { "root", NULL, DNS_E_HOSTNAME },
                { "address-name", NULL, DNS_E_HOSTNAME },
                { "underscore", "_dmarc.example.com 1: 192.0.2.1 300", 0 },
                { "name-254", NULL, DNS_E_NAME },
                { "cut", NULL, DNS_E_CUT },
                { "svcb", "a.test 65:", 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(MESSAGES); i++) {
                struct message message;
                struct dns_answer answer;
                int r;

                load(MESSAGES[i].seed, &message);
                r = dns_parse(message.bytes, message.n, &answer);
                if (r != MESSAGES[i].error)
                        fail_msg("%s: %s", MESSAGES[i].seed, dns_error_text(r));
                if (r == 0)
                        assert_string_equal(line_of(&answer), MESSAGES[i].line);
        }
}

static void the_longest_names(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;

        load("name-253", &message);
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_int_equal(strlen(answer.name), 253);
        assert_int_equal(answer.n_addresses, 1);
        load("label-63", &message);
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_int_equal(strlen(answer.name), 63 + strlen(".test"));
}

static void a_query_has_no_addresses(_unused_ void **state)
{
        struct message message;
        struct dns_answer answer;

        load("other-owner", &message);
        message.bytes[2] &= 0x7f; /* the same as if it asked */
        assert_int_equal(dns_parse(message.bytes, message.n, &answer), 0);
        assert_false(answer.is_response);
        assert_int_equal(answer.n_addresses, 0);
}

static void bytes_beyond_the_bound_are_refused(_unused_ void **state)
{
        static struct message message;
        struct dns_answer answer;

        load("other-owner", &message);
        assert_int_equal(dns_parse(message.bytes, LIMIT_PROBE_BYTES, &answer), 0); /* what follows the answers is not looked at */
        assert_int_equal(dns_parse(message.bytes, LIMIT_PROBE_BYTES + 1, &answer), DNS_E_TOO_LONG);
}

static void hostnames(_unused_ void **state)
{
        static const char *const GOOD[] = { "a", "localhost", "example.com", "_srv._tcp.example.com", "xn--bcher-kva.example", "1.2.3.4a", "4.in-addr.arpa", "-" };
        static const char *const BAD[] = { "", ".", "a.", ".a", "a..b", "A", "a b", "a*", "b\xc3\xbc", "1", "1.2.3.4", "a.7", "a\\046b", "a/b", "a:b" };
        char text[300];

        for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
                assert_true(dns_is_hostname(GOOD[i]));
        for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
                assert_false(dns_is_hostname(BAD[i]));
        memset(text, 'a', sizeof(text));
        text[63] = 0;
        assert_true(dns_is_hostname(text));
        text[63] = 'a';
        text[64] = 0;
        assert_false(dns_is_hostname(text));
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 2 ? '.' : 'a';
        text[253] = 0;
        assert_true(dns_is_hostname(text));
        text[253] = '.';
        text[255] = 0;
        assert_false(dns_is_hostname(text));
}

/* The compact form. */

static struct dns_answer sample(void)
{
        struct dns_answer answer = { .id = 0x1234, .is_response = true, .rcode = 3, .qtype = DNS_TYPE_ANY, .name = "a.test", .n_addresses = 2 };

        answer.addresses[0] = (struct dns_address){ .addr = address("192.0.2.1"), .ttl = 5 };
        answer.addresses[1] = (struct dns_address){ .addr = address("2001:db8::1"), .ttl = INT32_MAX };
        return answer;
}

static void the_largest_answer_comes_back(_unused_ void **state)
{
        struct dns_answer answer = sample(), back;
        uint8_t serial[DNS_SERIAL_MAX];
        size_t n;

        memset(answer.name, 'a', DNS_NAME_MAX - 1);
        for (size_t i = 50; i < DNS_NAME_MAX - 1; i += 51)
                answer.name[i] = '.';
        answer.n_addresses = LIMIT_DNS_ADDRESSES;
        for (unsigned i = 0; i < LIMIT_DNS_ADDRESSES; i++) {
                answer.addresses[i] = (struct dns_address){ .addr = address("2001:db8::"), .ttl = i };
                answer.addresses[i].addr.bytes[15] = (uint8_t)i;
        }
        n = dns_answer_write(&answer, 0, serial);
        assert_int_equal(n, DNS_SERIAL_MAX);
        assert_in_range(n, 1, LIMIT_PROBE_BYTES);
        assert_int_equal(dns_answer_read(serial, n, &back), 0);
        assert_string_equal(line_of(&back), line_of(&answer));
        assert_true(back.id == answer.id && back.is_response && !back.truncated && back.rcode == 3);
}

static void every_error_comes_back(_unused_ void **state)
{
        uint8_t serial[DNS_SERIAL_MAX];
        struct dns_answer back;

        for (int error = DNS_E_CUT; error < DNS_E_SERIAL; error++) {
                assert_int_equal(dns_answer_write(NULL, error, serial), 1);
                assert_int_equal(dns_answer_read(serial, 1, &back), error);
                assert_int_equal(dns_answer_read(serial, 2, &back), DNS_E_SERIAL);
                assert_string_not_equal(dns_error_text(error), dns_error_text(DNS_E_SERIAL));
        }
        assert_int_equal(dns_answer_read("\x09", 1, &back), DNS_E_SERIAL);
        assert_int_equal(dns_answer_read("\xff", 1, &back), DNS_E_SERIAL);
        assert_string_equal(dns_error_text(99), dns_error_text(DNS_E_SERIAL));
}

/* Offsets in the sample's compact form. */
enum { AT_FLAGS = 3, AT_RCODE = 4, AT_QTYPE = 5, AT_LENGTH = 7, AT_NAME = 8, AT_COUNT = 14, AT_ADDRESS = 15, AT_TTL = 31 };

static void the_daemon_does_not_trust_its_parser(_unused_ void **state)
{
        static const struct {
                size_t at;
                uint8_t byte;
        } LIES[] = {
                { AT_FLAGS, 0 },      { AT_FLAGS, 4 },       { AT_RCODE, 16 },     { AT_QTYPE + 1, DNS_TYPE_A }, { AT_QTYPE + 1, 16 },
                { AT_LENGTH, 0 },     { AT_LENGTH, 5 },      { AT_LENGTH, 255 },   { AT_NAME, 'A' },             { AT_NAME, 0 },
                { AT_NAME, '.' },     { AT_NAME, 0xc3 },     { AT_COUNT, 1 },      { AT_COUNT, 3 },              { AT_COUNT, 255 },
                { AT_TTL, 0x80 },
        };
        struct dns_answer answer = sample(), back;
        uint8_t serial[DNS_SERIAL_MAX + 1], lie[DNS_SERIAL_MAX + 1];
        size_t n = dns_answer_write(&answer, 0, serial);

        assert_int_equal(dns_answer_read(serial, n, &back), 0);
        assert_int_equal(dns_answer_read(serial, n + 1, &back), DNS_E_SERIAL);
        for (size_t cut = 0; cut < n; cut++)
                assert_int_equal(dns_answer_read(serial, cut, &back), DNS_E_SERIAL);
        for (size_t i = 0; i < ARRAY_SIZE(LIES); i++) {
                memcpy(lie, serial, n);
                lie[LIES[i].at] = LIES[i].byte;
                assert_int_equal(dns_answer_read(lie, n, &back), DNS_E_SERIAL);
        }
        memcpy(serial + AT_ADDRESS + 20, serial + AT_ADDRESS, 16); /* twice the same */
        assert_int_equal(dns_answer_read(serial, n, &back), DNS_E_SERIAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_real_server_is_understood),
                cmocka_unit_test(a_truncated_answer_is_true_as_far_as_it_goes),
                cmocka_unit_test(of_too_many_the_first_count),
                cmocka_unit_test(what_takes_longest_is_understood),
                cmocka_unit_test(every_cut_of_a_real_message_is_refused),
                cmocka_unit_test(composed_messages),
                cmocka_unit_test(the_longest_names),
                cmocka_unit_test(a_query_has_no_addresses),
                cmocka_unit_test(bytes_beyond_the_bound_are_refused),
                cmocka_unit_test(hostnames),
                cmocka_unit_test(the_largest_answer_comes_back),
                cmocka_unit_test(every_error_comes_back),
                cmocka_unit_test(the_daemon_does_not_trust_its_parser),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
