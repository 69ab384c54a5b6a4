/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "cli/rule-pages.h"

#include <stdlib.h>

/* So many rules are a few milliseconds of the daemon's loop; so often it is begun again. */
enum { PAGE_RULES = 2000, TRIES = 5 };

struct walk {
        const struct rule_pages *pages;
        struct rules_page page;
        unsigned n_tries;
};

static void walk_deinit(struct walk *w)
{
        rules_mark_deinit(&w->page.after);
}

static int begin(struct walk *w)
{
        rules_mark_deinit(&w->page.after);
        w->page = (struct rules_page){.limit = PAGE_RULES};
        w->n_tries++;
        return w->pages->begin(w->pages->userdata);
}

static void format_page(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rules(out, id, &((const struct walk *)parameters)->page);
}

static int take_page(struct reply *reply, void *userdata)
{
        struct walk *w = userdata;
        struct event *e = reply->event;
        int r;

        if (e->type == EVENT_ERROR) {
                if (e->error != MESSAGE_ERROR_CLOSED || w->n_tries == TRIES)
                        return cli_error_reply(e);
                r = begin(w);
                return r ? r : CLI_ASK_AGAIN;
        }
        r = w->pages->take(w->pages->userdata, reply, !w->page.has_after);
        if (r || !e->has_next)
                return r;
        rules_mark_deinit(&w->page.after);
        w->page.after = e->next;
        w->page.has_after = true;
        e->next = (struct rules_mark){0};
        return CLI_ASK_AGAIN;
}

int rule_pages_each(const struct cli *cli, const struct rule_pages *pages)
{
        _cleanup_(walk_deinit) struct walk w = {.pages = pages};
        int r = begin(&w);

        return r ? r : cli_request_each(cli, format_page, &w, take_page, &w);
}

static int out_of_memory(void)
{
        cli_error("out of memory");
        return EXIT_NO;
}

/* As a list. */

void rule_list_deinit(struct rule_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                rule_free(list->rules[i]);
        free(list->rules);
        *list = (struct rule_list){0};
}

static int begin_list(void *userdata)
{
        rule_list_deinit(userdata);
        return EXIT_YES;
}

static int take_into_list(void *userdata, struct reply *page, _unused_ bool is_first)
{
        struct rule_list *list = userdata;
        struct event *e = page->event;

        if (list->size - list->n < e->n_rules) {
                size_t size = MAX(list->size * 2, list->n + e->n_rules);
                struct rule **rules = realloc(list->rules, size * sizeof(*rules));

                if (!rules)
                        return out_of_memory();
                list->rules = rules;
                list->size = size;
        }
        for (size_t i = 0; i < e->n_rules; i++)
                list->rules[list->n++] = TAKE_PTR(e->rules[i]);
        return EXIT_YES;
}

int rule_pages_list(const struct cli *cli, struct rule_list *ret)
{
        _cleanup_(rule_list_deinit) struct rule_list list = {0};
        const struct rule_pages pages = {.begin = begin_list, .take = take_into_list, .userdata = &list};
        int r = rule_pages_each(cli, &pages);

        if (r)
                return r;
        *ret = list;
        list = (struct rule_list){0};
        return EXIT_YES;
}

/* As a set. */

static int begin_set(void *userdata)
{
        struct ruleset **rules = userdata;

        ruleset_free(*rules);
        *rules = ruleset_new(0);
        return *rules ? EXIT_YES : out_of_memory();
}

/* A rule that came twice: the second replaces the first. */
static int take_into_set(void *userdata, struct reply *page, _unused_ bool is_first)
{
        struct ruleset *rules = *(struct ruleset **)userdata;
        struct event *e = page->event;

        for (size_t i = 0; i < e->n_rules; i++) {
                int r = ruleset_add(rules, e->rules[i]);

                if (r == RULESET_E_EXISTS) {
                        rule_free(ruleset_remove(rules, e->rules[i]->id));
                        r = ruleset_add(rules, e->rules[i]);
                }
                if (r != 0) {
                        cli_error("the daemon's rules cannot be taken: they contradict each other, or memory ran out");
                        return EXIT_NO;
                }
                e->rules[i] = NULL;
        }
        return EXIT_YES;
}

int rule_pages_set(const struct cli *cli, struct ruleset **ret)
{
        _cleanup_(ruleset_freep) struct ruleset *rules = NULL;
        const struct rule_pages pages = {.begin = begin_set, .take = take_into_set, .userdata = &rules};
        int r = rule_pages_each(cli, &pages);

        if (r)
                return r;
        *ret = TAKE_PTR(rules);
        return EXIT_YES;
}
