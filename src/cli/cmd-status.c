/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page that answers: is it on, does it see everything, what did it do, where are the holes, what is
 * wrong. Lines that have nothing to say are left out, except where their absence could be taken for good
 * news.
 */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "client/words.h"

enum { LABEL_COLUMNS = 13 };

static void put_label(struct buf *out, const struct style *style, const char *label)
{
        buf_puts(out, style->dim);
        text_pad(out, label, LABEL_COLUMNS);
        buf_puts(out, style->reset);
}

static void put_mode(struct buf *out, const struct style *style, const struct status *s)
{
        bool enforcement = s->mode == MODE_ENFORCEMENT;

        buf_printf(out, "%sBastion Firewall %s%s · %s%s%s", style->bold, s->version, style->reset,
                   enforcement ? style->green : style->yellow, mode_name(s->mode), style->reset);
        if (s->try_left_seconds > 0) {
                buf_puts(out, ", tried for ");
                words_duration(out, s->try_left_seconds);
                buf_puts(out, " more ('bastion mode --keep' keeps it)");
        } else if (!enforcement) {
                buf_puts(out, ": nothing is held, nothing is denied");
        }
        buf_puts(out, "\n\n");
}

static void put_running(struct buf *out, const struct style *style, const struct status *s)
{
        put_label(out, style, "Running");
        buf_puts(out, "for ");
        words_duration(out, s->uptime_seconds);
        buf_printf(out, ", process %u, %u client%s\n", s->pid, s->n_clients, s->n_clients == 1 ? "" : "s");

        put_label(out, style, "Sees by");
        buf_printf(out, "%s",
                   strcmp(s->rung, "gate") == 0 ? "the kernel's gate: identity is taken in the calling task"
                                                : "the packet queue: identity is looked up afterwards");
        buf_putc(out, '\n');
        if (s->rung_reason) {
                put_label(out, style, "");
                buf_printf(out, "%snot the gate: ", style->yellow);
                text_block(out, s->rung_reason, LABEL_COLUMNS);
                buf_puts(out, style->reset);
        }
        put_label(out, style, "Changed by");
        buf_puts(out, s->authority == AUTHORITY_POLKIT ? "root; members of group 'bastion' when polkit allows it\n"
                                                       : "root and members of group 'bastion'\n");
}

static void put_count(struct buf *out, const struct style *style, const char *label, uint64_t n,
                      const char *words)
{
        put_label(out, style, label);
        words_number(out, n);
        buf_printf(out, "%s\n", words);
}

/* "rule 812 · learning 44": the reasons that occurred, in the table's order. */
static void put_reasons(struct buf *out, const struct style *style, const struct status *s)
{
        bool first = true;

        for (unsigned i = 0; i < REASON_COUNT; i++) {
                if (s->by_reason[i] == 0)
                        continue;
                if (first)
                        put_label(out, style, "Reasons");
                else
                        buf_puts(out, " · ");
                first = false;
                buf_printf(out, "%s ", reason_word((enum reason)i));
                words_number(out, s->by_reason[i]);
        }
        if (!first)
                buf_putc(out, '\n');
}

static void put_counters(struct buf *out, const struct style *style, const struct status *s)
{
        buf_putc(out, '\n');
        put_count(out, style, "Allowed", s->n_allowed, "");
        put_count(out, style, "Denied", s->n_denied, "");
        if (s->n_learned_denials > 0 || s->mode == MODE_LEARNING)
                put_count(out, style, "Would deny", s->n_learned_denials, " let through by learning mode");
        put_reasons(out, style, s);
        put_label(out, style, "Questions");
        buf_printf(out, "%u open, %u packet%s held\n", s->n_questions, s->n_held, s->n_held == 1 ? "" : "s");
        put_count(out, style, "Rules", s->n_rules, "");
}

