/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Widths are counted here and not by wcwidth(), which knows nothing in the "C" locale that sudo and services
 * run in; the output is UTF-8 in any locale, because paths are. Input has been through str_escape(): it is
 * valid UTF-8, and what could still be a byte of something else counts as one column.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/str.h"
#include "cli/text.h"
#include "client/words.h"

/* A cell that is longer pushes its row to the right instead of being cut: an id must be whole to be of use.
 */
enum { COLUMN_MAX = 56 };

/* Length of the escape sequence at `s` ("\x1b[…m"), 0 when there is none. */
static size_t colour_length(const char *s)
{
        size_t n = 2;

        if (s[0] != '\x1b' || s[1] != '[')
                return 0;
        while (s[n] && s[n] != 'm')
                n++;
        return s[n] ? n + 1 : n;
}

/* Reads the character at `s` (not at the NUL): its length in bytes. */
static size_t character_at(const char *s, uint32_t *ret)
{
        unsigned char first = (unsigned char)s[0];
        size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
        uint32_t c = n == 1 ? first : first & (0xffu >> (n + 1));

        for (size_t i = 1; i < n; i++) {
                if (((unsigned char)s[i] & 0xc0) != 0x80) {
                        *ret = first;
                        return 1;
                }
                c = c << 6 | ((unsigned char)s[i] & 0x3f);
        }
        *ret = c;
        return n;
}

struct range {
        uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

/* The blocks of UAX #11 (wide, fullwidth, emoji) and of combining marks that names really have; not the whole
 * tables. */
static unsigned character_width(uint32_t c)
{
        static const struct range zero[] = {
                {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
                {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
        static const struct range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                            {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                                            {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                                            {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

        if (c < 0x300)
                return 1;
        if (in_ranges(c, zero, ARRAY_SIZE(zero)))
                return 0;
        return in_ranges(c, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

unsigned text_width(const char *s)
{
        unsigned width = 0;
        uint32_t c;
        size_t n;

        while (*s) {
                n = colour_length(s);
                if (n == 0) {
                        n = character_at(s, &c);
                        width += character_width(c);
                }
                s += n;
        }
        return width;
}

void text_cut(struct buf *out, const char *s, unsigned width)
{
        bool coloured = false;
        unsigned used = 0;
        uint32_t c;
        size_t n;

        if (text_width(s) <= width) {
                buf_puts(out, s);
                return;
        }
        if (width == 0)
                return;
        while (*s) {
                n = colour_length(s);
                if (n > 0) {
                        coloured = true;
                } else {
                        n = character_at(s, &c);
                        if (used + character_width(c) > width - 1)
                                break;
                        used += character_width(c);
                }
                buf_append(out, s, n);
                s += n;
        }
        buf_puts(out, "…");
        if (coloured)
                buf_puts(out, "\x1b[0m");
}

void text_pad(struct buf *out, const char *s, unsigned width)
{
        text_cut(out, s, width);
        for (unsigned used = MIN(text_width(s), width); used < width; used++)
                buf_putc(out, ' ');
}

void text_time(struct buf *out, int64_t time_us)
{
        time_t seconds = (time_t)(time_us / 1000000);
        struct tm tm;
        char words[16];

        if (localtime_r(&seconds, &tm) && strftime(words, sizeof(words), "%H:%M:%S", &tm) > 0)
                buf_puts(out, words);
        else
                buf_puts(out, "--:--:--");
}

void text_block(struct buf *out, const char *s, unsigned indent)
{
        bool first = true;

        do {
                size_t n = strcspn(s, "\n"), tabs = MIN(strspn(s, "\t"), n);

                buf_printf(out, "%*s", (int)((first ? 0 : indent) + tabs * 8), "");
                words_plain(out, s + tabs, n - tabs);
                buf_putc(out, '\n');
                s += n + (s[n] == '\n');
                first = false;
        } while (*s);
}

void columns_deinit(struct columns *c)
{
        for (size_t i = 0; i < c->n_cells; i++)
                free(c->cells[i]);
        free(c->cells);
        *c = (struct columns){.n_columns = c->n_columns};
}

static void columns_own(struct columns *c, char *cell)
{
        if (c->n_cells == c->size) {
                size_t size = MAX(c->size * 2, (size_t)64);
                char **cells = reallocarray(c->cells, size, sizeof(*cells));

                if (!cells) {
                        c->error = -ENOMEM;
                        free(cell);
                        return;
                }
                c->cells = cells;
                c->size = size;
        }
        c->cells[c->n_cells++] = cell;
}

void columns_add(struct columns *c, const char *cell)
{
        char *copy = strdup(cell);

        if (!copy)
                c->error = -ENOMEM;
        else
                columns_own(c, copy);
}

void columns_take(struct columns *c, struct buf *cell)
{
        char *text = buf_take(cell);

        if (!text)
                c->error = -ENOMEM;
        else
                columns_own(c, text);
}

static unsigned column_width(const struct columns *c, unsigned column)
{
        unsigned width = 0;

        for (size_t i = column; i < c->n_cells; i += c->n_columns)
                width = MAX(width, text_width(c->cells[i]));
        return MIN(width, (unsigned)COLUMN_MAX);
}

void columns_format(const struct columns *c, const struct style *style, struct buf *out)
{
        unsigned widths[16];
        bool heading, last;

        if (c->error) {
                out->error = c->error;
                return;
        }
        for (unsigned i = 0; i < c->n_columns && i < ARRAY_SIZE(widths); i++)
                widths[i] = column_width(c, i);
        for (size_t i = 0; i < c->n_cells; i++) {
                heading = i < c->n_columns;
                last = (i + 1) % c->n_columns == 0;
                if (heading)
                        buf_puts(out, style->dim);
                buf_puts(out, c->cells[i]);
                for (unsigned used = text_width(c->cells[i]); !last && used < widths[i % c->n_columns];
                     used++)
                        buf_putc(out, ' ');
                if (heading)
                        buf_puts(out, style->reset);
                buf_puts(out, last ? "\n" : "  ");
        }
}
