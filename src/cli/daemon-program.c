/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/daemon-program.h"
#include "client/programs.h"

static void become(enum program program, const char *what, char **argv)
{
        char path[PATH_MAX];

        if (!program_find(program, path)) {
                cli_error("no %s was found %s", what, program_places(program));
                return;
        }
        argv[0] = path;
        execv(path, argv);
        cli_error("cannot run %s: %s", path, strerror(errno));
}

void daemon_program_exec(char **argv)
{
        become(PROGRAM_DAEMON, "bastion-daemon", argv);
}

void recorder_program_exec(char **argv)
{
        become(PROGRAM_RECORDER, "bastion-recorder, which reads history,", argv);
}
