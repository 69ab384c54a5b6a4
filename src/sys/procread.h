/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /proc as a source of identity: for the queue rung, for sockets older than the daemon, and for the checks that a kernel label needs. Every
 * read can fail at any moment because the process may be gone: that is a result, not an error.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/subject.h"

/* Describes a living process; NULL when it is gone or memory ran out. New reference. The path is the link's target, checked against the
 * file it names: path_deleted when that is gone, path_foreign when the process is in another mount namespace and the path names another file here.
 * An ancestor's path is known only where neither is so. */
struct subject *procread_subject(uint32_t pid, enum identity identity);

/* All processes that hold a socket with this inode, at most LIMIT_OWNERS pids; returns how many. Walks /proc/PID/fd, twice when there
 * seems to be nobody: O(processes × fds). */
unsigned procread_socket_owners(uint64_t inode, uint32_t ret[LIMIT_OWNERS]);

/* One walk for many sockets: calls `fn` for each (inode, pid) pair found. */
typedef void (*procread_socket_fn)(void *userdata, uint64_t inode, uint32_t pid);
void procread_each_socket(procread_socket_fn fn, void *userdata);

/* Device and inode of /proc/PID/exe equal those of `path` as seen from here. False also when either cannot be read. */
bool procread_exe_is(uint32_t pid, const char *path);
/* `pid` is the parent of process `child`. False also when that is gone. */
bool procread_is_parent(uint32_t pid, uint32_t child);
/* Inode number of our own mount namespace. */
uint32_t procread_own_mount_namespace(void);
/* What the process runs, as its link in /proc says, a path that the caller frees; NULL when it is gone. */
char *procread_program(uint32_t pid);
bool procread_alive(uint32_t pid); /* a zombie has exited and is not */
/* When the process began, in clock ticks since boot (10 ms each): tells it from a later one with the same pid. False when it is gone. */
bool procread_start_ticks(uint32_t pid, uint64_t *ret);
