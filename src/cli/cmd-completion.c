/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion completion bash`: the file that is installed for the shell only evaluates this, so it knows what
 * the table knows. */
#include <string.h>

#include "cli/cli.h"

static void put_options(struct buf *out, uint64_t mask)
{
        bool first = true;

        for (unsigned i = 0; i < OPTION_COUNT_OF_ALL; i++) {
                if (!(mask & UINT64_C(1) << i))
                        continue;
                buf_printf(out, "%s--%s%s", first ? "" : " ", option_rows[i].name,
                           option_rows[i].argument ? "=" : "");
                first = false;
        }
}

static void put_script(struct buf *out)
{
        buf_puts(out, "_bastion()\n"
                      "{\n"
                      "        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} "
                      "command= word words=\n"
                      "        # '=' is a word of its own here (COMP_WORDBREAKS).\n"
                      "        if [ \"$current\" = = ]; then current=; elif [ \"$previous\" = = ]; then "
                      "previous=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                      "        if [ \"$previous\" = --socket ]; then compopt -o filenames; "
                      "COMPREPLY=($(compgen -f -- \"$current\")); return; fi\n"
                      "        for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "                case $word in -*) ;; *) command=$word; break ;; esac\n"
                      "        done\n"
                      "        case $command in\n"
                      "        '') words='");
        for (const struct command *c = commands; c->name; c++)
                if (!c->hidden)
                        buf_printf(out, "%s ", c->name);
        put_options(out, OPTIONS_GLOBAL);
        buf_puts(out, "' ;;\n");
        for (const struct command *c = commands; c->name; c++) {
                if (c->hidden)
                        continue;
                buf_printf(out, "        %s) words='%s%s", c->name, c->words ? c->words : "",
                           c->words ? " " : "");
                put_options(out, c->options | OPTIONS_GLOBAL);
                buf_puts(out, "' ;;\n");
        }
        buf_puts(out, "        esac\n"
                      "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                      "        case ${COMPREPLY[0]} in *=) compopt -o nospace ;; esac\n"
                      "}\n"
                      "complete -F _bastion bastion\n");
}

int cmd_completion(const struct cli *cli)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (strcmp(cli->words[0], "bash") != 0)
                return cli_wrong_input(cli, "there is completion for bash only, not for '%s'", cli->words[0]);
        put_script(&out);
        return cli_print(&out);
}
