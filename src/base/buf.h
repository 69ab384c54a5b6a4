/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing byte buffer for output. Errors stick: after a failed allocation or a reached limit every further append does
 * nothing and buf_error() tells, so that a formatter can append freely and check once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct buf {
        char *data; /* always NUL-terminated when n > 0 */
        size_t n, size;
        size_t max; /* 0: no limit but memory */
        int error;  /* 0, -ENOMEM or -E2BIG */
};

void buf_deinit(struct buf *b);
/* Forgets the content, keeps the memory and the limit, clears the error. */
void buf_reset(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
/* Drops the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);
/* The content as a NUL-terminated string that the caller frees; NULL when an error stuck. Leaves `b` empty. */
char *buf_take(struct buf *b);

static inline int buf_error(const struct buf *b)
{
        return b->error;
}
