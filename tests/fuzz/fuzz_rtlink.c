/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A datagram from rtnetlink, walked message by message as sys/traffic.c does. */
#include <linux/netlink.h>

#include "tests/fuzz/fuzz.h"
#include "wire/rtlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *at = data;
        size_t left = size, used;

        while (left > 0) {
                struct rtlink link = { 0 };
                int r = rtlink_parse(at, left, &link, &used);

                fuzz_check(r <= RTLINK_E_DONE && r > -4096);
                fuzz_check(r == 0 ? link.index > 0 : link.index == 0);
                if (r == RTLINK_E_MALFORMED)
                        break;
                fuzz_check(used >= sizeof(struct nlmsghdr) && used <= left);
                at += used;
                left -= used;
        }
        return 0;
}
