/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The counters are IFLA_STATS64, which every kernel that runs us has; the older 32-bit ones beside them wrap. */
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "wire/netlink.h"
#include "wire/rtlink.h"

size_t rtlink_build_dump(void *ret, uint32_t seq)
{
        struct netlink_writer w = netlink_begin(ret, RTLINK_MESSAGE_MAX, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, seq);
        const struct ifinfomsg all = { 0 };

        netlink_put(&w, &all, sizeof(all));
        return netlink_end(&w);
}

static int parse_error(struct cursor body)
{
        uint32_t error;

        if (!cursor_u32(&body, &error) || (int)error >= 0)
                return RTLINK_E_OTHER; /* an ack */
        return (int)error > -4096 ? (int)error : RTLINK_E_MALFORMED;
}

/* The struct grows at its end with the kernel's version. */
static bool parse_stats(struct cursor c, struct rtlink *link)
{
        _Static_assert(offsetof(struct rtnl_link_stats64, tx_bytes) == offsetof(struct rtnl_link_stats64, rx_bytes) + sizeof(uint64_t),
                       "read one after the other");

        return cursor_skip(&c, offsetof(struct rtnl_link_stats64, rx_bytes)) && cursor_u64(&c, &link->bytes_in) && cursor_u64(&c, &link->bytes_out);
}

int rtlink_parse(const void *data, size_t n, struct rtlink *ret, size_t *ret_used)
{
        struct rtlink link = { 0 };
        struct ifinfomsg message;
        struct nlmsghdr header;
        struct cursor body, value;
        uint16_t type;
        size_t used;

        if (!netlink_message(data, n, &header, &body, &used))
                return RTLINK_E_MALFORMED;
        *ret_used = used;
        if (header.nlmsg_type == NLMSG_DONE)
                return RTLINK_E_DONE;
        if (header.nlmsg_type == NLMSG_ERROR)
                return parse_error(body);
        if (header.nlmsg_type != RTM_NEWLINK)
                return RTLINK_E_OTHER;
        if (!cursor_bytes(&body, &message, sizeof(message)) || message.ifi_index <= 0)
                return RTLINK_E_MALFORMED;
        link.index = (uint32_t)message.ifi_index;
        link.is_loopback = message.ifi_flags & IFF_LOOPBACK;
        while (netlink_next_attribute(&body, &type, &value))
                if (type == IFLA_STATS64 && !parse_stats(value, &link))
                        return RTLINK_E_MALFORMED;
        *ret = link;
        return 0;
}
