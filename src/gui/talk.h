/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is talking now: programs, and below each its connections, as objects for a list. Each state that the daemon tells is carried over into the objects
 * that exist, so that what is folded out stays so; rates are differences between two states, of one flow.
 */
#pragma once

#include <gio/gio.h>

#include "wire/message.h"

/*
 * A program or one of its connections.
 *
 * Signal: changed
 */
#define BASTION_TYPE_TALK (bastion_talk_get_type())
G_DECLARE_FINAL_TYPE(BastionTalk, bastion_talk, BASTION, TALK, GObject)

/* Of a program its connections; of a connection NULL. */
GListModel *bastion_talk_get_children(BastionTalk *talk);
/* Of a connection it; of a program the first one of its. Borrowed until the next change. */
const struct connection *bastion_talk_get_connection(BastionTalk *talk);
uint64_t bastion_talk_get_rate_in(BastionTalk *talk);
uint64_t bastion_talk_get_rate_out(BastionTalk *talk);
/* All `words` (lower case, separated by blanks) stand somewhere in what it, or one of its connections, is called. */
bool bastion_talk_has_words(BastionTalk *talk, const char *words);

/* The programs, by name. */
#define BASTION_TYPE_TALKS (bastion_talks_get_type())
G_DECLARE_FINAL_TYPE(BastionTalks, bastion_talks, BASTION, TALKS, GObject)

BastionTalks *bastion_talks_new(void);
GListModel *bastion_talks_get_programs(BastionTalks *talks);
/* Takes what it keeps out of them. */
void bastion_talks_update(BastionTalks *talks, struct connection *connections, size_t n, struct boottime now);
unsigned bastion_talks_get_n_connections(BastionTalks *talks);
