/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. What SQLite can compare (time, words, numbers) is compared by SQLite; globs and networks are search.c's, so that they mean
 * here what they mean for a live event.
 *
 * A row is a stranger's: the file's owner is a user without privileges, and a column may hold anything.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "recorder/fold.h"
#include "recorder/query.h"
#include "recorder/sql.h"
#include "recorder/store.h"
#include "recorder/timeline.h"
#include "wire/feed.h"

enum {
        BUSY_MS = 2000,
        ROW_BYTES = 64 << 10, /* no string or row of ours is longer */
        CHUNK_ROWS = 256,     /* at a read */
        CHUNK_BYTES = 64 << 10,
        CACHE_KIB = 4096,
};

/* The columns that came with a version, as one of before would have them. */
static const char *const LATER_COLUMNS[] = {
        [1] = "1, NULL, NULL, 0, 0, 0, NULL",
        [2] = "count, bytes, since_us, 0, 0, 0, NULL",
        [3] = "count, bytes, since_us, seq, path_deleted, path_foreign, NULL",
        [4] = "count, bytes, since_us, seq, path_deleted, path_foreign, host_source",
};
_Static_assert(ARRAY_SIZE(LATER_COLUMNS) == STORE_VERSION + 1, "each version has its columns");

enum column {
        ID, TIME_US, VERDICT, REASON, RULE, WOULD_DENY, KIND, PATH, NAME, PID, UID, GID, IDENTITY, PROTOCOL, DIRECTION, LOCAL_IP, LOCAL_PORT,
        REMOTE_IP, REMOTE_PORT, HOST, LATENCY_US, COUNT, BYTES, SINCE_US, SEQ, PATH_DELETED, PATH_FOREIGN, HOST_SOURCE,
};

static const char COLUMNS[] =
        "SELECT id, time_us, verdict, reason, rule, would_deny, kind, path, name, pid, uid, gid, identity, protocol, direction, local_ip, "
        "local_port, remote_ip, remote_port, host, latency_us, ";

/* A criterion that is not there is bound as null. */
static const char CRITERIA[] =
        " FROM decisions WHERE (?1 IS NULL OR time_us >= ?1) AND (?2 IS NULL OR time_us < ?2) AND (?3 IS NULL OR verdict = ?3) "
        "AND (?4 IS NULL OR reason = ?4) AND (?5 IS NULL OR rule = ?5) AND (?6 IS NULL OR uid = ?6) "
        "AND (?7 IS NULL OR remote_port BETWEEN ?7 AND ?8) ";

/* Rows of before there were numbers are older than any daemon that asks. */
static const char OLDER[] = "AND (?9 IS NULL OR seq < ?9 OR time_us < ?10) ";

static const char NEWEST_FIRST[] = "ORDER BY id DESC";
static const char NEWEST[] = "SELECT id, seq, time_us FROM decisions ORDER BY id DESC LIMIT 1";
static const char IN_ORDER[] = "AND id BETWEEN ?11 AND ?12 ORDER BY id";

struct query {
        sqlite3 *db;
        sqlite3_stmt *find, *read, *newest; /* newest: NULL where rows have no numbers */
        const struct search *search;
        struct fold *fold; /* or NULL */
        struct timeline *timeline; /* or NULL */
        int64_t next_id, last_id; /* what is still to be read; next > last: nothing */
        uint64_t n_unreadable;
};

static int fail(struct query *q, int code, char *ret_error)
{
        const int primary = code & 0xff; /* sqlite3.h: extended codes */

        if (primary == SQLITE_NOMEM)
                return -ENOMEM;
        if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR || primary == SQLITE_SCHEMA)
                snprintf(ret_error, QUERY_ERROR_MAX,
                         "the history is damaged (%.200s); the recorder moves it aside and begins a new one when it comes upon that", sqlite3_errmsg(q->db));
        else
                snprintf(ret_error, QUERY_ERROR_MAX, "the history cannot be read: %.200s", sqlite3_errmsg(q->db));
        return QUERY_E_FAILED;
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

