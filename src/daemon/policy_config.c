/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.json: read, changed key by key, told. A wrong word keeps that key's last good value, a file that does not parse changes nothing; at start
 * the last good copy in the state directory takes a bad file's place.
 *
 * A change is in force at once and its text goes to the saver. Until it is on disk that text stands for the file: the next change is made in it, and a
 * reload reads it, so that neither loses what was acknowledged. What somebody else writes in these milliseconds is lost, as between two editors.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/files.h"
#include "wire/conffile.h"

static void path_of(const struct daemon *d, char ret[PATH_MAX])
{
        policy_path(ret, d->options.etc, "config.json");
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* What is in force, every key of it: so a file with one wrong word cannot take the last good word away. A try is not in force for good. */
void policy_keep_good_config(struct daemon *d, enum mode mode)
{
        _cleanup_(buf_deinit) struct buf text = { .max = LIMIT_CONFIG_FILE };
        struct config good = d->config;
        size_t n;

        good.mode = mode;
        if (conffile_format(&good, &text) < 0) {
                log_warn("cannot keep a last good copy of the configuration: no memory");
                return;
        }
        n = text.n;
        policy_keep_good(d, "config.json.good", buf_take(&text), n);
}

/* At start, before config.json itself is read: where that is wrong, in a word or as a whole, this holds. False: there never was a good one. */
static bool load_good_config(struct daemon *d)
{
        struct policy_warnings warnings = { .d = d };
        struct file_error ignored;
        struct config config;
        char good[PATH_MAX];

        policy_path(good, d->options.state, "config.json.good");
        warnings.path = good;
        if (policy_read_config(good, &d->config, &d->options, &warnings, &config, &ignored) != 0)
                return false;
        d->config = config;
        return true;
}

static int read_config(struct daemon *d, const char *path, struct policy_warnings *warnings, struct config *ret, struct file_error *ret_error)
{
        if (d->config_saving.text)
                return policy_parse_config(d->config_saving.text, d->config_saving.n, &d->config, &d->options, warnings, ret, ret_error);
        return policy_read_config(path, &d->config, &d->options, warnings, ret, ret_error);
}

/* The file was read, and some values of it were not taken: each was logged, and the first is kept for who asks. */
static void note_warnings(struct daemon *d, const struct policy_warnings *w)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        policy_clear_problem(&d->config_problem);
        if (w->n == 0)
                return;
        buf_printf(&text, "%s:%u:%u: %s; its last good value is in force", w->path, w->first.line, w->first.column, w->first.text);
        if (w->n > 1)
                buf_printf(&text, " (and %u more)", w->n - 1);
        d->config_problem = buf_take(&text);
}

void policy_load_config(struct daemon *d, bool at_start)
{
        char path[PATH_MAX];
        struct policy_warnings warnings = { .d = d, .path = path };
        struct file_error error = { 0 };
        struct config config;
        bool had_good = at_start && load_good_config(d);
        int r;

        path_of(d, path);
        r = read_config(d, path, &warnings, &config, &error);
        if (r == 0) {
                d->config = config;
                note_warnings(d, &warnings);
                policy_keep_good_config(d, config.mode);
        } else if (!at_start) {
                policy_set_problem(&d->config_problem, path, &error, "the configuration in force stays");
                server_notify(d, "Configuration", NOTIFICATION_ERROR, "%s", d->config_problem ? d->config_problem : path);
        } else if (had_good) {
                policy_set_problem(&d->config_problem, path, &error, "the last good copy is in force");
        } else if (r != -ENOENT) {
                policy_set_problem(&d->config_problem, path, &error, "there is no good copy: starting in learning mode");
        }
}

int policy_start_config(struct daemon *d)
{
        int r = policy_start_mode(d);

        if (r < 0)
                return r;
        d->config = config_default();
        policy_load_config(d, true);
        return 0;
}

/* ---- changing ----------------------------------------------------------------------------------------------------------- */

