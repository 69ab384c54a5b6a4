/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. One buffer holds a batch: datagrams are received one behind the other until `max`, the kernel's "nothing left", or
 * until the largest possible message would no longer fit. Only the pages that traffic touched are ever resident. Bind and parameters
 * travel in one datagram and both acks are read before queue_open() returns; a packet that slips in between goes by without an owner
 * anybody could know yet, so it is dropped (TCP sends it again).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "sys/hook.h"
#include "sys/queue.h"
#include "wire/packet.h"

enum {
        QUEUE_LENGTH = 65535,      /* held packets count against it: 1,024 held ones stopped everybody */
        QUEUE_COPY_RANGE = PACKET_BYTES, /* headers are enough; whole bulk packets overran the socket */
        QUEUE_SOCKET_BUFFER = 16 << 20,
        QUEUE_BATCH_BYTES = 96 << 10,
        QUEUE_DATAGRAM_MAX = 68 << 10, /* a 64 KiB packet and its attributes, should a kernel ignore the copy range */
        QUEUE_ACK_TIMEOUT_MS = 2000,
        QUEUE_BATCH_MAX = 64,
};

struct queue {
        int fd;
        uint16_t number;
        uint32_t port_id;
        unsigned n_batch;
        size_t lengths[QUEUE_BATCH_MAX];
        size_t offsets[QUEUE_BATCH_MAX];
        uint64_t n_received, n_overruns, n_malformed;
        uint8_t buffer[QUEUE_BATCH_BYTES + QUEUE_DATAGRAM_MAX] __attribute__((aligned(8)));
};

