/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers, spans of time, users and strangers' words as people read them, in a terminal and in a window alike. Text is UTF-8.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/subject.h"

void words_number(struct buf *out, uint64_t n);         /* 1,234,567 */
void words_bytes(struct buf *out, uint64_t n);          /* "912 B", "1.5 kB", "12 MB" */
void words_duration(struct buf *out, uint64_t seconds); /* "8 s", "12 min 3 s", "3 h 5 min", "4 d 2 h" */
/* Name of `uid` in /etc/passwd, else its number. The name service is not asked: it may use the network, which
 * may wait for the very question that is being shown. */
void words_user(struct buf *out, uint32_t uid);
/* Words of the daemon, of a person or of a stranger, one line of them: control and bidirectional characters and what is no UTF-8 are shown
 * escaped, the rest as it is. */
void words_plain(struct buf *out, const char *s, size_t n);
/* The same of several lines, each below what is there already: an escaped newline is nothing that people read. */
void words_lines(struct buf *out, const char *s);
/* The same, at most `max` characters of it: of what is longer the middle is left out ("/opt/a…z/run"), for both ends tell a path from another. */
void words_short(struct buf *out, const char *s, unsigned max);
/* Its arguments, quoted where a shell would need it; nothing where they are not known. */
void words_arguments(struct buf *out, const struct subject *s);
/* "make ▸ sh ▸ curl" from the ancestor number `oldest` on (0: no ancestor). */
void words_chain(struct buf *out, const struct subject *s, unsigned oldest);
