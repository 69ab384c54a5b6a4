/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns against the plain matcher of the reference, which tries every way. The input is a byte for the kind, the pattern up to a NUL, and the
 * text. Where trying every way would take for ever, only what the pattern's shape promises is looked at.
 */
#include <string.h>

#include "core/pattern.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/reference.h"

enum { MANY_STARS = 5, LONG_TEXT = 48 };

static unsigned count_stars(const char *pattern)
{
        unsigned n = 0;

        for (; *pattern; pattern++)
                n += *pattern == '*';
        return n;
}

/* A literal is one text, which it matches, and no other. */
static void check_literal(const char *pattern, enum pattern_kind kind, const char *text, size_t n)
{
        _cleanup_(freep) char *itself = strdup(pattern);

        fuzz_check(itself);
        pattern_unescape(itself);
        fuzz_check(pattern_matches(pattern, kind, itself, strlen(itself)));
        fuzz_check(pattern_matches(pattern, kind, text, n) == (n == strlen(itself) && memcmp(text, itself, n) == 0));
}

/* Whatever the text, its escaped form is a literal that matches it. */
static void check_escaped(const char *text, enum pattern_kind kind)
{
        _cleanup_(buf_deinit) struct buf literal = {};

        pattern_escape(&literal, text);
        if (literal.n == 0 || literal.n > LIMIT_PATTERN)
                return;
        fuzz_check(buf_error(&literal) == 0 && !pattern_check(literal.data) && pattern_is_literal(literal.data));
        fuzz_check(pattern_matches(literal.data, kind, text, strlen(text)));
}

static void check_pattern(const char *pattern, enum pattern_kind kind, const char *text, size_t n)
{
        if (pattern_check(pattern)) {
                fuzz_check(strlen(pattern) > LIMIT_PATTERN || strchr(pattern, '[') || strchr(pattern, '\\'));
                return;
        }
        fuzz_check(pattern_is_literal(pattern) == reference_is_plain(pattern));
        if (pattern_is_literal(pattern))
                check_literal(pattern, kind, text, n);
        if (count_stars(pattern) <= MANY_STARS && n <= LONG_TEXT)
                fuzz_check(pattern_matches(pattern, kind, text, n) == reference_pattern(pattern, kind == PATTERN_PATH, text, n));
        else if (pattern_matches(pattern, PATTERN_PATH, text, n)) /* a text's star matches more than a path's */
                fuzz_check(pattern_matches(pattern, PATTERN_TEXT, text, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *words = malloc(size + 1);
        enum pattern_kind kind;
        const char *text;

        fuzz_check(words);
        if (size == 0)
                return 0;
        kind = data[0] & 1 ? PATTERN_TEXT : PATTERN_PATH;
        memcpy(words, data + 1, size - 1);
        words[size - 1] = words[size] = 0;
        text = words + strlen(words) + (strlen(words) < size - 1);
        check_pattern(words, kind, text, (size_t)(words + size - 1 - text));
        check_escaped(text, kind);
        return 0;
}
