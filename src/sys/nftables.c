/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Every message of a batch asks for its ack: the commit is known to have happened when all of them came, and to
 * have failed with the first error. The kernel reports after it has committed or rolled back, never between.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink.h>

#include "sys/nftables.h"

enum {
        BATCH_BYTES = 32 << 10,
        BATCH_SLACK = 4 << 10, /* room for the largest single message */
        REPLY_BYTES = 32 << 10,
        REPLY_TIMEOUT_S = 10, /* a transaction waits for a grace period of the whole machine */
};

struct nftables_batch {
        struct mnl_nlmsg_batch *mnl;
        uint32_t seq;
        unsigned n_messages;
        bool overflow;
        char buffer[BATCH_BYTES + BATCH_SLACK];
};

static void close_socket(struct mnl_socket **s)
{
        if (*s)
                mnl_socket_close(*s);
}

static int open_socket(struct mnl_socket **ret)
{
        struct timeval timeout = { .tv_sec = REPLY_TIMEOUT_S };
        _cleanup_(close_socket) struct mnl_socket *s = NULL;

        s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        if (!s)
                return -errno;
        if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        *ret = TAKE_PTR(s);
        return 0;
}

struct nftables_batch *nftables_batch_new(void)
{
        _cleanup_(nftables_batch_freep) struct nftables_batch *b = NULL;

        b = calloc(1, sizeof(*b));
        if (!b)
                return NULL;
        b->mnl = mnl_nlmsg_batch_start(b->buffer, BATCH_BYTES);
        if (!b->mnl)
                return NULL;
        nftnl_batch_begin(mnl_nlmsg_batch_current(b->mnl), b->seq++);
        mnl_nlmsg_batch_next(b->mnl);
        return TAKE_PTR(b);
}

struct nftables_batch *nftables_batch_free(struct nftables_batch *b)
{
        if (!b)
                return NULL;
        if (b->mnl)
                mnl_nlmsg_batch_stop(b->mnl);
        free(b);
        return NULL;
}

struct nlmsghdr *nftables_batch_message(struct nftables_batch *b, uint16_t type, uint16_t family, uint16_t flags)
{
        return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(b->mnl), type, family, flags | NLM_F_ACK, b->seq++);
}

void nftables_batch_next(struct nftables_batch *b)
{
        if (!mnl_nlmsg_batch_next(b->mnl))
                b->overflow = true;
        b->n_messages++;
}

/* Each ack stops the callback run of its message; what counts is how many came. */
static int await_acks(struct mnl_socket *s, unsigned n)
{
        char reply[REPLY_BYTES] __attribute__((aligned(8)));
        ssize_t got;

        while (n > 0) {
                got = mnl_socket_recvfrom(s, reply, sizeof(reply));
                if (got < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                for (struct nlmsghdr *header = (struct nlmsghdr *)reply; mnl_nlmsg_ok(header, (int)got);
                     header = mnl_nlmsg_next(header, (int *)&got)) {
                        const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

                        if (header->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(header) < sizeof(*error))
                                continue;
                        if (error->error < 0)
                                return error->error;
                        if (n > 0)
                                n--;
                }
        }
        return 0;
}

int nftables_batch_commit(struct nftables_batch *b)
{
        _cleanup_(close_socket) struct mnl_socket *s = NULL;
        int r;

        nftnl_batch_end(mnl_nlmsg_batch_current(b->mnl), b->seq++);
        if (!mnl_nlmsg_batch_next(b->mnl) || b->overflow)
                return -E2BIG;
        r = open_socket(&s);
        if (r < 0)
                return r;
        if (mnl_socket_sendto(s, mnl_nlmsg_batch_head(b->mnl), mnl_nlmsg_batch_size(b->mnl)) < 0)
                return -errno;
        return await_acks(s, b->n_messages);
}

int nftables_dump(uint16_t type, uint16_t family, mnl_cb_t fn, void *userdata)
{
        char buffer[REPLY_BYTES] __attribute__((aligned(8)));
        _cleanup_(close_socket) struct mnl_socket *s = NULL;
        struct nlmsghdr *request;
        ssize_t n;
        int r;

        r = open_socket(&s);
        if (r < 0)
                return r;
        request = nftnl_nlmsg_build_hdr(buffer, type, family, NLM_F_DUMP, 1);
        if (mnl_socket_sendto(s, request, request->nlmsg_len) < 0)
                return -errno;
        do {
                n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
                if (n < 0)
                        return -errno;
                r = mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(s), fn, userdata);
        } while (r > 0);
        return r < 0 ? -errno : 0;
}
