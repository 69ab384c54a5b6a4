/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row a key: a reader that fills its field or says what it expected, and a writer. A wrong value costs a warning and nothing else, so that a typing
 * mistake in one key does not put the others back to their defaults. Changing a key edits the text in place: what a person wrote around it
 * (order, spacing, keys of other versions) is theirs.
 */
#include "wire/conffile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/conffile-shape.h"
#include "wire/jsonpos.h"

/* Each returns NULL when it took the value, else what it expected. */
typedef const char *(*read_fn)(const char *log_dir, const json_t *value, void *field);
/* The same value again, or null where the field's value is the absence of its key. */
typedef void (*write_fn)(struct jsonwrite *w, const char *key, const void *field);

static const char *read_bool(const char *log_dir, const json_t *value, void *field)
{
        (void)log_dir;
        if (!json_is_boolean(value))
                return "true or false";
        *(bool *)field = json_is_true(value);
        return NULL;
}

static void write_bool(struct jsonwrite *w, const char *key, const void *field)
{
        jsonwrite_bool(w, key, *(const bool *)field);
}

static const char *read_mode(const char *log_dir, const json_t *value, void *field)
{
        (void)log_dir;
        if (!json_is_string(value) || !mode_parse(json_string_value(value), field))
                return "\"learning\" or \"enforcement\"";
        return NULL;
}

static void write_mode(struct jsonwrite *w, const char *key, const void *field)
{
        jsonwrite_string(w, key, mode_name(*(const enum mode *)field));
}

static const char *read_timeout(const char *log_dir, const json_t *value, void *field)
{
        json_int_t seconds = json_integer_value(value);

        (void)log_dir;
        if (!json_is_integer(value) || seconds < CONFIG_TIMEOUT_MIN || seconds > CONFIG_TIMEOUT_MAX)
                return "a whole number of seconds, 5..300";
        *(unsigned *)field = (unsigned)seconds;
        return NULL;
}

static void write_timeout(struct jsonwrite *w, const char *key, const void *field)
{
        jsonwrite_uint(w, key, *(const unsigned *)field);
}

static bool is_word(const json_t *value, const char *word)
{
        return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static const char *read_default_action(const char *log_dir, const json_t *value, void *field)
{
        (void)log_dir;
        if (is_word(value, "allow"))
                *(enum action *)field = ACTION_ALLOW;
        else if (is_word(value, "deny") || is_word(value, "prompt")) /* the old word: it asked, and blocked without an answer */
                *(enum action *)field = ACTION_DENY;
        else
                return "\"allow\" or \"deny\"";
        return NULL;
}

static void write_default_action(struct jsonwrite *w, const char *key, const void *field)
{
        jsonwrite_string(w, key, *(const enum action *)field == ACTION_ALLOW ? "allow" : "deny");
}

static const char *read_on_failure(const char *log_dir, const json_t *value, void *field)
{
        (void)log_dir;
        if (is_word(value, "open"))
                *(enum on_failure *)field = ON_FAILURE_OPEN;
        else if (is_word(value, "closed"))
                *(enum on_failure *)field = ON_FAILURE_CLOSED;
        else
                return "\"open\" or \"closed\"";
        return NULL;
}

static void write_on_failure(struct jsonwrite *w, const char *key, const void *field)
{
        static const char *const words[] = { [ON_FAILURE_BY_MODE] = NULL, [ON_FAILURE_OPEN] = "open", [ON_FAILURE_CLOSED] = "closed" };

        jsonwrite_string(w, key, words[*(const enum on_failure *)field]);
}

static const struct {
        const char *word;
        int number;
} errno_names[] = { { "ECONNREFUSED", ECONNREFUSED }, { "EPERM", EPERM }, { "ENETUNREACH", ENETUNREACH } };

static const char *read_deny_errno(const char *log_dir, const json_t *value, void *field)
{
        (void)log_dir;
        for (size_t i = 0; i < ARRAY_SIZE(errno_names); i++)
                if (is_word(value, errno_names[i].word)) {
                        *(int *)field = errno_names[i].number;
                        return NULL;
                }
        return "\"ECONNREFUSED\", \"EPERM\" or \"ENETUNREACH\"";
}

static void write_deny_errno(struct jsonwrite *w, const char *key, const void *field)
{
        const char *word = errno_names[0].word;

        for (size_t i = 0; i < ARRAY_SIZE(errno_names); i++)
                if (errno_names[i].number == *(const int *)field)
                        word = errno_names[i].word;
        jsonwrite_string(w, key, word);
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

static const char *read_log_file(const char *log_dir, const json_t *value, void *field)
{
        const char *path = json_string_value(value);

        if (!path || strlen(path) >= CONFIG_LOG_FILE_MAX)
                return "a path of at most 511 bytes";
        if (!is_below(path, log_dir))
                return "a path under the log directory, without . or .. in it";
        snprintf(field, CONFIG_LOG_FILE_MAX, "%s", path);
        return NULL;
}

static void write_log_file(struct jsonwrite *w, const char *key, const void *field)
{
        jsonwrite_string(w, key, field);
}

static const struct row {
        const char *key;
        read_fn read;
        write_fn write;
        size_t offset, size;
} rows[] = {
#define ROW(field, kind) { #field, read_##kind, write_##kind, offsetof(struct config, field), sizeof(((struct config *)NULL)->field) }
        ROW(mode, mode),
        ROW(timeout_seconds, timeout),
        ROW(default_action, default_action),
        ROW(on_failure, on_failure),
        ROW(popup_enabled, bool),
        ROW(notifications_enabled, bool),
        ROW(allow_localhost, bool),
        ROW(allow_lan, bool),
        ROW(allow_root_bypass, bool),
        ROW(allow_systemd_bypass, bool),
        ROW(cache_decisions, bool),
        ROW(log_decisions, bool),
        ROW(log_every_connection, bool),
        ROW(log_file, log_file),
        ROW(deny_errno, deny_errno),
        ROW(inbound_protection, bool),
#undef ROW
};

_Static_assert(CONFIG_TIMEOUT_MIN == 5 && CONFIG_TIMEOUT_MAX == 300, "read_timeout() says 5..300");
_Static_assert(CONFIG_LOG_FILE_MAX == 512, "read_log_file() says 511");

static void *field_of(struct config *c, const struct row *row)
{
        return (char *)c + row->offset;
}

static const void *field_in(const struct config *c, const struct row *row)
{
        return (const char *)c + row->offset;
}

static void copy_field(struct config *to, const struct config *from, const struct row *row)
{
        memcpy(field_of(to, row), field_in(from, row), row->size);
}

static const struct row *find_row(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].key, key) == 0)
                        return &rows[i];
        return NULL;
}

