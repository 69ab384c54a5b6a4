/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces over rtnetlink, against the kernel's own structures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/macros.h"
#include "wire/rtlink.h"

struct reply {
        struct nlmsghdr header;
        struct ifinfomsg body;
        struct nlattr name;
        char text[8];
        struct nlattr attribute;
        struct rtnl_link_stats64 stats;
} __attribute__((packed));

static struct reply reply_of(unsigned flags)
{
        return (struct reply){
                .header = { .nlmsg_len = sizeof(struct reply), .nlmsg_type = RTM_NEWLINK },
                .body = { .ifi_index = 7, .ifi_flags = flags },
                .name = { .nla_len = NLA_HDRLEN + 8, .nla_type = IFLA_IFNAME },
                .text = "uplink",
                .attribute = { .nla_len = NLA_HDRLEN + sizeof(struct rtnl_link_stats64), .nla_type = IFLA_STATS64 },
                .stats = { .rx_packets = 1, .tx_packets = 2, .rx_bytes = UINT64_C(0x1122334455), .tx_bytes = 4 },
        };
}

static void test_request(void **state _unused_)
{
        struct {
                struct nlmsghdr header;
                struct ifinfomsg body;
        } m;
        uint8_t message[RTLINK_MESSAGE_MAX];

        assert_int_equal(rtlink_build_dump(message, 9), sizeof(m));
        memcpy(&m, message, sizeof(m));
        assert_int_equal(m.header.nlmsg_len, sizeof(m));
        assert_int_equal(m.header.nlmsg_type, RTM_GETLINK);
        assert_int_equal(m.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
        assert_int_equal(m.header.nlmsg_seq, 9);
        assert_int_equal(m.body.ifi_family | m.body.ifi_index, 0);
}

static void test_an_interface(void **state _unused_)
{
        struct reply r = reply_of(IFF_UP);
        struct rtlink link;
        size_t used = 0;

        assert_int_equal(rtlink_parse(&r, sizeof(r), &link, &used), 0);
        assert_int_equal(used, sizeof(r));
        assert_true(link.index == 7 && !link.is_loopback && link.bytes_in == UINT64_C(0x1122334455) && link.bytes_out == 4);
        r = reply_of(IFF_UP | IFF_LOOPBACK);
        assert_int_equal(rtlink_parse(&r, sizeof(r), &link, &used), 0);
        assert_true(link.is_loopback);
        r.header.nlmsg_len = offsetof(struct reply, attribute);
        assert_int_equal(rtlink_parse(&r, sizeof(r), &link, &used), 0);
        assert_true(link.bytes_in == 0 && link.bytes_out == 0);
}

/* A struct that ends before the numbers is none; one that ends behind them is an older kernel's. */
static void test_the_length_of_the_counters(void **state _unused_)
{
        const size_t enough = offsetof(struct rtnl_link_stats64, tx_bytes) + sizeof(uint64_t);

        for (size_t n = 0; n <= sizeof(struct rtnl_link_stats64); n++) {
                struct reply r = reply_of(0);
                struct rtlink link = { .index = 99 };
                size_t used;

                r.attribute.nla_len = (uint16_t)(NLA_HDRLEN + n);
                r.header.nlmsg_len = (uint32_t)(offsetof(struct reply, stats) + n);
                assert_int_equal(rtlink_parse(&r, sizeof(r), &link, &used), n < enough ? RTLINK_E_MALFORMED : 0);
                assert_int_equal(link.index, n < enough ? 99 : 7);
        }
}

static void test_cut_at_every_byte(void **state _unused_)
{
        struct reply r = reply_of(0);
        struct rtlink link = { .index = 99 };
        size_t used;

        for (size_t n = 0; n < sizeof(r); n++)
                assert_int_equal(rtlink_parse(&r, n, &link, &used), RTLINK_E_MALFORMED);
        r.body.ifi_index = 0;
        assert_int_equal(rtlink_parse(&r, sizeof(r), &link, &used), RTLINK_E_MALFORMED);
        assert_int_equal(link.index, 99);
}

static int parse_error(int error)
{
        struct {
                struct nlmsghdr header;
                struct nlmsgerr body;
        } m = { .header = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_ERROR }, .body = { .error = error } };
        struct rtlink link;
        size_t used;

        return rtlink_parse(&m, sizeof(m), &link, &used);
}

static void test_other_messages(void **state _unused_)
{
        struct nlmsghdr header = { .nlmsg_len = sizeof(header), .nlmsg_type = NLMSG_DONE };
        struct rtlink link;
        size_t used;

        assert_int_equal(rtlink_parse(&header, sizeof(header), &link, &used), RTLINK_E_DONE);
        header.nlmsg_type = RTM_DELLINK;
        assert_int_equal(rtlink_parse(&header, sizeof(header), &link, &used), RTLINK_E_OTHER);
        assert_int_equal(parse_error(-EBUSY), -EBUSY);
        assert_int_equal(parse_error(0), RTLINK_E_OTHER);
        assert_int_equal(parse_error(-4096), RTLINK_E_MALFORMED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),           cmocka_unit_test(test_an_interface), cmocka_unit_test(test_the_length_of_the_counters),
                cmocka_unit_test(test_cut_at_every_byte), cmocka_unit_test(test_other_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
