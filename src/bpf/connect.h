/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hooks that run in the caller's task: who connects or sends is current, and is written into the socket's tag. Where the verdict is known
 * (verdict.h) it is carried out here: what is denied fails in the call itself, what is allowed gets a tag that the gate lets pass. An undecided
 * packet is held by the gate. connect makes a new fact and overwrites the tag; sendmsg makes a tag where there is none and never changes one:
 * what was decided stays decided, and whose datagram it is the gate knows better, which runs in the sender's own call.
 *
 * The generation is read first: what changes afterwards makes the tag an old one, and the gate asks.
 */
#ifndef BASTION_CONNECT_H
#define BASTION_CONNECT_H

#include <bpf/bpf_endian.h>

#include "track.h"
#include "verdict.h"

static __always_inline void addr_from_v4(__u32 v4, __u8 ret[16])
{
        __u32 *words = (__u32 *)ret;

        words[0] = words[1] = 0;
        words[2] = bpf_htonl(0xffff);
        words[3] = v4;
}

/* A context's fields can be read one by one only. */
static __always_inline void remote_v4(struct bpf_sock_addr *ctx, __u8 ret[16])
{
        addr_from_v4(ctx->user_ip4, ret);
}

static __always_inline void remote_v6(struct bpf_sock_addr *ctx, __u8 ret[16])
{
        __u32 *words = (__u32 *)ret;

        words[0] = ctx->user_ip6[0];
        words[1] = ctx->user_ip6[1];
        words[2] = ctx->user_ip6[2];
        words[3] = ctx->user_ip6[3];
}

static __always_inline void write_tag(__u64 cookie, const struct abi_tag *tag)
{
        if (bpf_map_update_elem(&sockets, &cookie, tag, BPF_ANY) == 0)
                count(ABI_COUNT_TAGGED);
        else
                count(ABI_COUNT_TAG_FAILED);
}

static __always_inline bool same_addr(const __u8 a[16], const __u8 b[16])
{
        const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

        return x[0] == y[0] && x[1] == y[1];
}

/* 0.0.0.0 or ::. A connect there reaches some address of this machine: which, only the packet says. */
static __always_inline bool is_any(const __u8 address[16])
{
        const __u64 *words = (const __u64 *)address;

        return words[0] == 0 && (words[1] == 0 || words[1] == bpf_cpu_to_be64(0xffff00000000ull));
}

static __always_inline bool is_datagram(__u32 protocol)
{
        return protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE;
}

static __always_inline void fill_peer_key(struct abi_peer_key *ret, __u64 cookie, __u8 protocol, const __u8 remote[16], __u16 port)
{
        __builtin_memset(ret, 0, sizeof(*ret));
        ret->cookie = cookie;
        ret->protocol = protocol;
        ret->remote_port = port;
        __builtin_memcpy(ret->remote, remote, sizeof(ret->remote));
}

/* Names current as the tag's owner. Returns where what is known of its process is kept, or NULL, and a copy of it. */
static __always_inline struct abi_seen *name_current(struct abi_tag *tag, struct seen *ret)
{
        struct abi_seen *known;
        struct self self;

        read_self(&self);
        tag->process = self.process;
        tag->uid = self.uid;
        tag->gid = self.gid;
        known = read_seen(&tag->process, ret);
        tag->program = known ? ret->program : find_program(&tag->process);
        return known;
}

/* And makes sure that user space knows it. */
static __always_inline void own_tag(struct abi_tag *tag)
{
        struct seen known;

        name_current(tag, &known);
        track(&tag->process);
}

/* An MPTCP connection's later subflows are connected by a kernel thread, on behalf of whoever connected the first. */
static __always_inline bool own_as_first_subflow(struct bpf_sock_addr *ctx, struct abi_tag *tag)
{
        struct bpf_sock *checked = ctx->sk;
        struct mptcp_subflow_context *subflow;
        struct inet_connection_sock *sk;
        struct mptcp_sock *connection;
        struct abi_tag *first;
        char ulp[ULP_NAME] = { 0 };
        __u64 cookie;

        if (ctx->protocol != PROTOCOL_TCP || tag->process.pid != 0 || !bpf_core_type_exists(struct mptcp_subflow_context))
                return false;
        bpf_probe_read_kernel(&sk, sizeof(sk), &checked);
        BPF_CORE_READ_INTO(&ulp, sk, icsk_ulp_ops, name);
        if (ulp[0] != 'm' || ulp[1] != 'p' || ulp[2] != 't' || ulp[3] != 'c' || ulp[4] != 'p' || ulp[5] != 0) /* a literal would be a map */
                return false;
        subflow = BPF_CORE_READ(sk, icsk_ulp_data);
        connection = (struct mptcp_sock *)BPF_CORE_READ(subflow, conn);
        cookie = (__u64)BPF_CORE_READ(connection, first, __sk_common.skc_cookie.counter);
        first = bpf_map_lookup_elem(&sockets, &cookie);
        if (!first)
                return false;
        tag->process = first->process;
        tag->program = first->program;
        tag->uid = first->uid;
        tag->gid = first->gid;
        return true;
}

