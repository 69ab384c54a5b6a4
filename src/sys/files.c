/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The temporary file's name is fixed (".<name>.new"), so that an interrupted save leaves at most one
 * leftover, which the next save takes over; O_NOFOLLOW and a mode of 0600 until it is complete keep others out.
 *
 * A rename cannot be told which file it may replace. So a known version is not replaced but exchanged (RENAME_EXCHANGE), and what came out is
 * looked at: is it not the known one, it is put back. Whoever replaces the file while it is away wins too: what an exchange brings out that was
 * not put in by the one before is newer than what was put in, and goes back in turn. The one loss left is a crash between exchange and putting
 * back: what somebody else had written that very moment is then the leftover. An editor that writes into the open file, rather than
 * replacing it, after the exchange writes into what has no name any more: no renaming can see that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "sys/files.h"

enum { PUT_BACK_MAX = 64 }; /* exchanges, should others replace the file without a pause */

static void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static int read_all(int fd, size_t max, bool cut, char **ret, size_t *ret_n)
{
        _cleanup_(freep) char *data = NULL;
        size_t n = 0, size = 4096;

        data = malloc(size + 1);
        if (!data)
                return -ENOMEM;
        for (;;) {
                ssize_t got;

                if (n == size) {
                        char *more;

                        size *= 2;
                        more = realloc(data, size + 1);
                        if (!more)
                                return -ENOMEM;
                        data = more;
                }
                got = read(fd, data + n, size - n);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                n += (size_t)got;
                if (n > max) {
                        if (!cut)
                                return -EFBIG;
                        n = max;
                        break;
                }
        }
        data[n] = '\0';
        *ret = TAKE_PTR(data);
        *ret_n = n;
        return 0;
}

int files_read(const char *path, size_t max, char **ret, size_t *ret_n)
{
        return files_read_at(AT_FDCWD, path, max, ret, ret_n);
}

static bool is_roots(const struct stat *st)
{
        return st->st_uid == 0 && !(st->st_mode & S_IWOTH) && (st->st_gid == 0 || !(st->st_mode & S_IWGRP));
}

/* An fd, or negative errno. */
static int open_regular(int directory, const char *name, bool roots, size_t max, struct stat *ret)
{
        _cleanup_(closep) int fd = -1;
        int found;

        /* O_NONBLOCK: a FIFO put in the file's place must not stop us before fstat() sees it. */
        fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret) < 0)
                return -errno;
        if (!S_ISREG(ret->st_mode))
                return -EINVAL;
        if (roots && !is_roots(ret))
                return -EPERM;
        if ((uint64_t)ret->st_size > max)
                return -EFBIG;
        found = fd;
        fd = -1;
        return found;
}

static int read_regular(int directory, const char *name, bool roots, size_t max, char **ret, size_t *ret_n)
{
        struct stat st;
        _cleanup_(closep) int fd = open_regular(directory, name, roots, max, &st);

        return fd < 0 ? fd : read_all(fd, max, false, ret, ret_n);
}

int files_read_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n)
{
        return read_regular(directory, name, false, max, ret, ret_n);
}

int files_read_roots_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n)
{
        return read_regular(directory, name, true, max, ret, ret_n);
}

int files_open_roots_directory(const char *path)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;
        int found;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!is_roots(&st))
                return -EPERM;
        found = fd;
        fd = -1;
        return found;
}

int files_read_virtual(const char *path, size_t max, char **ret, size_t *ret_n)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return read_all(fd, max, true, ret, ret_n);
}

static int write_all(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t done = write(fd, data, n);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return -errno;
                data += done;
                n -= (size_t)done;
        }
        return 0;
}

