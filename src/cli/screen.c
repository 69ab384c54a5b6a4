/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log's lines from `n_gone` on stand at the top, the panel at the bottom, blank rows between them while
 * there is room. Only when the log needs more rows than there are is the page scrolled, by newlines in the
 * last row, which is what moves the top row into the scrollback: so each line gets there once and in order,
 * however the panel's height changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/screen.h"
#include "cli/term.h"
#include "cli/text.h"

static int write_all(const struct buf *b)
{
        size_t at = 0;
        ssize_t n;

        if (buf_error(b))
                return buf_error(b);
        while (at < b->n) {
                n = write(STDOUT_FILENO, b->data + at, b->n - at);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n > 0)
                        at += (size_t)n;
        }
        return 0;
}

void screen_init(struct screen *s)
{
        *s = (struct screen){.fresh = true};
        term_size(STDOUT_FILENO, &s->columns, &s->rows);
}

void screen_deinit(struct screen *s)
{
        for (size_t i = 0; i < SCREEN_LOG_LINES; i++)
                free(s->log[i]);
        buf_deinit(&s->last);
}

void screen_resize(struct screen *s)
{
        term_size(STDOUT_FILENO, &s->columns, &s->rows);
        s->fresh = true;
}

int screen_log(struct screen *s, const char *line)
{
        char *copy = strdup(line);

        if (!copy)
                return -ENOMEM;
        free(s->log[s->n_log % SCREEN_LOG_LINES]);
        s->log[s->n_log++ % SCREEN_LOG_LINES] = copy;
        return 0;
}

static unsigned count_lines(const struct buf *b)
{
        unsigned n = 0;

        for (size_t i = 0; i < b->n; i++)
                n += b->data[i] == '\n';
        return n;
}

/* Puts the cursor at the start of `row` (from 1) and empties it. */
static void start_row(struct buf *out, unsigned row)
{
        buf_printf(out, "\x1b[%u;1H\x1b[2K", row);
}

/* `first` up to n_log into rows 1…`room`, the rest of them blank. */
static void draw_log(const struct screen *s, unsigned room, struct buf *out)
{
        for (unsigned row = 0; row < room; row++) {
                size_t i = s->n_gone + row;

                start_row(out, row + 1);
                if (i < s->n_log)
                        text_cut(out, s->log[i % SCREEN_LOG_LINES], s->columns);
        }
}

/* The panel's lines into the rows below `room`. */
static void draw_panel(const struct buf *panel, unsigned room, unsigned rows, struct buf *out)
{
        const char *at = panel->n > 0 ? panel->data : "", *end;

        for (unsigned row = room + 1; row <= rows && (end = strchr(at, '\n')); row++, at = end + 1) {
                start_row(out, row);
                buf_append(out, at, (size_t)(end - at));
        }
}

/* Lines of the log that must leave through the top, so that the last ones are in view. */
static size_t lines_to_scroll(const struct screen *s, unsigned room)
{
        size_t first = s->n_log > room ? s->n_log - room : 0;

        return first > s->n_gone ? first - s->n_gone : 0;
}

/*
 * Scrolls by as many rows as needed. More than a page at once (a burst) went by without being shown: these
 * lines are drawn page by page into the scrollback too, as far as the ring still has them.
 */
static void scroll(struct screen *s, unsigned room, struct buf *out)
{
        size_t n;

        if (s->n_log > SCREEN_LOG_LINES && s->n_gone < s->n_log - SCREEN_LOG_LINES)
                s->n_gone = s->n_log - SCREEN_LOG_LINES;
        while ((n = lines_to_scroll(s, room)) > 0) {
                size_t page = MAX(room, 1u), step = MIN(n, page);

                draw_log(s, room, out);
                buf_printf(out, "\x1b[%u;1H", s->rows);
                for (size_t i = 0; i < step; i++)
                        buf_putc(out, '\n');
                s->n_gone += step;
        }
}

int screen_draw(struct screen *s, const struct buf *panel)
{
        _cleanup_(buf_deinit) struct buf picture = {0}, out = {0};
        unsigned height = MIN(count_lines(panel), s->rows), room = s->rows - height;
        bool scrolls;
        int r;

        /* Synchronized update (mode 2026) where the terminal knows it; others ignore it. */
        buf_puts(&out, "\x1b[?2026h\x1b[?25l");
        if (s->fresh) {
                buf_printf(&out, "\x1b[%u;1H", s->rows);
                for (unsigned i = 0; i < s->rows && s->last.n == 0; i++)
                        buf_putc(&out, '\n');
                buf_puts(&out, "\x1b[2J");
                if (s->last.n > 0 && s->n_log > room)
                        s->n_gone =
                                MAX(s->n_gone, s->n_log - room); /* another size: what was above is above */
        }
        scrolls = lines_to_scroll(s, room) > 0;
        scroll(s, room, &out);
        draw_log(s, room, &picture);
        draw_panel(panel, room, s->rows, &picture);
        if (buf_error(&picture))
                return buf_error(&picture);
        if (!s->fresh && !scrolls && s->last.n == picture.n &&
            memcmp(s->last.data, picture.data, picture.n) == 0)
                return 0;
        buf_append(&out, picture.data, picture.n);
        buf_printf(&out, "\x1b[%u;1H\x1b[?2026l", s->rows);
        r = write_all(&out);
        buf_deinit(&s->last);
        s->last = picture;
        picture = (struct buf){0};
        s->fresh = false;
        return r;
}

void screen_leave(struct screen *s)
{
        _cleanup_(buf_deinit) struct buf out = {0};
        size_t row = MIN(s->n_log - s->n_gone + 1, (size_t)s->rows);

        if (s->last.n == 0)
                return;
        buf_printf(&out, "\x1b[%zu;1H\x1b[J\x1b[?25h", row);
        write_all(&out); /* on the way out: if the terminal is gone, there is nobody to tell */
}
