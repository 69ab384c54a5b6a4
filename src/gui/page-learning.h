/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page on which learning ends: the rules that what was recorded would need, each to be accepted, edited or refused; then enforcement can be tried. */
#pragma once

#include "gui/link.h"
#include "gui/panel-page.h"

#define BASTION_TYPE_PAGE_LEARNING (bastion_page_learning_get_type())
G_DECLARE_FINAL_TYPE(BastionPageLearning, bastion_page_learning, BASTION, PAGE_LEARNING, AdwBin)

GtkWidget *page_learning_new(BastionLink *link);
