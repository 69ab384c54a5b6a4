/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What panel-text.c, panel-text-flow.c and history-text.c share. What is returned is never NULL, as in panel-text.h. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

char *panel_take(struct buf *text);
char *panel_number(uint64_t n); /* "1,234" */
char *panel_bytes(uint64_t n);  /* "1.2 MB" */
/* One more part of a line: "Yours · 12 decisions". The first only parts it from what is there. */
void panel_begin_part(struct buf *line);
void panel_put_part(struct buf *line, const char *part);
