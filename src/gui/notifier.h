/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions and words as notifications of the desktop (org.freedesktop.Notifications): for who has no tray, or a desktop where a window cannot come without taking the
 * focus. One notification at a time is about a question, the oldest that waits: Allow once, Deny once, Details. What is clicked within ASK_GUARD_MS after it changed
 * was meant for something else, and it is shown again. One that is put away answers nothing, and the next is asked.
 *
 * Signals:
 *      details(BastionQuestion *)      a person wants to see more of it
 */
#pragma once

#include <gio/gio.h>

#include "gui/inbox.h"

#define BASTION_TYPE_NOTIFIER (bastion_notifier_get_type())
G_DECLARE_FINAL_TYPE(BastionNotifier, bastion_notifier, BASTION, NOTIFIER, GObject)

BastionNotifier *bastion_notifier_new(GDBusConnection *bus, BastionLink *link, BastionInbox *inbox);
/* Whether it is its business to ask. */
void bastion_notifier_set_asks(BastionNotifier *notifier, bool asks);
/* Nobody shows notifications here: somebody else has to ask. Known after the first try. */
bool bastion_notifier_is_refused(BastionNotifier *notifier);
/* Words for the person, plain text. */
void bastion_notifier_tell(BastionNotifier *notifier, const char *text);
