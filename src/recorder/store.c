/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A batch is one transaction: it is on disk as a whole or lost as a whole, so a count of losses is exact.
 *
 * Reading the version and starting a transaction is what finds a damaged file; a page that is damaged further down is found when it is touched,
 * and then the file goes aside and that batch is lost.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "base/macros.h"
#include "recorder/sql.h"
#include "recorder/store.h"

enum {
        TRIM_MORE = 64,        /* with a batch go at most twice as many rows as it brought, and these */
        RETRY_US = 10000000,   /* a disk that refused is left alone for so long */
        BUSY_MS = 2000,        /* a person may be reading */
        CACHE_KIB = 512,
        WAL_BYTES = 4 << 20,
};

enum statement { BEGIN, COMMIT, INSERT, TRIM_COUNT, TRIM_AGE, TRIM_OLDEST, STATEMENT_COUNT };

static const struct {
        const char *what; /* for a person: "cannot …" */
        const char *sql;
} STATEMENTS[STATEMENT_COUNT] = {
        [BEGIN] = { "begin to write", "BEGIN IMMEDIATE" },
        [COMMIT] = { "write", "COMMIT" },
        [INSERT] = { "add a row",
                     "INSERT INTO decisions (time_us, verdict, reason, rule, would_deny, kind, path, name, pid, uid, gid, identity, protocol, "
                     "direction, local_ip, local_port, remote_ip, remote_port, host, latency_us, count, bytes, since_us, seq, path_deleted, "
                     "path_foreign) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, "
                     "?23, ?24, ?25, ?26)" },
        /* Ids count up without gaps but at the old end, so their distance is the number of rows. */
        [TRIM_COUNT] = { "delete what is too many",
                         "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE id <= (SELECT max(id) FROM decisions) - ?1 "
                         "ORDER BY id LIMIT ?2)" },
        [TRIM_AGE] = { "delete what is old",
                       "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions ORDER BY id LIMIT ?2) AND time_us < ?1" },
        [TRIM_OLDEST] = { "make room", "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions ORDER BY id LIMIT ?1)" },
};

static const char SCHEMA_1[] =
        "CREATE TABLE decisions ("
        "id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT, would_deny INTEGER NOT NULL,"
        "kind INTEGER NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, pid INTEGER, uid INTEGER, gid INTEGER, identity TEXT NOT NULL,"
        "protocol TEXT NOT NULL, direction TEXT NOT NULL, local_ip TEXT NOT NULL, local_port INTEGER NOT NULL, remote_ip TEXT NOT NULL,"
        "remote_port INTEGER NOT NULL, host TEXT, latency_us INTEGER NOT NULL);";

/* A row may stand for several connections, the last of which it shows. Bytes are null where nobody counted, and so is `since_us` in a row for one. */
static const char SCHEMA_2[] =
        "ALTER TABLE decisions ADD COLUMN count INTEGER NOT NULL DEFAULT 1;"
        "ALTER TABLE decisions ADD COLUMN bytes INTEGER;"
        "ALTER TABLE decisions ADD COLUMN since_us INTEGER;"
        "DROP VIEW IF EXISTS history;"
        "CREATE VIEW history AS SELECT datetime(time_us / 1000000, 'unixepoch', 'localtime') AS time, verdict, reason, rule, path, uid, protocol,"
        "remote_ip, remote_port, host, direction, count, bytes, id FROM decisions;"
        "PRAGMA user_version = 2;";

/* The decision's number in its daemon's life, 0 where it was not written down; and why its path is no rule's. */
static const char SCHEMA_3[] =
        "ALTER TABLE decisions ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE decisions ADD COLUMN path_deleted INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE decisions ADD COLUMN path_foreign INTEGER NOT NULL DEFAULT 0;"
        "PRAGMA user_version = 3;";
_Static_assert(STORE_VERSION == 3, "the schema above says its own version");

struct store {
        char path[PATH_MAX];
        struct store_limits limits;
        sqlite3 *db; /* NULL: not open */
        sqlite3_stmt *statements[STATEMENT_COUNT];
        int64_t now_us, retry_us;
        uint64_t n_batch;
        bool failed;      /* something in this batch did not work */
        bool damaged;     /* and the file is to blame */
        char problem[256], aside_words[240];
};

static void note(struct store *s, const char *what, int code)
{
        const char *words = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);

        if (!s->problem[0])
                log_error("history %s: cannot %s: %s; decisions go on, they are not kept", s->path, what, words);
        snprintf(s->problem, sizeof(s->problem), "history is not kept: cannot %s: %.120s", what, words);
}

static bool is_damage(int code)
{
        const int primary = code & 0xff; /* sqlite3.h: extended codes */

        return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT || primary == SQLITE_ERROR ||
               primary == SQLITE_SCHEMA || primary == SQLITE_MISMATCH;
}

