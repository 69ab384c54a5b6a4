/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion why`: the daemon explains, because only it has the rules in force. A connection is typed the short way
 * (curl 1.2.3.4:443) and sent as the words of a sentence; a decision is sent by its number.
 */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/rule-words.h"
#include "cli/why-page.h"
#include "client/words.h"

/* ---- the last decision
 * ------------------------------------------------------------------------------------------------ */

static void format_words(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_why(out, id, parameters);
}

static void format_decision(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_why_decision(out, id, *(const uint64_t *)parameters);
}

static void format_decisions(struct buf *out, int64_t id, const void *parameters)
{
        (void)parameters;
        message_format_request_decisions(out, id, LIMIT_RECORDS);
}

/* Says what the reply explains. */
static int show(const struct cli *cli, const struct reply *reply, const struct record *decision)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (cli->json)
                return cli_print_json(reply->raw, reply->n_raw);
        if (!reply->event->why) {
                cli_error("the daemon does not explain; is its version older than %s?", BASTION_VERSION);
                return EXIT_NO;
        }
        why_page(&out, cli->style, reply->event->why, decision);
        return cli_print(&out);
}

static bool is_wanted(const struct record *r, bool denied, const char *program)
{
        if (denied && r->verdict != VERDICT_DENY && !r->would_deny)
                return false;
        return !program || fnmatch(program, r->subject->path, 0) == 0 ||
               fnmatch(program, subject_display_name(r->subject), 0) == 0;
}

static int explain_last(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply decisions = {0}, reply = {0};
        bool denied = cli->n_words > 0 && strcmp(cli->words[0], "denied") == 0;
        const char *program = cli->n_words > (size_t)denied ? cli->words[denied] : NULL;
        const struct record *last = NULL;
        int r;

        if (cli->n_words > (size_t)denied + 1)
                return cli_wrong_input(cli, "'%s' is a word too much for 'why --last'", cli->words[denied + 1]);
        r = cli_request(cli, format_decisions, NULL, &decisions);
        if (r)
                return r;
        for (size_t i = decisions.event->n_records; i > 0 && !last; i--)
                if (is_wanted(&decisions.event->records[i - 1], denied, program))
                        last = &decisions.event->records[i - 1];
        if (!last) {
                cli_error("the daemon remembers no such decision");
                return EXIT_NO;
        }
        r = cli_request(cli, format_decision, &last->seq, &reply);
        return r ? r : show(cli, &reply, last);
}

/* ---- a connection
 * ------------------------------------------------------------------------------------------------ */

/* Where the shell would find the command `name`; false when it would not. */
static bool find_command(const char *name, char ret[PATH_MAX])
{
        const char *at = getenv("PATH");

        while (at && *at) {
                size_t n = strcspn(at, ":");

                if (snprintf(ret, PATH_MAX, "%.*s/%s", (int)n, at, name) < PATH_MAX && access(ret, X_OK) == 0)
                        return true;
                at += n + (at[n] == ':');
        }
        return false;
}

/* Rules name the file that the kernel runs: without symbolic links. One that does not exist is taken as it is. */
static bool put_program(struct buf *out, const char *word)
{
        char found[PATH_MAX], real[PATH_MAX];
        const char *path = word;

        if (!strchr(word, '/')) {
                if (!find_command(word, found))
                        return false;
                path = found;
        }
        if (realpath(path, real))
                path = real;
        buf_putc(out, '"');
        str_escape(out, path);
        buf_putc(out, '"');
        return true;
}

/* "1.2.3.4:443", "[::1]:53", "::1": with the clauses that a sentence has for them. */
static void put_destination(struct buf *out, const char *word)
{
        const char *colon = strrchr(word, ':');
        bool bracket = word[0] == '[', v6 = !bracket && colon && strchr(word, ':') != colon;
        const char *end = bracket ? strchr(word, ']') : v6 ? NULL : colon;

        if (bracket && (!end || (end[1] != '\0' && end[1] != ':'))) {
                buf_printf(out, " to %s", word); /* the parser says what is wrong with it */
                return;
        }
        if (!end) {
                buf_printf(out, " to %s", word);
                return;
        }
        buf_printf(out, " to %.*s", (int)(end - word) - bracket, word + bracket);
        end += bracket;
        if (*end == ':')
                buf_printf(out, " port %s", end + 1);
}

static bool is_subject(const char *word)
{
        return strcmp(word, "unknown") == 0 || strcmp(word, "kernel") == 0;
}

/* The words of the command line as those of a sentence. EXIT_YES or an exit code with words. */
static int put_words(const struct cli *cli, struct buf *out)
{
        size_t i = 1;

        if (strcmp(cli->words[0], "name") == 0 && cli->n_words > 1) {
                buf_puts(out, "name \"");
                str_escape(out, cli->words[i++]);
                buf_putc(out, '"');
        } else if (is_subject(cli->words[0])) {
                buf_puts(out, cli->words[0]);
        } else if (!put_program(out, cli->words[0])) {
                return cli_wrong_input(cli, "there is no command '%s'; say the program's path", cli->words[0]);
        }
        if (i < cli->n_words && strcmp(cli->words[i], "to") != 0)
                put_destination(out, cli->words[i++]);
        if (i < cli->n_words) {
                buf_putc(out, ' ');
                rule_words_join(out, cli->words + i, cli->n_words - i);
        }
        return EXIT_YES;
}

static int refuse(const struct buf *words, const struct sentence_error *error)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        rule_words_show_error(&out, words->data, error);
        cli_error("this is no connection:");
        if (!buf_error(&out))
                fputs(out.data, stderr);
        return EXIT_WRONG_INPUT;
}

static int explain_connection(const struct cli *cli)
{
        _cleanup_(supposed_deinit) struct supposed supposed = {0};
        _cleanup_(buf_deinit) struct buf words = {.max = LIMIT_SENTENCE}, request = {0};
        _cleanup_(reply_deinit) struct reply reply = {0};
        struct sentence_error error = {0};
        int r;

        if (cli->n_words < 2)
                return cli_wrong_input(cli, "which connection? bastion why curl 93.184.216.34:443");
        r = put_words(cli, &words);
        if (r)
                return r;
        if (buf_error(&words) == -E2BIG)
                return cli_wrong_input(cli, "a connection is said in at most %d bytes", LIMIT_SENTENCE);
        r = buf_error(&words) ? buf_error(&words)
                              : supposed_parse(words.data, words.n, names_lookup, NULL, &supposed, &error);
        if (r > 0)
                return refuse(&words, &error);
        if (r == 0) {
                supposed_format(&supposed, &request);
                r = buf_error(&request);
        }
        if (r < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        r = cli_request(cli, format_words, request.data, &reply);
        return r ? r : show(cli, &reply, NULL);
}

int cmd_why(const struct cli *cli)
{
        return arguments_have(cli->arguments, OPTION_LAST) ? explain_last(cli) : explain_connection(cli);
}
