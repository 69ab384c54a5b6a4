/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as a sentence that a person can read, say and type:
 *
 *      allow|deny|ask SUBJECT [CLAUSE…]
 *
 *      SUBJECT      /path/to/program · /opt/app-?/bin/run (a pattern) · "quoted path with \" and \n" · name COMM · anyone · unknown · kernel
 *      CLAUSE       to DESTINATION · port PORTS · tcp, udp, icmp, … · protocol N · user UID · group GID · argument PATTERN · parent PATH ·
 *                   ancestor PATH · unit NAME · cgroup PATH · interface NAME · for session · for DURATION · until DATE ·
 *                   until reboot · priority N · disabled · note "…"
 *      DESTINATION  1.2.3.4 · 10.0.0.0/8 · 2001:db8::/32 · example.com · .example.com (and all below it) · bücher.example, which is
 *                   read as xn--bcher-kva.example · loopback, lan, link, multicast, broadcast, internet, resolver; "to" may stand once with each of these three kinds: then all must hold
 *      PORTS        443 · 8000-8999
 *      DURATION     1 hour · 90 minutes · 2 days · 45s, 30m, 12h, 7d; 1 second to ten years
 *      DATE         2026-12-31Z · 2026-12-31T18:00:05Z · 2026-12-31 18:00+01:00; without a time of day its first moment. A sentence means the same
 *                   everywhere: whoever lets people leave out the offset puts their own in its place
 *
 * Where one value stands there may be several, any of which will do: "port 80,443", "to lan,link to 10.9.0.0/16 or 10.8.0.0/16",
 * "/usr/bin/curl or /usr/bin/wget" ("or" joins all, commas too what is no text: numbers, protocols, destinations of one kind). "not" before
 * them means none of them: "user not 0,33". Paths, arguments, units, cgroups and interfaces are patterns (core/pattern.h).
 *
 * A duration that has begun is written as the date at which it ends, in UTC. "for boot" and "until boot" are read as "until reboot".
 * Clauses stand in any order, each once. Users and groups are numbers here; names are the caller's business (pure code asks no
 * database): sentence_parse_with_names() is given somebody to ask. Round trip: parse(format(rule)) is the same but for its id, its origin, its
 * counts and its dates; except for a rule bound to one process, which is shown ("process 812", "for once", "for process") and cannot be typed,
 * one about a name that this machine does not know (4294967295), one of rules.json about all below a public suffix (ruletext_check_domain()), and
 * one that takes more than LIMIT_SENTENCE bytes to say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/rule.h"

struct sentence_error {
        size_t at, length;  /* the word in the input, in bytes, to underline */
        char expected[256]; /* "expected a port 1..65535, a range or a list" */
};

/* 0, -ENOMEM, or 1 with *ret_error. Origin LIST (SESSION with "for session"), no id. */
int sentence_parse(const char *text, size_t n, struct rule **ret, struct sentence_error *ret_error);

enum sentence_name { SENTENCE_USER, SENTENCE_GROUP };

/* The number of a user or group; false when this machine does not know the name. */
typedef bool (*sentence_name_fn)(void *userdata, enum sentence_name what, const char *name, uint32_t *ret);

/* The same with names for users and groups. A name that this machine does not know makes a disabled rule: it is about nobody here, and
 * must not be about everybody. */
int sentence_parse_with_names(const char *text, size_t n, sentence_name_fn names, void *userdata, struct rule **ret,
                              struct sentence_error *ret_error);

void sentence_format(const struct rule *r, struct buf *out);
