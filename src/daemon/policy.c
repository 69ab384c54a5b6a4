/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Configuration and rules together: start, reload, stop, --check. What is in force is always something that was read and validated as a whole; a
 * file that does not parse changes nothing and is told to everybody, with line and column.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"
#include "sys/netwatch.h"

static const char *const RESOLV_CONF = "/etc/resolv.conf";

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

static void apply_log(struct daemon *d)
{
        int r = helpers_set_log(d, d->config.log_decisions ? d->config.log_file : NULL);

        if (r < 0)
                log_warn("cannot open log file %s: %s; decisions go on, its lines are lost", d->config.log_file, strerror(-r));
}

void policy_read_net(struct daemon *d)
{
        const struct netinfo before = d->net;

        netwatch_read(RESOLV_CONF, &d->net);
        if (d->net.interfaces_cut && !before.interfaces_cut)
                log_warn("there are more than %d interfaces; rules that name one of the others do not match", LIMIT_INTERFACES);
        if (netinfo_differs(&before, &d->net))
                sweep_request(d); /* rules speak of scopes, and what is in a scope has changed */
}

int policy_start(struct daemon *d)
{
        int r;

        r = policy_start_config(d);
        if (r < 0)
                return r;
        apply_log(d);
        policy_read_net(d);
        r = policy_start_rules(d);
        return r < 0 ? r : policy_start_lists(d);
}

int policy_refuse(struct policy_error *error, enum message_error_code code, const char *format, ...)
{
        va_list args;

        error->code = code;
        va_start(args, format);
        vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
        return POLICY_E_REFUSED;
}

void policy_follow_config(struct daemon *d, enum mode mode)
{
        apply_log(d);
        policy_apply_config(d);
        if (!d->config.cache_decisions)
                policy_forget_session_answers(d);
        if (mode != d->config.mode) {
                policy_enter_mode(d, mode);
        } else {
                policy_refresh_hook(d);
                policy_changed(d);
        }
        prompts_askers_changed(d); /* popup_enabled may have changed */
}

void policy_reload(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf before = { 0 }, after = { 0 };
        bool trying = d->try_ends.ns != BOOTTIME_NEVER.ns;
        enum mode running = d->config.mode, wanted;

        policy_format_config(d, &before, NULL);
        history_tell(d); /* by the words of the old configuration */
        d->config.mode = policy_settled_mode(d);
        policy_load_config(d, false);
        wanted = d->config.mode;
        d->config.mode = running;
        /* A try goes on over a reload; what the file says holds when it ends. */
        if (trying)
                d->mode_before_try = wanted;
        policy_read_net(d);
        if (policy_read_dropins(d, false) < 0)
                log_error("cannot read rules.d: no memory; what was read before stays");
        /* The file is about to be ours: what it says now would be older than what is in force. */
        d->rules_reload_due = d->rules_ticket != 0;
        if (!d->rules_reload_due && policy_load_rules(d, false) < 0)
                log_error("cannot reload the rules: no memory; those in force stay");
        policy_follow_config(d, trying ? running : wanted);
        policy_reread_lists(d);
        policy_format_config(d, &after, NULL);
        if (buf_error(&before) < 0 || buf_error(&after) < 0 || before.n != after.n || memcmp(before.data, after.data, after.n) != 0)
                policy_tell_config(d);
        log_info("reloaded: %zu rules, %s", ruleset_count(d->rules), mode_name(d->config.mode));
}

void policy_stop(struct daemon *d)
{
        if (d->saver)
                policy_finish_saving(d);
        policy_stop_lifetimes(d);
        policy_stop_lists(d);
        journal_stop(d);
        d->rules = ruleset_free(d->rules);
        rulefile_rest_deinit(&d->rest);
        policy_clear_problem(&d->config_problem);
        policy_clear_problem(&d->rules_problem);
        policy_clear_problem(&d->dropins_problem);
        dropins_deinit(&d->dropins);
        policy_on_config_saved(d, -ECANCELED);
}

/* ---- --check ---------------------------------------------------------------------------------------------------------------- */

static bool check_one(const char *path, int r, const struct file_error *error)
{
        if (r == 0 || r == -ENOENT) {
                printf("%s: %s\n", path, r == 0 ? "ok" : "not there (defaults apply)");
                return true;
        }
        if (error->line)
                fprintf(stderr, "%s:%u:%u: %s\n", path, error->line, error->column, error->text);
        else
                fprintf(stderr, "%s: %s\n", path, error->text[0] ? error->text : strerror(r < 0 ? -r : EINVAL));
        return false;
}

int policy_check(const struct options *options)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct rulefile_rest rest = { 0 };
        struct config config = config_default(), checked;
        struct file_error error = { 0 };
        char path[PATH_MAX];
        struct policy_warnings warnings = { .path = path };
        char *text = NULL;
        size_t n;
        bool fine;
        int r;

        if (!set)
                return 1;
        policy_path(path, options->etc, "config.json");
        r = policy_read_config(path, &config, options, &warnings, &checked, &error);
        fine = check_one(path, r, &error) && warnings.n == 0;
        r = policy_read_factory(options, set, path, &error);
        fine &= check_one(path, r, &error);
        fine &= policy_check_dropins(options, set);
        policy_path(path, options->etc, "rules.json");
        r = policy_read_rules(path, NULL, set, &rest, &text, &n, &error);
        fine &= check_one(path, r, &error);
        if (r == 0) {
                free(text);
                printf("%zu rules\n", ruleset_count(set));
        }
        rulefile_rest_deinit(&rest);
        return fine ? 0 : 2;
}

