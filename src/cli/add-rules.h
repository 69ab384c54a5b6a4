/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many rules by the ordinary request. The daemon answers when a rule is on disk, and one write of the file answers all that waited for it: so
 * some requests are under way at once. Few, because each takes the daemon's loop as long as putting all rules into words does.
 */
#pragma once

#include "cli/cli.h"
#include "core/rule.h"

struct added {
        size_t n_added, n_refused; /* what was refused was told */
};

/* In their order. EXIT_YES; or an exit code with words when not all could be tried: the daemon went, or takes no more. */
int add_rules(const struct cli *cli, const struct rule *const *rules, size_t n, struct added *ret);
