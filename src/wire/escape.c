/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decoding only ever shrinks: every escape is longer than what it stands for (\UNNNNNNNN gives at most four bytes), so the result
 * fits in a buffer of the input's size. A NUL is refused, however it is written: what comes out is used as a C string.
 */
#include "wire/escape.h"

#include <stdint.h>

#include "base/cursor.h"

static int hex_digit(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static bool read_hex(struct cursor *c, unsigned digits, uint32_t *ret)
{
        uint32_t value = 0;

        for (unsigned i = 0; i < digits; i++) {
                uint8_t byte;

                if (!cursor_u8(c, &byte) || hex_digit(byte) < 0)
                        return false;
                value = value << 4 | (uint32_t)hex_digit(byte);
        }
        *ret = value;
        return true;
}

/* Writes one character as UTF-8; 0 for what is no character. */
static size_t put_character(char *ret, uint32_t code)
{
        if (code < 0x80) {
                ret[0] = (char)code;
                return 1;
        }
        if (code < 0x800) {
                ret[0] = (char)(0xc0 | code >> 6);
                ret[1] = (char)(0x80 | (code & 0x3f));
                return 2;
        }
        if (code >= 0xd800 && code < 0xe000)
                return 0;
        if (code < 0x10000) {
                ret[0] = (char)(0xe0 | code >> 12);
                ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
                ret[2] = (char)(0x80 | (code & 0x3f));
                return 3;
        }
        if (code > 0x10ffff)
                return 0;
        ret[0] = (char)(0xf0 | code >> 18);
        ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
        ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
        ret[3] = (char)(0x80 | (code & 0x3f));
        return 4;
}

/* What follows a backslash; returns how many bytes came out, 0 for a bad escape. */
static size_t decode_one(struct cursor *c, char *ret)
{
        uint32_t code;
        uint8_t kind;

        if (!cursor_u8(c, &kind))
                return 0;
        switch (kind) {
        case '"':
        case '\\':
                ret[0] = (char)kind;
                return 1;
        case 'n':
                ret[0] = '\n';
                return 1;
        case 'r':
                ret[0] = '\r';
                return 1;
        case 't':
                ret[0] = '\t';
                return 1;
        case 'x':
                if (!read_hex(c, 2, &code) || code == 0)
                        return 0;
                ret[0] = (char)code;
                return 1;
        case 'u':
                return read_hex(c, 4, &code) && code != 0 ? put_character(ret, code) : 0;
        case 'U':
                return read_hex(c, 8, &code) && code != 0 ? put_character(ret, code) : 0;
        default:
                return 0;
        }
}

bool escape_decode(const char *text, size_t n, char *ret, size_t *ret_n, size_t *ret_bad)
{
        struct cursor c = cursor_of(text, n);
        size_t written = 0;
        uint8_t byte;

        while (cursor_u8(&c, &byte)) {
                size_t at = n - c.left - 1;

                if (byte == '\\') {
                        size_t got = decode_one(&c, ret + written);

                        if (got == 0) {
                                *ret_bad = at;
                                return false;
                        }
                        written += got;
                } else if (byte == 0) {
                        *ret_bad = at;
                        return false;
                } else {
                        ret[written++] = (char)byte;
                }
        }
        ret[written] = 0;
        *ret_n = written;
        return true;
}
