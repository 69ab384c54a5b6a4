/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers of what strangers wrote. Depth is bounded by jansson (2048 levels, then an error), length by the callers. Words of jansson's errors
 * quote the input, so they are reduced to printable ASCII before a person or a terminal sees them.
 */
#include "wire/jsonread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "wire/escape.h"

static void make_printable(char *text)
{
        for (; *text; text++)
                if (*text < 0x20 || *text >= 0x7f)
                        *text = '?';
}

/* jansson (2.14) drops a NUL that follows a literal, so that what it read is not what others read. */
static bool has_nul(const char *data, size_t n, struct file_error *ret_error)
{
        const char *nul = memchr(data, 0, n);

        if (!nul)
                return false;
        *ret_error = (struct file_error){ .line = 1, .column = 1, .text = "a NUL byte" };
        for (; data < nul; data++) {
                ret_error->line += *data == '\n';
                ret_error->column = *data == '\n' ? 1 : ret_error->column + (((unsigned char)*data & 0xc0) != 0x80);
        }
        return true;
}

/* What some editors put in front of UTF-8. RFC 8259 lets a reader refuse it; jansson's words would name invisible bytes. */
static bool has_byte_order_mark(const char *data, size_t n, struct file_error *ret_error)
{
        static const char MARK[] = "\xef\xbb\xbf";

        if (n < strlen(MARK) || memcmp(data, MARK, strlen(MARK)) != 0)
                return false;
        *ret_error = (struct file_error){ .line = 1, .column = 1, .text = "a byte order mark: expected UTF-8 without one" };
        return true;
}

int jsonread_load(const char *data, size_t n, json_t **ret, struct file_error *ret_error)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        json_error_t error;

        if (n > 0 && (has_byte_order_mark(data, n, ret_error) || has_nul(data, n, ret_error)))
                return 1;
        root = json_loadb(data, n, JSON_REJECT_DUPLICATES, &error);
        if (!root && json_error_code(&error) == json_error_out_of_memory)
                return -ENOMEM;
        *ret_error = (struct file_error){ .line = 1, .column = 1 };
        if (!root) {
                /* jansson counts from the last character it read: column 0 is the line's end before it. */
                ret_error->line = (unsigned)MAX(error.line, 1);
                ret_error->column = (unsigned)MAX(error.column, 1);
                snprintf(ret_error->text, sizeof(ret_error->text), "%s", error.text);
                make_printable(ret_error->text);
                return 1;
        }
        if (!json_is_object(root)) {
                snprintf(ret_error->text, sizeof(ret_error->text), "expected an object: {…}");
                return 1;
        }
        *ret = TAKE_PTR(root);
        return 0;
}

_printf_(3, 0) static void fail_v(struct jsonread *r, const char *key, const char *format, va_list ap)
{
        r->error = 1;
        snprintf(r->key, sizeof(r->key), "%s", key);
        vsnprintf(r->expected, sizeof(r->expected), format, ap);
}

void jsonread_fail(struct jsonread *r, const char *key, const char *format, ...)
{
        va_list ap;

        if (r->error)
                return;
        va_start(ap, format);
        fail_v(r, key, format, ap);
        va_end(ap);
}

void jsonread_fail_at(struct jsonread *r, const char *key, size_t index, const char *format, ...)
{
        va_list ap;

        if (r->error)
                return;
        va_start(ap, format);
        fail_v(r, key, format, ap);
        va_end(ap);
        r->has_index = true;
        r->index = index;
}

void jsonread_no_memory(struct jsonread *r)
{
        if (!r->error)
                r->error = -ENOMEM;
}

/* The value, or NULL where it is absent; that is a failure when it is required. */
static const json_t *get(struct jsonread *r, const json_t *o, const char *key, bool required, const char *type)
{
        const json_t *value = r->error ? NULL : json_object_get(o, key);

        if (!value && required)
                jsonread_fail(r, key, "expected %s", type);
        return value;
}

static const char *read_string(struct jsonread *r, const json_t *o, const char *key, bool required, const char *otherwise)
{
        const json_t *value = get(r, o, key, required, "a string");

        if (value && !json_is_string(value)) {
                jsonread_fail(r, key, "expected a string");
                return otherwise;
        }
        return value ? json_string_value(value) : otherwise;
}

const char *jsonread_string(struct jsonread *r, const json_t *o, const char *key)
{
        return read_string(r, o, key, true, "");
}

const char *jsonread_string_or(struct jsonread *r, const json_t *o, const char *key, const char *otherwise)
{
        return read_string(r, o, key, false, otherwise);
}

static bool read_bool(struct jsonread *r, const json_t *o, const char *key, bool required, bool otherwise)
{
        const json_t *value = get(r, o, key, required, "true or false");

        if (value && !json_is_boolean(value)) {
                jsonread_fail(r, key, "expected true or false");
                return otherwise;
        }
        return value ? json_is_true(value) : otherwise;
}

