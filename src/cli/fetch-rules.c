/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "cli/fetch-rules.h"

#include <stdlib.h>

/* So many rules are a few milliseconds of the daemon's loop; so often it is begun again. */
enum { PAGE_RULES = 2000, TRIES = 5 };

struct fetch {
        struct rules_page page;
        unsigned n_tries;
        struct rule_list list;
};

void rule_list_deinit(struct rule_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                rule_free(list->rules[i]);
        free(list->rules);
        *list = (struct rule_list){0};
}

static void fetch_deinit(struct fetch *f)
{
        rules_mark_deinit(&f->page.after);
        rule_list_deinit(&f->list);
}

static void begin(struct fetch *f)
{
        fetch_deinit(f);
        f->page = (struct rules_page){.limit = PAGE_RULES};
        f->n_tries++;
}

static void format_page(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rules(out, id, &((const struct fetch *)parameters)->page);
}

/* Takes the rules out of the reply. */
static int take_rules(struct rule_list *list, struct event *e)
{
        if (list->size - list->n < e->n_rules) {
                size_t size = MAX(list->size * 2, list->n + e->n_rules);
                struct rule **rules = realloc(list->rules, size * sizeof(*rules));

                if (!rules) {
                        cli_error("out of memory");
                        return EXIT_NO;
                }
                list->rules = rules;
                list->size = size;
        }
        for (size_t i = 0; i < e->n_rules; i++)
                list->rules[list->n++] = TAKE_PTR(e->rules[i]);
        return EXIT_YES;
}

static int take_page(struct reply *reply, void *userdata)
{
        struct fetch *f = userdata;
        struct event *e = reply->event;
        int r;

        if (e->type == EVENT_ERROR) {
                if (e->error != MESSAGE_ERROR_CLOSED || f->n_tries == TRIES)
                        return cli_error_reply(e);
                begin(f);
                return CLI_ASK_AGAIN;
        }
        r = take_rules(&f->list, e);
        if (r || !e->has_next)
                return r;
        rules_mark_deinit(&f->page.after);
        f->page.after = e->next;
        f->page.has_after = true;
        e->next = (struct rules_mark){0};
        return CLI_ASK_AGAIN;
}

int fetch_rules(const struct cli *cli, struct rule_list *ret)
{
        _cleanup_(fetch_deinit) struct fetch f = {0};
        int r;

        begin(&f);
        r = cli_request_each(cli, format_page, &f, take_page, &f);
        if (r)
                return r;
        *ret = f.list;
        f.list = (struct rule_list){0};
        return EXIT_YES;
}
