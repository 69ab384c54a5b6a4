/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of host names (wire/hostlist.h) read from files, on a thread of its own: a million names take a second, which the loop does not have. Work is handed
 * over by value and comes back by value, through an eventfd; the sets are made here and belong to whoever takes the result.
 *
 * The files' words are taken for root's (files_open_roots()). Bounds: LIMIT_LISTS files at a time, each once: one that is asked for again before it was
 * begun is read once; LIMIT_LIST_FILE bytes, also of a file that grows meanwhile.
 */
#pragma once

#include <stdatomic.h>

#include "core/hostset.h"
#include "sys/files.h"
#include "wire/hostlist.h"

/* What became of one file. */
struct list_reading {
        char path[LIMIT_LIST_PATH];
        int error;           /* 0, negative errno, HOSTLIST_E_…, or LISTREADER_E_SAME */
        struct hostset *set; /* where there is no error */
        struct file_stamp version;
        struct hostlist_skipped skipped;
};
enum { LISTREADER_E_SAME = 16 }; /* the file is the version that was known: it was not read */

/* Reads one file where it is called, unless it is the `known` version. *stop (NULL: never) becomes true: -ECANCELED. */
void list_read(const char *path, uint64_t seed, const struct file_stamp *known, const atomic_bool *stop, struct list_reading *ret);

struct listreader;

/* 0 or negative errno; the thread is made at once, and has the privileges of who calls this. */
int listreader_new(uint64_t seed, struct listreader **ret);
/* Ends the thread, in the middle of a file if need be. Takes NULL, returns NULL. */
struct listreader *listreader_stop(struct listreader *r);
DEFINE_FREEP(struct listreader, listreader_stop)

/* Becomes readable when something was read. */
int listreader_fd(const struct listreader *r);
/* Reads the file at `path`, unless it is the `known` version. False: there is no room. */
bool listreader_ask(struct listreader *r, const char *path, const struct file_stamp *known);

/* Called by listreader_dispatch() in the loop's thread; whoever wants the set takes it from *reading. */
typedef void (*list_read_fn)(void *userdata, struct list_reading *reading);
void listreader_dispatch(struct listreader *r, list_read_fn fn, void *userdata);
