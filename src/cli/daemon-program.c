/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "cli/cli.h"
#include "cli/daemon-program.h"

/* "<folder of this program>/<relative>"; false when that is not known. */
static bool beside(const char *relative, char *ret, size_t size)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        if (n <= 0)
                return false;
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (!slash)
                return false;
        *slash = '\0';
        return snprintf(ret, size, "%s/%s", self, relative) < (int)size;
}

static void try_exec(const char *path, char **argv)
{
        argv[0] = (char *)path;
        execv(path, argv);
        if (errno != ENOENT && errno != ENOTDIR)
                cli_error("cannot run %s: %s", path, strerror(errno));
}

static void exec_one_of(const char *const *near_by, size_t n_near_by, const char *const *installed, size_t n_installed, char **argv)
{
        char path[PATH_MAX];

        for (size_t i = 0; i < n_near_by; i++)
                if (beside(near_by[i], path, sizeof(path)))
                        try_exec(path, argv);
        for (size_t i = 0; i < n_installed; i++)
                try_exec(installed[i], argv);
}

void daemon_program_exec(char **argv)
{
        static const char *const near_by[] = {"bastion-daemon", "../sbin/bastion-daemon", "../daemon/bastion-daemon"};
        static const char *const installed[] = {"/usr/sbin/bastion-daemon", "/usr/local/sbin/bastion-daemon"};

        exec_one_of(near_by, ARRAY_SIZE(near_by), installed, ARRAY_SIZE(installed), argv);
        cli_error("no bastion-daemon was found beside this program, in /usr/sbin or in /usr/local/sbin.");
}

void recorder_program_exec(char **argv)
{
        static const char *const near_by[] = {"../recorder/bastion-recorder", "../libexec/bastion/bastion-recorder"};
        static const char *const installed[] = {BASTION_LIBEXECDIR "/bastion-recorder"};

        exec_one_of(near_by, ARRAY_SIZE(near_by), installed, ARRAY_SIZE(installed), argv);
        cli_error("no bastion-recorder, which reads history, was found beside this program or in %s.", BASTION_LIBEXECDIR);
}
