/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decisions told to the outside: counted, kept in a ring of LIMIT_RECORDS, handed to the recorder (which makes a row and a log line of each), sent
 * to whoever watches. A verdict was given before anything here runs; what cannot be kept or written is counted and changes no verdict.
 *
 * Counting and keeping is done at once and is cheap; putting a decision into words takes longer than deciding it, and the next packet waits. So the
 * ring is a queue too: what is newer than `n_told` is put into words when no packet waits (a source of idle priority), a few at a turn, one text for
 * the recorder and for whoever watches. That source is woken at once for those who watch, else when the recorder's lines have gathered (helpers.c)
 * or TELL_AT wait. Whatever else is written (a line of the log, a reply) comes after all that was decided before. Where packets always wait, the
 * ring fills, and they pay for the words: nothing is passed over.
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

enum { STATS_SECONDS = 30, TELL_A_TURN = 32, TELL_AT = 256 };

static void count(struct daemon *d, enum verdict verdict, enum reason reason, uint64_t n)
{
        if (verdict == VERDICT_ALLOW)
                d->counters.n_allowed += n;
        else
                d->counters.n_denied += n;
        d->counters.by_reason[reason] += n;
}

/* ---- telling -------------------------------------------------------------------------------------------------------------- */

static uint64_t n_untold(const struct daemon *d)
{
        return d->n_records - d->n_told;
}

/* The oldest `max` of what is untold. */
static void tell(struct daemon *d, uint64_t max)
{
        const bool watched = server_has_subscribers(d, false, SUBSCRIBE_DECISIONS);
        const uint64_t until = d->n_told + MIN(max, n_untold(d));
        _cleanup_(buf_deinit) struct buf line = { 0 };

        for (; d->n_told < until; d->n_told++) {
                if (!watched && !d->config.log_decisions)
                        continue;
                buf_reset(&line);
                feed_format_decision(&line, &d->records[d->n_told % LIMIT_RECORDS]);
                if (d->config.log_decisions)
                        helpers_record(d, &line);
                if (watched)
                        server_broadcast(d, &line, false, SUBSCRIBE_DECISIONS);
        }
}

void history_tell(struct daemon *d)
{
        tell(d, UINT64_MAX);
}

static int on_idle(sd_event_source *source, void *userdata)
{
        struct daemon *d = userdata;

        tell(d, TELL_A_TURN);
        if (n_untold(d) > 0)
                return 0; /* enabled still: the next turn comes when nothing else waits */
        helpers_on_told(d);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

void history_tell_soon(struct daemon *d)
{
        sd_event_source_set_enabled(d->tell_source, SD_EVENT_ON);
}

/* The record that was just kept is told soon, with what gathers, or to nobody. */
static void wake_teller(struct daemon *d)
{
        const bool watched = server_has_subscribers(d, false, SUBSCRIBE_DECISIONS);

        if (!watched && !d->config.log_decisions)
                d->n_told = d->n_records;
        else if (watched || n_untold(d) >= TELL_AT)
                history_tell_soon(d);
        else
                helpers_gather(d);
}

/* ---- keeping -------------------------------------------------------------------------------------------------------------- */

static void lose_record(struct daemon *d)
{
        if (d->counters.n_records_lost++ == 0)
                log_error("no memory for a record of a decision; counted from now on, verdicts go on");
}

/* Takes `record`. */
static void keep(struct daemon *d, struct record *record)
{
        struct record *slot = &d->records[d->n_records % LIMIT_RECORDS];

        if (n_untold(d) == LIMIT_RECORDS)
                tell(d, TELL_A_TURN);
        record->seq = ++d->n_records;
        record_deinit(slot);
        *slot = *record;
        wake_teller(d);
}

void history_add(struct daemon *d, const struct decision *decision, struct subject *subject, const struct flow *flow, enum direction direction,
                 const struct hosts *hosts, uint64_t latency_ns)
{
        struct record record;

        count(d, decision->verdict, decision->reason, 1);
        d->counters.n_learned_denials += decision->would_deny;
        if (record_init(&record, decision, subject, flow, hosts) < 0) {
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

/* ---- lines that are no decisions ------------------------------------------------------------------------------------------- */

static void log_text(struct daemon *d, const char *text)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!d->config.log_decisions)
                return;
        history_tell(d);
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
        int r;

        d->records = calloc(LIMIT_RECORDS, sizeof(*d->records));
        if (!d->records)
                return -ENOMEM;
        r = sd_event_add_defer(d->loop, &d->tell_source, on_idle, d);
        if (r >= 0)
                r = sd_event_source_set_priority(d->tell_source, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->tell_source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_add_time(d->loop, NULL, CLOCK_MONOTONIC, clock_monotonic_us() + STATS_SECONDS * UINT64_C(1000000), 1000000, on_stats, d);
}

void history_stop(struct daemon *d)
{
        history_tell(d);
        d->tell_source = sd_event_source_disable_unref(d->tell_source);
        for (size_t i = 0; d->records && i < LIMIT_RECORDS; i++)
                record_deinit(&d->records[i]);
        free(d->records);
}
