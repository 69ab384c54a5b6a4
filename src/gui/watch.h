/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the firewall is, as the tray tells it. It asks the daemon for its status when the connection comes up, when the daemon has something to notify, and with
 * its statistics, yet not more often than every 10 s: between them nothing wakes it. A daemon that hangs keeps its socket open: one that is connected and
 * sends no statistics for 10 s, five times their turn, counts as failing.
 *
 * Signals:
 *      changed()       state or words are others than before
 */
#pragma once

#include "gui/link.h"
#include "gui/tray-state.h"

#define BASTION_TYPE_WATCH (bastion_watch_get_type())
G_DECLARE_FINAL_TYPE(BastionWatch, bastion_watch, BASTION, WATCH, GObject)

/* `link` subscribes to statistics and notifications. */
BastionWatch *bastion_watch_new(BastionLink *link);
enum tray_state bastion_watch_get_state(BastionWatch *watch);
/* What is wrong, for a person, several lines; NULL: nothing. */
const char *bastion_watch_get_problems(BastionWatch *watch);
