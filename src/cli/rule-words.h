/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the words of a command line to the sentence of a rule (wire/sentence.h): quoting, and names of users
 * and groups. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/sentence.h"

/* Joined by blanks. One word alone is the whole sentence as it is; of several, those that a shell's quotes
 * kept together get quotes again. */
void rule_words_join(struct buf *out, char *const *words, size_t n);

/* Number of the user or group called `name`; false when there is none. */
typedef bool (*rule_words_lookup_fn)(bool group, const char *name, uint32_t *ret);

/* Puts numbers where the sentence has names after `user` and `group`, and UTC where it has local time after
 * `until`, then parses it: results as sentence_parse(); the error's place is in `sentence` as it then is. */
int rule_words_resolve(struct buf *sentence, rule_words_lookup_fn lookup, struct rule **ret,
                       struct sentence_error *ret_error);

/* The sentence, "^^^^" under the place, and what was expected: three lines. */
void rule_words_show_error(struct buf *out, const char *sentence, const struct sentence_error *error);
