/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread that waits for the disk, so that the loop never does. It replaces files atomically (sys/files.h) and appends
 * log lines. Everything is handed over by value; the loop learns of finished saves through an eventfd.
 *
 * Bounds: one waiting version a file (a newer one takes the place of an older one that has not begun), SAVER_FILES files,
 * SAVER_LOG_MAX bytes of log lines; what does not fit is counted as lost, never waited for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

enum { SAVER_FILES = 8, SAVER_LOG_MAX = 1 << 20 };

struct saver;

int saver_start(struct saver **ret);
/* Finishes what waits, then ends the thread. Takes NULL, returns NULL. */
struct saver *saver_stop(struct saver *s);
DEFINE_FREEP(struct saver, saver_stop)

/* Becomes readable when saves have finished. */
int saver_fd(const struct saver *s);

/* Replaces `path` by `data` (n bytes, taken: the saver frees it, also on failure). Returns a ticket > 0, or a negative errno. */
int64_t saver_replace(struct saver *s, const char *path, char *data, size_t n, mode_t mode);

/* True when a finished save `done` means that the one behind `waited` is on disk: same file, not older. */
bool saver_covers(int64_t done, int64_t waited);

/* Called by saver_dispatch() in the loop's thread: all saves of `path` with tickets up to this one are done. `error` 0 or negative. */
typedef void (*saver_done_fn)(void *userdata, const char *path, int64_t ticket, int error);
void saver_dispatch(struct saver *s, saver_done_fn fn, void *userdata);

/* The file that log lines go to (created 0640; NULL: none) and whether they go to standard error too. Reopens it. */
int saver_set_log(struct saver *s, const char *path, bool to_stderr);
/* Appends `line` (without newline). Never blocks; false when it was lost. */
bool saver_log(struct saver *s, const char *line);
/* Lines lost so far: no room, or the disk refused. */
uint64_t saver_log_lost(const struct saver *s);
