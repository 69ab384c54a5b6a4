/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The icon in the tray: a StatusNotifierItem on the session bus, and its menu (tray-menu.h). It registers itself with org.kde.StatusNotifierWatcher whenever one appears.
 *
 * Signals:
 *      item(int)               a person chose that enum tray_item of the menu
 *      activated()             a person clicked the icon itself
 *      notify::has-host        whether a watcher took it, so that somebody can see it: when it is known first, and when it changes
 */
#pragma once

#include <gio/gio.h>

#include "gui/tray-menu.h"

#define BASTION_TYPE_TRAY (bastion_tray_get_type())
G_DECLARE_FINAL_TYPE(BastionTray, bastion_tray, BASTION, TRAY, GObject)

/* `bus`: the session's. `facts(userdata)` is asked whenever the tray is told. */
BastionTray *bastion_tray_new(GDBusConnection *bus, struct tray_facts (*facts)(gpointer userdata), gpointer userdata);
/* Facts have changed. */
void bastion_tray_changed(BastionTray *tray);
gboolean bastion_tray_get_has_host(BastionTray *tray);
