/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the daemon and its recorder say to each other: JSON objects, one a line, several lines in one datagram of a SOCK_SEQPACKET pair.
 *
 *      daemon → recorder   a decision, or a summary of them, as `watch` gets it; a line for the log that is no decision; "log": this is the log file
 *                          now (its descriptor travels with the datagram)
 *      recorder → daemon   a report: how many of the lines were dealt with, how many of those were lost, and why; the first one, when it is ready
 *
 * Pure. The daemon treats a report like any stranger's bytes: the recorder reads a database that others may have damaged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/record.h"

enum feed_type { FEED_DECISION, FEED_LINE, FEED_LOG };

struct feed {
        enum feed_type type;
        struct record record; /* DECISION, which may be a summary */
        int64_t time_us;      /* DECISION, LINE: CLOCK_REALTIME */
        char *text;           /* LINE */
        bool wants_file;      /* LOG: lines are to be kept in a file, so they are lost when none came along */
};
void feed_deinit(struct feed *f);

/* One line without its newline. 0 with *ret (feed_deinit() afterwards), -ENOMEM, or 1 for anything else than the above. */
int feed_parse(const char *line, size_t n, struct feed *ret);

/* Each appends one line, newline included. Errors stick in the buffer. */
void feed_format_decision(struct buf *out, const struct record *record); /* or a summary: the event of PROTOCOL.md, one text for both */
void feed_format_line(struct buf *out, int64_t time_us, const char *text);
void feed_format_log(struct buf *out, bool wants_file);

struct feed_report {
        uint64_t n_done, n_lost; /* since the report before; n_lost of n_done */
        char problem[256];       /* words for a person, "" when all is well */
};

void feed_format_report(struct buf *out, const struct feed_report *report);
/* 0 with *ret, -ENOMEM, or 1 for what is no report. */
int feed_parse_report(const char *line, size_t n, struct feed_report *ret);
