/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets as the queue shows them. Each row is one packet and what it says; headers are built by hand from
 * RFC 791, 8200, 4302 and 9293, so that the parser is held to the standard and not to itself. Every packet
 * that parses is also cut at every byte: it says the same or that it is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/packet.h"

enum { V4_HEADER = 20, V6_HEADER = 40 };

struct bytes {
        uint8_t data[1024];
        size_t n;
};

static void put(struct bytes *b, const void *data, size_t n)
{
        assert_true(b->n + n <= sizeof(b->data));
        memcpy(b->data + b->n, data, n);
        b->n += n;
}

static void put_literal(struct bytes *b, const char *text, size_t n)
{
        put(b, text, n);
}
#define PUT(b, literal) put_literal(b, literal, sizeof(literal) - 1)

#define V4_LOCAL        "\300\0\2\1"    /* 192.0.2.1 */
#define V4_REMOTE       "\306\63\144\7" /* 198.51.100.7 */
#define V6_LOCAL        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define V6_REMOTE       "\x20\x01\x0d\xb8\xff\xff\0\0\0\0\0\0\0\0\0\7"

/* Ports 40000 → 443, sequence 1, no data; the flags are the caller's. */
#define TCP_HEADER(flags) "\x9c\x40\x01\xbb\0\0\0\1\0\0\0\0\x50" flags "\xff\xff\0\0\0\0"
/* Ports 40001 → 53, length 8. */
#define UDP_HEADER "\x9c\x41\0\x35\0\x8\0\0"

static struct bytes v4(uint8_t protocol, unsigned words, uint16_t fragment)
{
        struct bytes b = {.n = V4_HEADER};

        b.data[0] = (uint8_t)(0x40 | words);
        b.data[4] = 0x12;
        b.data[5] = 0x34;
        b.data[6] = (uint8_t)(fragment >> 8);
        b.data[7] = (uint8_t)fragment;
        b.data[8] = 64;
        b.data[9] = protocol;
        memcpy(b.data + 12, V4_LOCAL, 4);
        memcpy(b.data + 16, V4_REMOTE, 4);
        for (unsigned i = 5; i < words; i++)
                PUT(&b, "\1\1\1\1"); /* no operation */
        return b;
}

static struct bytes v6(uint8_t next)
{
        struct bytes b = {.n = V6_HEADER};

        b.data[0] = 0x60;
        b.data[6] = next;
        b.data[7] = 64;
        memcpy(b.data + 8, V6_LOCAL, 16);
        memcpy(b.data + 24, V6_REMOTE, 16);
        return b;
}

static struct packet parsed(const struct bytes *b)
{
        struct packet p;

        memset(&p, 0xa5, sizeof(p));
        assert_int_equal(packet_parse(b->data, b->n, &p), 0);
        for (size_t n = 0; n < b->n; n++) {
                struct packet cut;
                int r = packet_parse(b->data, n, &cut);

                assert_in_set(r, ((const uintmax_t[]){0, PACKET_E_TRUNCATED}), 2);
                if (r == 0) {
                        assert_memory_equal(&cut.flow, &p.flow, sizeof(p.flow));
                        assert_int_equal(cut.tcp_syn, p.tcp_syn);
                }
        }
        return p;
}

static void refused(const struct bytes *b, int error)
{
        struct packet p, before;

        memset(&p, 0xa5, sizeof(p));
        before = p;
        assert_int_equal(packet_parse(b->data, b->n, &p), error);
        assert_memory_equal(&p, &before, sizeof(p));
}

static void assert_ends_v4(const struct packet *p)
{
        static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

        assert_memory_equal(p->flow.local.bytes, mapped, 12);
        assert_memory_equal(p->flow.remote.bytes, mapped, 12);
        assert_memory_equal(p->flow.local.bytes + 12, V4_LOCAL, 4);
        assert_memory_equal(p->flow.remote.bytes + 12, V4_REMOTE, 4);
        assert_int_equal(p->flow.interface, 0);
        assert_int_equal(p->ip_id, 0x1234);
}

static void assert_ends_v6(const struct packet *p)
{
        assert_memory_equal(p->flow.local.bytes, V6_LOCAL, 16);
        assert_memory_equal(p->flow.remote.bytes, V6_REMOTE, 16);
        assert_int_equal(p->flow.interface, 0);
        assert_int_equal(p->ip_id, 0);
}

