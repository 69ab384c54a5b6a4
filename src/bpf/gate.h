/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate: asked by an nftables rule for every packet that leaves. 0 lets it pass, 1 hands it to the queue. It passes what was decided at the
 * current generation, what the kernel itself sends, and answers; everything else is queued, and who sent it is left in `queued`
 * first. TCP is judged by its socket's tag; a datagram by its own destination, because threads that share a socket make the tag's
 * destination and the packet's differ.
 *
 * The packet is read as wire/packet.c reads it: the key that is left here must be the key that is asked for there.
 */
#ifndef BASTION_GATE_H
#define BASTION_GATE_H

#include "connect.h"

#define PASS  0
#define QUEUE 1

#define MAX_EXTENSIONS 8

/* What the headers say. */
struct seen_packet {
        struct abi_flow flow;
        __u32 transport; /* offset of the transport header */
        bool later_fragment;
        bool tcp_rst;
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

/* False: the packet ends inside a header; wire/packet.c finds the same and nobody looks the key up. */
static __always_inline bool read_transport(struct __sk_buff *skb, struct seen_packet *p)
{
        const __u8 protocol = p->flow.protocol;
        __u8 head[14] = { 0 };

        if (p->later_fragment)
                return true;
        if (protocol == PROTOCOL_TCP) {
                if (bpf_skb_load_bytes(skb, p->transport, head, 14) < 0)
                        return false;
                p->tcp_rst = head[13] & 0x04;
        } else if (has_ports(protocol)) {
                if (bpf_skb_load_bytes(skb, p->transport, head, 4) < 0)
                        return false;
        } else if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
                if (bpf_skb_load_bytes(skb, p->transport, head, 1) < 0)
                        return false;
                if (!is_echo(protocol, head[0]))
                        return true;
                if (bpf_skb_load_bytes(skb, p->transport, head, 6) < 0)
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

static __always_inline bool read_v6(struct __sk_buff *skb, struct seen_packet *p)
{
        __u8 head[40], extension[4];
        __u32 at = 40;
        __u8 next;

        if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)) < 0)
                return false;
        __builtin_memcpy(p->flow.local, head + 8, 16);
        __builtin_memcpy(p->flow.remote, head + 24, 16);
        next = head[6];
        for (int i = 0; i < MAX_EXTENSIONS && is_extension(next) && !p->later_fragment; i++) {
                if (bpf_skb_load_bytes(skb, at, extension, sizeof(extension)) < 0)
                        return false;
                if (next == 44)
                        p->later_fragment = (extension[2] << 8 | extension[3]) >> 3;
                at += next == 44 ? 8 : next == 51 ? (extension[1] + 2) * 4 : (extension[1] + 1) * 8;
                next = extension[0];
        }
        p->flow.protocol = next;
        p->transport = at;
        return true;
}

static __always_inline bool read_packet(struct __sk_buff *skb, struct seen_packet *p)
{
        __u8 version;

        __builtin_memset(p, 0, sizeof(*p));
        if (bpf_skb_load_bytes(skb, 0, &version, 1) < 0)
                return false;
        if (version >> 4 == 4 ? !read_v4(skb, p) : !read_v6(skb, p))
                return false;
        return read_transport(skb, p);
}

/* The socket as an address that can be read: the verifier allows no arithmetic on the pointer that the context gives. */
static __always_inline struct sock *get_sock(struct __sk_buff *skb)
{
        struct bpf_sock *sk = skb->sk;
        struct sock *address;

        bpf_probe_read_kernel(&address, sizeof(address), &sk);
        return address;
}

/* What the kernel sends for itself: SYN-ACKs of request sockets, ACKs of time-wait sockets (of neither may more than the state be read), and
 * ND, MLD, ICMP errors and resets from its control sockets. An MPTCP subflow has sk_kern_sock too, but is no raw socket. */
static __always_inline bool is_kernels_own(struct sock *sk)
{
        __u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

        if (state == STATE_NEW_SYN_RECV || state == STATE_TIME_WAIT)
                return true;
        return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) && BPF_CORE_READ(sk, sk_type) == SOCK_RAW;
}

static __always_inline bool is_allowed(__u8 state, __u8 direction, __u32 generation, __u32 current)
{
        if (state == ABI_TAG_DENIED)
                return false;
        if (direction == ABI_DIRECTION_IN)
                return true;
        return state != ABI_TAG_UNDECIDED && generation == current;
}

static __always_inline bool same_addr(const __u8 a[16], const __u8 b[16])
{
        const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

        return x[0] == y[0] && x[1] == y[1];
}

