/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The icon by which people know a program: that of the menu entry (desktop file) that starts this very file. A program that is only called like another
 * has not its icon. The entries are read in a thread, when the first icon is asked for and again when they have changed.
 */
#pragma once

#include <gio/gio.h>

void program_icon_find(const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer userdata);
/* The caller's; NULL: none. */
GIcon *program_icon_find_finish(GAsyncResult *result);
