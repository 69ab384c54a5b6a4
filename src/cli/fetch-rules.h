/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All rules that the daemon has in force, for commands that do not only show them. */
#pragma once

#include "cli/cli.h"
#include "core/rule.h"

struct rule_list {
        struct rule **rules; /* in the order in which the daemon lists them */
        size_t n, size;
};
void rule_list_deinit(struct rule_list *list);

/* In pages; when all rules are loaded anew meanwhile, from the beginning. EXIT_YES, or an exit code with words. */
int fetch_rules(const struct cli *cli, struct rule_list *ret);
