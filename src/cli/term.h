/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The terminal: colours, size, single keys, and getting everything back as it was. One terminal per process,
 * so the state is the module's own. Whatever ends the program (return, exit(), a signal, a crash) the
 * terminal is restored.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* Strings that switch a look on; all empty where colour is not wanted. */
struct style {
        const char *bold, *dim, *red, *green, *yellow, *cyan, *reset;
};

extern const struct style style_plain;

/* Colours when `fd` is a terminal that can, and NO_COLOR is unset (no-color.org). */
const struct style *term_style(int fd);

/* Columns and rows of the terminal at `fd`; 80 × 24 where it does not say, never less than 1. */
void term_size(int fd, unsigned *ret_columns, unsigned *ret_rows);

/* Single keys, no echo, and the signal handlers that undo it. Interrupts still arrive as signals. 0 or a
 * negative errno. */
int term_raw(void);
/* Undoes term_raw() and shows the cursor. Harmless when there is nothing to undo. */
void term_restore(void);

enum term_wish {
        TERM_WISH_LEAVE = 1 << 0,  /* interrupted, terminated or hung up */
        TERM_WISH_RESIZE = 1 << 1, /* the window changed, or we come back from a stop: draw everything anew */
};

/* From now on the signals that mean a wish are taken note of instead of acting, and are let in only while
 * term_poll() waits. */
void term_catch_signals(void);
/* poll() that a signal interrupts: 0 or a count as poll(), wishes in *ret. Negative errno. */
int term_poll(struct pollfd *fds, size_t n, int timeout_ms, unsigned *ret_wishes);
