/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sock_diag messages against linux/inet_diag.h: requests are compared field by field with the kernel's own
 * structure, replies are composed from it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "base/macros.h"
#include "wire/sockdiag.h"

enum { TCP = 6, UDP = 17, UDPLITE = 136, ICMP = 1, LISTEN = 10 };

struct request {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
};

struct reply {
        struct nlmsghdr header;
        struct inet_diag_msg body;
        struct nlattr attribute;
        uint8_t value[4];
};

static struct addr address(const char *text)
{
        struct addr a;

        assert_true(addr_parse(text, &a));
        return a;
}

static struct flow flow_of(uint8_t protocol, const char *local, uint16_t local_port, const char *remote,
                           uint16_t remote_port)
{
        return (struct flow){.local = address(local),
                             .remote = address(remote),
                             .local_port = local_port,
                             .remote_port = remote_port,
                             .protocol = protocol};
}

static struct request as_request(const uint8_t *built, size_t n, uint16_t type, uint16_t flags, uint32_t seq)
{
        struct request r;

        assert_int_equal(n, sizeof(r));
        memcpy(&r, built, sizeof(r));
        assert_int_equal(r.header.nlmsg_len, n);
        assert_int_equal(r.header.nlmsg_type, type);
        assert_int_equal(r.header.nlmsg_flags, flags);
        assert_int_equal(r.header.nlmsg_seq, seq);
        assert_int_equal(r.body.idiag_states, 0xffffffff);
        assert_int_equal(r.body.pad, 0);
        return r;
}

static void assert_v4(const __be32 words[4], const char *text)
{
        struct in_addr expected;

        assert_int_equal(inet_pton(AF_INET, text, &expected), 1);
        assert_int_equal(words[0], expected.s_addr);
        assert_int_equal(words[1] | words[2] | words[3], 0);
}

static void assert_v6(const __be32 words[4], const char *text)
{
        struct in6_addr expected;

        assert_int_equal(inet_pton(AF_INET6, text, &expected), 1);
        assert_memory_equal(words, &expected, 16);
}

static void test_dump(void **state _unused_)
{
        uint8_t m[SOCKDIAG_MESSAGE_MAX];
        struct request r = as_request(m, sockdiag_build_dump(m, AF_INET6, UDP, false, 4), SOCK_DIAG_BY_FAMILY,
                                      NLM_F_REQUEST | NLM_F_DUMP, 4);

        assert_int_equal(r.body.sdiag_family, AF_INET6);
        assert_int_equal(r.body.sdiag_protocol, UDP);
        assert_int_equal(r.body.id.idiag_sport | r.body.id.idiag_dport, 0);
}

static void test_get_tcp(void **state _unused_)
{
        struct flow flow = flow_of(TCP, "192.0.2.1", 40000, "198.51.100.7", 443);
        uint8_t m[SOCKDIAG_MESSAGE_MAX];
        struct request r = as_request(m, sockdiag_build_get(m, &flow, AF_INET, 8), SOCK_DIAG_BY_FAMILY,
                                      NLM_F_REQUEST, 8);

        assert_int_equal(r.body.sdiag_family, AF_INET);
        assert_int_equal(r.body.sdiag_protocol, TCP);
        assert_int_equal(ntohs(r.body.id.idiag_sport), 40000);
        assert_int_equal(ntohs(r.body.id.idiag_dport), 443);
        assert_v4(r.body.id.idiag_src, "192.0.2.1");
        assert_v4(r.body.id.idiag_dst, "198.51.100.7");
        assert_int_equal(r.body.id.idiag_cookie[0], INET_DIAG_NOCOOKIE);
        assert_int_equal(r.body.id.idiag_cookie[1], INET_DIAG_NOCOOKIE);
}

