/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration in force, and the mode. A wrong word keeps that key's last good value, a file that does not parse changes nothing; at start
 * the last good copy in the state directory takes a bad file's place. A try of a mode ends by itself unless somebody says keep.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "wire/conffile.h"

/* What is in force, every key of it: so a file with one wrong word cannot take the last good word away. A try is not in force for good. */
static void save_good_config(struct daemon *d, enum mode mode)
{
        _cleanup_(buf_deinit) struct buf text = { .max = LIMIT_CONFIG_FILE };
        struct config good = d->config;
        size_t n;

        good.mode = mode;
        if (conffile_format(&good, &text) < 0) {
                log_warn("cannot keep a last good copy of the configuration: no memory");
                return;
        }
        n = text.n;
        policy_keep_good(d, "config.json.good", buf_take(&text), n);
}

/* At start, before config.json itself is read: where that is wrong, in a word or as a whole, this holds. False: there never was a good one. */
static bool load_good_config(struct daemon *d)
{
        struct policy_warnings warnings = { .d = d };
        struct file_error ignored;
        struct config config;
        char good[PATH_MAX];

        policy_path(good, d->options.state, "config.json.good");
        warnings.path = good;
        if (policy_read_config(good, &d->config, &d->options, &warnings, &config, &ignored) != 0)
                return false;
        d->config = config;
        return true;
}

/* The mode that holds when no try is running. */
enum mode policy_settled_mode(const struct daemon *d)
{
        return d->try_ends.ns == BOOTTIME_NEVER.ns ? d->config.mode : d->mode_before_try;
}

/* Reads config.json over `d->config`, whose mode must be the settled one: a wrong word keeps it. */
void policy_load_config(struct daemon *d, bool at_start)
{
        char path[PATH_MAX];
        struct policy_warnings warnings = { .d = d, .path = path };
        struct file_error error = { 0 };
        struct config config;
        bool had_good = at_start && load_good_config(d);
        int r;

        policy_path(path, d->options.etc, "config.json");
        r = policy_read_config(path, &d->config, &d->options, &warnings, &config, &error);
        if (r == 0) {
                d->config = config;
                policy_clear_problem(&d->config_problem);
                save_good_config(d, config.mode);
        } else if (!at_start) {
                policy_set_problem(&d->config_problem, path, &error, "the configuration in force stays");
                server_notify(d, "Configuration", NOTIFICATION_ERROR, "%s", d->config_problem ? d->config_problem : path);
        } else if (had_good) {
                policy_set_problem(&d->config_problem, path, &error, "the last good copy is in force");
        } else if (r != -ENOENT) {
                policy_set_problem(&d->config_problem, path, &error, "there is no good copy: starting in learning mode");
        }
}

/* ---- mode --------------------------------------------------------------------------------------------------------------- */

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
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS | SUBSCRIBE_DECISIONS);
}

static int64_t save_mode(struct daemon *d)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(buf_deinit) struct buf out = { .max = LIMIT_CONFIG_FILE };
        struct file_error error = { 0 };
        char path[PATH_MAX], word[32];
        size_t n = 0;
        int r;

        policy_path(path, d->options.etc, "config.json");
        snprintf(word, sizeof(word), "\"%s\"", mode_name(d->config.mode));
        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r == -ENOENT)
                r = conffile_edit("{}", 2, "mode", word, &out, &error);
        else if (r == 0)
                r = conffile_edit(text, n, "mode", word, &out, &error);
        if (r != 0) {
                log_error("cannot write the mode to %s: %s; it is in force until the daemon stops", path, r < 0 ? strerror(-r) : error.text);
                return r < 0 ? r : -EINVAL;
        }
        n = out.n;
        return saver_replace(d->saver, path, buf_take(&out), n, 0644);
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
        save_good_config(d, d->config.mode);
        *ret_ticket = save_mode(d);
        return 0;
}


int policy_start_config(struct daemon *d)
{
        int r;

        d->config = config_default();
        d->try_ends = BOOTTIME_NEVER;
        r = sd_event_add_time(d->loop, &d->try_timer, CLOCK_BOOTTIME, 0, 0, on_try_ended, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->try_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        policy_load_config(d, true);
        return 0;
}
