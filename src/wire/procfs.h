/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of /proc, read by sys/procread.c and taken apart here: pure functions over bytes that a program may have
 * chosen (comm, arguments) and that can be cut or vanish at any moment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

enum { PROCFS_E_MALFORMED = 1 };

struct procfs_stat {
        uint32_t pid, parent_pid;
        char comm[16];        /* between the first '(' and the last ')', which it may itself contain */
        uint64_t start_ticks; /* field 22, clock ticks since boot */
};

/* /proc/PID/stat */
int procfs_parse_stat(const char *data, size_t n, struct procfs_stat *ret);
/* "Uid:" and "Gid:" lines of /proc/PID/status: the effective ids. */
int procfs_parse_status_ids(const char *data, size_t n, uint32_t *ret_uid, uint32_t *ret_gid);
/* /proc/PID/cgroup: the path of the "0::" line, not NUL-terminated, borrowed. */
int procfs_parse_cgroup(const char *data, size_t n, const char **ret, size_t *ret_n);
/* Link text "socket:[123]" → 123. */
bool procfs_parse_socket_link(const char *text, size_t n, uint64_t *ret_inode);
/* Splits the kernel's " (deleted)" suffix off the text of /proc/PID/exe. A file may really be named so: the caller checks by stat. */
bool procfs_exe_is_deleted(const char *text, size_t n, size_t *ret_path_n);
/* /etc/resolv.conf: "nameserver" lines, at most `max`. Returns how many. */
unsigned procfs_parse_resolv_conf(const char *data, size_t n, struct addr *ret, unsigned max);
/* /proc/self/mountinfo: mount point of the first file system of type `fstype` whose root is "/"; unescapes \040 and the like into `ret`. */
bool procfs_parse_mountinfo(const char *data, size_t n, const char *fstype, char *ret, size_t ret_size);
