/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The gate (bpf/gate.h) reads the same fields of the same packet to write the key that tracker_owners() looks
 * up: which extension headers are walked, what a later fragment's ports are and where the ICMP id goes must agree in both.
 */
#include <netinet/in.h>

#include "base/cursor.h"
#include "wire/packet.h"

enum {
        NEXT_HOP_BY_HOP = 0,
        NEXT_ROUTING = 43,
        NEXT_FRAGMENT = 44,
        NEXT_AUTHENTICATION = 51,
        NEXT_DESTINATION = 60,
        NEXT_MOBILITY = 135,
        PROTOCOL_ICMPV6 = 58,
        PROTOCOL_UDPLITE = 136,

        ICMP4_ECHO_REPLY = 0,
        ICMP4_ECHO = 8,
        ICMP6_ECHO = 128,
        ICMP6_ECHO_REPLY = 129,
};

static int parse_tcp(struct cursor *c, struct packet *p)
{
        uint8_t flags;

        /* Sequence, acknowledgement and data offset lie between the ports and the flags. */
        if (!cursor_be16(c, &p->flow.local_port) || !cursor_be16(c, &p->flow.remote_port) || !cursor_skip(c, 9) ||
            !cursor_u8(c, &flags))
                return PACKET_E_TRUNCATED;
        p->tcp_syn = flags & 0x02;
        p->tcp_rst = flags & 0x04;
        p->tcp_ack = flags & 0x10;
        return 0;
}

static int parse_ports(struct cursor *c, struct packet *p)
{
        if (!cursor_be16(c, &p->flow.local_port) || !cursor_be16(c, &p->flow.remote_port))
                return PACKET_E_TRUNCATED;
        return 0;
}

static int parse_icmp(struct cursor *c, struct packet *p, uint8_t echo, uint8_t echo_reply)
{
        if (!cursor_u8(c, &p->icmp_type))
                return PACKET_E_TRUNCATED;
        if (p->icmp_type != echo && p->icmp_type != echo_reply)
                return 0;
        if (!cursor_skip(c, 3) || !cursor_be16(c, &p->flow.icmp_id))
                return PACKET_E_TRUNCATED;
        return 0;
}

static int parse_transport(struct cursor *c, struct packet *p)
{
        if (p->later_fragment)
                return 0;
        switch (p->flow.protocol) {
        case IPPROTO_TCP:
                return parse_tcp(c, p);
        case IPPROTO_UDP:
        case PROTOCOL_UDPLITE:
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
                return parse_ports(c, p);
        case IPPROTO_ICMP:
                return parse_icmp(c, p, ICMP4_ECHO, ICMP4_ECHO_REPLY);
        case PROTOCOL_ICMPV6:
                return parse_icmp(c, p, ICMP6_ECHO, ICMP6_ECHO_REPLY);
        default:
                return 0;
        }
}

/* RFC 791. The total length is not used: the copy range cuts it, and it is 0 in a GSO packet above 64 KiB. */
static int parse_v4(struct cursor c, struct packet *p)
{
        uint8_t version_length, local[4], remote[4];
        uint16_t fragment;

        if (!cursor_u8(&c, &version_length) || !cursor_skip(&c, 3) || !cursor_be16(&c, &p->ip_id) || !cursor_be16(&c, &fragment) ||
            !cursor_skip(&c, 1) || !cursor_u8(&c, &p->flow.protocol) || !cursor_skip(&c, 2) ||
            !cursor_bytes(&c, local, sizeof(local)) || !cursor_bytes(&c, remote, sizeof(remote)))
                return PACKET_E_TRUNCATED;
        if ((version_length & 15) < 5)
                return PACKET_E_VERSION;
        if (!cursor_skip(&c, (size_t)((version_length & 15) - 5) * 4))
                return PACKET_E_TRUNCATED;
        p->flow.local = addr_from_v4(local);
        p->flow.remote = addr_from_v4(remote);
        p->later_fragment = fragment & 0x1fff;
        return parse_transport(&c, p);
}

/* One extension header: 0 read, 1 `*next` is none, else PACKET_E_TRUNCATED as a negative number. */
static int skip_extension(struct cursor *c, uint8_t *next, bool *later_fragment)
{
        uint8_t following, length;
        uint16_t offset;

        switch (*next) {
        case NEXT_HOP_BY_HOP:
        case NEXT_ROUTING:
        case NEXT_DESTINATION:
        case NEXT_MOBILITY:
                if (!cursor_u8(c, &following) || !cursor_u8(c, &length) || !cursor_skip(c, (size_t)length * 8 + 6))
                        return -PACKET_E_TRUNCATED;
                break;
        case NEXT_AUTHENTICATION: /* RFC 4302: the length counts 4-byte words, less two */
                if (!cursor_u8(c, &following) || !cursor_u8(c, &length) || !cursor_skip(c, (size_t)length * 4 + 6))
                        return -PACKET_E_TRUNCATED;
                break;
        case NEXT_FRAGMENT:
                if (!cursor_u8(c, &following) || !cursor_skip(c, 1) || !cursor_be16(c, &offset) || !cursor_skip(c, 4))
                        return -PACKET_E_TRUNCATED;
                *later_fragment = offset >> 3;
                break;
        default:
                return 1;
        }
        *next = following;
        return 0;
}

/* RFC 8200. What follows a later fragment's header is payload, whatever the next-header field says. */
static int parse_v6(struct cursor c, struct packet *p)
{
        uint8_t next;
        int r;

        if (!cursor_skip(&c, 6) || !cursor_u8(&c, &next) || !cursor_skip(&c, 1) ||
            !cursor_bytes(&c, p->flow.local.bytes, sizeof(p->flow.local.bytes)) ||
            !cursor_bytes(&c, p->flow.remote.bytes, sizeof(p->flow.remote.bytes)))
                return PACKET_E_TRUNCATED;
        for (unsigned i = 0; !p->later_fragment; i++) {
                r = skip_extension(&c, &next, &p->later_fragment);
                if (r < 0)
                        return -r;
                if (r > 0)
                        break;
                if (i == PACKET_MAX_EXTENSIONS)
                        return PACKET_E_HEADERS;
        }
        p->flow.protocol = next;
        return parse_transport(&c, p);
}

int packet_parse(const void *data, size_t n, struct packet *ret)
{
        struct cursor c = cursor_of(data, n < PACKET_BYTES ? n : PACKET_BYTES), at = c;
        struct packet p = { 0 };
        uint8_t version;
        int r;

        if (!cursor_u8(&at, &version))
                return PACKET_E_TRUNCATED;
        switch (version >> 4) {
        case 4:
                r = parse_v4(c, &p);
                break;
        case 6:
                r = parse_v6(c, &p);
                break;
        default:
                return PACKET_E_VERSION;
        }
        if (r == 0)
                *ret = p;
        return r;
}
