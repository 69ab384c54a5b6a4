/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hooks that run in the caller's task: who connects or sends is current, and is written into the socket's tag. They never refuse: an
 * undecided packet is held by the gate, a program that connects to a denied place is answered there. connect makes a new
 * fact and overwrites the tag; sendmsg only changes whose socket it is, never what was decided.
 */
#ifndef BASTION_CONNECT_H
#define BASTION_CONNECT_H

#include <bpf/bpf_endian.h>

#include "track.h"

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

/* Names current as the tag's owner and makes sure that user space knows it. */
static __always_inline void own_tag(struct abi_tag *tag)
{
        struct task_struct *task = current_task();

        read_process(task, &tag->process);
        tag->uid = BPF_CORE_READ(task, cred, euid.val);
        tag->gid = BPF_CORE_READ(task, cred, egid.val);
        track(&tag->process);
}

static __always_inline bool is_raw(__u32 type, __u32 protocol)
{
        return type == SOCK_RAW || protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

static __always_inline void on_connect(struct bpf_sock_addr *ctx, const __u8 remote[16])
{
        struct abi_tag tag = { 0 };

        tag.protocol = ctx->protocol;
        tag.raw = is_raw(ctx->type, ctx->protocol);
        tag.connected = !tag.raw;
        tag.remote_port = bpf_ntohs((__u16)ctx->user_port);
        __builtin_memcpy(tag.remote, remote, sizeof(tag.remote));
        own_tag(&tag);
        write_tag(bpf_get_socket_cookie(ctx), &tag);
}

SEC("cgroup/connect4")
int bastion_conn4(struct bpf_sock_addr *ctx)
{
        __u8 remote[16] __attribute__((aligned(8)));

        if (!is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        remote_v4(ctx, remote);
        on_connect(ctx, remote);
        return 1;
}

SEC("cgroup/connect6")
int bastion_conn6(struct bpf_sock_addr *ctx)
{
        __u8 remote[16] __attribute__((aligned(8)));

        if (!is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        remote_v6(ctx, remote);
        on_connect(ctx, remote);
        return 1;
}

static __always_inline bool same_process(const struct abi_process *a, const struct abi_process *b)
{
        return a->pid == b->pid && a->start_ns == b->start_ns && a->exec_id == b->exec_id;
}

static __always_inline int on_sendmsg(struct bpf_sock_addr *ctx)
{
        struct abi_tag tag = { 0 }, *old;
        struct abi_process caller;
        __u64 cookie;

        if (!is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        cookie = bpf_get_socket_cookie(ctx);
        read_process(current_task(), &caller);
        old = bpf_map_lookup_elem(&sockets, &cookie);
        if (old && same_process(&old->process, &caller)) {
                track(&caller);
                return 1;
        }
        if (old)
                tag = *old;
        tag.protocol = ctx->protocol;
        own_tag(&tag);
        write_tag(cookie, &tag);
        return 1;
}

SEC("cgroup/sendmsg4")
int bastion_send4(struct bpf_sock_addr *ctx)
{
        return on_sendmsg(ctx);
}

SEC("cgroup/sendmsg6")
int bastion_send6(struct bpf_sock_addr *ctx)
{
        return on_sendmsg(ctx);
}

/* Somebody's datagram is being read. Whoever is not known as a peer yet wrote first: what goes back to him is a reply. */
static __always_inline void on_recvmsg(struct bpf_sock_addr *ctx, const __u8 remote[16])
{
        struct abi_peer_key key = { 0 };
        struct abi_peer peer = { 0 }, *old;

        key.cookie = bpf_get_socket_cookie(ctx);
        key.remote_port = bpf_ntohs((__u16)ctx->user_port);
        __builtin_memcpy(key.remote, remote, sizeof(key.remote));
        peer.direction = ABI_DIRECTION_IN;
        peer.expires_ns = bpf_ktime_get_boot_ns() + ABI_PEER_IN_NS;
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
