/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `bastion config`: the keys of config.json, as the daemon has them in force, and changing one. */
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "wire/conffile.h"

/* A value as a cell, in the words that `bastion config KEY` takes. */
static void put_value(struct columns *table, const struct config *config, const char *key)
{
        _cleanup_(buf_deinit) struct buf word = {0}, cell = {0};

        conffile_format_value(&word, config, key);
        if (buf_error(&word))
                table->error = buf_error(&word);
        else
                str_escape(&cell, word.data);
        columns_take(table, &cell);
}

static int show_all(const struct cli *cli, const struct event *event)
{
        _cleanup_(columns_deinit) struct columns table = {.n_columns = 3};
        _cleanup_(buf_deinit) struct buf out = {0};
        const char *key;

        columns_add(&table, "KEY");
        columns_add(&table, "VALUE");
        columns_add(&table, "DEFAULT");
        for (size_t i = 0; (key = conffile_key(i)); i++) {
                columns_add(&table, key);
                put_value(&table, &event->config, key);
                put_value(&table, &event->config_defaults, key);
        }
        columns_format(&table, cli->style, &out);
        buf_puts(&out, "\nFrom ");
        str_escape(&out, event->config_file);
        buf_puts(&out, ".\n");
        if (event->config_problem) {
                str_escape(&out, event->config_problem);
                buf_putc(&out, '\n');
        }
        return cli_print(&out);
}

static int show_one(const struct event *event, const char *key)
{
        _cleanup_(buf_deinit) struct buf word = {0}, out = {0};

        conffile_format_value(&word, &event->config, key);
        if (!buf_error(&word))
                str_escape(&out, word.data);
        buf_putc(&out, '\n');
        return cli_print(&out);
}

static int show(const struct cli *cli, const char *key)
{
        _cleanup_(reply_deinit) struct reply reply = {0};
        int r = cli_request_plain(cli, MESSAGE_CONFIG, &reply);

        if (r)
                return r;
        if (cli->json)
                return cli_print_json(reply.raw, reply.n_raw);
        if (!reply.event->has_config) {
                cli_error("the daemon did not tell its configuration");
                return EXIT_NO;
        }
        return key ? show_one(reply.event, key) : show_all(cli, reply.event);
}

static void format_set(struct buf *out, int64_t id, const void *parameters)
{
        char *const *words = parameters;
        _cleanup_(buf_deinit) struct buf value = {0};

        conffile_format_word(&value, words[1]);
        if (buf_error(&value))
                out->error = buf_error(&value);
        else
                message_format_request_config_set(out, id, words[0], value.data);
}

int cmd_config(const struct cli *cli)
{
        _cleanup_(reply_deinit) struct reply reply = {0};

        if (cli->n_words > 0 && !conffile_is_key(cli->words[0]))
                return cli_wrong_input(cli, "config.json has no key '%s'; 'bastion config' lists them", cli->words[0]);
        if (cli->n_words < 2)
                return show(cli, cli->n_words > 0 ? cli->words[0] : NULL);
        if (strcmp(cli->words[0], "mode") == 0)
                return cli_wrong_input(cli, "'bastion mode' changes the mode, for a try too");
        return cli_change(cli, format_set, cli->words, &reply);
}
