/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The lists name calls by what they are for, and name old and new forms of the same call side by side: which of them the
 * C library makes differs between its versions and between processors. A name that this libseccomp does not know is left out.
 *
 * execve, fork, ptrace, mount, setuid and the like are on no list: the nursery does what needs them.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>

#include <cap-ng.h>
#include <seccomp.h>

#include "base/macros.h"
#include "sys/privs.h"

int privs_keep(const unsigned *capabilities, size_t n)
{
        bool may_bound;
        uint64_t had = 0;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (capng_get_caps_process() < 0)
                return -EPERM;
        may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
        for (size_t i = 0; i < n; i++)
                had |= (uint64_t)capng_have_capability(CAPNG_PERMITTED, capabilities[i]) << i;
        capng_clear(CAPNG_SELECT_ALL);
        for (size_t i = 0; i < n; i++)
                if ((had >> i & 1) &&
                    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, capabilities[i]) < 0)
                        return -EINVAL;
        /* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it mean nothing. */
        return capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

int privs_become(uid_t uid, gid_t gid)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        capng_clear(CAPNG_SELECT_ALL);
        if (capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT) < 0)
                return -EPERM;
        return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

#ifdef BASTION_SANITIZED
/* At exit the leak checker clones and traces its own process: under sanitizers there is no filter. The ordinary build is tested with one. */
int privs_confine(_unused_ enum privs_profile profile, _unused_ enum privs_refusal refusal)
{
        return 0;
}
#else

/* What any program of the C library needs: memory, time, signals, locks, an end. */
static const char *const CALLS_BASE[] = {
        "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "futex", "futex_time64", "futex_waitv", "rseq", "set_robust_list",
        "get_robust_list", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall", "exit",
        "exit_group", "tgkill", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "clock_gettime", "clock_gettime64",
        "clock_getres", "clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "getrandom",
        "sched_yield", "sched_getaffinity", "getrusage", "prlimit64", "getrlimit", "ugetrlimit", "uname", "sysinfo", "membarrier",
};

/* Descriptors and files. */
static const char *const CALLS_FILES[] = {
        "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek", "_llseek", "close", "close_range", "dup", "dup2",
        "dup3", "fcntl", "fcntl64", "open", "openat", "openat2", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64",
        "newfstatat", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
        "getdents", "getdents64", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "fsync", "fdatasync",
        "sync_file_range", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64", "chmod", "fchmod", "fchmodat", "fchmodat2",
        "chown", "fchown", "fchownat", "lchown", "umask", "flock", "ioctl", "utimensat", "utimensat_time64",
};

/* A socket that is there already. */
static const char *const CALLS_CONNECTED[] = {
        "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "shutdown", "socketcall",
};

/* The daemon's loop, its clients, netlink, name services, BPF, and the end of the nursery. */
static const char *const CALLS_DAEMON[] = {
        "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockopt", "setsockopt", "getsockname", "getpeername",
        "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64", "select",
        "pselect6", "pselect6_time64", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime",
        "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
        "pipe", "pipe2", "bpf", "perf_event_open", "prctl", "wait4", "waitid", "pidfd_open", "kill", "rt_sigtimedwait", "rt_sigtimedwait_time64",
        "rt_sigpending", "name_to_handle_at", "gettimeofday", "setitimer", "getgroups", "getresuid", "getresgid", "capget", "msync", "mlock", "munlock",
};

static int allow(scmp_filter_ctx filter, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int number = seccomp_syscall_resolve_name(names[i]), r;

                if (number == __NR_SCMP_ERROR)
                        continue;
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

static void release_filter(scmp_filter_ctx *filter)
{
        if (*filter)
                seccomp_release(*filter);
}

static int add_rules(scmp_filter_ctx filter, enum privs_profile profile)
{
        int r;

        r = allow(filter, CALLS_BASE, ARRAY_SIZE(CALLS_BASE));
        if (r >= 0)
                r = allow(filter, CALLS_FILES, ARRAY_SIZE(CALLS_FILES));
        if (r >= 0)
                r = allow(filter, CALLS_CONNECTED, ARRAY_SIZE(CALLS_CONNECTED));
        if (r >= 0 && profile == PRIVS_DAEMON)
                r = allow(filter, CALLS_DAEMON, ARRAY_SIZE(CALLS_DAEMON));
        return r;
}

int privs_confine(enum privs_profile profile, enum privs_refusal refusal)
{
        _cleanup_(release_filter) scmp_filter_ctx filter =
                seccomp_init(refusal == PRIVS_DIE ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
        int r;

        if (!filter)
                return -ENOMEM;
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (r >= 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
        if (r >= 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: fewer steps a call */
        if (r >= 0)
                r = add_rules(filter, profile);
        return r < 0 ? r : seccomp_load(filter);
}
#endif

int privs_find_helper_user(uid_t *ret_uid, gid_t *ret_gid, bool *ret_fallback)
{
        const struct passwd *user = getpwnam("bastion");

        *ret_fallback = !user;
        if (!user)
                user = getpwnam("nobody");
        if (!user)
                return -ENOENT;
        *ret_uid = user->pw_uid;
        *ret_gid = user->pw_gid;
        return 0;
}