static int prepare(struct query *q, int64_t version, const char *order, sqlite3_stmt **ret)
{
        _cleanup_(buf_deinit) struct buf sql = { 0 };

        buf_puts(&sql, COLUMNS);
        buf_puts(&sql, LATER_COLUMNS[version]);
        buf_puts(&sql, CRITERIA);
        if (version >= 3)
                buf_puts(&sql, OLDER);
        buf_puts(&sql, order);
        return buf_error(&sql) ? SQLITE_NOMEM : sqlite3_prepare_v2(q->db, sql.data, -1, ret, NULL);
}

static int set_up(struct query *q)
{
        char pragmas[256];

        sqlite3_busy_timeout(q->db, BUSY_MS);
        sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, ROW_BYTES);
        snprintf(pragmas, sizeof(pragmas),
                 "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d",
                 CACHE_KIB);
        return sqlite3_exec(q->db, pragmas, NULL, NULL, NULL);
}

static int open_database(struct query *q, const char *path, char *ret_error)
{
        int64_t version = 0;
        int r = sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);

        if (r == SQLITE_OK)
                r = set_up(q);
        if (r == SQLITE_OK)
                r = sql_read_number(q->db, "PRAGMA user_version", &version);
        if (r != SQLITE_OK)
                return fail(q, r, ret_error);
        if (version > STORE_VERSION) {
                snprintf(ret_error, QUERY_ERROR_MAX, "the history is of version %lld, and this program knows those up to %d", (long long)version,
                         STORE_VERSION);
                return QUERY_E_FAILED;
        }
        if (version == 0) /* the recorder has made the file, and not yet the tables */
                return QUERY_E_MISSING;
        r = version < 0 ? SQLITE_CORRUPT : prepare(q, version, NEWEST_FIRST, &q->find);
        if (r == SQLITE_OK)
                r = prepare(q, version, IN_ORDER, &q->read);
        if (r == SQLITE_OK && version >= 3)
                r = sqlite3_prepare_v2(q->db, NEWEST, -1, &q->newest, NULL);
        return r == SQLITE_OK ? 0 : fail(q, r, ret_error);
}

int query_open(const char *path, struct query **ret, char ret_error[QUERY_ERROR_MAX])
{
        _cleanup_(query_freep) struct query *q = calloc(1, sizeof(*q));
        FILE *probe;
        int r;

        if (!q)
                return -ENOMEM;
        /* SQLite says "unable to open" for all of these. */
        probe = fopen(path, "re");
        r = probe ? 0 : errno;
        if (probe)
                fclose(probe);
        if (r)
                snprintf(ret_error, QUERY_ERROR_MAX, "the history %.200s: %s", path, strerror(r));
        if (r == ENOENT || r == ENOTDIR)
                return QUERY_E_MISSING;
        if (r)
                return r == EACCES || r == EPERM ? QUERY_E_DENIED : QUERY_E_FAILED;
        r = open_database(q, path, ret_error);
        if (r == 0)
                *ret = TAKE_PTR(q);
        return r;
}

