/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text in a terminal: widths in columns, cutting, tables, the time of day. Text is UTF-8; the only escape
 * sequences in it are the colours of struct style, which take no room. Numbers and users: client/words.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/term.h"

/* Columns that `s` takes: wide characters two, combining marks and colours none. */
unsigned text_width(const char *s);
/* As much of `s` as fits into `width` columns; where it does not, the last one is "…" and colours are
 * switched off. */
void text_cut(struct buf *out, const char *s, unsigned width);
/* text_cut(), then blanks up to `width`. */
void text_pad(struct buf *out, const char *s, unsigned width);

/* Local time of day "21:14:03" of microseconds since 1970. */
void text_time(struct buf *out, int64_t time_us);
/* Words over several lines, each ended with a newline; all but the first are indented by `indent` columns. */
void text_block(struct buf *out, const char *s, unsigned indent);

/* A table with aligned columns; cells are copied. */
struct columns {
        unsigned n_columns;
        char **cells;
        size_t n_cells, size;
        int error; /* sticks: -ENOMEM */
};

void columns_deinit(struct columns *c);
/* The next cell, row by row. */
void columns_add(struct columns *c, const char *cell);
/* Moves the buffer's content into the next cell and leaves the buffer empty. */
void columns_take(struct columns *c, struct buf *cell);
/* Every row as one line; nothing is cut. The first row is a heading. */
void columns_format(const struct columns *c, const struct style *style, struct buf *out);
