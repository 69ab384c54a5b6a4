/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of what was decided: searched by program, destination, verdict and time, with a picture of when. */
#pragma once

#include "gui/link.h"
#include "gui/panel-page.h"

#define BASTION_TYPE_PAGE_HISTORY (bastion_page_history_get_type())
G_DECLARE_FINAL_TYPE(BastionPageHistory, bastion_page_history, BASTION, PAGE_HISTORY, AdwBin)

GtkWidget *page_history_new(BastionLink *link);
