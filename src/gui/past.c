/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/past.h"

struct past past_of(const struct subject *program, const struct record *records, size_t n)
{
        struct past past = { 0 };

        for (size_t i = 0; i < n; i++) {
                const struct record *r = &records[i];

                if (r->direction != DIRECTION_OUT || !subject_same_program(program, r->subject))
                        continue;
                *(r->verdict == VERDICT_ALLOW ? &past.n_allowed : &past.n_denied) += r->n_connections;
                past.last = r;
        }
        return past;
}
