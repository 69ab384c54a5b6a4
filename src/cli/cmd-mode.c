/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion mode`: asks, changes, tries. A try that nobody keeps ends by itself, so that nobody can lock
 * themselves out for good. */
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "client/words.h"

enum { TRY_SECONDS_MAX = 86400 };

struct mode_request {
        enum mode mode;
        unsigned try_seconds;
        bool keep;
};

static void format_mode(struct buf *out, int64_t id, const void *parameters)
{
        const struct mode_request *request = parameters;

        message_format_request_mode(out, id, request->mode, request->try_seconds, request->keep);
}

static int show(const struct cli *cli, const struct reply *reply)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (cli->json)
                return cli_print_json(reply->raw, reply->n_raw);
        buf_puts(&out, mode_name(reply->event->mode));
        if (reply->event->try_left_seconds > 0) {
                buf_puts(&out, " for ");
                words_duration(&out, reply->event->try_left_seconds);
                buf_puts(&out, "; 'bastion mode --keep' keeps it");
        }
        buf_putc(&out, '\n');
        return cli_print(&out);
}

/* The mode that is being tried becomes the mode. */
static int keep(const struct cli *cli, struct reply *ret)
{
        _cleanup_(reply_deinit) struct reply now = {0};
        struct mode_request request = {.keep = true};
        int r;

        r = cli_request_plain(cli, MESSAGE_MODE, &now);
        if (r)
                return r;
        if (now.event->try_left_seconds == 0) {
                cli_error("nothing is being tried; the mode is %s", mode_name(now.event->mode));
                return EXIT_NO;
        }
        request.mode = now.event->mode;
        return cli_change(cli, format_mode, &request, ret);
}

int cmd_mode(const struct cli *cli)
{
        bool has_try = arguments_have(cli->arguments, OPTION_TRY),
             has_keep = arguments_have(cli->arguments, OPTION_KEEP);
        _cleanup_(reply_deinit) struct reply reply = {0};
        struct mode_request request = {0};
        char error[ARGUMENTS_ERROR_MAX];
        uint64_t seconds;
        int r;

        if (!arguments_number(cli->arguments, OPTION_TRY, TRY_SECONDS_MAX, 0, &seconds, error))
                return cli_wrong_input(cli, "%s", error);
        if (has_keep && (has_try || cli->n_words > 0))
                return cli_wrong_input(
                        cli, "'--keep' keeps what is being tried: it goes without a mode and without --try");
        if (has_try && cli->n_words == 0)
                return cli_wrong_input(cli, "'--try' needs a mode to try");
        if (cli->n_words > 0 && !mode_parse(cli->words[0], &request.mode))
                return cli_wrong_input(cli, "the mode is learning or enforcement, not '%s'", cli->words[0]);

        request.try_seconds = (unsigned)seconds;
        if (has_keep)
                r = keep(cli, &reply);
        else if (cli->n_words > 0)
                r = cli_change(cli, format_mode, &request, &reply);
        else
                r = cli_request_plain(cli, MESSAGE_MODE, &reply);
        return r ? r : show(cli, &reply);
}