/* The file as it will be: 0, a negative errno, or CONFFILE_E_SYNTAX. */
static int edit(struct daemon *d, const char *path, const char *key, const char *value, struct buf *out, struct file_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;
        int r;

        if (d->config_saving.text)
                return conffile_edit(d->config_saving.text, d->config_saving.n, key, value, out, ret_error);
        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r == -ENOENT)
                return conffile_edit("{}", 2, key, value, out, ret_error);
        return r < 0 ? r : conffile_edit(text, n, key, value, out, ret_error);
}

/* Takes what is in `text`. */
static int64_t save(struct daemon *d, const char *path, struct buf *text)
{
        const size_t n = text->n;
        char *copy = strdup(text->data);
        int64_t ticket;

        if (!copy)
                return -ENOMEM;
        ticket = saver_replace(d->saver, path, buf_take(text), n, 0644);
        if (ticket < 0) {
                free(copy); /* one before it may be under way still */
                return ticket;
        }
        free(d->config_saving.text);
        d->config_saving.text = copy;
        d->config_saving.n = n;
        d->config_saving.ticket = ticket;
        return ticket;
}

void policy_on_config_saved(struct daemon *d, int64_t ticket)
{
        if (!d->config_saving.text || (ticket > 0 && !saver_covers(ticket, d->config_saving.ticket)))
                return;
        free(d->config_saving.text);
        d->config_saving.text = NULL;
}

int64_t policy_save_key(struct daemon *d, const char *key, const char *value, struct file_error *ret_error)
{
        _cleanup_(buf_deinit) struct buf text = { .max = LIMIT_CONFIG_FILE };
        char path[PATH_MAX];
        int r;

        path_of(d, path);
        r = edit(d, path, key, value, &text, ret_error);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        return save(d, path, &text);
}

/* What was wrong with the file may have been this key; something else may be wrong with it still. */
static void note_problem_again(struct daemon *d)
{
        char path[PATH_MAX];
        struct policy_warnings warnings = { .d = d, .path = path, .quiet = true };
        struct file_error ignored;
        struct config as_read;

        path_of(d, path);
        if (read_config(d, path, &warnings, &as_read, &ignored) == 0)
                note_warnings(d, &warnings);
}

int policy_set_key(struct daemon *d, const char *key, const char *value, int64_t *ret_ticket, struct policy_error *ret_error)
{
        struct config config = d->config;
        struct file_error syntax = { 0 };
        const char *expected;
        int64_t ticket;
        int r = conffile_set(&config, key, value, d->options.log_dir, &expected);

        if (r > 0)
                return policy_refuse(ret_error, MESSAGE_ERROR_BAD_FIELD, "value: expected %s", expected);
        if (r < 0)
                return r;
        ticket = policy_save_key(d, key, value, &syntax);
        if (ticket < 0 && syntax.text[0])
                return policy_refuse(ret_error, MESSAGE_ERROR_CONFLICT, "%s/config.json:%u:%u: %.300s; it is not written to, and nothing was changed",
                                     d->options.etc, syntax.line, syntax.column, syntax.text);
        if (ticket < 0)
                return (int)ticket;
        history_tell(d); /* by the words of the old configuration */
        d->config = config;
        note_problem_again(d);
        policy_keep_good_config(d, policy_settled_mode(d));
        policy_follow_config(d, d->config.mode);
        policy_tell_config(d);
        *ret_ticket = ticket;
        return 0;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------ */

void policy_format_config(const struct daemon *d, struct buf *out, const int64_t *id)
{
        const struct config defaults = conffile_defaults(d->options.log_dir);
        char path[PATH_MAX];

        path_of(d, path);
        if (id)
                message_format_reply_config(out, *id, &d->config, &defaults, path, d->config_problem);
        else
                message_format_config_changed(out, &d->config, &defaults, path, d->config_problem);
}

void policy_tell_config(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        policy_format_config(d, &line, NULL);
        server_broadcast_new_style(d, &line);
}
