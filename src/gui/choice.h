/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person can say to a question: for how long, and to what it applies. Which of that is offered depends on what is known: no host, nothing about
 * hosts; a question that was decided already is answered for the future only. Pure.
 */
#pragma once

#include <stdbool.h>

#include "wire/message.h"

enum choice_time { CHOICE_ONCE, CHOICE_PROCESS, CHOICE_HOUR, CHOICE_SESSION, CHOICE_ALWAYS, CHOICE_TIMES };

struct choice {
        enum choice_time time;
        enum answer_scope scope;
};

enum { CHOICE_SCOPES_MAX = 6 };

/* The least that answers it: once, or this session where that is over; this destination. */
struct choice choice_default(const struct prompt *prompt);
bool choice_offers_time(const struct prompt *prompt, enum choice_time time);
/* The scopes that are offered, from the narrowest on; returns how many. */
unsigned choice_scopes(const struct prompt *prompt, enum answer_scope ret[CHOICE_SCOPES_MAX]);
struct answer choice_answer(const struct choice *choice, const struct prompt *prompt, bool allow);
