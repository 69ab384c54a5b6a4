/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ways of talking (talk.c) share: where to, and what is said. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct destination {
        struct sockaddr_storage address;
        socklen_t n;
        int family;
        uint16_t port;
};

extern const char *me; /* argv[0] */

/* "PATH PID\n" */
size_t greet(char *ret, size_t size);
/* The text, or one of `size` bytes that starts with it. */
int send_greeting(int fd, const struct destination *to, size_t size);
int set_port(struct destination *to, uint16_t port);

/* talk-raw.c: packets made by hand */
int talk_raw(const struct destination *to, int protocol, const char *fd);
int talk_header4(const struct destination *to, int version, int protocol, size_t n_payload);
int talk_fragments4(const struct destination *to);
int talk_headers6(const struct destination *to, int n_headers, size_t header_bytes);

/* talk-uring.c */
int talk_uring(const struct destination *to, int type);
