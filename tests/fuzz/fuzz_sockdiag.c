/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A datagram from sock_diag, walked message by message as sys/sockets.c does. Whatever socket came out, the
 * requests that ask for it again or destroy it are whole messages.
 */
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/fuzz/fuzz.h"
#include "wire/sockdiag.h"

static void check_request(const uint8_t *message, size_t length)
{
        struct nlmsghdr header;

        fuzz_check(length >= sizeof(header) && length <= SOCKDIAG_MESSAGE_MAX);
        memcpy(&header, message, sizeof(header));
        fuzz_check(header.nlmsg_len == length && header.nlmsg_flags & NLM_F_REQUEST);
}

static void check_socket(const struct sockdiag_socket *s)
{
        _Alignas(struct nlmsghdr) uint8_t message[SOCKDIAG_MESSAGE_MAX];

        fuzz_check(s->family == AF_INET || s->family == AF_INET6);
        if (s->family == AF_INET)
                fuzz_check(addr_is_v4(&s->flow.local) && addr_is_v4(&s->flow.remote));
        check_request(message, sockdiag_build_get(message, &s->flow, s->family, 1));
        check_request(message, sockdiag_build_destroy(message, s, 2));
        check_request(message, sockdiag_build_dump(message, s->family, s->flow.protocol, s->has_bytes, 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *at = data;
        size_t left = size, used;

        while (left > 0) {
                struct sockdiag_socket s = {.cookie = UINT64_C(0x5a5a5a5a5a5a5a5a)};
                int r = sockdiag_parse(at, left, &s, &used);

                fuzz_check(r <= SOCKDIAG_E_DONE && r > -4096);
                if (r == 0)
                        check_socket(&s);
                else
                        fuzz_check(s.cookie == UINT64_C(0x5a5a5a5a5a5a5a5a));
                if (r == SOCKDIAG_E_MALFORMED)
                        break;
                fuzz_check(used >= sizeof(struct nlmsghdr) && used <= left);
                at += used;
                left -= used;
        }
        return 0;
}
