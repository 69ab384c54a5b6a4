/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One address type for both families: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. A v4-mapped IPv6 address
 * therefore *is* the IPv4 address, which is what reaches the wire. The scope of an address (loopback, LAN, …) depends on
 * the machine's own addresses too, which the caller gives as `struct netinfo`; it names the interfaces as well.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/limits.h"

struct addr {
        uint8_t bytes[16];
};

enum { ADDR_TEXT_MAX = 46 }; /* INET6_ADDRSTRLEN, NUL included */

/* An address can have several scopes at once: 127.0.0.53 is loopback and, where resolv.conf names it, resolver. */
enum scope {
        SCOPE_LOOPBACK = 1 << 0,  /* 127/8, ::1 */
        SCOPE_LINK = 1 << 1,      /* 169.254/16, fe80::/10 */
        SCOPE_LAN = 1 << 2,       /* private (10/8, 172.16/12, 192.168/16, fc00::/7) and link-local */
        SCOPE_MULTICAST = 1 << 3, /* 224/4, ff00::/8 */
        SCOPE_BROADCAST = 1 << 4, /* 255.255.255.255 and the interfaces' real broadcast addresses */
        SCOPE_INTERNET = 1 << 5,  /* none of the above */
        SCOPE_RESOLVER = 1 << 6,  /* a server of /etc/resolv.conf, or the local stub 127.0.0.53 */
};

struct interface {
        uint32_t index;
        char name[16]; /* IFNAMSIZ: NUL-terminated */
};

struct netinfo {
        struct addr broadcasts[LIMIT_BROADCASTS];
        unsigned n_broadcasts;
        struct addr resolvers[LIMIT_RESOLVERS];
        unsigned n_resolvers;
        struct interface interfaces[LIMIT_INTERFACES]; /* by index */
        unsigned n_interfaces;
        bool interfaces_cut; /* there are more */
};

/* `bytes` are 4 in network order. */
struct addr addr_from_v4(const uint8_t bytes[4]);
bool addr_is_v4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_zero(const struct addr *a); /* 0.0.0.0 or :: */
/* True when the first `prefix` (0..128, of the 16-byte form) bits agree. */
bool addr_in_prefix(const struct addr *a, const struct addr *network, unsigned prefix);
/* The address with everything beyond the first `prefix` bits cleared. */
struct addr addr_masked(const struct addr *a, unsigned prefix);

/* Dotted quad or IPv6 text without brackets, port or scope id. */
bool addr_parse(const char *text, struct addr *ret);
/* Writes the canonical text to `ret` and returns it. */
const char *addr_format(const struct addr *a, char ret[ADDR_TEXT_MAX]);
/* Appends `1.2.3.4:80` or `[::1]:80`. */
void addr_format_port(struct buf *out, const struct addr *a, uint16_t port);

/* Mask of enum scope. `net` may be NULL: then only what the address itself says. */
unsigned addr_scopes(const struct addr *a, const struct netinfo *net);
/* The interface's name; NULL where it is not known. Borrowed. */
const char *netinfo_interface(const struct netinfo *net, uint32_t index);
/* A live flow may be judged otherwise: its destination has another scope, or its interface another name. */
bool netinfo_differs(const struct netinfo *a, const struct netinfo *b);
/* "loopback", …; NULL for an unknown bit. */
const char *scope_name(enum scope scope);
bool scope_parse(const char *name, enum scope *ret);
