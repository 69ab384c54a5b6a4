/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion rescue` must work when nothing else does: the daemon's own program is run, with --rescue. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/daemon-program.h"

int cmd_rescue(const struct cli *cli)
{
        _cleanup_(freep) char **argv = calloc(cli->n_words + 3, sizeof(*argv));

        if (!argv) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        argv[1] = (char *)"--rescue";
        for (size_t i = 0; i < cli->n_words; i++)
                argv[2 + i] = cli->words[i];
        daemon_program_exec(argv);
        cli_error("Without it: nft delete table ip bastion; nft delete table ip6 bastion; rm -r /sys/fs/bpf/bastion*");
        return EXIT_NO;
}