const char *conffile_key(size_t i)
{
        return i < ARRAY_SIZE(rows) ? rows[i].key : NULL;
}

bool conffile_is_key(const char *word)
{
        return find_row(word) != NULL;
}

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

struct config conffile_defaults(const char *log_dir)
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
        struct config config = conffile_defaults(log_dir), fallback = last_good ? *last_good : config;
        int error;

        error = load(data, n, &root, ret_error);
        if (error)
                return error;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const json_t *value = json_object_get(root, rows[i].key);
                const char *expected = value ? rows[i].read(log_dir, value, field_of(&config, &rows[i])) : NULL;

                /* A key that was taken out goes back to its default; the mode alone is never changed by silence. */
                if (!value && rows[i].read == read_mode)
                        expected = "\"learning\" or \"enforcement\"; there is no such key";
                if (!expected)
                        continue;
                copy_field(&config, &fallback, &rows[i]);
                warn(data, n, rows[i].key, expected, on_warning, userdata);
        }
        *ret = config;
        return 0;
}

int conffile_set(struct config *config, const char *key, const char *value, const char *log_dir, const char **ret_expected)
{
        json_error_t error = {};
        _cleanup_(json_decrefp) json_t *wanted = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        const struct config defaults = conffile_defaults(log_dir);
        const struct row *row = find_row(key);
        const char *expected = NULL;

        if (!wanted && json_error_code(&error) == json_error_out_of_memory)
                return -ENOMEM;
        if (!wanted)
                expected = "JSON";
        else if (!row)
                expected = "a key of config.json";
        else if (json_is_null(wanted) && row->read != read_mode)
                copy_field(config, &defaults, row);
        else
                expected = row->read(log_dir, wanted, field_of(config, row));
        if (!expected)
                return 0;
        *ret_expected = expected;
        return CONFFILE_E_VALUE;
}

void conffile_format_word(struct buf *out, const char *word)
{
        struct jsonwrite w = { .out = out };
        uint64_t number;

        if (strcmp(word, "default") == 0)
                word = "null";
        if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0 || strcmp(word, "null") == 0)
                jsonwrite_json(&w, NULL, word);
        else if (str_parse_u64(word, INT64_MAX, &number))
                jsonwrite_uint(&w, NULL, number);
        else
                jsonwrite_string(&w, NULL, word);
}

