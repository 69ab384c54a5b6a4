/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules and configuration from files, without a daemon: what `bastion test` runs on, in anybody's CI and as anybody.
 * --rules, --config and --factory say which; else the installed ones, rules.d among them. An installed file that does not exist counts as empty, as it
 * does for the daemon; one that was asked for must be there. Answers for a session are in no file.
 */
#pragma once

#include "cli/cli.h"
#include "client/list-files.h"
#include "core/ruleset.h"
#include "wire/rulefile.h"

struct offline {
        struct ruleset *rules; /* factory rules included, switched as the configuration says */
        struct config config;
        struct list_files lists;
};
void offline_deinit(struct offline *o);

/* EXIT_YES, or EXIT_WRONG_INPUT (EXIT_NO: no memory) with words. */
int offline_load(const struct cli *cli, struct offline *ret);

/* Reads every list, and says which cannot be read. Exit codes as above; *ret holds the others all the same. */
int offline_load_lists(const struct ruleset *rules, struct list_files *ret);

/* The whole file, or standard input for "-"; the caller frees. Exit codes as above; without `must_exist`, *ret is NULL where there is none. */
int offline_read(const char *path, size_t max, bool must_exist, char **ret, size_t *ret_n);
/* What a parser returned of a file, as an exit code, with words where it is not EXIT_YES. */
int offline_parsed(const char *path, int r, const struct file_error *error);
/* By which rules with a lifetime go on, as the daemon would see it now. Exit codes as above. */
int offline_clocks(struct clocks *ret);
/* Adds the rules of a rules.json to `rules`, and those of the rules.d beside it; or those of one file of sentences, NAME.rules. */
int offline_read_rules(const char *path, bool must_exist, struct ruleset *rules, struct rulefile_rest *ret_rest);
