/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sentences of the pages about the past: decisions and what programs did. Like view-text: no GTK, no markup, strangers'
 * words made visible. Programs and places are named by panel-text.h.
 */
#pragma once

#include "core/learn.h"
#include "wire/message.h"

/* "12:04:31" today, "28 Nov 12:04:31" this year, "2025-11-28 12:04:31". Microseconds since 1970, shown in local time. */
void history_text_time(struct buf *out, int64_t time_us, int64_t now_us);
void history_text_verdict(struct buf *out, const struct record *r); /* "Allowed", "Denied", "Allowed, though a rule denies it" */
void history_text_why(struct buf *out, const struct record *r);     /* "rule r7", or the reason's sentence */
void history_text_amounts(struct buf *out, const struct record *r); /* "57 connections, 12 kB"; of one connection nothing */
/* The small line under a decision: why, who, how much. */
void history_text_line(struct buf *out, const struct record *r);
/* "curl → example.com:443" */
void history_text_title(struct buf *out, const struct record *r);
/* All of it in one sentence, for who cannot see it. */
void history_text_spoken(struct buf *out, const struct record *r, int64_t now_us);
/* Why there is nothing to be shown; `words` are the reader's. */
enum history_nothing { HISTORY_NOTHING_FOUND, HISTORY_NOTHING_THERE, HISTORY_NOTHING_DENIED, HISTORY_NOTHING_READ };
const char *history_text_nothing(enum history_nothing nothing);
/* "1,234 allowed, 5 denied, 12:00:00 – 13:00:00" */
void history_text_stretch(struct buf *out, uint64_t n_allowed, uint64_t n_denied, int64_t since_us, int64_t until_us, int64_t now_us);
/* "12:00:00 – 13:00:00" */
void history_text_span(struct buf *out, int64_t since_us, int64_t until_us, int64_t now_us);
/* "1,234 connections, 5 of them denied, 12 kB" */
void history_text_sum(struct buf *out, uint64_t n_allowed, uint64_t n_denied, uint64_t n_bytes);
/* "and 12 connections to other places" */
void history_text_elsewhere(struct buf *out, uint64_t n_connections);
/* "of alice, first seen 12 Nov 10:00:00, last 12:04:31" */
void history_text_seen(struct buf *out, int64_t first_us, int64_t last_us, uint32_t uid, int64_t now_us);
/* Where a rule stands: "yours", "shipped", … */
void history_text_origin(struct buf *out, const struct rule *rule);

/* A rule as its sentence. */
void history_text_rule(struct buf *out, const struct rule *rule);
/* "it decides", "it comes later, by its priority", "its ports do not hold" */
void history_text_fate(struct buf *out, const struct why_candidate *candidate);
/* What such a connection would meet now. */
void history_text_verdict_today(struct buf *out, const struct why *why);

/* What a proposed rule is for: "57 connections, 3 of them denied, 12 Nov 10:00:00 – 12:04:31, as to 192.0.2.7" */
void history_text_proposal(struct buf *out, const struct proposal *p, int64_t now_us);
/* A line for each; nothing where there is none. */
void history_text_surprises(struct buf *out, unsigned surprises);
/* What was recorded, and how much of it no rule decides. */
void history_text_learned(struct buf *out, const struct learn_counts *counts);