struct query *query_free(struct query *q)
{
        if (!q)
                return NULL;
        sqlite3_finalize(q->find);
        sqlite3_finalize(q->read);
        sqlite3_finalize(q->newest);
        sqlite3_close(q->db);
        free(q);
        return NULL;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------ */

/* Borrowed until the next step; NULL where the column is null or has a NUL inside. */
static const char *text_of(sqlite3_stmt *row, enum column column)
{
        const char *text = (const char *)sqlite3_column_text(row, (int)column);

        return text && strlen(text) == (size_t)sqlite3_column_bytes(row, (int)column) ? text : NULL;
}

/* True where the column is a number of 0..max. */
static bool number_of(sqlite3_stmt *row, enum column column, int64_t max, int64_t *ret)
{
        *ret = sqlite3_column_int64(row, (int)column);
        return sqlite3_column_type(row, (int)column) == SQLITE_INTEGER && *ret >= 0 && *ret <= max;
}

/* The same, and `otherwise` where it is null. */
static bool number_or(sqlite3_stmt *row, enum column column, int64_t max, int64_t otherwise, int64_t *ret)
{
        if (sqlite3_column_type(row, (int)column) != SQLITE_NULL)
                return number_of(row, column, max, ret);
        *ret = otherwise;
        return true;
}

static bool read_kind(sqlite3_stmt *row, enum subject_kind *ret)
{
        int64_t kind;

        if (!number_of(row, KIND, SUBJECT_UNKNOWN, &kind))
                return false;
        *ret = (enum subject_kind)kind;
        return true;
}

/* What the SQL did not compare. A row that cannot be read is counted when it is. */
static bool row_matches(const struct search *s, sqlite3_stmt *row)
{
        if (s->has & SEARCH_PROGRAM) {
                const char *path = text_of(row, PATH), *name = text_of(row, NAME);
                enum subject_kind kind;

                if (path && name && read_kind(row, &kind) && !search_matches_program(s, kind, path, name))
                        return false;
        }
        if (s->has & SEARCH_HOST) {
                const char *remote = text_of(row, REMOTE_IP);
                struct addr addr;

                if (remote && addr_parse(remote, &addr) && !search_matches_remote(s, &addr, text_of(row, HOST)))
                        return false;
        }
        return true;
}

/* NULL: not readable, or no memory. */
static struct subject *read_subject(sqlite3_stmt *row)
{
        const char *path = text_of(row, PATH), *name = text_of(row, NAME), *identity = text_of(row, IDENTITY);
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        int64_t pid, uid, gid, deleted, foreign;
        enum subject_kind kind;

        if (!path || !name || !identity || strlen(path) > LIMIT_PATH || strlen(name) > LIMIT_PATH || !read_kind(row, &kind))
                return NULL;
        if (!number_or(row, PID, UINT32_MAX, 0, &pid) || !number_or(row, UID, UINT32_MAX, UINT32_MAX, &uid) ||
            !number_or(row, GID, UINT32_MAX, UINT32_MAX, &gid) || !number_of(row, PATH_DELETED, 1, &deleted) ||
            !number_of(row, PATH_FOREIGN, 1, &foreign))
                return NULL;
        s = subject_new(kind, path, name);
        if (!s || !identity_parse(identity, &s->identity))
                return NULL;
        s->process.pid = (uint32_t)pid;
        s->uid = (uint32_t)uid;
        s->gid = (uint32_t)gid;
        s->path_deleted = deleted;
        s->path_foreign = foreign;
        return TAKE_PTR(s);
}

static bool read_flow(sqlite3_stmt *row, struct flow *ret)
{
        const char *protocol = text_of(row, PROTOCOL), *local = text_of(row, LOCAL_IP), *remote = text_of(row, REMOTE_IP);
        int64_t local_port, remote_port;

        if (!protocol || !local || !remote || !protocol_parse(protocol, &ret->protocol) || !addr_parse(local, &ret->local) ||
            !addr_parse(remote, &ret->remote))
                return false;
        if (!number_of(row, LOCAL_PORT, UINT16_MAX, &local_port) || !number_of(row, REMOTE_PORT, UINT16_MAX, &remote_port))
                return false;
        ret->local_port = (uint16_t)local_port;
        ret->remote_port = (uint16_t)remote_port;
        return true;
}

static bool read_decision(sqlite3_stmt *row, struct decision *ret)
{
        const char *verdict = text_of(row, VERDICT), *reason = text_of(row, REASON);
        int64_t would_deny;

        if (!verdict || !verdict_parse(verdict, &ret->verdict) || ret->verdict == VERDICT_ASK)
                return false;
        if (!reason || !reason_parse(reason, &ret->reason) || !number_of(row, WOULD_DENY, 1, &would_deny))
                return false;
        ret->would_deny = would_deny;
        return true;
}

/* The one name that is kept. A source that is not known here tells nothing. */
static struct hosts read_hosts(sqlite3_stmt *row)
{
        struct hosts hosts = hosts_one(text_of(row, HOST), HOST_SOURCE_NONE);
        const char *source = text_of(row, HOST_SOURCE);

