/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that matter: read whole and bounded, replaced atomically. Never through a symlink in the last component, never half
 * written: temporary file beside the target, fsync, rename, fsync of the directory.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* The whole file, NUL-terminated; the caller frees. -EFBIG over `max` bytes, -ELOOP for a symlink, -EINVAL for what is no
 * regular file, else errno. */
int files_read(const char *path, size_t max, char **ret, size_t *ret_n);
/* The same for a name in the directory behind the fd. */
int files_read_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n);
/* For /proc and the like: no regular file is asked for, sizes are unknown; cuts at `max` bytes. */
int files_read_virtual(const char *path, size_t max, char **ret, size_t *ret_n);
/* Replaces `path` by the `n` bytes with these permissions, owner root (the caller). The old file stays on any failure. */
int files_replace(const char *path, const void *data, size_t n, mode_t mode);
/* mkdir -p, new directories with `mode`. 0 when it exists. */
int files_make_directory(const char *path, mode_t mode);
