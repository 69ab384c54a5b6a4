/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion ask`. With a terminal it is a screen (live.h). Without one it speaks lines, for scripts: questions
 * and results go out, answers come in, one after the other. An answer for `next` that comes before any
 * question waits for one; answers never overtake each other, so that what a script wrote is what happens.
 * When the input has ended and all answers have results, it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer-line.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "cli/panel.h"
#include "cli/show.h"
#include "cli/text.h"

enum { INPUT_MAX = 64 << 10, LINE_MAX_BYTES = 4 << 10 };

struct ask {
        const struct cli *cli;
        struct client *client;
        struct panel panel; /* of it only the list is used */
        struct buf input;   /* lines that are not carried out yet */
        bool input_ended;
        int64_t questions_id; /* 0: those open at the start are known */
        int64_t answer_id;    /* an answer is on its way, 0 none */
        struct answer answer;
        int exit_code;
        int error;
};

static void remember_exit(struct ask *a, int exit_code)
{
        a->exit_code = MAX(a->exit_code, exit_code);
}

static void print(struct ask *a, struct buf *line)
{
        buf_putc(line, '\n');
        remember_exit(a, cli_print(line));
}

/* "question q3-91ab curl (4242, alice) → example.com:443 TCP  make ▸ sh ▸ curl  30 s" */
static void print_question(struct ask *a, const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        buf_printf(&line, "question %s  ", prompt->ref);
        show_prompt(&line, a->cli->style, 0, prompt);
        buf_printf(&line, "  %llu s", (unsigned long long)((prompt->left_ms + 999) / 1000));
        if (prompt->learning)
                buf_puts(&line, "  (learning: an answer is recorded, takes effect in enforcement)");
        print(a, &line);
}

static void take_prompts(struct ask *a, const struct event *event)
{
        for (size_t i = 0; i < event->n_prompts && !a->error; i++) {
                struct prompt *prompt = &event->prompts[i];

                if (!a->cli->json && !panel_find(&a->panel, prompt->ref))
                        print_question(a, prompt);
                a->error = panel_add(&a->panel, prompt, client_now());
        }
}

static void on_question_closed(struct ask *a, const struct event *event)
{
        struct panel_question *q = panel_find(&a->panel, event->ref);
        _cleanup_(buf_deinit) struct buf line = {0};

        if (!q || q->request != 0)
                return; /* ours: the reply says how it went */
        panel_remove(&a->panel, q, client_now());
        if (a->cli->json)
                return;
        buf_printf(&line, "closed %s  %s", event->ref, question_state_name(event->state));
        print(a, &line);
}

static void on_answer_reply(struct ask *a, const struct event *event)
{
        _cleanup_(buf_deinit) struct buf line = {0};
        struct panel_question *q = panel_find_request(&a->panel, event->id);

        a->answer_id = 0;
        if (q)
                panel_remove(&a->panel, q, client_now());
        if (event->type == EVENT_ERROR) {
                remember_exit(a, cli_error_reply(event));
                return;
        }
        if (a->cli->json)
                return;
        buf_puts(&line, "answered ");
        show_answer(&line, &a->answer);
        print(a, &line);
}

static void on_event(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct ask *a = userdata;
        bool is_answer = (event->type == EVENT_REPLY || event->type == EVENT_ERROR) && event->id != 0 &&
                         event->id == a->answer_id;

        (void)c;
        /* Several kinds of lines: each keeps its type, as it came. */
        if (a->cli->json && (event->type == EVENT_QUESTION || event->type == EVENT_QUESTION_CLOSED ||
                             is_answer || (event->id == a->questions_id && event->id != 0))) {
                _cleanup_(buf_deinit) struct buf line = {0};

                buf_append(&line, raw, n);
                print(a, &line);
        }
        if (is_answer)
                on_answer_reply(a, event);
        else if (event->type == EVENT_ERROR)
                remember_exit(a, cli_error_reply(event));
        else if (event->type == EVENT_QUESTION_CLOSED)
                on_question_closed(a, event);
        else if (event->n_prompts > 0)
                take_prompts(a, event);
        if (event->type == EVENT_REPLY && event->id == a->questions_id)
                a->questions_id = 0;
}

static void send_answer(struct ask *a, const char *ref, const struct answer *answer)
{
        struct panel_question *q = panel_find(&a->panel, ref);

        a->answer_id = client_next_id(a->client);
        a->answer = *answer;
        if (q)
                q->request = a->answer_id;
        message_format_request_answer(client_output(a->client), a->answer_id, ref, answer);
}

/* Carries out one line of the input; false when it must wait for a question. */
static bool carry_out(struct ask *a, const char *text)
{
        char error[ANSWER_LINE_ERROR_MAX];
        struct answer_line line;

        if (text[strspn(text, " \t\r")] == '\0')
                return true;
        if (!answer_line_parse_text(text, &line, error)) {
                cli_error("%s", error);
                remember_exit(a, EXIT_WRONG_INPUT);
                return true;
        }
        if (strcmp(line.ref, "next") != 0) {
                send_answer(a, line.ref, &line.answer);
                return true;
        }
        if (a->panel.n == 0)
                return false;
        send_answer(a, a->panel.questions[0].prompt.ref, &line.answer);
        return true;
}

/* As many lines as can be carried out now: none while an answer is on its way or the open questions are not
 * known. */
static void use_input(struct ask *a)
{
        char *newline;

        while (a->answer_id == 0 && a->questions_id == 0 && a->input.n > 0) {
                newline = memchr(a->input.data, '\n', a->input.n);
                if (!newline && !a->input_ended)
                        return;
                if (newline)
                        *newline = '\0';
                if (!carry_out(a, a->input.data)) {
                        if (newline)
                                *newline = '\n';
                        return;
                }
                buf_consume(&a->input, newline ? (size_t)(newline - a->input.data) + 1 : a->input.n);
        }
}

static int read_input(struct ask *a)
{
        char data[4096];
        ssize_t n = read(STDIN_FILENO, data, sizeof(data));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n < 0)
                return -errno;
        if (n == 0)
                a->input_ended = true;
        buf_append(&a->input, data, (size_t)n);
        if (!buf_error(&a->input) && a->input.n > LINE_MAX_BYTES && !memchr(a->input.data, '\n', a->input.n))
                return -E2BIG;
        return buf_error(&a->input);
}

static bool is_done(const struct ask *a)
{
        return a->input_ended && a->input.n == 0 && a->answer_id == 0 && a->questions_id == 0;
}

/* What client_dispatch() said; trouble of our own is in a->error. */
static int run(struct ask *a)
{
        struct pollfd fds[2] = {{.fd = client_fd(a->client)}, {.fd = STDIN_FILENO, .events = POLLIN}};
        int r = 0;

        while (r == 0 && a->error == 0 && !is_done(a)) {
                fds[0].events = client_poll_events(a->client);
                /* A script that writes faster than people open connections waits in its pipe. */
                fds[1].fd = a->input_ended || a->input.n > INPUT_MAX / 2 ? -1 : STDIN_FILENO;
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
                        a->error = -errno;
                else if (fds[1].fd >= 0 && fds[1].revents)
                        a->error = read_input(a);
                r = client_dispatch(a->client);
                if (r == 0)
                        use_input(a);
        }
        return r;
}

static void ask_deinit(struct ask *a)
{
        client_free(a->client);
        panel_deinit(&a->panel);
        buf_deinit(&a->input);
}

static int ask_lines(const struct cli *cli)
{
        _cleanup_(ask_deinit) struct ask a = {.cli = cli, .input = {.max = INPUT_MAX}};
        struct buf *out;
        int r;

        r = cli_connect(cli, on_event, &a, &a.client);
        if (r)
                return r;
        out = client_output(a.client);
        message_format_request_subscribe(out, client_next_id(a.client), SUBSCRIBE_QUESTIONS);
        a.questions_id = client_next_id(a.client);
        message_format_request(out, MESSAGE_QUESTIONS, a.questions_id);
        r = run(&a);
        if (a.error == -E2BIG) {
                cli_error("an answer's line has no end, or more questions are open than there can be");
                return EXIT_WRONG_INPUT;
        }
        if (a.error) {
                cli_error("cannot go on: %s", strerror(-a.error));
                return EXIT_NO;
        }
        return r ? cli_connection_lost(r) : a.exit_code;
}

int cmd_ask(const struct cli *cli)
{
        if (!cli->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                return live_run(cli, false);
        return ask_lines(cli);
}
