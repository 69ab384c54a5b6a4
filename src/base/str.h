/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strings: strict number parsing and the escaping of what strangers named. Paths and arguments are bytes, not text; every
 * place that shows one to a person or writes one to a log goes through str_escape().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Decimal, no sign, no space, no leading '+', at most `max`. False when `s` is anything else. */
bool str_parse_u64(const char *s, uint64_t max, uint64_t *ret);

/* Appends `s` with quotes, backslashes, control characters, invalid UTF-8 and bidirectional or invisible formatting
 * characters made visible (\", \\, \n, \x1b, \u202e). The result is one line of valid UTF-8. */
void str_escape(struct buf *out, const char *s);

/* Appends `s` as valid UTF-8: every invalid byte becomes U+FFFD. For JSON strings, where escaping is the encoder's work. */
void str_utf8_lossy(struct buf *out, const char *s, size_t n);

/* True when the `n` bytes are valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(const char *s, size_t n);

bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
/* Last component of a path; the whole string when it has no '/'. Never NULL for non-NULL input. */
const char *str_basename(const char *path);
