/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns for paths and other texts, as shells have them, over bytes:
 *
 *      ?       one byte                                 [a-z0] [!a-z]   one byte of these, or none of them
 *      *       any number of bytes                      \x              x itself
 *      **      in a path: any number of bytes, '/' too
 *
 * In a path ?, * and [] never match '/'. There is no other special case: a leading dot is a byte like any other. Matching takes at most
 * length of text × length of pattern steps, whatever they hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/limits.h"

enum pattern_kind {
        PATTERN_PATH, /* '/' separates */
        PATTERN_TEXT, /* '/' is a byte like any other */
};

/* Words that say what was expected, or NULL: it can be matched. `pattern` is NUL-terminated. */
const char *pattern_check(const char *pattern);
/* The pattern matches one text only. */
bool pattern_is_literal(const char *pattern);
/* That text, for a literal pattern: removes the backslashes, in place. */
void pattern_unescape(char *pattern);
/* Appends a literal pattern that matches `text` and nothing else. */
void pattern_escape(struct buf *out, const char *text);
/* The whole text. `pattern` has passed pattern_check(); `text` is `n` bytes. */
bool pattern_matches(const char *pattern, enum pattern_kind kind, const char *text, size_t n);
