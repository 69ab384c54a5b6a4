/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Every question about one process goes through a descriptor of its /proc directory: such a descriptor never becomes
 * another process's when the pid is used again, it only starts to fail. Files are compared by statx() without synchronisation, so
 * that a dead network server does not stop the loop.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boottime.h"
#include "base/str.h"
#include "sys/procread.h"
#include "wire/procfs.h"

enum {
        PROCREAD_SMALL = 1024,  /* stat */
        PROCREAD_FILE = 8192,   /* status, cgroup */
        PROCREAD_LINK = 64,     /* "socket:[18446744073709551615]" */
        PROCREAD_WALKS = 2,
        PID_MAX = 1 << 22,
};

static void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static int open_process(uint32_t pid)
{
        char path[32];

        snprintf(path, sizeof(path), "/proc/%u", pid);
        return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Reads at most `size` bytes of a file of the process; how many, 0 also when it is gone. */
static size_t read_file(int process_fd, const char *name, char *ret, size_t size)
{
        _cleanup_(closep) int fd = openat(process_fd, name, O_RDONLY | O_CLOEXEC);
        size_t n = 0;
        ssize_t r;

        if (fd < 0)
                return 0;
        while (n < size) {
                r = read(fd, ret + n, size - n);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        break;
                n += (size_t)r;
        }
        return n;
}

static bool read_stat(int process_fd, struct procfs_stat *ret)
{
        char text[PROCREAD_SMALL];
        size_t n = read_file(process_fd, "stat", text, sizeof(text));

        return n > 0 && procfs_parse_stat(text, n, ret) == 0;
}

/* Same device and inode, as both are seen from here. */
static bool same_file(int a_dir, const char *a, const char *b)
{
        const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
        struct statx x, y;

        if (statx(a_dir, a, flags, STATX_INO, &x) < 0 || statx(AT_FDCWD, b, flags, STATX_INO, &y) < 0)
                return false;
        return x.stx_ino == y.stx_ino && x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
}

/* The text of /proc/PID/exe in `ret` (PATH_MAX + NUL); false where there is none: a kernel thread, a zombie, or gone. */
static bool read_exe(int process_fd, char ret[LIMIT_PATH + 1])
{
        ssize_t n = readlinkat(process_fd, "exe", ret, LIMIT_PATH);

        if (n <= 0 || n == LIMIT_PATH)
                return false;
        ret[n] = '\0';
        return true;
}

/* Splits " (deleted)" off where the kernel wrote it, and tells what the path is worth. */
static void judge_path(int process_fd, char *path, bool *ret_deleted, bool *ret_foreign)
{
        bool here = path[0] == '/' && same_file(process_fd, "exe", path);
        size_t n;

        *ret_deleted = !here && procfs_exe_is_deleted(path, strlen(path), &n);
        *ret_foreign = !here && !*ret_deleted;
        if (*ret_deleted)
                path[n] = '\0';
}

static int read_arguments(int process_fd, struct subject *s)
{
        char text[LIMIT_ARGS + 1];
        size_t n = read_file(process_fd, "cmdline", text, sizeof(text));

        if (n == 0)
                return 0;
        s->arguments_cut = n > LIMIT_ARGS;
        n = MIN(n, (size_t)LIMIT_ARGS);
        if (text[n - 1] != '\0') {
                n = MIN(n, (size_t)LIMIT_ARGS - 1);
                text[n++] = '\0';
        }
        s->arguments = malloc(n);
        if (!s->arguments)
                return -ENOMEM;
        memcpy(s->arguments, text, n);
        s->n_arguments = n;
        return 0;
}

static int read_cgroup(int process_fd, struct subject *s)
{
        char text[PROCREAD_FILE];
        const char *path;
        size_t n = read_file(process_fd, "cgroup", text, sizeof(text)), path_n;

        if (n == 0 || procfs_parse_cgroup(text, n, &path, &path_n) != 0 || path_n > LIMIT_CGROUP)
                return 0;
        s->cgroup = strndup(path, path_n);
        return s->cgroup ? 0 : -ENOMEM;
}

static void read_ids(int process_fd, struct subject *s)
{
        char text[PROCREAD_FILE];
        size_t n = read_file(process_fd, "status", text, sizeof(text));

        if (n > 0 && procfs_parse_status_ids(text, n, &s->uid, &s->gid) == 0)
                return;
        s->uid = s->gid = UINT32_MAX; /* nobody's: never mistaken for root */
}

/* The number of a parent that has exited is used again, but then its child's entry names another parent. A child that is gone cannot say. */
static bool is_child_of(int process_fd, uint32_t pid)
{
        struct procfs_stat stat;

        return read_stat(process_fd, &stat) && stat.parent_pid == pid;
}

/* What an ancestor runs, and where that lies if it is the host's and at most `left` bytes; without memory for the path it is not known. */
static void read_ancestor_program(int process_fd, int child_fd, size_t left, struct ancestor *ret)
{
        char path[LIMIT_PATH + 1];
        bool deleted, foreign;

        if (!read_exe(process_fd, path))
                return;
        judge_path(process_fd, path, &deleted, &foreign);
        snprintf(ret->program, sizeof(ret->program), "%.*s", (int)sizeof(ret->program) - 1, str_basename(path));
        if (!deleted && !foreign && strlen(path) <= left && is_child_of(child_fd, ret->pid))
                ret->path = strdup(path);
}

/* From `pid` upwards, the parent of whose directory is `child_fd`; calls itself at most LIMIT_ANCESTORS times. */
static void read_ancestors(int child_fd, uint32_t pid, size_t left, struct subject *s)
{
        _cleanup_(closep) int process_fd = -1;
        struct procfs_stat stat;
        struct ancestor *a;

        if (pid == 0 || s->n_ancestors == LIMIT_ANCESTORS)
                return;
        process_fd = open_process(pid);
        if (process_fd < 0 || !read_stat(process_fd, &stat))
                return;
        a = &s->ancestors[s->n_ancestors++];
        *a = (struct ancestor){ .pid = pid };
        snprintf(a->name, sizeof(a->name), "%.*s", (int)sizeof(a->name) - 1, stat.comm);
        read_ancestor_program(process_fd, child_fd, left, a);
        read_ancestors(process_fd, stat.parent_pid, left - (a->path ? strlen(a->path) : 0), s);
}

struct subject *procread_subject(uint32_t pid, enum identity identity)
{
        _cleanup_(closep) int process_fd = open_process(pid);
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        bool deleted = false, foreign = false;
        char path[LIMIT_PATH + 1] = "";
        struct procfs_stat stat;

        if (process_fd < 0 || !read_stat(process_fd, &stat))
                return NULL;
        if (read_exe(process_fd, path))
                judge_path(process_fd, path, &deleted, &foreign);
        s = subject_new(SUBJECT_PROGRAM, path, stat.comm);
        if (!s)
                return NULL;
        s->identity = identity;
        s->process.pid = pid;
        s->process.start_ns = stat.start_ticks * (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
        s->path_deleted = deleted;
        s->path_foreign = foreign;
        read_ids(process_fd, s);
        if (read_arguments(process_fd, s) < 0 || read_cgroup(process_fd, s) < 0)
                return NULL;
        read_ancestors(process_fd, stat.parent_pid, LIMIT_ANCESTOR_PATHS, s);
        s->ancestors_asked = true;
        return TAKE_PTR(s);
}

static bool parse_pid(const char *name, uint32_t *ret)
{
        uint64_t pid;

        if (!str_parse_u64(name, PID_MAX, &pid) || pid == 0)
                return false;
        *ret = (uint32_t)pid;
        return true;
}

static void closedirp(DIR **d)
{
        if (*d)
                closedir(*d);
}

static void each_socket_of(int proc_fd, uint32_t pid, procread_socket_fn fn, void *userdata)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        char name[32], link[PROCREAD_LINK];
        uint64_t inode;
        ssize_t n;
        int fd;

        snprintf(name, sizeof(name), "%u/fd", pid);
        fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return;
        }
        while ((entry = readdir(dir))) {
                /* Not asked for its d_type, which is unknown where the kernel has no memory for an inode; "." and ".." are no links. */
                n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));
                if (n < 0 && errno == EACCES)
                        return; /* the permission is the process's, not the descriptor's: the next would say the same */
                if (n > 0 && procfs_parse_socket_link(link, (size_t)n, &inode))
                        fn(userdata, inode, pid);
        }
}

