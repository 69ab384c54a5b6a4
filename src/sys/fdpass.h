/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A datagram and, with it, at most one file descriptor (unix(7), SCM_RIGHTS). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Sends `n` bytes and `fd` (-1: none). 0 or a negative errno; -EAGAIN with MSG_DONTWAIT in `flags`. */
int fdpass_send(int socket, const void *data, size_t n, int fd, int flags);
/* Receives one datagram: its length (0: the other side has gone), or a negative errno; -EMSGSIZE when it is longer than `size`. *ret_fd is
 * the caller's, close-on-exec, or -1. */
ssize_t fdpass_receive(int socket, void *data, size_t size, int *ret_fd, int flags);
