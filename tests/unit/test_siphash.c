/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel programs' hash against the test vectors that its authors published: key 00 01 … 0f, input 00 01 02 …. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "bpf/siphash.h"

static abi_u64 hash(const abi_u64 *words, size_t n)
{
        static const abi_u64 KEY[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
        struct siphash h;

        siphash_begin(&h, KEY);
        for (size_t i = 0; i < n; i++)
                siphash_word(&h, words[i]);
        return siphash_end(&h);
}

static void test_published_vectors(void **state)
{
        (void)state;
        assert_true(hash((const abi_u64[]){ 0 }, 1) == UINT64_C(0x726fdb47dd0e0e31));
        assert_true(hash((const abi_u64[]){ UINT64_C(0x0706050403020100), UINT64_C(8) << 56 }, 2) == UINT64_C(0x93f5f5799a932462));
        assert_true(hash((const abi_u64[]){ UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) }, 2) == UINT64_C(0xa129ca6149be45e5));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_published_vectors) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
