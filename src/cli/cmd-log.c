/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion log`: past decisions that a search finds, the newest last, and with --follow those that come.
 *
 * The daemon's memory has the last decisions, also those that are not on disk yet; history has the older ones. The memory is asked for first, and
 * history for what is not in it, so that nothing falls between the two and nothing is told twice. Without a daemon history alone is searched; where
 * history is not there or not to be read, memory alone, and that is said. To follow, memory is asked for once more together with the new ones: what
 * was decided while history was read is in it, known by its number.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/csv.h"
#include "cli/history.h"
#include "cli/names.h"
#include "cli/show.h"
#include "cli/when.h"
#include "wire/search.h"

enum { DEFAULT_LIMIT = 100, WORDS_MAX = 10 };

struct log {
        const struct cli *cli;
        bool csv, follow;
        uint64_t limit;
        struct search search;
        char *words[WORDS_MAX + 1]; /* the same for history, KEY=VALUE; the last one is for what memory has */
        size_t n_words;
        char today[16]; /* a line of another day says which */

        int64_t decisions_id;  /* the question for what is in memory, 0: not asked */
        struct event *memory;  /* the answer, before it is shown */
        uint64_t last_seq;     /* seen so far */
        bool following;
        bool done;
        int exit_code;
};

static void log_deinit(struct log *l)
{
        search_deinit(&l->search);
        for (size_t i = 0; i < l->n_words; i++)
                free(l->words[i]);
        event_free(l->memory);
}

static void stop(struct log *l, int exit_code)
{
        l->done = true;
        l->exit_code = exit_code;
}

/* ---- what is searched for ------------------------------------------------------------------------------------------------- */

/* EXIT_YES or an exit code with words. `name`: the option's. */
static int add(struct log *l, const char *name, const char *key, const char *value)
{
        char error[SEARCH_ERROR_MAX];
        int r = search_set(&l->search, key, value, error);

        if (r > 0)
                return cli_wrong_input(l->cli, "--%s: %s", name, error);
        if (r < 0 || asprintf(&l->words[l->n_words], "%s=%s", key, value) < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        l->n_words++;
        return EXIT_YES;
}

static int add_time(struct log *l, const char *key, const char *value, int64_t now_us)
{
        char number[24];
        int64_t us;

        if (!when_parse(value, now_us, &us))
                return cli_wrong_input(l->cli, "--%s: '%.40s': expected %s", key, value, when_expected);
        snprintf(number, sizeof(number), "%lld", (long long)us);
        return add(l, key, key, number);
}

static int add_user(struct log *l, const char *value)
{
        char number[24];
        uint32_t uid;

        if (*value && value[strspn(value, "0123456789")] == '\0')
                return add(l, "user", "uid", value);
        if (!names_lookup(NULL, SENTENCE_USER, value, &uid))
                return cli_wrong_input(l->cli, "--user: there is no user '%.40s' here", value);
        snprintf(number, sizeof(number), "%u", uid);
        return add(l, "user", "uid", number);
}

static int add_criteria(struct log *l, int64_t now_us)
{
        static const enum option as_they_are[] = {OPTION_PROGRAM, OPTION_HOST, OPTION_PORT, OPTION_VERDICT, OPTION_RULE, OPTION_REASON};
        const struct arguments *a = l->cli->arguments;
        int r = EXIT_YES;

        for (size_t i = 0; i < ARRAY_SIZE(as_they_are) && r == EXIT_YES; i++)
                if (arguments_have(a, as_they_are[i]))
                        r = add(l, option_rows[as_they_are[i]].name, option_rows[as_they_are[i]].name, a->values[as_they_are[i]]);
        if (r == EXIT_YES && arguments_have(a, OPTION_USER))
                r = add_user(l, a->values[OPTION_USER]);
        if (r == EXIT_YES && arguments_have(a, OPTION_SINCE))
                r = add_time(l, "since", a->values[OPTION_SINCE], now_us);
        if (r == EXIT_YES && arguments_have(a, OPTION_UNTIL))
                r = add_time(l, "until", a->values[OPTION_UNTIL], now_us);
        return r;
}

static int read_limit(struct log *l)
{
        const struct arguments *a = l->cli->arguments;
        const enum option option = arguments_have(a, OPTION_COUNT) ? OPTION_COUNT : OPTION_LIMIT;
        char error[ARGUMENTS_ERROR_MAX];

        if (arguments_have(a, OPTION_COUNT) && arguments_have(a, OPTION_LIMIT))
                return cli_wrong_input(l->cli, "'--count' and '--limit' are the same: which is it?");
        if (!arguments_number(a, option, LIMIT_HISTORY_ROWS, DEFAULT_LIMIT, &l->limit, error))
                return cli_wrong_input(l->cli, "%s", error);
        return EXIT_YES;
}

/* ---- showing --------------------------------------------------------------------------------------------------------------- */

/* "2026-11-20" where that is. */
static void format_day(int64_t time_us, char ret[16])
{
        const time_t seconds = (time_t)(time_us / 1000000);
        struct tm tm;

        ret[0] = '\0';
        if (localtime_r(&seconds, &tm))
                strftime(ret, 16, "%Y-%m-%d", &tm);
}

static void show_line(const struct log *l, struct buf *out, const struct record *r)
{
        char day[16];

        format_day(r->time_us, day);
        if (strcmp(day, l->today) != 0)
                buf_printf(out, "%s%s%s ", l->cli->style->dim, day, l->cli->style->reset);
        show_record(out, l->cli->style, 0, r);
        buf_putc(out, '\n');
}

static void print_record(struct log *l, const struct record *r)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        int exit_code;

        if (l->cli->json)
                cli_record_json(&out, r);
        else if (l->csv)
                csv_record(&out, r);
        else
                show_line(l, &out, r);
        exit_code = cli_print(&out);
        if (exit_code)
                stop(l, exit_code);
}

static int print_header(const struct log *l)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (l->csv)
                csv_header(&out);
        return cli_print(&out);
}

/* ---- the daemon's memory, and what comes ------------------------------------------------------------------------------------ */

static void show_new(struct log *l, const struct record *r)
{
        if (l->done || r->seq <= l->last_seq)
                return;
        l->last_seq = r->seq;
        if (search_matches(&l->search, r))
                print_record(l, r);
}

/* What is in memory now, and was not when it was shown. */
static void on_caught_up(struct log *l, const struct event *event)
{
        const struct record *records = event->records;

        if (event->n_records > 0 && records[0].seq > l->last_seq + 1 && l->last_seq > 0)
                cli_error("%llu decisions were made while history was read, and are only in history now",
                          (unsigned long long)(records[0].seq - l->last_seq - 1));
        for (size_t i = 0; i < event->n_records; i++)
                show_new(l, &records[i]);
}

static void on_event(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct log *l = userdata;

        (void)c;
        (void)raw;
        (void)n;
        if (event->type == EVENT_ERROR && event->error == MESSAGE_ERROR_NOT_PERMITTED) {
                stop(l, EXIT_NOT_PERMITTED); /* history may be read all the same */
        } else if (event->type == EVENT_ERROR) {
                stop(l, cli_error_reply(event));
        } else if (event->type == EVENT_DECISION && event->n_records > 0) {
                if (l->decisions_id == 0) /* before the answer is there, the new ones are in it too */
                        show_new(l, &event->records[0]);
        } else if (event->type == EVENT_REPLY && l->decisions_id != 0 && event->id == l->decisions_id) {
                l->decisions_id = 0;
                if (l->following) {
                        on_caught_up(l, event);
                        return;
                }
                l->memory = calloc(1, sizeof(*l->memory));
                if (l->memory) {
                        *l->memory = *event;
                        *event = (struct event){0};
                }
                l->done = true;
        }
}

static void ask_for_memory(struct log *l, struct client *c)
{
        l->decisions_id = client_next_id(c);
        message_format_request_decisions(client_output(c), l->decisions_id, LIMIT_RECORDS);
}

static int fetch_memory(struct log *l, struct client *c)
{
        int r;

        ask_for_memory(l, c);
        r = cli_listen(c, &l->done);
        if (r || l->exit_code)
                return r ? r : l->exit_code;
        if (!l->memory) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        l->done = false;
        return EXIT_YES;
}

static int follow(struct log *l, struct client *c)
{
        int r;

        l->following = true;
        message_format_request_subscribe(client_output(c), client_next_id(c), SUBSCRIBE_DECISIONS);
        ask_for_memory(l, c);
        r = cli_listen(c, &l->done);
        return r ? r : l->exit_code;
}

/* ---- history --------------------------------------------------------------------------------------------------------------- */

static bool is_in_memory(const struct log *l, const struct record *r)
{
        const struct record *records = l->memory ? l->memory->records : NULL;
        const size_t n = l->memory ? l->memory->n_records : 0;

        if (n == 0 || r->seq < records[0].seq || r->seq - records[0].seq >= n)
                return false;
        return records[r->seq - records[0].seq].time_us == r->time_us;
}

static bool on_row(const struct record *r, void *userdata)
{
        struct log *l = userdata;

        /* It was not asked for, but a clock that was set back can make it look older than what is in memory. */
        if (!is_in_memory(l, r))
                print_record(l, r);
        return !l->done;
}

static uint64_t count_memory(const struct log *l)
{
        uint64_t n = 0;

        for (size_t i = 0; l->memory && i < l->memory->n_records; i++)
                n += search_matches(&l->search, &l->memory->records[i]);
        return n;
}

/* Where history is: as one says, as the daemon says, or where it is when there is none. NULL: nobody knows. */
static const char *history_folder(const struct log *l, char path[PATH_MAX])
{
        const struct arguments *a = l->cli->arguments;

        if (arguments_have(a, OPTION_STATE)) {
                snprintf(path, PATH_MAX, "%s/history", a->values[OPTION_STATE]);
                return path;
        }
        if (l->memory)
                return l->memory->history;
        return arguments_have(a, OPTION_SOCKET) ? NULL : HISTORY_FOLDER;
}

/* What memory shows by itself is all that there is: the daemon has forgotten nothing yet. */
static bool memory_is_whole(const struct log *l)
{
        return l->memory && (l->memory->n_records == 0 || l->memory->records[0].seq == 1);
}

/* `no_daemon`: why there is none, or 0. EXIT_YES where something is shown or all is well. */
static int explain_history(const struct log *l, enum history_result result, const char *folder, int no_daemon)
{
        switch (result) {
        case HISTORY_FINE:
                return EXIT_YES;
        case HISTORY_FAILED:
                return EXIT_NO;
        case HISTORY_MISSING:
                if (no_daemon || !memory_is_whole(l))
                        cli_error("there is no history in %s%s", folder, no_daemon ? "" : ": these are the daemon's last decisions");
                return no_daemon ? cli_connect_failed(l->cli, no_daemon) : EXIT_YES;
        case HISTORY_DENIED:
                cli_error("you may not read the history in %s: be root, or a member of group 'bastion'%s", folder,
                          no_daemon ? "" : ". These are the daemon's last decisions");
                break;
        }
        return no_daemon ? EXIT_NOT_PERMITTED : EXIT_YES;
}

/* History up to where memory begins. */
static int show_history(struct log *l, uint64_t limit, int no_daemon)
{
        const struct record *first = l->memory && l->memory->n_records > 0 ? &l->memory->records[0] : NULL;
        char path[PATH_MAX];
        const char *folder = history_folder(l, path);
        enum history_result result;

        if (!folder)
                return no_daemon ? cli_connect_failed(l->cli, no_daemon) : EXIT_YES;
        if (first) {
                if (asprintf(&l->words[l->n_words], "older=%llu@%lld", (unsigned long long)first->seq, (long long)first->time_us) < 0) {
                        cli_error("out of memory");
                        return EXIT_NO;
                }
                l->n_words++;
        }
        result = history_search(folder, limit, l->words, l->n_words, on_row, l);
        return l->exit_code ? l->exit_code : explain_history(l, result, folder, no_daemon);
}

/* The last of them that fit into the limit. */
static void show_memory(struct log *l, uint64_t n_wanted)
{
        for (size_t i = 0; l->memory && i < l->memory->n_records && !l->done; i++) {
                const struct record *r = &l->memory->records[i];

                l->last_seq = r->seq;
                if (search_matches(&l->search, r) && n_wanted-- <= l->limit)
                        print_record(l, r);
        }
}

static int show_past(struct log *l, int no_daemon)
{
        uint64_t n_memory = count_memory(l);
        int r = print_header(l), history = EXIT_YES;

        if (r == EXIT_YES && n_memory < l->limit)
                history = show_history(l, l->limit - n_memory, no_daemon);
        if (r || l->done)
                return r ? r : l->exit_code;
        show_memory(l, n_memory);
        return l->exit_code ? l->exit_code : history;
}

static int run(struct log *l)
{
        _cleanup_(client_freep) struct client *c = NULL;
        int no_daemon = cli_try_connect(l->cli, on_event, l, &c), r = EXIT_YES, past;

        if (!no_daemon)
                r = fetch_memory(l, c);
        if (r == EXIT_NOT_PERMITTED) {
                no_daemon = CLIENT_E_NOT_PERMITTED;
                l->done = false;
                l->exit_code = EXIT_YES;
        } else if (r) {
                return r;
        }
        if (no_daemon && l->follow)
                return cli_connect_failed(l->cli, no_daemon);
        past = show_past(l, no_daemon);
        if (!l->follow || l->done)
                return past;
        r = follow(l, c);
        return r ? r : past;
}

int cmd_log(const struct cli *cli)
{
        _cleanup_(log_deinit) struct log l = {.cli = cli};
        const int64_t now_us = (int64_t)time(NULL) * 1000000;
        int r;

        l.follow = arguments_have(cli->arguments, OPTION_FOLLOW);
        l.csv = arguments_have(cli->arguments, OPTION_CSV);
        if (l.csv && cli->json)
                return cli_wrong_input(cli, "'--csv' or '--json', not both");
        format_day(now_us, l.today);
        r = read_limit(&l);
        if (r == EXIT_YES)
                r = add_criteria(&l, now_us);
        return r == EXIT_YES ? run(&l) : r;
}
