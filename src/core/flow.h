/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a packet says of its connection: protocol and both ends, as seen from this machine. Ports are in host order and 0
 * where the protocol has none. ICMP echo has an id, which serves as its local port in lookups but is no port in rules.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

struct flow {
        struct addr local, remote;
        uint16_t local_port, remote_port;
        uint8_t protocol; /* IANA number */
        uint16_t icmp_id; /* echo only, else 0 */
        uint32_t interface; /* index of the outgoing interface, 0 unknown */
};

/* Which end opened the connection. */
enum direction { DIRECTION_OUT, DIRECTION_IN };

bool flow_equal(const struct flow *a, const struct flow *b); /* interface aside */
bool protocol_has_ports(uint8_t protocol);
/* UDP and UDP-Lite: one socket, many destinations. */
bool protocol_is_datagram(uint8_t protocol);
/* "TCP", "UDP", "ICMP", …, else the decimal number written into `scratch`. */
const char *protocol_name(uint8_t protocol, char scratch[4]);
/* Name in any case, or number 0..255. */
bool protocol_parse(const char *text, uint8_t *ret);
