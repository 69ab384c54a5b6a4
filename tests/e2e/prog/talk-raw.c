/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets whose headers we make. The kernel fills in source address and checksum of an IPv4 header; UDP over IPv4 needs none. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "talk.h"

enum { HEADER4 = 20, HEADER6 = 40, UDP_HEADER = 8, PACKET_MAX = 4096, MORE_FRAGMENTS = 0x2000, SOURCE_PORT = 40404 };

static void put16(uint8_t *to, unsigned value)
{
        to[0] = (uint8_t)(value >> 8);
        to[1] = (uint8_t)value;
}

/* A greeting over protocol number `protocol`, or over the raw socket that somebody else has left us. */
int talk_raw(const struct destination *to, int protocol, const char *inherited)
{
        struct destination target = *to;
        int fd = inherited ? atoi(inherited) : socket(to->family, SOCK_RAW, protocol);

        set_port(&target, 0);
        return fd < 0 ? 1 : send_greeting(fd, &target, 0);
}

static void put_udp(uint8_t *to, uint16_t port, size_t n_payload)
{
        put16(to, SOURCE_PORT);
        put16(to + 2, port);
        put16(to + 4, (unsigned)(UDP_HEADER + n_payload));
}

static int send_packet4(const struct destination *to, uint8_t *packet, size_t n)
{
        int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

        memcpy(packet + 16, &((const struct sockaddr_in *)&to->address)->sin_addr, 4);
        return fd < 0 || sendto(fd, packet, n, 0, (const struct sockaddr *)&to->address, to->n) != (ssize_t)n;
}

int talk_header4(const struct destination *to, int version, int protocol, size_t n_payload)
{
        uint8_t packet[PACKET_MAX] = { 0 };
        size_t n = HEADER4 + n_payload;

        packet[0] = (uint8_t)(version << 4 | 5);
        put16(packet + 2, (unsigned)n);
        packet[8] = 64;
        packet[9] = (uint8_t)protocol;
        if (n_payload >= UDP_HEADER)
                put_udp(packet + HEADER4, to->port, n_payload - UDP_HEADER);
        return send_packet4(to, packet, n);
}

/* One UDP datagram in two halves of 64 bytes. */
int talk_fragments4(const struct destination *to)
{
        uint8_t packet[PACKET_MAX] = { 0 };
        const size_t half = 64;
        int r;

        packet[0] = 0x45;
        put16(packet + 2, (unsigned)(HEADER4 + half));
        put16(packet + 4, 0x4711);
        put16(packet + 6, MORE_FRAGMENTS);
        packet[8] = 64;
        packet[9] = IPPROTO_UDP;
        put_udp(packet + HEADER4, to->port, 2 * half - UDP_HEADER);
        memcpy(packet + HEADER4 + UDP_HEADER, "fragments", 9);
        r = send_packet4(to, packet, HEADER4 + half);
        memset(packet + HEADER4, '.', half);
        put16(packet + 6, (unsigned)(half / 8));
        return send_packet4(to, packet, HEADER4 + half) | r;
}

/* UDP behind `n_headers` destination options headers of `header_bytes` each (a multiple of eight). */
int talk_headers6(const struct destination *to, int n_headers, size_t header_bytes)
{
        const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&to->address;
        struct sockaddr_in6 source = { .sin6_family = AF_INET6 }, target = *address;
        uint8_t packet[PACKET_MAX] = { 0x60 }, *at = packet + HEADER6;
        socklen_t n_source = sizeof(source);
        int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW), finder = socket(AF_INET6, SOCK_DGRAM, 0);
        size_t n = HEADER6 + (size_t)n_headers * header_bytes + UDP_HEADER;

        /* A connected datagram socket knows our address without sending anything. */
        if (fd < 0 || finder < 0 || n > sizeof(packet) || connect(finder, (const struct sockaddr *)address, to->n) < 0 ||
            getsockname(finder, (struct sockaddr *)&source, &n_source) < 0)
                return 1;
        close(finder);
        put16(packet + 4, (unsigned)(n - HEADER6));
        packet[6] = n_headers > 0 ? IPPROTO_DSTOPTS : IPPROTO_UDP;
        packet[7] = 64;
        memcpy(packet + 8, &source.sin6_addr, 16);
        memcpy(packet + 24, &address->sin6_addr, 16);
        for (int i = 0; i < n_headers; i++, at += header_bytes) {
                at[0] = i + 1 < n_headers ? IPPROTO_DSTOPTS : IPPROTO_UDP;
                at[1] = (uint8_t)(header_bytes / 8 - 1); /* what follows is padding, one byte each */
        }
        put_udp(at, to->port, 0);
        target.sin6_port = 0;
        return sendto(fd, packet, n, 0, (const struct sockaddr *)&target, sizeof(target)) == (ssize_t)n ? 0 : 1;
}
