/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proof that packets take our path: a datagram of our own, to the discard port of the loopback address, must come out of the queue with
 * ourselves named as its sender. That exercises everything at once: hook, tag, table, gate, queue, attribution. Nothing is
 * believed that was not seen to run (the older implementation loaded its probes, never attached them, and nobody noticed).
 *
 * Bounded by PROBE_MS. Packets of others that come out meanwhile are handled as always.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "sys/clock.h"

enum { PROBE_MS = 500, DISCARD_PORT = 9 };

static int send_datagram(void)
{
        const struct sockaddr_in to = {
                .sin_family = AF_INET,
                .sin_port = htons(DISCARD_PORT),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

        if (fd < 0)
                return -errno;
        if (sendto(fd, "", 0, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) < 0)
                r = -errno;
        return r < 0 ? (close(fd), r) : fd;
}

/* Handles what comes out of the queue until our own packet has; false when time is up. */
static bool await_own_packet(struct daemon *d)
{
        const uint64_t seen = d->counters.by_reason[REASON_SELF];
        const struct boottime deadline = boottime_add(clock_boottime(), PROBE_MS * NS_PER_MSEC);

        while (d->counters.by_reason[REASON_SELF] == seen) {
                struct pollfd p = { .fd = queue_fd(d->queue), .events = POLLIN };
                uint64_t left = boottime_left(deadline, clock_boottime());

                if (left == 0)
                        return false;
                if (poll(&p, 1, (int)(left / NS_PER_MSEC) + 1) < 0 && errno != EINTR)
                        return false;
                packet_path_on_readable(NULL, p.fd, POLLIN, d);
        }
        return true;
}

bool probe_packet_path(struct daemon *d, struct buf *report)
{
        /* The socket stays open until its owner was found: the queue rung looks for who holds it. */
        int fd = send_datagram();
        bool seen;

        if (fd == -ENETUNREACH || fd == -EADDRNOTAVAIL) {
                buf_printf(report, "path: not tried, the loopback interface is down\n");
                return true;
        }
        if (fd < 0) {
                buf_printf(report, "path: a datagram of our own cannot be sent: %s\n", strerror(-fd));
                return false;
        }
        seen = await_own_packet(d);
        close(fd);
        buf_printf(report, seen ? "path: a datagram of our own came out of the queue, with us as its sender\n" :
                                  "path: a datagram of our own did not come out of the queue with us as its sender\n");
        return seen;
}
