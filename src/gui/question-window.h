/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One window for all questions: the one that is read on top, below it a list of what else waits and of what was decided without a person. It comes by itself when
 * something is asked, without asking for the focus (unfocused.h), and goes when nothing waits any more. Closing it withdraws the window and answers nothing.
 *
 * It is safe wherever it appears: gui/ask-guard.h says when its buttons and its keys are live; it has no default button.
 */
#pragma once

#include <adwaita.h>

#include "gui/inbox.h"

#define BASTION_TYPE_QUESTION_WINDOW (bastion_question_window_get_type())
G_DECLARE_FINAL_TYPE(BastionQuestionWindow, bastion_question_window, BASTION, QUESTION_WINDOW, AdwApplicationWindow)

BastionQuestionWindow *bastion_question_window_new(AdwApplication *app, BastionLink *link, BastionInbox *inbox);

/* A question wants to be seen: in the background, above other windows. Nothing happens where none is open. */
void bastion_question_window_offer(BastionQuestionWindow *window);
/* The person asked for it, and gets it with the focus; also where nothing is asked. */
void bastion_question_window_open(BastionQuestionWindow *window);
/* The one to be shown, of either list. */
void bastion_question_window_select(BastionQuestionWindow *window, BastionQuestion *question);