bool jsonread_bool(struct jsonread *r, const json_t *o, const char *key)
{
        return read_bool(r, o, key, true, false);
}

bool jsonread_bool_or(struct jsonread *r, const json_t *o, const char *key, bool otherwise)
{
        return read_bool(r, o, key, false, otherwise);
}

static int64_t read_int(struct jsonread *r, const json_t *o, const char *key, bool required, int64_t min, int64_t max,
                        int64_t otherwise)
{
        const json_t *value = get(r, o, key, required, "a number");
        int64_t number = value ? (int64_t)json_integer_value(value) : otherwise;

        if (!value)
                return otherwise;
        if (!json_is_integer(value) || number < min || number > max) {
                jsonread_fail(r, key, "expected a whole number %lld..%lld", (long long)min, (long long)max);
                return otherwise;
        }
        return number;
}

int64_t jsonread_int(struct jsonread *r, const json_t *o, const char *key, int64_t min, int64_t max)
{
        return read_int(r, o, key, true, min, max, min);
}

int64_t jsonread_int_or(struct jsonread *r, const json_t *o, const char *key, int64_t min, int64_t max, int64_t otherwise)
{
        return read_int(r, o, key, false, min, max, otherwise);
}

const json_t *jsonread_array(struct jsonread *r, const json_t *o, const char *key)
{
        const json_t *value = get(r, o, key, false, "");

        if (value && !json_is_array(value)) {
                jsonread_fail(r, key, "expected a list: […]");
                return NULL;
        }
        return value;
}

const json_t *jsonread_object(struct jsonread *r, const json_t *o, const char *key)
{
        const json_t *value = get(r, o, key, false, "");

        if (value && !json_is_object(value)) {
                jsonread_fail(r, key, "expected an object: {…}");
                return NULL;
        }
        return value;
}

char *jsonread_unescape(struct jsonread *r, const char *key, const char *escaped)
{
        size_t n = strlen(escaped), bad;
        _cleanup_(freep) char *bytes = malloc(n + 1);

        if (!bytes) {
                jsonread_no_memory(r);
                return NULL;
        }
        if (!escape_decode(escaped, n, bytes, &n, &bad)) {
                jsonread_fail(r, key, "expected bytes in the escaped form, wrong from byte %zu", bad);
                return NULL;
        }
        return TAKE_PTR(bytes);
}

char *jsonread_bytes(struct jsonread *r, const json_t *o, const char *key)
{
        const json_t *value = get(r, o, key, false, "");
        const char *escaped;
        char name[64], *copy;

        if (!value || json_is_null(value))
                return NULL;
        snprintf(name, sizeof(name), "%s_bytes", key);
        escaped = jsonread_string_or(r, o, name, NULL);
        if (escaped)
                return jsonread_unescape(r, name, escaped);
        copy = strdup(jsonread_string(r, o, key));
        if (!copy)
                jsonread_no_memory(r);
        if (r->error) {
                free(copy);
                return NULL;
        }
        return copy;
}

/* Fixed width, digits only; moves *text. */
static bool read_digits(const char **text, unsigned width, int *ret)
{
        int value = 0;

        for (unsigned i = 0; i < width; i++, (*text)++) {
                if (**text < '0' || **text > '9')
                        return false;
                value = value * 10 + (**text - '0');
        }
        *ret = value;
        return true;
}

static bool read_literal(const char **text, char c)
{
        if (**text != c)
                return false;
        (*text)++;
        return true;
}

static bool parse_time(const char *text, int64_t *ret)
{
        struct tm tm = {}, again;
        int year, month, us = 0;
        time_t t;

        if (!read_digits(&text, 4, &year) || !read_literal(&text, '-') || !read_digits(&text, 2, &month) ||
            !read_literal(&text, '-') || !read_digits(&text, 2, &tm.tm_mday) || !read_literal(&text, 'T') ||
            !read_digits(&text, 2, &tm.tm_hour) || !read_literal(&text, ':') || !read_digits(&text, 2, &tm.tm_min) ||
            !read_literal(&text, ':') || !read_digits(&text, 2, &tm.tm_sec))
                return false;
        if (read_literal(&text, '.') && !read_digits(&text, 6, &us))
                return false;
        if (strcmp(text, "Z") != 0 || year < 1970)
                return false;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        again = tm;
        t = timegm(&again);
        /* timegm() turns February 30 into March 2; a time that was changed was none. */
        if (again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
            again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
                return false;
        *ret = (int64_t)t * 1000000 + us;
        return true;
}

int64_t jsonread_time_us(struct jsonread *r, const json_t *o, const char *key)
{
        int64_t us = 0;
        const char *text = jsonread_string(r, o, key);

        if (!r->error && !parse_time(text, &us))
                jsonread_fail(r, key, "expected a time like 2026-01-31T12:00:00Z");
        return us;
}
