/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packet's headers, read as wire/packet.c reads them: the key that the gate leaves must be the key that is asked for there. Written for packets that
 * leave: `local` is the source. Of one that arrives it is the other side.
 */
#ifndef BASTION_PACKET_H
#define BASTION_PACKET_H

#include "connect.h"

/* What the headers say. */
struct seen_packet {
        struct abi_flow flow;
        __u32 transport; /* offset of the transport header */
        bool later_fragment;
        bool tcp_rst;
        bool empty; /* TCP: no data */
};

static __always_inline bool has_ports(__u8 protocol)
{
        return protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE || protocol == PROTOCOL_SCTP || protocol == PROTOCOL_DCCP;
}

static __always_inline bool is_echo(__u8 protocol, __u8 type)
{
        if (protocol == PROTOCOL_ICMP)
                return type == 0 || type == 8;
        return type == 128 || type == 129;
}

/* wire/packet.c sees ABI_PACKET_BYTES of the packet; what lies beyond is not there for either of us. */
static __always_inline bool load(struct __sk_buff *skb, __u32 at, void *ret, __u32 n)
{
        return at + n <= ABI_PACKET_BYTES && bpf_skb_load_bytes(skb, at, ret, n) == 0;
}

/* Where a header ends that is only skipped. */
static __always_inline bool reaches(struct __sk_buff *skb, __u32 at)
{
        return at <= ABI_PACKET_BYTES && at <= skb->len;
}

/* False: the packet ends inside a header; wire/packet.c finds the same and nobody looks the key up. */
static __always_inline bool read_transport(struct __sk_buff *skb, struct seen_packet *p)
{
        const __u8 protocol = p->flow.protocol;
        __u8 head[14] = { 0 };

        if (p->later_fragment)
                return true;
        if (protocol == PROTOCOL_TCP) {
                if (!load(skb, p->transport, head, 14))
                        return false;
                p->tcp_rst = head[13] & 0x04;
                p->empty = p->transport + (head[12] >> 4) * 4 == skb->len;
        } else if (has_ports(protocol)) {
                if (!load(skb, p->transport, head, 4))
                        return false;
        } else if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
                if (!load(skb, p->transport, head, 1))
                        return false;
                if (!is_echo(protocol, head[0]))
                        return true;
                if (!load(skb, p->transport, head, 6))
                        return false;
                p->flow.local_port = head[4] << 8 | head[5];
                return true;
        } else {
                return true;
        }
        p->flow.local_port = head[0] << 8 | head[1];
        p->flow.remote_port = head[2] << 8 | head[3];
        return true;
}

static __always_inline bool read_v4(struct __sk_buff *skb, struct seen_packet *p)
{
        __u8 head[20];
        __u32 v4;

        if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)) < 0)
                return false;
        p->flow.protocol = head[9];
        p->flow.ip_id = head[4] << 8 | head[5];
        p->later_fragment = (head[6] << 8 | head[7]) & 0x1fff;
        p->transport = (head[0] & 15) * 4;
        if (p->transport < sizeof(head) || !reaches(skb, p->transport))
                return false;
        __builtin_memcpy(&v4, head + 12, 4);
        addr_from_v4(v4, p->flow.local);
        __builtin_memcpy(&v4, head + 16, 4);
        addr_from_v4(v4, p->flow.remote);
        return true;
}

static __always_inline bool is_extension(__u8 next)
{
        return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
}

struct extensions {
        struct __sk_buff *skb;
        __u32 at, later_fragment;
        __u8 next; /* the header at `at` */
        bool cut;
};

/* Skips one extension header; 1: there is no further one to skip. */
static long skip_extension(__u32 i, struct extensions *x)
{
        __u8 head[4], next = x->next;

        (void)i;
        if (!is_extension(next) || x->later_fragment)
                return 1;
        x->cut = !load(x->skb, x->at, head, sizeof(head));
        if (x->cut)
                return 1;
        if (next == 44)
                x->later_fragment = (head[2] << 8 | head[3]) >> 3;
        x->at += next == 44 ? 8 : next == 51 ? (head[1] + 2) * 4 : (head[1] + 1) * 8;
        x->next = head[0];
        return 0;
}

static __always_inline bool read_v6(struct __sk_buff *skb, struct seen_packet *p)
{
        struct extensions x = { .skb = skb, .at = 40 };
        __u8 head[40];

        if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)) < 0)
                return false;
        __builtin_memcpy(p->flow.local, head + 8, 16);
        __builtin_memcpy(p->flow.remote, head + 24, 16);
        x.next = head[6];
        if (is_extension(x.next))
                bpf_loop(ABI_PACKET_EXTENSIONS, skip_extension, &x, 0);
        if (x.cut || !reaches(skb, x.at) || (is_extension(x.next) && !x.later_fragment))
                return false;
        p->flow.protocol = x.next;
        p->later_fragment = x.later_fragment;
        p->transport = x.at;
        return true;
}

/* Global, as the larger functions of track.h are: its ways through a packet are looked at once, and not with all that follows. */
__noinline int read_packet(struct __sk_buff *skb, struct seen_packet *p)
{
        __u8 version;

        if (!p)
                return false;
        __builtin_memset(p, 0, sizeof(*p));
        if (bpf_skb_load_bytes(skb, 0, &version, 1) < 0)
                return false;
        if (version >> 4 == 4)
                return read_v4(skb, p) && read_transport(skb, p);
        return version >> 4 == 6 && read_v6(skb, p) && read_transport(skb, p);
}

#endif
