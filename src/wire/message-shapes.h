/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The objects that messages are made of (PROTOCOL.md, "Objects"), each with both directions side by side so that they cannot drift
 * apart. For this folder only: message-*.c. Writers put fields into the object that is open; readers stick their error in `r`.
 */
#pragma once

#include <jansson.h>

#include "wire/jsonread.h"
#include "wire/jsonwrite.h"
#include "wire/message.h"

/* Number that hello tells; raised when a message changes so that an old new-style client would misread it. */
enum { MESSAGE_PROTOCOL = 2 };

void shape_write_subject(struct jsonwrite *w, const struct subject *s);
struct subject *shape_read_subject(struct jsonread *r, const json_t *o); /* NULL on failure */

void shape_write_flow(struct jsonwrite *w, const struct flow *flow);
void shape_read_flow(struct jsonread *r, const json_t *o, struct flow *ret);

/* `host`, the first; `hosts`, all; `host_source`. */
void shape_write_hosts(struct jsonwrite *w, const struct hosts *hosts);
void shape_read_hosts(struct jsonread *r, const json_t *o, struct hosts *ret);

/* The object of `watch --json`, without type. */
void shape_write_record(struct jsonwrite *w, const struct record *record);
void shape_read_record(struct jsonread *r, const json_t *o, struct record *ret);

void shape_write_question(struct jsonwrite *w, const struct question *q, struct boottime now);
void shape_read_prompt(struct jsonread *r, const json_t *o, struct prompt *ret);
/* How a question ended. */
enum question_state shape_read_state(struct jsonread *r, const json_t *o);

void shape_write_connection(struct jsonwrite *w, const struct connection *c);
void shape_read_connection(struct jsonread *r, const json_t *o, struct connection *ret);

void shape_write_check(struct jsonwrite *w, const struct check *c);
void shape_read_check(struct jsonread *r, const json_t *o, struct check *ret);

void shape_write_rules_mark(struct jsonwrite *w, const char *key, const struct rules_mark *mark);
/* False where absent, or on failure. */
bool shape_read_rules_mark(struct jsonread *r, const json_t *o, const char *key, struct rules_mark *ret);

void shape_write_status(struct jsonwrite *w, const struct status *s);
void shape_read_status(struct jsonread *r, const json_t *o, struct status *ret);

/* message-why.c */
void shape_write_why(struct jsonwrite *w, const struct explanation *e, const struct facts *facts, const struct config *config, size_t n_rules);
void shape_read_why(struct jsonread *r, const json_t *o, struct why *ret);

/* A string that must fit into `size` bytes with its NUL. */
void shape_read_text(struct jsonread *r, const json_t *o, const char *key, char *ret, size_t size);
/* A copy; NULL where absent or null. */
char *shape_read_copy(struct jsonread *r, const json_t *o, const char *key);
const char *check_level_name(enum check_level level);
/* "decisions", …; NULL for a bit that has no name. */
const char *subscription_word(unsigned bit);
