/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. An IPv4 socket's address occupies the first of the four words that inet_diag has for one; an IPv6 socket shows
 * its IPv4 peers v4-mapped, which is already our form.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include "wire/netlink.h"
#include "wire/sockdiag.h"

static void put_addr(__be32 ret[4], uint8_t family, const struct addr *a)
{
        if (family == AF_INET)
                memcpy(&ret[0], a->bytes + 12, 4);
        else
                memcpy(ret, a->bytes, 16);
}

static struct addr get_addr(const __be32 words[4], uint8_t family)
{
        struct addr a;
        uint8_t v4[4];

        if (family == AF_INET) {
                memcpy(v4, &words[0], 4);
                return addr_from_v4(v4);
        }
        memcpy(a.bytes, words, 16);
        return a;
}

static size_t build(void *ret, uint16_t type, uint16_t flags, uint32_t seq, const struct inet_diag_req_v2 *request)
{
        struct netlink_writer w = netlink_begin(ret, SOCKDIAG_MESSAGE_MAX, type, NLM_F_REQUEST | flags, seq);

        netlink_put(&w, request, sizeof(*request));
        return netlink_end(&w);
}

size_t sockdiag_build_dump(void *ret, uint8_t family, uint8_t protocol, bool bytes, uint32_t seq)
{
        struct inet_diag_req_v2 request = { .sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = ~0u };

        if (bytes)
                request.idiag_ext = 1 << (INET_DIAG_INFO - 1);
        return build(ret, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, seq, &request);
}

static void put_local(struct inet_diag_sockid *id, uint8_t family, const struct flow *flow)
{
        id->idiag_sport = htons(flow->local_port);
        id->idiag_dport = htons(flow->remote_port);
        put_addr(id->idiag_src, family, &flow->local);
        put_addr(id->idiag_dst, family, &flow->remote);
}

static void put_swapped(struct inet_diag_sockid *id, uint8_t family, const struct flow *flow)
{
        id->idiag_sport = htons(flow->remote_port);
        id->idiag_dport = htons(flow->local_port);
        put_addr(id->idiag_src, family, &flow->remote);
        put_addr(id->idiag_dst, family, &flow->local);
}

size_t sockdiag_build_get(void *ret, const struct flow *flow, uint8_t family, uint32_t seq)
{
        struct inet_diag_req_v2 request = { .sdiag_family = family, .sdiag_protocol = flow->protocol, .idiag_states = ~0u };

        /* udp_dump_one() in net/ipv4/udp_diag.c: "src and dst are swapped for historical reasons"; its destroy is not. */
        if (protocol_is_datagram(flow->protocol))
                put_swapped(&request.id, family, flow);
        else
                put_local(&request.id, family, flow);
        request.id.idiag_if = flow->interface;
        request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
        return build(ret, SOCK_DIAG_BY_FAMILY, 0, seq, &request);
}

size_t sockdiag_build_destroy(void *ret, const struct sockdiag_socket *socket, uint32_t seq)
{
        struct inet_diag_req_v2 request = {
                .sdiag_family = socket->family,
                .sdiag_protocol = socket->flow.protocol,
                .idiag_states = ~0u,
        };

        put_local(&request.id, socket->family, &socket->flow);
        request.id.idiag_if = socket->interface;
        request.id.idiag_cookie[0] = (uint32_t)socket->cookie;
        request.id.idiag_cookie[1] = (uint32_t)(socket->cookie >> 32);
        return build(ret, SOCK_DESTROY, NLM_F_ACK, seq, &request);
}

/* Of a struct tcp_info, which grows at its end with the kernel's version; one before 4.1 has no such numbers. */
static void parse_tcp_info(struct cursor info, struct sockdiag_socket *s)
{
        _Static_assert(offsetof(struct tcp_info, tcpi_bytes_received) == offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(uint64_t),
                       "read one after the other");
        struct cursor c = info;

        s->has_bytes = cursor_skip(&c, offsetof(struct tcp_info, tcpi_bytes_acked)) && cursor_u64(&c, &s->bytes_out) && cursor_u64(&c, &s->bytes_in);
}

/* INET_DIAG_PROTOCOL comes with raw sockets only; elsewhere the caller knows what it asked for. INET_DIAG_INFO of UDP is empty. */
static void parse_attributes(struct cursor *c, struct sockdiag_socket *s)
{
        struct cursor value;
        uint16_t type;

        while (netlink_next_attribute(c, &type, &value))
                if (type == INET_DIAG_PROTOCOL)
                        cursor_u8(&value, &s->flow.protocol);
                else if (type == INET_DIAG_INFO)
                        parse_tcp_info(value, s);
}

static int parse_error(struct cursor body)
{
        uint32_t error;

        if (!cursor_u32(&body, &error) || (int)error >= 0)
                return SOCKDIAG_E_OTHER; /* an ack */
        return (int)error > -4096 ? (int)error : SOCKDIAG_E_MALFORMED;
}

int sockdiag_parse(const void *data, size_t n, struct sockdiag_socket *ret, size_t *ret_used)
{
        struct sockdiag_socket s = { 0 };
        struct inet_diag_msg message;
        struct nlmsghdr header;
        struct cursor body;
        size_t used;

        if (!netlink_message(data, n, &header, &body, &used))
                return SOCKDIAG_E_MALFORMED;
        *ret_used = used;
        if (header.nlmsg_type == NLMSG_DONE)
                return SOCKDIAG_E_DONE;
        if (header.nlmsg_type == NLMSG_ERROR)
                return parse_error(body);
        if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return SOCKDIAG_E_OTHER;
        if (!cursor_bytes(&body, &message, sizeof(message)))
                return SOCKDIAG_E_MALFORMED;
        if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6)
                return SOCKDIAG_E_MALFORMED;
        s.family = message.idiag_family;
        s.state = message.idiag_state;
        s.flow.local = get_addr(message.id.idiag_src, s.family);
        s.flow.remote = get_addr(message.id.idiag_dst, s.family);
        s.flow.local_port = ntohs(message.id.idiag_sport);
        s.flow.remote_port = ntohs(message.id.idiag_dport);
        s.interface = message.id.idiag_if;
        s.cookie = message.id.idiag_cookie[0] | (uint64_t)message.id.idiag_cookie[1] << 32;
        s.inode = message.idiag_inode;
        s.uid = message.idiag_uid;
        parse_attributes(&body, &s);
        *ret = s;
        return 0;
}
