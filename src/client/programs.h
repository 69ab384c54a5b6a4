/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where Bastion's other programs are: beside this one first, so that a tree that was built and never installed works, then where they are installed.
 * What is in the kernel is the daemon's knowledge and history is the recorder's; who wants to know of these runs them.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

enum program {
        PROGRAM_DAEMON,   /* bastion-daemon */
        PROGRAM_RECORDER, /* bastion-recorder */
        PROGRAM_BASTION,  /* the command line */
        PROGRAM_PANEL,    /* bastion-control-panel */
};

/* The path of the first that is there; false: there is none. */
bool program_find(enum program program, char ret[PATH_MAX]);
/* Where it was looked for, as words behind "was not found": "beside this program, in /usr/sbin or …". */
const char *program_places(enum program program);
