/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection in the words of a sentence, for those who ask what would happen to it, and a line of a test:
 *
 *      SUBJECT to ADDRESS [to HOST] [to SCOPES] [port N] [tcp|udp|…|protocol N] [user UID] [group GID] [argument WORD or WORD…]
 *              [parent PATH] [ancestor PATH] [unit NAME] [cgroup PATH] [interface NAME]
 *      expect allow|deny|ask SUBJECT to ADDRESS …
 *
 * The words are those of wire/sentence.h and are read by its parser; a connection has one address and one port, and a protocol (tcp
 * where there is a port and nothing else is said). Scopes are kinds that the destination has on top of what its address says:
 * `to resolver`, `to broadcast`. What is not said is not known, and rules about it do not match.
 */
#pragma once

#include <stddef.h>

#include "core/decision.h"
#include "wire/sentence.h"

struct supposed {
        struct subject *subject;
        struct flow flow;
        unsigned scopes; /* besides what addr_scopes() says of flow.remote */
        char *host, *interface; /* or NULL */
};
void supposed_deinit(struct supposed *s);

/* 0, -ENOMEM, or 1 with *ret_error. `names` may be NULL (sentence.h). */
int supposed_parse(const char *text, size_t n, sentence_name_fn names, void *userdata, struct supposed *ret,
                   struct sentence_error *ret_error);

/* The words again; users and groups as numbers. */
void supposed_format(const struct supposed *s, struct buf *out);

struct expectation {
        enum verdict verdict;
        struct supposed supposed;
};

enum { EXPECT_E_SYNTAX = 1, EXPECT_E_NOTHING = 2 };

/* One line without its newline. 0, -ENOMEM, EXPECT_E_SYNTAX with *ret_error, EXPECT_E_NOTHING for a blank line or a comment (#). */
int expect_parse(const char *line, size_t n, sentence_name_fn names, void *userdata, struct expectation *ret,
                 struct sentence_error *ret_error);
