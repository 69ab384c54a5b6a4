/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the daemon and its parser say to each other: one request or one answer a datagram of a SOCK_SEQPACKET pair, big endian.
 *
 *      request  u32 id · u16 kind · u16 n · n bytes to be parsed
 *      answer   u32 id · u16 kind · u16 n · n bytes of result
 *
 * Bounded by LIMIT_PROBE_BYTES both ways. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum probe_kind {
        PROBE_ECHO_CHECK = 1, /* the answer is the request's bytes; shows that the parser lives */
        PROBE_DNS = 2,        /* a DNS message; the answer is dns_answer_write()'s bytes (wire/dns.h), which also say that it was malformed */
};

enum { PROBE_HEADER = 8 };

struct probe {
        uint32_t id;
        enum probe_kind kind;
        const uint8_t *data; /* borrowed from the datagram */
        uint16_t n;
};

enum { PROBE_E_MALFORMED = 1 }; /* cut, longer than it says, too long, or of a kind that does not exist */

int probe_parse(const void *datagram, size_t n, struct probe *ret);
/* Writes at most LIMIT_PROBE_BYTES + PROBE_HEADER bytes to `ret` and returns how many; 0 when `probe` is too long. No allocation. */
size_t probe_format(const struct probe *probe, uint8_t *ret);
