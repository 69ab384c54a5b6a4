/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread that waits for the disk, so that the loop never does: it replaces files atomically, or appends (sys/files.h). Everything is handed over by value;
 * the loop learns of finished saves through an eventfd.
 *
 * Bounds: one waiting version a file (a newer one takes the place of an older one that has not begun), SAVER_FILES files. Where several wait, they are
 * written in the order in which the files were first named.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "sys/files.h"

enum { SAVER_FILES = 8 };

struct saver;

/* Takes work at once; begins it with saver_run(), which makes the thread. A thread has privileges of its own, so that comes when the daemon
 * has given its up. */
int saver_new(struct saver **ret);
int saver_run(struct saver *s);
/* Finishes what waits, then ends the thread. Takes NULL, returns NULL. */
struct saver *saver_stop(struct saver *s);
DEFINE_FREEP(struct saver, saver_stop)

/* Becomes readable when saves have finished. */
int saver_fd(const struct saver *s);

/* Replaces `path` by `data` (n bytes, taken: the saver frees it, also on failure). Returns a ticket > 0, or a negative errno. */
int64_t saver_replace(struct saver *s, const char *path, char *data, size_t n, mode_t mode);

/* The same at the end of `path` (files_append()); what waits to be written there already goes before it. A file is either appended to or guarded. */
int64_t saver_append(struct saver *s, const char *path, const char *data, size_t n, mode_t mode);

/* Others write `path` too, and this is the version of it that was read last. From now on a save replaces that version only, or what saves of ours made
 * of it since; should something else lie there, it stays, and the save ends with -ESTALE, as do those after it until this is called again.
 * While a save of `path` is under way it must not be called. 0 or negative errno. */
int saver_expect(struct saver *s, const char *path, const struct file_stamp *version);
/* The version that was expected last, or written by a save since; false when nobody cares which it is. */
bool saver_expected(struct saver *s, const char *path, struct file_stamp *ret);

/* Waits until nothing is being saved; what has finished is still to be dispatched. Before saver_run() it returns at once. */
void saver_wait(struct saver *s);

/* True when a finished save `done` means that the one behind `waited` is on disk: same file, not older. */
bool saver_covers(int64_t done, int64_t waited);

/* Called by saver_dispatch() in the loop's thread: all saves of `path` with tickets up to this one are done. `error` 0 or negative. */
typedef void (*saver_done_fn)(void *userdata, const char *path, int64_t ticket, int error);
void saver_dispatch(struct saver *s, saver_done_fn fn, void *userdata);
