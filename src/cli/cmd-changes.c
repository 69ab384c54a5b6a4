/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion rules history` and `bastion rules undo`: who changed which rules when, the newest first, and taking such a change back. What may be
 * undone is the daemon's to say.
 */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/changes.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"

enum { PAGE_CHANGES = 100 };

/* ---- one change --------------------------------------------------------------------------------------------------------- */

static void put_day_and_time(struct buf *out, int64_t time_us)
{
        time_t seconds = (time_t)(time_us / 1000000);
        struct tm tm;
        char words[32];

        if (localtime_r(&seconds, &tm) && strftime(words, sizeof(words), "%Y-%m-%d ", &tm) > 0)
                buf_puts(out, words);
        text_time(out, time_us);
}

static void put_author(struct buf *out, const struct journal_entry *e)
{
        if (e->by_file) {
                buf_puts(out, "an edit of rules.json");
                return;
        }
        words_user(out, e->uid);
        buf_puts(out, ", ");
        if (e->program)
                str_escape(out, e->program);
        else
                buf_puts(out, "a program that is gone");
        buf_printf(out, " (%u)", e->pid);
}

static void put_rule(struct buf *out, const char *sign, const struct rule *rule)
{
        buf_printf(out, "  %s ", sign);
        str_escape(out, rule->id ? rule->id : "");
        buf_puts(out, ": ");
        show_sentence(out, rule);
        buf_putc(out, '\n');
}

static void put_rules(struct buf *out, const struct journal_entry *e)
{
        uint64_t total = e->n_added + e->n_deleted + e->n_replaced;

        for (size_t i = 0; i < e->n_changes; i++) {
                if (e->changes[i].before)
                        put_rule(out, "-", e->changes[i].before);
                if (e->changes[i].after)
                        put_rule(out, "+", e->changes[i].after);
        }
        if (total <= e->n_changes)
                return;
        buf_puts(out, e->whole ? "  and more: " : "  too many to be kept, or to be undone: ");
        words_number(out, e->n_added);
        buf_puts(out, " added, ");
        words_number(out, e->n_deleted);
        buf_puts(out, " deleted, ");
        words_number(out, e->n_replaced);
        buf_puts(out, " replaced in all\n");
}

static void put_change(struct buf *out, const struct journal_entry *e)
{
        buf_printf(out, "%llu  ", (unsigned long long)e->number);
        put_day_and_time(out, e->time_us);
        buf_puts(out, "  ");
        put_author(out, e);
        if (e->undoes)
                buf_printf(out, ": undoes %llu", (unsigned long long)e->undoes);
        if (e->undone_by)
                buf_printf(out, "; undone by %llu", (unsigned long long)e->undone_by);
        buf_putc(out, '\n');
        put_rules(out, e);
}

static int put_all(const struct cli *cli, const struct reply *reply, struct buf *out)
{
        if (cli->json) {
                if (event_format_json_changes(reply->raw, reply->n_raw, out) == 0)
                        return EXIT_YES;
                cli_error("the daemon's answer cannot be shown as JSON");
                return EXIT_NO;
        }
        for (size_t i = 0; i < reply->event->n_changes; i++)
                put_change(out, &reply->event->changes[i]);
        return EXIT_YES;
}

/* ---- history ---------------------------------------------------------------------------------------------------------------- */

struct listing {
        const struct cli *cli;
        struct history_page page;
        uint64_t left;
};

static void format_page(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_history(out, id, &((const struct listing *)parameters)->page);
}

static int take_page(struct reply *reply, void *userdata)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        const struct event *e = reply->event;
        struct listing *l = userdata;
        int r;

        if (e->type == EVENT_ERROR)
                return cli_error_reply(e);
        r = put_all(l->cli, reply, &out);
        if (!r)
                r = cli_print(&out);
        l->left -= MIN(l->left, (uint64_t)e->n_changes);
        if (r || !e->older || l->left == 0)
                return r;
        l->page.before = e->older;
        l->page.limit = (unsigned)MIN(l->left, (uint64_t)PAGE_CHANGES);
        return CLI_ASK_AGAIN;
}

int changes_show(const struct cli *cli)
{
        struct listing l = {.cli = cli};
        char error[ARGUMENTS_ERROR_MAX];

        if (cli->n_words != 1)
                return cli_wrong_input(cli, "'%s' is a word too much for 'rules history'", cli->words[1]);
        if (!arguments_number(cli->arguments, OPTION_LIMIT, LIMIT_JOURNAL_CHANGES, LIMIT_JOURNAL_CHANGES, &l.left, error))
                return cli_wrong_input(cli, "%s", error);
        l.page.limit = (unsigned)MIN(l.left, (uint64_t)PAGE_CHANGES);
        return cli_request_each(cli, format_page, &l, take_page, &l);
}

/* ---- undo ------------------------------------------------------------------------------------------------------------------- */

static void format_undo(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_undo(out, id, *(const uint64_t *)parameters);
}

int changes_undo(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        uint64_t change = 0;
        int r;

        if (cli->n_words > 2)
                return cli_wrong_input(cli, "one change at a time: '%s' is a word too much", cli->words[2]);
        if (cli->n_words == 2 && (!str_parse_u64(cli->words[1], INT64_MAX, &change) || change == 0))
                return cli_wrong_input(cli, "which change? 'bastion rules history' shows the numbers");
        r = cli_change(cli, format_undo, &change, &reply);
        if (!r)
                r = put_all(cli, &reply, &out);
        return r ? r : cli_print(&out);
}
