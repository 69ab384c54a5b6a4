/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A line's fields, separated by spaces: slot, local address:port, remote address:port, state, queues, timer,
 * retransmissions, uid, timeout, inode, …
 */
#include <string.h>

#include "base/cursor.h"
#include "wire/procnet.h"

enum { FIELD_LOCAL = 1, FIELD_REMOTE = 2, FIELD_QUEUES = 4, FIELD_UID = 7, FIELD_INODE = 9, FIELDS = 10, DIGITS_V4 = 8, DIGITS_V6 = 32, DIGITS_QUEUE = 8 };

/* The next run of non-spaces. */
static bool next_field(struct cursor *line, struct cursor *ret)
{
        size_t n = 0;

        while (line->left > 0 && *line->at == ' ')
                cursor_skip(line, 1);
        while (n < line->left && line->at[n] != ' ')
                n++;
        return n > 0 && cursor_sub(line, n, ret);
}

static bool hex_digit(uint8_t c, uint32_t *ret)
{
        if (c >= '0' && c <= '9')
                *ret = (uint32_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
                *ret = (uint32_t)(c - 'A' + 10);
        else
                return false;
        return true;
}

static bool read_hex(struct cursor *text, unsigned digits, uint32_t *ret)
{
        uint32_t value = 0, digit;
        uint8_t c;

        for (unsigned i = 0; i < digits; i++) {
                if (!cursor_u8(text, &c) || !hex_digit(c, &digit))
                        return false;
                value = value << 4 | digit;
        }
        *ret = value;
        return true;
}

static bool read_decimal(struct cursor text, uint64_t max, uint64_t *ret)
{
        uint64_t value = 0;
        uint8_t c;

        if (text.left == 0)
                return false;
        while (cursor_u8(&text, &c)) {
                if (c < '0' || c > '9' || value > (max - (uint64_t)(c - '0')) / 10)
                        return false;
                value = value * 10 + (uint64_t)(c - '0');
        }
        *ret = value;
        return true;
}

/* "0100007F:0001" or the same with 32 digits. */
static bool read_endpoint(struct cursor text, struct addr *ret, uint16_t *ret_port)
{
        uint8_t bytes[16] = { 0 };
        unsigned n_words = text.left == DIGITS_V6 + 5 ? 4 : 1;
        uint32_t word, port;
        uint8_t colon;

        if (text.left != DIGITS_V4 + 5 && text.left != DIGITS_V6 + 5)
                return false;
        for (unsigned i = 0; i < n_words; i++) {
                if (!read_hex(&text, DIGITS_V4, &word))
                        return false;
                memcpy(bytes + 4 * i, &word, sizeof(word)); /* printed as this machine's integer, kept as the wire's bytes */
        }
        if (!cursor_u8(&text, &colon) || colon != ':' || !read_hex(&text, 4, &port))
                return false;
        if (n_words == 1)
                *ret = addr_from_v4(bytes);
        else
                memcpy(ret->bytes, bytes, sizeof(bytes));
        *ret_port = (uint16_t)port;
        return true;
}

static bool read_line(struct cursor line, struct procnet_socket *ret)
{
        struct cursor fields[FIELDS];
        uint16_t remote_port;
        uint64_t uid;

        for (unsigned i = 0; i < FIELDS; i++)
                if (!next_field(&line, &fields[i]))
                        return false;
        if (line.left == 0)
                return false; /* the inode may be cut */
        if (!read_endpoint(fields[FIELD_LOCAL], &ret->local, &ret->local_port) ||
            !read_endpoint(fields[FIELD_REMOTE], &ret->remote, &remote_port) || !read_hex(&fields[FIELD_QUEUES], DIGITS_QUEUE, &ret->unsent) ||
            !read_decimal(fields[FIELD_UID], UINT32_MAX, &uid) ||
            !read_decimal(fields[FIELD_INODE], UINT64_MAX, &ret->inode))
                return false;
        ret->uid = (uint32_t)uid;
        return true;
}

bool procnet_next(const char **at, size_t *left, struct procnet_socket *ret)
{
        struct cursor text = cursor_of(*at, *left);

        while (text.left > 0) {
                const uint8_t *end = memchr(text.at, '\n', text.left);
                struct cursor line = { 0 };
                struct procnet_socket found;
                bool complete = end != NULL;

                cursor_sub(&text, complete ? (size_t)(end - text.at) : text.left, &line);
                cursor_skip(&text, complete ? 1 : 0);
                if (!complete || !read_line(line, &found))
                        continue;
                *ret = found;
                *at = (const char *)text.at;
                *left = text.left;
                return true;
        }
        *left = 0;
        return false;
}
