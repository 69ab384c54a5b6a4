/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate: asked by an nftables rule for every packet that leaves. 0 lets it pass, 1 hands it to the queue. It passes what was decided at the
 * current generation, what the kernel itself sends, and answers; everything else is queued, and who sent it is left in `queued`
 * first. TCP is judged by its socket's tag; a datagram by its own destination, because threads that share a socket make the tag's
 * destination and the packet's differ.
 */
#ifndef BASTION_GATE_H
#define BASTION_GATE_H

#include "dns.h"

#define PASS  0
#define QUEUE 1

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

/* A number ahead of the current one is that of a sweep under way: the daemon writes the allowed tags first and publishes the number then. */
static __always_inline bool is_allowed(__u8 state, __u8 direction, __u32 generation, __u32 current)
{
        if (state == ABI_TAG_DENIED)
                return false;
        if (direction == ABI_DIRECTION_IN)
                return true;
        return state != ABI_TAG_UNDECIDED && (__s32)(generation - current) >= 0;
}

/* The tag speaks for this packet. A connected datagram socket may be told another destination; a TCP socket that failed may have connected
 * elsewhere while user space wrote its tag back. An accepted or adopted one's peer need not be known. */
static __always_inline bool tag_applies(const struct abi_tag *tag, const struct abi_flow *flow)
{
        if (tag->raw || tag->protocol != flow->protocol)
                return false;
        if (tag->protocol == PROTOCOL_TCP && tag->remote_port == 0)
                return true;
        return tag->connected && tag->remote_port == flow->remote_port && same_addr(tag->remote, flow->remote);
}

static __always_inline bool peer_allows(__u64 cookie, const struct abi_flow *flow, __u32 current, __u32 n)
{
        struct abi_peer_key key;
        struct abi_peer *there;
        struct peer peer;
        __u64 now;

        fill_peer_key(&key, cookie, flow->protocol, flow->remote, flow->remote_port);
        if (!read_peer(&key, &peer))
                return false;
        if (peer.direction == ABI_DIRECTION_IN) {
                now = bpf_ktime_get_boot_ns();
                if (now >= peer.expires_ns)
                        return false;
                there = bpf_map_lookup_elem(&peers, &key);
                if (there)
                        there->expires_ns = now + ABI_PEER_IN_NS;
        }
        if (!is_allowed(peer.state, peer.direction, peer.generation, current))
                return false;
        tally_bytes(peer.tally, n);
        return true;
}

/* The socket ends its connection for good: a segment that carries nothing but that. */
static __always_inline bool is_reset(const struct abi_tag *tag, const struct seen_packet *p)
{
        return !tag->raw && tag->protocol == PROTOCOL_TCP && p->flow.protocol == PROTOCOL_TCP && p->tcp_rst && p->empty;
}

/* What was decided for this packet's socket and destination; it has n bytes. */
static __always_inline bool is_decided(struct abi_tag *tag, __u64 cookie, const struct abi_flow *flow, __u32 n)
{
        struct abi_config *c = get_config();

        if (!c)
                return false;
        if (tag_applies(tag, flow)) {
                if (!is_allowed(tag->state, tag->direction, tag->generation, c->generation))
                        return false;
                if (tag->uncounted) {
                        tag->uncounted = 0;
                        tally_connection(tag->tally, flow->protocol, flow->remote, flow->remote_port);
                }
                tally_bytes(tag->tally, n);
                return true;
        }
        if (tag->protocol == PROTOCOL_TCP && !tag->raw)
                return false;
        if (!tag->raw && tag->protocol != flow->protocol)
                return false;
        return peer_allows(cookie, flow, c->generation, n);
}

/* The socket that left this has not closed yet, as far as its tag tells. */
static __always_inline bool is_open(const struct abi_queued_tag *left)
{
        __u64 cookie = left->cookie;

        return cookie != 0 && (left->tag.protocol == 0 || bpf_map_lookup_elem(&sockets, &cookie));
}

/* Another packet of a key that was not read yet. The places are handed out by an atomic counter; no lock is allowed here. */
static __always_inline void add_queued(struct abi_queued *q, __u64 cookie, const struct abi_tag *tag)
{
        __u32 index;

        __sync_fetch_and_add(&q->n_packets, 1);
        for (int i = 0; i < ABI_QUEUED_TAGS; i++) {
                if (q->tags[i].cookie == cookie) {
                        __sync_fetch_and_add(&q->tags[i].n_packets, 1);
                        return;
                }
                if (is_open(&q->tags[i]))
                        q->shared = 1;
        }
        index = __sync_fetch_and_add(&q->n_tags, 1);
        if (index >= ABI_QUEUED_TAGS)
                return;
        if (tag)
                q->tags[index].tag = *tag;
        q->tags[index].n_packets = 1;
        q->tags[index].cookie = cookie;
}

/* An entry is made empty and then filled, so that none lies on the stack. */
static __always_inline struct abi_queued *find_queued(const struct abi_flow *flow, __u64 now)
{
        struct abi_queued *q = bpf_map_lookup_elem(&queued, flow);
        struct slot *slot;
        __u32 zero = 0;

        if (q && (q->since_ns == 0 || now - q->since_ns <= ABI_QUEUED_STALE_NS))
                return q;
        slot = bpf_map_lookup_elem(&slots, &zero);
        if (slot)
                bpf_map_update_elem(&queued, flow, &slot->empty, q ? BPF_ANY : BPF_NOEXIST);
        return bpf_map_lookup_elem(&queued, flow); /* another CPU was faster, or the map is full */
}

