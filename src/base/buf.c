/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void buf_deinit(struct buf *b)
{
        free(b->data);
        *b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
        b->n = 0;
        b->error = 0;
        if (b->data)
                b->data[0] = '\0';
}

/* Makes room for `n` more bytes and the NUL. */
static bool buf_reserve(struct buf *b, size_t n)
{
        size_t need, size;
        char *data;

        if (b->error)
                return false;
        if (__builtin_add_overflow(b->n, n, &need) || need >= SIZE_MAX / 2 || (b->max && need > b->max)) {
                b->error = -E2BIG;
                return false;
        }
        if (need + 1 <= b->size)
                return true;
        size = MAX(b->size * 2, need + 1);
        size = MAX(size, (size_t)128);
        data = realloc(b->data, size);
        if (!data) {
                b->error = -ENOMEM;
                return false;
        }
        b->data = data;
        b->size = size;
        return true;
}

void buf_append(struct buf *b, const void *data, size_t n)
{
        if (!buf_reserve(b, n))
                return;
        if (n > 0)
                memcpy(b->data + b->n, data, n);
        b->n += n;
        b->data[b->n] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
        buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
        buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
        size_t room = b->size - b->n; /* none, or what is left with the NUL: mostly enough at once */
        va_list args, again;
        int n;

        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(room ? b->data + b->n : NULL, room, format, args);
        va_end(args);
        if (n >= 0 && buf_reserve(b, (size_t)n)) {
                if ((size_t)n >= room)
                        vsnprintf(b->data + b->n, (size_t)n + 1, format, again);
                b->n += (size_t)n;
        } else if (room) {
                b->data[b->n] = '\0';
        }
        va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
        n = MIN(n, b->n);
        if (n == 0)
                return;
        memmove(b->data, b->data + n, b->n - n + 1);
        b->n -= n;
}

char *buf_take(struct buf *b)
{
        char *data;

        buf_append(b, "", 0); /* an empty buffer becomes an empty string, not NULL */
        if (b->error) {
                buf_deinit(b);
                return NULL;
        }
        data = b->data;
        *b = (struct buf){ .max = b->max };
        return data;
}
