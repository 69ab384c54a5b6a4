/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.json → struct config (interface.md, "config.json"). A wrong value falls back to that key's value in `last_good`, with a
 * warning; only a file that is no JSON object is refused as a whole. `mode` is special: a wrong or missing word keeps last_good's mode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/config.h"
#include "wire/rulefile.h"

enum { CONFFILE_E_SYNTAX = 1, CONFFILE_E_VALUE };

/* The keys that there are, in the manual's order; NULL for those past the last. */
const char *conffile_key(size_t i);
bool conffile_is_key(const char *word);
/* What holds without a file. */
struct config conffile_defaults(const char *log_dir);

/* Called for each wrong value: where, and words that name the key. */
typedef void (*conffile_warning_fn)(void *userdata, const struct file_error *warning);

/* `last_good` may be NULL: then the defaults stand in for it. `log_dir`: log_file must lie under it, and does by default. 0, -ENOMEM, or CONFFILE_E_SYNTAX with *ret_error. */
int conffile_parse(const char *data, size_t n, const struct config *last_good, const char *log_dir, struct config *ret,
                   conffile_warning_fn on_warning, void *userdata, struct file_error *ret_error);
/* One key changed: `value` is JSON, and "null" the key's default (the mode has none). 0, -ENOMEM, or CONFFILE_E_VALUE, when nothing has changed and
 * *ret_expected says what would have been taken. */
int conffile_set(struct config *config, const char *key, const char *value, const char *log_dir, const char **ret_expected);
/* A person's word as JSON: true, false, null and whole numbers are themselves, "default" is null, all else is a string. */
void conffile_format_word(struct buf *out, const char *word);
/* The value of a key as such a word; "default" where that is the absence of the key. */
void conffile_format_value(struct buf *out, const struct config *config, const char *key);
/* The file with `key` saying `value` (JSON), or without it where that is "null", and everything else, unknown keys included, as it was. */
int conffile_edit(const char *data, size_t n, const char *key, const char *value, struct buf *out, struct file_error *ret_error);
/* A whole file that says exactly `config`: what conffile_parse() makes of it is the same again. */
int conffile_format(const struct config *config, struct buf *out);
