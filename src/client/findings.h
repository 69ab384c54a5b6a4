/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What core/hygiene.h finds in rules, for a person, in a terminal and in a window alike; and what it asks of the file system. */
#pragma once

#include "base/buf.h"
#include "core/hygiene.h"

/* "never decides: before it comes r7". */
void findings_words(const struct finding *finding, struct buf *out);
/* For struct hygiene. What cannot be looked at is not said to be missing. It may wait for a file system. */
bool findings_file_exists(void *userdata, const char *path);