static void assert_ports(const struct packet *p, uint8_t protocol, uint16_t local, uint16_t remote)
{
        assert_int_equal(p->flow.protocol, protocol);
        assert_int_equal(p->flow.local_port, local);
        assert_int_equal(p->flow.remote_port, remote);
}

static void test_tcp_flags(void **state _unused_)
{
        static const struct {
                const char *header;
                bool syn, ack, rst;
        } rows[] = {
                {TCP_HEADER("\x02"), .syn = true},
                {TCP_HEADER("\x12"), .syn = true, .ack = true},
                {TCP_HEADER("\x10"), .ack = true},
                {TCP_HEADER("\x04"), .rst = true},
                {TCP_HEADER("\x14"), .ack = true, .rst = true},
                {TCP_HEADER("\xc2"), .syn = true}, /* with ECE and CWR, RFC 3168 */
                {TCP_HEADER("\x01")},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct bytes b4 = v4(6, 5, 0x4000), b6 = v6(6);
                struct packet p;

                put(&b4, rows[i].header, 20);
                put(&b6, rows[i].header, 20);
                p = parsed(&b4);
                assert_ends_v4(&p);
                assert_ports(&p, 6, 40000, 443);
                assert_int_equal(p.tcp_syn, rows[i].syn);
                assert_int_equal(p.tcp_ack, rows[i].ack);
                assert_int_equal(p.tcp_rst, rows[i].rst);
                assert_false(p.later_fragment);
                p = parsed(&b6);
                assert_ends_v6(&p);
                assert_ports(&p, 6, 40000, 443);
                assert_int_equal(p.tcp_syn, rows[i].syn);
                assert_int_equal(p.tcp_ack, rows[i].ack);
                assert_int_equal(p.tcp_rst, rows[i].rst);
        }
}

/* UDP, UDP-Lite, SCTP and DCCP start with their ports; nothing else has any. */
static void test_protocols(void **state _unused_)
{
        static const uint8_t with_ports[] = {17, 136, 132, 33};
        static const uint8_t without[] = {2, 4, 41, 47, 50, 89, 103, 253, 255};

        for (size_t i = 0; i < ARRAY_SIZE(with_ports); i++) {
                struct bytes b4 = v4(with_ports[i], 5, 0), b6 = v6(with_ports[i]);
                struct packet p;

                PUT(&b4, UDP_HEADER);
                PUT(&b6, UDP_HEADER);
                p = parsed(&b4);
                assert_ports(&p, with_ports[i], 40001, 53);
                p = parsed(&b6);
                assert_ports(&p, with_ports[i], 40001, 53);
        }
        for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
                struct bytes empty = v4(without[i], 5, 0), b = v4(without[i], 5, 0);
                struct packet p;

                PUT(&b, UDP_HEADER);
                p = parsed(&b);
                assert_ports(&p, without[i], 0, 0);
                p = parsed(&empty);
                assert_ports(&p, without[i], 0, 0);
        }
}

