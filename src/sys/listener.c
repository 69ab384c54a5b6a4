/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Authority is decided once, when the client connects; a user who is added to the group afterwards connects
 * again. SO_PEERCRED shows the primary group only, which is why SO_PEERGROUPS is asked too.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "sys/files.h"
#include "sys/listener.h"
#include "sys/procread.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; the headers of Debian 12 are older */
#endif

static const char *const MANAGERS = "bastion";

enum {
        GROUPS_MAX_BYTES = 65536 * sizeof(gid_t), /* NGROUPS_MAX */
        PID_TEXT_MAX = 32,
        COMM_MAX = 64,
};

static bool managers_gid(gid_t *ret)
{
        struct group *group = getgrnam(MANAGERS);

        if (!group)
                return false;
        *ret = group->gr_gid;
        return true;
}

int listener_open(const char *path, uid_t owner)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        gid_t group = 0;
        mode_t old_mask;
        int fd, r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                goto fail;
        managers_gid(&group);
        /* Closed to everybody until it belongs to whom it should. */
        old_mask = umask(0177);
        r = bind(fd, (struct sockaddr *)&address, sizeof(address));
        umask(old_mask);
        if (r < 0 || chown(path, owner, group) < 0 || chmod(path, 0660) < 0 || listen(fd, SOMAXCONN) < 0)
                goto fail;
        return fd;
fail:
        r = -errno;
        close(fd);
        return r;
}

int listener_accept(int fd)
{
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        return client < 0 ? -errno : client;
}

static bool in_group(int fd, gid_t wanted)
{
        socklen_t n = GROUPS_MAX_BYTES;
        _cleanup_(freep) gid_t *groups = malloc(n);

        if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
                return false;
        for (size_t i = 0; i < n / sizeof(*groups); i++)
                if (groups[i] == wanted)
                        return true;
        return false;
}

static enum authority standing_of(int fd, const struct ucred *credentials, uid_t owner)
{
        gid_t group;

        if (credentials->uid == 0 || credentials->uid == owner)
                return AUTHORITY_ROOT;
        return managers_gid(&group) && (credentials->gid == group || in_group(fd, group)) ? AUTHORITY_GROUP : AUTHORITY_NONE;
}

/* It is not there any more. A kernel that knows no pidfd of a peer (before 6.5) leaves the moment between connect() and now. */
static bool peer_has_exited(int fd)
{
        struct pollfd poll_fd = { .events = POLLIN };
        socklen_t n = sizeof(poll_fd.fd);
        bool exited;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &poll_fd.fd, &n) < 0)
                return errno != ENOPROTOOPT;
        exited = poll(&poll_fd, 1, 0) != 0;
        close(poll_fd.fd);
        return exited;
}

int peer_identify(int fd, uid_t owner, struct peer *ret)
{
        struct ucred credentials;
        socklen_t n = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n) < 0)
                return -errno;
        *ret = (struct peer){ .pid = credentials.pid, .uid = credentials.uid, .authority = standing_of(fd, &credentials, owner) };
        /* Read first, then asked whether it was there all the time: so it is no later process of the same pid. */
        ret->has_start = procread_start_ticks((uint32_t)credentials.pid, &ret->start_ticks) && !peer_has_exited(fd);
        return 0;
}

bool peer_is_alive(const struct peer *peer)
{
        uint64_t start;

        return peer->has_start && procread_start_ticks((uint32_t)peer->pid, &start) && start == peer->start_ticks;
}

/* For people and for lock_signal(); the lock itself is what counts. */
static int write_pid(int fd)
{
        char text[16];
        int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

        if (ftruncate(fd, 0) < 0)
                return -errno;
        return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -EIO;
}

int lock_acquire(const char *path)
{
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                close(fd);
                return r;
        }
        r = write_pid(fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

/* The process is held by a pidfd before its name is looked at, so that a pid that was given to another process is not signalled. */
static int signal_if_named(pid_t pid, const char *name, int signal)
{
        _cleanup_(freep) char *comm = NULL;
        int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;
        char path[64];
        size_t n;

        if (fd < 0)
                return errno == EINVAL ? -ESRCH : -errno;
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        r = files_read_virtual(path, COMM_MAX, &comm, &n);
        if (r == 0 && (strncmp(comm, name, strlen(name)) != 0 || comm[strlen(name)] != '\n'))
                r = -ESRCH;
        if (r == 0 && syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0)
                r = -errno;
        close(fd);
        return r == -ENOENT ? -ESRCH : r;
}

int lock_signal(const char *path, const char *name, int signal)
{
        _cleanup_(freep) char *text = NULL;
        uint64_t pid;
        size_t n;
        int r;

        r = files_read(path, PID_TEXT_MAX, &text, &n);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        text[strcspn(text, "\n")] = '\0';
        if (!str_parse_u64(text, INT32_MAX, &pid) || pid == 0)
                return -ESRCH;
        return signal_if_named((pid_t)pid, name, signal);
}
