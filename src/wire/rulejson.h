/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as a JSON object (PROTOCOL.md, "Rules"): one field a criterion, absent means any. Read strictly: a field that is not known
 * might be a restriction, and a rule must not be loaded wider than it was meant.
 */
#pragma once

#include <jansson.h>

#include "core/rule.h"
#include "wire/jsonread.h"
#include "wire/jsonwrite.h"

enum rulejson_form {
        RULEJSON_FILE = 1 << 0,    /* an element of rules.json's list */
        RULEJSON_REQUEST = 1 << 1, /* what a client wants to add: no id, may be for this session */
        RULEJSON_REPLY = 1 << 2,   /* what the daemon tells: with sentence, origin, hits */
};

/* What belongs to a lifetime beside its word, in a request: `seconds` or `until`, in that of a rule and in an answer. */
void rulejson_write_ending(struct jsonwrite *w, enum lifetime lifetime, const struct ending *ending);
void rulejson_read_ending(struct jsonread *r, const json_t *o, enum lifetime lifetime, struct ending *ret);

/* `enabled` is told apart from the rule: a factory rule is switched by the configuration too. */
void rulejson_write(struct jsonwrite *w, const char *key, const struct rule *rule, enum rulejson_form form, bool enabled);
/* NULL with r->error set. */
struct rule *rulejson_read(struct jsonread *r, const json_t *o, enum rulejson_form form);