static void test_icmp(void **state _unused_)
{
        static const struct {
                bool v6;
                uint8_t type;
                uint16_t id;
        } rows[] = {
                {false, 8, 0xbeef},  {false, 0, 0xbeef}, /* echo and its reply, RFC 792 */
                {false, 3, 0},       {false, 13, 0},      {false, 128, 0},
                {true, 128, 0xbeef}, {true, 129, 0xbeef}, /* RFC 4443 */
                {true, 135, 0},      {true, 8, 0},        {true, 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct bytes b = rows[i].v6 ? v6(58) : v4(1, 5, 0);
                struct packet p;

                put(&b, &rows[i].type, 1);
                PUT(&b, "\0\0\0\xbe\xef\0\1");
                p = parsed(&b);
                assert_ports(&p, rows[i].v6 ? 58 : 1, 0, 0);
                assert_int_equal(p.icmp_type, rows[i].type);
                assert_int_equal(p.flow.icmp_id, rows[i].id);
        }
}

static void test_v4_options(void **state _unused_)
{
        for (unsigned words = 5; words <= 15; words++) {
                struct bytes b = v4(17, words, 0);
                struct packet p;

                PUT(&b, UDP_HEADER);
                p = parsed(&b);
                assert_ends_v4(&p);
                assert_ports(&p, 17, 40001, 53);
                b.n = words * 4 + 3; /* the ports are 4 bytes */
                refused(&b, PACKET_E_TRUNCATED);
                b.n = words * 4 - 1;
                refused(&b, PACKET_E_TRUNCATED);
        }
}

static void test_v4_fragments(void **state _unused_)
{
        struct bytes first = v4(17, 5, 0x2000), later = v4(17, 5, 0x2000 | 185), last = v4(6, 5, 0x1fff),
                     later_icmp = v4(1, 5, 1);
        struct packet p;

        PUT(&first, UDP_HEADER);
        p = parsed(&first);
        assert_false(p.later_fragment);
        assert_ports(&p, 17, 40001, 53);

        PUT(&later, UDP_HEADER);
        p = parsed(&later);
        assert_true(p.later_fragment);
        assert_ends_v4(&p);
        assert_ports(&p, 17, 0, 0);

        /* The payload would read as a SYN. */
        PUT(&last, TCP_HEADER("\x02"));
        p = parsed(&last);
        assert_true(p.later_fragment);
        assert_ports(&p, 6, 0, 0);
        assert_false(p.tcp_syn);

        PUT(&later_icmp, "\x8\0\0\0\xbe\xef\0\1");
        p = parsed(&later_icmp);
        assert_int_equal(p.icmp_type, 0);
        assert_int_equal(p.flow.icmp_id, 0);
}

/* RFC 3514's bit and "don't fragment" are no offset. */
static void test_v4_flags_are_no_fragment(void **state _unused_)
{
        static const uint16_t flags[] = {0x0000, 0x2000, 0x4000, 0x8000, 0xe000};

        for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
                struct bytes b = v4(17, 5, flags[i]);
                struct packet p;

                PUT(&b, UDP_HEADER);
                p = parsed(&b);
                assert_false(p.later_fragment);
        }
}

/* Kernels write 0 where a GSO packet is longer than the field can say (BIG TCP); a wrong length is no reason
 * to refuse either. */
static void test_length_fields_are_not_believed(void **state _unused_)
{
        static const uint16_t lengths[] = {0, 1, 20, 39, 0xffff};

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct bytes b4 = v4(6, 5, 0), b6 = v6(6);
                struct packet p;

                b4.data[2] = b6.data[4] = (uint8_t)(lengths[i] >> 8);
                b4.data[3] = b6.data[5] = (uint8_t)lengths[i];
                PUT(&b4, TCP_HEADER("\x10"));
                PUT(&b6, TCP_HEADER("\x10"));
                p = parsed(&b4);
                assert_ports(&p, 6, 40000, 443);
                p = parsed(&b6);
                assert_ports(&p, 6, 40000, 443);
        }
}

/* RFC 2675: the length is in a hop-by-hop option. */
static void test_jumbogram(void **state _unused_)
{
        struct bytes b = v6(0);
        struct packet p;

        PUT(&b, "\x06\0\xc2\4\0\1\x11\x70" TCP_HEADER("\x10"));
        p = parsed(&b);
        assert_ports(&p, 6, 40000, 443);
}

#define HOP_BY_HOP(next)  next "\0\5\2\0\0\1\0"
#define ROUTING(next)     next "\2\2\1\0\0\0\0" V6_REMOTE
#define DESTINATION(next) next "\1\1\14\0\0\0\0\0\0\0\0\0\0\0\0"
/* 24 bytes: (4 + 2) words. */
#define AUTHENTICATION(next)   next "\4\0\0\0\0\1\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0"
#define FRAGMENT(next, offset) next "\0" offset "\0\0\0\x63"
#define MOBILITY(next)         next "\0\0\0\0\0\0\0"

#define ROW(first, chain, last, later)                                                                       \
        {                                                                                                    \
                first, chain, sizeof(chain) - 1, last, later                                                 \
        }