static void close_database(struct store *s)
{
        for (size_t i = 0; i < STATEMENT_COUNT; i++) {
                sqlite3_finalize(s->statements[i]);
                s->statements[i] = NULL;
        }
        sqlite3_close(s->db);
        s->db = NULL;
}

/* The file, and what belongs to it, under another name; an earlier one there is replaced. False when there is nothing to move. */
static bool move_aside(struct store *s, const char *why)
{
        static const char *const PARTS[] = { "-wal", "-shm" };
        char from[PATH_MAX + 8], to[PATH_MAX + 16];

        close_database(s);
        snprintf(to, sizeof(to), "%s.aside", s->path);
        if (rename(s->path, to) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
                snprintf(from, sizeof(from), "%s%s", s->path, PARTS[i]);
                snprintf(to, sizeof(to), "%s.aside%s", s->path, PARTS[i]);
                if (rename(from, to) < 0)
                        remove(to); /* of an earlier one: it does not belong to this */
        }
        snprintf(s->aside_words, sizeof(s->aside_words), "an unusable history was moved to %.60s.aside: %.120s", s->path, why);
        log_warn("%s", s->aside_words);
        return true;
}

static int exec(struct store *s, const char *sql)
{
        return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

static int prepare_all(struct store *s)
{
        for (size_t i = 0; i < STATEMENT_COUNT; i++) {
                int r = sqlite3_prepare_v3(s->db, STATEMENTS[i].sql, -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);

                if (r != SQLITE_OK)
                        return r;
        }
        return SQLITE_OK;
}

/* Makes the tables, or of those of an older version the present ones: all of it, or none. */
static int upgrade(struct store *s, int64_t version)
{
        int r = exec(s, "BEGIN IMMEDIATE");

        if (r == SQLITE_OK && version < 1)
                r = exec(s, SCHEMA_1);
        if (r == SQLITE_OK && version < 2)
                r = exec(s, SCHEMA_2);
        if (r == SQLITE_OK && version < 3)
                r = exec(s, SCHEMA_3);
        return r == SQLITE_OK ? exec(s, "COMMIT") : r; /* closing undoes what was not committed */
}

static int set_up(struct store *s)
{
        char pragmas[512];
        int64_t version;
        int r;

        sqlite3_busy_timeout(s->db, BUSY_MS);
        snprintf(pragmas, sizeof(pragmas),
                 "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
                 "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -%d; PRAGMA journal_size_limit = %d;",
                 CACHE_KIB, WAL_BYTES);
        r = exec(s, pragmas);
        if (r == SQLITE_OK)
                r = sql_read_number(s->db, "PRAGMA user_version", &version);
        if (r == SQLITE_OK && (version < 0 || version > STORE_VERSION))
                r = SQLITE_FORMAT;
        else if (r == SQLITE_OK && version < STORE_VERSION)
                r = upgrade(s, version);
        return r == SQLITE_OK ? prepare_all(s) : r;
}

static int open_once(struct store *s)
{
        int r = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
        int keep = 1;

        /* Who may read the folder and not write there (the group) cannot make the files of the WAL; so they stay when we end. */
        if (r == SQLITE_OK)
                r = sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
        return r == SQLITE_OK ? set_up(s) : r;
}

/* A damaged file, or one of somebody else's. A disk that is full or cannot be written is no reason to part with a good history. */
static bool is_in_the_way(const struct store *s, int code)
{
        return is_damage(code) || (access(s->path, R_OK | W_OK) < 0 && errno == EACCES);
}

static void open_database(struct store *s)
{
        int r = open_once(s);

        if (r != SQLITE_OK && is_in_the_way(s, r) && move_aside(s, r == SQLITE_FORMAT ? "of another version" : sqlite3_errstr(r)))
                r = open_once(s);
        if (r == SQLITE_OK) {
                s->problem[0] = '\0';
                return;
        }
        note(s, "open it", r);
        close_database(s);
        s->retry_us = s->now_us + RETRY_US;
}

struct store *store_new(const char *path, const struct store_limits *limits)
{
        struct store *s = calloc(1, sizeof(*s));

        if (!s || strlen(path) >= sizeof(s->path)) {
                free(s);
                return NULL;
        }
        memcpy(s->path, path, strlen(path) + 1);
        s->limits = *limits;
        return s;
}

struct store *store_free(struct store *s)
{
        if (!s)
                return NULL;
        close_database(s);
        free(s);
        return NULL;
}

/* Runs a prepared statement to its end; what it is bound to is gone afterwards. */
static bool run(struct store *s, enum statement which)
{
        sqlite3_stmt *statement = s->statements[which];
        int r = sqlite3_step(statement);

        if (r != SQLITE_DONE && r != SQLITE_ROW) {
                note(s, STATEMENTS[which].what, r);
                s->failed = true;
                s->damaged = s->damaged || is_damage(r);
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        return r == SQLITE_DONE || r == SQLITE_ROW;
}

void store_begin(struct store *s, int64_t now_us)
{
        s->now_us = now_us;
        s->n_batch = 0;
        s->failed = s->damaged = false;
        /* A clock that was set back must not keep the store closed. */
        if (!s->db && (now_us >= s->retry_us || now_us < s->retry_us - RETRY_US))
                open_database(s);
        if (s->db)
                run(s, BEGIN);
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
        if (text)
                sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
        else
                sqlite3_bind_null(statement, column);
}

static void bind_subject(sqlite3_stmt *statement, const struct subject *subject)
{
        sqlite3_bind_int(statement, 6, (int)subject->kind);
        bind_text(statement, 7, subject->path);
        bind_text(statement, 8, subject->name);
        if (subject->process.pid)
                sqlite3_bind_int64(statement, 9, subject->process.pid);
        if (subject->uid != UINT32_MAX)
                sqlite3_bind_int64(statement, 10, subject->uid);
        if (subject->gid != UINT32_MAX)
                sqlite3_bind_int64(statement, 11, subject->gid);
        bind_text(statement, 12, identity_name(subject->identity));
        sqlite3_bind_int(statement, 25, subject->path_deleted);
        sqlite3_bind_int(statement, 26, subject->path_foreign);
}

static void bind_summary(sqlite3_stmt *statement, const struct record *record)
{
        sqlite3_bind_int64(statement, 21, (int64_t)MIN(record->n_connections, (uint64_t)INT64_MAX));
        if (!record->is_summary)
                return;
        sqlite3_bind_int64(statement, 22, (int64_t)MIN(record->n_bytes, (uint64_t)INT64_MAX));
        sqlite3_bind_int64(statement, 23, record->since_us);
}

void store_add(struct store *s, const struct record *record)
{
        sqlite3_stmt *statement = s->statements[INSERT];
        char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX], protocol[4];

        s->n_batch++;
        if (!s->db || s->failed)
                return;
        sqlite3_bind_int64(statement, 1, record->time_us);
        bind_text(statement, 2, verdict_name(record->verdict));
        bind_text(statement, 3, reason_word(record->reason));
        bind_text(statement, 4, record->rule);
        sqlite3_bind_int(statement, 5, record->would_deny);
        bind_subject(statement, record->subject);
        bind_text(statement, 13, protocol_name(record->flow.protocol, protocol));
        bind_text(statement, 14, record->direction == DIRECTION_IN ? "in" : "out");
        bind_text(statement, 15, addr_format(&record->flow.local, local));
        sqlite3_bind_int(statement, 16, record->flow.local_port);
        bind_text(statement, 17, addr_format(&record->flow.remote, remote));
        sqlite3_bind_int(statement, 18, record->flow.remote_port);
        bind_text(statement, 19, hosts_first(&record->hosts));
        sqlite3_bind_int64(statement, 20, (int64_t)(record->latency_ns / 1000));
        bind_summary(statement, record);
        sqlite3_bind_int64(statement, 24, (int64_t)MIN(record->seq, (uint64_t)INT64_MAX));
        run(s, INSERT);
}

/* Bytes that rows take; free pages are room. */
static uint64_t used_bytes(struct store *s)
{
        int64_t pages = 0, unused = 0, size = 0;

        if (sql_read_number(s->db, "PRAGMA page_count", &pages) != SQLITE_OK || sql_read_number(s->db, "PRAGMA freelist_count", &unused) != SQLITE_OK ||
            sql_read_number(s->db, "PRAGMA page_size", &size) != SQLITE_OK || pages < unused)
                return 0;
        return (uint64_t)(pages - unused) * (uint64_t)size;
}

static void trim(struct store *s)
{
        const int64_t most = 2 * (int64_t)s->n_batch + TRIM_MORE;

        sqlite3_bind_int64(s->statements[TRIM_COUNT], 1, (int64_t)s->limits.rows);
        sqlite3_bind_int64(s->statements[TRIM_COUNT], 2, most);
        run(s, TRIM_COUNT);
        sqlite3_bind_int64(s->statements[TRIM_AGE], 1, s->now_us - (int64_t)s->limits.age_us);
        sqlite3_bind_int64(s->statements[TRIM_AGE], 2, most);
        run(s, TRIM_AGE);
        if (used_bytes(s) > s->limits.bytes) {
                sqlite3_bind_int64(s->statements[TRIM_OLDEST], 1, most);
                run(s, TRIM_OLDEST);
        }
}

uint64_t store_commit(struct store *s)
{
        if (!s->db)
                return s->n_batch;
        if (!s->failed)
                trim(s);
        if (!s->failed && run(s, COMMIT)) {
                s->problem[0] = '\0';
                return 0;
        }
        if (!sqlite3_get_autocommit(s->db))
                exec(s, "ROLLBACK");
        if (s->damaged) {
                char words[sizeof(s->problem)];

                memcpy(words, s->problem, sizeof(words));
                s->problem[0] = '\0';
                move_aside(s, words);
        }
        return s->n_batch;
}

const char *store_problem(const struct store *s)
{
        return s->problem[0] ? s->problem : s->aside_words;
}
