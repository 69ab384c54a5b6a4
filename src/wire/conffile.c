/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row a key: a reader that fills its field or says what it expected. A wrong value costs a warning and nothing else, so that a typing
 * mistake in one key does not put the others back to their defaults. Changing the mode edits the text in place: what a person wrote around it
 * (order, spacing, keys of other versions) is theirs.
 */
#include "wire/conffile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/jsonpos.h"
#include "wire/jsonread.h"
#include "wire/jsonwrite.h"

struct reading {
        struct config *config;
        const char *log_dir;
};

/* Each returns NULL when it took the value, else what it expected. */
typedef const char *(*read_fn)(const struct reading *r, const json_t *value, void *field);

static const char *read_bool(const struct reading *r, const json_t *value, void *field)
{
        (void)r;
        if (!json_is_boolean(value))
                return "true or false";
        *(bool *)field = json_is_true(value);
        return NULL;
}

static const char *read_mode(const struct reading *r, const json_t *value, void *field)
{
        (void)r;
        if (!json_is_string(value) || !mode_parse(json_string_value(value), field))
                return "\"learning\" or \"enforcement\"";
        return NULL;
}

static const char *read_timeout(const struct reading *r, const json_t *value, void *field)
{
        json_int_t seconds = json_integer_value(value);

        (void)r;
        if (!json_is_integer(value) || seconds < CONFIG_TIMEOUT_MIN || seconds > CONFIG_TIMEOUT_MAX)
                return "a whole number of seconds, 5..300";
        *(unsigned *)field = (unsigned)seconds;
        return NULL;
}

static bool is_word(const json_t *value, const char *word)
{
        return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static const char *read_default_action(const struct reading *r, const json_t *value, void *field)
{
        (void)r;
        if (is_word(value, "allow"))
                *(enum action *)field = ACTION_ALLOW;
        else if (is_word(value, "deny") || is_word(value, "prompt")) /* the old word: it asked, and blocked without an answer */
                *(enum action *)field = ACTION_DENY;
        else
                return "\"allow\" or \"deny\"";
        return NULL;
}

static const char *read_on_failure(const struct reading *r, const json_t *value, void *field)
{
        (void)r;
        if (is_word(value, "open"))
                *(enum on_failure *)field = ON_FAILURE_OPEN;
        else if (is_word(value, "closed"))
                *(enum on_failure *)field = ON_FAILURE_CLOSED;
        else
                return "\"open\" or \"closed\"";
        return NULL;
}

static const struct {
        const char *word;
        int number;
} errno_names[] = { { "ECONNREFUSED", ECONNREFUSED }, { "EPERM", EPERM }, { "ENETUNREACH", ENETUNREACH } };

static const char *read_deny_errno(const struct reading *r, const json_t *value, void *field)
{
        (void)r;
        for (size_t i = 0; i < ARRAY_SIZE(errno_names); i++)
                if (is_word(value, errno_names[i].word)) {
                        *(int *)field = errno_names[i].number;
                        return NULL;
                }
        return "\"ECONNREFUSED\", \"EPERM\" or \"ENETUNREACH\"";
}

/* Below `dir`, by name: no component is empty, "." or "..". What links do is the opener's business. */
static bool is_below(const char *path, const char *dir)
{
        size_t n = strlen(dir);

        while (n > 0 && dir[n - 1] == '/')
                n--;
        if (strncmp(path, dir, n) != 0 || path[n] != '/')
                return false;
        for (path += n; *path; path += strcspn(path, "/")) {
                size_t length = strcspn(++path, "/");

                if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
        }
        return true;
}

static const char *read_log_file(const struct reading *r, const json_t *value, void *field)
{
        const char *path = json_string_value(value);

        if (!path || strlen(path) >= CONFIG_LOG_FILE_MAX)
                return "a path of at most 511 bytes";
        if (!is_below(path, r->log_dir))
                return "a path under the log directory, without . or .. in it";
        snprintf(field, CONFIG_LOG_FILE_MAX, "%s", path);
        return NULL;
}

static const struct row {
        const char *key;
        read_fn read;
        size_t offset, size;
} rows[] = {
#define ROW(field, read) { #field, read, offsetof(struct config, field), sizeof(((struct config *)NULL)->field) }
        ROW(mode, read_mode),
        ROW(timeout_seconds, read_timeout),
        ROW(default_action, read_default_action),
        ROW(on_failure, read_on_failure),
        ROW(popup_enabled, read_bool),
        ROW(notifications_enabled, read_bool),
        ROW(allow_localhost, read_bool),
        ROW(allow_lan, read_bool),
        ROW(allow_root_bypass, read_bool),
        ROW(allow_systemd_bypass, read_bool),
        ROW(cache_decisions, read_bool),
        ROW(log_decisions, read_bool),
        ROW(log_every_connection, read_bool),
        ROW(log_file, read_log_file),
        ROW(deny_errno, read_deny_errno),
        ROW(inbound_protection, read_bool),
#undef ROW
};

_Static_assert(CONFIG_TIMEOUT_MIN == 5 && CONFIG_TIMEOUT_MAX == 300, "read_timeout() says 5..300");
_Static_assert(CONFIG_LOG_FILE_MAX == 512, "read_log_file() says 511");

static void warn(const char *data, size_t n, const char *key, const char *expected, conffile_warning_fn on_warning, void *userdata)
{
        const struct jsonpos_step path = { .key = key };
        struct file_error warning = {};
        struct jsonpos at;

        jsonpos_find(data, n, &path, 1, NULL, &at);
        warning.line = at.line;
        warning.column = at.column;
        snprintf(warning.text, sizeof(warning.text), "%s: expected %s", key, expected);
        if (on_warning)
                on_warning(userdata, &warning);
}

static struct config defaults(const char *log_dir)
{
        struct config c = config_default();
        size_t n = strlen(log_dir);

        while (n > 0 && log_dir[n - 1] == '/')
                n--;
        if (n < CONFIG_LOG_FILE_MAX - sizeof("/bastion-daemon.log"))
                snprintf(c.log_file, sizeof(c.log_file), "%.*s/bastion-daemon.log", (int)n, log_dir);
        return c;
}

static int load(const char *data, size_t n, json_t **ret, struct file_error *ret_error)
{
        int error;

        if (n > LIMIT_CONFIG_FILE) {
                *ret_error = (struct file_error){};
                snprintf(ret_error->text, sizeof(ret_error->text), "more than %d bytes", LIMIT_CONFIG_FILE);
                return CONFFILE_E_SYNTAX;
        }
        error = jsonread_load(data, n, ret, ret_error);
        return error > 0 ? CONFFILE_E_SYNTAX : error;
}

int conffile_parse(const char *data, size_t n, const struct config *last_good, const char *log_dir, struct config *ret,
                   conffile_warning_fn on_warning, void *userdata, struct file_error *ret_error)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct config config = defaults(log_dir), fallback = last_good ? *last_good : config;
        const struct reading reading = { .config = &config, .log_dir = log_dir };
        int error;

        error = load(data, n, &root, ret_error);
        if (error)
                return error;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const json_t *value = json_object_get(root, rows[i].key);
                char *field = (char *)&config + rows[i].offset;
                const char *expected = value ? rows[i].read(&reading, value, field) : NULL;

                /* A key that was taken out goes back to its default; the mode alone is never changed by silence. */
                if (!value && rows[i].read == read_mode)
                        expected = "\"learning\" or \"enforcement\"; there is no such key";
                if (!expected)
                        continue;
                memcpy(field, (const char *)&fallback + rows[i].offset, rows[i].size);
                warn(data, n, rows[i].key, expected, on_warning, userdata);
        }
        *ret = config;
        return 0;
}

