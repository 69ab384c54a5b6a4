/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tray's icon says, from the worst to the best: the firewall fails, something is wrong with it, it is not there, it only looks, it protects. Pure.
 */
#pragma once

#include <stdbool.h>

#include "wire/message.h"

enum tray_state { TRAY_ERROR, TRAY_WARNING, TRAY_DISCONNECTED, TRAY_LEARNING, TRAY_CONNECTED };

/* What of a status makes trouble. */
struct trouble {
        bool fails;        /* packets are dropped or judged by nobody's name since the status before */
        bool has_problems; /* files, the lesser rung, gaps in the log: words in `problems` or `rung_reason` of the status */
};

/* `before`: the status before, of the same daemon, or NULL. */
struct trouble trouble_of(const struct status *status, const struct status *before);
enum tray_state tray_state_of(bool is_up, bool is_permitted, enum mode mode, struct trouble trouble);
const char *tray_state_icon(enum tray_state state); /* an icon's name */
