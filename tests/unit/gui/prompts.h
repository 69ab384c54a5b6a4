/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions for tests: curl to 93.184.216.34:443, and what a test changes of it. */
#pragma once

#include "unit.h"

#include "wire/message.h"

static inline struct prompt prompt_of(const char *path, const char *host, const char *domain)
{
        struct prompt p = { .flow = flow_to("93.184.216.34", 443, 6), .reason = REASON_NO_RULE, .n_connections = 1, .left_ms = 30000 };
        struct hosts one = hosts_one(host, HOST_SOURCE_DNS);

        p.subject = subject_new(SUBJECT_PROGRAM, path, "comm");
        assert_non_null(p.subject);
        p.subject->process.pid = 4711;
        assert_int_equal(hosts_copy(&p.hosts, &one), 0);
        p.domain = domain ? strdup(domain) : NULL;
        return p;
}
