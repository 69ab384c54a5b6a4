/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One question as a person reads and answers it: who wants to go where, for how long and to what an answer applies, and under each of the two buttons the very rule that
 * it writes, which the daemon is asked for before a button can be used. Everything in it is plain text.
 *
 * It does not know when it may be answered: its buttons are dead until bastion_question_view_set_live().
 *
 * Signals:
 *      disturbed()     what it shows is another than before, and not because the person chose something
 */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"
#include "gui/question.h"

#define BASTION_TYPE_QUESTION_VIEW (bastion_question_view_get_type())
G_DECLARE_FINAL_TYPE(BastionQuestionView, bastion_question_view, BASTION, QUESTION_VIEW, GtkBox)

/* Whom to answer; before anything else. */
void bastion_question_view_set_link(BastionQuestionView *view, BastionLink *link);
/* NULL: none. The choices of the one before are forgotten. */
void bastion_question_view_set_question(BastionQuestionView *view, BastionQuestion *question);
void bastion_question_view_set_live(BastionQuestionView *view, bool live);
