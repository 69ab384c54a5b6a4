/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's table of sockets in this network namespace, over NETLINK_SOCK_DIAG (wire/sockdiag.h). */
#pragma once

#include <stdint.h>

#include "core/flow.h"
#include "wire/sockdiag.h"

struct sockets;

int sockets_open(struct sockets **ret);
struct sockets *sockets_close(struct sockets *s);
DEFINE_FREEP(struct sockets, sockets_close)

/* The socket of this very flow: TCP by exact tuple; UDP and UDP-Lite connected first, then bound to the local address and port, then to the port
 * on any address. 0, -ENOENT, or another negative errno. Blocks only for the kernel's answer. */
int sockets_find(struct sockets *s, const struct flow *flow, struct sockdiag_socket *ret);
/* Several sockets may share the tuple (SO_REUSEPORT, fork): all of them, at most `max`; returns how many or a negative errno. Protocols that socket
 * diagnosis does not know (ICMP, raw) are looked up in /proc/net; those have no cookie (0), and one whose owner has closed it is not there. */
int sockets_find_all(struct sockets *s, const struct flow *flow, struct sockdiag_socket *ret, unsigned max);

typedef void (*sockets_fn)(void *userdata, const struct sockdiag_socket *socket);
/* Every socket of one protocol, both families; with what they have carried where `bytes`. */
int sockets_each(struct sockets *s, uint8_t protocol, bool bytes, sockets_fn fn, void *userdata);
/* SOCK_DESTROY by cookie. -ENOENT: gone already. */
int sockets_destroy(struct sockets *s, const struct sockdiag_socket *socket);
