/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON output straight into a buf: no tree, no allocation of its own, and errors stick where the buf keeps them. `key` is NULL inside
 * arrays. Strings come out as valid UTF-8 whatever goes in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct jsonwrite {
        struct buf *out;
        bool comma;  /* something stands before in the same object or array */
        bool spaced; /* a blank after commas and colons, for files that people read */
};

void jsonwrite_open(struct jsonwrite *w, const char *key, char bracket); /* '{' or '[' */
void jsonwrite_close(struct jsonwrite *w, char bracket);                 /* '}' or ']' */
void jsonwrite_string(struct jsonwrite *w, const char *key, const char *s); /* NULL: null */
/* As jsonwrite_string(); where the bytes are no UTF-8, "<key>_bytes" follows with the exact bytes as str_escape() writes them. */
void jsonwrite_bytes(struct jsonwrite *w, const char *key, const char *s);
void jsonwrite_int(struct jsonwrite *w, const char *key, int64_t value);
void jsonwrite_uint(struct jsonwrite *w, const char *key, uint64_t value); /* at most INT64_MAX: what readers can hold */
void jsonwrite_json(struct jsonwrite *w, const char *key, const char *json); /* a value that is JSON already, on one line */
void jsonwrite_bool(struct jsonwrite *w, const char *key, bool value);
/* ISO 8601 in UTC with microseconds; years 1970..9999, what lies beyond is cut to them. */
void jsonwrite_time_us(struct jsonwrite *w, const char *key, int64_t us);
/* The same in whole seconds. */
void jsonwrite_time(struct jsonwrite *w, const char *key, int64_t seconds);
