/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a rule's criteria, as sentences and the "rules" list both write them: networks, ports, hosts. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/rule.h"

/* What may follow "to". */
#define RULETEXT_DESTINATION \
        "an address, a network like 10.0.0.0/8, a host like example.com or .example.com, or loopback, lan, link, multicast, broadcast, " \
        "internet, resolver"

/* What follows "list". */
#define RULETEXT_LIST "an absolute path of at most 511 bytes: a file with names of hosts"
static_assert(LIMIT_LIST_PATH == 512, "the words above say so");

enum { RULETEXT_HOST_MAX = 256 }; /* a dot, 253 bytes, NUL */

/* "1.2.3.4", "10.0.0.0/8", "2001:db8::/32". *ret_prefix counts the 16-byte form's bits. False with *ret_expected, a phrase that goes on after
 * "expected ". */
bool ruletext_parse_network(const char *text, struct addr *ret, uint8_t *ret_prefix, const char **ret_expected);
void ruletext_format_network(struct buf *out, const struct addr *network, uint8_t prefix);

/* "443" or "8000-8999". */
bool ruletext_parse_port(const char *text, struct port_range *ret, const char **ret_expected);
void ruletext_format_port(struct buf *out, const struct port_range *range);

/* A host's name, "example.com", or ".example.com" for it and all below it, as people write it; in the form that hostname_parse() gives it, which is also
 * the one that is written. What ends with a number is an address, or would be one day, and no name. False with *ret_expected. */
bool ruletext_parse_host(const char *text, char ret[RULETEXT_HOST_MAX], const char **ret_expected);
/* False with *ret_expected for all below a public suffix. It is asked of what people write, not of what is kept: the list of suffixes grows, and no
 * rule that holds must be lost with it. */
bool ruletext_check_domain(const char *host, const char **ret_expected);
