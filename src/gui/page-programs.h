/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of programs: what each one reached, how often and how much, and the rules that are about it. */
#pragma once

#include "gui/link.h"
#include "gui/panel-page.h"

#define BASTION_TYPE_PAGE_PROGRAMS (bastion_page_programs_get_type())
G_DECLARE_FINAL_TYPE(BastionPagePrograms, bastion_page_programs, BASTION, PAGE_PROGRAMS, AdwBin)

GtkWidget *page_programs_new(BastionLink *link);
