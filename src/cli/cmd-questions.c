/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion questions` and `bastion answer`: the questions, open and missed, for scripts and for people who like to type. */
#include <string.h>

#include "cli/answer-line.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/text.h"

/* The seconds that it is open, or when it ended. */
static void add_row(struct columns *table, const struct prompt *p)
{
        _cleanup_(buf_deinit) struct buf cell = {0};

        columns_add(table, p->ref);
        if (p->state == QUESTION_OPEN)
                buf_printf(&cell, "%llu s", (unsigned long long)((p->left_ms + 999) / 1000));
        else
                text_time(&cell, p->ended_us);
        columns_take(table, &cell);
        show_name(&cell, p->subject);
        if (p->subject->kind == SUBJECT_PROGRAM) {
                buf_printf(&cell, " (%u, ", p->subject->process.pid);
                show_user(&cell, p->subject);
                buf_putc(&cell, ')');
        }
        columns_take(table, &cell);
        show_host_port(&cell, &p->flow, &p->hosts);
        buf_putc(&cell, ' ');
        show_protocol(&cell, &p->flow);
        show_also(&cell, &p->hosts);
        if (p->n_more > 0)
                buf_printf(&cell, " and %u more", p->n_more);
        columns_take(table, &cell);
        if (p->state == QUESTION_OPEN)
                show_chain(&cell, p->subject, 0);
        else
                buf_puts(&cell, p->verdict == VERDICT_ALLOW ? "was allowed" : "was denied");
        columns_take(table, &cell);
}

enum { N_COLUMNS = 5 };

static void put_table(struct buf *out, const struct style *style, const char *const heading[N_COLUMNS],
                      const struct prompt *prompts, size_t n)
{
        _cleanup_(columns_deinit) struct columns table = {.n_columns = N_COLUMNS};

        for (size_t i = 0; i < N_COLUMNS; i++)
                columns_add(&table, heading[i]);
        for (size_t i = 0; i < n; i++)
                add_row(&table, &prompts[i]);
        columns_format(&table, style, out);
}

int cmd_questions(const struct cli *cli)
{
        static const char *const open[N_COLUMNS] = {"REF", "LEFT", "PROGRAM", "DESTINATION", "STARTED BY"};
        static const char *const missed[N_COLUMNS] = {"REF", "ENDED", "PROGRAM", "DESTINATION", "VERDICT"};
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        int r;

        r = cli_request_plain(cli, MESSAGE_QUESTIONS, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        if (reply.event->n_prompts == 0)
                buf_puts(&out, "No question is open.\n");
        else
                put_table(&out, cli->style, open, reply.event->prompts, reply.event->n_prompts);
        if (reply.event->n_missed > 0) {
                buf_puts(&out, "\nDecided without you; 'bastion answer REF … late' answers for the future:\n");
                put_table(&out, cli->style, missed, reply.event->missed, reply.event->n_missed);
        }
        return cli_print(&out);
}

static void format_answer(struct buf *out, int64_t id, const void *parameters)
{
        const struct answer_line *line = parameters;

        message_format_request_answer(out, id, line->ref, &line->answer);
}

int cmd_answer(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        struct answer_line line;
        char error[ANSWER_LINE_ERROR_MAX];
        int r;

        if (!answer_line_parse((const char *const *)cli->words, cli->n_words, &line, error))
                return cli_wrong_input(cli, "%s", error);
        r = cli_change(cli, format_answer, &line, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        show_answer(&out, &line.answer);
        buf_putc(&out, '\n');
        return cli_print(&out);
}
