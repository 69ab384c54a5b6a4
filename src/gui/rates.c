/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/rates.h"

#include "base/macros.h"

/* Two samples that far apart are no neighbours. */
enum { GAP_SECONDS = 5 };

bool rate_between(uint64_t before, uint64_t now, uint64_t ns, uint64_t *ret)
{
        if (now < before || ns == 0)
                return false;
        *ret = (uint64_t)((double)(now - before) * (double)NS_PER_SEC / (double)ns);
        return true;
}

const struct rate_sample *rates_at(const struct rates *rates, unsigned i)
{
        return &rates->samples[(rates->first + i) % RATES_SAMPLES];
}

static void drop_first(struct rates *rates)
{
        rates->first = (rates->first + 1) % RATES_SAMPLES;
        rates->n--;
}

void rates_add(struct rates *rates, struct boottime at, uint64_t in, uint64_t out)
{
        struct rate_sample sample = { .at = at };
        uint64_t ns = boottime_left(at, rates->last);

        if (rates->has_last && ns == 0)
                return; /* told twice */
        sample.gap = !rates->has_last || ns > GAP_SECONDS * NS_PER_SEC || !rate_between(rates->last_in, in, ns, &sample.in) ||
                     !rate_between(rates->last_out, out, ns, &sample.out);
        if (sample.gap)
                sample.in = sample.out = 0;
        rates->has_last = true;
        rates->last = at;
        rates->last_in = in;
        rates->last_out = out;
        while (rates->n > 0 && (rates->n == RATES_SAMPLES || boottime_left(at, rates_at(rates, 0)->at) > RATES_SECONDS * NS_PER_SEC))
                drop_first(rates);
        rates->samples[(rates->first + rates->n++) % RATES_SAMPLES] = sample;
}

uint64_t rates_peak(const struct rates *rates)
{
        uint64_t peak = 0;

        for (unsigned i = 0; i < rates->n; i++) {
                const struct rate_sample *sample = rates_at(rates, i);
                uint64_t higher = MAX(sample->in, sample->out);

                peak = MAX(peak, higher);
        }
        return peak;
}

uint64_t rates_scale(uint64_t n)
{
        static const unsigned steps[] = { 1, 2, 5 };

        for (uint64_t unit = 1000; unit < UINT64_MAX / 10; unit *= 10)
                for (unsigned i = 0; i < ARRAY_SIZE(steps); i++)
                        if (unit * steps[i] >= n)
                                return unit * steps[i];
        return n;
}
