/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Most commands are one question to the daemon and one answer. The wait is bounded: a daemon that does not
 * answer within REPLY_SECONDS is as good as none, and a script must not hang on it. Only where polkit asks a
 * person first does it take as long as that person.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "client/words.h"

enum { REPLY_SECONDS = 10, AUTHORITY_SECONDS = 240, BACKLOG_TRIES = 20, BACKLOG_WAIT_MS = 100 };

_printf_(1, 0) static void error_words(const char *format, va_list args)
{
        fflush(stdout);
        fputs("bastion: ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
}

void cli_error(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        error_words(format, args);
        va_end(args);
}

int cli_wrong_input(const struct cli *cli, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        error_words(format, args);
        va_end(args);
        fprintf(stderr, "Try 'bastion %s --help'.\n", cli->command->name);
        return EXIT_WRONG_INPUT;
}

int cli_print(struct buf *out)
{
        if (buf_error(out)) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        if (out->n > 0 && (fwrite(out->data, 1, out->n, stdout) != out->n || fflush(stdout) != 0)) {
                cli_error("cannot write to standard output: %s", strerror(errno));
                return EXIT_NO;
        }
        buf_reset(out);
        return EXIT_YES;
}

/* Without a hello we would be an old-style client: shown every popup, and counted as somebody to ask. */
static void say_hello(const struct cli *cli, struct client *c)
{
        char name[64];

        snprintf(name, sizeof(name), "bastion %s", cli->command->name);
        message_format_request_hello(client_output(c), client_next_id(c), name); /* CLI_HELLO_ID */
}

int cli_try_connect(const struct cli *cli, client_event_fn on_event, void *userdata, struct client **ret)
{
        int r;

        for (int i = 0; i < BACKLOG_TRIES; i++) {
                r = client_connect(cli->socket, on_event, userdata, ret);
                if (r != -EAGAIN)
                        break;
                poll(NULL, 0, BACKLOG_WAIT_MS);
        }
        if (r == 0)
                say_hello(cli, *ret);
        return r;
}

int cli_connect_failed(const struct cli *cli, int error)
{
        switch (error) {
        case CLIENT_E_NO_DAEMON:
        case -EAGAIN:
                cli_error("no daemon answers at %s. Start it with 'systemctl start bastion-firewall'.",
                          cli->socket);
                return EXIT_NO_DAEMON;
        case CLIENT_E_NOT_PERMITTED:
                cli_error("you may not talk to the daemon at %s: be root, or a member of group 'bastion'.",
                          cli->socket);
                return EXIT_NOT_PERMITTED;
        case -ENAMETOOLONG:
                cli_error("the path of a socket has at most 107 bytes: %s", cli->socket);
                return EXIT_WRONG_INPUT;
        default:
                cli_error("cannot connect to %s: %s", cli->socket, strerror(-error));
                return EXIT_NO;
        }
}

int cli_connect(const struct cli *cli, client_event_fn on_event, void *userdata, struct client **ret)
{
        int r = cli_try_connect(cli, on_event, userdata, ret);

        return r == 0 ? EXIT_YES : cli_connect_failed(cli, r);
}

int cli_listen(struct client *c, const bool *done)
{
        struct pollfd fd = {.fd = client_fd(c)};
        uint64_t n_garbage = client_n_garbage(c);
        int r;

        while (!*done) {
                fd.events = client_poll_events(c);
                if (poll(&fd, 1, -1) < 0 && errno != EINTR) {
                        cli_error("cannot wait for the daemon: %s", strerror(errno));
                        return EXIT_NO;
                }
                r = client_dispatch(c);
                if (r && !*done)
                        return cli_connection_lost(r);
                if (client_n_garbage(c) > n_garbage) {
                        n_garbage = client_n_garbage(c);
                        cli_error("the daemon said something that this program does not understand; it was "
                                  "left out");
                }
        }
        return EXIT_YES;
}

int cli_connection_lost(int error)
{
        if (error == CLIENT_E_CLOSED)
                cli_error("the daemon went away");
        else if (error == CLIENT_E_TOO_LONG)
                cli_error("what answers there is no bastion-daemon: its line has no end");
        else
                cli_error("the connection to the daemon broke: %s", strerror(-error));
        return EXIT_NO_DAEMON;
}

int cli_error_exit(enum message_error_code code)
{
        switch (code) {
        case MESSAGE_ERROR_NOT_PERMITTED:
                return EXIT_NOT_PERMITTED;
        case MESSAGE_ERROR_NOT_JSON:
        case MESSAGE_ERROR_UNKNOWN_TYPE:
        case MESSAGE_ERROR_BAD_FIELD:
                return EXIT_WRONG_INPUT;
        case MESSAGE_ERROR_NONE:
        case MESSAGE_ERROR_NOT_FOUND:
        case MESSAGE_ERROR_CLOSED:
        case MESSAGE_ERROR_FULL:
        case MESSAGE_ERROR_CONFLICT:
        case MESSAGE_ERROR_INTERNAL:
                break;
        }
        return EXIT_NO;
}

int cli_error_reply(const struct event *event)
{
        _cleanup_(buf_deinit) struct buf words = {0};

        if (event->text)
                words_plain(&words, event->text, strlen(event->text));
        cli_error("%s", words.n > 0 ? words.data : message_error_word(event->error));
        return cli_error_exit(event->error);
}

void reply_deinit(struct reply *reply)
{
        event_free(reply->event);
        free(reply->raw);
        *reply = (struct reply){0};
}

struct wait {
        int64_t id;
        unsigned seconds;
        struct reply *reply;
        int error;
};

/* Keeps the reply that is waited for: the event is parsed once more, because the client owns its own. */
static void on_reply(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct wait *wait = userdata;
        struct reply *reply = wait->reply;

        (void)c;
        if ((event->type != EVENT_REPLY && event->type != EVENT_ERROR) || event->id != wait->id || reply->raw)
                return;
        reply->raw = strndup(raw, n);
        reply->n_raw = n;
        wait->error = reply->raw ? event_parse(raw, n, &reply->event) : -ENOMEM;
}

/* Until the reply is there. EXIT_YES or an exit code with words. */
static int wait_for_reply(struct client *c, struct wait *wait)
{
        struct boottime deadline = boottime_add(client_now(), wait->seconds * NS_PER_SEC);
        struct pollfd fd = {.fd = client_fd(c)};
        int r;

        while (!wait->reply->raw) {
                uint64_t left = boottime_left(deadline, client_now());

                if (left == 0) {
                        cli_error("the daemon did not answer within %u seconds", wait->seconds);
                        return EXIT_NO_DAEMON;
                }
                fd.events = client_poll_events(c);
                if (poll(&fd, 1, (int)(left / NS_PER_MSEC) + 1) < 0 && errno != EINTR) {
                        cli_error("cannot wait for the daemon: %s", strerror(errno));
                        return EXIT_NO;
                }
                r = client_dispatch(c);
                if (r && !wait->reply->raw)
                        return cli_connection_lost(r);
                if (client_n_garbage(c) > 0) {
                        cli_error("the daemon's answer is not of this protocol; does its version fit %s?",
                                  BASTION_VERSION);
                        return EXIT_NO;
                }
        }
        if (!wait->error && wait->reply->event)
                return EXIT_YES;
        cli_error("out of memory");
        return EXIT_NO;
}

int cli_request_each(const struct cli *cli, request_fn format, const void *parameters, reply_fn take, void *userdata)
{
        _cleanup_(client_freep) struct client *c = NULL;
        struct wait wait = {0};
        int r;

        r = cli_connect(cli, on_reply, &wait, &c);
        if (r)
                return r;
        do {
                _cleanup_(reply_deinit) struct reply reply = {0};

                wait = (struct wait){.id = client_next_id(c), .seconds = REPLY_SECONDS, .reply = &reply};
                format(client_output(c), wait.id, parameters);
                r = wait_for_reply(c, &wait);
                if (r)
                        return r;
                r = take(&reply, userdata);
        } while (r == CLI_ASK_AGAIN);
        return r;
}

static int take_reply(struct reply *reply, void *userdata)
{
        struct reply *ret = userdata;

        if (reply->event->type == EVENT_ERROR)
                return cli_error_reply(reply->event);
        *ret = *reply;
        *reply = (struct reply){0};
        return EXIT_YES;
}

int cli_request(const struct cli *cli, request_fn format, const void *parameters, struct reply *ret)
{
        return cli_request_each(cli, format, parameters, take_reply, ret);
}

void cli_await_authority(const struct event *hello, pid_t *ret_agent, unsigned *ret_seconds)
{
        bool polkit = hello->type == EVENT_REPLY && hello->authority == AUTHORITY_POLKIT;

        *ret_agent = polkit ? agent_open() : 0;
        *ret_seconds = polkit ? AUTHORITY_SECONDS : REPLY_SECONDS;
}

int cli_change(const struct cli *cli, request_fn format, const void *parameters, struct reply *ret)
{
        _cleanup_(reply_deinit) struct reply hello = {0}, reply = {0};
        _cleanup_(client_freep) struct client *c = NULL;
        _cleanup_(agent_close) pid_t agent = 0;
        struct wait wait = {.id = CLI_HELLO_ID, .seconds = REPLY_SECONDS, .reply = &hello};
        int r;

        r = cli_connect(cli, on_reply, &wait, &c);
        if (!r)
                r = wait_for_reply(c, &wait);
        if (r)
                return r;
        wait = (struct wait){.id = client_next_id(c), .reply = &reply};
        cli_await_authority(hello.event, &agent, &wait.seconds);
        format(client_output(c), wait.id, parameters);
        r = wait_for_reply(c, &wait);
        return r ? r : take_reply(&reply, ret);
}

static void format_plain(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request(out, *(const enum message_type *)parameters, id);
}

int cli_request_plain(const struct cli *cli, enum message_type type, struct reply *ret)
{
        return cli_request(cli, format_plain, &type, ret);
}

int cli_print_json(const char *raw, size_t n)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (event_format_json(raw, n, &out) != 0) {
                cli_error("the daemon's answer cannot be shown as JSON");
                return EXIT_NO;
        }
        buf_putc(&out, '\n');
        return cli_print(&out);
}

void cli_record_json(struct buf *out, const struct record *record)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        message_format_decision(&line, record);
        if (buf_error(&line) || event_format_json(line.data, line.n - 1, out) < 0) {
                out->error = -ENOMEM;
                return;
        }
        buf_putc(out, '\n');
}
