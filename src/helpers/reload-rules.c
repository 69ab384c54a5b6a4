/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bastion-reload-rules TMP /etc/bastion/rules.json: helpers/reload.h with the parser of rules.json. */
#include <errno.h>
#include <string.h>

#include "helpers/reload.h"

static int check(const char *data, size_t n, struct file_error *ret_error)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1); /* read once and thrown away: no seed is needed */
        struct rulefile_rest rest = { 0 };
        int r = set ? rulefile_parse(data, n, NULL, set, &rest, ret_error) : -ENOMEM;

        rulefile_rest_deinit(&rest);
        return r;
}

static bool is_rules(const char *target)
{
        return strcmp(target, "/etc/bastion/rules.json") == 0;
}

int main(int argc, char **argv)
{
        static const struct reload RULES = {
                .program = "bastion-reload-rules",
                .max = LIMIT_RULE_FILE,
                .check = check,
                .target_is_ours = is_rules,
                .target_words = "/etc/bastion/rules.json",
                .needs_daemon = true,
        };

        return reload_main(&RULES, argc, argv);
}
