/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bastion's nftables tables, `ip bastion` and `ip6 bastion`, in the daemon's network namespace. Built with libnftnl and committed in one
 * atomic batch. Each table has a base chain on the output hook and one that is jumped to:
 *
 *      gate    hands undecided packets to the queue. Gate rung: priority -290, `xt match bpf` on the pinned gate program. Queue rung:
 *              priority -149 (after conntrack), `ct state new,invalid`, and besides every TCP segment that opens a connection and
 *              every UDP datagram in a flow's original direction: conntrack remembers tuples for longer than their sockets live.
 *      reject  a denied packet is sent through the hook again, with a mark, and jumps here: it is answered by a reset or an ICMP error, so
 *              that the program hears `deny_errno` or what comes nearest. No other packet has a second chain to go through.
 *
 * A chain is never deleted while packets are held: that would drop all of them.
 *
 * The tables carry no owner flag: an owned table can be removed by its owner alone, and `bastion rescue` must be able to remove those of a
 * daemon that hangs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The mark by which a denied packet reaches the reject chain; it never leaves the machine. */
#define HOOK_REJECT_MARK 0xba5710deu

struct hook_options {
        uint16_t queue;
        const char *gate_pin; /* path of the pinned gate program, or NULL for the queue rung */
        bool fail_open;       /* queue's bypass flag: undecided packets pass while no daemon listens */
        int deny_errno;       /* ECONNREFUSED, EPERM or ENETUNREACH (bastion.conf(5) has what each gives) */
};

enum hook_form { HOOK_NFT_QUEUE, HOOK_XT_QUEUE }; /* which queue expression the kernel took */

/* Creates or replaces both tables. 0 or negative errno; `ret_form` on success. -EPERM: no CAP_NET_ADMIN. Tables that a dead daemon left
 * are taken over in the same transaction: at no moment is there no rule. */
int hook_install(const struct hook_options *options, enum hook_form *ret_form);
/* Removes both tables; 0 also when there were none. */
int hook_remove(void);
/* 1 when both tables with their rules are in place, 0 when not, negative errno. */
int hook_present(void);
/* 1 with the number of the queue that the tables feed, 0 when no such rule is there, negative errno. */
int hook_find_queue(uint16_t *ret);
/* The tables as `nft list table` would print them, for `bastion status --kernel`; works without nft installed. */
int hook_describe(struct buf *out);
