/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision log: lines with the local date and time in a file that the daemon opened, and without them on standard error, where the journal has
 * its own. Lines are gathered and written in one piece.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct logfile {
        int fd;           /* -1: none */
        bool wants_file;  /* there should be one */
        struct buf file, journal;
        uint64_t n_lines; /* gathered */
        int error;        /* errno of the last write that did not work, 0 */
};

void logfile_init(struct logfile *l);
/* Takes `fd` (-1: none) in the place of the one before. */
void logfile_set(struct logfile *l, int fd, bool wants_file);
void logfile_add(struct logfile *l, int64_t time_us, const char *line);
/* Writes what was gathered. False when lines of it were lost. */
bool logfile_flush(struct logfile *l);
