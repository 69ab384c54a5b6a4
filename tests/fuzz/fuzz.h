/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a fuzz target has: one entry point, called by libFuzzer with invented bytes or by replay.c with those
 * of the corpus, and fuzz_check(), which states a property of the parser's result and cannot be compiled out.
 * The input lies in a heap block of exactly its size, so AddressSanitizer sees every read beyond it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition)                                                                                \
        do                                                                                                   \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
                        abort();                                                                             \
                }                                                                                            \
        while (0)
