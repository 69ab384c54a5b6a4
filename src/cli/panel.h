/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The open questions as one person answers them: which one is shown, what a key means for it, and what it
 * looks like. No terminal, no socket, no clock: keys, events and `now` come in, an action and lines go out.
 *
 * A key is meant for the question that the person was reading. So answers are not accepted for PANEL_GUARD_MS
 * after another question came into view, whatever brought it there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/buf.h"
#include "cli/term.h"
#include "wire/message.h"

enum { PANEL_GUARD_MS = 600 };

struct panel_question {
        struct prompt prompt;
        struct boottime ends;
        int64_t request;      /* the id of the answer that is on its way, 0: none */
        struct answer answer; /* that answer */
};

struct panel {
        struct panel_question *questions; /* oldest first */
        size_t n, size;
        char shown[QUESTION_REF_MAX]; /* "" while none is */
        struct boottime shown_since;
        enum answer_scope scope;
};

void panel_deinit(struct panel *p);

/* Takes the prompt's content on success. 0, -ENOMEM, -E2BIG beyond LIMIT_QUESTIONS. A question that is known
 * already is updated. */
int panel_add(struct panel *p, struct prompt *prompt, struct boottime now);
/* Borrowed, or NULL. */
struct panel_question *panel_find(struct panel *p, const char *ref);
struct panel_question *panel_find_request(struct panel *p, int64_t request);
/* The question that keys are for, or NULL. */
struct panel_question *panel_shown(struct panel *p);
void panel_remove(struct panel *p, struct panel_question *q, struct boottime now);
/* The answer is on its way as `request` (it leaves the view), or was refused (0: it comes back). */
void panel_set_request(struct panel *p, struct panel_question *q, int64_t request, struct boottime now);
/* Those that wait for an answer and have none on its way. */
unsigned panel_n_waiting(const struct panel *p);

enum panel_action {
        PANEL_NOTHING,
        PANEL_ANSWER,  /* *ret_answer for panel_shown() */
        PANEL_CHANGED, /* draw again */
};
enum panel_action panel_key(struct panel *p, char key, struct boottime now, struct answer *ret_answer);

/* Lines that end in '\n', at most `rows` of at most `columns`, for panel_shown(); nothing when there is none.
 * What matters least is left out first. */
void panel_format(struct panel *p, const struct style *style, unsigned columns, unsigned rows,
                  struct boottime now, struct buf *out);
/* Milliseconds until the picture changes by itself, -1 never. */
int panel_timeout_ms(struct panel *p, struct boottime now);
