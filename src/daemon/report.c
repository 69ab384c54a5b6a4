/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon about itself: status, doctor, the kernel's side. Nothing is believed that was not looked at: doctor reads links and tables back
 * from the kernel and sends a packet of its own through the hooks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/polkit.h"
#include "sys/clock.h"
#include "sys/files.h"

static const char *const NFTABLES_CONF = "/etc/nftables.conf";

enum { NFTABLES_CONF_MAX = 1 << 20 };

static uint64_t hits_of(const struct daemon *d, const char *id, bool *ret_enabled)
{
        const struct rule *rule = ruleset_find(d->rules, id);

        *ret_enabled = rule && !rule->disabled;
        return rule ? rule->n_hits : 0;
}

static char *problems_of(const struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        if (d->config_problem)
                buf_printf(&text, "%s\n", d->config_problem);
        if (d->rules_problem)
                buf_printf(&text, "%s\n", d->rules_problem);
        if (d->dropins_problem)
                buf_printf(&text, "%s\n", d->dropins_problem);
        policy_list_problems(d, &text);
        if (d->rules_save_error < 0)
                buf_printf(&text, "%s/rules.json is not saved: %s; tried again\n", d->options.etc, policy_save_error(d, d->rules_save_error));
        if (d->journal_unsaved)
                buf_printf(&text, "%s/rules.journal is not written: changes of rules cannot be undone after a restart\n", d->options.state);
        if (helpers_problem(d)[0])
                buf_printf(&text, "%s\n", helpers_problem(d));
        if (helpers_lost(d))
                buf_printf(&text, "%" PRIu64 " decisions or lines did not reach log and history\n", helpers_lost(d));
        if (d->counters.n_not_ended)
                buf_printf(&text, "%" PRIu64 " live flows that a rule denies could not be ended; their packets are refused\n", d->counters.n_not_ended);
        return text.n ? buf_take(&text) : NULL;
}

void report_status(struct daemon *d, struct status *ret)
{
        struct tracker_stats kernel = { 0 };
        struct queue_stats queue;

        summaries_tell(d);
        if (d->tracker)
                tracker_stats(d->tracker, &kernel);
        queue_stats(d->queue, &queue);
        *ret = (struct status){
                .version = BASTION_VERSION,
                .pid = d->pid,
                .mode = d->config.mode,
                .try_left_seconds = policy_try_left(d),
                .rung_reason = d->rung_reason ? strdup(d->rung_reason) : NULL,
                .authority = authority_in_force(d),
                .uptime_seconds = boottime_left(clock_boottime(), d->started) / NS_PER_SEC,
                .n_allowed = d->counters.n_allowed,
                .n_denied = d->counters.n_denied,
                .n_learned_denials = d->counters.n_learned_denials,
                .n_rules = (unsigned)ruleset_count(d->rules),
                .n_questions = question_count(d->questions),
                .n_held = question_held_count(d->questions),
                .n_clients = server_client_count(d),
                .n_queue_overruns = (uint64_t)queue.kernel_dropped + queue.user_dropped, /* one overrun is many packets */
                .n_track_lost = kernel.n_track_lost,
                .n_tag_failed = kernel.n_tag_failed,
                .n_log_lost = helpers_lost(d),
                .problems = problems_of(d),
        };
        ret->n_lists = policy_list_status(d, ret->lists);
        snprintf(ret->rung, sizeof(ret->rung), "%s", d->tracker ? "gate" : "queue");
        memcpy(ret->by_reason, d->counters.by_reason, sizeof(ret->by_reason));
        ret->n_root_bypass = hits_of(d, "factory:root", &ret->root_bypass);
        ret->n_systemd_bypass = hits_of(d, "factory:systemd-network", &ret->systemd_bypass);
}

/* ---- doctor ---------------------------------------------------------------------------------------------------------------- */

struct findings {
        struct check *checks;
        size_t n;
};

static void _printf_(4, 5) add(struct findings *f, enum check_level level, const char *name, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;
        int n;

        if (f->n == REPORT_CHECKS_MAX)
                return;
        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0)
                return;
        f->checks[f->n] = (struct check){ .level = level, .name = strdup(name), .text = TAKE_PTR(text) };
        if (!f->checks[f->n].name) {
                check_deinit(&f->checks[f->n]);
                return;
        }
        f->n++;
}

