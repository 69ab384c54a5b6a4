/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket tables of /proc/net (icmp, icmp6, raw, raw6): what the queue rung asks for protocols of which the kernel's socket diagnosis
 * knows nothing. One line a socket, written by the kernel; addresses are words of the machine's byte order in hexadecimal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct procnet_socket {
        struct addr local, remote; /* zero where unbound, unconnected */
        uint16_t local_port;       /* ping sockets: the echo id; raw sockets: the protocol's number */
        uint32_t uid;
        uint32_t unsent; /* bytes of its packets that have not left the machine, what waits in a queue included */
        uint64_t inode;
};

/* Reads the next socket of the text at *at and moves on; lines that are none (the heading, a cut end) are passed over. False at the end. */
bool procnet_next(const char **at, size_t *left, struct procnet_socket *ret);
