/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "recorder/timeline.h"

#include <stdlib.h>

enum { ALLOWED, DENIED, VERDICTS };

struct timeline {
        int64_t since_us, until_us;
        unsigned n, next; /* pieces; the next to be taken, of both verdicts */
        uint64_t counts[][VERDICTS];
};

struct timeline *timeline_new(int64_t since_us, int64_t until_us, unsigned pieces)
{
        struct timeline *t = calloc(1, sizeof(*t) + pieces * sizeof(t->counts[0]));

        if (!t)
                return NULL;
        t->since_us = since_us;
        t->until_us = until_us;
        t->n = pieces;
        return t;
}

struct timeline *timeline_free(struct timeline *t)
{
        free(t);
        return NULL;
}

/* Where piece `i` begins; `i` == n: where the last one ends. */
static int64_t piece_begin(const struct timeline *t, unsigned i)
{
        return t->since_us + (int64_t)((__int128)(t->until_us - t->since_us) * i / t->n);
}

void timeline_add(struct timeline *t, int64_t time_us, enum verdict verdict, uint64_t n_connections)
{
        unsigned i;

        if (time_us < t->since_us || time_us >= t->until_us)
                return;
        i = (unsigned)((__int128)(time_us - t->since_us) * t->n / (t->until_us - t->since_us));
        t->counts[i][verdict == VERDICT_DENY ? DENIED : ALLOWED] += n_connections;
}

bool timeline_take(struct timeline *t, struct record *ret)
{
        for (; t->next < t->n * VERDICTS; t->next++) {
                const unsigned i = t->next / VERDICTS, verdict = t->next % VERDICTS;
                const struct summary summary = {
                        .verdict = verdict == DENIED ? VERDICT_DENY : VERDICT_ALLOW,
                        .reason = REASON_RULE,
                        .since_us = piece_begin(t, i),
                        .time_us = piece_begin(t, i + 1),
                        .n_connections = t->counts[i][verdict],
                };

                if (summary.n_connections == 0)
                        continue;
                t->next++;
                return record_init_summary(ret, &summary) == 0;
        }
        return false;
}
