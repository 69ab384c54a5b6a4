/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who changed which rules, the newest first, and a button that takes a change back (`rules_history`, `rules_undo`). */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"

void changes_dialog_present(GtkWidget *from, BastionLink *link);