/* "81,244 names, read 3 h ago, 2 lines skipped"; what is wrong with one stands among the problems. */
static void put_list(struct buf *out, const struct style *style, const struct list_status *l)
{
        int64_t age = (int64_t)time(NULL) - l->since;

        buf_puts(out, "  ");
        str_escape(out, l->path);
        if (!l->in_force) {
                buf_printf(out, ": %snot in force%s\n", style->red, style->reset);
                return;
        }
        buf_puts(out, ": ");
        words_number(out, l->n_names);
        buf_puts(out, " names, read ");
        words_duration(out, age > 0 ? (uint64_t)age : 0);
        buf_puts(out, " ago");
        if (l->n_skipped > 0) {
                buf_puts(out, ", ");
                words_number(out, l->n_skipped);
                buf_printf(out, " line%s skipped", l->n_skipped == 1 ? "" : "s");
        }
        buf_putc(out, '\n');
}

static void put_lists(struct buf *out, const struct style *style, const struct status *s)
{
        if (s->n_lists > 0)
                buf_puts(out, "\nLists of names:\n");
        for (unsigned i = 0; i < s->n_lists; i++)
                put_list(out, style, &s->lists[i]);
}

static void put_hole(struct buf *out, const struct style *style, const char *words, const char *key,
                     uint64_t n)
{
        buf_printf(out, "  %s!%s %s: ", style->yellow, style->reset, words);
        words_number(out, n);
        buf_printf(out, " so far %s(%s)%s\n", style->dim, key, style->reset);
}

static void put_holes(struct buf *out, const struct style *style, const struct status *s)
{
        buf_putc(out, '\n');
        if (!s->root_bypass && !s->systemd_bypass) {
                buf_puts(out,
                         "No holes: root and systemd's network services are asked about like everybody.\n");
                return;
        }
        buf_puts(out, "Holes, open by configuration:\n");
        if (s->root_bypass)
                put_hole(out, style, "root's programs are not asked about", "allow_root_bypass",
                         s->n_root_bypass);
        if (s->systemd_bypass)
                put_hole(out, style, "systemd's network services are not asked about", "allow_systemd_bypass",
                         s->n_systemd_bypass);
}

static void put_problem(struct buf *out, const struct style *style, const char *words, size_t n)
{
        buf_printf(out, "  %s✗%s ", style->red, style->reset);
        words_plain(out, words, n);
        buf_putc(out, '\n');
}

static void put_loss(struct buf *out, const struct style *style, uint64_t n, const char *words)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        if (n == 0)
                return;
        words_number(&line, n);
        buf_printf(&line, " %s", words);
        if (!buf_error(&line))
                put_problem(out, style, line.data, line.n);
}

static void put_problems(struct buf *out, const struct style *style, const struct status *s)
{
        _cleanup_(buf_deinit) struct buf list = {0};
        const char *at = s->problems ? s->problems : "";

        while (*at) {
                size_t n = strcspn(at, "\n");

                if (n > 0)
                        put_problem(&list, style, at, n);
                at += n + (at[n] == '\n');
        }
        put_loss(&list, style, s->n_queue_overruns, "packets were lost because the queue was full");
        put_loss(&list, style, s->n_track_lost, "program names were lost on their way from the kernel");
        put_loss(&list, style, s->n_tag_failed, "sockets could not be tagged in the kernel");
        put_loss(&list, style, s->n_log_lost, "log lines were lost");
        if (list.n == 0) {
                buf_printf(out, "\n%sNo problems.%s\n", style->green, style->reset);
                return;
        }
        buf_puts(out, "\nProblems:\n");
        buf_append(out, list.data, list.n);
}

/* What the daemon reports of the kernel is its own text, over several lines. */
static int show_kernel(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        int r;

        r = cli_request_plain(cli, MESSAGE_KERNEL, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        text_block(&out, reply.event->text ? reply.event->text : "", 0);
        return cli_print(&out);
}

int cmd_status(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        const struct status *s;
        int r;

        if (arguments_have(cli->arguments, OPTION_KERNEL))
                return show_kernel(cli);
        r = cli_request_plain(cli, MESSAGE_STATUS, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        s = &reply.event->status;
        put_mode(&out, cli->style, s);
        put_running(&out, cli->style, s);
        put_counters(&out, cli->style, s);
        put_lists(&out, cli->style, s);
        put_holes(&out, cli->style, s);
        put_problems(&out, cli->style, s);
        return cli_print(&out);
}