static void check_rung(struct daemon *d, struct findings *f)
{
        _cleanup_(buf_deinit) struct buf report = { 0 };
        struct utsname kernel;
        bool proved;

        uname(&kernel);
        add(f, CHECK_OK, "kernel", "Linux %s, %s", kernel.release, kernel.machine);
        if (!d->tracker) {
                add(f, d->rung_reason ? CHECK_WARNING : CHECK_OK, "rung",
                    "queue: identity by socket and /proc after the fact; programs that exit at once may stay unknown%s%s",
                    d->rung_reason ? ": " : " (asked for)", d->rung_reason ? d->rung_reason : "");
                return;
        }
        add(f, CHECK_OK, "rung", "gate: identity taken in the kernel where the connection is made");
        proved = tracker_prove(d->tracker, &report);
        proved = probe_packet_path(d, &report) && proved; /* both are told */
        add(f, proved ? CHECK_OK : CHECK_FAILED, "hooks", "%s%s", proved ? "proved to run" : "NOT proved to run",
            report.data && report.n ? ":\n" : "");
        if (report.n && f->n) {
                struct check *c = &f->checks[f->n - 1];
                char *both;

                if (asprintf(&both, "%s%s", c->text, report.data) >= 0) {
                        free(c->text);
                        c->text = both;
                }
        }
}

static void check_tables(struct findings *f)
{
        int r = hook_present();

        if (r == 1)
                add(f, CHECK_OK, "tables", "ip bastion and ip6 bastion are in place");
        else if (r == 0)
                add(f, CHECK_FAILED, "tables", "the nftables tables are gone: nothing is filtered; restart the daemon");
        else
                add(f, CHECK_FAILED, "tables", "cannot be read: %s", strerror(-r));
}

static void check_queue(struct daemon *d, struct findings *f)
{
        struct queue_stats s;

        queue_stats(d->queue, &s);
        add(f, s.kernel_dropped || s.user_dropped ? CHECK_WARNING : CHECK_OK, "queue",
            "number %u: %" PRIu64 " received, %u waiting, %u dropped because it was full, %u because too much of it was unread", d->options.queue,
            s.n_received, s.waiting, s.kernel_dropped, s.user_dropped);
}

static void check_losses(struct daemon *d, struct findings *f)
{
        struct tracker_stats s;

        if (!d->tracker)
                return;
        tracker_stats(d->tracker, &s);
        add(f, s.n_answer_lost ? CHECK_WARNING : CHECK_OK, "dns answers",
            "%" PRIu64 " questions asked by UDP, %" PRIu64 " answers read, %" PRIu64 " lost because too many were unread, %" PRIu64
            " without a name that could be used", s.n_questions, s.n_answers, s.n_answer_lost, d->counters.n_answers_unread);
        add(f, s.n_tag_failed || s.n_track_lost || s.n_queued_full ? CHECK_WARNING : CHECK_OK, "tags",
            "%" PRIu64 " sockets tagged, %" PRIu64 " not (map full); %" PRIu64 " programs described, %" PRIu64 " lost; %" PRIu64
            " packets passed by the gate, %" PRIu64 " queued; %" PRIu64 " connections decided by verdicts that the kernel knows",
            s.n_tagged, s.n_tag_failed, s.n_tracked, s.n_track_lost, s.n_passed, s.n_queued, s.n_known);
}

static void check_files(struct daemon *d, struct findings *f)
{
        if (d->config_problem)
                add(f, CHECK_FAILED, "configuration", "%s", d->config_problem);
        else
                add(f, CHECK_OK, "configuration", "%s/config.json", d->options.etc);
        if (d->rules_problem)
                add(f, CHECK_FAILED, "rules", "%s", d->rules_problem);
        else
                add(f, CHECK_OK, "rules", "%zu rules in force, the shipped ones included", ruleset_count(d->rules));
        if (d->dropins_problem)
                add(f, CHECK_FAILED, "rules.d", "%s", d->dropins_problem);
        else if (d->dropins.n > 0)
                add(f, CHECK_OK, "rules.d", "%zu file%s", d->dropins.n, d->dropins.n == 1 ? "" : "s");
}

