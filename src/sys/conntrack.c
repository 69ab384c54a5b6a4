/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. One request is out at a time; its ack is the answer. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>

#include "sys/conntrack.h"
#include "wire/conntrack.h"

enum { ACK_TIMEOUT_S = 2, ACK_BYTES = 8 << 10 };

struct conntrack {
        struct mnl_socket *socket;
        uint32_t seq;
        uint8_t ack[ACK_BYTES] __attribute__((aligned(8)));
};

int conntrack_open(struct conntrack **ret)
{
        _cleanup_(conntrack_closep) struct conntrack *c = calloc(1, sizeof(*c));
        struct timeval timeout = { .tv_sec = ACK_TIMEOUT_S };

        if (!c)
                return -ENOMEM;
        c->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        if (!c->socket || mnl_socket_bind(c->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        if (setsockopt(mnl_socket_get_fd(c->socket), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        *ret = TAKE_PTR(c);
        return 0;
}

struct conntrack *conntrack_close(struct conntrack *c)
{
        if (!c)
                return NULL;
        if (c->socket)
                mnl_socket_close(c->socket);
        free(c);
        return NULL;
}

int conntrack_forget(struct conntrack *c, const struct flow *flow)
{
        uint8_t request[CONNTRACK_MESSAGE_MAX];
        ssize_t n;

        if (mnl_socket_sendto(c->socket, request, conntrack_build_delete(request, flow, ++c->seq)) < 0)
                return -errno;
        n = mnl_socket_recvfrom(c->socket, c->ack, sizeof(c->ack));
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return mnl_cb_run(c->ack, (size_t)n, c->seq, mnl_socket_get_portid(c->socket), NULL, NULL) < 0 ? -errno : 0;
}
