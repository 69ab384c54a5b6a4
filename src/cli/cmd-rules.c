/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion rules`: rules are read and written as sentences. A sentence is parsed here first, because a person
 * is helped best by an arrow under the word; the daemon parses it again, because it believes nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/rule-pages.h"
#include "cli/rule-words.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"

static void format_id(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rule_delete(out, id, parameters);
}

static void format_sentence(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rule_add(out, id, parameters, NULL);
}

/* "  (for 42 minutes more)": by the clock that the daemon goes by. */
static void put_left(struct buf *out, const struct rule *r)
{
        if (r->lifetime != LIFETIME_UNTIL || r->expires.ns == BOOTTIME_NEVER.ns)
                return;
        buf_puts(out, "  (for ");
        duration_format_about(boottime_left(r->expires, client_now()) / NS_PER_SEC, out);
        buf_puts(out, " more)");
}

static void add_row(struct columns *table, const struct rule *r)
{
        _cleanup_(buf_deinit) struct buf cell = {0};

        str_escape(&cell, r->id ? r->id : "");
        columns_take(table, &cell);
        words_number(&cell, r->n_hits);
        columns_take(table, &cell);
        columns_add(table, r->disabled ? "off" : rule_origin_name(r->origin));
        show_sentence(&cell, r);
        put_left(&cell, r);
        columns_take(table, &cell);
}

/* What is shown of all rules. */
struct listing {
        bool json;
        struct columns table;
        struct buf text; /* the JSON */
};

static void listing_deinit(struct listing *l)
{
        columns_deinit(&l->table);
        buf_deinit(&l->text);
}

static int begin_listing(void *userdata)
{
        static const char *const heading[] = {"ID", "HITS", "ORIGIN", "RULE"};
        struct listing *l = userdata;

        columns_deinit(&l->table);
        l->table.n_columns = ARRAY_SIZE(heading);
        for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
                columns_add(&l->table, heading[i]);
        buf_reset(&l->text);
        buf_puts(&l->text, "{\"rules\":[");
        return EXIT_YES;
}

static int list_page(void *userdata, struct reply *page, bool is_first)
{
        struct listing *l = userdata;
        const struct event *e = page->event;

        for (size_t i = 0; !l->json && i < e->n_rules; i++)
                add_row(&l->table, e->rules[i]);
        if (!l->json || e->n_rules == 0)
                return EXIT_YES;
        if (!is_first)
                buf_putc(&l->text, ',');
        if (event_format_json_rules(page->raw, page->n_raw, &l->text) == 0)
                return EXIT_YES;
        cli_error("the daemon's answer cannot be shown as JSON");
        return EXIT_NO;
}

static int list(const struct cli *cli)
{
        _cleanup_(listing_deinit) struct listing l = {.json = cli->json};
        const struct rule_pages pages = {.begin = begin_listing, .take = list_page, .userdata = &l};
        _cleanup_(buf_deinit) struct buf out = {0};
        int r = rule_pages_each(cli, &pages);

        if (r)
                return r;
        if (cli->json) {
                buf_puts(&l.text, "]}\n");
                return cli_print(&l.text);
        }
        columns_format(&l.table, cli->style, &out);
        return cli_print(&out);
}

static bool lookup(bool group, const char *name, uint32_t *ret)
{
        return names_lookup(NULL, group ? SENTENCE_GROUP : SENTENCE_USER, name, ret);
}

static int refuse(const struct buf *sentence, const struct sentence_error *error)
{
        _cleanup_(buf_deinit) struct buf words = {0};

        rule_words_show_error(&words, sentence->n > 0 ? sentence->data : "", error);
        cli_error("this is no rule:");
        if (!buf_error(&words))
                fputs(words.data, stderr);
        return EXIT_WRONG_INPUT;
}

static int add(const struct cli *cli)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        _cleanup_(buf_deinit) struct buf sentence = {0}, out = {0};
        _cleanup_(reply_deinit) struct reply reply = {0};
        struct sentence_error error = {0};
        int r;

        if (cli->n_words < 2)
                return cli_wrong_input(
                        cli, "what rule? bastion rules add allow /usr/bin/curl to internet port 443");
        sentence.max = LIMIT_SENTENCE;
        rule_words_join(&sentence, cli->words + 1, cli->n_words - 1);
        if (buf_error(&sentence) == -E2BIG)
                return cli_wrong_input(cli, "a rule has at most %d bytes", LIMIT_SENTENCE);
        r = rule_words_resolve(&sentence, lookup, &rule, &error);
        if (r > 0)
                return refuse(&sentence, &error);
        if (r < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        r = cli_change(cli, format_sentence, sentence.data, &reply);
        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        if (reply.event->n_rules > 0) {
                str_escape(&out, reply.event->rules[0]->id ? reply.event->rules[0]->id : "");
                buf_puts(&out, ": ");
                sentence_format(reply.event->rules[0], &out);
                put_left(&out, reply.event->rules[0]);
                buf_putc(&out, '\n');
        }
        return cli_print(&out);
}

static int delete (const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        int r;

        if (cli->n_words != 2)
                return cli_wrong_input(cli, "which rule? 'bastion rules list' shows the IDs");
        r = cli_change(cli, format_id, cli->words[1], &reply);
        if (r)
                return r;
        return cli->json ? cli_print_json(reply.raw, reply.n_raw) : EXIT_YES;
}

struct switching {
        const char *id;
        bool enabled;
};

static void format_switching(struct buf *out, int64_t id, const void *parameters)
{
        const struct switching *s = parameters;

        message_format_request_rule_enable(out, id, s->id, s->enabled);
}

static int switch_rule(const struct cli *cli, bool enabled)
{
        const struct switching s = {.id = cli->n_words == 2 ? cli->words[1] : NULL, .enabled = enabled};
        _cleanup_(reply_deinit) struct reply reply = {0};
        int r;

        if (!s.id)
                return cli_wrong_input(cli, "which rule? 'bastion rules list' shows the IDs");
        r = cli_change(cli, format_switching, &s, &reply);
        return r ? r : cli->json ? cli_print_json(reply.raw, reply.n_raw) : EXIT_YES;
}

static int enable(const struct cli *cli)
{
        return switch_rule(cli, true);
}

static int disable(const struct cli *cli)
{
        return switch_rule(cli, false);
}

int cmd_rules(const struct cli *cli)
{
        static const struct {
                const char *word;
                int (*run)(const struct cli *cli);
        } words[] = {{"list", list}, {"add", add}, {"delete", delete}, {"enable", enable}, {"disable", disable}, {"history", changes_show}, {"undo", changes_undo}};

        if (arguments_have(cli->arguments, OPTION_LIMIT) && (cli->n_words == 0 || strcmp(cli->words[0], "history") != 0))
                return cli_wrong_input(cli, "--limit is for 'rules history'");
        if (cli->n_words == 0)
                return list(cli);
        if (strcmp(cli->words[0], "list") == 0 && cli->n_words > 1)
                return cli_wrong_input(cli, "'%s' is a word too much for 'rules list'", cli->words[1]);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(words[i].word, cli->words[0]) == 0)
                        return words[i].run(cli);
        return cli_wrong_input(cli, "'rules' can list, add, delete, enable, disable, history and undo, not '%s'", cli->words[0]);
}
