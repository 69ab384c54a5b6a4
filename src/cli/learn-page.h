/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A proposal of `bastion learn review` (core/learn.h) for a person, and for a program. Pure. */
#pragma once

#include "cli/term.h"
#include "core/learn.h"

/* Lines: the sentence, what it is for, and a line for each surprise. `number` of `total`. */
void learn_page(struct buf *out, const struct style *style, const struct proposal *p, size_t number, size_t total);
/* One object and a newline. */
void learn_page_json(struct buf *out, const struct proposal *p);

enum learn_answer {
        LEARN_ACCEPT,
        LEARN_EDIT, /* `ret_rest`: the sentence that stands behind it, or "" */
        LEARN_REFUSE,
        LEARN_QUIT,
};
/* "a", "accept", "e allow /bin/x", …: false when it is none of them. */
bool learn_answer_parse(const char *line, enum learn_answer *ret, const char **ret_rest);
