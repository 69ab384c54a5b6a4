/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of bastion-daemon(8). Directories are checked by who uses them; here only words are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum rung_choice { RUNG_AUTO, RUNG_GATE, RUNG_QUEUE };

struct options {
        const char *etc, *run, *state, *log_dir, *data;
        const char *pins; /* NULL: pins_default() */
        enum rung_choice rung;
        uint16_t queue;
        bool foreground, debug, check, rescue;
};

enum { OPTIONS_E_DONE = 1 /* --help or --version was printed */ };

/* 0, OPTIONS_E_DONE, or -EINVAL after saying on standard error what is wrong. */
int options_parse(int argc, char **argv, struct options *ret);
