/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From which package of the distribution a file is: what dpkg, rpm or pacman say, whichever this machine has. They are run beside the main loop, one
 * process for each path that was not asked for before.
 */
#pragma once

#include <gio/gio.h>

void package_find(const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer userdata);
/* True: it is known, with its name in *ret, or NULL in *ret: from none. False: nobody knows (no package manager, cancelled). */
gboolean package_find_finish(GAsyncResult *result, char **ret);

/* What dpkg-query -S printed for `path`: the package's name, or NULL. */
char *package_parse_dpkg(const char *output, const char *path);
