/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The administrator's files of sentences, rules.d/NAME.rules: which names count, and the last good copy of all of them as one file. They are
 * read in bytewise order of their names; a rule with the same criteria as one of an earlier file takes its place. Bastion never writes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/macros.h"
#include "core/limits.h"
#include "wire/rulefile.h"

/* One file whose sentences were read without a mistake. */
struct dropin {
        char *name;
        char *text;
        size_t n;
        size_t n_rules; /* 0 until it was checked */
};

struct dropins {
        struct dropin *files; /* in bytewise order of name */
        size_t n;
        size_t n_bytes; /* of all texts */
};
void dropins_deinit(struct dropins *dropins);
/* Takes `name` and `text`, also on failure. It is the last in order so far, and the bounds are the caller's. 0 or -ENOMEM. */
int dropins_append(struct dropins *dropins, char *name, char *text, size_t n);
const struct dropin *dropins_find(const struct dropins *dropins, const char *name, size_t n_name);
/* The file that a rule's id names, and its line (0: it has no such line); NULL where it names none. */
const struct dropin *dropins_find_rule(const struct dropins *dropins, const char *id, unsigned *ret_line);

/* "*.rules", and none that an editor hides. What else lies in the directory is nobody's mistake. */
bool dropin_is_meant(const char *name);
/* Letters, digits and "._+@-", at most LIMIT_DROPIN_NAME of them: the name stands in rule ids, which people type. */
bool dropin_name_is_good(const char *name);

/* The names that are meant, the first LIMIT_DROPINS of them in order, whatever the order in which they come. Frees with dropin_names_deinit(). */
struct dropin_names {
        char *names[LIMIT_DROPINS];
        size_t n;
        size_t n_more; /* that are left out */
};
int dropin_names_add(struct dropin_names *names, const char *name); /* 0 or -ENOMEM */
void dropin_names_deinit(struct dropin_names *names);

/* Whether the text is free of mistakes, and how many rules it has: as rulefile_parse_dropin(). */
int dropin_check(const char *name, const char *text, size_t n, sentence_name_fn names, void *userdata, size_t *ret_rules,
                 struct file_error *ret_error);
/* The rules of a text that was checked, into `set`, in the place of earlier files' rules with the same criteria (how many: *ret_replaced).
 * RULEFILE_E_VALUE and none of them: `set` has no room for so many. -ENOMEM: the set is of no use any more. */
int dropin_add_rules(const char *name, const char *text, size_t n, size_t n_rules, sentence_name_fn names, void *userdata,
                     struct ruleset *set, size_t *ret_replaced, struct file_error *ret_error);

/* The copy: for each file a line "NAME BYTES", then so many bytes, then a newline. */
void dropins_format(const struct dropins *dropins, struct buf *out);
enum { DROPINS_E_SYNTAX = 1 };
/* 0, -ENOMEM or DROPINS_E_SYNTAX: this is no such copy, or not a whole one. */
int dropins_parse(const char *data, size_t n, struct dropins *ret);
