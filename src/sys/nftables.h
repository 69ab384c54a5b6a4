/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transport below sys/hook.c: one nf_tables transaction, committed in whole or not at all, and dumps. Knows netlink, knows
 * nothing of Bastion's tables. A socket lives for one transaction, so that no leftover reply is ever taken for another's.
 */
#pragma once

#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "base/macros.h"

struct nftables_batch;

struct nftables_batch *nftables_batch_new(void); /* NULL on -ENOMEM */
struct nftables_batch *nftables_batch_free(struct nftables_batch *b);
DEFINE_FREEP(struct nftables_batch, nftables_batch_free)

/* Starts a message (NFT_MSG_…) at the end of the batch; the caller adds its payload, then calls nftables_batch_next(). */
struct nlmsghdr *nftables_batch_message(struct nftables_batch *b, uint16_t type, uint16_t family, uint16_t flags);
void nftables_batch_next(struct nftables_batch *b);
/* 0, or the kernel's first error; then nothing was changed. -E2BIG when the batch outgrew its buffer. */
int nftables_batch_commit(struct nftables_batch *b);

/* Sends one dump request (NFT_MSG_GET…) and calls `fn` for each reply. 0 or negative errno. */
int nftables_dump(uint16_t type, uint16_t family, mnl_cb_t fn, void *userdata);
