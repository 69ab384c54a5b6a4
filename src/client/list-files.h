/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of names that rules speak of, read by who asks what rules would do without being the daemon (core/hostset.h). Read as the user who
 * asks; it may wait for a file system.
 */
#pragma once

#include "core/hostset.h"
#include "core/ruleset.h"

/* Zeroed before its first use. */
struct list_files {
        struct hostsets sets; /* whose paths are the rules' */
        struct hostset *owned[LIMIT_LISTS]; /* the same */
};
void list_files_deinit(struct list_files *l);

/* A list that is not read: a negative errno, or HOSTLIST_E_…, and that as words behind its path. */
typedef void (*list_files_unread_fn)(void *userdata, const char *path, int error, const char *words);

/* Reads every list of the rules, which have to live as long; *ret holds the others all the same. */
void list_files_load(const struct ruleset *rules, struct list_files *ret, list_files_unread_fn unread, void *userdata);
