/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jansson would build a tree for every decision that somebody watches; a decision is a flat object whose order of fields is ours to
 * choose, so it is written as it goes. The writer keeps one bit of state: whether a comma is due.
 */
#include "wire/jsonwrite.h"

#include <string.h>
#include <time.h>

#include "base/str.h"

static void put_text(struct buf *out, const char *s, size_t n)
{
        size_t done = 0;

        buf_putc(out, '"');
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];

                if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
                        continue;
                str_utf8_lossy(out, s + done, i - done);
                done = i + 1;
                if (c == '"' || c == '\\')
                        buf_printf(out, "\\%c", c);
                else if (c == '\n')
                        buf_puts(out, "\\n");
                else
                        buf_printf(out, "\\u%04x", c);
        }
        str_utf8_lossy(out, s + done, n - done);
        buf_putc(out, '"');
}

static void begin(struct jsonwrite *w, const char *key)
{
        if (w->comma)
                buf_puts(w->out, w->spaced ? ", " : ",");
        w->comma = true;
        if (!key)
                return;
        put_text(w->out, key, strlen(key));
        buf_puts(w->out, w->spaced ? ": " : ":");
}

void jsonwrite_open(struct jsonwrite *w, const char *key, char bracket)
{
        begin(w, key);
        buf_putc(w->out, bracket);
        w->comma = false;
}

void jsonwrite_close(struct jsonwrite *w, char bracket)
{
        buf_putc(w->out, bracket);
        w->comma = true;
}

void jsonwrite_string(struct jsonwrite *w, const char *key, const char *s)
{
        begin(w, key);
        if (s)
                put_text(w->out, s, strlen(s));
        else
                buf_puts(w->out, "null");
}

void jsonwrite_bytes(struct jsonwrite *w, const char *key, const char *s)
{
        jsonwrite_string(w, key, s);
        if (!s || str_is_utf8(s, strlen(s)))
                return;
        /* str_escape() leaves nothing but backslashes and quotes for JSON to escape once more. */
        _cleanup_(buf_deinit) struct buf escaped = {}, name = {};

        str_escape(&escaped, s);
        buf_printf(&name, "%s_bytes", key);
        if (buf_error(&escaped) || buf_error(&name)) {
                w->out->error = buf_error(&escaped) ? buf_error(&escaped) : buf_error(&name);
                return;
        }
        jsonwrite_string(w, name.data, escaped.data);
}

/* Half of a decision's fields are numbers, and printf() takes five times as long. */
void jsonwrite_int(struct jsonwrite *w, const char *key, int64_t value)
{
        uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        char text[1 + 20];
        size_t at = sizeof(text);

        do {
                text[--at] = (char)('0' + left % 10);
                left /= 10;
        } while (left > 0);
        if (value < 0)
                text[--at] = '-';
        begin(w, key);
        buf_append(w->out, text + at, sizeof(text) - at);
}

void jsonwrite_uint(struct jsonwrite *w, const char *key, uint64_t value)
{
        jsonwrite_int(w, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void jsonwrite_json(struct jsonwrite *w, const char *key, const char *json)
{
        begin(w, key);
        buf_puts(w->out, json);
}

void jsonwrite_bool(struct jsonwrite *w, const char *key, bool value)
{
        begin(w, key);
        buf_puts(w->out, value ? "true" : "false");
}

static const int64_t last_second = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */

static void put_seconds(struct buf *out, int64_t seconds)
{
        time_t t = (time_t)seconds;
        struct tm tm;

        gmtime_r(&t, &tm);
        buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
}

void jsonwrite_time_us(struct jsonwrite *w, const char *key, int64_t us)
{
        us = MAX(us, INT64_C(0));
        us = MIN(us, last_second * 1000000 + 999999);
        begin(w, key);
        put_seconds(w->out, us / 1000000);
        buf_printf(w->out, ".%06dZ\"", (int)(us % 1000000));
}

void jsonwrite_time(struct jsonwrite *w, const char *key, int64_t seconds)
{
        seconds = MAX(seconds, INT64_C(0));
        begin(w, key);
        put_seconds(w->out, MIN(seconds, last_second));
        buf_puts(w->out, "Z\"");
}
