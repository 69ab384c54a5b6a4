/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.json: whatever it says the result is a legal configuration; after an edit it says that, and all else as before. */
#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/conffile.h"

static void on_warning(void *userdata, const struct file_error *warning)
{
        unsigned *count = userdata;

        fuzz_check(warning->line >= 1 && warning->column >= 1 && strstr(warning->text, ": expected "));
        (*count)++;
}

static void check_legal(const struct config *c)
{
        fuzz_check(c->mode == MODE_LEARNING || c->mode == MODE_ENFORCEMENT);
        fuzz_check(c->timeout_seconds >= CONFIG_TIMEOUT_MIN && c->timeout_seconds <= CONFIG_TIMEOUT_MAX);
        fuzz_check(c->default_action == ACTION_ALLOW || c->default_action == ACTION_DENY);
        fuzz_check(c->deny_errno == ECONNREFUSED || c->deny_errno == EPERM || c->deny_errno == ENETUNREACH);
        fuzz_check(strncmp(c->log_file, "/var/log/", 9) == 0 && !strstr(c->log_file, "/../"));
}

/* Field by field: the padding is nobody's. */
static bool same_config(const struct config *a, const struct config *b)
{
        return a->mode == b->mode && a->timeout_seconds == b->timeout_seconds && a->default_action == b->default_action &&
               a->on_failure == b->on_failure && a->popup_enabled == b->popup_enabled &&
               a->notifications_enabled == b->notifications_enabled && a->allow_localhost == b->allow_localhost &&
               a->allow_lan == b->allow_lan && a->allow_root_bypass == b->allow_root_bypass &&
               a->allow_systemd_bypass == b->allow_systemd_bypass && a->cache_decisions == b->cache_decisions &&
               a->log_decisions == b->log_decisions && a->log_every_connection == b->log_every_connection && a->inbound_protection == b->inbound_protection &&
               a->deny_errno == b->deny_errno && strcmp(a->log_file, b->log_file) == 0;
}

/* Without any one of its keys, the mode aside, it says that key's default. */
static void check_removals(const char *data, size_t n, const struct config *config)
{
        for (size_t i = 1; conffile_key(i); i++) {
                _cleanup_(buf_deinit) struct buf text = {};
                struct config expected = *config, without;
                struct file_error error = {};
                const char *words;

                fuzz_check(conffile_set(&expected, conffile_key(i), "null", "/var/log", &words) == 0);
                fuzz_check(conffile_edit(data, n, conffile_key(i), "null", &text, &error) == 0 && text.n <= n);
                fuzz_check(conffile_parse(text.data, text.n, NULL, "/var/log", &without, NULL, NULL, &error) == 0);
                fuzz_check(same_config(&without, &expected));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf text = {};
        struct config config, changed;
        struct file_error error = {};
        unsigned warnings = 0, after = 0;

        if (conffile_parse((const char *)data, size, NULL, "/var/log", &config, on_warning, &warnings, &error) != 0) {
                fuzz_check(error.line >= 1 && error.column >= 1 && error.text[0]);
                fuzz_check(conffile_edit((const char *)data, size, "mode", "\"learning\"", &text, &error) == CONFFILE_E_SYNTAX && text.n == 0);
                return 0;
        }
        check_legal(&config);
        check_removals((const char *)data, size, &config);
        fuzz_check(conffile_edit((const char *)data, size, "mode", "\"enforcement\"", &text, &error) == 0);
        fuzz_check(conffile_parse(text.data, text.n, NULL, "/var/log", &changed, on_warning, &after, &error) == 0);
        fuzz_check(changed.mode == MODE_ENFORCEMENT && after <= warnings && warnings <= after + 1);
        changed.mode = config.mode;
        fuzz_check(same_config(&config, &changed));
        return 0;
}