/* net/ipv4/udp_diag.c looks the tuple up as an incoming packet would carry it. */
static void test_get_udp_is_swapped(void **state _unused_)
{
        static const uint8_t protocols[] = {UDP, UDPLITE};

        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
                struct flow flow = flow_of(protocols[i], "2001:db8::1", 40001, "2001:db8:1::7", 53);
                uint8_t m[SOCKDIAG_MESSAGE_MAX];
                struct request r;

                flow.interface = 3;
                r = as_request(m, sockdiag_build_get(m, &flow, AF_INET6, 1), SOCK_DIAG_BY_FAMILY,
                               NLM_F_REQUEST, 1);
                assert_int_equal(r.body.sdiag_protocol, protocols[i]);
                assert_int_equal(ntohs(r.body.id.idiag_sport), 53);
                assert_int_equal(ntohs(r.body.id.idiag_dport), 40001);
                assert_v6(r.body.id.idiag_src, "2001:db8:1::7");
                assert_v6(r.body.id.idiag_dst, "2001:db8::1");
                assert_int_equal(r.body.id.idiag_if, 3);
        }
}

/* An IPv4 flow may belong to an IPv6 socket: then its addresses are v4-mapped in the request. */
static void test_get_mapped(void **state _unused_)
{
        struct flow flow = flow_of(TCP, "192.0.2.1", 1, "198.51.100.7", 2);
        uint8_t m[SOCKDIAG_MESSAGE_MAX];
        struct request r = as_request(m, sockdiag_build_get(m, &flow, AF_INET6, 1), SOCK_DIAG_BY_FAMILY,
                                      NLM_F_REQUEST, 1);

        assert_v6(r.body.id.idiag_src, "::ffff:192.0.2.1");
        assert_v6(r.body.id.idiag_dst, "::ffff:198.51.100.7");
}

/* By cookie, never swapped, UDP neither. */
static void test_destroy(void **state _unused_)
{
        static const uint8_t protocols[] = {TCP, UDP};

        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
                struct sockdiag_socket socket = {
                        .flow = flow_of(protocols[i], "fe80::1", 40000, "fe80::2", 443),
                        .family = AF_INET6,
                        .cookie = UINT64_C(0x1122334455667788),
                        .interface = 5,
                };
                uint8_t m[SOCKDIAG_MESSAGE_MAX];
                struct request r = as_request(m, sockdiag_build_destroy(m, &socket, 6), SOCK_DESTROY,
                                              NLM_F_REQUEST | NLM_F_ACK, 6);

                assert_int_equal(r.body.sdiag_family, AF_INET6);
                assert_int_equal(r.body.sdiag_protocol, protocols[i]);
                assert_int_equal(ntohs(r.body.id.idiag_sport), 40000);
                assert_int_equal(ntohs(r.body.id.idiag_dport), 443);
                assert_v6(r.body.id.idiag_src, "fe80::1");
                assert_int_equal(r.body.id.idiag_if, 5);
                assert_int_equal(r.body.id.idiag_cookie[0], 0x55667788);
                assert_int_equal(r.body.id.idiag_cookie[1], 0x11223344);
        }
}

static struct reply reply_v4(void)
{
        struct reply r = {
                .header = {.nlmsg_len = offsetof(struct reply, attribute), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
                .body = {.idiag_family = AF_INET,
                         .idiag_state = LISTEN,
                         .idiag_uid = 1000,
                         .idiag_inode = 0xfedcba98},
                .attribute = {.nla_len = NLA_HDRLEN + 1, .nla_type = INET_DIAG_PROTOCOL},
                .value = {ICMP},
        };

