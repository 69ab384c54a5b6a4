/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows that come without taking the focus, as far as each desktop lets a client say so. X11: a user time of 0 says that nobody asked for it (EWMH,
 * _NET_WM_USER_TIME), and it is kept above others. Wayland: a client cannot say so (the layer shell could, and is not everywhere that libadwaita 1.2 is), so there a
 * notification asks first.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

/* Whether this display keeps the promise. */
bool unfocused_is_kept(GdkDisplay *display);
/* Maps the window in the background. One that is seen already stays as it is. */
void unfocused_show(GtkWindow *window);
/* `on_moved(userdata)` is called when the window gets another place or size, as far as its display tells; for as long as the window lives. */
void unfocused_watch_place(GtkWindow *window, void (*on_moved)(gpointer userdata), gpointer userdata);
