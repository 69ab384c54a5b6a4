/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the domain's things look like in a terminal: one place, so that a program is named the same way in
 * every command. Every string that a program or a peer chose is escaped here.
 */
#pragma once

#include "base/buf.h"
#include "cli/term.h"
#include "wire/message.h"

void show_name(struct buf *out, const struct subject *s); /* "curl" */
void show_path(struct buf *out, const struct subject *s); /* the path, or words for why there is none */
void show_arguments(struct buf *out,
                    const struct subject *s); /* quoted where a shell would need it; "unknown" */
/* "make ▸ sh ▸ curl", the oldest ancestor first. Of what does not fit into `columns` (0: no bound) the oldest
 * are left out. */
void show_chain(struct buf *out, const struct subject *s, unsigned columns);
void show_user(struct buf *out, const struct subject *s); /* "alice", "" where nobody is known */
void show_host_port(struct buf *out, const struct flow *flow,
                    const struct hosts *hosts); /* "example.com:443", "[::1]:53" */
/* " (also b.example, c.example)": the names beyond the first; nothing where there are none. */
void show_also(struct buf *out, const struct hosts *hosts);
/* "example.com (93.184.216.34), port 443, TCP" */
void show_destination(struct buf *out, const struct flow *flow, const struct hosts *hosts);
void show_protocol(struct buf *out, const struct flow *flow);
void show_sentence(struct buf *out, const struct rule *rule); /* in the terminal's words */
/* The rule that decided, else why. */
void show_why(struct buf *out, const struct record *r);
/* Lines without newline whose parts are aligned. `columns`: of the screen that they must fit, 0 when nothing
 * may be cut. "21:14:03 ALLOW curl (812, alice)      → example.com:443 TCP     rule r7"; a summary
 * says of how much before why: "57 connections, 12 kB, rule r7" */
void show_record(struct buf *out, const struct style *style, unsigned columns, const struct record *r);
/* From the program on, and its chain at the end. */
void show_connection(struct buf *out, const struct style *style, unsigned columns,
                     const struct connection *c);
void show_prompt(struct buf *out, const struct style *style, unsigned columns, const struct prompt *p);
/* "once", "for 1 hour", "while it runs" */
void show_lifetime(struct buf *out, const struct answer *a);
/* "allow once", "deny always, all ports" */
void show_answer(struct buf *out, const struct answer *a);
