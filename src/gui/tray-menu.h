/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tray's menu on the session bus (com.canonical.dbusmenu): what the facts say, an item clicked comes back as a call. The host draws it; it is told when
 * anything changed, and each second while it is open and a try counts down.
 */
#pragma once

#include <gio/gio.h>

#include "gui/tray-text.h"

#define TRAY_MENU_PATH "/com/bastion/firewall/Menu"

enum tray_item {
        TRAY_ITEM_ROOT,
        TRAY_ITEM_STATE, /* a line that can only be read */
        TRAY_ITEM_PANEL,
        TRAY_ITEM_QUESTIONS,
        TRAY_ITEM_LINE_1,
        TRAY_ITEM_LEARNING,
        TRAY_ITEM_ENFORCEMENT,
        TRAY_ITEM_TRY, /* a pause or a trial of enforcement ends by itself: end it, or keep it */
        TRAY_ITEM_PAUSE,
        TRAY_ITEM_PAUSE_5,
        TRAY_ITEM_PAUSE_15,
        TRAY_ITEM_PAUSE_60,
        TRAY_ITEM_LINE_2,
        TRAY_ITEM_SERVICE,
        TRAY_ITEM_START,
        TRAY_ITEM_STOP,
        TRAY_ITEM_RESTART,
        TRAY_ITEM_QUIT,
        TRAY_ITEMS
};

struct tray_menu;

/* `facts(userdata)` is asked whenever the menu is told; `on_item` is called when a person chose one that is enabled. NULL: the bus refuses the object. */
struct tray_menu *tray_menu_new(GDBusConnection *bus, struct tray_facts (*facts)(gpointer userdata), void (*on_item)(enum tray_item item, gpointer userdata),
                                gpointer userdata);
struct tray_menu *tray_menu_free(struct tray_menu *menu);
/* Facts have changed. */
void tray_menu_changed(struct tray_menu *menu);
