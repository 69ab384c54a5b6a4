/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what was recorded to the rules that would allow it (core/learn.h), beside the main loop: the rules in force, the daemon's memory and history are
 * fetched one after the other, and what is made of them is made in a thread. One session is one look; what is accepted is the caller's to add.
 */
#pragma once

#include "core/learn.h"
#include "gui/link.h"

#define BASTION_TYPE_LEARN_SESSION (bastion_learn_session_get_type())
G_DECLARE_FINAL_TYPE(BastionLearnSession, bastion_learn_session, BASTION, LEARN_SESSION, GObject)

/* Signal: done(), once, never from within this call. NULL where the link is not up. */
BastionLearnSession *bastion_learn_session_start(BastionLink *link);

/* After `done`: NULL, or why there is nothing, for a person. */
const char *bastion_learn_session_get_trouble(BastionLearnSession *session);
/* What there was besides, for a person: history could not be read, so that only the last decisions are looked at. NULL: nothing. */
const char *bastion_learn_session_get_remark(BastionLearnSession *session);
struct learn_counts bastion_learn_session_get_counts(BastionLearnSession *session);
/* Those of the program with most connections first. Borrowed. */
const struct proposal *bastion_learn_session_get_proposals(BastionLearnSession *session, size_t *ret_n);
