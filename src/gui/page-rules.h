/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page *Rules*: all of them, to be searched, switched, changed, deleted and brought back; from files, and into files. */
#pragma once

#include "gui/panel-page.h"

GtkWidget *page_rules_new(BastionLink *link);
