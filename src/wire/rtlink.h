/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NETLINK_ROUTE about interfaces (linux/rtnetlink.h, linux/if_link.h): list them, and what they have carried. Pure; sys/traffic.c owns the socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        RTLINK_E_MALFORMED = 1,
        RTLINK_E_OTHER = 2, /* a message of another type */
        RTLINK_E_DONE = 3,  /* end of a dump */
};

enum { RTLINK_MESSAGE_MAX = 64 };

/* One interface. */
struct rtlink {
        uint32_t index;
        bool is_loopback;
        uint64_t bytes_out, bytes_in; /* since it exists; 0 where it does not count */
};

/* Writes the request for all of them and returns its length. */
size_t rtlink_build_dump(void *ret, uint32_t seq);
/* One message of the reply; `ret_used` as in nfqueue_parse(). An NLMSG_ERROR gives its negative errno. */
int rtlink_parse(const void *data, size_t n, struct rtlink *ret, size_t *ret_used);
