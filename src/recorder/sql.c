/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "recorder/sql.h"

#include <stddef.h>

int sql_read_number(sqlite3 *db, const char *sql, int64_t *ret)
{
        sqlite3_stmt *statement;
        int r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

        if (r != SQLITE_OK)
                return r;
        r = sqlite3_step(statement);
        if (r == SQLITE_ROW)
                *ret = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return r == SQLITE_ROW ? SQLITE_OK : r == SQLITE_DONE ? SQLITE_CORRUPT : r;
}
