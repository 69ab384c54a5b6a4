/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tag's beginning where there is no connect, and its end. sock_release comes at close(), before buffered TCP data is sent, so a TCP tag
 * lives on until the protocol itself says CLOSE. The same tracepoint sees accepted connections, in an interrupt: current is nobody there.
 */
#ifndef BASTION_LIFE_H
#define BASTION_LIFE_H

#include <bpf/bpf_tracing.h>

#include "connect.h"

SEC("cgroup/sock_create")
int bastion_create(struct bpf_sock *ctx)
{
        struct abi_tag tag = { 0 };

        if (!is_raw(ctx->type, ctx->protocol) || !is_ours(bpf_get_netns_cookie(ctx)))
                return 1;
        tag.protocol = ctx->protocol;
        tag.raw = 1;
        own_tag(&tag);
        write_tag(bpf_get_socket_cookie(ctx), &tag);
        return 1;
}

SEC("cgroup/sock_release")
int bastion_release(struct bpf_sock *ctx)
{
        __u64 cookie = bpf_get_socket_cookie(ctx);
        struct abi_tag *tag = bpf_map_lookup_elem(&sockets, &cookie);

        if (tag && (tag->protocol != PROTOCOL_TCP || tag->raw))
                bpf_map_delete_elem(&sockets, &cookie);
        return 1;
}

static __always_inline void on_accepted(__u64 cookie)
{
        struct abi_tag tag = { 0 };

        tag.protocol = PROTOCOL_TCP;
        tag.direction = ABI_DIRECTION_IN;
        if (bpf_map_update_elem(&sockets, &cookie, &tag, BPF_NOEXIST) == 0)
                count(ABI_COUNT_TAGGED);
        else if (!bpf_map_lookup_elem(&sockets, &cookie)) /* not the other side of a simultaneous open: the map is full */
                count(ABI_COUNT_TAG_FAILED);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(bastion_state, struct sock *sk, int old_state, int new_state)
{
        __u64 cookie;

        /* Every socket of the machine comes here: those that have no tag must cost next to nothing. */
        if (new_state != STATE_CLOSE && !(old_state == STATE_SYN_RECV && new_state == STATE_ESTABLISHED))
                return 0;
        if (sk->sk_protocol != PROTOCOL_TCP || !is_ours(sk->__sk_common.skc_net.net->net_cookie))
                return 0;
        cookie = bpf_get_socket_cookie(sk);
        if (new_state != STATE_CLOSE)
                on_accepted(cookie);
        else if (bpf_map_lookup_elem(&sockets, &cookie))
                bpf_map_delete_elem(&sockets, &cookie);
        return 0;
}

#endif
