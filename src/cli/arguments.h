/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line, taken apart: options anywhere, words in order. Pure. Which options exist is one table;
 * which of them a command takes is a mask in the command's row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OPTION(constant, "name", "ARGUMENT" or NULL, "help") */
#define OPTIONS(OPTION)                                                                                      \
        OPTION(SOCKET, "socket", "PATH",                                                                     \
               "where the daemon listens (default /run/bastion/bastion-daemon.sock)")                        \
        OPTION(JSON, "json", NULL, "for programs: JSON, one object a line")                                  \
        OPTION(HELP, "help", NULL, "this help")                                                              \
        OPTION(VERSION, "version", NULL, "the version of this program")                                      \
        OPTION(KERNEL, "kernel", NULL, "what stands in the kernel: tables, hooks, maps")                     \
        OPTION(COUNT, "count", "N", "N decisions and no more")                                                \
        OPTION(ASK, "ask", NULL, "a screen with the open questions at the bottom")                           \
        OPTION(TRY, "try", "SECONDS", "go back after so long unless kept")                                   \
        OPTION(KEEP, "keep", NULL, "keep the mode that is being tried")                                      \
        OPTION(FOLLOW, "follow", NULL, "then go on with new decisions")                                      \
        OPTION(PROGRAM, "program", "GLOB", "only programs whose path or name matches")                       \
        OPTION(VERDICT, "verdict", "allow|deny", "only decisions with this verdict")                         \
        OPTION(HOST, "host", "WHERE", "only to this address, network or host name (a glob)")                 \
        OPTION(PORT, "port", "PORT", "only to this port, or ports: 8000-8999")                               \
        OPTION(RULE, "rule", "ID", "only what this rule decided")                                            \
        OPTION(REASON, "reason", "WORD", "only what was decided for this reason")                            \
        OPTION(USER, "user", "NAME", "only programs of this user")                                           \
        OPTION(SINCE, "since", "TIME", "only from then on: 2h (ago), yesterday, 2026-11-20T10:00")           \
        OPTION(UNTIL, "until", "TIME", "only before then")                                                   \
        OPTION(LIMIT, "limit", "N", "the last N of them")                                                    \
        OPTION(YES, "yes", NULL, "do it without asking; of learn review: all that is no surprise")            \
        OPTION(CSV, "csv", NULL, "comma-separated values, with a header")                                    \
        OPTION(STATE, "state", "DIR", "the daemon's state directory, when it does not say")                  \
        OPTION(LAST, "last", NULL, "about the last decision")                                                \
        OPTION(RULES, "rules", "FILE", "rules from here (default /etc/bastion/rules.json)")                  \
        OPTION(CONFIG, "config", "FILE", "configuration from here (default /etc/bastion/config.json)")       \
        OPTION(FACTORY, "factory", "FILE", "the shipped rules from here (default: the installed ones)")      \
        OPTION(DRY_RUN, "dry-run", NULL, "show what would be done, and do nothing")                          \
        OPTION(SENTENCES, "sentences", NULL, "as sentences, which is the default")                           \
        OPTION(ALL, "all", NULL, "shipped rules and those of files too")                                     \
        OPTION(FORCE, "force", NULL, "in the place of a file that is there")

enum option {
#define OPTION(constant, name, argument, help) OPTION_##constant,
        OPTIONS(OPTION)
#undef OPTION
                OPTION_COUNT_OF_ALL,
};

#define OPTION_BIT(constant) (UINT64_C(1) << OPTION_##constant)

/* Every command takes these. */
#define OPTIONS_GLOBAL (OPTION_BIT(SOCKET) | OPTION_BIT(JSON) | OPTION_BIT(HELP) | OPTION_BIT(VERSION))

_Static_assert(OPTION_COUNT_OF_ALL <= 64, "each option has its bit");

struct option_row {
        const char *name, *argument, *help;
};
extern const struct option_row option_rows[OPTION_COUNT_OF_ALL];

enum { ARGUMENTS_ERROR_MAX = 256 };

struct arguments {
        uint64_t seen;                           /* mask of OPTION_BIT() */
        const char *values[OPTION_COUNT_OF_ALL]; /* borrowed from argv */
        char **words; /* borrowed pointers: the words in order; [0] is the command */
        size_t n_words;
};
void arguments_deinit(struct arguments *a);

/* `argv` without the program's name. `--name=VALUE`, `--name VALUE`, `-h`, `-V`; after `--` everything is a
 * word. 0, -ENOMEM, or 1 with words for a person in `ret_error`. */
int arguments_parse(int argc, char **argv, struct arguments *ret, char ret_error[ARGUMENTS_ERROR_MAX]);

static inline bool arguments_have(const struct arguments *a, enum option option)
{
        return a->seen & UINT64_C(1) << option;
}
/* The number that `option` was given, `otherwise` when it was not given. False with words when it is no
 * number of 1..max. */
bool arguments_number(const struct arguments *a, enum option option, uint64_t max, uint64_t otherwise,
                      uint64_t *ret, char ret_error[ARGUMENTS_ERROR_MAX]);
