/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that matter: read whole and bounded, replaced atomically. Never through a symlink in the last component, never half
 * written: temporary file beside the target, fsync, rename, fsync of the directory. A file that others edit too is replaced only
 * while it is still the version that one knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One version of a file: another one differs in one of these, unless it was written into the same file with the same length within one tick of
 * the file system's clock. Renaming changes none of them. */
struct file_stamp {
        bool exists;
        uint64_t inode;
        int64_t size, mtime_ns;
};

/* The whole file, NUL-terminated; the caller frees. -EFBIG over `max` bytes, -ELOOP for a symlink, -EINVAL for what is no
 * regular file, else errno. */
int files_read(const char *path, size_t max, char **ret, size_t *ret_n);
/* The same for a name in the directory behind the fd. */
int files_read_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n);
/* The same for a file whose words are taken for root's: -EPERM where somebody else owns it or may write it. */
int files_read_roots_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n);
/* Such a file to be read piece by piece, and which version of it that is. An fd, or negative errno as above. */
int files_open_roots(const char *path, size_t max, struct file_stamp *ret);
/* A directory, no link; -EPERM as above. An fd, or negative errno. */
int files_open_roots_directory(const char *path);
/* For /proc and the like: no regular file is asked for, sizes are unknown; cuts at `max` bytes. */
int files_read_virtual(const char *path, size_t max, char **ret, size_t *ret_n);
/* Replaces `path` by the `n` bytes with these permissions, owner root (the caller). The old file stays on any failure. */
int files_replace(const char *path, const void *data, size_t n, mode_t mode);
/* The same where the file at `path` is the `known` version, or does not exist where that says so; *ret is the version that was written. -ESTALE:
 * something else lies there, and still does: it was put there by somebody else meanwhile. */
int files_replace_known(const char *path, const struct file_stamp *known, const void *data, size_t n, mode_t mode, struct file_stamp *ret);
/* Adds the bytes to the file's end, and to nothing but a regular file; it is made with `mode`. On disk when it returns 0. A failure leaves the file
 * as long as it was; a crash may leave some of the bytes. */
int files_append(const char *path, const void *data, size_t n, mode_t mode);
/* What lies at `path` now; a symlink is looked at itself. What cannot be looked at does not exist. */
struct file_stamp files_stamp(const char *path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
/* mkdir -p, new directories with `mode`. 0 when it exists. */
int files_make_directory(const char *path, mode_t mode);
