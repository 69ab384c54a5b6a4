/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration as fields of a JSON object in the protocol: every key, each with the value that is in force. `on_failure` is null where it follows
 * the mode, which a file says by not having it. For this folder only.
 */
#pragma once

#include "core/config.h"
#include "wire/jsonread.h"
#include "wire/jsonwrite.h"

void conffile_write_fields(struct jsonwrite *w, const struct config *config);
/* All keys are required; the log file may lie anywhere, for which folder it must be in only the daemon knows. */
void conffile_read_fields(struct jsonread *r, const json_t *o, struct config *ret);