static __always_inline bool is_raw(__u32 type, __u32 protocol)
{
        return type == SOCK_RAW || protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

/* A service that connects its socket to whoever wrote to it is answering him. */
static __always_inline __u8 direction_to(__u64 cookie, const struct abi_tag *tag)
{
        struct abi_peer_key key;
        struct peer peer;

        if (!is_datagram(tag->protocol))
                return ABI_DIRECTION_OUT;
        fill_peer_key(&key, cookie, tag->protocol, tag->remote, tag->remote_port);
        if (!read_peer(&key, &peer) || peer.direction != ABI_DIRECTION_IN || bpf_ktime_get_boot_ns() >= peer.expires_ns)
                return ABI_DIRECTION_OUT;
        return ABI_DIRECTION_IN;
}

static __always_inline int refuse(const struct abi_config *c)
{
        bpf_set_retval(-(int)c->deny_errno);
        return 0;
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx, const struct abi_config *c, const __u8 remote[16])
{
        __u32 generation = *(volatile const __u32 *)&c->generation;
        __u64 cookie = bpf_get_socket_cookie(ctx);
        struct seen known = { 0 };
        struct abi_tag tag = { 0 };
        struct known_verdict verdict;
        struct abi_seen *process;

        tag.protocol = ctx->protocol;
        tag.raw = is_raw(ctx->type, ctx->protocol);
        tag.connected = !tag.raw;
        tag.remote_port = bpf_ntohs((__u16)ctx->user_port);
        __builtin_memcpy(tag.remote, remote, sizeof(tag.remote));
        tag.direction = direction_to(cookie, &tag);
        process = name_current(&tag, &known);
        if (own_as_first_subflow(ctx, &tag))
                process = NULL;
        if (!tag.raw && tag.direction == ABI_DIRECTION_OUT && !is_any(tag.remote) && find_verdict(process, &known, &tag, &verdict)) {
                tag.uncounted = is_datagram(tag.protocol) && verdict.state != ABI_TAG_DENIED;
                if (!tag.uncounted)
                        tally_connection(verdict.tally, tag.protocol, tag.remote, tag.remote_port);
                if (verdict.state == ABI_TAG_DENIED)
                        return refuse(c);
                tag.state = verdict.state;
                tag.generation = generation;
                tag.tally = verdict.tally;
        } else {
                track(&tag.process);
        }
        write_tag(cookie, &tag);
        return 1;
}

SEC("cgroup/connect4")
int bastion_conn4(struct bpf_sock_addr *ctx)
{
        struct abi_config *c = get_config_of(bpf_get_netns_cookie(ctx));
        __u8 remote[16] __attribute__((aligned(8)));

        if (!c)
                return 1;
        remote_v4(ctx, remote);
        return on_connect(ctx, c, remote);
}

SEC("cgroup/connect6")
int bastion_conn6(struct bpf_sock_addr *ctx)
{
        struct abi_config *c = get_config_of(bpf_get_netns_cookie(ctx));
        __u8 remote[16] __attribute__((aligned(8)));

        if (!c)
                return 1;
        remote_v6(ctx, remote);
        return on_connect(ctx, c, remote);
}

/* The socket is used for this destination already, and that was decided: by its tag where it is connected to it, else in `peers`. What was
 * allowed at another generation is not settled, but no new connection either: *ret_live. */
static __always_inline bool is_settled(const struct abi_tag *tag, __u64 cookie, const struct abi_peer_key *key, __u32 generation, bool *ret_live)
{
        struct peer peer;

        if (tag->connected && tag->remote_port == key->remote_port && same_addr(tag->remote, key->remote))
                return true;
        if (!read_peer(key, &peer) || peer.state == ABI_TAG_DENIED)
                return false;
        if (peer.direction == ABI_DIRECTION_IN)
                return bpf_ktime_get_boot_ns() < peer.expires_ns;
        *ret_live = peer.state != ABI_TAG_UNDECIDED;
        return (__s32)(peer.generation - generation) >= 0;
}

static __noinline int allow_peer(const struct abi_peer_key *key, const struct known_verdict *verdict, __u32 generation)
{
        struct abi_peer peer = { 0 };

        peer.key = *key;
        peer.state = verdict->state;
        peer.generation = generation;
        peer.tally = verdict->tally;
        bpf_map_update_elem(&peers, key, &peer, BPF_ANY);
        return 0;
}

static __always_inline int on_sendmsg(struct bpf_sock_addr *ctx, const struct abi_config *c, const __u8 remote[16])
{
        __u32 generation = *(volatile const __u32 *)&c->generation;
        __u64 cookie = bpf_get_socket_cookie(ctx);
        struct abi_tag sender = { 0 }, *tag;
        struct known_verdict verdict;
        struct abi_peer_key key;
        struct abi_seen *process;
        struct seen known = { 0 };
        bool live = false;

        fill_peer_key(&key, cookie, ctx->protocol, remote, bpf_ntohs((__u16)ctx->user_port));
        tag = bpf_map_lookup_elem(&sockets, &cookie);
        if (tag && (tag->raw || is_settled(tag, cookie, &key, generation, &live)))
                return 1;
        sender.protocol = ctx->protocol;
        sender.remote_port = key.remote_port;
        __builtin_memcpy(sender.remote, remote, sizeof(sender.remote));
        process = name_current(&sender, &known);
        if (is_datagram(sender.protocol) && !is_any(remote) && find_verdict(process, &known, &sender, &verdict)) {
                if (!live || verdict.state == ABI_TAG_DENIED)
                        tally_connection(verdict.tally, sender.protocol, remote, key.remote_port);
                if (verdict.state == ABI_TAG_DENIED)
                        return refuse(c);
                allow_peer(&key, &verdict, generation);
        } else if (!tag) {
                track(&sender.process);
        }
        if (tag)
                return 1;
        sender.remote_port = 0; /* it is connected to nobody */
        __builtin_memset(sender.remote, 0, sizeof(sender.remote));
        write_tag(cookie, &sender);
        return 1;
}

SEC("cgroup/sendmsg4")
int bastion_send4(struct bpf_sock_addr *ctx)
{
        struct abi_config *c = get_config_of(bpf_get_netns_cookie(ctx));
        __u8 remote[16] __attribute__((aligned(8)));

        if (!c)
                return 1;
        remote_v4(ctx, remote);
        return on_sendmsg(ctx, c, remote);
}

SEC("cgroup/sendmsg6")
int bastion_send6(struct bpf_sock_addr *ctx)
{
        struct abi_config *c = get_config_of(bpf_get_netns_cookie(ctx));
        __u8 remote[16] __attribute__((aligned(8)));

        if (!c)
                return 1;
        remote_v6(ctx, remote);
        return on_sendmsg(ctx, c, remote);
}

/* Somebody's datagram is being read. Whoever is not known as a peer yet wrote first: what goes back to him is a reply. The one that the
 * socket was connected to did not: he answers. */
static __always_inline void on_recvmsg(struct bpf_sock_addr *ctx, const __u8 remote[16])
{
        __u16 port = bpf_ntohs((__u16)ctx->user_port);
        __u64 cookie = bpf_get_socket_cookie(ctx);
        struct abi_peer_key key;
        struct abi_peer peer = { 0 }, *old;
        struct abi_tag *tag;

        tag = bpf_map_lookup_elem(&sockets, &cookie);
        if (tag && tag->connected && tag->remote_port == port && same_addr(tag->remote, remote))
                return;
        fill_peer_key(&key, cookie, ctx->protocol, remote, port);
        peer.direction = ABI_DIRECTION_IN;
        peer.expires_ns = bpf_ktime_get_boot_ns() + ABI_PEER_IN_NS;
        peer.key = key;
        old = bpf_map_lookup_elem(&peers, &key);
        if (!old)
                bpf_map_update_elem(&peers, &key, &peer, BPF_NOEXIST);
        else if (old->direction == ABI_DIRECTION_IN)
                old->expires_ns = peer.expires_ns;
}

SEC("cgroup/recvmsg4")
int bastion_recv4(struct bpf_sock_addr *ctx)
{
        __u8 remote[16] __attribute__((aligned(8)));

        if (!is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        remote_v4(ctx, remote);
        on_recvmsg(ctx, remote);
        return 1;
}

SEC("cgroup/recvmsg6")
int bastion_recv6(struct bpf_sock_addr *ctx)
{
        __u8 remote[16] __attribute__((aligned(8)));

        if (!is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        remote_v6(ctx, remote);
        on_recvmsg(ctx, remote);
        return 1;
}

#endif
