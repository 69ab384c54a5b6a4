/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the endpoints of one program to its rules. Each step makes the set shorter and wider, and only so much wider as a person reads anyway:
 *
 *      ports          80 and 443 of TCP are one thing; more than PROPOSE_PORTS different ports of a protocol are any port
 *      hosts          two or more below one domain are that domain with all below it; more than PROPOSE_VALUES values are no list
 *      addresses      three or more of one /24 (IPv6: /64) are that network; more than PROPOSE_VALUES values are the kind of destination that they
 *                     all are (internet, lan, …), or any destination
 *      rules          what goes to the same places by the same protocol is one rule, with the ports of all
 *
 * Pure. Which names are one domain the caller knows.
 */
#pragma once

#include "core/learn.h"

enum { PROPOSE_PORTS = 8, PROPOSE_VALUES = 4, PROPOSE_NETWORK = 3, PROPOSE_DOMAIN = 2 };

struct endpoint {
        uint8_t protocol;
        uint16_t port; /* 0: the protocol has none */
        struct addr addr;
        char *host; /* in lower case, or NULL */
        struct amounts amounts;
};

/* A growing array; `n` of them are whole. */
struct proposals {
        struct proposal *list;
        size_t n, size;
};
void proposals_deinit(struct proposals *p);

void amounts_add(struct amounts *to, const struct amounts *more);

/* Appends the rules for the program: `path`, or NULL for the kernel. Reorders `endpoints`. `names_known`: a bare address is a surprise. 0 or -ENOMEM;
 * what was appended by then stays. */
int propose(struct proposals *to, const char *path, const struct endpoint **endpoints, size_t n, bool names_known, host_domain_fn domain);
