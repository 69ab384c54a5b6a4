/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.json ⇄ rules (interface.md, "rules.json"): flat entries "<subject>:<port>": bool, and one more key "rules" beside
 * "version": 2 for what the flat form cannot say. Unknown keys are preserved; a file that does not parse changes nothing.
 * Also factory.rules and the administrator's drop-ins (dropins.h): sentences, one a line, '#' comments.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "core/ruleset.h"
#include "wire/sentence.h"

/* Where and why an input file is refused, for a person. */
struct file_error {
        unsigned line, column; /* from 1; 0 unknown */
        char text[512];        /* what is wrong and what was expected; no file name */
};

enum {
        RULEFILE_E_SYNTAX = 1, /* not JSON, or not an object */
        RULEFILE_E_VALUE = 2,  /* a key or value that is no rule: error says which */
};

/* What a file holds beyond its rules, to be written back: keys that this version does not know, as JSON text. NULL when none. And what became of
 * rules with a lifetime: those that had ended are not in the set, others have begun (rule_begin()) and the file does not know. */
struct rulefile_rest {
        char *json;
        size_t n_ended, n_begun;
};
void rulefile_rest_deinit(struct rulefile_rest *rest);
/* Calls `each` for every key that no version knows (`applications` and `services` are old ones). 0 or -ENOMEM. */
int rulefile_rest_keys(const struct rulefile_rest *rest, void (*each)(void *userdata, const char *key), void *userdata);

/* Adds the file's rules to `set`, which the caller throws away on failure. Rules with a lifetime go on by the clocks; NULL: all are taken as they
 * stand, which is good for no decision. 0, -ENOMEM, or RULEFILE_E_… with *ret_error. */
int rulefile_parse(const char *data, size_t n, const struct clocks *now, struct ruleset *set, struct rulefile_rest *ret_rest,
                   struct file_error *ret_error);
/* The whole file: flat entries sorted by key (with `applications` and `services` kept), then version and rules. FACTORY and SESSION rules are
 * not written. Pretty-printed, one entry a line, newline at the end. */
int rulefile_format(const struct ruleset *set, const struct rulefile_rest *rest, struct buf *out);

/* factory.rules and the like: one sentence a line; "factory:<name>: sentence" gives the id. `names` resolves users and groups
 * (sentence.h); it may be NULL: then names are errors. A rule about a name that this machine does not know is added disabled. `priority` is of
 * those that say none. Returns as rulefile_parse(). */
int rulefile_parse_sentences(const char *data, size_t n, enum rule_origin origin, int priority, sentence_name_fn names, void *userdata,
                             struct ruleset *set, struct file_error *ret_error);
/* The same for rules.d/`file`, ORIGIN_FILE: the id of a rule is "FILE:LINE", or "FILE:name" where its line begins with "name:".
 * `replacing`: the file was read before, alone, and what has the same criteria as a rule of it is of another file and replaced. */
int rulefile_parse_dropin(const char *data, size_t n, const char *file, bool replacing, sentence_name_fn names, void *userdata,
                          struct ruleset *set, struct file_error *ret_error);
/* The line of what stands behind the colon of such an id; 0: there is none. */
unsigned rulefile_dropin_line(const char *data, size_t n, const char *name);
