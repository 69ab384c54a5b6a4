/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lower part of the terminal belongs to a panel that is drawn anew; above it a log grows like in any
 * terminal, and what leaves the top is in the terminal's own scrollback. One write() a picture, and only when
 * the picture is another one: no flicker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { SCREEN_LOG_LINES = 512 };

struct screen {
        char *log[SCREEN_LOG_LINES]; /* a ring of the last lines */
        size_t n_log;                /* all that ever were; the last is at (n_log - 1) % SCREEN_LOG_LINES */
        size_t n_gone;               /* of these, as many have left through the top */
        unsigned columns, rows;
        struct buf last; /* the picture that the terminal shows */
        bool fresh;      /* it shows something else: start with a clean page */
};

/* Learns the size. What the terminal shows now goes up into its scrollback. */
void screen_init(struct screen *s);
void screen_deinit(struct screen *s);
/* The window has another size, or somebody else wrote into it. */
void screen_resize(struct screen *s);
/* Copies `line` (without newline) below the log. -ENOMEM or 0. */
int screen_log(struct screen *s, const char *line);
/* Draws log and panel; `panel` holds lines that end in '\n', of at most `columns`. */
int screen_draw(struct screen *s, const struct buf *panel);
/* Takes the panel away and leaves the cursor below the log. */
void screen_leave(struct screen *s);
