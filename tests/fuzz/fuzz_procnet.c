/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket tables of /proc/net, walked to their end. The walk must end, always move on, and read the same
 * again.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/procnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *at = (const char *)data;
        size_t left = size, before = size;
        struct procnet_socket s;

        while (procnet_next(&at, &left, &s)) {
                fuzz_check(left < before);
                fuzz_check(at == (const char *)data + size - left);
                fuzz_check(at[-1] == '\n');
                before = left;
        }
        fuzz_check(left == 0);
        return 0;
}