/* Those that are read, and on other lines what is wrong with one. */
static void check_lists(struct daemon *d, struct findings *f)
{
        _cleanup_(buf_deinit) struct buf words = { 0 };
        struct list_status lists[LIMIT_LISTS];
        const unsigned n = policy_list_status(d, lists);
        uint64_t n_names = 0;

        for (unsigned i = 0; i < n; i++) {
                n_names += lists[i].n_names;
                list_status_deinit(&lists[i]);
        }
        policy_list_problems(d, &words);
        if (words.n > 0)
                add(f, CHECK_FAILED, "lists", "%.*s", (int)words.n - 1, words.data);
        else if (n > 0)
                add(f, CHECK_OK, "lists", "%u list%s with %" PRIu64 " names", n, n == 1 ? "" : "s", n_names);
}

static void check_holes(struct daemon *d, struct findings *f)
{
        bool root, systemd;
        uint64_t by_root = hits_of(d, "factory:root", &root), by_systemd = hits_of(d, "factory:systemd-network", &systemd);

        add(f, root ? CHECK_WARNING : CHECK_OK, "root", root ? "everything of uid 0 is allowed (allow_root_bypass): %" PRIu64 " so far" :
                                                              "uid 0 is treated like everybody (%" PRIu64 " allowed by the bypass before)", by_root);
        add(f, CHECK_OK, "systemd", "group systemd-network %s: %" PRIu64 " so far",
            systemd ? "is allowed (allow_systemd_bypass)" : "is treated like everybody", by_systemd);
        add(f, CHECK_OK, "resolver", "any program may ask the %u servers of resolv.conf on port 53: a possible tunnel", d->net.n_resolvers);
}

static void check_authority(struct daemon *d, struct findings *f)
{
        if (authority_is_lost(d))
                add(f, CHECK_WARNING, "authority", "polkit was there and is not: until it is back nobody but root may change policy");
        else if (authority_in_force(d) == AUTHORITY_POLKIT)
                add(f, CHECK_OK, "authority", "members of group bastion answer their own questions; for the rest polkit is asked (" POLKIT_ACTION ")");
        else
                add(f, CHECK_OK, "authority", "members of group bastion may change everything: there is no polkit here");
}

/* A saved ruleset with our rule in it cannot be loaded again by nft. */
static void check_saved_ruleset(struct findings *f)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;

        if (files_read(NFTABLES_CONF, NFTABLES_CONF_MAX, &text, &n) < 0)
                return;
        if (strstr(text, "table ip bastion") || strstr(text, "table ip6 bastion"))
                add(f, CHECK_WARNING, "saved ruleset", "%s contains Bastion's tables and cannot be loaded by nft: take them out", NFTABLES_CONF);
}

static void check_helpers(struct daemon *d, struct findings *f)
{
        char text[512];
        enum check_level level;

        level = helpers_check_recorder(d, text, sizeof(text));
        add(f, level, "recorder", "%s", text);
        level = helpers_check_parser(d, text, sizeof(text));
        add(f, level, "parser", "%s", text);
}

size_t report_doctor(struct daemon *d, struct check ret[REPORT_CHECKS_MAX])
{
        struct findings f = { .checks = ret };

        check_rung(d, &f);
        check_tables(&f);
        check_queue(d, &f);
        check_losses(d, &f);
        check_files(d, &f);
        check_lists(d, &f);
        check_holes(d, &f);
        check_authority(d, &f);
        check_saved_ruleset(&f);
        check_helpers(d, &f);
        return f.n;
}

void report_kernel(struct daemon *d, struct buf *out)
{
        int r = hook_describe(out);

        if (r < 0)
                buf_printf(out, "the tables cannot be read: %s\n", strerror(-r));
        if (d->tracker) {
                struct tracker_stats s;

                tracker_stats(d->tracker, &s);
                buf_printf(out, "\ngate %s\n  %" PRIu64 " passed, %" PRIu64 " queued, %" PRIu64 " sockets tagged, %" PRIu64 " connections decided\n",
                           tracker_gate_pin(d->tracker), s.n_passed, s.n_queued, s.n_tagged, s.n_known);
                buf_printf(out, "dns\n  %" PRIu64 " questions, %" PRIu64 " answers read, %" PRIu64 " lost, %" PRIu64 " without a usable name\n",
                           s.n_questions, s.n_answers, s.n_answer_lost, d->counters.n_answers_unread);
        }
}
