/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks, ports and hosts as text. Bits beyond the prefix are refused, not masked: "10.1.2.3/8" was meant as one of two things and a
 * firewall must not choose the wider. IPv4 prefixes are written as people write them and kept in the 16-byte form.
 */
#include "wire/ruletext.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/hostname.h"

enum { V4_PREFIX = 96 };

static bool parse_prefix(const char *text, bool is_v4, uint8_t *ret)
{
        uint64_t bits;

        if (!str_parse_u64(text, is_v4 ? 32 : 128, &bits))
                return false;
        *ret = (uint8_t)(is_v4 ? V4_PREFIX + bits : bits);
        return true;
}

static bool has_bits_beyond(const struct addr *a, unsigned prefix)
{
        for (unsigned bit = prefix; bit < 128; bit++)
                if (a->bytes[bit / 8] & 0x80 >> bit % 8)
                        return true;
        return false;
}

bool ruletext_parse_network(const char *text, struct addr *ret, uint8_t *ret_prefix, const char **ret_expected)
{
        char address[ADDR_TEXT_MAX];
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t)(slash - text) : strlen(text);
        struct addr a;
        uint8_t prefix = 128;

        *ret_expected = RULETEXT_DESTINATION;
        if (n >= sizeof(address))
                return false;
        memcpy(address, text, n);
        address[n] = 0;
        if (!addr_parse(address, &a))
                return false;
        if (slash && !parse_prefix(slash + 1, strchr(address, ':') == NULL, &prefix)) {
                *ret_expected = "a prefix length: 0..32 for IPv4, 0..128 for IPv6";
                return false;
        }
        if (has_bits_beyond(&a, prefix)) {
                *ret_expected = "a network whose address has no bits beyond its prefix";
                return false;
        }
        *ret = a;
        *ret_prefix = prefix;
        return true;
}

void ruletext_format_network(struct buf *out, const struct addr *network, uint8_t prefix)
{
        char text[ADDR_TEXT_MAX];

        buf_puts(out, addr_format(network, text));
        if (prefix == 128)
                return;
        buf_printf(out, "/%d", addr_is_v4(network) && prefix >= V4_PREFIX ? prefix - V4_PREFIX : prefix);
}

static bool parse_number(const char *text, size_t n, uint16_t *ret)
{
        char digits[8];
        uint64_t port;

        if (n >= sizeof(digits))
                return false;
        memcpy(digits, text, n);
        digits[n] = 0;
        if (!str_parse_u64(digits, UINT16_MAX, &port) || port == 0)
                return false;
        *ret = (uint16_t)port;
        return true;
}

/* The first `n` bytes of `text`. */
static bool parse_range(const char *text, size_t n, struct port_range *ret)
{
        const char *dash = memchr(text, '-', n);
        struct port_range range;

        if (!dash) {
                if (!parse_number(text, n, &range.first))
                        return false;
                range.last = range.first;
        } else {
                size_t left = (size_t)(dash - text);

                if (!parse_number(text, left, &range.first) || !parse_number(dash + 1, n - left - 1, &range.last))
                        return false;
                if (range.first > range.last)
                        return false;
        }
        *ret = range;
        return true;
}

bool ruletext_parse_port(const char *text, struct port_range *ret, const char **ret_expected)
{
        *ret_expected = "a port 1..65535 or a range like 8000-8999";
        return parse_range(text, strlen(text), ret);
}

void ruletext_format_port(struct buf *out, const struct port_range *range)
{
        buf_printf(out, "%u", range->first);
        if (range->last != range->first)
                buf_printf(out, "-%u", range->last);
}

bool ruletext_parse_host(const char *text, char ret[RULETEXT_HOST_MAX], const char **ret_expected)
{
        const bool below = text[0] == '.';
        char name[DNS_NAME_MAX];

        *ret_expected = "a host's name like example.com, or .example.com for it and all below it";
        if (!hostname_parse(text + below, name))
                return false;
        snprintf(ret, RULETEXT_HOST_MAX, "%s%s", below ? "." : "", name);
        return true;
}

bool ruletext_check_domain(const char *host, const char **ret_expected)
{
        *ret_expected = "a domain that somebody owns: below a public suffix like .com or .co.uk anybody may register names";
        return host[0] != '.' || !hostname_is_public_suffix(host + 1);
}
