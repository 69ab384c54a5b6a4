/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decisions as a table for other programs: RFC 4180, a header, lines that end in CR LF, quotes where a field needs them. Times are UTC, as in
 * --json. What is no printable text in a path or a name is escaped (\n, \x1b), so that a record is one line and cannot steer a terminal; JSON
 * has the very bytes. Pure.
 */
#pragma once

#include "base/buf.h"
#include "core/record.h"

void csv_header(struct buf *out);
void csv_record(struct buf *out, const struct record *r);
