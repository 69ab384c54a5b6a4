/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nfnetlink_queue messages (linux/netfilter/nfnetlink_queue.h): configuration out, packets in, verdicts out. Pure codecs over
 * byte buffers; sys/queue.c owns the socket. Netlink headers and attributes are host order, nfqueue's integers big-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        NFQUEUE_E_MALFORMED = 1, /* lengths that do not add up, or a needed attribute missing */
        NFQUEUE_E_OTHER = 2,     /* a netlink message that is no packet (NLMSG_ERROR is parsed by nfqueue_parse_ack) */
};

enum { NFQUEUE_MESSAGE_MAX = 512 }; /* no message that this file builds is longer */

struct nfqueue_packet {
        uint32_t id;       /* host order */
        uint16_t hw_protocol; /* ETH_P_IP or ETH_P_IPV6, host order */
        uint32_t out_interface; /* 0 unknown */
        const uint8_t *data; /* borrowed from the input, from the IP header on */
        size_t n;
        uint32_t full_length; /* of the packet before the copy range cut it */
        bool has_uid, has_gid;
        uint32_t uid, gid;
};

/* Reads the netlink message at `data`; `ret_used` is its aligned length, to go on to the next in the same datagram (set for every
 * result but NFQUEUE_E_MALFORMED). */
int nfqueue_parse(const void *data, size_t n, struct nfqueue_packet *ret, size_t *ret_used);
/* Reads an NLMSG_ERROR: 0 and the negative errno (0 for an ack) and sequence number; else NFQUEUE_E_…. */
int nfqueue_parse_ack(const void *data, size_t n, int *ret_error, uint32_t *ret_seq);

/* Each writes one message into `ret` (NFQUEUE_MESSAGE_MAX bytes) and returns its length. */
size_t nfqueue_build_bind(void *ret, uint16_t queue, uint32_t seq);
size_t nfqueue_build_unbind(void *ret, uint16_t queue, uint32_t seq);
/* Copy mode PACKET with `copy_range`, queue length, flags GSO and UID_GID, never FAIL_OPEN. */
size_t nfqueue_build_params(void *ret, uint16_t queue, uint32_t seq, uint32_t copy_range, uint32_t queue_length);
/* `verdict` is NF_ACCEPT, NF_DROP or NF_REPEAT (through the hook that queued it once more); `mark` is set on the packet when `has_mark`. No ack
 * is asked for. */
size_t nfqueue_build_verdict(void *ret, uint16_t queue, uint32_t packet_id, uint32_t verdict, bool has_mark, uint32_t mark);