void procread_each_socket(procread_socket_fn fn, void *userdata)
{
        _cleanup_(closedirp) DIR *proc = opendir("/proc");
        struct dirent *entry;
        uint32_t pid;

        if (!proc)
                return;
        while ((entry = readdir(proc)))
                if (parse_pid(entry->d_name, &pid))
                        each_socket_of(dirfd(proc), pid, fn, userdata);
}

struct owners {
        uint64_t inode;
        uint32_t *pids;
        unsigned n;
};

static void collect_owner(void *userdata, uint64_t inode, uint32_t pid)
{
        struct owners *o = userdata;

        if (inode != o->inode || o->n == LIMIT_OWNERS || (o->n > 0 && o->pids[o->n - 1] == pid))
                return; /* one process's descriptors come in a row */
        o->pids[o->n++] = pid;
}

unsigned procread_socket_owners(uint64_t inode, uint32_t ret[LIMIT_OWNERS])
{
        struct owners o = { .inode = inode, .pids = ret };

        /* A walk is no snapshot. A socket that has an inode has a holder; who took it over from a process that we had not come to, and was passed
         * already, is seen by the next walk. */
        for (unsigned i = 0; i < PROCREAD_WALKS && o.n == 0; i++)
                procread_each_socket(collect_owner, &o);
        return o.n;
}

char *procread_program(uint32_t pid)
{
        char link[32], path[LIMIT_PATH + 1];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/%u/exe", pid);
        n = readlink(link, path, LIMIT_PATH);
        return n > 0 ? strndup(path, (size_t)n) : NULL;
}

bool procread_exe_is(uint32_t pid, const char *path)
{
        _cleanup_(closep) int process_fd = open_process(pid);

        return process_fd >= 0 && same_file(process_fd, "exe", path);
}

bool procread_is_parent(uint32_t pid, uint32_t child)
{
        _cleanup_(closep) int process_fd = open_process(child);

        return process_fd >= 0 && is_child_of(process_fd, pid);
}

uint32_t procread_own_mount_namespace(void)
{
        struct stat st;

        return stat("/proc/self/ns/mnt", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

bool procread_alive(uint32_t pid)
{
        _cleanup_(closep) int process_fd = open_process(pid);
        char text[PROCREAD_SMALL];
        const char *after_name;
        size_t n;

        n = process_fd >= 0 ? read_file(process_fd, "stat", text, sizeof(text)) : 0;
        after_name = n > 0 ? memrchr(text, ')', n) : NULL;
        if (!after_name || after_name + 2 >= text + n)
                return false;
        return after_name[2] != 'Z' && after_name[2] != 'X';
}

bool procread_start_ticks(uint32_t pid, uint64_t *ret)
{
        _cleanup_(closep) int process_fd = open_process(pid);
        struct procfs_stat stat;

        if (process_fd < 0 || !read_stat(process_fd, &stat))
                return false;
        *ret = stat.start_ticks;
        return true;
}
