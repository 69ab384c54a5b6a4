/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams to and from the parser: what is taken lies inside the datagram, and written again is the same bytes. */
#include <string.h>

#include "core/limits.h"
#include "tests/fuzz/fuzz.h"
#include "wire/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t again[PROBE_HEADER + LIMIT_PROBE_BYTES];
        struct probe probe;

        if (probe_parse(data, size, &probe) != 0)
                return 0;
        fuzz_check(probe.data >= data && probe.data + probe.n == data + size);
        fuzz_check(probe_format(&probe, again) == size);
        fuzz_check(memcmp(again, data, size) == 0);
        return 0;
}
