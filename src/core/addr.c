/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything is arithmetic on 16 bytes: an IPv4 network of n bits is a network of 96 + n bits, so one prefix match and one
 * table of ranges serve both families. Text goes through inet_pton(3), which refuses what people disagree about (octal
 * parts, missing parts, scope ids).
 */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "core/addr.h"

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct addr addr_from_v4(const uint8_t bytes[4])
{
        struct addr a;

        memcpy(a.bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(a.bytes + sizeof(v4_prefix), bytes, 4);
        return a;
}

bool addr_is_v4(const struct addr *a)
{
        return memcmp(a->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool addr_is_zero(const struct addr *a)
{
        static const uint8_t zero[16];

        return memcmp(a->bytes + (addr_is_v4(a) ? 12 : 0), zero, addr_is_v4(a) ? 4 : 16) == 0;
}

/* The first `bits` of 64, in network order. */
static uint64_t leading_bits(unsigned bits)
{
        return bits == 0 ? 0 : htobe64(UINT64_MAX << (64 - MIN(bits, 64u)));
}

/* By words, not bytes: a decision cuts its address to every length that the rules have. */
struct addr addr_masked(const struct addr *a, unsigned prefix)
{
        struct addr masked;
        uint64_t words[2];

        memcpy(words, a->bytes, sizeof(words));
        words[0] &= leading_bits(prefix);
        words[1] &= leading_bits(prefix > 64 ? prefix - 64 : 0);
        memcpy(masked.bytes, words, sizeof(words));
        return masked;
}

bool addr_in_prefix(const struct addr *a, const struct addr *network, unsigned prefix)
{
        unsigned whole = prefix / 8, rest = prefix % 8;

        if (prefix > 128)
                return false;
        if (memcmp(a->bytes, network->bytes, whole) != 0)
                return false;
        return rest == 0 || ((a->bytes[whole] ^ network->bytes[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool addr_parse(const char *text, struct addr *ret)
{
        uint8_t v4[4];
        struct addr a;

        if (inet_pton(AF_INET, text, v4) == 1)
                a = addr_from_v4(v4);
        else if (inet_pton(AF_INET6, text, a.bytes) != 1)
                return false;
        *ret = a;
        return true;
}

const char *addr_format(const struct addr *a, char ret[ADDR_TEXT_MAX])
{
        if (addr_is_v4(a))
                inet_ntop(AF_INET, a->bytes + 12, ret, ADDR_TEXT_MAX);
        else
                inet_ntop(AF_INET6, a->bytes, ret, ADDR_TEXT_MAX);
        return ret;
}

void addr_format_port(struct buf *out, const struct addr *a, uint16_t port)
{
        char text[ADDR_TEXT_MAX];

        buf_printf(out, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", addr_format(a, text), port);
}

#define V4(a, b, c, d) { { [10] = 0xff, [11] = 0xff, (a), (b), (c), (d) } }

/* What an address says by itself. Sources: RFC 1122, 1918, 3927, 4193, 4291, 919, 5771. */
static const struct {
        struct addr network;
        unsigned prefix;
        unsigned scopes;
} known_networks[] = {
        { V4(127, 0, 0, 0), 96 + 8, SCOPE_LOOPBACK },
        { V4(127, 0, 0, 53), 128, SCOPE_RESOLVER }, /* systemd-resolved's stub */
        { { { [15] = 1 } }, 128, SCOPE_LOOPBACK },
        { V4(169, 254, 0, 0), 96 + 16, SCOPE_LINK | SCOPE_LAN },
        { { { 0xfe, 0x80 } }, 10, SCOPE_LINK | SCOPE_LAN },
        { V4(10, 0, 0, 0), 96 + 8, SCOPE_LAN },
        { V4(172, 16, 0, 0), 96 + 12, SCOPE_LAN },
        { V4(192, 168, 0, 0), 96 + 16, SCOPE_LAN },
        { { { 0xfc } }, 7, SCOPE_LAN },
        { V4(224, 0, 0, 0), 96 + 4, SCOPE_MULTICAST },
        { { { 0xff } }, 8, SCOPE_MULTICAST },
        { V4(255, 255, 255, 255), 128, SCOPE_BROADCAST },
};

unsigned addr_scopes(const struct addr *a, const struct netinfo *net)
{
        unsigned scopes = 0;

        for (size_t i = 0; i < ARRAY_SIZE(known_networks); i++)
                if (addr_in_prefix(a, &known_networks[i].network, known_networks[i].prefix))
                        scopes |= known_networks[i].scopes;
        for (unsigned i = 0; net && i < net->n_broadcasts; i++)
                if (addr_equal(a, &net->broadcasts[i]))
                        scopes |= SCOPE_BROADCAST;
        if ((scopes & ~(unsigned)SCOPE_RESOLVER) == 0)
                scopes |= SCOPE_INTERNET;
        for (unsigned i = 0; net && i < net->n_resolvers; i++)
                if (addr_equal(a, &net->resolvers[i]))
                        scopes |= SCOPE_RESOLVER;
        return scopes;
}

const char *netinfo_interface(const struct netinfo *net, uint32_t index)
{
        unsigned low = 0, high = net->n_interfaces, middle;

        while (low < high) {
                middle = low + (high - low) / 2;
                if (net->interfaces[middle].index == index)
                        return net->interfaces[middle].name;
                if (net->interfaces[middle].index < index)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

static bool same_addrs(const struct addr *a, unsigned n_a, const struct addr *b, unsigned n_b)
{
        return n_a == n_b && memcmp(a, b, n_a * sizeof(*a)) == 0;
}

bool netinfo_differs(const struct netinfo *a, const struct netinfo *b)
{
        if (!same_addrs(a->broadcasts, a->n_broadcasts, b->broadcasts, b->n_broadcasts) ||
            !same_addrs(a->resolvers, a->n_resolvers, b->resolvers, b->n_resolvers))
                return true;
        /* One that came has no flows yet, and those of one that went have ended. */
        for (unsigned i = 0; i < a->n_interfaces; i++) {
                const char *name = netinfo_interface(b, a->interfaces[i].index);

                if (name && strcmp(name, a->interfaces[i].name) != 0)
                        return true;
        }
        return false;
}

static const struct {
        enum scope scope;
        const char *name;
} scope_names[] = {
        { SCOPE_LOOPBACK, "loopback" },   { SCOPE_LINK, "link" },         { SCOPE_LAN, "lan" },
        { SCOPE_MULTICAST, "multicast" }, { SCOPE_BROADCAST, "broadcast" }, { SCOPE_INTERNET, "internet" },
        { SCOPE_RESOLVER, "resolver" },
};

const char *scope_name(enum scope scope)
{
        for (size_t i = 0; i < ARRAY_SIZE(scope_names); i++)
                if (scope_names[i].scope == scope)
                        return scope_names[i].name;
        return NULL;
}

bool scope_parse(const char *name, enum scope *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(scope_names); i++)
                if (strcmp(scope_names[i].name, name) == 0) {
                        *ret = scope_names[i].scope;
                        return true;
                }
        return false;
}
