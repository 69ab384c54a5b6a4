/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as a sentence that a person can read, say and type:
 *
 *      allow|deny|ask SUBJECT [to DESTINATION] [port PORTS] [tcp|udp|icmp|…|protocol N] [user UID] [group GID]
 *              [for session] [note "…"]
 *
 *      SUBJECT      /path/to/program · "quoted path with \" and \n" · name COMM · anyone · unknown · kernel
 *      DESTINATION  1.2.3.4 · 10.0.0.0/8 · 2001:db8::/32 · loopback, lan, link, multicast, broadcast, internet, resolver (joined by commas)
 *      PORTS        443 · 80,443 · 8000-8999
 *
 * Users and groups are numbers here; names are the caller's business (pure code asks no database). Round trip: parse(format(rule)) has the
 * same criteria.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "core/rule.h"

struct sentence_error {
        size_t at, length;  /* the word in the input, in bytes, to underline */
        char expected[256]; /* "expected a port 1..65535, a range or a list" */
};

/* 0, -ENOMEM, or 1 with *ret_error. Origin LIST (SESSION with "for session"), priority 0, no id. */
int sentence_parse(const char *text, size_t n, struct rule **ret, struct sentence_error *ret_error);
void sentence_format(const struct rule *r, struct buf *out);
