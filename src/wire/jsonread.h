/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Typed reading of a JSON object, for this folder only (jansson goes no further). The first failure sticks, with the key it is about; after it
 * every getter returns its default, so that a reader can read on and check once at the end.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "wire/rulefile.h"

struct jsonread {
        int error;         /* 0, -ENOMEM, or 1 with the rest filled */
        char key[64];      /* "": the object itself */
        bool has_index;    /* the key's element at `index` */
        size_t index;
        char expected[256];
};

/* An object. 0, -ENOMEM, or 1 with line, column and words. Duplicate keys are an error. */
int jsonread_load(const char *data, size_t n, json_t **ret, struct file_error *ret_error);

void jsonread_fail(struct jsonread *r, const char *key, const char *format, ...) _printf_(3, 4);
void jsonread_fail_at(struct jsonread *r, const char *key, size_t index, const char *format, ...) _printf_(4, 5);
void jsonread_no_memory(struct jsonread *r);

/* The plain forms require the key; the `_or` forms take a default where it is absent. A null is a wrong type. */
const char *jsonread_string(struct jsonread *r, const json_t *o, const char *key);          /* "" on failure */
const char *jsonread_string_or(struct jsonread *r, const json_t *o, const char *key, const char *otherwise);
bool jsonread_bool(struct jsonread *r, const json_t *o, const char *key);
bool jsonread_bool_or(struct jsonread *r, const json_t *o, const char *key, bool otherwise);
int64_t jsonread_int(struct jsonread *r, const json_t *o, const char *key, int64_t min, int64_t max); /* `min` on failure */
int64_t jsonread_int_or(struct jsonread *r, const json_t *o, const char *key, int64_t min, int64_t max, int64_t otherwise);
/* NULL where absent, or on failure. Borrowed. */
const json_t *jsonread_array(struct jsonread *r, const json_t *o, const char *key);
const json_t *jsonread_object(struct jsonread *r, const json_t *o, const char *key);

/* What jsonwrite_bytes() wrote; the caller frees. NULL where the key is absent or null, or on failure. */
char *jsonread_bytes(struct jsonread *r, const json_t *o, const char *key);
/* Exact bytes that str_escape() wrote, a failure being about `key`; the caller frees. NULL on failure. */
char *jsonread_unescape(struct jsonread *r, const char *key, const char *escaped);
/* What jsonwrite_time_us() wrote (or, with no fraction, jsonwrite_time()), in microseconds. */
int64_t jsonread_time_us(struct jsonread *r, const json_t *o, const char *key);
