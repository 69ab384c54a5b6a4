/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who subscribes to the rules is told: of each that is in force no more, and that they have changed at all. The second is for pages that list them
 * again, which costs them more than it costs us; so it comes once for all that changed within TELL_MS, and nobody is woken for it when nobody listens.
 */
#include <errno.h>

#include "daemon/policy.h"
#include "sys/clock.h"
#include "wire/sentence.h"

enum { TELL_MS = 250 };

void policy_tell_gone(struct daemon *d, const struct rule *rule, enum rule_gone why)
{
        _cleanup_(buf_deinit) struct buf line = { 0 }, sentence = { 0 };

        policy_rules_changed(d);
        if (why != RULE_GONE_DELETED) {
                sentence_format(rule, &sentence);
                if (!buf_error(&sentence))
                        history_log(d, "[ENDED] %s: %s", rule->id, sentence.data);
        }
        if (!server_has_subscribers(d, false, SUBSCRIBE_RULES))
                return;
        message_format_rule_gone(&line, rule, why);
        server_broadcast(d, &line, false, SUBSCRIBE_RULES);
}

void policy_rules_changed(struct daemon *d)
{
        const uint64_t now = clock_monotonic_us(), due = d->rules_told_us + TELL_MS * UINT64_C(1000);

        if (d->rules_told_later || !server_has_subscribers(d, false, SUBSCRIBE_RULES))
                return;
        d->rules_told_later = true;
        sd_event_source_set_time(d->rules_timer, MAX(now, due));
        sd_event_source_set_enabled(d->rules_timer, SD_EVENT_ONESHOT);
}

static int on_due(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct daemon *d = userdata;

        d->rules_told_later = false;
        d->rules_told_us = clock_monotonic_us();
        message_format_rules_changed(&line);
        server_broadcast(d, &line, false, SUBSCRIBE_RULES);
        return 0;
}

int policy_start_watchers(struct daemon *d)
{
        int r = sd_event_add_time(d->loop, &d->rules_timer, CLOCK_MONOTONIC, 0, 1, on_due, d);

        return r < 0 ? r : sd_event_source_set_enabled(d->rules_timer, SD_EVENT_OFF);
}