static void test_v6_chains(void **state _unused_)
{
        static const struct {
                uint8_t first;
                const char *chain;
                size_t n;
                uint8_t last;
                bool later;
        } rows[] = {
                ROW(0, HOP_BY_HOP("\x11"), 17, false),
                ROW(43, ROUTING("\x11"), 17, false),
                ROW(60, DESTINATION("\x11"), 17, false),
                ROW(51, AUTHENTICATION("\x11"), 17, false),
                ROW(135, MOBILITY("\x11"), 17, false),
                ROW(44, FRAGMENT("\x11", "\0\1"), 17, false),    /* first, more follow */
                ROW(44, FRAGMENT("\x11", "\0\6"), 17, false),    /* the two reserved bits are no offset */
                ROW(44, FRAGMENT("\x11", "\0\x8"), 17, true),    /* offset 1 */
                ROW(44, FRAGMENT("\x11", "\xff\xf8"), 17, true), /* the last possible */
                /* The order that RFC 8200 recommends, all of them. */
                ROW(0,
                    HOP_BY_HOP("\x3c") DESTINATION("\x2b") ROUTING("\x2c") FRAGMENT("\x33", "\0\1")
                            AUTHENTICATION("\x3c") DESTINATION("\x11"),
                    17, false),
                /* What follows a later fragment's header is payload, even where the field says "destination
                   options". */
                ROW(0, HOP_BY_HOP("\x2c") FRAGMENT("\x3c", "\0\x8"), 60, true),
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct bytes b = v6(rows[i].first);
                struct packet p;

                put(&b, rows[i].chain, rows[i].n);
                PUT(&b, UDP_HEADER);
                p = parsed(&b);
                assert_ends_v6(&p);
                assert_int_equal(p.later_fragment, rows[i].later);
                assert_ports(&p, rows[i].last, rows[i].later ? 0 : 40001, rows[i].later ? 0 : 53);
        }
}

static struct bytes with_extensions(unsigned count)
{
        struct bytes b = v6(count > 0 ? 60 : 17);

        for (unsigned i = 1; i <= count; i++)
                if (i < count)
                        PUT(&b, DESTINATION("\x3c"));
                else
                        PUT(&b, DESTINATION("\x11"));
        PUT(&b, UDP_HEADER);
        return b;
}

static void test_v6_extension_limit(void **state _unused_)
{
        for (unsigned count = 0; count <= PACKET_MAX_EXTENSIONS; count++) {
                struct bytes b = with_extensions(count);
                struct packet p = parsed(&b);

                assert_ports(&p, 17, 40001, 53);
        }
        for (unsigned count = PACKET_MAX_EXTENSIONS + 1; count < 40; count++) {
                struct bytes b = with_extensions(count);

                refused(&b, PACKET_E_HEADERS);
        }
}

/* "No next header" (59) and ESP (50), behind which nothing can be read. */
static void test_v6_chain_without_transport(void **state _unused_)
{
        static const uint8_t last[] = {59, 50};

        for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
                struct bytes b = v6(0);
                struct packet p;

                put(&b, &last[i], 1);
                PUT(&b, "\0\5\2\0\0\1\0");
                PUT(&b, UDP_HEADER);
                p = parsed(&b);
                assert_ports(&p, last[i], 0, 0);
        }
}

/* A later fragment within the ninth header is still one header too many. */
static void test_v6_limit_counts_fragments(void **state _unused_)
{
        struct bytes b = v6(60);

        for (unsigned i = 1; i < PACKET_MAX_EXTENSIONS; i++)
                PUT(&b, DESTINATION("\x3c"));
        PUT(&b, DESTINATION("\x2c"));
        PUT(&b, FRAGMENT("\x11", "\0\x8"));
        refused(&b, PACKET_E_HEADERS);
}

static void test_truncation(void **state _unused_)
{
        static const struct {
                uint8_t protocol;
                size_t needed; /* of the transport header */
        } rows[] = {{6, 14}, {17, 4}, {136, 4}, {132, 4}, {33, 4}, {253, 0}};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int six = 0; six < 2; six++) {
                        struct bytes b = six ? v6(rows[i].protocol) : v4(rows[i].protocol, 5, 0);
                        size_t needed = b.n + rows[i].needed;
                        struct packet p;

                        PUT(&b, TCP_HEADER("\x02"));
                        for (size_t n = 0; n <= b.n; n++)
                                assert_int_equal(packet_parse(b.data, n, &p),
                                                 n < needed ? PACKET_E_TRUNCATED : 0);
                }
}

