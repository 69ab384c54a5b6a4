/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of bastion-daemon(8). Directories are checked by who uses them; here only words are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

enum { OPTIONS_REACH_MAX = 8 };

enum rung_choice { RUNG_AUTO, RUNG_GATE, RUNG_QUEUE };

struct options {
        const char *etc, *run, *state, *log_dir, *data;
        const char *pins; /* NULL: pins_default() */
        enum rung_choice rung;
        uint16_t queue;
        bool foreground, debug, check, rescue;
        unsigned selftest_seconds; /* 0: no self-test */
        bool enforcement;          /* of the self-test */
        struct {
                struct addr addr;
                uint16_t port;
        } reach[OPTIONS_REACH_MAX];
        unsigned n_reach;
};

enum { OPTIONS_E_DONE = 1 /* --help or --version was printed */ };

/* 0, OPTIONS_E_DONE, or -EINVAL after saying on standard error what is wrong. */
int options_parse(int argc, char **argv, struct options *ret);
