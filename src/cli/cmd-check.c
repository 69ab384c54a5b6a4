/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion check`: what is wrong with rules that load without a mistake. The daemon's rules are judged here and not by the daemon,
 * because whether a program's file exists is asked of a file system, which may take its time.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/offline.h"
#include "cli/show.h"
#include "cli/text.h"
#include "core/hygiene.h"
#include "wire/jsonwrite.h"

enum { TRIES = 5 };

struct report {
        bool json;
        size_t n;
        struct buf out; /* the objects, or what stands before the table */
        struct columns table;
};

static void report_deinit(struct report *report)
{
        buf_deinit(&report->out);
        columns_deinit(&report->table);
}

/* What cannot be looked at is not said to be missing. */
static bool exists(void *userdata, const char *path)
{
        (void)userdata;
        return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void put_words(struct buf *out, const struct finding *f)
{
        const char *other = f->other ? f->other->id : "";

        switch (f->kind) {
        case FINDING_SHADOWED:
                buf_puts(out, "never decides: before it comes ");
                break;
        case FINDING_DUPLICATE:
                buf_puts(out, "says again what this says: ");
                break;
        case FINDING_OVERRULED:
                buf_puts(out, "does not decide in this session, for ");
                break;
        case FINDING_NEVER:
                buf_printf(out, "matches nothing: %s", f->why);
                return;
        case FINDING_NO_FILE:
        case FINDING_KIND_COUNT:
                buf_puts(out, "there is no such program");
                return;
        }
        str_escape(out, other);
}

static void add_row(struct columns *table, const struct finding *f)
{
        _cleanup_(buf_deinit) struct buf cell = {0};

        str_escape(&cell, f->rule->id);
        columns_take(table, &cell);
        put_words(&cell, f);
        columns_take(table, &cell);
        show_sentence(&cell, f->rule);
        columns_take(table, &cell);
}

static void add_object(struct report *report, const char *finding, const char *rule, const char *other, const char *why)
{
        struct jsonwrite w = {.out = &report->out};

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "finding", finding);
        jsonwrite_bytes(&w, "rule", rule);
        jsonwrite_bytes(&w, "other", other);
        jsonwrite_string(&w, "why", why);
        jsonwrite_close(&w, '}');
        buf_putc(&report->out, '\n');
}

static void on_found(void *userdata, const struct finding *f)
{
        struct report *report = userdata;

        if (report->json)
                add_object(report, finding_word(f->kind), f->rule->id, f->other ? f->other->id : NULL, f->why);
        else
                add_row(&report->table, f);
}

static void on_unknown_key(void *userdata, const char *key)
{
        struct report *report = userdata;

        report->n++;
        if (report->json) {
                add_object(report, "unknown-key", NULL, NULL, key);
                return;
        }
        buf_puts(&report->out, "unknown key: ");
        str_escape(&report->out, key);
        buf_puts(&report->out, " (kept, and nothing comes of it)\n");
}

/* In learning no rule that denies has an effect: said once, for it is about the mode. */
static void report_learning(struct report *report, const struct ruleset *rules)
{
        unsigned n = 0;

        for (const struct rule *r = ruleset_next(rules, NULL); r; r = ruleset_next(rules, r))
                n += r->action == ACTION_DENY && !r->disabled;
        if (n == 0)
                return;
        report->n++;
        if (report->json)
                add_object(report, "learning", NULL, NULL, "deny rules have no effect while the mode is learning");
        else
                buf_printf(&report->out, "%u rule%s without effect: the mode is learning, which denies nothing\n", n,
                           n == 1 ? " that denies is" : "s that deny are");
}

static int load_file(const char *path, struct ruleset *rules, struct report *report)
{
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {0};
        int r = offline_read_rules(path, true, rules, &rest);

        if (!r && rulefile_rest_keys(&rest, on_unknown_key, report) < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        return r;
}

/* Takes the rules out of the reply. */
static int take_rules(struct event *event, struct ruleset *rules)
{
        for (size_t i = 0; i < event->n_rules; i++) {
                if (ruleset_add(rules, event->rules[i]) != 0) {
                        cli_error("the daemon's rules cannot be taken: they contradict each other, or memory ran out");
                        return EXIT_NO;
                }
                event->rules[i] = NULL;
        }
        return EXIT_YES;
}

/* *ret_total: how many there are; *ret_learning: whether that is the mode. */
static int ask_daemon(const struct cli *cli, struct ruleset *rules, size_t *ret_total, bool *ret_learning)
{
        _cleanup_(reply_deinit) struct reply status = {0}, reply = {0};
        int r = cli_request_plain(cli, MESSAGE_STATUS, &status);

        if (!r)
                r = cli_request_plain(cli, MESSAGE_RULES, &reply);
        if (r)
                return r;
        *ret_total = status.event->status.n_rules;
        *ret_learning = status.event->status.mode == MODE_LEARNING;
        return take_rules(reply.event, rules);
}

/* Some of the rules would be no answer: a rule may come and go between the two questions, and then they are asked again. */
static int load_daemon(const struct cli *cli, struct ruleset **rules, struct report *report)
{
        size_t total = 0;
        bool learning = false;

        for (unsigned i = 0; i < TRIES; i++) {
                int r = ask_daemon(cli, *rules, &total, &learning);

                if (r)
                        return r;
                if (ruleset_count(*rules) == total) {
                        if (learning)
                                report_learning(report, *rules);
                        return EXIT_YES;
                }
                if (i + 1 == TRIES)
                        break;
                ruleset_free(*rules);
                *rules = ruleset_new(0);
                if (!*rules) {
                        cli_error("out of memory");
                        return EXIT_NO;
                }
        }
        cli_error("the daemon told %zu of its %zu rules; check the file instead: bastion check /etc/bastion/rules.json",
                  ruleset_count(*rules), total);
        return EXIT_NO;
}

static int print(struct report *report, const struct style *style, size_t n_rules)
{
        if (!report->json) {
                if (report->table.n_cells > report->table.n_columns)
                        columns_format(&report->table, style, &report->out);
                buf_printf(&report->out, "%zu rules, %zu finding%s\n", n_rules, report->n, report->n == 1 ? "" : "s");
        }
        return cli_print(&report->out);
}

int cmd_check(const struct cli *cli)
{
        _cleanup_(report_deinit) struct report report = {.json = cli->json, .table = {.n_columns = 3}};
        const struct hygiene hygiene = {.exists = exists, .found = on_found, .userdata = &report};
        _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(0);
        int r;

        if (!rules) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        r = cli->n_words > 0 ? load_file(cli->words[0], rules, &report) : load_daemon(cli, &rules, &report);
        if (r)
                return r;
        columns_add(&report.table, "ID");
        columns_add(&report.table, "FINDING");
        columns_add(&report.table, "RULE");
        report.n += hygiene_check(rules, &hygiene, cli_now());
        r = print(&report, cli->style, ruleset_count(rules));
        return r ? r : report.n > 0 ? EXIT_NO : EXIT_YES;
}
