/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the measured programs have in common: an address and a port from the command line, a clock, and the close that leaves no TIME_WAIT
 * behind, so that a run never waits for local ports.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct target {
        struct sockaddr_storage address;
        socklen_t n;
};

static inline uint64_t clock_ns(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_ns(void)
{
        return clock_ns(CLOCK_MONOTONIC);
}

static inline bool target_parse(const char *address, const char *port, struct target *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->address;
        uint16_t be_port = htons((uint16_t)atoi(port));

        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = be_port;
                ret->n = sizeof(*v4);
                return true;
        }
        if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
                return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = be_port;
        ret->n = sizeof(*v6);
        return true;
}

/* Both families keep the port at the same place. */
static inline struct target target_plus_port(const struct target *target, unsigned add)
{
        struct target t = *target;
        struct sockaddr_in *in = (struct sockaddr_in *)&t.address;

        in->sin_port = htons((uint16_t)(ntohs(in->sin_port) + add));
        return t;
}

/* The last 32 bits of the address, counted on. */
static inline struct target target_plus_address(const struct target *target, uint32_t add)
{
        struct target t = *target;
        struct sockaddr_in *v4 = (struct sockaddr_in *)&t.address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&t.address;
        uint8_t *at = t.address.ss_family == AF_INET ? (uint8_t *)&v4->sin_addr : v6->sin6_addr.s6_addr + 12;
        uint32_t word;

        memcpy(&word, at, sizeof(word));
        word = htonl(ntohl(word) + add);
        memcpy(at, &word, sizeof(word));
        return t;
}

static inline const struct sockaddr *target_sockaddr(const struct target *target)
{
        return (const struct sockaddr *)&target->address;
}

/* close() then sends a reset. */
static inline void close_with_reset(int fd)
{
        const struct linger reset = { .l_onoff = 1 };

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}
