/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of the kernel programs' rings begin with the ABI's number, which grows with every change. In the corpora 0 stands for the present one, so
 * that old inputs do not all become records of another ABI.
 */
#pragma once

#include <string.h>

#include "bpf/abi.h"
#include "tests/fuzz/fuzz.h"

/* A copy for the caller to free, in a block of exactly its size. */
static inline uint8_t *ring_record(const uint8_t *data, size_t size)
{
        static const uint32_t present = BASTION_ABI;
        uint8_t *copy = malloc(size ? size : 1);
        uint32_t abi;

        fuzz_check(copy);
        memcpy(copy, data, size);
        if (size < sizeof(abi))
                return copy;
        memcpy(&abi, copy, sizeof(abi));
        if (abi == 0)
                memcpy(copy, &present, sizeof(present));
        return copy;
}
