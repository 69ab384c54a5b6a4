/* SPDX-License-Identifier: GPL-3.0-or-later */
/* getopt_long() would do, but for one table that also makes the help, the manual's lists and the shell's
 * completion. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "cli/arguments.h"
#include "client/words.h"

const struct option_row option_rows[OPTION_COUNT_OF_ALL] = {
#define OPTION(constant, name, argument, help) {name, argument, help},
        OPTIONS(OPTION)
#undef OPTION
};

void arguments_deinit(struct arguments *a)
{
        free(a->words);
        *a = (struct arguments){0};
}

/* The option that `name` of `n` bytes means, OPTION_COUNT_OF_ALL for none. */
static enum option option_find(const char *name, size_t n)
{
        unsigned i;

        for (i = 0; i < OPTION_COUNT_OF_ALL; i++)
                if (strlen(option_rows[i].name) == n && memcmp(option_rows[i].name, name, n) == 0)
                        break;
        return (enum option)i;
}

/* Takes the option in argv[*i], and its value from there or from the next. False with words. */
static bool take_option(struct arguments *a, int argc, char **argv, int *i, char error[ARGUMENTS_ERROR_MAX])
{
        const char *name = argv[*i] + 2, *value = strchr(name, '=');
        size_t n = value ? (size_t)(value - name) : strlen(name);
        enum option option = option_find(name, n);

        if (option == OPTION_COUNT_OF_ALL) {
                snprintf(error, ARGUMENTS_ERROR_MAX, "there is no option '--%.*s'", (int)MIN(n, (size_t)40),
                         name);
                return false;
        }
        if (!option_rows[option].argument && value) {
                snprintf(error, ARGUMENTS_ERROR_MAX, "'--%s' takes no value", option_rows[option].name);
                return false;
        }
        if (option_rows[option].argument) {
                if (value)
                        value++;
                else if (*i + 1 < argc)
                        value = argv[++*i];
                if (!value || !*value) {
                        snprintf(error, ARGUMENTS_ERROR_MAX, "'--%s' needs a value: --%s=%s",
                                 option_rows[option].name, option_rows[option].name,
                                 option_rows[option].argument);
                        return false;
                }
        }
        a->values[option] = value;
        a->seen |= UINT64_C(1) << option;
        return true;
}

int arguments_parse(int argc, char **argv, struct arguments *ret, char ret_error[ARGUMENTS_ERROR_MAX])
{
        _cleanup_(arguments_deinit) struct arguments a = {0};
        bool words_only = false;

        a.words = calloc((size_t)argc + 1, sizeof(*a.words));
        if (!a.words)
                return -ENOMEM;
        for (int i = 0; i < argc; i++) {
                if (words_only || argv[i][0] != '-' || !argv[i][1]) {
                        a.words[a.n_words++] = argv[i];
                } else if (strcmp(argv[i], "--") == 0) {
                        words_only = true;
                } else if (strcmp(argv[i], "-h") == 0) {
                        a.seen |= OPTION_BIT(HELP);
                } else if (strcmp(argv[i], "-V") == 0) {
                        a.seen |= OPTION_BIT(VERSION);
                } else if (argv[i][1] != '-') {
                        snprintf(ret_error, ARGUMENTS_ERROR_MAX, "there is no option '%.40s'", argv[i]);
                        return 1;
                } else if (!take_option(&a, argc, argv, &i, ret_error)) {
                        return 1;
                }
        }
        *ret = a;
        a = (struct arguments){0};
        return 0;
}

bool arguments_number(const struct arguments *a, enum option option, uint64_t max, uint64_t otherwise,
                      uint64_t *ret, char ret_error[ARGUMENTS_ERROR_MAX])
{
        if (!arguments_have(a, option)) {
                *ret = otherwise;
                return true;
        }
        if (str_parse_u64(a->values[option], max, ret) && *ret > 0)
                return true;
        snprintf(ret_error, ARGUMENTS_ERROR_MAX, "'--%s' needs a number of 1 to %llu, not '%.40s'",
                 option_rows[option].name, (unsigned long long)max, a->values[option]);
        return false;
}
