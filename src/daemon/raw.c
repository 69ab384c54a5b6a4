/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who sent a raw packet, on the queue rung. A TCP or UDP packet names its socket by its ports. A raw packet names none: any raw socket of its
 * protocol may have sent it, also one that its owner has closed since. What tells is that a packet that waits is counted as unsent at its
 * socket, so a socket that merely lies open is not the sender (sys/sockets.c). One that has something under way is it for sure when nothing else of
 * its owner's can be what is counted there:
 *
 *      none waits in the kernel that we have not looked at, besides the one at hand;
 *      none of its owner's raw packets is held in a question;
 *      none got its verdict a moment ago and may still be on its way through the driver.
 *
 * Otherwise "unknown" is named beside it: a rule for the program alone then allows nothing, and the person is asked about both.
 *
 * Bounds: RAW_VERDICTS verdicts are remembered; when all of them are of this moment, anybody's packet may be on its way.
 */
#include <netinet/in.h>

#include "daemon/daemon.h"

static const uint64_t UNDER_WAY_NS = 250 * UINT64_C(1000000);

static bool is_raw(const struct flow *flow)
{
        return flow->protocol != IPPROTO_TCP && !protocol_is_datagram(flow->protocol);
}

/* Packets that wait and are in no question are ours to look at: the one at hand, and others that may be anybody's. */
static bool others_wait(const struct daemon *d)
{
        struct queue_stats stats;

        queue_stats(d->queue, &stats);
        return stats.waiting > question_held_count(d->questions) + 1;
}

static bool holds_raw_of(const struct daemon *d, uint32_t pid)
{
        for (const struct question *q = question_next(d->questions, NULL); q; q = question_next(d->questions, q))
                for (unsigned i = 0; i < q->n_held; i++)
                        if (q->held[i].process.pid == pid && is_raw(&q->held[i].flow))
                                return true;
        return false;
}

static bool may_be_under_way(const struct daemon *d, uint32_t pid, struct boottime now)
{
        unsigned n_fresh = 0;

        for (unsigned i = 0; i < RAW_VERDICTS; i++) {
                const struct raw_verdict *v = &d->raw_verdicts[i];

                if (v->pid == 0 || boottime_left(now, v->when) > UNDER_WAY_NS)
                        continue;
                if (v->pid == pid)
                        return true;
                n_fresh++;
        }
        return n_fresh == RAW_VERDICTS;
}

bool raw_sender_is_sure(struct daemon *d, uint32_t pid, struct boottime now)
{
        return !others_wait(d) && !holds_raw_of(d, pid) && !may_be_under_way(d, pid, now);
}

void raw_on_verdict(struct daemon *d, const struct flow *flow, uint32_t pid, struct boottime now)
{
        if (d->tracker || !is_raw(flow) || pid == 0)
                return;
        d->raw_verdicts[d->next_raw_verdict++ % RAW_VERDICTS] = (struct raw_verdict){ .pid = pid, .when = now };
}
