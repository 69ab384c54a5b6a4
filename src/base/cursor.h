/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A read position over bytes that somebody else wrote. It cannot run past the end: each reader takes what it needs or
 * returns false and leaves the cursor where it was. Parsers in wire/ touch their input through this and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
        const uint8_t *at;
        size_t left;
};

static inline struct cursor cursor_of(const void *data, size_t n)
{
        return (struct cursor){ .at = data, .left = n };
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
        if (c->left < n)
                return false;
        c->at += n;
        c->left -= n;
        return true;
}

/* Copies `n` bytes to `ret`. */
static inline bool cursor_bytes(struct cursor *c, void *ret, size_t n)
{
        if (c->left < n)
                return false;
        memcpy(ret, c->at, n);
        return cursor_skip(c, n);
}

/* Splits off the next `n` bytes as a cursor of their own. */
static inline bool cursor_sub(struct cursor *c, size_t n, struct cursor *ret)
{
        if (c->left < n)
                return false;
        *ret = (struct cursor){ .at = c->at, .left = n };
        return cursor_skip(c, n);
}

static inline bool cursor_u8(struct cursor *c, uint8_t *ret)
{
        return cursor_bytes(c, ret, 1);
}

/* Big-endian (network order) to host order. */
static inline bool cursor_be16(struct cursor *c, uint16_t *ret)
{
        uint8_t b[2];

        if (!cursor_bytes(c, b, sizeof(b)))
                return false;
        *ret = (uint16_t)(b[0] << 8 | b[1]);
        return true;
}

static inline bool cursor_be32(struct cursor *c, uint32_t *ret)
{
        uint8_t b[4];

        if (!cursor_bytes(c, b, sizeof(b)))
                return false;
        *ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        return true;
}

/* Host order: what this machine's kernel wrote for this machine (netlink, ring records). */
static inline bool cursor_u16(struct cursor *c, uint16_t *ret)
{
        return cursor_bytes(c, ret, sizeof(*ret));
}

static inline bool cursor_u32(struct cursor *c, uint32_t *ret)
{
        return cursor_bytes(c, ret, sizeof(*ret));
}

static inline bool cursor_u64(struct cursor *c, uint64_t *ret)
{
        return cursor_bytes(c, ret, sizeof(*ret));
}
