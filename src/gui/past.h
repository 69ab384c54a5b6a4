/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program did before, by the decisions that the daemon remembers. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

struct past {
        uint64_t n_allowed, n_denied;
        const struct record *last; /* the newest of them, borrowed from the records; NULL: there is none */
};

/* `records`: oldest first, as the daemon tells them. Connections that others opened to this program are not counted. */
struct past past_of(const struct subject *program, const struct record *records, size_t n);
