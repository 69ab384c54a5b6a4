/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control panel's window: sidebar and pages (gui/panel-page.h), what is wrong with the firewall as a whole, and toasts. Narrow, the sidebar is a
 * page of its own. A daemon that was never there is a page that says so; one that went away leaves what was shown, insensitive, below a bar.
 */
#pragma once

#include <adwaita.h>

#include "gui/link.h"

#define BASTION_TYPE_PANEL_WINDOW (bastion_panel_window_get_type())
G_DECLARE_FINAL_TYPE(BastionPanelWindow, bastion_panel_window, BASTION, PANEL_WINDOW, AdwApplicationWindow)

BastionPanelWindow *bastion_panel_window_new(AdwApplication *app, BastionLink *link);
/* False: there is no such page. */
bool bastion_panel_window_show_page(BastionPanelWindow *window, const char *name);
/* Where none is shown yet. */
void bastion_panel_window_show_first_page(BastionPanelWindow *window);
