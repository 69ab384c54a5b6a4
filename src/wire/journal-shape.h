/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of the journal as fields of a JSON object, in the file's form and in the protocol's. For this folder only. */
#pragma once

#include "wire/journal.h"
#include "wire/jsonread.h"
#include "wire/jsonwrite.h"
#include "wire/rulejson.h"

/* At most `max_rules` of its rules are written. */
void journal_write_fields(struct jsonwrite *w, const struct journal_entry *e, enum rulejson_form form, size_t max_rules);
void journal_read_fields(struct jsonread *r, const json_t *o, enum rulejson_form form, struct journal_entry *ret);
