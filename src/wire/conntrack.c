/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. A flow is named by its original tuple: as its first packet was, before any address translation. */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "wire/conntrack.h"
#include "wire/netlink.h"

static void put_addresses(struct netlink_writer *w, const struct flow *flow, bool v4)
{
        const size_t skip = v4 ? 12 : 0, n = v4 ? 4 : 16, ip = netlink_nest(w, CTA_TUPLE_IP);

        netlink_attribute(w, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, flow->local.bytes + skip, n);
        netlink_attribute(w, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, flow->remote.bytes + skip, n);
        netlink_nest_end(w, ip);
}

static void put_ports(struct netlink_writer *w, const struct flow *flow)
{
        const uint16_t source = htons(flow->local_port), destination = htons(flow->remote_port);
        const size_t proto = netlink_nest(w, CTA_TUPLE_PROTO);

        netlink_attribute(w, CTA_PROTO_NUM, &flow->protocol, sizeof(flow->protocol));
        netlink_attribute(w, CTA_PROTO_SRC_PORT, &source, sizeof(source));
        netlink_attribute(w, CTA_PROTO_DST_PORT, &destination, sizeof(destination));
        netlink_nest_end(w, proto);
}

size_t conntrack_build_delete(void *ret, const struct flow *flow, uint32_t seq)
{
        const bool v4 = addr_is_v4(&flow->remote);
        const struct nfgenmsg family = { .nfgen_family = v4 ? AF_INET : AF_INET6, .version = NFNETLINK_V0 };
        struct netlink_writer w = netlink_begin(ret, CONNTRACK_MESSAGE_MAX, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
                                                NLM_F_REQUEST | NLM_F_ACK, seq);
        size_t tuple;

        netlink_put(&w, &family, sizeof(family));
        tuple = netlink_nest(&w, CTA_TUPLE_ORIG);
        put_addresses(&w, flow, v4);
        put_ports(&w, flow);
        netlink_nest_end(&w, tuple);
        return netlink_end(&w);
}
