/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pattern is a row of items, each of which takes one byte or, if it is a star, any number. All places where a match could stand are
 * carried along together, one byte of the text after the other: so there is no going back, and no text for which it takes long.
 */
#include "core/pattern.h"

#include <string.h>

static bool is_special(char c)
{
        return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* Behind the ']' of the set that begins at `at` (its '['), or NULL. A ']' that stands first is of the set. */
static const char *set_end(const char *at)
{
        at++;
        if (*at == '!' || *at == '^')
                at++;
        if (*at == ']')
                at++;
        while (*at && *at != ']')
                at++;
        return *at ? at + 1 : NULL;
}

/* Behind the item that begins at `at`. */
static const char *item_end(const char *at)
{
        switch (*at) {
        case '*':
                return at + (at[1] == '*' ? 2 : 1);
        case '[':
                return set_end(at);
        case '\\':
                return at + 2;
        default:
                return at + 1;
        }
}

const char *pattern_check(const char *pattern)
{
        if (strlen(pattern) > LIMIT_PATTERN)
                return "a pattern of at most 512 bytes";
        for (const char *at = pattern; *at; at = item_end(at)) {
                if (*at == '[' && !set_end(at))
                        return "a ] that ends the set, or \\[ for the character itself";
                if (*at == '\\' && !at[1])
                        return "a character after the last backslash";
        }
        return NULL;
}

_Static_assert(LIMIT_PATTERN == 512, "the words of pattern_check() say 512");

bool pattern_is_literal(const char *pattern)
{
        for (; *pattern; pattern++) {
                if (*pattern == '\\' && pattern[1])
                        pattern++;
                else if (is_special(*pattern))
                        return false;
        }
        return true;
}

void pattern_unescape(char *pattern)
{
        char *to = pattern;

        for (; *pattern; pattern++) {
                if (*pattern == '\\' && pattern[1])
                        pattern++;
                *to++ = *pattern;
        }
        *to = '\0';
}

void pattern_escape(struct buf *out, const char *text)
{
        for (; *text; text++) {
                if (is_special(*text))
                        buf_putc(out, '\\');
                buf_putc(out, *text);
        }
}

/* `at` is the set's '['. */
static bool set_takes(const char *at, char c)
{
        const char *end = set_end(at) - 1, *from = at + 1;
        bool negated = *from == '!' || *from == '^', found = false;
        unsigned char byte = (unsigned char)c;

        from += negated;
        while (from < end) {
                unsigned char first = (unsigned char)*from, last = first;

                if (from[1] == '-' && from + 2 < end) {
                        last = (unsigned char)from[2];
                        from += 2;
                }
                from++;
                found |= first <= byte && byte <= last;
        }
        return found != negated;
}

static bool item_takes(const char *at, enum pattern_kind kind, char c)
{
        bool separates = kind == PATTERN_PATH && c == '/';

        switch (*at) {
        case '*':
                return !separates || at[1] == '*';
        case '?':
                return !separates;
        case '[':
                return !separates && set_takes(at, c);
        case '\\':
                return at[1] == c;
        default:
                return *at == c;
        }
}

/* Marks the place `at` of the pattern, and those that stars let it reach without a byte. */
static void reach(const char *pattern, const char *at, bool places[LIMIT_PATTERN + 1])
{
        places[at - pattern] = true;
        while (*at == '*') {
                at = item_end(at);
                places[at - pattern] = true;
        }
}

bool pattern_matches(const char *pattern, enum pattern_kind kind, const char *text, size_t n)
{
        bool places[2][LIMIT_PATTERN + 1] = { { false } };
        unsigned now = 0;
        size_t length;

        /* Most patterns begin with what most texts do not. */
        for (; *pattern && !is_special(*pattern); pattern++, text++, n--)
                if (n == 0 || *text != *pattern)
                        return false;
        length = strlen(pattern);
        reach(pattern, pattern, places[now]);
        for (size_t i = 0; i < n; i++, now = !now) {
                bool alive = false;

                memset(places[!now], 0, length + 1);
                for (const char *at = pattern; *at; at = item_end(at)) {
                        if (!places[now][at - pattern] || !item_takes(at, kind, text[i]))
                                continue;
                        reach(pattern, *at == '*' ? at : item_end(at), places[!now]);
                        alive = true;
                }
                if (!alive)
                        return false;
        }
        return places[now][length];
}