        if (hosts.n > 0 && source)
                (void)host_source_parse(source, &hosts.source);
        return hosts;
}

/* Numbers that are not the decision's, the program's or the flow's. */
static bool read_amounts(sqlite3_stmt *row, struct record *r)
{
        const char *direction = text_of(row, DIRECTION);
        int64_t latency_us, count, bytes, seq, since_us;

        if (!direction || !number_of(row, LATENCY_US, INT64_MAX / 1000, &latency_us) || !number_of(row, COUNT, INT64_MAX, &count) ||
            !number_or(row, BYTES, INT64_MAX, 0, &bytes) || !number_of(row, SEQ, INT64_MAX, &seq) ||
            !number_or(row, SINCE_US, INT64_MAX, 0, &since_us) || !number_of(row, TIME_US, INT64_MAX, &r->time_us))
                return false;
        r->direction = strcmp(direction, "in") == 0 ? DIRECTION_IN : DIRECTION_OUT;
        r->latency_ns = (uint64_t)latency_us * 1000;
        r->seq = (uint64_t)seq;
        r->is_summary = sqlite3_column_type(row, SINCE_US) != SQLITE_NULL;
        r->n_connections = (uint64_t)count;
        r->n_bytes = (uint64_t)bytes;
        r->since_us = since_us;
        return count > 0;
}

/* False: this row means nothing to us. -ENOMEM is told as that too; the next allocation says so. */
static bool read_row(sqlite3_stmt *row, struct record *ret)
{
        _cleanup_(subject_unrefp) struct subject *subject = read_subject(row);
        const char *rule_id = text_of(row, RULE);
        struct rule rule = { .id = (char *)rule_id };
        struct decision decision = { .rule = rule_id ? &rule : NULL };
        const struct hosts hosts = read_hosts(row);
        struct flow flow = {};

        if (!subject || !read_flow(row, &flow) || !read_decision(row, &decision))
                return false;
        if (record_init(ret, &decision, subject, &flow, &hosts) < 0)
                return false;
        if (read_amounts(row, ret))
                return true;
        record_deinit(ret);
        return false;
}

/* ---- the search ------------------------------------------------------------------------------------------------------------ */

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
        if (text)
                sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
}

/* Absent criteria stay null. */
static void bind_search(sqlite3_stmt *statement, const struct search *s)
{
        if (s->has & SEARCH_SINCE)
                sqlite3_bind_int64(statement, 1, s->since_us);
        if (s->has & SEARCH_UNTIL)
                sqlite3_bind_int64(statement, 2, s->until_us);
        bind_text(statement, 3, s->has & SEARCH_VERDICT ? verdict_name(s->verdict) : NULL);
        bind_text(statement, 4, s->has & SEARCH_REASON ? reason_word(s->reason) : NULL);
        bind_text(statement, 5, s->has & SEARCH_RULE ? s->rule : NULL);
        if (s->has & SEARCH_UID)
                sqlite3_bind_int64(statement, 6, s->uid);
        if (s->has & SEARCH_PORT) {
                sqlite3_bind_int(statement, 7, s->first_port);
                sqlite3_bind_int(statement, 8, s->last_port);
        }
        if (s->has & SEARCH_OLDER) { /* no such parameters in a database of before: an error that means nothing */
                sqlite3_bind_int64(statement, 9, (int64_t)s->older_seq);
                sqlite3_bind_int64(statement, 10, s->older_us);
        }
}

bool query_has_reached(struct query *q, const struct search *s, int64_t *ret_newest)
{
        int64_t seq, time_us;
        bool is_there;

        *ret_newest = 0;
        if (!q->newest)
                return true;
        is_there = sqlite3_step(q->newest) == SQLITE_ROW;
        *ret_newest = sqlite3_column_int64(q->newest, 0);
        seq = sqlite3_column_int64(q->newest, 1);
        time_us = sqlite3_column_int64(q->newest, 2);
        sqlite3_reset(q->newest);
        if (!is_there)
                return false;
        if (s->has & SEARCH_UNTIL && time_us >= s->until_us)
                return true;
        /* Numbers begin anew with each daemon; by its time a row of an earlier one is told from this one's. */
        return seq >= (int64_t)s->older_seq && time_us >= s->older_us;
}

