/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion test`: a file of expectations (wire/expect.h) held to rules and a configuration. Pure. The rules are judged as
 * enforcement judges them, whatever the mode: in learning everything is allowed, and there would be nothing to test. An expectation
 *
 *      allow   holds where a rule allows, or nobody is asked and the default allows
 *      deny    holds for what a rule denies, and for what would be denied if nobody answered (default_action)
 *      ask     holds for what would raise a question
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/decision.h"
#include "wire/expect.h"

struct expectations {
        const char *file; /* its name, for messages */
        const struct ruleset *rules;
        const struct hostsets *lists; /* that the rules speak of, or NULL */
        struct config config;
        sentence_name_fn names; /* or NULL */
        bool json;              /* an object for each expectation, else words for each that fails */
};

struct expectations_result {
        unsigned n, n_failed;
        unsigned n_wrong; /* lines that are no expectation */
};

/* Goes through all lines. What is wrong is told in `out`, whose error the caller checks. 0 or -ENOMEM. */
int expectations_run(const struct expectations *e, const char *text, size_t n, struct buf *out,
                     struct expectations_result *ret);
