/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-reload-rules and bastion-reload-config: a file that a control panel prepared is put in place by root. Old panels call them
 * through pkexec, so the arguments are a stranger's. The story, the same for both:
 *
 *      TMP (a regular file, no link) ▶ read ▶ parsed as the daemon would ▶ written beside TARGET, fsync, rename ▶ TMP removed ▶ SIGHUP
 *
 * TMP's bytes are copied, never renamed: whoever holds it open cannot change what was validated, and the owner of the result is root.
 */
#pragma once

#include <stddef.h>

#include "wire/rulefile.h"

enum reload_exit {
        RELOAD_FINE = 0,
        RELOAD_NO_DAEMON = 1, /* the file is in place all the same; also: it could not be put there */
        RELOAD_INPUT = 2,
        RELOAD_NOT_PERMITTED = 4,
};

/* 0, negative errno, or positive with *ret_error: what is wrong with the text, and where. */
typedef int (*reload_check_fn)(const char *data, size_t n, struct file_error *ret_error);

struct reload {
        const char *program;
        size_t max; /* bytes of TMP */
        reload_check_fn check;
        bool (*target_is_ours)(const char *target);
        const char *target_words; /* what TARGET must be, for a person */
        bool needs_daemon;        /* none running is an error */
};

int reload_main(const struct reload *r, int argc, char **argv);

/* Below /etc/bastion by name: no component is empty, "." or "..". */
bool reload_is_configuration(const char *path);
