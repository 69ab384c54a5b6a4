/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where in a JSON text a value stands: jansson gives positions for syntax errors only, but a person who wrote "port": "http" wants
 * the line too. The text has been parsed already, so it is valid; nothing here depends on that for memory safety.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One step down: the member `key`, or, where that is NULL, the element `index`. */
struct jsonpos_step {
        const char *key;
        size_t index;
};

struct jsonpos {
        size_t at, length;     /* bytes in the text; of a key with its quotes */
        unsigned line, column; /* from 1; columns count characters, as jansson does */
};

/*
 * Follows `path` from the top. True with the value's position and, where the last step is a member, its key's (else the value's again).
 * False when the path ends early: then both are the position of the last value that was reached. Either may be NULL.
 */
bool jsonpos_find(const char *text, size_t n, const struct jsonpos_step *path, size_t n_path, struct jsonpos *ret_key,
                  struct jsonpos *ret_value);
