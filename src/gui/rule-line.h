/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as a list of very many holds it: what is shown, packed into one block; some 80 bytes for a flat entry, whose sentence its id tells. The
 * whole rule is made of it again when it is needed. Immutable, and reference counted for several threads. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/rule.h"

struct rule_line {
        unsigned n_refs;
        uint8_t action, origin, lifetime; /* the enums of struct rule */
        bool disabled;
        bool has_sentence; /* else its id tells it */
        uint16_t n_subject; /* bytes of text that are what the rule is about, for flat entries */
        uint16_t at_sentence, at_subject; /* in text, where it has a sentence */
        uint32_t created, changed; /* seconds since 1970, 0 unknown; what lies beyond 2106 is that year */
        uint64_t n_hits;
        struct boottime expires;
        char text[]; /* the id, NUL-terminated; its sentence and its subject, the same */
};

struct rule_line *rule_line_new(const struct rule *rule); /* NULL on -ENOMEM */
struct rule_line *rule_line_ref(struct rule_line *line);
struct rule_line *rule_line_unref(struct rule_line *line); /* takes NULL, returns NULL */
DEFINE_FREEP(struct rule_line, rule_line_unref)

const char *rule_line_id(const struct rule_line *line);
/* The rule, as far as its sentence says it, with its id and origin. 0, -ENOMEM, or -EINVAL where it cannot be read back (sentence.h says when). */
int rule_line_rule(const struct rule_line *line, struct rule **ret);
/* Its sentence in the grammar of wire/sentence.h. */
void rule_line_sentence(const struct rule_line *line, struct buf *out);
/* What it is about, which is how rules are grouped: a path, "anyone", "name foo": not NUL-terminated, escaped as in a sentence, *ret_n bytes. */
const char *rule_line_subject(const struct rule_line *line, size_t *ret_n);
/* About the same, and both shipped or neither. */
bool rule_line_same_group(const struct rule_line *a, const struct rule_line *b);

/* The same rule, and nothing that is shown is different. */
bool rule_line_equal(const struct rule_line *a, const struct rule_line *b);
/* Shipped ones last; by the last component of what they are about, then by the whole of it, then by id: for qsort() over pointers. */
int rule_line_compare(const void *a, const void *b);
/* By origin first: a person's own, temporary, of files, shipped. */
int rule_line_compare_by_origin(const void *a, const void *b);

/* Where it stands for a person. */
enum rule_place { PLACE_OWN, PLACE_TEMPORARY, PLACE_FILE, PLACE_SHIPPED };
enum rule_place rule_line_place(const struct rule_line *line);

/* What a list can be narrowed to. */
enum rule_filter { FILTER_ALL, FILTER_ALLOW, FILTER_DENY, FILTER_TEMPORARY, FILTER_SHIPPED, FILTER_DISABLED, FILTER_WARNINGS };
/* FILTER_WARNINGS passes every line: what is wrong with it is not known here. */
bool rule_line_passes(const struct rule_line *line, enum rule_filter filter);
/* `words`, in lower case, stand in its sentence, its id or its origin, each of them somewhere. */
bool rule_line_has_words(const struct rule_line *line, const char *words);
