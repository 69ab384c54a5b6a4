/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion learn review`: what was recorded (the daemon's memory, and history before it) becomes proposals (core/learn.h), and a person says of
 * each whether it is a rule. Answers are lines, so that a script can give them; a sentence that is wrong is asked for again, with an arrow under the
 * word. Rules are added as `bastion rules add` adds them, one by one: who leaves in the middle has what was accepted until then.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/rule-pages.h"
#include "cli/history.h"
#include "cli/learn-page.h"
#include "cli/names.h"
#include "cli/offline.h"
#include "cli/rule-words.h"
#include "cli/text.h"
#include "cli/when.h"
#include "client/program-file.h"
#include "client/words.h"
#include "core/hygiene.h"
#include "wire/hostname.h"
#include "wire/search.h"

enum { TRY_SECONDS = 300 };

struct review {
        const struct cli *cli;
        struct ruleset *rules; /* in force at the start */
        struct list_files lists; /* that they speak of, as far as they can be read */
        struct learn *learn;
        struct search search; /* of what was recorded: since when */
        struct proposal *proposals;
        size_t n;
        struct ruleset *accepted; /* what was added meanwhile */
        bool failed;              /* out of memory while reading history */
};

static void review_deinit(struct review *r)
{
        for (size_t i = 0; i < r->n; i++)
                proposal_deinit(&r->proposals[i]);
        free(r->proposals);
        search_deinit(&r->search);
        learn_free(r->learn);
        list_files_deinit(&r->lists);
        ruleset_free(r->rules);
        ruleset_free(r->accepted);
}

static int no_memory(void)
{
        cli_error("out of memory");
        return EXIT_NO;
}

/* ---- what was recorded ----------------------------------------------------------------------------------------------------- */

static bool on_record(const struct record *record, void *userdata)
{
        struct review *r = userdata;

        if (search_matches(&r->search, record) && learn_add(r->learn, record) < 0)
                r->failed = true;
        return !r->failed;
}

static void format_decisions(struct buf *out, int64_t id, const void *parameters)
{
        (void)parameters;
        message_format_request_decisions(out, id, LIMIT_RECORDS);
}

/* What history has of before the daemon's memory. */
static int read_history(struct review *r, const struct event *memory)
{
        const struct arguments *a = r->cli->arguments;
        const char *folder = memory->history;
        char path[PATH_MAX], since[32], older[64];
        char *words[3] = {(char *)"fold"}; /* a thousand lines instead of a million */
        size_t n_words = 1;

        if (arguments_have(a, OPTION_STATE)) {
                snprintf(path, sizeof(path), "%s/history", a->values[OPTION_STATE]);
                folder = path;
        }
        if (!folder)
                return EXIT_YES;
        if (r->search.has & SEARCH_SINCE) {
                snprintf(since, sizeof(since), "since=%lld", (long long)r->search.since_us);
                words[n_words++] = since;
        }
        if (memory->n_records > 0) {
                snprintf(older, sizeof(older), "older=%llu@%lld", (unsigned long long)memory->records[0].seq, (long long)memory->records[0].time_us);
                words[n_words++] = older;
        }
        switch (history_search(folder, LIMIT_HISTORY_ROWS, words, n_words, on_record, r)) {
        case HISTORY_FINE:
        case HISTORY_MISSING: /* nothing is older */
                return EXIT_YES;
        case HISTORY_DENIED:
                cli_error("you may not read the history in %s: only the daemon's last decisions are reviewed", folder);
                return EXIT_YES;
        case HISTORY_FAILED:
                break;
        }
        return EXIT_NO;
}

static int read_records(struct review *r)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        int exit_code = cli_request(r->cli, format_decisions, NULL, &reply);

        if (exit_code == EXIT_YES)
                exit_code = read_history(r, reply.event);
        for (size_t i = 0; exit_code == EXIT_YES && i < reply.event->n_records; i++)
                on_record(&reply.event->records[i], r);
        return r->failed ? no_memory() : exit_code;
}

/* ---- proposals ---------------------------------------------------------------------------------------------------------------- */

static int make_proposals(struct review *r, int64_t now_us)
{
        int64_t today_us = 0;

        if (!when_parse("today", now_us, &today_us))
                today_us = now_us; /* a day that has no midnight here: nothing is new */
        if (learn_propose(r->learn, today_us, hostname_domain, &r->proposals, &r->n) < 0)
                return no_memory();
        for (size_t i = 0; i < r->n; i++)
                r->proposals[i].surprises |= program_file_surprises(r->proposals[i].rule);
        return EXIT_YES;
}

/* ---- accepting -------------------------------------------------------------------------------------------------------------- */

static bool lookup(bool group, const char *name, uint32_t *ret)
{
        return names_lookup(NULL, group ? SENTENCE_GROUP : SENTENCE_USER, name, ret);
}

static void format_sentence(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rule_add(out, id, parameters, NULL);
}

/* EXIT_YES and the rule as the daemon has it now. */
static int accept_sentence(struct review *r, const char *sentence)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code = cli_change(r->cli, format_sentence, sentence, &reply);

        if (exit_code)
                return exit_code;
        if (reply.event->n_rules > 0) {
                struct rule *rule = reply.event->rules[0];

                buf_puts(&out, "  added as ");
                str_escape(&out, rule->id ? rule->id : "");
                buf_putc(&out, '\n');
                if (ruleset_add(r->accepted, rule) == 0)
                        reply.event->rules[0] = NULL;
        }
        return cli_print(&out);
}

static int accept_proposal(struct review *r, const struct proposal *p)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};

        sentence_format(p->rule, &sentence);
        return buf_error(&sentence) ? no_memory() : accept_sentence(r, sentence.data);
}

/* A sentence that was edited before says this one too. */
static bool is_accepted(const struct review *r, const struct rule *rule)
{
        for (const struct rule *a = ruleset_next(r->accepted, NULL); a; a = ruleset_next(r->accepted, a))
                if (rule_covers(a, rule))
                        return true;
        return false;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

enum line { LINE_END, LINE_THERE, LINE_TOO_LONG };

/* Asks for a line with `prompt` and reads it, without its newline. Of one that is too long nothing is kept. */
static enum line ask(const char *prompt, char line[LIMIT_SENTENCE + 16])
{
        bool cut = false;
        size_t n;

        fputs(prompt, stdout);
        fflush(stdout);
        while (fgets(line, LIMIT_SENTENCE + 16, stdin)) {
                n = strlen(line);
                if (n > 0 && line[n - 1] == '\n') {
                        line[n - 1] = '\0';
                        return cut ? LINE_TOO_LONG : LINE_THERE;
                }
                if (feof(stdin))
                        return cut ? LINE_TOO_LONG : LINE_THERE;
                cut = true;
        }
        putchar('\n');
        return LINE_END;
}

/* EXIT_YES: added; EXIT_WRONG_INPUT: it is no rule, and was shown why; else it could not be added. */
static int accept_edited(struct review *r, const char *text)
{
        _cleanup_(buf_deinit) struct buf sentence = {.max = LIMIT_SENTENCE}, words = {0};
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error = {0};
        int e;

        buf_puts(&sentence, text);
        e = rule_words_resolve(&sentence, lookup, &rule, &error);
        if (e == 0)
                return accept_sentence(r, sentence.data);
        if (e == -E2BIG)
                snprintf(error.expected, sizeof(error.expected), "expected a rule of at most %d bytes", LIMIT_SENTENCE);
        else if (e < 0)
                return no_memory();
        rule_words_show_error(&words, e > 0 ? sentence.data : "", &error);
        fflush(stdout);
        cli_error("this is no rule:");
        if (!buf_error(&words))
                fputs(words.data, stderr);
        return EXIT_WRONG_INPUT;
}

/* An exit code; *ret_done: the proposal was dealt with, and not given back by an empty line. */
static int edit(struct review *r, const char *text, bool *ret_done)
{
        char line[LIMIT_SENTENCE + 16];
        int exit_code;

        snprintf(line, sizeof(line), "%s", text);
        for (;;) {
                if (!*line) {
                        switch (ask("  the rule (nothing: leave it as it was): ", line)) {
                        case LINE_END:
                                return EXIT_YES;
                        case LINE_TOO_LONG:
                                cli_error("a rule has at most %d bytes", LIMIT_SENTENCE);
                                line[0] = '\0';
                                continue;
                        case LINE_THERE:
                                break;
                        }
                        if (line[strspn(line, " \t\r")] == '\0')
                                return EXIT_YES;
                }
                exit_code = accept_edited(r, line);
                if (exit_code != EXIT_WRONG_INPUT) {
                        *ret_done = exit_code == EXIT_YES;
                        return exit_code;
                }
                line[0] = '\0';
        }
}

/* An exit code; *ret_quit: the rest is left. */
static int review_one(struct review *r, const struct proposal *p, bool *ret_quit)
{
        static const char help[] = "a accepts, e edits ('e SENTENCE' at once), r refuses, q leaves the rest";
        char line[LIMIT_SENTENCE + 16];
        enum learn_answer answer;
        bool done = false;
        const char *rest;
        int exit_code = EXIT_YES;

        while (!done && exit_code == EXIT_YES) {
                enum line got = ask("accept, edit, refuse or quit? [a/e/r/q] ", line);

                if (got == LINE_END) {
                        *ret_quit = true;
                        return EXIT_YES;
                }
                if (got == LINE_TOO_LONG || !learn_answer_parse(line, &answer, &rest)) {
                        cli_error("%s", help);
                        continue;
                }
                switch (answer) {
                case LEARN_ACCEPT:
                        return accept_proposal(r, p);
                case LEARN_EDIT:
                        exit_code = edit(r, rest, &done);
                        break;
                case LEARN_REFUSE:
                        return EXIT_YES;
                case LEARN_QUIT:
                        *ret_quit = true;
                        return EXIT_YES;
                }
        }
        return exit_code;
}

static int review_all(struct review *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code = EXIT_YES;
        bool quit = false;

        for (size_t i = 0; i < r->n && exit_code == EXIT_YES && !quit; i++) {
                if (is_accepted(r, r->proposals[i].rule))
                        continue;
                learn_page(&out, r->cli->style, &r->proposals[i], i + 1, r->n);
                exit_code = cli_print(&out);
                if (exit_code == EXIT_YES)
                        exit_code = review_one(r, &r->proposals[i], &quit);
        }
        return exit_code;
}

/* What is a surprise is shown and left to a person. */
static int accept_all(struct review *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code = EXIT_YES;

        for (size_t i = 0; i < r->n && exit_code == EXIT_YES; i++) {
                learn_page(&out, r->cli->style, &r->proposals[i], i + 1, r->n);
                if (r->proposals[i].surprises)
                        buf_puts(&out, "  left for you to look at\n");
                exit_code = cli_print(&out);
                if (exit_code == EXIT_YES && !r->proposals[i].surprises)
                        exit_code = accept_proposal(r, &r->proposals[i]);
        }
        return exit_code;
}

static int print_json(const struct review *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        for (size_t i = 0; i < r->n; i++)
                learn_page_json(&out, &r->proposals[i]);
        return cli_print(&out);
}

/* ---- afterwards ------------------------------------------------------------------------------------------------------------- */

static void format_try(struct buf *out, int64_t id, const void *parameters)
{
        (void)parameters;
        message_format_request_mode(out, id, MODE_ENFORCEMENT, TRY_SECONDS, false);
}

static int try_enforcement(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        int exit_code = cli_change(cli, format_try, NULL, &reply);

        if (exit_code == EXIT_YES)
                puts("Enforcement for 5 minutes: what no rule decides is asked about. 'bastion mode --keep' keeps it.");
        return exit_code;
}

/* With learning at its end. `may_ask`: there is a person, or a script, that answers. */
static int offer_enforcement(const struct cli *cli, bool may_ask)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        char line[LIMIT_SENTENCE + 16] = "";
        int exit_code = cli_request_plain(cli, MESSAGE_MODE, &reply);

        if (exit_code || reply.event->mode != MODE_LEARNING)
                return exit_code;
        if (may_ask && ask("Try enforcement for 5 minutes? It goes back by itself. [y/N] ", line) == LINE_THERE &&
            (strcmp(line, "y") == 0 || strcmp(line, "yes") == 0))
                return try_enforcement(cli);
        puts("When you want to try what the rules do: bastion mode enforcement --try=300");
        return EXIT_YES;
}

static void print_rest(const struct review *r)
{
        const struct learn_counts counts = learn_counts(r->learn);
        _cleanup_(buf_deinit) struct buf out = {0};

        words_number(&out, counts.n_records);
        buf_puts(&out, counts.n_records == 1 ? " connection was recorded, " : " connections were recorded, ");
        words_number(&out, counts.n_undecided);
        buf_puts(&out, " of them without a rule of today.");
        if (counts.n_nobody > 0) {
                buf_puts(&out, " No rule can be about the programs of ");
                words_number(&out, counts.n_nobody);
                buf_puts(&out, " (unknown, deleted, in a container).");
        }
        if (counts.n_left_out > 0) {
                buf_puts(&out, " There was no room for ");
                words_number(&out, counts.n_left_out);
                buf_puts(&out, ": review again when these are decided.");
        }
        buf_putc(&out, '\n');
        cli_print(&out);
}

static int work(struct review *r)
{
        const bool yes = arguments_have(r->cli->arguments, OPTION_YES);
        int exit_code;

        if (r->cli->json)
                return print_json(r);
        print_rest(r);
        if (r->n == 0) {
                puts("Nothing is proposed.");
                return EXIT_YES;
        }
        exit_code = yes ? accept_all(r) : review_all(r);
        return exit_code ? exit_code : offer_enforcement(r->cli, !yes);
}

static int set_since(struct review *r, int64_t now_us)
{
        const char *value = r->cli->arguments->values[OPTION_SINCE];

        if (!arguments_have(r->cli->arguments, OPTION_SINCE))
                return EXIT_YES;
        if (!when_parse(value, now_us, &r->search.since_us))
                return cli_wrong_input(r->cli, "--since: '%.40s': expected %s", value, when_expected);
        r->search.has |= SEARCH_SINCE;
        return EXIT_YES;
}

int cmd_learn(const struct cli *cli)
{
        _cleanup_(review_deinit) struct review r = {.cli = cli};
        const int64_t now_us = (int64_t)time(NULL) * 1000000;
        uint64_t seed = 0;
        int exit_code;

        if (strcmp(cli->words[0], "review") != 0)
                return cli_wrong_input(cli, "'learn' can review, not '%s'", cli->words[0]);
        if (cli->json && arguments_have(cli->arguments, OPTION_YES))
                return cli_wrong_input(cli, "'--json' changes nothing: it goes without --yes");
        exit_code = set_since(&r, now_us);
        if (exit_code == EXIT_YES)
                exit_code = rule_pages_set(cli, &r.rules);
        if (exit_code)
                return exit_code;
        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
                seed = (uint64_t)now_us; /* before there is entropy: this process lives for seconds */
        offline_load_lists(r.rules, &r.lists); /* what cannot be read was told, and is not known */
        r.accepted = ruleset_new(seed);
        r.learn = learn_new(r.rules, &r.lists.sets, client_now(), seed);
        if (!r.accepted || !r.learn)
                return no_memory();
        exit_code = read_records(&r);
        if (exit_code == EXIT_YES)
                exit_code = make_proposals(&r, now_us);
        return exit_code ? exit_code : work(&r);
}
