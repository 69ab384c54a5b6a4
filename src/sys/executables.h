/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an executable file was found to be stays with the file: a browser that the package manager replaces while it runs forks children whose
 * executable is deleted; it is the file that had that path when it was last seen. Remembered are the file's identity and the path under
 * which it was seen in the daemon's own mount namespace; only the same file claiming the same path is recognised.
 *
 * Bounds: LIMIT_EXECUTABLES places, one for each hash; a file that loses its place is seen anew.
 */
#pragma once

#include <stdbool.h>

#include "wire/track.h"

struct executables;

struct executables *executables_new(void); /* NULL: out of memory */
struct executables *executables_free(struct executables *e);

/* `path` names this file, here and now. Out of memory: it is not remembered. */
void executables_remember(struct executables *e, const struct track_file *file, const char *path);
/* The file had this path and has lost it since. Its change time is not compared: losing a name changes it. */
bool executables_had_path(const struct executables *e, const struct track_file *file, const char *path);
/* Unchanged since it was seen under this path. For claims from other mount namespaces: of two subvolumes' files only the time differs. */
bool executables_has_path(const struct executables *e, const struct track_file *file, const char *path);
