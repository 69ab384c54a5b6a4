/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's rules, asked for and added to. Exit codes; words were said where it is not EXIT_YES. */
#pragma once

#include "cli/cli.h"
#include "core/ruleset.h"

/* All rules in force, page by page, as a set of ours; asked for anew when they are loaded anew meanwhile. */
int daemon_rules_load(const struct cli *cli, struct ruleset **ret);
/* Adds one; the reply has it. */
int daemon_rules_add(const struct cli *cli, const char *sentence, struct reply *ret);
