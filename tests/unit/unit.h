/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmocka with what it wants included before it, and the few facts that most tests start from. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/flow.h"

/* A test that tries all of something tries one in `few` of it where BASTION_TEST_ROUNDS asks for less than a thousand random rounds: under valgrind
 * each line has to run, not each case. */
static inline unsigned one_in(unsigned few)
{
        const char *rounds = getenv("BASTION_TEST_ROUNDS");

        return rounds && strtoull(rounds, NULL, 0) < 1000 ? few : 1;
}

static inline struct addr address(const char *text)
{
        struct addr a;

        assert_true(addr_parse(text, &a));
        return a;
}

static inline struct flow flow_to(const char *remote, uint16_t port, uint8_t protocol)
{
        return (struct flow){
                .local = address("192.0.2.1"),
                .local_port = 40000,
                .remote = address(remote),
                .remote_port = port,
                .protocol = protocol,
        };
}
