/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. One request is out at a time and every reply is matched by its sequence number, so that the rest of a dump that
 * was given up is never taken for the next answer. The kernel's own UDP lookup already prefers the connected socket, then the
 * address, then the port.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "base/macros.h"
#include "sys/files.h"
#include "sys/sockets.h"
#include "wire/procnet.h"

enum {
        SOCKETS_REPLY_BYTES = 32 << 10,
        SOCKETS_TIMEOUT_S = 2,
        TABLE_MAX = 1 << 20, /* bytes read of a table of /proc/net */
};

struct sockets {
        int fd;
        uint32_t seq;
        uint8_t reply[SOCKETS_REPLY_BYTES] __attribute__((aligned(8)));
};

int sockets_open(struct sockets **ret)
{
        _cleanup_(sockets_closep) struct sockets *s = NULL;
        struct timeval timeout = { .tv_sec = SOCKETS_TIMEOUT_S };

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (s->fd < 0)
                return -errno;
        if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        *ret = TAKE_PTR(s);
        return 0;
}

struct sockets *sockets_close(struct sockets *s)
{
        if (!s)
                return NULL;
        if (s->fd >= 0)
                close(s->fd);
        free(s);
        return NULL;
}

static int send_request(struct sockets *s, const void *data, size_t n)
{
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

        while (sendto(s->fd, data, n, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* The next datagram of the kernel; its length or negative errno. */
static ssize_t receive(struct sockets *s)
{
        struct sockaddr_nl from = { 0 };
        socklen_t from_n = sizeof(from);
        ssize_t n;

        for (;;) {
                n = recvfrom(s->fd, s->reply, sizeof(s->reply), 0, (struct sockaddr *)&from, &from_n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                if (from.nl_pid == 0)
                        return n;
        }
}

static bool is_reply_to(const uint8_t *message, size_t n, uint32_t seq)
{
        struct nlmsghdr header;

        if (n < sizeof(header))
                return false;
        memcpy(&header, message, sizeof(header));
        return header.nlmsg_seq == seq;
}

/* Hands every socket of the reply datagram to `fn`; 1 when more datagrams follow, 0 at the end, negative errno. */
static int read_datagram(struct sockets *s, size_t left, uint8_t protocol, sockets_fn fn, void *userdata)
{
        const uint8_t *at = s->reply;
        struct sockdiag_socket found;
        size_t used;
        int r;

        while (left > 0) {
                r = sockdiag_parse(at, left, &found, &used);
                if (r == SOCKDIAG_E_MALFORMED)
                        return -EBADMSG;
                if (is_reply_to(at, left, s->seq)) {
                        if (r == SOCKDIAG_E_DONE)
                                return 0;
                        if (r < 0)
                                return r;
                        if (r == 0) {
                                found.flow.protocol = protocol;
                                fn(userdata, &found);
                        }
                }
                at += used;
                left -= used;
        }
        return 1;
}

static int dump(struct sockets *s, uint8_t family, uint8_t protocol, bool bytes, sockets_fn fn, void *userdata)
{
        uint8_t request[SOCKDIAG_MESSAGE_MAX];
        ssize_t n;
        int r;

        r = send_request(s, request, sockdiag_build_dump(request, family, protocol, bytes, ++s->seq));
        if (r < 0)
                return r;
        do {
                n = receive(s);
                if (n < 0)
                        return (int)n;
                r = read_datagram(s, (size_t)n, protocol, fn, userdata);
        } while (r > 0);
        return r == -ENOENT ? 0 : r; /* a kernel without this protocol's table has no such sockets */
}

int sockets_each(struct sockets *s, uint8_t protocol, bool bytes, sockets_fn fn, void *userdata)
{
        int r;

        r = dump(s, AF_INET, protocol, bytes, fn, userdata);
        if (r < 0)
                return r;
        return dump(s, AF_INET6, protocol, bytes, fn, userdata);
}

/* One reply to one request: 0 and the socket, or negative errno. An ack of a destroy is 0 too. */
static int exchange(struct sockets *s, const void *request, size_t request_n, struct sockdiag_socket *ret)
{
        size_t used;
        ssize_t n;
        int r;

        r = send_request(s, request, request_n);
        if (r < 0)
                return r;
        do {
                n = receive(s);
                if (n < 0)
                        return (int)n;
        } while (!is_reply_to(s->reply, (size_t)n, s->seq));
        r = sockdiag_parse(s->reply, (size_t)n, ret, &used);
        if (r == SOCKDIAG_E_MALFORMED)
                return -EBADMSG;
        return r == SOCKDIAG_E_OTHER ? 0 : r;
}

int sockets_find(struct sockets *s, const struct flow *flow, struct sockdiag_socket *ret)
{
        const uint8_t family = addr_is_v4(&flow->remote) ? AF_INET : AF_INET6;
        struct sockdiag_socket found = { 0 };
        uint8_t request[SOCKDIAG_MESSAGE_MAX];
        int r;

        r = exchange(s, request, sockdiag_build_get(request, flow, family, ++s->seq), &found);
        if (r < 0)
                return r;
        found.flow.protocol = flow->protocol;
        *ret = found;
        return 0;
}

static bool is_unconnected(const struct flow *f)
{
        return f->remote_port == 0 && addr_is_zero(&f->remote);
}

/* Could this socket have sent the flow's packet without naming another destination than the one it is connected to? */
static bool could_send(const struct flow *socket, const struct flow *flow)
{
        if (socket->local_port != flow->local_port)
                return false;
        if (!addr_is_zero(&socket->local) && !addr_equal(&socket->local, &flow->local))
                return false;
        if (is_unconnected(socket))
                return true;
        return socket->remote_port == flow->remote_port && addr_equal(&socket->remote, &flow->remote);
}

struct collection {
        const struct flow *flow;
        struct sockdiag_socket *found;
        unsigned n, max;
};

static void collect(void *userdata, const struct sockdiag_socket *socket)
{
        struct collection *c = userdata;

        if (c->n < c->max && could_send(&socket->flow, c->flow))
                c->found[c->n++] = *socket;
}

/* One table of /proc/net: the sockets whose "port" is `port`, whose addresses do not speak against the flow, and which have a packet under way: the
 * one that waits here counts at the socket that sent it. One that only lies open did not send it. */
static void collect_table(struct collection *c, const char *path, uint16_t port, bool raw)
{
        _cleanup_(freep) char *text = NULL;
        struct procnet_socket socket;
        const char *at;
        size_t left;

        if (files_read_virtual(path, TABLE_MAX, &text, &left) < 0)
                return; /* no such table: the kernel has no such sockets */
        at = text;
        while (c->n < c->max && procnet_next(&at, &left, &socket)) {
                if (socket.local_port != port || socket.unsent == 0)
                        continue;
                if (!addr_is_zero(&socket.local) && !addr_equal(&socket.local, &c->flow->local))
                        continue;
                if (!addr_is_zero(&socket.remote) && !addr_equal(&socket.remote, &c->flow->remote))
                        continue;
                c->found[c->n++] = (struct sockdiag_socket){ .flow = *c->flow, .inode = socket.inode, .uid = socket.uid, .raw = raw };
        }
}

/* Ping sockets by their echo id, raw sockets by their protocol; a raw socket of protocol 255 may send anything. */
static void collect_rawish(struct collection *c)
{
        bool v4 = addr_is_v4(&c->flow->remote);

        if (c->flow->icmp_id != 0)
                collect_table(c, v4 ? "/proc/net/icmp" : "/proc/net/icmp6", c->flow->icmp_id, false);
        if (c->n > 0)
                return; /* the id is the ping socket's own */
        collect_table(c, v4 ? "/proc/net/raw" : "/proc/net/raw6", c->flow->protocol, true);
        collect_table(c, v4 ? "/proc/net/raw" : "/proc/net/raw6", 255, true);
}

int sockets_find_all(struct sockets *s, const struct flow *flow, struct sockdiag_socket *ret, unsigned max)
{
        struct collection c = { .flow = flow, .found = ret, .max = max };
        int r;

        if (max == 0)
                return 0;
        if (flow->protocol != IPPROTO_TCP && !protocol_is_datagram(flow->protocol)) {
                collect_rawish(&c);
                return (int)c.n;
        }
        if (flow->protocol == IPPROTO_TCP) {
                r = sockets_find(s, flow, ret);
                if (r == -ENOENT)
                        return 0;
                return r < 0 ? r : 1;
        }
        r = sockets_each(s, flow->protocol, false, collect, &c);
        return r < 0 ? r : (int)c.n;
}

int sockets_destroy(struct sockets *s, const struct sockdiag_socket *socket)
{
        uint8_t request[SOCKDIAG_MESSAGE_MAX];
        struct sockdiag_socket ignored;

        return exchange(s, request, sockdiag_build_destroy(request, socket, ++s->seq), &ignored);
}
