/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All rules that the daemon has in force, however many: asked for in pages. When they are loaded anew between two pages it is begun again,
 * some times; a rule that changes meanwhile may come twice.
 */
#pragma once

#include "cli/cli.h"
#include "core/ruleset.h"

struct rule_pages {
        int (*begin)(void *userdata);                      /* what was taken so far is void */
        int (*take)(void *userdata, struct reply *page, bool is_first); /* may take the rules out of it */
        void *userdata;
};

/* EXIT_YES, or the exit code with which one of the two, or the asking itself, ended it; words were said. */
int rule_pages_each(const struct cli *cli, const struct rule_pages *pages);

struct rule_list {
        struct rule **rules; /* in the order in which the daemon lists them */
        size_t n, size;
};
void rule_list_deinit(struct rule_list *list);
int rule_pages_list(const struct cli *cli, struct rule_list *ret);
/* As a set of ours. */
int rule_pages_set(const struct cli *cli, struct ruleset **ret);
