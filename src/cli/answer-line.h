/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer as words: REF allow|deny [once|process|session|reboot|always|DURATION]
 * [port|all-ports|destination|address|host|domain] [late]; a duration is one word, like 90m; `late` answers a
 * question that has ended, for the future. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/question.h"

enum { ANSWER_LINE_ERROR_MAX = 256 };

struct answer_line {
        char ref[QUESTION_REF_MAX]; /* "next": the oldest that is open, where that is offered */
        struct answer answer;
};

/* False with words for a person in `ret_error`. Lifetime, scope and `late` may come in any order; absent, they are
 * once, port, and not. */
bool answer_line_parse(const char *const *words, size_t n, struct answer_line *ret,
                       char ret_error[ANSWER_LINE_ERROR_MAX]);
/* The same from one line of text, split at blanks. */
bool answer_line_parse_text(const char *text, struct answer_line *ret, char ret_error[ANSWER_LINE_ERROR_MAX]);
