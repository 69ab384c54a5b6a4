/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An outgoing IP packet as NFQUEUE shows it: from the IP header on, perhaps only its first bytes (copy range 512), perhaps a GSO
 * super-packet. Reads IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200, bounded walk), TCP, UDP, UDP-Lite, SCTP and
 * DCCP ports, ICMP echo ids. Source is local, destination remote: the output hook sees nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/flow.h"

enum {
        PACKET_E_TRUNCATED = 1, /* ends inside a header that is needed */
        PACKET_E_VERSION = 2,   /* neither IPv4 nor IPv6, or a header length that cannot be */
        PACKET_E_HEADERS = 3,   /* more extension headers than PACKET_MAX_EXTENSIONS */
};

/* Both are the gate's bounds too (bpf/abi.h), so that what one can read the other can. */
enum {
        PACKET_BYTES = 512, /* headers are looked for in so many bytes of the packet */
        PACKET_MAX_EXTENSIONS = 8,
};

struct packet {
        struct flow flow;   /* interface is 0 */
        uint16_t ip_id;     /* IPv4 identification, host order; IPv6: 0 */
        bool later_fragment; /* not the first: ports are 0 */
        bool tcp_syn, tcp_ack, tcp_rst;
        uint8_t icmp_type;
};

/* 0 or PACKET_E_…; pure; *ret is written on success only. */
int packet_parse(const void *data, size_t n, struct packet *ret);
