/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page *Settings*: every key of config.json (gui/settings-table.h) as the daemon has it, changed at once. */
#pragma once

#include "gui/panel-page.h"

GtkWidget *page_settings_new(BastionLink *link);
