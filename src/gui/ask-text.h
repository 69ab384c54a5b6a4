/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sentences of the question, like view-text.h: plain text, what a stranger chose made visible. Each is new text that the caller frees; NULL: out of memory, or,
 * where that is said, there is nothing to say.
 */
#pragma once

#include "gui/choice.h"
#include "gui/past.h"
#include "wire/message.h"

/* "curl wants to reach example.com (93.184.216.34) on port 443 (https)"; names are cut to what fits in a few lines. */
char *ask_text_title(const struct prompt *prompt);
/* "curl → example.com:443", for a list. */
char *ask_text_row(const struct prompt *prompt);
/* "learning: …", "50 connections wait for it" or "denied at 21:14, because nobody answered: …". NULL: one connection that waits. */
char *ask_text_note(const struct prompt *prompt);
char *ask_text_left(unsigned seconds);    /* "24 s" */
char *ask_text_waiting(unsigned others);  /* "3 more waiting"; NULL: none */
char *ask_text_missed_row(const struct prompt *prompt); /* "denied, 21:14" */

char *ask_text_scope(const struct prompt *prompt, enum answer_scope scope);
/* "allow /usr/bin/curl port 443"; NULL `rule`: what an answer says that writes no rule. */
char *ask_text_rule(const struct rule *rule);

/* Facts. NULL: not known. */
char *ask_text_path(const struct subject *s);
char *ask_text_arguments(const struct subject *s);
char *ask_text_started_by(const struct subject *s); /* "systemd ▸ bash ▸ curl", the oldest first */
char *ask_text_started_by_short(const struct subject *s); /* "… ▸ bash ▸ curl": the nearest of them */
char *ask_text_user(const struct subject *s);
char *ask_text_process(const struct subject *s);
char *ask_text_name_source(const struct prompt *prompt);
char *ask_text_reason(const struct prompt *prompt); /* why it is asked, and who else it could have been */
char *ask_text_past(const struct past *past);

/* "from package curl"; NULL `package`: from none. */
char *ask_text_package(const char *package);