static int send_message(const struct queue *q, const void *data, size_t n)
{
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

        while (sendto(q->fd, data, n, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* One datagram to `offset` of the buffer: > 0 its length, 0 nothing there, negative errno. */
static ssize_t receive_datagram(struct queue *q, size_t offset)
{
        struct sockaddr_nl from = { 0 };
        socklen_t from_n = sizeof(from);
        ssize_t n;

        for (;;) {
                n = recvfrom(q->fd, q->buffer + offset, sizeof(q->buffer) - offset, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from,
                             &from_n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
                if (from.nl_pid != 0)
                        continue; /* any local program may write to a netlink socket; only the kernel is port 0 */
                if ((size_t)n > sizeof(q->buffer) - offset) {
                        q->n_malformed++;
                        continue;
                }
                return n;
        }
}

int queue_receive(struct queue *q, unsigned max)
{
        size_t used = 0;
        ssize_t n = 0;

        q->n_batch = 0;
        max = MIN(max, (unsigned)QUEUE_BATCH_MAX);
        while (q->n_batch < max && sizeof(q->buffer) - used >= QUEUE_DATAGRAM_MAX) {
                n = receive_datagram(q, used);
                if (n <= 0)
                        break;
                q->offsets[q->n_batch] = used;
                q->lengths[q->n_batch] = (size_t)n;
                q->n_batch++;
                used += ((size_t)n + 7) & ~(size_t)7;
        }
        if (n == -ENOBUFS)
                q->n_overruns++;
        /* What was received before the error is handled first; the count of overruns tells of it. */
        return q->n_batch > 0 ? (int)q->n_batch : (int)n;
}

static void dispatch_datagram(struct queue *q, const uint8_t *data, size_t left, queue_packet_fn fn, void *userdata)
{
        struct nfqueue_packet packet;
        size_t used;
        int r;

        while (left > 0) {
                r = nfqueue_parse(data, left, &packet, &used);
                if (r == NFQUEUE_E_MALFORMED) {
                        q->n_malformed++;
                        return;
                }
                if (r == 0) {
                        q->n_received++;
                        fn(userdata, &packet);
                }
                data += used;
                left -= used;
        }
}

void queue_dispatch(struct queue *q, queue_packet_fn fn, void *userdata)
{
        unsigned n = q->n_batch;

        q->n_batch = 0;
        for (unsigned i = 0; i < n; i++)
                dispatch_datagram(q, q->buffer + q->offsets[i], q->lengths[i], fn, userdata);
}

static int send_verdict(struct queue *q, uint32_t packet_id, uint32_t verdict, bool has_mark, uint32_t mark)
{
        uint8_t message[NFQUEUE_MESSAGE_MAX];
        size_t n = nfqueue_build_verdict(message, q->number, packet_id, verdict, has_mark, mark);
        int r = send_message(q, message, n);

        return r == -ENOENT ? 0 : r;
}

int queue_verdict(struct queue *q, uint32_t packet_id, bool accept)
{
        return send_verdict(q, packet_id, accept ? NF_ACCEPT : NF_DROP, false, 0);
}

int queue_reject(struct queue *q, uint32_t packet_id)
{
        return send_verdict(q, packet_id, NF_REPEAT, true, HOOK_REJECT_MARK);
}

/* One line of /proc/net/netfilter/nfnetlink_queue: number, port id, waiting, mode, range, dropped by the kernel, dropped on the way up. */
static bool read_kernel_line(uint16_t number, uint32_t *ret_port_id, struct queue_stats *ret)
{
        unsigned line_number, port_id, waiting, mode, range, dropped, user_dropped;
        bool found = false;
        char line[256];
        FILE *f;

        f = fopen("/proc/thread-self/net/netfilter/nfnetlink_queue", "re");
        if (!f)
                return false;
        while (!found && fgets(line, sizeof(line), f)) {
                if (sscanf(line, "%u %u %u %u %u %u %u", &line_number, &port_id, &waiting, &mode, &range, &dropped, &user_dropped) != 7)
                        continue;
                found = line_number == number;
        }
        fclose(f);
        if (!found)
                return false;
        *ret_port_id = port_id;
        ret->waiting = waiting;
        ret->kernel_dropped = dropped;
        ret->user_dropped = user_dropped;
        return true;
}

void queue_stats(const struct queue *q, struct queue_stats *ret)
{
        struct queue_stats stats = {
                .n_received = q->n_received,
                .n_overruns = q->n_overruns,
                .n_malformed = q->n_malformed,
        };
        uint32_t port_id;

        read_kernel_line(q->number, &port_id, &stats);
        *ret = stats;
}

bool queue_is_bound(uint16_t number)
{
        struct queue_stats ignored;
        uint32_t port_id;

        return read_kernel_line(number, &port_id, &ignored);
}

static void drop_early_packet(void *userdata, const struct nfqueue_packet *packet)
{
        queue_verdict(userdata, packet->id, false);
}

/* Waits for the acks of sequence numbers 1..n; 0 or the first error among them. */
static int await_acks(struct queue *q, unsigned n)
{
        struct pollfd poll_fd = { .fd = q->fd, .events = POLLIN };
        unsigned n_acked = 0;
        uint32_t seq;
        ssize_t got;
        int error;

        while (n_acked < n) {
                if (poll(&poll_fd, 1, QUEUE_ACK_TIMEOUT_MS) == 0)
                        return -ETIMEDOUT;
                got = receive_datagram(q, 0);
                if (got < 0)
                        return (int)got;
                if (got == 0)
                        continue;
                if (nfqueue_parse_ack(q->buffer, (size_t)got, &error, &seq) != 0) {
                        dispatch_datagram(q, q->buffer, (size_t)got, drop_early_packet, q);
                        continue;
                }
                if (error < 0)
                        return error;
                n_acked++;
        }
        return 0;
}

static int configure(struct queue *q)
{
        uint8_t messages[2 * NFQUEUE_MESSAGE_MAX];
        struct queue_stats ignored;
        uint32_t port_id;
        size_t n;
        int r;

        n = nfqueue_build_bind(messages, q->number, 1);
        n += nfqueue_build_params(messages + n, q->number, 2, QUEUE_COPY_RANGE, QUEUE_LENGTH);
        r = send_message(q, messages, n);
        if (r < 0)
                return r;
        r = await_acks(q, 2);
        /* EPERM is "somebody else's queue" and "you may not" alike; the kernel's list tells which. */
        if (r == -EPERM && read_kernel_line(q->number, &port_id, &ignored) && port_id != q->port_id)
                return -EBUSY;
        return r;
}

static int open_socket(struct queue *q)
{
        struct sockaddr_nl self = { .nl_family = AF_NETLINK };
        socklen_t self_n = sizeof(self);
        int size = QUEUE_SOCKET_BUFFER;

        q->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        if (q->fd < 0)
                return -errno;
        if (bind(q->fd, (struct sockaddr *)&self, sizeof(self)) < 0 || getsockname(q->fd, (struct sockaddr *)&self, &self_n) < 0)
                return -errno;
        q->port_id = self.nl_pid;
        if (setsockopt(q->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
            setsockopt(q->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
                return -errno;
        return 0;
}

int queue_open(uint16_t number, struct queue **ret)
{
        _cleanup_(queue_closep) struct queue *q = NULL;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->fd = -1;
        q->number = number;
        r = open_socket(q);
        if (r < 0)
                return r;
        r = configure(q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

struct queue *queue_close(struct queue *q)
{
        uint8_t message[NFQUEUE_MESSAGE_MAX];

        if (!q)
                return NULL;
        if (q->fd >= 0) {
                send_message(q, message, nfqueue_build_unbind(message, q->number, 3));
                close(q->fd);
        }
        free(q);
        return NULL;
}

int queue_fd(const struct queue *q)
{
        return q->fd;
}
