/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion watch` and `bastion log`: decisions, one a line, from now on or from the daemon's memory. Each
 * line is flushed, so that a script behind a pipe sees it when it happens. With --follow the subscription
 * comes before the question for the past; a decision that arrives both ways is known by its number.
 */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/live.h"
#include "cli/show.h"

struct watch {
        const struct cli *cli;
        int64_t subscribe_id, decisions_id; /* 0: not asked */
        const char *program;                /* glob, or NULL */
        bool has_verdict;
        enum verdict verdict;
        uint64_t left;     /* of new decisions: so many more, UINT64_MAX all */
        uint64_t last_seq; /* shown so far */
        uint64_t past;     /* so many at most of those in memory */
        bool follow;
        bool done;
        int exit_code;
};

static bool is_wanted(const struct watch *w, const struct record *r)
{
        if (w->has_verdict && r->verdict != w->verdict)
                return false;
        if (!w->program)
                return true;
        return fnmatch(w->program, r->subject->path, 0) == 0 ||
               fnmatch(w->program, subject_display_name(r->subject), 0) == 0;
}

static void stop(struct watch *w, int exit_code)
{
        w->done = true;
        w->exit_code = exit_code;
}

static void print_record(struct watch *w, const struct record *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code;

        w->last_seq = MAX(w->last_seq, r->seq);
        if (w->cli->json) {
                cli_record_json(&out, r);
        } else {
                show_record(&out, w->cli->style, 0, r);
                buf_putc(&out, '\n');
        }
        exit_code = cli_print(&out);
        if (exit_code)
                stop(w, exit_code);
}

static void on_decision(struct watch *w, const struct record *r)
{
        /* Before the past is there, the new ones are in it too. */
        if (w->done || w->decisions_id != 0 || r->seq <= w->last_seq || !is_wanted(w, r))
                return;
        print_record(w, r);
        if (w->left != UINT64_MAX && --w->left == 0)
                stop(w, w->exit_code);
}

static void on_past(struct watch *w, const struct event *event)
{
        uint64_t n_wanted = 0;

        for (size_t i = 0; i < event->n_records; i++)
                n_wanted += is_wanted(w, &event->records[i]);
        for (size_t i = 0; i < event->n_records && !w->done; i++) {
                const struct record *r = &event->records[i];

                if (is_wanted(w, r) && n_wanted-- <= w->past)
                        print_record(w, r);
                w->last_seq = MAX(w->last_seq, r->seq);
        }
        w->decisions_id = 0;
        if (!w->follow)
                stop(w, w->exit_code);
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
        else if (event->type == EVENT_REPLY && w->decisions_id != 0 && event->id == w->decisions_id)
                on_past(w, event);
}

static int run(struct watch *w, struct client *c)
{
        struct pollfd fd = {.fd = client_fd(c)};
        uint64_t n_garbage = 0;
        int r;

        while (!w->done) {
                fd.events = client_poll_events(c);
                if (poll(&fd, 1, -1) < 0 && errno != EINTR) {
                        cli_error("cannot wait for the daemon: %s", strerror(errno));
                        return EXIT_NO;
                }
                r = client_dispatch(c);
                if (r && !w->done)
                        return cli_connection_lost(r);
                if (client_n_garbage(c) > n_garbage) {
                        n_garbage = client_n_garbage(c);
                        cli_error("the daemon said something that this program does not understand; it was "
                                  "left out");
                }
        }
        return w->exit_code;
}

/* Asks for the new decisions, the past ones, or both. */
static int start(struct watch *w, bool past)
{
        _cleanup_(client_freep) struct client *c = NULL;
        int r;

        r = cli_connect(w->cli, on_event, w, &c);
        if (r)
                return r;
        if (w->follow) {
                w->subscribe_id = client_next_id(c);
                message_format_request_subscribe(client_output(c), w->subscribe_id, SUBSCRIBE_DECISIONS);
        }
        if (past) {
                w->decisions_id = client_next_id(c);
                message_format_request_decisions(client_output(c), w->decisions_id, LIMIT_RECORDS);
        }
        return run(w, c);
}

int cmd_watch(const struct cli *cli)
{
        struct watch w = {.cli = cli, .follow = true};
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
        return start(&w, false);
}

int cmd_log(const struct cli *cli)
{
        struct watch w = {.cli = cli, .left = UINT64_MAX, .program = cli->arguments->values[OPTION_PROGRAM]};
        const char *verdict = cli->arguments->values[OPTION_VERDICT];
        char error[ARGUMENTS_ERROR_MAX];

        w.follow = arguments_have(cli->arguments, OPTION_FOLLOW);
        if (!arguments_number(cli->arguments, OPTION_COUNT, UINT32_MAX, UINT64_MAX, &w.past, error))
                return cli_wrong_input(cli, "%s", error);
        if (verdict) {
                w.has_verdict = true;
                if (!verdict_parse(verdict, &w.verdict) || w.verdict == VERDICT_ASK)
                        return cli_wrong_input(cli, "'--verdict' is allow or deny, not '%s'", verdict);
        }
        return start(&w, true);
}
