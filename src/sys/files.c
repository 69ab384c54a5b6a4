/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The temporary file's name is fixed (".<name>.new"), so that an interrupted save leaves at most one
 * leftover, which the next save takes over; O_NOFOLLOW and a mode of 0600 until it is complete keep others out.
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

int files_read_at(int directory, const char *name, size_t max, char **ret, size_t *ret_n)
{
        _cleanup_(closep) int fd = -1;
        struct stat st;

        /* O_NONBLOCK: a FIFO put in the file's place must not stop us before fstat() sees it. */
        fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uint64_t)st.st_size > max)
                return -EFBIG;
        return read_all(fd, max, false, ret, ret_n);
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

int files_replace(const char *path, const void *data, size_t n, mode_t mode)
{
        _cleanup_(closep) int parent = -1, fd = -1;
        const char *name = NULL;
        char temporary[NAME_MAX + 1];
        struct stat st;
        int r;

        r = open_parent(path, &name, &parent);
        if (r < 0)
                return r;
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
                return S_ISLNK(st.st_mode) ? -ELOOP : -EINVAL;
        if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
                return -ENAMETOOLONG;
        if (unlinkat(parent, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, n);
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(parent, temporary, parent, name) < 0)
                r = -errno;
        if (r < 0) {
                unlinkat(parent, temporary, 0);
                return r;
        }
        return fsync(parent) < 0 ? -errno : 0;
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
