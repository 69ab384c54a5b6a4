/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The questions that this session knows: those that are open, oldest first, and those that were decided without a person, newest first. It follows the daemon: what it
 * says is what is here, and a lost daemon has no questions. Both lists are GListModels of BastionQuestion. It decides nothing and answers nothing.
 */
#pragma once

#include <gio/gio.h>

#include "gui/link.h"
#include "gui/question.h"

#define BASTION_TYPE_INBOX (bastion_inbox_get_type())
G_DECLARE_FINAL_TYPE(BastionInbox, bastion_inbox, BASTION, INBOX, GObject)

/* `link` subscribes to questions. */
BastionInbox *bastion_inbox_new(BastionLink *link);

/* Borrowed. */
GListModel *bastion_inbox_get_open(BastionInbox *inbox);
GListModel *bastion_inbox_get_missed(BastionInbox *inbox);
