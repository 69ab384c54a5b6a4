/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NETLINK_SOCK_DIAG for inet sockets (linux/inet_diag.h): look one up by exact tuple, dump all of a protocol and family, destroy
 * one by cookie. Pure codecs; sys/sockets.c owns the netlink socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/flow.h"

enum {
        SOCKDIAG_E_MALFORMED = 1,
        SOCKDIAG_E_OTHER = 2, /* a message of another type */
        SOCKDIAG_E_DONE = 3,  /* end of a dump */
};

enum { SOCKDIAG_MESSAGE_MAX = 256 };

/* One socket. */
struct sockdiag_socket {
        struct flow flow;  /* remote is zero for unconnected and listening sockets */
        uint8_t family;    /* AF_INET or AF_INET6 as the kernel keeps it */
        uint8_t state;     /* TCP_ESTABLISHED …, linux/tcp_states.h numbers */
        uint64_t cookie;
        uint64_t inode;    /* of the socket in sockfs: "socket:[N]" */
        uint32_t uid;
        uint32_t interface; /* bound or scope interface, 0 none */
        bool raw;           /* found by the packet's protocol alone: others may have sent it too */
        bool has_bytes;     /* it was asked for, and the kernel counts them: TCP */
        uint64_t bytes_out; /* acknowledged by the other side */
        uint64_t bytes_in;  /* received */
};

/* Each writes one request and returns its length. `protocol`: TCP, UDP, UDPLITE, RAW … `bytes`: they are wanted, which makes the reply four times
 * as long. */
size_t sockdiag_build_dump(void *ret, uint8_t family, uint8_t protocol, bool bytes, uint32_t seq);
/* Exact lookup. For UDP the kernel's lookup takes the tuple as an incoming packet would carry it: source and destination are
 * swapped here so that the caller always passes the flow as this machine sees it. */
size_t sockdiag_build_get(void *ret, const struct flow *flow, uint8_t family, uint32_t seq);
size_t sockdiag_build_destroy(void *ret, const struct sockdiag_socket *socket, uint32_t seq);

/* One message of a reply; `ret_used` as in nfqueue_parse(). An NLMSG_ERROR gives its negative errno (-ENOENT: no such socket). */
int sockdiag_parse(const void *data, size_t n, struct sockdiag_socket *ret, size_t *ret_used);
