/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "cli/add-rules.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cli/agent.h"

enum { WINDOW = 8, HELLO_SECONDS = 10 };

struct adding {
        const struct rule *const *rules;
        size_t n, n_sent, n_answered;
        struct added added;
        bool greeted;
        pid_t agent; /* 0, or for this terminal where polkit has to allow it */
        unsigned seconds; /* that an answer may take */
        int stop; /* an exit code: the daemon will take none of the others either */
};

static void on_answer(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct adding *a = userdata;

        (void)c;
        (void)raw;
        (void)n;
        if (event->type != EVENT_REPLY && event->type != EVENT_ERROR)
                return;
        if (event->id == CLI_HELLO_ID) {
                cli_await_authority(event, &a->agent, &a->seconds);
                a->greeted = true;
                return;
        }
        a->n_answered++;
        if (event->type == EVENT_REPLY) {
                a->added.n_added++;
                return;
        }
        a->added.n_refused++;
        if (!a->stop)
                cli_error_reply(event);
        if (event->error == MESSAGE_ERROR_NOT_PERMITTED || event->error == MESSAGE_ERROR_FULL)
                a->stop = cli_error_exit(event->error);
}

static void send_one(struct client *c, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};

        sentence_format(rule, &sentence);
        if (buf_error(&sentence))
                client_output(c)->error = buf_error(&sentence);
        else
                message_format_request_rule_add(client_output(c), client_next_id(c), sentence.data, NULL);
}

/* Until something comes, or can be sent. EXIT_YES or an exit code with words. */
static int exchange(struct client *c, struct boottime deadline, unsigned seconds)
{
        struct pollfd fd = {.fd = client_fd(c), .events = client_poll_events(c)};
        uint64_t left = boottime_left(deadline, client_now());
        int r;

        if (left == 0) {
                cli_error("the daemon did not answer within %u seconds", seconds);
                return EXIT_NO_DAEMON;
        }
        if (poll(&fd, 1, (int)(left / NS_PER_MSEC) + 1) < 0 && errno != EINTR) {
                cli_error("cannot wait for the daemon: %s", strerror(errno));
                return EXIT_NO;
        }
        r = client_dispatch(c);
        return r ? cli_connection_lost(r) : EXIT_YES;
}

static int run(struct client *c, struct adding *a)
{
        struct boottime deadline = boottime_add(client_now(), HELLO_SECONDS * NS_PER_SEC);

        while (!a->greeted) {
                int r = exchange(c, deadline, HELLO_SECONDS);

                if (r)
                        return r;
        }
        while (a->n_answered < a->n_sent || (!a->stop && a->n_sent < a->n)) {
                size_t n_answered = a->n_answered;

                deadline = boottime_add(client_now(), a->seconds * NS_PER_SEC);
                while (!a->stop && a->n_sent < a->n && a->n_sent - a->n_answered < WINDOW)
                        send_one(c, a->rules[a->n_sent++]);
                while (a->n_answered == n_answered) {
                        int r = exchange(c, deadline, a->seconds);

                        if (r)
                                return r;
                }
        }
        return a->stop;
}

int add_rules(const struct cli *cli, const struct rule *const *rules, size_t n, struct added *ret)
{
        struct adding adding = {.rules = rules, .n = n};
        _cleanup_(client_freep) struct client *c = NULL;
        int r = cli_connect(cli, on_answer, &adding, &c);

        if (!r)
                r = run(c, &adding);
        agent_close(&adding.agent);
        *ret = adding.added;
        return r;
}
