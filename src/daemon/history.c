/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decisions told to the outside: counted, kept in a ring of LIMIT_RECORDS, handed to the recorder (which makes a row and a log line of each), sent
 * to whoever watches. A verdict was given before anything here runs; what cannot be kept or written is counted and changes no verdict.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "wire/feed.h"

enum { STATS_SECONDS = 30 };

static void count(struct daemon *d, enum verdict verdict, enum reason reason, uint64_t n)
{
        if (verdict == VERDICT_ALLOW)
                d->counters.n_allowed += n;
        else
                d->counters.n_denied += n;
        d->counters.by_reason[reason] += n;
}

/* One text for the recorder and for whoever watches. */
static void tell(struct daemon *d, const struct record *record)
{
        const bool watched = server_has_subscribers(d, false, SUBSCRIBE_DECISIONS);
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!watched && !d->config.log_decisions)
                return;
        feed_format_decision(&line, record);
        if (d->config.log_decisions)
                helpers_record(d, &line);
        if (watched)
                server_broadcast(d, &line, false, SUBSCRIBE_DECISIONS);
}

static void lose_record(struct daemon *d)
{
        if (d->counters.n_records_lost++ == 0)
                log_error("no memory for a record of a decision; counted from now on, verdicts go on");
}

/* Takes `record`. */
static void keep(struct daemon *d, struct record *record)
{
        struct record *slot = &d->records[d->n_records % LIMIT_RECORDS];

        record->seq = ++d->n_records;
        record_deinit(slot);
        *slot = *record;
        tell(d, slot);
}

void history_add(struct daemon *d, const struct decision *decision, struct subject *subject, const struct flow *flow, enum direction direction,
                 const char *host, uint64_t latency_ns)
{
        struct record record;

        count(d, decision->verdict, decision->reason, 1);
        d->counters.n_learned_denials += decision->would_deny;
        if (record_init(&record, decision, subject, flow, host) < 0) {
                lose_record(d);
                return;
        }
        record.time_us = clock_realtime_us();
        record.direction = direction;
        record.latency_ns = latency_ns;
        keep(d, &record);
}

/* The rule may be gone by now: what it decided stays decided. */
void history_add_summary(struct daemon *d, const struct summary *summary)
{
        struct rule *rule = summary->rule ? ruleset_find(d->rules, summary->rule) : NULL;
        struct record record;

        if (summary->n_connections == 0)
                return;
        count(d, summary->verdict, summary->reason, summary->n_connections);
        if (rule)
                rule->n_hits += summary->n_connections;
        if (record_init_summary(&record, summary) < 0)
                lose_record(d);
        else
                keep(d, &record);
}

static void log_text(struct daemon *d, const char *text)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!d->config.log_decisions)
                return;
        feed_format_line(&line, clock_realtime_us(), text);
        helpers_record(d, &line);
}

void history_log(struct daemon *d, const char *format, ...)
{
        char line[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        log_text(d, line);
}

void history_log_question(struct daemon *d, const struct question *question)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        buf_puts(&line, "[POPUP] ");
        str_escape(&line, subject_display_name(question->subjects[0]));
        buf_puts(&line, " (");
        str_escape(&line, question->subjects[0]->path);
        buf_puts(&line, ") -> ");
        record_format_remote(&question->flow, &line);
        if (buf_error(&line) == 0)
                log_text(d, line.data);
}

/* Nothing new since the last line is no line: an idle daemon neither fills the log nor wakes recorder and disk. */
static void report_stats(struct daemon *d)
{
        uint64_t total = d->counters.n_allowed + d->counters.n_denied;

        if (total == d->counters.n_reported)
                return;
        d->counters.n_reported = total;
        history_log(d, "Stats: %" PRIu64 " total, %" PRIu64 " allowed, %" PRIu64 " blocked (%s)", total, d->counters.n_allowed,
                    d->counters.n_denied, mode_name(d->config.mode));
}

static int on_stats(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        summaries_tell(d);
        report_stats(d);
        sd_event_source_set_time(source, usec + STATS_SECONDS * UINT64_C(1000000));
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int history_start(struct daemon *d)
{
        d->records = calloc(LIMIT_RECORDS, sizeof(*d->records));
        if (!d->records)
                return -ENOMEM;
        return sd_event_add_time(d->loop, NULL, CLOCK_MONOTONIC, clock_monotonic_us() + STATS_SECONDS * UINT64_C(1000000), 1000000, on_stats, d);
}

void history_stop(struct daemon *d)
{
        for (size_t i = 0; d->records && i < LIMIT_RECORDS; i++)
                record_deinit(&d->records[i]);
        free(d->records);
}
