/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion doctor`: the daemon examines itself and the machine; this prints what it found. */
#include "cli/cli.h"
#include "cli/text.h"

enum { NAME_COLUMNS = 14 };

static void put_mark(struct buf *out, const struct style *style, enum check_level level)
{
        switch (level) {
        case CHECK_OK:
                buf_printf(out, "%s✓ ok     %s  ", style->green, style->reset);
                break;
        case CHECK_WARNING:
                buf_printf(out, "%s! warning%s  ", style->yellow, style->reset);
                break;
        case CHECK_FAILED:
                buf_printf(out, "%s✗ failed %s  ", style->red, style->reset);
                break;
        }
}

static void put_check(struct buf *out, const struct style *style, const struct check *check)
{
        put_mark(out, style, check->level);
        text_pad(out, check->name, NAME_COLUMNS);
        buf_puts(out, "  ");
        text_block(out, check->text, 11 + NAME_COLUMNS + 2);
}

int cmd_doctor(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        unsigned n[CHECK_FAILED + 1] = {0};
        int r;

        r = cli_request_plain(cli, MESSAGE_DOCTOR, &reply);
        if (r)
                return r;
        for (size_t i = 0; i < reply.event->n_checks; i++)
                n[reply.event->checks[i].level]++;
        if (cli->json) {
                r = cli_print_json(reply.raw, reply.n_raw);
        } else {
                for (size_t i = 0; i < reply.event->n_checks; i++)
                        put_check(&out, cli->style, &reply.event->checks[i]);
                buf_printf(&out, "\n%u ok, %u warning%s, %u failed\n", n[CHECK_OK], n[CHECK_WARNING],
                           n[CHECK_WARNING] == 1 ? "" : "s", n[CHECK_FAILED]);
                r = cli_print(&out);
        }
        return r ? r : n[CHECK_FAILED] > 0 ? EXIT_NO : EXIT_YES;
}