static void end_search(struct query *q)
{
        q->next_id = 1;
        q->last_id = 0;
}

int query_begin(struct query *q, const struct search *s, uint64_t limit, char ret_error[QUERY_ERROR_MAX])
{
        uint64_t n_found = 0;
        int r = SQLITE_DONE;

        q->search = s;
        end_search(q);
        bind_search(q->find, s);
        bind_search(q->read, s);
        while (n_found < limit && (r = sqlite3_step(q->find)) == SQLITE_ROW) {
                if (!row_matches(s, q->find))
                        continue;
                q->next_id = sqlite3_column_int64(q->find, ID);
                if (n_found++ == 0)
                        q->last_id = q->next_id;
        }
        if (n_found < limit && r != SQLITE_DONE)
                return fail(q, r, ret_error);
        sqlite3_reset(q->find);
        return 0;
}

/* False: this row means nothing to us. */
static bool count_row(struct query *q, sqlite3_stmt *row)
{
        const char *word = text_of(row, VERDICT);
        enum verdict verdict;
        int64_t time_us, count;

        if (!word || !verdict_parse(word, &verdict) || verdict == VERDICT_ASK)
                return false;
        if (!number_of(row, TIME_US, INT64_MAX, &time_us) || !number_of(row, COUNT, INT64_MAX, &count) || count == 0)
                return false;
        timeline_add(q->timeline, time_us, verdict, (uint64_t)count);
        return true;
}

static void put_row(struct query *q, sqlite3_stmt *row, struct buf *out)
{
        const int64_t id = sqlite3_column_int64(row, ID);
        struct record record;

        if (id < q->last_id)
                q->next_id = id + 1;
        else
                end_search(q);
        if (!row_matches(q->search, row))
                return;
        if (q->timeline) {
                q->n_unreadable += !count_row(q, row);
                return;
        }
        if (!read_row(row, &record)) {
                q->n_unreadable++;
                return;
        }
        if (q->fold && fold_add(q->fold, &record))
                return;
        feed_format_decision(out, &record);
        record_deinit(&record);
}

static bool take_sum(struct query *q, struct record *ret)
{
        return q->timeline ? timeline_take(q->timeline, ret) : q->fold && fold_take(q->fold, ret);
}

/* What was put together, when all was read. */
static int put_sums(struct query *q, struct buf *out)
{
        struct record record;

        for (unsigned n = 0; n < CHUNK_ROWS; n++) {
                if (!take_sum(q, &record))
                        return buf_error(out) ? -ENOMEM : QUERY_END;
                feed_format_decision(out, &record);
                record_deinit(&record);
        }
        return buf_error(out) ? -ENOMEM : QUERY_MORE;
}

void query_fold(struct query *q, struct fold *fold)
{
        q->fold = fold;
}

void query_timeline(struct query *q, struct timeline *timeline)
{
        q->timeline = timeline;
}

int query_next(struct query *q, struct buf *out, char ret_error[QUERY_ERROR_MAX])
{
        const size_t most = out->n + CHUNK_BYTES;
        unsigned n_rows = 0;
        int r = SQLITE_ROW;

        if (q->next_id > q->last_id)
                return put_sums(q, out);
        sqlite3_bind_int64(q->read, 11, q->next_id);
        sqlite3_bind_int64(q->read, 12, q->last_id);
        while (n_rows++ < CHUNK_ROWS && out->n < most && q->next_id <= q->last_id && (r = sqlite3_step(q->read)) == SQLITE_ROW)
                put_row(q, q->read, out);
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                return fail(q, r, ret_error);
        sqlite3_reset(q->read);
        if (buf_error(out))
                return -ENOMEM;
        if (r == SQLITE_DONE)
                end_search(q);
        return QUERY_MORE; /* the end is told by the next */
}

uint64_t query_n_unreadable(const struct query *q)
{
        return q->n_unreadable;
}
