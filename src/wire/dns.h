/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One DNS message (RFC 1035; the payload of one UDP datagram) and what Bastion wants to know from it: which name was asked for, and to which
 * addresses the answer says that it leads. Whoever runs a name server anywhere chooses these bytes, so this runs in bastion-parser; the daemon reads
 * only the compact form that dns_answer_write() makes, and checks it as if a stranger had sent it.
 *
 *      - One question of class IN, opcode QUERY. Of the answer section A, AAAA and CNAME records are read, all others are skipped; what comes
 *        after it (authorities, additional records, EDNS0) is not looked at.
 *      - An address counts when its record's owner is the question's name, or where that leads by CNAME records in whatever order they stand: at most
 *        LIMIT_DNS_CHAIN links. A name that has a CNAME has no address of its own; of two CNAME records of one name the first counts.
 *      - It counts only when it is of the type that was asked for (ANY: both).
 *      - Its TTL is the smallest on its way. One with the highest bit set is 0 (RFC 2181, 8).
 *      - Compression pointers lead backwards only, so no name is endless.
 *
 *      compact  u8 outcome, 0 or a DNS_E_*, which ends it
 *               u16 id · u8 flags · u8 rcode · u16 qtype · u8 n · n bytes of the name · u8 m · m times: 16 bytes of address, u32 TTL in seconds
 *
 * Big endian; both ends are of one build, so it has no version. Pure, bounded, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/limits.h"

enum { DNS_NAME_MAX = LIMIT_NAME + 1 }; /* RFC 1035, 2.3.4, without the root; and NUL */
enum { DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_TYPE_AAAA = 28, DNS_TYPE_ANY = 255 };

struct dns_address {
        struct addr addr;
        uint32_t ttl; /* seconds, at most 2^31 - 1, as they said; names_add() bounds it */
};

struct dns_answer {
        uint16_t id;
        bool is_response, truncated; /* truncated: the program will ask again by TCP; what is here is true all the same */
        uint8_t rcode;
        uint16_t qtype;
        char name[DNS_NAME_MAX]; /* the question's: lower case, a hostname (dns_is_hostname()) */
        unsigned n_addresses;    /* those after LIMIT_DNS_ADDRESSES are left out; 0 unless it is a response */
        struct dns_address addresses[LIMIT_DNS_ADDRESSES]; /* each once */
};

enum dns_error {
        DNS_E_CUT = 1,      /* ends before what it says it has */
        DNS_E_TOO_LONG,     /* more than LIMIT_PROBE_BYTES */
        DNS_E_OPCODE,       /* neither a query nor its answer */
        DNS_E_QUESTION,     /* not one question of class IN */
        DNS_E_NAME,         /* a name with a bad label, a pointer that does not lead backwards, or too long */
        DNS_E_HOSTNAME,     /* the question's name is none that a host can have */
        DNS_E_RECORD,       /* an address of the wrong length, or bytes after a CNAME's name */
        DNS_E_CHAIN,        /* too many CNAME records on the way, or a ring of them */
        DNS_E_SERIAL,       /* dns_answer_read(): bytes that dns_answer_write() does not make */
        DNS_ERROR_COUNT,
};

/* 0, or a DNS_E_* and nothing written. */
int dns_parse(const void *message, size_t n, struct dns_answer *ret);
/* "ends too early", …: words for a log. */
const char *dns_error_text(int error);

/*
 * What a host's name is, in an answer and in a rule (wire/hostname.h): labels of 1 to 63 of [a-z0-9_-], at most LIMIT_NAME characters in all, and
 * not an address in disguise: the last label has something other than digits. So it needs none of the escapes that names can have (RFC 4343, 2.1),
 * and is the same to every program.
 */
bool dns_is_hostname(const char *name);

enum { DNS_SERIAL_MAX = 1 + 2 + 1 + 1 + 2 + 1 + (DNS_NAME_MAX - 1) + 1 + LIMIT_DNS_ADDRESSES * 20 };

/* The compact form of `answer`, or when `error` is not 0 of that outcome alone. Returns the number of bytes, at most DNS_SERIAL_MAX. */
size_t dns_answer_write(const struct dns_answer *answer, int error, uint8_t ret[DNS_SERIAL_MAX]);
/* 0; the DNS_E_* that the parser found; or DNS_E_SERIAL. Nothing is written but on 0. */
int dns_answer_read(const void *data, size_t n, struct dns_answer *ret);
