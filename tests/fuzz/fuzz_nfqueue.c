/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A datagram from nfnetlink_queue, walked message by message as sys/queue.c does. The walk must end, each
 * packet lie inside the input, and a verdict built for a packet be a message of the promised size.
 */
#include <linux/netlink.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/nfqueue.h"

static void check_ack(const uint8_t *data, size_t n)
{
        uint32_t seq = 5;
        int error = 5;
        int r = nfqueue_parse_ack(data, n, &error, &seq);

        if (r == 0)
                fuzz_check(error <= 0);
        else
                fuzz_check((r == NFQUEUE_E_MALFORMED || r == NFQUEUE_E_OTHER) && error == 5 && seq == 5);
}

static void check_packet(const struct nfqueue_packet *p, const uint8_t *data, size_t n)
{
        _Alignas(struct nlmsghdr) uint8_t message[NFQUEUE_MESSAGE_MAX];
        struct nfqueue_packet not_a_packet;
        struct nlmsghdr header;
        size_t length, used = 0;

        if (p->n > 0)
                fuzz_check(p->data >= data && p->data + p->n <= data + n);
        fuzz_check(p->full_length >= p->n);
        fuzz_check(p->has_uid || p->uid == 0);
        fuzz_check(p->has_gid || p->gid == 0);

        length = nfqueue_build_verdict(message, 1, p->id, p->id & 1, p->uid & 1, p->gid);
        memcpy(&header, message, sizeof(header));
        fuzz_check(length <= sizeof(message) && header.nlmsg_len == length && length % 4 == 0);
        fuzz_check(nfqueue_parse(message, length, &not_a_packet, &used) == NFQUEUE_E_OTHER && used == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *at = data;
        size_t left = size, used;

        while (left > 0) {
                struct nfqueue_packet p = {.id = 0x5a5a5a5a};
                int r;

                check_ack(at, left);
                r = nfqueue_parse(at, left, &p, &used);
                fuzz_check(r == 0 || r == NFQUEUE_E_MALFORMED || r == NFQUEUE_E_OTHER);
                if (r == 0)
                        check_packet(&p, at, left);
                else
                        fuzz_check(p.id == 0x5a5a5a5a && !p.data);
                if (r == NFQUEUE_E_MALFORMED)
                        break;
                fuzz_check(used >= sizeof(struct nlmsghdr) && used <= left);
                at += used;
                left -= used;
        }
        return 0;
}
