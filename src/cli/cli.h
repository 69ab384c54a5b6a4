/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every command of `bastion` shares: its row in the table, the exit codes, and how to ask the daemon
 * something. A command is one function that returns an exit code; what went wrong was said on standard error
 * by then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/buf.h"
#include "base/macros.h"
#include "cli/arguments.h"
#include "cli/term.h"
#include "client/client.h"

enum exit_code {
        EXIT_YES = 0,
        EXIT_NO = 1, /* no, or denied, or not found */
        EXIT_WRONG_INPUT = 2,
        EXIT_NO_DAEMON = 3,
        EXIT_NOT_PERMITTED = 4,
        EXIT_PARTLY = 5, /* done, but for something that was told */
};

struct cli {
        const struct command *command;
        const struct arguments *arguments;
        char **words; /* those after the command's name */
        size_t n_words;
        const char *socket;
        bool json;
        const struct style *style; /* of standard output */
};

struct command {
        const char *name;
        const char *synopsis; /* what follows the name: "REF allow|deny […]" */
        const char *summary;  /* one line, for the list of commands */
        const char *help;     /* paragraphs for --help */
        const char *words;    /* what the shell may complete after the name, separated by blanks */
        uint64_t options;     /* mask of OPTION_BIT() beyond the global ones */
        size_t min_words, max_words;
        bool hidden;
        int (*run)(const struct cli *cli);
};

/* The table, in the order of the help; ends with a row without a name. */
extern const struct command commands[];

/* Words on standard error, prefixed with the program's name, with a newline. */
void cli_error(const char *format, ...) _printf_(1, 2);
/* The same, and where to find help: EXIT_WRONG_INPUT. */
int cli_wrong_input(const struct cli *cli, const char *format, ...) _printf_(2, 3);
/* Writes the buffer to standard output and empties it: 0, or an exit code with words when that failed. */
int cli_print(struct buf *out);

/* ---- asking the daemon
 * ------------------------------------------------------------------------------------------ */

/* The hello is the first request on every connection. */
enum { CLI_HELLO_ID = 1 };

/* Connects and says hello, or says why not: EXIT_YES, EXIT_NO_DAEMON, EXIT_NOT_PERMITTED or EXIT_NO. */
int cli_connect(const struct cli *cli, client_event_fn on_event, void *userdata, struct client **ret);
/* The same in two steps, for who can do without a daemon: 0 or what client_connect() returned; the words. */
int cli_try_connect(const struct cli *cli, client_event_fn on_event, void *userdata, struct client **ret);
int cli_connect_failed(const struct cli *cli, int error);
/* Serves the connection until *done is set by an event. EXIT_YES, or an exit code with words. */
int cli_listen(struct client *c, const bool *done);
/* Words for what client_dispatch() returned, and the exit code. */
int cli_connection_lost(int error);
/* The exit code that an error reply means. */
int cli_error_exit(enum message_error_code code);
/* Words for an error reply on standard error, and its exit code. */
int cli_error_reply(const struct event *event);

/* A reply of its own: the event and the line that it was parsed from. */
struct reply {
        struct event *event;
        char *raw;
        size_t n_raw;
};
void reply_deinit(struct reply *reply);

/* One request over a connection of its own: `format` writes it with the given id. EXIT_YES and the reply;
 * else words were said. */
typedef void (*request_fn)(struct buf *out, int64_t id, const void *parameters);
int cli_request(const struct cli *cli, request_fn format, const void *parameters, struct reply *ret);
/* The same for what comes in several replies: `take` gets each, errors too, and returns an exit code, or
 * CLI_ASK_AGAIN after it changed what `parameters` points at. */
enum { CLI_ASK_AGAIN = -1 };
typedef int (*reply_fn)(struct reply *reply, void *userdata);
int cli_request_each(const struct cli *cli, request_fn format, const void *parameters, reply_fn take,
                     void *userdata);
/* A request without fields. */
int cli_request_plain(const struct cli *cli, enum message_type type, struct reply *ret);
/* The reply's payload as one line of JSON on standard output; EXIT_YES or EXIT_NO. */
int cli_print_json(const char *raw, size_t n);
/* A record as the object that PROTOCOL.md documents for `watch`, with a newline. */
void cli_record_json(struct buf *out, const struct record *record);

/* ---- the commands
 * ------------------------------------------------------------------------------------------------ */

int cmd_status(const struct cli *cli);
int cmd_watch(const struct cli *cli);
int cmd_ask(const struct cli *cli);
int cmd_answer(const struct cli *cli);
int cmd_questions(const struct cli *cli);
int cmd_rules(const struct cli *cli);
int cmd_mode(const struct cli *cli);
int cmd_config(const struct cli *cli);
int cmd_log(const struct cli *cli);
int cmd_learn(const struct cli *cli);
int cmd_connections(const struct cli *cli);
int cmd_doctor(const struct cli *cli);
int cmd_why(const struct cli *cli);
int cmd_test(const struct cli *cli);
int cmd_check(const struct cli *cli);
int cmd_import(const struct cli *cli);
int cmd_export(const struct cli *cli);
int cmd_rescue(const struct cli *cli);
int cmd_selftest(const struct cli *cli);
int cmd_completion(const struct cli *cli);
