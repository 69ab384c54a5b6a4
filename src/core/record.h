/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A decision as it is told to the outside: to `watch`, to the log file, to history. Built once by the packet path,
 * then read-only; it holds references, not copies, where it can.
 *
 * Where the kernel decides by itself, as it was told before, no packet comes here and only its counters tell. A record
 * then sums up what they say of one program and one rule: so many connections since then, the last of them to there.
 */
#pragma once

#include <stdint.h>

#include "base/macros.h"
#include "core/decision.h"
#include "core/hosts.h"

struct record {
        uint64_t seq;     /* 1, 2, 3 … since the daemon started */
        int64_t time_us;  /* CLOCK_REALTIME, microseconds */
        enum verdict verdict; /* ALLOW or DENY */
        enum reason reason;
        bool would_deny;
        struct subject *subject; /* referenced, never NULL */
        struct flow flow;
        enum direction direction;
        struct hosts hosts; /* a copy: of the program as it was then */
        char *rule; /* id of the deciding rule, or NULL */
        uint64_t latency_ns; /* packet read to verdict written; a question's wait is included; 0 in a summary */
        bool is_summary;     /* of connections that were decided in the kernel; `flow` is the last one's */
        uint64_t n_connections, n_bytes; /* of a summary; else 1, and 0: not known */
        int64_t since_us;    /* of a summary: all of them are later; CLOCK_REALTIME, microseconds */
};

/* What the counters of the kernel say; all of it is the caller's. */
struct summary {
        enum verdict verdict; /* ALLOW or DENY */
        enum reason reason;
        struct subject *subject; /* NULL reads as unknown */
        const char *rule;        /* id of the rule by which the kernel decided, or NULL */
        struct flow flow;        /* of the last connection; what is not known of it is zero */
        const char *host;        /* the name by which the subject knows where that went, or NULL */
        int64_t time_us, since_us; /* when the counters were read, and when they were before (or began): CLOCK_REALTIME, microseconds */
        uint64_t n_connections, n_bytes;
};

/* Copies what it needs; takes a reference to the subject. `hosts` may be NULL: none is known. */
int record_init(struct record *r, const struct decision *decision, struct subject *subject, const struct flow *flow, const struct hosts *hosts);
int record_init_summary(struct record *r, const struct summary *summary);
void record_deinit(struct record *r);

/* One line for a log, without newline, in the words that people grep for (interface.md, "Log lines"). */
void record_format_log(const struct record *r, struct buf *out);
/* "0.0.0.0:0"-free destination for people: "93.184.216.34:443", "[::1]:53", or the bare address where there is no port. */
void record_format_remote(const struct flow *flow, struct buf *out);