static void test_icmp_truncation(void **state _unused_)
{
        struct bytes echo = v4(1, 5, 0), unreachable = v4(1, 5, 0);
        struct packet p;

        PUT(&echo, "\x8\0\0\0\xbe\xef\0\1");
        PUT(&unreachable, "\3\1\0\0\0\0\0\0");
        for (size_t n = 0; n <= echo.n; n++) {
                assert_int_equal(packet_parse(echo.data, n, &p), n < V4_HEADER + 6 ? PACKET_E_TRUNCATED : 0);
                assert_int_equal(packet_parse(unreachable.data, n, &p),
                                 n < V4_HEADER + 1 ? PACKET_E_TRUNCATED : 0);
        }
}

/* An extension header whose length leads beyond the packet. */
static void test_extension_beyond_the_end(void **state _unused_)
{
        static const uint8_t kinds[] = {0, 43, 60, 51, 135};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                struct bytes b = v6(kinds[i]);

                PUT(&b, "\x11\xff\0\0\0\0\0\0" UDP_HEADER);
                refused(&b, PACKET_E_TRUNCATED);
        }
}

/* Headers are looked for in PACKET_BYTES, however much of the packet is there: the gate looks no further either. */
static void test_no_further_than_the_gate(void **state _unused_)
{
        uint8_t data[PACKET_BYTES + 64] = { 0x60, [6] = 60 };
        const size_t options = PACKET_BYTES - 40 - 8; /* of the second header; UDP's would end right at the bound */
        struct packet p;

        data[40] = 60; /* eight bytes, another follows */
        data[48] = 17;
        data[49] = (uint8_t)(options / 8 - 2); /* leaves eight bytes */
        assert_int_equal(packet_parse(data, sizeof(data), &p), 0);
        assert_int_equal(p.flow.protocol, 17);
        data[49]++;
        assert_int_equal(packet_parse(data, sizeof(data), &p), PACKET_E_TRUNCATED);
        data[48] = 59; /* nothing follows, and so nothing is needed beyond the bound */
        assert_int_equal(packet_parse(data, sizeof(data), &p), 0);
        data[49]++;
        assert_int_equal(packet_parse(data, sizeof(data), &p), PACKET_E_TRUNCATED);
}

static void test_versions(void **state _unused_)
{
        struct bytes b = v4(17, 5, 0);

        PUT(&b, UDP_HEADER "0123456789012345678901234567890123456789");
        for (unsigned version = 0; version < 16; version++) {
                b.data[0] = (uint8_t)(version << 4 | 5);
                if (version != 4 && version != 6)
                        refused(&b, PACKET_E_VERSION);
        }
        for (unsigned words = 0; words < 5; words++) {
                b.data[0] = (uint8_t)(0x40 | words);
                refused(&b, PACKET_E_VERSION);
        }
        b.n = 0;
        refused(&b, PACKET_E_TRUNCATED);
}

/* A v4-mapped address in an IPv6 header is the IPv4 address. */
static void test_v6_mapped(void **state _unused_)
{
        struct bytes b = v6(17);
        struct packet p;

        memset(b.data + 8, 0, 10);
        memset(b.data + 18, 0xff, 2);
        memcpy(b.data + 20, V4_LOCAL, 4);
        PUT(&b, UDP_HEADER);
        p = parsed(&b);
        assert_true(addr_is_v4(&p.flow.local));
        assert_false(addr_is_v4(&p.flow.remote));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tcp_flags),
                cmocka_unit_test(test_protocols),
                cmocka_unit_test(test_icmp),
                cmocka_unit_test(test_v4_options),
                cmocka_unit_test(test_v4_fragments),
                cmocka_unit_test(test_v4_flags_are_no_fragment),
                cmocka_unit_test(test_length_fields_are_not_believed),
                cmocka_unit_test(test_jumbogram),
                cmocka_unit_test(test_v6_chains),
                cmocka_unit_test(test_v6_extension_limit),
                cmocka_unit_test(test_v6_chain_without_transport),
                cmocka_unit_test(test_v6_limit_counts_fragments),
                cmocka_unit_test(test_truncation),
                cmocka_unit_test(test_icmp_truncation),
                cmocka_unit_test(test_extension_beyond_the_end),
                cmocka_unit_test(test_no_further_than_the_gate),
                cmocka_unit_test(test_versions),
                cmocka_unit_test(test_v6_mapped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
