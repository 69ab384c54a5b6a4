/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion selftest` is the daemon's --selftest in words that are quicker to type: a number is the seconds, ADDRESS:PORT is what must be reached,
 * and whatever begins with a dash is the daemon's own option.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/daemon-program.h"

/* The daemon's option for one word; NULL: no memory. */
static char *to_option(const char *word)
{
        const char *prefix = "--reach=";
        char *option;

        if (word[0] == '-')
                prefix = "";
        else if (strspn(word, "0123456789") == strlen(word))
                prefix = "--selftest=";
        return asprintf(&option, "%s%s", prefix, word) < 0 ? NULL : option;
}

static void free_options(char ***options)
{
        for (char **option = *options ? *options + 2 : NULL; option && *option; option++)
                free(*option);
        free(*options);
}

int cmd_selftest(const struct cli *cli)
{
        _cleanup_(free_options) char **argv = calloc(cli->n_words + 3, sizeof(*argv));

        if (!argv) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        argv[1] = (char *)"--selftest";
        for (size_t i = 0; i < cli->n_words; i++) {
                argv[2 + i] = to_option(cli->words[i]);
                if (!argv[2 + i]) {
                        cli_error("out of memory");
                        return EXIT_NO;
                }
        }
        daemon_program_exec(argv);
        return EXIT_NO;
}