static __noinline int leave_tag(const struct abi_flow *flow, __u64 cookie, const struct abi_tag *tag)
{
        __u64 now = bpf_ktime_get_boot_ns();
        struct abi_queued *q = find_queued(flow, now);

        if (!q) {
                count(ABI_COUNT_QUEUED_FULL);
                return 0;
        }
        if (q->since_ns == 0)
                q->since_ns = now;
        add_queued(q, cookie, tag);
        return 0;
}

/*
 * A tunnel's outer packet carries the socket of the packet inside, which has been through here before, as itself, and may go.
 * inner_protocol is the tunnel's own mark. A tunnel that leaves none (IPsec) shows in a protocol that is not the socket's: no program
 * chooses the protocol that a TCP or UDP socket sends. A raw socket's program does, an SCTP socket wraps its own packets, and a packet
 * socket's frame was never here.
 */
static __always_inline bool is_encapsulation(struct __sk_buff *skb, struct sock *sk, const struct abi_flow *flow)
{
        __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family), protocol = BPF_CORE_READ(sk, sk_protocol);
        struct sk_buff *address;

        if ((family != AF_INET && family != AF_INET6) || protocol == PROTOCOL_SCTP)
                return false;
        bpf_probe_read_kernel(&address, sizeof(address), &skb);
        if (BPF_CORE_READ(address, inner_protocol) != 0)
                return true;
        if (BPF_CORE_READ(sk, sk_type) == SOCK_RAW || flow->protocol == protocol)
                return false;
        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE;
}

/* The packet leaves in its sender's own call: current is who sent it, whoever made the socket or used it before. A stream's packets
 * leave in timers and interrupts too, and so do those of a socket that the kernel's tunnels use. */
static __always_inline bool is_sent_by_current(struct sock *sk)
{
        __u16 type = BPF_CORE_READ(sk, sk_type);

        if (type == SOCK_RAW)
                return true;
        if (type != SOCK_DGRAM)
                return false;
        return BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_UDP || BPF_CORE_READ((struct udp_sock *)sk, encap_type) == 0;
}

/* A socket that no hook has seen (an address family of its own, a full map) gets its tag here. */
static __always_inline void leave_sender(struct sock *sk, __u64 cookie, const struct abi_flow *flow, const struct abi_tag *known)
{
        struct abi_tag tag = { 0 };

        if (known)
                tag = *known;
        tag.protocol = known ? tag.protocol : BPF_CORE_READ(sk, sk_protocol);
        tag.raw = known ? tag.raw : is_raw(BPF_CORE_READ(sk, sk_type), tag.protocol);
        own_tag(&tag);
        if (!known && bpf_map_update_elem(&sockets, &cookie, &tag, BPF_NOEXIST) == 0)
                count(ABI_COUNT_TAGGED);
        leave_tag(flow, cookie, &tag);
}

/* The socket is connected to where its tag says. */
static __always_inline bool is_connected_as(struct __sk_buff *skb, const struct abi_tag *tag)
{
        const __u32 *remote = (const __u32 *)tag->remote;
        struct bpf_sock *sk = skb->sk;
        __u32 v4, v6[4];

        if (!sk || sk->dst_port != bpf_htons(tag->remote_port))
                return false;
        /* All read before anything is compared, or the compiler reads one or the other by an address that the verifier does not allow. */
        v4 = sk->dst_ip4;
        barrier_var(v4);
        for (int i = 0; i < 4; i++) {
                v6[i] = sk->dst_ip6[i];
                barrier_var(v6[i]);
        }
        if (sk->family == AF_INET)
                return remote[0] == 0 && remote[1] == 0 && remote[2] == bpf_htonl(0xffff) && remote[3] == v4;
        return sk->family == AF_INET6 && remote[0] == v6[0] && remote[1] == v6[1] && remote[2] == v6[2] && remote[3] == v6[3];
}

/* What most packets are: a decided stream's. It has one destination, which need not be read in the packet; a tunnel's outer packet, which has
 * another, goes where the inner one was let. */
static __always_inline bool is_decided_stream(struct __sk_buff *skb, const struct abi_tag *tag)
{
        struct abi_config *c = get_config();

        if (!c || tag->raw || tag->protocol != PROTOCOL_TCP || !is_allowed(tag->state, tag->direction, tag->generation, c->generation))
                return false;
        if (tag->remote_port != 0 && !is_connected_as(skb, tag))
                return false;
        tally_bytes(tag->tally, skb->len);
        return true;
}

static __always_inline int decide(struct __sk_buff *skb, __u64 cookie)
{
        struct abi_tag *tag = bpf_map_lookup_elem(&sockets, &cookie);
        struct seen_packet p;
        struct sock *sk;

        if (tag && is_decided_stream(skb, tag))
                return PASS;
        sk = get_sock(skb);

        /* The kernel's sockets are never tagged; those that are need not be looked into. */
        if (!tag && is_kernels_own(sk))
                return PASS;
        if (!read_packet(skb, &p))
                return QUEUE;
        if (is_question(&p))
                remember_question(skb, &p, cookie);
        if (tag && (is_decided(tag, cookie, &p.flow, skb->len) || is_reset(tag, &p)))
                return PASS;
        if (!tag && p.flow.protocol == PROTOCOL_TCP && p.tcp_rst)
                return PASS;
        if (is_encapsulation(skb, sk, &p.flow))
                return PASS;
        if (is_sent_by_current(sk))
                leave_sender(sk, cookie, &p.flow, tag);
        else
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