        r.body.id.idiag_sport = htons(22);
        r.body.id.idiag_src[0] = htonl(0xc0000201);
        r.body.id.idiag_if = 4;
        r.body.id.idiag_cookie[0] = 0x55667788;
        r.body.id.idiag_cookie[1] = 0x11223344;
        return r;
}

static void test_parse_listening(void **state _unused_)
{
        struct reply r = reply_v4();
        struct addr local = address("192.0.2.1");
        struct sockdiag_socket s;
        size_t used = 0;

        assert_int_equal(sockdiag_parse(&r, r.header.nlmsg_len, &s, &used), 0);
        assert_int_equal(used, r.header.nlmsg_len);
        assert_int_equal(s.family, AF_INET);
        assert_int_equal(s.state, LISTEN);
        assert_int_equal(s.cookie, UINT64_C(0x1122334455667788));
        assert_int_equal(s.inode, UINT64_C(0xfedcba98));
        assert_int_equal(s.uid, 1000);
        assert_int_equal(s.interface, 4);
        assert_int_equal(s.flow.local_port, 22);
        assert_int_equal(s.flow.remote_port, 0);
        assert_true(addr_equal(&s.flow.local, &local));
        assert_true(addr_is_zero(&s.flow.remote));
        assert_int_equal(s.flow.protocol, 0); /* the reply does not say; the request did */
}

static void test_parse_protocol_attribute(void **state _unused_)
{
        struct reply r = reply_v4();
        struct sockdiag_socket s;
        size_t used;

        r.header.nlmsg_len = sizeof(r);
        assert_int_equal(sockdiag_parse(&r, sizeof(r), &s, &used), 0);
        assert_int_equal(s.flow.protocol, ICMP);
}

static void test_parse_v6(void **state _unused_)
{
        struct addr local = address("2001:db8::1"), remote = address("192.0.2.9");
        struct reply r = reply_v4();
        struct sockdiag_socket s;
        size_t used;

        r.body.idiag_family = AF_INET6;
        inet_pton(AF_INET6, "2001:db8::1", r.body.id.idiag_src);
        inet_pton(AF_INET6, "::ffff:192.0.2.9", r.body.id.idiag_dst);
        r.body.id.idiag_dport = htons(443);
        assert_int_equal(sockdiag_parse(&r, r.header.nlmsg_len, &s, &used), 0);
        assert_int_equal(s.family, AF_INET6);
        assert_true(addr_equal(&s.flow.local, &local));
        assert_true(addr_equal(&s.flow.remote, &remote));
        assert_int_equal(s.flow.remote_port, 443);
}

static void test_dump_with_bytes(void **state _unused_)
{
        uint8_t m[SOCKDIAG_MESSAGE_MAX];
        struct request r = as_request(m, sockdiag_build_dump(m, AF_INET, TCP, true, 4), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 4);

        assert_int_equal(r.body.idiag_ext, 1 << (INET_DIAG_INFO - 1));
        r = as_request(m, sockdiag_build_dump(m, AF_INET, TCP, false, 4), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 4);
        assert_int_equal(r.body.idiag_ext, 0);
}

/* An older kernel's struct tcp_info is shorter; UDP has none, or an empty one. */
static void test_parse_bytes(void **state _unused_)
{
        struct {
                struct reply reply; /* its attribute is replaced by this one */
                uint8_t room[sizeof(struct tcp_info)];
        } m = { .reply = reply_v4() };
        const size_t enough = offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(uint64_t);
        const struct tcp_info info = { .tcpi_bytes_acked = UINT64_C(0x1122334455), .tcpi_bytes_received = 7 };

        memcpy(m.reply.value, &info, sizeof(info));
        m.reply.attribute.nla_type = INET_DIAG_INFO;
        for (size_t n = 0; n <= sizeof(info); n++) {
                struct sockdiag_socket s = { 0 };
                size_t used;

                m.reply.attribute.nla_len = (uint16_t)(NLA_HDRLEN + n);
                m.reply.header.nlmsg_len = (uint32_t)(offsetof(struct reply, value) + n);
                assert_int_equal(sockdiag_parse(&m, sizeof(m), &s, &used), 0);
                assert_int_equal(s.has_bytes, n >= enough);
                if (s.has_bytes)
                        assert_true(s.bytes_out == UINT64_C(0x1122334455) && s.bytes_in == 7);
        }
}

/* What parse read, destroy and get send back. */
static void test_round_trip(void **state _unused_)
{
        struct reply r = reply_v4();
        struct sockdiag_socket s;
        uint8_t m[SOCKDIAG_MESSAGE_MAX];
        struct request again;
        size_t used;

        assert_int_equal(sockdiag_parse(&r, r.header.nlmsg_len, &s, &used), 0);
        again = as_request(m, sockdiag_build_destroy(m, &s, 1), SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, 1);
        assert_memory_equal(&again.body.id, &r.body.id, sizeof(r.body.id));
}

static void test_cut_at_every_byte(void **state _unused_)
{
        struct reply r = reply_v4();
        struct sockdiag_socket s = {.uid = 77};
        size_t used;

        r.header.nlmsg_len = sizeof(r);
        for (size_t n = 0; n < sizeof(r); n++)
                assert_int_equal(sockdiag_parse(&r, n, &s, &used), SOCKDIAG_E_MALFORMED);
        for (uint32_t n = 0; n < offsetof(struct reply, attribute); n++) {
                r.header.nlmsg_len = n;
                assert_int_equal(sockdiag_parse(&r, sizeof(r), &s, &used), SOCKDIAG_E_MALFORMED);
        }
        assert_int_equal(s.uid, 77);
}

static void test_families(void **state _unused_)
{
        for (unsigned family = 0; family < 256; family++) {
                struct reply r = reply_v4();
                struct sockdiag_socket s;
                size_t used;

                r.body.idiag_family = (uint8_t)family;
                assert_int_equal(sockdiag_parse(&r, r.header.nlmsg_len, &s, &used),
                                 family == AF_INET || family == AF_INET6 ? 0 : SOCKDIAG_E_MALFORMED);
        }
}

static int parse_error(int error, size_t *ret_used)
{
        struct {
                struct nlmsghdr header;
                struct nlmsgerr body;
        } m = {.header = {.nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_ERROR}, .body = {.error = error}};
        struct sockdiag_socket s;

        return sockdiag_parse(&m, sizeof(m), &s, ret_used);
}

static void test_errors(void **state _unused_)
{
        static const int errors[] = {-ENOENT, -EPERM, -EOPNOTSUPP, -4095};
        size_t used = 0;

        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                assert_int_equal(parse_error(errors[i], &used), errors[i]);
                assert_int_equal(used, sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr));
        }
        assert_int_equal(parse_error(0, &used), SOCKDIAG_E_OTHER); /* an ack */
        assert_int_equal(parse_error(-4096, &used), SOCKDIAG_E_MALFORMED);
}

