/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a rule's criteria, as sentences and the "rules" list both write them: networks and ports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/rule.h"

/* "1.2.3.4", "10.0.0.0/8", "2001:db8::/32". *ret_prefix counts the 16-byte form's bits. False with *ret_expected, a phrase that goes on after
 * "expected ". */
bool ruletext_parse_network(const char *text, struct addr *ret, uint8_t *ret_prefix, const char **ret_expected);
void ruletext_format_network(struct buf *out, const struct addr *network, uint8_t prefix);

/* "443" or "8000-8999". */
bool ruletext_parse_port(const char *text, struct port_range *ret, const char **ret_expected);
/* The same joined by commas, 1..LIMIT_RULE_PORTS of them. */
bool ruletext_parse_ports(const char *text, struct port_range ret[LIMIT_RULE_PORTS], unsigned *ret_n, const char **ret_expected);
void ruletext_format_ports(struct buf *out, const struct port_range *ports, unsigned n);
