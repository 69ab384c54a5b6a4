/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel puts the first part of a dump into the socket while it takes the request, and each further part while the one before is read; so a reply
 * is there when it is asked for, and the socket does not block.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "sys/traffic.h"
#include "wire/rtlink.h"

enum { REPLY_BYTES = 32 << 10, SEQ = 1 };

/* One datagram of the reply: 1 when more follow, 0 at the end, negative errno. */
static int add_links(const uint8_t *at, size_t left, uint64_t *out, uint64_t *in)
{
        while (left > 0) {
                struct rtlink link;
                size_t used;
                int r = rtlink_parse(at, left, &link, &used);

                if (r == RTLINK_E_DONE)
                        return 0;
                if (r < 0)
                        return r;
                if (r == RTLINK_E_MALFORMED)
                        return -EBADMSG;
                if (r == 0 && !link.is_loopback) {
                        *out += link.bytes_out;
                        *in += link.bytes_in;
                }
                at += used;
                left -= used;
        }
        return 1;
}

static int read_dump(int fd, uint64_t *out, uint64_t *in)
{
        uint8_t reply[REPLY_BYTES] __attribute__((aligned(8)));
        struct sockaddr_nl from = { 0 };
        socklen_t from_n;
        ssize_t n;
        int r = 1;

        while (r > 0) {
                from_n = sizeof(from);
                n = recvfrom(fd, reply, sizeof(reply), MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n >= 0 && from.nl_pid == 0)
                        r = add_links(reply, (size_t)n, out, in);
        }
        return r;
}

int traffic_read(uint64_t *ret_out, uint64_t *ret_in)
{
        const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        uint8_t request[RTLINK_MESSAGE_MAX];
        uint64_t out = 0, in = 0;
        int r;

        if (fd < 0)
                return -errno;
        r = sendto(fd, request, rtlink_build_dump(request, SEQ), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
        if (r == 0)
                r = read_dump(fd, &out, &in);
        close(fd);
        if (r < 0)
                return r;
        *ret_out = out;
        *ret_in = in;
        return 0;
}
