/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scanner that skips what it does not look for, by counting brackets, without recursion. It is run only when something was wrong,
 * so it may walk the text from its start each time. Whatever looks broken ends the search early with the place reached.
 */
#include "wire/jsonpos.h"

#include <jansson.h>
#include <string.h>

#include "base/cursor.h"

static bool peek(const struct cursor *c, uint8_t *ret)
{
        struct cursor copy = *c;

        return cursor_u8(&copy, ret);
}

static void skip_space(struct cursor *c)
{
        uint8_t byte;

        while (peek(c, &byte) && (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'))
                cursor_skip(c, 1);
}

/* The quote stands under the cursor. */
static bool skip_string(struct cursor *c)
{
        uint8_t byte;

        cursor_skip(c, 1);
        while (cursor_u8(c, &byte)) {
                if (byte == '"')
                        return true;
                if (byte == '\\')
                        cursor_skip(c, 1);
        }
        return false;
}

static bool is_end_of_literal(uint8_t byte)
{
        return strchr(" \t\r\n,]}[{\":", byte) != NULL;
}

static bool skip_literal(struct cursor *c)
{
        size_t before = c->left;
        uint8_t byte;

        while (peek(c, &byte) && !is_end_of_literal(byte))
                cursor_skip(c, 1);
        return c->left < before;
}

static bool skip_value(struct cursor *c)
{
        size_t depth = 0;
        uint8_t byte;

        do {
                skip_space(c);
                if (!peek(c, &byte))
                        return false;
                if (byte == '"') {
                        if (!skip_string(c))
                                return false;
                } else if (byte == '{' || byte == '[') {
                        depth++;
                        cursor_skip(c, 1);
                } else if (byte == '}' || byte == ']') {
                        if (depth == 0)
                                return false;
                        depth--;
                        cursor_skip(c, 1);
                } else if (byte == ',' || byte == ':') {
                        if (depth == 0)
                                return false;
                        cursor_skip(c, 1);
                } else if (!skip_literal(c)) {
                        return false;
                }
        } while (depth > 0);
        return true;
}

static bool take(struct cursor *c, char expected)
{
        uint8_t byte;

        skip_space(c);
        return peek(c, &byte) && byte == (uint8_t)expected && cursor_skip(c, 1);
}

/* A key as it stands in the text, quotes included. Escapes are jansson's work. */
static bool key_is(const char *quoted, size_t n, const char *key)
{
        json_t *decoded;
        bool same;

        if (!memchr(quoted, '\\', n))
                return n == strlen(key) + 2 && memcmp(quoted + 1, key, n - 2) == 0;
        decoded = json_loadb(quoted, n, JSON_DECODE_ANY, NULL);
        same = decoded && json_is_string(decoded) && strcmp(json_string_value(decoded), key) == 0;
        json_decref(decoded);
        return same;
}

/* Leaves the cursor at the member's value; *ret_key is the key's extent. */
static bool enter_member(struct cursor *c, const char *key, struct cursor *ret_key)
{
        if (!take(c, '{'))
                return false;
        do {
                struct cursor start;
                uint8_t byte;
                size_t length;

                skip_space(c);
                start = *c;
                if (!peek(c, &byte) || byte != '"' || !skip_string(c))
                        return false;
                length = start.left - c->left;
                if (!take(c, ':'))
                        return false;
                if (key_is((const char *)start.at, length, key)) {
                        *ret_key = cursor_of(start.at, length);
                        return true;
                }
                if (!skip_value(c))
                        return false;
        } while (take(c, ','));
        return false;
}

static bool enter_element(struct cursor *c, size_t index)
{
        if (!take(c, '['))
                return false;
        for (; index > 0; index--)
                if (!skip_value(c) || !take(c, ','))
                        return false;
        skip_space(c);
        return c->left > 0 && *c->at != ']';
}

static struct jsonpos position(const char *text, const struct cursor *extent)
{
        struct jsonpos pos = { .at = (size_t)((const char *)extent->at - text), .length = extent->left, .line = 1, .column = 1 };

        for (size_t i = 0; i < pos.at; i++) {
                if (text[i] == '\n') {
                        pos.line++;
                        pos.column = 1;
                } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
                        pos.column++;
                }
        }
        return pos;
}

bool jsonpos_find(const char *text, size_t n, const struct jsonpos_step *path, size_t n_path, struct jsonpos *ret_key,
                  struct jsonpos *ret_value)
{
        struct cursor c = cursor_of(text, n), key, value;
        bool has_key = false, found = true;

        skip_space(&c);
        for (size_t i = 0; i < n_path && found; i++) {
                struct cursor inner = c, inner_key;

                found = path[i].key ? enter_member(&inner, path[i].key, &inner_key) : enter_element(&inner, path[i].index);
                if (!found)
                        break;
                skip_space(&inner);
                c = inner;
                has_key = path[i].key != NULL;
                if (has_key)
                        key = inner_key;
        }
        value = c;
        skip_value(&c);
        value.left -= c.left;
        if (ret_value)
                *ret_value = position(text, &value);
        if (ret_key)
                *ret_key = position(text, found && has_key ? &key : &value);
        return found;
}
