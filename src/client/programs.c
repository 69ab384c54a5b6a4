/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/programs.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLACES_MAX = 4 };

/* `beside`: relative to the folder of the program that runs: as installed, then as built. */
static const struct {
        const char *beside[PLACES_MAX], *installed[PLACES_MAX], *words;
} places[] = {
        [PROGRAM_DAEMON] = {
                { "bastion-daemon", "../sbin/bastion-daemon", "../daemon/bastion-daemon" },
                { "/usr/sbin/bastion-daemon", "/usr/local/sbin/bastion-daemon" },
                "beside this program, in /usr/sbin or in /usr/local/sbin",
        },
        [PROGRAM_RECORDER] = {
                { "../recorder/bastion-recorder", "../libexec/bastion/bastion-recorder" },
                { BASTION_LIBEXECDIR "/bastion-recorder" },
                "beside this program or in " BASTION_LIBEXECDIR,
        },
        [PROGRAM_BASTION] = {
                { "bastion", "../bin/bastion", "../cli/bastion" },
                { "/usr/bin/bastion", "/usr/local/bin/bastion" },
                "beside this program, in /usr/bin or in /usr/local/bin",
        },
        [PROGRAM_PANEL] = {
                { "bastion-control-panel" },
                { "/usr/bin/bastion-control-panel", "/usr/local/bin/bastion-control-panel" },
                "beside this program, in /usr/bin or in /usr/local/bin",
        },
};

/* "<folder of this program>/<relative>"; false when that is not known. */
static bool beside(const char *relative, char ret[PATH_MAX])
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
        return snprintf(ret, PATH_MAX, "%s/%s", self, relative) < PATH_MAX;
}

bool program_find(enum program program, char ret[PATH_MAX])
{
        for (size_t i = 0; i < PLACES_MAX && places[program].beside[i]; i++)
                if (beside(places[program].beside[i], ret) && access(ret, F_OK) == 0)
                        return true;
        for (size_t i = 0; i < PLACES_MAX && places[program].installed[i]; i++)
                if (access(places[program].installed[i], F_OK) == 0) {
                        snprintf(ret, PATH_MAX, "%s", places[program].installed[i]);
                        return true;
                }
        return false;
}

const char *program_places(enum program program)
{
        return places[program].words;
}
