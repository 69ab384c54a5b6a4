/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet queue: one netlink socket bound to one NFQUEUE number of this network namespace. Non-blocking; the loop polls
 * queue_fd() and calls queue_read() until it returns 0. Length 65,535, copy range 512 bytes, GSO and UID/GID flags, a receive buffer
 * that holds any packet, never fail-open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "wire/nfqueue.h"

struct queue;

/* -EBUSY: the number is taken by another program (the kernel says EPERM; the ack is checked). */
int queue_open(uint16_t number, struct queue **ret);
/* Some program of this network namespace listens at that number. */
bool queue_is_bound(uint16_t number);
struct queue *queue_close(struct queue *q); /* unbinds: what is held is dropped. Takes NULL, returns NULL. */
DEFINE_FREEP(struct queue, queue_close)

int queue_fd(const struct queue *q);

typedef void (*queue_packet_fn)(void *userdata, const struct nfqueue_packet *packet);

/*
 * Receives one batch of at most `max` packets into the queue's own buffer: > 0 how many, 0 nothing left, -ENOBUFS (the kernel dropped
 * some: count it and go on), other negative errno. Receiving and handling are two calls because the track ring must be drained in
 * between (design: the kernel writes the track record before it queues the packet).
 */
int queue_receive(struct queue *q, unsigned max);
/* Calls `fn` for each packet of the batch; `packet->data` is valid during the call. */
void queue_dispatch(struct queue *q, queue_packet_fn fn, void *userdata);

/* The verdict for one packet. -ENOENT never comes back here (no ack is asked for): a held packet can vanish and that is normal. */
int queue_verdict(struct queue *q, uint32_t packet_id, bool accept);
/* Sends the packet through the hook again, with the reject mark: its first rule answers it with a reset or port-unreachable. */
int queue_reject(struct queue *q, uint32_t packet_id);

struct queue_stats {
        uint64_t n_received, n_overruns, n_malformed;
        uint32_t kernel_dropped, user_dropped, waiting; /* from /proc/net/netfilter/nfnetlink_queue */
};
void queue_stats(const struct queue *q, struct queue_stats *ret);
