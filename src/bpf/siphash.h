/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of a sequence of 64-bit words: a keyed hash whose values cannot be steered by who does not know the key.
 * Begin, put in each word, end. The caller's words must tell how many they are; the original's byte count is the last of them. Compiled
 * for the kernel and, for its test vectors, for user space (tests/unit/test-siphash.c).
 */
#ifndef BASTION_SIPHASH_H
#define BASTION_SIPHASH_H

#include "abi.h"

struct siphash {
        abi_u64 v0, v1, v2, v3;
};

#define SIPHASH_ROTATE(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

static inline __attribute__((always_inline)) void siphash_round(struct siphash *h)
{
        h->v0 += h->v1;
        h->v1 = SIPHASH_ROTATE(h->v1, 13) ^ h->v0;
        h->v0 = SIPHASH_ROTATE(h->v0, 32);
        h->v2 += h->v3;
        h->v3 = SIPHASH_ROTATE(h->v3, 16) ^ h->v2;
        h->v0 += h->v3;
        h->v3 = SIPHASH_ROTATE(h->v3, 21) ^ h->v0;
        h->v2 += h->v1;
        h->v1 = SIPHASH_ROTATE(h->v1, 17) ^ h->v2;
        h->v2 = SIPHASH_ROTATE(h->v2, 32);
}

static inline __attribute__((always_inline)) void siphash_begin(struct siphash *h, const abi_u64 key[2])
{
        h->v0 = key[0] ^ 0x736f6d6570736575ull;
        h->v1 = key[1] ^ 0x646f72616e646f6dull;
        h->v2 = key[0] ^ 0x6c7967656e657261ull;
        h->v3 = key[1] ^ 0x7465646279746573ull;
}

static inline __attribute__((always_inline)) void siphash_word(struct siphash *h, abi_u64 word)
{
        h->v3 ^= word;
        siphash_round(h);
        siphash_round(h);
        h->v0 ^= word;
}

static inline __attribute__((always_inline)) abi_u64 siphash_end(struct siphash *h)
{
        h->v2 ^= 0xff;
        siphash_round(h);
        siphash_round(h);
        siphash_round(h);
        siphash_round(h);
        return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

#endif
