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
#include "cli/rule-pages.h"
#include "cli/show.h"
#include "cli/text.h"
#include "core/hygiene.h"
#include "wire/jsonwrite.h"

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
        case FINDING_NO_LIST:
                buf_puts(out, "there is no such list: ");
                str_escape(out, f->why);
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

static int load_daemon(const struct cli *cli, struct ruleset **rules, struct report *report)
{
        _cleanup_(reply_deinit) struct reply status = {0};
        int r = cli_request_plain(cli, MESSAGE_STATUS, &status);

        if (!r)
                r = rule_pages_set(cli, rules);
        if (!r && status.event->status.mode == MODE_LEARNING)
                report_learning(report, *rules);
        return r;
}

static int load(const struct cli *cli, struct ruleset **rules, struct report *report)
{
        if (cli->n_words == 0)
                return load_daemon(cli, rules, report);
        *rules = ruleset_new(0);
        if (*rules)
                return load_file(cli->words[0], *rules, report);
        cli_error("out of memory");
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
        _cleanup_(ruleset_freep) struct ruleset *rules = NULL;
        int r = load(cli, &rules, &report);

        if (r)
                return r;
        columns_add(&report.table, "ID");
        columns_add(&report.table, "FINDING");
        columns_add(&report.table, "RULE");
        report.n += hygiene_check(rules, &hygiene, client_now());
        r = print(&report, cli->style, ruleset_count(rules));
        return r ? r : report.n > 0 ? EXIT_NO : EXIT_YES;
}
