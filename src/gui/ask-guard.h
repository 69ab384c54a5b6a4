/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a question may be answered. It appears where somebody works already, so what is typed and clicked at that moment was meant for something else:
 *
 *      appeared, or what it shows changed or moved ──▶ WAITING ── 600 ms in which nothing of that happens ──▶ OPEN: buttons are live
 *
 *      keys are live when it is OPEN and *engaged*: somebody has clicked into the window (not while it was WAITING), or asked for it; until it loses
 *      the focus. A window that is given the focus by itself is not engaged.
 *
 * Pure: time is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/boottime.h"

enum { ASK_GUARD_MS = 600 };

struct ask_guard {
        struct boottime opens;
        bool engaged;
};

/* It has appeared, or what is shown changed or moved. */
void ask_guard_disturb(struct ask_guard *guard, struct boottime now);
/* The person turned to it. True: it counts. */
bool ask_guard_engage(struct ask_guard *guard, struct boottime now);
/* The person turned away: it lost the focus or is out of sight. */
void ask_guard_leave(struct ask_guard *guard);

bool ask_guard_buttons(const struct ask_guard *guard, struct boottime now);
bool ask_guard_keys(const struct ask_guard *guard, struct boottime now);
/* Milliseconds until buttons are live, rounded up; 0: they are. */
unsigned ask_guard_wait_ms(const struct ask_guard *guard, struct boottime now);