static void test_done_and_other(void **state _unused_)
{
        static const struct {
                uint16_t type;
                int result;
        } rows[] = {
                {NLMSG_DONE, SOCKDIAG_E_DONE},     {NLMSG_NOOP, SOCKDIAG_E_OTHER},
                {NLMSG_OVERRUN, SOCKDIAG_E_OTHER}, {18, SOCKDIAG_E_OTHER},
                {SOCK_DESTROY, SOCKDIAG_E_OTHER},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct nlmsghdr header = {.nlmsg_len = sizeof(header), .nlmsg_type = rows[i].type};
                struct sockdiag_socket s;
                size_t used = 0;

                assert_int_equal(sockdiag_parse(&header, sizeof(header), &s, &used), rows[i].result);
                assert_int_equal(used, sizeof(header));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dump),
                cmocka_unit_test(test_dump_with_bytes),
                cmocka_unit_test(test_parse_bytes),
                cmocka_unit_test(test_get_tcp),
                cmocka_unit_test(test_get_udp_is_swapped),
                cmocka_unit_test(test_get_mapped),
                cmocka_unit_test(test_destroy),
                cmocka_unit_test(test_parse_listening),
                cmocka_unit_test(test_parse_protocol_attribute),
                cmocka_unit_test(test_parse_v6),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_cut_at_every_byte),
                cmocka_unit_test(test_families),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_done_and_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
