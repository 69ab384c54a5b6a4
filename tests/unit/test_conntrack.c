/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The request to forget a flow, byte for byte as linux/netfilter/nfnetlink_conntrack.h has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/macros.h"
#include "wire/conntrack.h"
#include "wire/netlink.h"

static struct flow flow_of(uint8_t protocol, const char *local, uint16_t local_port, const char *remote, uint16_t remote_port)
{
        struct flow f = { .local_port = local_port, .remote_port = remote_port, .protocol = protocol };

        assert_true(addr_parse(local, &f.local));
        assert_true(addr_parse(remote, &f.remote));
        return f;
}

/* The attribute of that type, nested ones without the flag. */
static struct cursor attribute(struct cursor in, uint16_t wanted)
{
        struct cursor value;
        uint16_t type;

        while (netlink_next_attribute(&in, &type, &value))
                if (type == wanted)
                        return value;
        fail_msg("no attribute %u", wanted);
        return value;
}

static void assert_bytes(struct cursor in, uint16_t type, const void *expected, size_t n)
{
        struct cursor value = attribute(in, type);
        uint8_t bytes[16];

        assert_int_equal(value.left, n);
        assert_true(cursor_bytes(&value, bytes, n));
        assert_memory_equal(bytes, expected, n);
}

static struct cursor tuple_of(const uint8_t *message, size_t n, uint8_t family)
{
        struct nfgenmsg generic;
        struct nlmsghdr header;
        struct cursor body;
        size_t used;

        assert_true(n <= CONNTRACK_MESSAGE_MAX);
        assert_true(netlink_message(message, n, &header, &body, &used));
        assert_int_equal(used, n);
        assert_int_equal(header.nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);
        assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
        assert_int_equal(header.nlmsg_seq, 7);
        assert_true(cursor_bytes(&body, &generic, sizeof(generic)));
        assert_int_equal(generic.nfgen_family, family);
        return attribute(body, CTA_TUPLE_ORIG);
}

static void test_v4(_unused_ void **state)
{
        const struct flow flow = flow_of(6, "192.0.2.1", 0x1234, "198.51.100.7", 443);
        uint8_t m[CONNTRACK_MESSAGE_MAX];
        struct cursor tuple = tuple_of(m, conntrack_build_delete(m, &flow, 7), AF_INET);

        assert_bytes(attribute(tuple, CTA_TUPLE_IP), CTA_IP_V4_SRC, "\xc0\x00\x02\x01", 4);
        assert_bytes(attribute(tuple, CTA_TUPLE_IP), CTA_IP_V4_DST, "\xc6\x33\x64\x07", 4);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_NUM, "\x06", 1);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_SRC_PORT, "\x12\x34", 2);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_DST_PORT, "\x01\xbb", 2);
}

static void test_v6(_unused_ void **state)
{
        const struct flow flow = flow_of(17, "2001:db8::1", 1, "2001:db8:1::7", 0xffff);
        uint8_t m[CONNTRACK_MESSAGE_MAX];
        struct cursor tuple = tuple_of(m, conntrack_build_delete(m, &flow, 7), AF_INET6);

        assert_bytes(attribute(tuple, CTA_TUPLE_IP), CTA_IP_V6_SRC, flow.local.bytes, 16);
        assert_bytes(attribute(tuple, CTA_TUPLE_IP), CTA_IP_V6_DST, flow.remote.bytes, 16);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_NUM, "\x11", 1);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_SRC_PORT, "\x00\x01", 2);
        assert_bytes(attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_DST_PORT, "\xff\xff", 2);
}

/* The kernel refuses nested attributes that do not say so. */
static void test_nesting_is_marked(_unused_ void **state)
{
        const struct flow flow = flow_of(6, "192.0.2.1", 1, "198.51.100.7", 2);
        uint8_t m[CONNTRACK_MESSAGE_MAX];
        struct nlattr tuple;

        conntrack_build_delete(m, &flow, 7);
        memcpy(&tuple, m + sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), sizeof(tuple));
        assert_int_equal(tuple.nla_type, CTA_TUPLE_ORIG | NLA_F_NESTED);
}

/* What does not fit is left out, and no length is written behind the buffer. */
static void test_a_full_buffer(_unused_ void **state)
{
        uint8_t small[sizeof(struct nlmsghdr) + 2] = { 0 }, before[sizeof(small)];
        struct netlink_writer w = netlink_begin(small, sizeof(struct nlmsghdr), 1, 0, 7);
        size_t nest;

        memcpy(before, small, sizeof(small));
        nest = netlink_nest(&w, 1);
        netlink_nest_end(&w, nest);
        assert_memory_equal(before, small, sizeof(small));
        assert_int_equal(netlink_end(&w), sizeof(struct nlmsghdr));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_v4),
                cmocka_unit_test(test_v6),
                cmocka_unit_test(test_nesting_is_marked),
                cmocka_unit_test(test_a_full_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
