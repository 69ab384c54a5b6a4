/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What whoever writes history and whoever reads it ask of SQLite alike. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

/* The first column of the first row. SQLITE_OK or SQLite's code; SQLITE_CORRUPT where there is no row. */
int sql_read_number(sqlite3 *db, const char *sql, int64_t *ret);
