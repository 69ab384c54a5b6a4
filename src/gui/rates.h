/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes so far → bytes a second, and the last minutes of that. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/boottime.h"

enum { RATES_SECONDS = 300, RATES_SAMPLES = 320 };

/* Bytes a second between two moments; false where that cannot be told: less than before, or no time between. */
bool rate_between(uint64_t before, uint64_t now, uint64_t ns, uint64_t *ret);

struct rate_sample {
        struct boottime at;
        uint64_t in, out; /* bytes a second since the sample before */
        bool gap;         /* there is none before that it could be compared with */
};

/* A ring of the newest. Zeroed memory is one without samples. */
struct rates {
        struct rate_sample samples[RATES_SAMPLES];
        unsigned n, first;
        bool has_last;
        struct boottime last;
        uint64_t last_in, last_out;
};

/* `in`, `out`: bytes so far. What is older than RATES_SECONDS goes. */
void rates_add(struct rates *rates, struct boottime at, uint64_t in, uint64_t out);
const struct rate_sample *rates_at(const struct rates *rates, unsigned i); /* 0: the oldest */
/* The highest rate of all, in and out. */
uint64_t rates_peak(const struct rates *rates);
/* The least of 1, 2, 5 × 10^k that is not below `n`, and not below 1000: the top of a scale. */
uint64_t rates_scale(uint64_t n);
