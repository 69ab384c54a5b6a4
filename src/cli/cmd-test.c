/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion test FILE`: expectations against rules in files; no daemon, no root. */
#include <string.h>

#include "cli/cli.h"
#include "cli/expectations.h"
#include "cli/names.h"
#include "cli/offline.h"

enum { EXPECTATIONS_MAX = 16 << 20 };

int cmd_test(const struct cli *cli)
{
        _cleanup_(offline_deinit) struct offline offline = {0};
        _cleanup_(buf_deinit) struct buf out = {0};
        _cleanup_(freep) char *text = NULL;
        struct expectations_result result;
        struct expectations e = {.file = cli->words[0], .names = names_lookup, .json = cli->json};
        size_t n;
        int r;

        r = offline_load(cli, &offline);
        if (!r)
                r = offline_read(cli->words[0], EXPECTATIONS_MAX, true, &text, &n);
        if (r)
                return r;
        e.rules = offline.rules;
        e.lists = &offline.lists.sets;
        e.config = offline.config;
        if (expectations_run(&e, text, n, &out, &result) < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        if (!cli->json) {
                buf_printf(&out, "%u expectation%s, %u failed", result.n, result.n == 1 ? "" : "s", result.n_failed);
                if (result.n_wrong > 0)
                        buf_printf(&out, ", %u not understood", result.n_wrong);
                buf_putc(&out, '\n');
        }
        r = cli_print(&out);
        if (r)
                return r;
        return result.n_wrong > 0 ? EXIT_WRONG_INPUT : result.n_failed > 0 ? EXIT_NO : EXIT_YES;
}
