/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "sys/clock.h"
#include "sys/reach.h"

enum { DNS_PORT = 53, ANSWER_MAX = 2048 };

static void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static socklen_t to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

        *ret = (struct sockaddr_storage){ 0 };
        if (addr_is_v4(addr)) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                memcpy(&v4->sin_addr, addr->bytes + 12, sizeof(v4->sin_addr));
                return sizeof(*v4);
        }
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, addr->bytes, sizeof(v6->sin6_addr));
        return sizeof(*v6);
}

static int open_to(const struct addr *addr, int type, int protocol)
{
        int fd = socket(addr_is_v4(addr) ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

        return fd < 0 ? -errno : fd;
}

static int wait_for(int fd, short events, uint64_t deadline_us)
{
        struct pollfd p = { .fd = fd, .events = events };
        uint64_t now = clock_monotonic_us();
        int r;

        r = poll(&p, 1, now < deadline_us ? (int)((deadline_us - now) / 1000) + 1 : 0);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

static int connect_in_time(int fd, const struct addr *addr, uint16_t port, uint64_t deadline_us)
{
        struct sockaddr_storage to;
        socklen_t n = to_sockaddr(addr, port, &to);
        int error = 0, r;

        if (connect(fd, (struct sockaddr *)&to, n) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -errno;
        r = wait_for(fd, POLLOUT, deadline_us);
        if (r < 0)
                return r;
        n = sizeof(error);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
                return -errno;
        return -error;
}

int reach_tcp(const struct addr *addr, uint16_t port, unsigned timeout_ms, uint64_t *ret_us)
{
        const uint64_t began = clock_monotonic_us();
        _cleanup_(closep) int fd = open_to(addr, SOCK_STREAM, 0);
        int r;

        if (fd < 0)
                return fd;
        r = connect_in_time(fd, addr, port, began + timeout_ms * 1000ull);
        *ret_us = clock_monotonic_us() - began;
        return r;
}

int reach_self(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us)
{
        _cleanup_(closep) int listener = open_to(addr, SOCK_STREAM, 0);
        struct sockaddr_storage self;
        socklen_t n = to_sockaddr(addr, 0, &self);

        if (listener < 0)
                return listener;
        if (bind(listener, (struct sockaddr *)&self, n) < 0 || listen(listener, 1) < 0 ||
            getsockname(listener, (struct sockaddr *)&self, &n) < 0)
                return -errno;
        /* The port stands at the same place in both families. */
        return reach_tcp(addr, ntohs(((struct sockaddr_in *)&self)->sin_port), timeout_ms, ret_us);
}

/* Sends and waits for whatever comes back from there. */
static int exchange(int fd, const void *request, size_t n, uint64_t deadline_us, bool (*is_answer)(const uint8_t *data, size_t n))
{
        uint8_t answer[ANSWER_MAX];
        ssize_t got;
        int r;

        if (send(fd, request, n, MSG_NOSIGNAL) < 0)
                return -errno;
        for (;;) {
                r = wait_for(fd, POLLIN, deadline_us);
                if (r < 0)
                        return r;
                got = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
                if (got < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (got > 0 && is_answer(answer, (size_t)got))
                        return 0;
        }
}

static uint16_t checksum(const void *data, size_t n)
{
        const uint16_t *words = data;
        uint32_t sum = 0;

        for (size_t i = 0; i < n / 2; i++)
                sum += words[i];
        sum = (sum >> 16) + (sum & 0xffff);
        return (uint16_t)~(sum + (sum >> 16));
}

/* A raw socket is given every ICMP message of that host, with the IP header: ours is the reply with our id. */
static bool is_echo_reply(const uint8_t *data, size_t n)
{
        const size_t header = n > 0 ? (data[0] & 15) * 4u : 0;
        struct icmphdr icmp;

        if (header < 20 || n < header + sizeof(icmp))
                return false;
        memcpy(&icmp, data + header, sizeof(icmp));
        return icmp.type == ICMP_ECHOREPLY && icmp.un.echo.id == htons((uint16_t)getpid());
}

int reach_ping(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us)
{
        const uint64_t began = clock_monotonic_us();
        struct icmphdr request = { .type = ICMP_ECHO, .un.echo = { .id = htons((uint16_t)getpid()), .sequence = htons(1) } };
        _cleanup_(closep) int fd = -1;
        int r;

        if (!addr_is_v4(addr))
                return -EAFNOSUPPORT;
        fd = open_to(addr, SOCK_RAW, IPPROTO_ICMP);
        if (fd < 0)
                return fd;
        request.checksum = checksum(&request, sizeof(request));
        r = connect_in_time(fd, addr, 0, 0);
        if (r == 0)
                r = exchange(fd, &request, sizeof(request), began + timeout_ms * 1000ull, is_echo_reply);
        *ret_us = clock_monotonic_us() - began;
        return r;
}

static const uint8_t QUESTION[] = {
        0xba, 0x57, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, /* RFC 1035 4.1.1: id, recursion desired, one question */
        0, 0, 2, 0, 1,                                  /* 4.1.2: ".", NS, IN */
};

static bool is_dns_answer(const uint8_t *data, size_t n)
{
        return n >= 12 && data[0] == QUESTION[0] && data[1] == QUESTION[1] && (data[2] & 0x80);
}

int reach_dns(const struct addr *addr, unsigned timeout_ms, uint64_t *ret_us)
{
        const uint64_t began = clock_monotonic_us();
        _cleanup_(closep) int fd = open_to(addr, SOCK_DGRAM, 0);
        int r;

        if (fd < 0)
                return fd;
        r = connect_in_time(fd, addr, DNS_PORT, 0);
        if (r == 0)
                r = exchange(fd, QUESTION, sizeof(QUESTION), began + timeout_ms * 1000ull, is_dns_answer);
        *ret_us = clock_monotonic_us() - began;
        return r;
}

/* /proc/net/route: interface, destination, gateway, flags, …; addresses as numbers of this machine's byte order, in hexadecimal. */
bool reach_gateway(struct addr *ret)
{
        FILE *f = fopen("/proc/thread-self/net/route", "re");
        uint32_t destination, gateway;
        bool found = false;
        char line[512];

        if (!f)
                return false;
        while (!found && fgets(line, sizeof(line), f)) {
                if (sscanf(line, "%*s %" SCNx32 " %" SCNx32, &destination, &gateway) != 2 || destination != 0 || gateway == 0)
                        continue;
                *ret = addr_from_v4((const uint8_t *)&gateway);
                found = true;
        }
        fclose(f);
        return found;
}