/* The tag speaks for this packet: TCP has one destination; a connected datagram socket may still be told another. */
static __always_inline bool tag_applies(const struct abi_tag *tag, const struct abi_flow *flow)
{
        if (tag->raw || tag->protocol != flow->protocol)
                return false;
        if (tag->protocol == PROTOCOL_TCP)
                return true;
        return tag->connected && tag->remote_port == flow->remote_port && same_addr(tag->remote, flow->remote);
}

static __always_inline bool peer_allows(__u64 cookie, const struct abi_flow *flow, __u32 current)
{
        struct abi_peer_key key = { 0 };
        struct abi_peer *peer;
        __u64 now;

        key.cookie = cookie;
        key.remote_port = flow->remote_port;
        __builtin_memcpy(key.remote, flow->remote, sizeof(key.remote));
        peer = bpf_map_lookup_elem(&peers, &key);
        if (!peer)
                return false;
        if (peer->direction == ABI_DIRECTION_IN) {
                now = bpf_ktime_get_boot_ns();
                if (now >= peer->expires_ns)
                        return false;
                peer->expires_ns = now + ABI_PEER_IN_NS;
        }
        return is_allowed(peer->state, peer->direction, peer->generation, current);
}

/* A packet whose protocol is not its socket's was wrapped by a tunnel or made by a raw socket: undecided. */
static __always_inline bool is_decided(const struct abi_tag *tag, __u64 cookie, const struct abi_flow *flow)
{
        struct abi_config *c = get_config();

        if (!c)
                return false;
        if (tag_applies(tag, flow))
                return is_allowed(tag->state, tag->direction, tag->generation, c->generation);
        if (tag->protocol == PROTOCOL_TCP && !tag->raw)
                return false;
        if (!tag->raw && tag->protocol != flow->protocol)
                return false;
        return peer_allows(cookie, flow, c->generation);
}

/* Another packet of a key that was not read yet. The places are handed out by an atomic counter; no lock is allowed here. */
static __always_inline void add_queued(struct abi_queued *q, __u64 cookie, const struct abi_tag *tag)
{
        __u32 index;

        __sync_fetch_and_add(&q->n_packets, 1);
        for (int i = 0; i < ABI_QUEUED_TAGS; i++)
                if (q->tags[i].cookie == cookie)
                        return;
        index = __sync_fetch_and_add(&q->n_tags, 1);
        if (index >= ABI_QUEUED_TAGS)
                return;
        if (tag)
                q->tags[index].tag = *tag;
        q->tags[index].cookie = cookie;
}

static __always_inline void leave_tag(const struct abi_flow *flow, __u64 cookie, const struct abi_tag *tag)
{
        struct abi_queued fresh = { 0 }, *q;
        __u64 now = bpf_ktime_get_boot_ns();

        q = bpf_map_lookup_elem(&queued, flow);
        if (!q || now - q->since_ns > ABI_QUEUED_STALE_NS) {
                fresh.since_ns = now;
                fresh.n_packets = 1;
                fresh.n_tags = 1;
                fresh.tags[0].cookie = cookie;
                if (tag)
                        fresh.tags[0].tag = *tag;
                if (bpf_map_update_elem(&queued, flow, &fresh, q ? BPF_ANY : BPF_NOEXIST) == 0)
                        return;
                q = bpf_map_lookup_elem(&queued, flow); /* another CPU was faster, or the map is full */
        }
        if (q)
                add_queued(q, cookie, tag);
        else
                count(ABI_COUNT_QUEUED_FULL);
}

static __always_inline int decide(struct __sk_buff *skb, __u64 cookie)
{
        struct abi_tag *tag = bpf_map_lookup_elem(&sockets, &cookie);
        struct seen_packet p;

        /* The kernel's sockets are never tagged; those that are need not be looked into. */
        if (!tag && is_kernels_own(get_sock(skb)))
                return PASS;
        if (!read_packet(skb, &p))
                return QUEUE;
        if (tag && is_decided(tag, cookie, &p.flow))
                return PASS;
        if (!tag && p.flow.protocol == PROTOCOL_TCP && p.tcp_rst)
                return PASS;
        leave_tag(&p.flow, cookie, tag);
        return QUEUE;
}

SEC("socket")
int bastion_gate(struct __sk_buff *skb)
{
        __u64 cookie = bpf_get_socket_cookie(skb);
        int verdict = cookie == 0 ? PASS : decide(skb, cookie);

        count(verdict == PASS ? ABI_COUNT_GATE_PASSED : ABI_COUNT_GATE_QUEUED);
        return verdict;
}

#endif