/* The text between the opening brace and what follows it: the indentation for a key that is put in. */
static size_t leading_space(const char *data, size_t n, size_t at)
{
        size_t length = 0;

        while (at + length < n && strchr(" \t\r\n", data[at + length]) && data[at + length])
                length++;
        return length;
}

static void insert_mode(const char *data, size_t n, size_t at, bool is_empty, enum mode mode, struct buf *out)
{
        size_t space = leading_space(data, n, at);

        buf_append(out, data, at);
        if (!is_empty)
                buf_append(out, data + at, space);
        buf_printf(out, "\"mode\": \"%s\"%s", mode_name(mode), is_empty ? "" : ",");
        buf_append(out, data + at, n - at);
}

int conffile_set_mode(const char *data, size_t n, enum mode mode, struct buf *out, struct file_error *ret_error)
{
        const struct jsonpos_step path = { .key = "mode" };
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct jsonpos at;
        int error;

        error = load(data, n, &root, ret_error);
        if (error)
                return error;
        if (jsonpos_find(data, n, &path, 1, NULL, &at)) {
                buf_append(out, data, at.at);
                buf_printf(out, "\"%s\"", mode_name(mode));
                buf_append(out, data + at.at + at.length, n - at.at - at.length);
        } else {
                insert_mode(data, n, at.at + 1, json_object_size(root) == 0, mode, out);
        }
        return buf_error(out);
}

static const char *word_of_errno(int number)
{
        for (size_t i = 0; i < ARRAY_SIZE(errno_names); i++)
                if (errno_names[i].number == number)
                        return errno_names[i].word;
        return errno_names[0].word;
}

/* ON_FAILURE_BY_MODE is the absence of the key. */
static const char *word_of_on_failure(enum on_failure on_failure)
{
        switch (on_failure) {
        case ON_FAILURE_OPEN:
                return "open";
        case ON_FAILURE_CLOSED:
                return "closed";
        case ON_FAILURE_BY_MODE:
                break;
        }
        return NULL;
}

int conffile_format(const struct config *c, struct buf *out)
{
        struct jsonwrite w = { .out = out, .spaced = true };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "mode", mode_name(c->mode));
        jsonwrite_uint(&w, "timeout_seconds", c->timeout_seconds);
        jsonwrite_string(&w, "default_action", c->default_action == ACTION_ALLOW ? "allow" : "deny");
        if (word_of_on_failure(c->on_failure))
                jsonwrite_string(&w, "on_failure", word_of_on_failure(c->on_failure));
        jsonwrite_bool(&w, "popup_enabled", c->popup_enabled);
        jsonwrite_bool(&w, "notifications_enabled", c->notifications_enabled);
        jsonwrite_bool(&w, "allow_localhost", c->allow_localhost);
        jsonwrite_bool(&w, "allow_lan", c->allow_lan);
        jsonwrite_bool(&w, "allow_root_bypass", c->allow_root_bypass);
        jsonwrite_bool(&w, "allow_systemd_bypass", c->allow_systemd_bypass);
        jsonwrite_bool(&w, "cache_decisions", c->cache_decisions);
        jsonwrite_bool(&w, "log_decisions", c->log_decisions);
        jsonwrite_bool(&w, "log_every_connection", c->log_every_connection);
        jsonwrite_string(&w, "log_file", c->log_file);
        jsonwrite_string(&w, "deny_errno", word_of_errno(c->deny_errno));
        jsonwrite_bool(&w, "inbound_protection", c->inbound_protection);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
        return buf_error(out);
}
