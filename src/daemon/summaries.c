/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel decided by itself (sys/tallies.h), told as sums: one for each program and rule that had connections. A connection costs its
 * program nothing for being counted; whoever asks or watches gets the sums of that moment. They are read before a status or a log is shown, with the
 * statistics every 30 s, every second while somebody watches, and at the end.
 */
#include "daemon/daemon.h"
#include "sys/clock.h"

enum { WATCHED_US = 1000000 };

static void on_tally(void *userdata, const struct tally *tally, const struct tally_news *news)
{
        struct daemon *d = userdata;
        struct summary summary = {
                .verdict = tally->verdict,
                .reason = tally->reason,
                .subject = (struct subject *)(uintptr_t)tally->subject, /* its count changes, nothing else */
                .rule = tally->rule,
                .flow = news->last,
                .time_us = clock_realtime_us(),
                .since_us = d->summaries_told_us,
                .n_connections = news->n_connections,
                .n_bytes = news->n_bytes,
        };
        struct hosts hosts;

        naming_find(d, tally->subject, &news->last.remote, clock_boottime(), &hosts);
        summary.host = hosts.n > 0 ? hosts.names[0] : NULL;
        history_add_summary(d, &summary);
}

void summaries_tell(struct daemon *d)
{
        const int64_t now_us = clock_realtime_us(); /* before the sums are read: what comes meanwhile is told the next time, and is later */

        if (!d->tracker)
                return;
        tracker_tell_tallies(d->tracker, on_tally, d);
        d->summaries_told_us = now_us;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        summaries_tell(d);
        if (!server_has_subscribers(d, false, SUBSCRIBE_DECISIONS))
                return 0;
        sd_event_source_set_time(source, usec + WATCHED_US);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void summaries_due(struct daemon *d)
{
        sd_event_source_set_time(d->summary_timer, clock_monotonic_us());
        sd_event_source_set_enabled(d->summary_timer, SD_EVENT_ONESHOT);
}

int summaries_start(struct daemon *d)
{
        int r;

        d->summaries_told_us = clock_realtime_us();
        r = sd_event_add_time(d->loop, &d->summary_timer, CLOCK_MONOTONIC, 0, WATCHED_US / 10, on_due, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->summary_timer, SD_EVENT_OFF);
}
