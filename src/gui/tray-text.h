/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of the tray: its tooltip and the lines of its menu, plain text. New text that the caller frees; NULL: out of memory, or where it is said. */
#pragma once

#include "gui/tray-state.h"

/* All that the tray tells. */
struct tray_facts {
        enum tray_state state;
        bool is_up;
        enum mode mode;
        bool is_tried; /* `mode` ends by itself, in: */
        unsigned left_seconds;
        unsigned n_open, n_missed; /* questions */
        bool has_service;          /* systemd can start and stop the daemon */
        const char *problems;      /* or NULL */
};

char *tray_text_problems(const struct status *status, struct trouble trouble); /* NULL: there are none */
const char *tray_text_silent(void); /* a problem: it is connected and says nothing */
/* "The firewall asks and denies" */
const char *tray_text_state(const struct tray_facts *facts);
char *tray_text_tooltip(const struct tray_facts *facts);
char *tray_text_questions(const struct tray_facts *facts); /* "Questions waiting (3)" */
char *tray_text_try(const struct tray_facts *facts);       /* "Paused: 4:32 left — resume", "Trying enforcement: 0:42 left — keep it" */
