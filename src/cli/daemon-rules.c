/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "cli/daemon-rules.h"

enum { PAGE_RULES = 2000, TRIES = 5 };

struct loading {
        struct rules_page page;
        unsigned n_tries;
        struct ruleset *rules;
};

static void loading_deinit(struct loading *l)
{
        rules_mark_deinit(&l->page.after);
        ruleset_free(l->rules);
}

/* EXIT_YES or EXIT_NO. */
static int begin(struct loading *l)
{
        rules_mark_deinit(&l->page.after);
        l->page = (struct rules_page){.limit = PAGE_RULES};
        l->n_tries++;
        ruleset_free(l->rules);
        l->rules = ruleset_new(0);
        if (l->rules)
                return EXIT_YES;
        cli_error("out of memory");
        return EXIT_NO;
}

static void format_page(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rules(out, id, &((const struct loading *)parameters)->page);
}

/* A rule that changed between two pages may come twice: the second replaces the first. */
static int take_rules(struct loading *l, struct event *e)
{
        for (size_t i = 0; i < e->n_rules; i++) {
                int r = ruleset_add(l->rules, e->rules[i]);

                if (r == RULESET_E_EXISTS) {
                        rule_free(ruleset_remove(l->rules, e->rules[i]->id));
                        r = ruleset_add(l->rules, e->rules[i]);
                }
                if (r != 0) {
                        cli_error("the daemon's rules cannot be taken: they contradict each other, or memory ran out");
                        return EXIT_NO;
                }
                e->rules[i] = NULL;
        }
        return EXIT_YES;
}

static int take_page(struct reply *reply, void *userdata)
{
        struct loading *l = userdata;
        struct event *e = reply->event;
        int r;

        if (e->type == EVENT_ERROR) {
                if (e->error != MESSAGE_ERROR_CLOSED || l->n_tries == TRIES)
                        return cli_error_reply(e);
                r = begin(l);
                return r ? r : CLI_ASK_AGAIN;
        }
        r = take_rules(l, e);
        if (r || !e->has_next)
                return r;
        rules_mark_deinit(&l->page.after);
        l->page.after = e->next;
        l->page.has_after = true;
        e->next = (struct rules_mark){0};
        return CLI_ASK_AGAIN;
}

int daemon_rules_load(const struct cli *cli, struct ruleset **ret)
{
        _cleanup_(loading_deinit) struct loading l = {0};
        int r = begin(&l);

        if (r == EXIT_YES)
                r = cli_request_each(cli, format_page, &l, take_page, &l);
        if (r == EXIT_YES)
                *ret = TAKE_PTR(l.rules);
        return r;
}

static void format_sentence(struct buf *out, int64_t id, const void *parameters)
{
        message_format_request_rule_add(out, id, parameters);
}

int daemon_rules_add(const struct cli *cli, const char *sentence, struct reply *ret)
{
        return cli_request(cli, format_sentence, sentence, ret);
}
