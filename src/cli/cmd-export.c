/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion export`: the rules of a machine as text, to keep, to compare or to take elsewhere. The order is that of decision and asks no id, so
 * that the same rules are the same text on every machine. Answers for a session are no part of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/rule-pages.h"
#include "core/ruleset.h"
#include "wire/rulefile.h"

static int out_of_memory(void)
{
        cli_error("out of memory");
        return EXIT_NO;
}

static bool is_wanted(const struct rule *rule, bool all)
{
        if (rule->origin == ORIGIN_SESSION)
                return false;
        return all || rule->origin == ORIGIN_FLAT || rule->origin == ORIGIN_LIST;
}

/* ---- sentences ---------------------------------------------------------------------------------------------------- */

struct line {
        const struct rule *rule;
        char *sentence;
};

struct lines {
        struct line *at;
        size_t n;
};

static void lines_deinit(struct lines *lines)
{
        for (size_t i = 0; i < lines->n; i++)
                free(lines->at[i].sentence);
        free(lines->at);
}

static int compare_lines(const void *a, const void *b)
{
        const struct line *of_a = a, *of_b = b;
        enum order_step step;
        int order = rule_compare_step(of_a->rule, of_b->rule, &step);

        return step == ORDER_ID ? strcmp(of_a->sentence, of_b->sentence) : order;
}

/* A priority that goes without saying where a rule is shipped does not in a person's file. */
static char *say(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};
        struct rule plain = *rule;

        if (plain.origin == ORIGIN_FACTORY)
                plain.origin = ORIGIN_LIST;
        sentence_format(&plain, &sentence);
        return buf_take(&sentence);
}

static int make_lines(const struct rule_list *rules, bool all, struct lines *ret)
{
        ret->at = calloc(rules->n + 1, sizeof(*ret->at));
        if (!ret->at)
                return out_of_memory();
        for (size_t i = 0; i < rules->n; i++) {
                if (!is_wanted(rules->rules[i], all))
                        continue;
                ret->at[ret->n].rule = rules->rules[i];
                ret->at[ret->n].sentence = say(rules->rules[i]);
                if (!ret->at[ret->n].sentence)
                        return out_of_memory();
                ret->n++;
        }
        qsort(ret->at, ret->n, sizeof(*ret->at), compare_lines);
        return EXIT_YES;
}

/* Somebody named it. "r7" and the flat keys are the daemon's, and another machine has its own. */
static bool has_name(const struct rule *rule)
{
        const char *id = rule->id;
        uint64_t number;

        if (rule->origin != ORIGIN_LIST || !id || !*id || *id == '/' || *id == '#' || *id == '@' || !str_is_utf8(id, strlen(id)))
                return false;
        for (const char *at = id; *at; at++)
                if (*at == ' ' || *at == 0x7f || (unsigned char)*at < 0x20)
                        return false;
        return !str_parse_u64(id + (*id == 'r'), UINT64_MAX, &number) && !str_has_prefix(id, "unknown:");
}

/* What is not for always, and what cannot be typed (a user that this machine does not know), no file of sentences holds: left for people to read. */
static void put_line(const struct line *line, struct buf *out)
{
        _cleanup_(rule_freep) struct rule *again = NULL;
        struct sentence_error error;

        if (line->rule->lifetime != LIFETIME_ALWAYS)
                buf_puts(out, "# not for always: ");
        else if (sentence_parse(line->sentence, strlen(line->sentence), &again, &error) != 0)
                buf_puts(out, "# cannot be read back: ");
        else if (has_name(line->rule))
                buf_printf(out, "%s: ", line->rule->id);
        buf_puts(out, line->sentence);
        buf_putc(out, '\n');
}

static void put_heading(size_t n, struct buf *out)
{
        time_t now = time(NULL);
        char date[32] = "";
        struct tm tm;

        if (gmtime_r(&now, &tm))
                strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
        buf_printf(out, "# Bastion Firewall %s, %s: %zu rule%s, in the order in which they decide.\n"
                        "# To read them back: bastion import sentences FILE\n", BASTION_VERSION, date, n, n == 1 ? "" : "s");
}

static int put_sentences(const struct rule_list *rules, bool all, struct buf *out)
{
        _cleanup_(lines_deinit) struct lines lines = {0};
        int r = make_lines(rules, all, &lines);

        if (r)
                return r;
        put_heading(lines.n, out);
        for (size_t i = 0; i < lines.n; i++)
                put_line(&lines.at[i], out);
        return EXIT_YES;
}

/* ---- rules.json --------------------------------------------------------------------------------------------------- */

static int put_json(const struct rule_list *rules, struct buf *out)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(0);

        if (!set)
                return out_of_memory();
        for (size_t i = 0; i < rules->n; i++) {
                _cleanup_(rule_freep) struct rule *copy = NULL;

                if (!is_wanted(rules->rules[i], false))
                        continue;
                copy = rule_copy(rules->rules[i]);
                if (!copy || ruleset_add(set, copy) != 0) {
                        cli_error("the daemon's rules cannot be taken: they contradict each other, or memory ran out");
                        return EXIT_NO;
                }
                copy = NULL;
        }
        return rulefile_format(set, NULL, out) < 0 ? out_of_memory() : EXIT_YES;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

/* 0 or an errno. */
static int write_all(int fd, const struct buf *text)
{
        for (size_t at = 0; at < text->n;) {
                ssize_t n = write(fd, text->data + at, text->n - at);

                if (n < 0 && errno != EINTR)
                        return errno;
                at += n > 0 ? (size_t)n : 0;
        }
        return fsync(fd) < 0 && errno != EINVAL ? errno : 0;
}

/* A new file, which nobody else may read: rules tell what somebody does. Never through a link, and whole or not at all. */
static int write_new(const char *path, const struct buf *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), error;

        if (fd < 0)
                return errno;
        error = write_all(fd, text);
        if (close(fd) < 0 && !error)
                error = errno;
        if (error)
                unlink(path);
        return error;
}

/* In the place of a regular file; a link, a device, a folder stay what they are. */
static int write_over(const char *path, const struct buf *text)
{
        _cleanup_(freep) char *beside = NULL;
        struct stat st;
        int error;

        if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return ELOOP;
        if (asprintf(&beside, "%s.%d.new", path, (int)getpid()) < 0) {
                beside = NULL;
                return ENOMEM;
        }
        error = write_new(beside, text);
        if (!error && rename(beside, path) < 0) {
                error = errno;
                unlink(beside);
        }
        return error;
}

static int write_file(const struct cli *cli, const char *path, const struct buf *text)
{
        int error = (arguments_have(cli->arguments, OPTION_FORCE) ? write_over : write_new)(path, text);

        if (error == EEXIST) {
                cli_error("%s is there already; --force puts the rules in its place", path);
                return EXIT_NO;
        }
        if (error == ELOOP) {
                cli_error("%s is no regular file", path);
                return EXIT_NO;
        }
        if (error) {
                cli_error("cannot write %s: %s", path, strerror(error));
                return EXIT_NO;
        }
        return EXIT_YES;
}

int cmd_export(const struct cli *cli)
{
        bool all = arguments_have(cli->arguments, OPTION_ALL);
        _cleanup_(rule_list_deinit) struct rule_list rules = {0};
        _cleanup_(buf_deinit) struct buf text = {0};
        int r;

        if (cli->json && arguments_have(cli->arguments, OPTION_SENTENCES))
                return cli_wrong_input(cli, "sentences or JSON, not both");
        if (cli->json && all)
                return cli_wrong_input(cli, "--all is for sentences: a rules.json holds no shipped rules");
        r = rule_pages_list(cli, &rules);
        if (!r)
                r = cli->json ? put_json(&rules, &text) : put_sentences(&rules, all, &text);
        if (!r && buf_error(&text))
                r = out_of_memory();
        if (r)
                return r;
        return cli->n_words > 0 && strcmp(cli->words[0], "-") != 0 ? write_file(cli, cli->words[0], &text) : cli_print(&text);
}
