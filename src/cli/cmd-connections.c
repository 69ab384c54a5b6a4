/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion connections`: who is talking now, from the kernel's sockets, decided or not. */
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"

/* Nothing where the kernel does not count. */
static void add_bytes(struct columns *table, const struct connection *c, uint64_t n)
{
        _cleanup_(buf_deinit) struct buf cell = {0};

        if (c->has_bytes)
                words_bytes(&cell, n);
        columns_take(table, &cell);
}

static void add_row(struct columns *table, const struct connection *c)
{
        _cleanup_(buf_deinit) struct buf cell = {0};

        show_name(&cell, c->subject);
        columns_take(table, &cell);
        if (c->subject->kind == SUBJECT_PROGRAM)
                buf_printf(&cell, "%u", c->subject->process.pid);
        columns_take(table, &cell);
        show_user(&cell, c->subject);
        columns_take(table, &cell);
        buf_puts(&cell, c->direction == DIRECTION_IN ? "in" : "out");
        columns_take(table, &cell);
        show_host_port(&cell, &c->flow, &c->hosts);
        buf_putc(&cell, ' ');
        show_protocol(&cell, &c->flow);
        show_also(&cell, &c->hosts);
        columns_take(table, &cell);
        add_bytes(table, c, c->bytes_out);
        add_bytes(table, c, c->bytes_in);
        show_chain(&cell, c->subject, 0);
        columns_take(table, &cell);
}

int cmd_connections(const struct cli *cli)
{
        static const char *const heading[] = {"PROGRAM", "PID", "USER", "WAY", "REMOTE", "SENT", "RECEIVED", "STARTED BY"};
        _cleanup_(columns_deinit) struct columns table = {.n_columns = ARRAY_SIZE(heading)};
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        int r;

        r = cli_request_plain(cli, MESSAGE_CONNECTIONS, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        if (reply.event->n_connections == 0) {
                buf_puts(&out, "Nobody is talking.\n");
                return cli_print(&out);
        }
        for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
                columns_add(&table, heading[i]);
        for (size_t i = 0; i < reply.event->n_connections; i++)
                add_row(&table, &reply.event->connections[i]);
        columns_format(&table, cli->style, &out);
        return cli_print(&out);
}