/* Opens the directory of `path` and splits off the last component. */
static int open_parent(const char *path, const char **ret_name, int *ret_fd)
{
        char directory[PATH_MAX];
        const char *name = str_basename(path);
        size_t n = (size_t)(name - path);
        int fd;

        if (n >= sizeof(directory) || !*name)
                return -EINVAL;
        memcpy(directory, path, n);
        directory[n] = '\0';
        fd = open(n ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_name = name;
        *ret_fd = fd;
        return 0;
}

/* The name of the temporary file, and no file of it. */
static int clear_temporary(int parent, const char *name, char ret[NAME_MAX + 1])
{
        struct stat st;

        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
                return S_ISLNK(st.st_mode) ? -ELOOP : -EINVAL;
        if (snprintf(ret, NAME_MAX + 1, ".%s.new", name) > NAME_MAX)
                return -ENAMETOOLONG;
        return unlinkat(parent, ret, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static struct file_stamp stamp_of(const struct stat *st)
{
        return (struct file_stamp){
                .exists = true,
                .inode = st->st_ino,
                .size = st->st_size,
                .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        };
}

int files_open_roots(const char *path, size_t max, struct file_stamp *ret)
{
        struct stat st;
        int fd = open_regular(AT_FDCWD, path, true, max, &st);

        if (fd >= 0)
                *ret = stamp_of(&st);
        return fd;
}

static struct file_stamp stamp_at(int parent, const char *name)
{
        struct stat st;

        return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? stamp_of(&st) : (struct file_stamp){ 0 };
}

struct file_stamp files_stamp(const char *path)
{
        return stamp_at(AT_FDCWD, path);
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
        return a->exists == b->exists && (!a->exists || (a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns));
}

/* The complete text in a file of its own, on disk; *ret is what it is known by. */
static int write_temporary(int parent, const char *temporary, const void *data, size_t n, mode_t mode, struct file_stamp *ret)
{
        _cleanup_(closep) int fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, data, n);
        if (r < 0)
                return r;
        if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0)
                return -errno;
        *ret = stamp_of(&st);
        return 0;
}

/* What came out of the exchange is not what was known: it goes back. Ends when the temporary name holds what was put in the time before, so that
 * nothing came between. What cannot be put back is not unlinked. */
static int put_back(int parent, const char *temporary, const char *name, struct file_stamp put)
{
        for (unsigned i = 0; i < PUT_BACK_MAX; i++) {
                struct file_stamp next = stamp_at(parent, temporary), out;

                if (renameat2(parent, temporary, parent, name, RENAME_EXCHANGE) < 0)
                        break;
                out = stamp_at(parent, temporary);
                if (file_stamp_equal(&out, &put))
                        return unlinkat(parent, temporary, 0) < 0 ? -errno : -ESTALE;
                put = next;
        }
        /* Somebody took the file away meanwhile, or there is no end of it. */
        return renameat(parent, temporary, parent, name) < 0 ? -errno : -ESTALE;
}

/* `known` NULL: whatever lies there is replaced. */
static int rename_over(int parent, const char *temporary, const char *name, const struct file_stamp *known)
{
        struct file_stamp now = known ? stamp_at(parent, name) : (struct file_stamp){ 0 };
        int r = 0;

        if (known && !file_stamp_equal(&now, known))
                r = -ESTALE;
        else if (renameat(parent, temporary, parent, name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(parent, temporary, 0);
        return r;
}

static int rename_known(int parent, const char *temporary, const char *name, const struct file_stamp *known, const struct file_stamp *written)
{
        struct file_stamp out;
        int r;

        if (renameat2(parent, temporary, parent, name, known->exists ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0) {
                r = -errno;
                if (r == -EINVAL || r == -ENOSYS) /* a file system that cannot: looks first, and trusts to luck for a moment */
                        return rename_over(parent, temporary, name, known);
                unlinkat(parent, temporary, 0);
                return r == (known->exists ? -ENOENT : -EEXIST) ? -ESTALE : r;
        }
        if (!known->exists)
                return 0;
        out = stamp_at(parent, temporary);
        if (!file_stamp_equal(&out, known))
                return put_back(parent, temporary, name, *written);
        /* The old version. Should it stay, the next save takes it over. */
        unlinkat(parent, temporary, 0);
        return 0;
}

/* `known` NULL: whatever lies there is replaced. */
static int replace(const char *path, const struct file_stamp *known, const void *data, size_t n, mode_t mode, struct file_stamp *ret)
{
        _cleanup_(closep) int parent = -1;
        const char *name = NULL;
        char temporary[NAME_MAX + 1];
        struct file_stamp written;
        int r;

        r = open_parent(path, &name, &parent);
        if (r < 0)
                return r;
        r = clear_temporary(parent, name, temporary);
        if (r < 0)
                return r;
        r = write_temporary(parent, temporary, data, n, mode, &written);
        if (r < 0) {
                unlinkat(parent, temporary, 0);
                return r;
        }
        r = known ? rename_known(parent, temporary, name, known, &written) : rename_over(parent, temporary, name, NULL);
        if (fsync(parent) < 0 && r >= 0)
                r = -errno;
        if (r >= 0)
                *ret = written;
        return r;
}

int files_replace(const char *path, const void *data, size_t n, mode_t mode)
{
        struct file_stamp ignored;

        return replace(path, NULL, data, n, mode, &ignored);
}

int files_replace_known(const char *path, const struct file_stamp *known, const void *data, size_t n, mode_t mode, struct file_stamp *ret)
{
        return replace(path, known, data, n, mode, ret);
}

/* A new file's name comes to disk too. */
static int sync_parent(const char *path)
{
        _cleanup_(closep) int parent = -1;
        const char *name;
        int r = open_parent(path, &name, &parent);

        if (r < 0)
                return r;
        return fsync(parent) < 0 ? -errno : 0;
}

int files_append(const char *path, const void *data, size_t n, mode_t mode)
{
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        r = write_all(fd, data, n);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0 && ftruncate(fd, st.st_size) < 0)
                return -errno; /* half of it stays: whoever reads the file has to know what a whole entry is */
        if (r == 0 && st.st_size == 0)
                r = sync_parent(path);
        return r;
}

int files_make_directory(const char *path, mode_t mode)
{
        char partial[PATH_MAX];
        size_t n = strlen(path);
        struct stat st;

        if (n == 0 || n >= sizeof(partial))
                return -EINVAL;
        memcpy(partial, path, n + 1);
        for (size_t i = 1; i <= n; i++) {
                if (partial[i] != '/' && partial[i] != '\0')
                        continue;
                partial[i] = '\0';
                if (mkdir(partial, mode) < 0 && errno != EEXIST)
                        return -errno;
                partial[i] = i < n ? '/' : '\0';
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
