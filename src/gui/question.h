/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One question as the desktop has it: what the daemon told, and when it ends. It stays readable for who holds it when it has left the inbox.
 *
 * Signals:
 *      changed(gboolean substance)   it was told again; `substance`: what an answer would mean, or to whom, is another than before. That more connections
 *                                    wait for the same is none.
 */
#pragma once

#include <glib-object.h>

#include "base/boottime.h"
#include "wire/message.h"

#define BASTION_TYPE_QUESTION (bastion_question_get_type())
G_DECLARE_FINAL_TYPE(BastionQuestion, bastion_question, BASTION, QUESTION, GObject)

/* Takes the prompt's content, as does the other. */
BastionQuestion *bastion_question_new(struct prompt *prompt, struct boottime now);
void bastion_question_update(BastionQuestion *question, struct prompt *prompt, struct boottime now);

const struct prompt *bastion_question_get_prompt(BastionQuestion *question);
/* When the daemon decides without a person; BOOTTIME_NEVER for a missed one. And since when it is known here. */
struct boottime bastion_question_get_ends(BastionQuestion *question);
struct boottime bastion_question_get_since(BastionQuestion *question);
bool bastion_question_is_open(BastionQuestion *question);
