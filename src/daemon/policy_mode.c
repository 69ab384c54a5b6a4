/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mode, and what of the hook's rules follows from it. A try of a mode ends by itself unless somebody says keep; until then config.json and its
 * last good copy have the mode before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"

/* The mode that holds when no try is running. */
enum mode policy_settled_mode(const struct daemon *d)
{
        return d->try_ends.ns == BOOTTIME_NEVER.ns ? d->config.mode : d->mode_before_try;
}

int policy_install_hook(struct daemon *d)
{
        const struct hook_options wanted = {
                .queue = d->options.queue,
                .gate_pin = d->tracker ? tracker_gate_pin(d->tracker) : NULL,
                .fail_open = config_fails_open(&d->config),
                .deny_errno = d->config.deny_errno,
        };
        int r;

        if (d->tracker) {
                r = tracker_set_deny_errno(d->tracker, d->config.deny_errno);
                if (r < 0)
                        return r;
        }
        if (d->hook_installed && d->hook.fail_open == wanted.fail_open && d->hook.deny_errno == wanted.deny_errno &&
            !d->hook.gate_pin == !wanted.gate_pin)
                return 0;
        r = hook_install(&wanted, &d->hook_form);
        if (r < 0)
                return r;
        d->hook = wanted;
        d->hook_installed = true;
        return 0;
}

/* `on_failure` (which follows the mode unless the file says otherwise) or `deny_errno` may have changed. */
void policy_refresh_hook(struct daemon *d)
{
        int r = d->hook_installed ? policy_install_hook(d) : 0;

        if (r < 0)
                log_error("cannot replace the hook's rules: %s; on_failure and deny_errno stay as they were", strerror(-r));
}

void policy_enter_mode(struct daemon *d, enum mode mode)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (d->config.mode != mode) {
                d->config.mode = mode;
                d->mode_epoch++;
                log_info("mode: %s", mode_name(mode));
                policy_changed(d);
        }
        policy_refresh_hook(d);
        message_format_mode_changed(&line, mode, policy_try_left(d));
        server_broadcast_new_style(d, &line);
}

static int64_t save_mode(struct daemon *d)
{
        struct file_error error = { 0 };
        char word[32];
        int64_t ticket;

        snprintf(word, sizeof(word), "\"%s\"", mode_name(d->config.mode));
        ticket = policy_save_key(d, "mode", word, &error);
        if (ticket < 0)
                log_error("cannot write the mode to %s/config.json: %s; it is in force until the daemon stops", d->options.etc,
                          error.text[0] ? error.text : strerror((int)-ticket));
        return ticket;
}

unsigned policy_try_left(const struct daemon *d)
{
        if (d->try_ends.ns == BOOTTIME_NEVER.ns)
                return 0;
        return (unsigned)(boottime_left(d->try_ends, clock_boottime()) / NS_PER_SEC) + 1;
}

static void end_try(struct daemon *d)
{
        d->try_ends = BOOTTIME_NEVER;
        sd_event_source_set_enabled(d->try_timer, SD_EVENT_OFF);
}

static int on_try_ended(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        end_try(d);
        policy_enter_mode(d, d->mode_before_try);
        server_notify(d, "Mode", NOTIFICATION_INFO, "nobody said keep: back to %s", mode_name(d->config.mode));
        return 0;
}

int policy_set_mode(struct daemon *d, enum mode mode, unsigned try_seconds, bool keep, int64_t *ret_ticket)
{
        *ret_ticket = 0;
        if (keep && d->try_ends.ns == BOOTTIME_NEVER.ns)
                return -ENOENT;
        if (!keep && try_seconds > 0) {
                if (d->try_ends.ns == BOOTTIME_NEVER.ns)
                        d->mode_before_try = d->config.mode;
                d->try_ends = boottime_add(clock_boottime(), try_seconds * NS_PER_SEC);
                sd_event_source_set_time(d->try_timer, d->try_ends.ns / NS_PER_USEC);
                sd_event_source_set_enabled(d->try_timer, SD_EVENT_ONESHOT);
                policy_enter_mode(d, mode);
                return 0;
        }
        end_try(d);
        policy_enter_mode(d, keep ? d->config.mode : mode);
        policy_keep_good_config(d, d->config.mode);
        *ret_ticket = save_mode(d);
        return 0;
}

int policy_start_mode(struct daemon *d)
{
        int r;

        d->try_ends = BOOTTIME_NEVER;
        r = sd_event_add_time(d->loop, &d->try_timer, CLOCK_BOOTTIME, 0, 0, on_try_ended, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->try_timer, SD_EVENT_OFF);
}
