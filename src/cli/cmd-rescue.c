/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion rescue` must work when nothing else does. What Bastion has in the kernel is the daemon's
 * knowledge, so the daemon's own program is run, with --rescue; it is looked for beside this program first,
 * so that a tree that was built and never installed can clean up.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

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

int cmd_rescue(const struct cli *cli)
{
        static const char *const near_by[] = {"bastion-daemon", "../sbin/bastion-daemon"};
        static const char *const installed[] = {"/usr/sbin/bastion-daemon", "/usr/local/sbin/bastion-daemon"};
        _cleanup_(freep) char **argv = calloc(cli->n_words + 3, sizeof(*argv));
        char path[PATH_MAX];

        if (!argv) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        argv[1] = (char *)"--rescue";
        for (size_t i = 0; i < cli->n_words; i++)
                argv[2 + i] = cli->words[i];
        for (size_t i = 0; i < ARRAY_SIZE(near_by); i++)
                if (beside(near_by[i], path, sizeof(path)))
                        try_exec(path, argv);
        for (size_t i = 0; i < ARRAY_SIZE(installed); i++)
                try_exec(installed[i], argv);
        cli_error("no bastion-daemon was found beside this program, in /usr/sbin or in /usr/local/sbin.\n"
                  "Without it: nft delete table ip bastion; nft delete table ip6 bastion; rm -r "
                  "/sys/fs/bpf/bastion*");
        return EXIT_NO;
}
