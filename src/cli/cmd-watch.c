/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion watch`: decisions from now on, one a line. Each line is flushed, so that a script behind a pipe sees
 * it when it happens.
 */
#include <unistd.h>

#include "cli/cli.h"
#include "cli/live.h"
#include "cli/show.h"

struct watch {
        const struct cli *cli;
        uint64_t left; /* so many more, UINT64_MAX all */
        bool done;
        int exit_code;
};

static void stop(struct watch *w, int exit_code)
{
        w->done = true;
        w->exit_code = exit_code;
}

static void on_decision(struct watch *w, const struct record *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code;

        if (w->done)
                return;
        if (w->cli->json) {
                cli_record_json(&out, r);
        } else {
                show_record(&out, w->cli->style, 0, r);
                buf_putc(&out, '\n');
        }
        exit_code = cli_print(&out);
        if (exit_code)
                stop(w, exit_code);
        else if (w->left != UINT64_MAX && --w->left == 0)
                stop(w, EXIT_YES);
}

static void on_event(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct watch *w = userdata;

        (void)c;
        (void)raw;
        (void)n;
        if (event->type == EVENT_DECISION && event->n_records > 0)
                on_decision(w, &event->records[0]);
        else if (event->type == EVENT_ERROR)
                stop(w, cli_error_reply(event));
}

static int watch(struct watch *w)
{
        _cleanup_(client_freep) struct client *c = NULL;
        int r;

        r = cli_connect(w->cli, on_event, w, &c);
        if (r)
                return r;
        message_format_request_subscribe(client_output(c), client_next_id(c), SUBSCRIBE_DECISIONS);
        r = cli_listen(c, &w->done);
        return r ? r : w->exit_code;
}

int cmd_watch(const struct cli *cli)
{
        struct watch w = {.cli = cli};
        char error[ARGUMENTS_ERROR_MAX];

        if (arguments_have(cli->arguments, OPTION_ASK)) {
                if (arguments_have(cli->arguments, OPTION_COUNT) || cli->json)
                        return cli_wrong_input(
                                cli, "'--ask' is a screen for a person: it goes without --count and --json");
                if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
                        return cli_wrong_input(
                                cli, "'--ask' needs a terminal; 'bastion ask' reads answers from a pipe");
                return live_run(cli, true);
        }
        if (!arguments_number(cli->arguments, OPTION_COUNT, UINT32_MAX, UINT64_MAX, &w.left, error))
                return cli_wrong_input(cli, "%s", error);
        return watch(&w);
}