void conffile_format_value(struct buf *out, const struct config *config, const char *key)
{
        _cleanup_(buf_deinit) struct buf text = {};
        struct jsonwrite w = { .out = &text };
        const struct row *row = find_row(key);
        _cleanup_(json_decrefp) json_t *value = NULL;

        if (row)
                row->write(&w, NULL, field_in(config, row));
        value = row && !buf_error(&text) ? json_loadb(text.data, text.n, JSON_DECODE_ANY, NULL) : NULL;
        if (!value)
                out->error = row ? -ENOMEM : -EINVAL;
        else if (json_is_string(value))
                buf_puts(out, json_string_value(value));
        else
                buf_puts(out, json_is_null(value) ? "default" : text.data);
}

/* ---- editing the text --------------------------------------------------------------------------------------------- */

static size_t space_after(const char *data, size_t n, size_t at)
{
        size_t length = 0;

        while (at + length < n && data[at + length] && strchr(" \t\r\n", data[at + length]))
                length++;
        return length;
}

static size_t space_before(const char *data, size_t at)
{
        size_t length = 0;

        while (length < at && data[at - length - 1] && strchr(" \t\r\n", data[at - length - 1]))
                length++;
        return length;
}

/* First in the object, which opens before `at`, indented as what followed there. */
static void insert_member(const char *data, size_t n, size_t at, bool is_empty, const char *key, const char *value, struct buf *out)
{
        size_t space = space_after(data, n, at);

        buf_append(out, data, at);
        if (!is_empty)
                buf_append(out, data + at, space);
        buf_printf(out, "\"%s\": %s%s", key, value, is_empty ? "" : ",");
        buf_append(out, data + at, n - at);
}

/* With the comma after it or, of the last member, the one before it. */
static void remove_member(const char *data, size_t n, size_t start, size_t end, struct buf *out)
{
        size_t next = end + space_after(data, n, end), before = start - space_before(data, start);

        if (next < n && data[next] == ',') {
                end = next + 1;
                end += space_after(data, n, end);
        } else if (before > 0 && data[before - 1] == ',') {
                start = before - 1;
        }
        buf_append(out, data, start);
        buf_append(out, data + end, n - end);
}

int conffile_edit(const char *data, size_t n, const char *key, const char *value, struct buf *out, struct file_error *ret_error)
{
        const struct jsonpos_step path = { .key = key };
        const bool remove = strcmp(value, "null") == 0;
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct jsonpos name, at;
        int error;

        error = load(data, n, &root, ret_error);
        if (error)
                return error;
        if (!jsonpos_find(data, n, &path, 1, &name, &at)) {
                if (remove)
                        buf_append(out, data, n);
                else
                        insert_member(data, n, at.at + 1, json_object_size(root) == 0, key, value, out);
        } else if (remove) {
                remove_member(data, n, name.at, at.at + at.length, out);
        } else {
                buf_append(out, data, at.at);
                buf_puts(out, value);
                buf_append(out, data + at.at + at.length, n - at.at - at.length);
        }
        return buf_error(out);
}

int conffile_format(const struct config *c, struct buf *out)
{
        struct jsonwrite w = { .out = out, .spaced = true };

        jsonwrite_open(&w, NULL, '{');
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].read != read_on_failure || c->on_failure != ON_FAILURE_BY_MODE)
                        rows[i].write(&w, rows[i].key, field_in(c, &rows[i]));
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
        return buf_error(out);
}

/* ---- in the protocol ---------------------------------------------------------------------------------------------- */

void conffile_write_fields(struct jsonwrite *w, const struct config *config)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                rows[i].write(w, rows[i].key, field_in(config, &rows[i]));
}

void conffile_read_fields(struct jsonread *r, const json_t *o, struct config *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows) && !r->error; i++) {
                const struct row *row = &rows[i];
                const json_t *value = json_object_get(o, row->key);
                const char *expected = NULL;

                if (row->read == read_on_failure && json_is_null(value))
                        ret->on_failure = ON_FAILURE_BY_MODE;
                else
                        expected = row->read("/", value, field_of(ret, row));
                if (expected)
                        jsonread_fail(r, row->key, "expected %s", expected);
        }
}
