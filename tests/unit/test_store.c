/* SPDX-License-Identifier: GPL-3.0-or-later */
/* History on disk: what is added is there, what is over goes, and no file and no disk stops the recorder. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/store.h"
#include "unit.h"

static const uint64_t DAY_US = UINT64_C(86400000000);
static const int64_t NOW_US = INT64_C(1800000000000000);

struct place {
        char folder[64], path[96], aside[128];
};

static struct place make_place(void)
{
        struct place p = { .folder = "/tmp/bastion-store.XXXXXX" };

        assert_non_null(mkdtemp(p.folder));
        snprintf(p.path, sizeof(p.path), "%s/history.db", p.folder);
        snprintf(p.aside, sizeof(p.aside), "%s.aside", p.path);
        return p;
}

static void remove_place(const struct place *p)
{
        static const char *const NAMES[] = { "history.db", "history.db-wal", "history.db-shm", "history.db.aside", "history.db.aside-wal",
                                             "history.db.aside-shm" };
        char path[160];

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                snprintf(path, sizeof(path), "%s/%s", p->folder, NAMES[i]);
                unlink(path);
        }
        assert_int_equal(rmdir(p->folder), 0);
}

static struct store_limits roomy(void)
{
        return (struct store_limits){ .rows = 1000000, .bytes = 200 << 20, .age_us = 30 * DAY_US };
}

static int64_t number(const struct place *p, const char *sql)
{
        sqlite3_stmt *statement = NULL;
        sqlite3 *db = NULL;
        int64_t value;

        assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        sqlite3_close(db);
        return value;
}

static void change(const struct place *p, const char *sql)
{
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

/* A batch of `n` decisions made at `time_us`; how many were lost. */
static uint64_t add(struct store *s, const char *path, unsigned n, int64_t time_us, int64_t now_us)
{
        struct decision decision = { .verdict = VERDICT_ALLOW, .reason = REASON_LEARNING };
        struct flow flow = { .protocol = 6, .local_port = 40000, .remote_port = 443 };
        struct subject *subject = subject_new(SUBJECT_PROGRAM, path, "curl");
        struct record record;

        assert_non_null(subject);
        assert_true(addr_parse("10.0.0.1", &flow.local));
        assert_true(addr_parse("2001:db8::1", &flow.remote));
        assert_int_equal(record_init(&record, &decision, subject, &flow, &(struct hosts){ .names = { "example.org" }, .n = 1 }), 0);
        record.time_us = time_us;
        store_begin(s, now_us);
        for (unsigned i = 0; i < n; i++)
                store_add(s, &record);
        record_deinit(&record);
        subject_unref(subject);
        return store_commit(s);
}

static void a_decision_becomes_a_row(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);

        assert_int_equal(add(s, "/usr/bin/cu\"rl'; --", 3, NOW_US, NOW_US), 0);
        assert_string_equal(store_problem(s), "");
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions WHERE path = '/usr/bin/cu\"rl''; --' AND verdict = 'allow' AND "
                                    "reason = 'learning' AND rule IS NULL AND protocol = 'TCP' AND remote_ip = '2001:db8::1' AND "
                                    "remote_port = 443 AND host = 'example.org' AND direction = 'out' AND time_us = 1800000000000000"), 3);
        assert_int_equal(number(&p, "SELECT count(*) FROM history"), 3);
        store_free(s);
        s = store_new(p.path, &limits);
        assert_int_equal(add(s, "/usr/bin/curl", 1, NOW_US, NOW_US), 0);
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 4);
        remove_place(&p);
}

static void a_summary_is_one_row(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);
        const struct summary summary = { .verdict = VERDICT_DENY, .reason = REASON_SESSION, .rule = "s1", .time_us = NOW_US, .since_us = NOW_US - 5,
                                         .n_connections = 57, .n_bytes = 12345 };
        struct record record;

        assert_int_equal(record_init_summary(&record, &summary), 0);
        store_begin(s, NOW_US);
        store_add(s, &record);
        record_deinit(&record);
        assert_int_equal(store_commit(s), 0);
        assert_int_equal(add(s, "/bin/a", 1, NOW_US, NOW_US), 0);
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions WHERE rule = 's1' AND verdict = 'deny' AND count = 57 AND bytes = 12345 AND "
                                    "time_us - since_us = 5"), 1);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions WHERE path = '/bin/a' AND count = 1 AND bytes IS NULL AND since_us IS NULL"), 1);
        assert_int_equal(number(&p, "SELECT sum(count) FROM history"), 58);
        remove_place(&p);
}

static void an_older_version_keeps_its_rows(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s;

        change(&p, "CREATE TABLE decisions (id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT, "
                   "would_deny INTEGER NOT NULL, kind INTEGER NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, pid INTEGER, uid INTEGER, gid INTEGER, "
                   "identity TEXT NOT NULL, protocol TEXT NOT NULL, direction TEXT NOT NULL, local_ip TEXT NOT NULL, local_port INTEGER NOT NULL, "
                   "remote_ip TEXT NOT NULL, remote_port INTEGER NOT NULL, host TEXT, latency_us INTEGER NOT NULL);"
                   "CREATE VIEW history AS SELECT datetime(time_us / 1000000, 'unixepoch', 'localtime') AS time, verdict, reason, rule, path, uid, "
                   "protocol, remote_ip, remote_port, host, direction, id FROM decisions;"
                   "INSERT INTO decisions VALUES (1, 1799999999000000, 'allow', 'rule', 'r1', 0, 0, '/bin/old', 'old', 1, 0, 0, 'task', 'TCP', 'out', "
                   "'10.0.0.1', 1, '10.0.0.2', 2, NULL, 3);"
                   "PRAGMA user_version = 1");
        s = store_new(p.path, &limits);
        assert_int_equal(add(s, "/bin/new", 2, NOW_US, NOW_US), 0);
        assert_string_equal(store_problem(s), "");
        store_free(s);
        assert_int_equal(number(&p, "PRAGMA user_version"), STORE_VERSION);
        assert_int_equal(number(&p, "SELECT sum(count) FROM history"), 3);
        assert_int_equal(number(&p, "SELECT count(*) FROM history WHERE path = '/bin/old' AND count = 1 AND bytes IS NULL"), 1);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions WHERE path = '/bin/old' AND seq = 0"), 1);
        assert_int_equal(access(p.aside, F_OK), -1);
        remove_place(&p);
}

static void too_many_rows_go_the_oldest_first(_unused_ void **state)
{
        struct place p = make_place();
        struct store_limits limits = roomy();
        struct store *s;

        limits.rows = 1000;
        s = store_new(p.path, &limits);
        for (int i = 0; i < 50; i++)
                assert_int_equal(add(s, "/bin/a", 100, NOW_US + i, NOW_US), 0);
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 1000);
        assert_int_equal(number(&p, "SELECT min(time_us) FROM decisions"), NOW_US + 40);
        remove_place(&p);
}

static void old_rows_go(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);
        const int64_t later = NOW_US + (int64_t)(31 * DAY_US);

        assert_int_equal(add(s, "/bin/old", 100, NOW_US, NOW_US), 0);
        assert_int_equal(add(s, "/bin/new", 10, later, later), 0);
        assert_int_equal(add(s, "/bin/new", 10, later, later), 0);
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions WHERE path = '/bin/old'"), 0);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 20);
        remove_place(&p);
}

static void the_file_does_not_grow_for_ever(_unused_ void **state)
{
        struct place p = make_place();
        struct store_limits limits = roomy();
        struct store *s;
        struct stat st;

        limits.bytes = 512 << 10;
        s = store_new(p.path, &limits);
        for (int i = 0; i < 100; i++)
                assert_int_equal(add(s, "/usr/lib/some/where/a-program-with-a-long-name", 200, NOW_US + i, NOW_US), 0);
        store_free(s);
        assert_int_equal(stat(p.path, &st), 0);
        assert_in_range(st.st_size, 256 << 10, 640 << 10);
        assert_int_equal(number(&p, "SELECT max(time_us) FROM decisions"), NOW_US + 99);
        assert_in_range(number(&p, "SELECT count(*) FROM decisions"), 1000, 10000);
        remove_place(&p);
}

/* `sql` makes of a good history what must not be used; the new one begins empty. */
static void assert_moved_aside(const char *sql)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);

        assert_int_equal(add(s, "/bin/a", 5, NOW_US, NOW_US), 0);
        store_free(s);
        change(&p, sql);
        s = store_new(p.path, &limits);
        assert_int_equal(add(s, "/bin/b", 2, NOW_US, NOW_US), 0);
        assert_non_null(strstr(store_problem(s), ".aside"));
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 2);
        assert_int_equal(access(p.aside, F_OK), 0);
        remove_place(&p);
}

static void another_version_is_moved_aside(_unused_ void **state)
{
        assert_moved_aside("PRAGMA user_version = 7");
        assert_moved_aside("DROP VIEW history; DROP TABLE decisions");
        assert_moved_aside("ALTER TABLE decisions RENAME COLUMN path TO way");
}

/* It says that it is older, and has not what that had. */
static void what_cannot_be_made_of_this_version_is_moved_aside(_unused_ void **state)
{
        assert_moved_aside("PRAGMA user_version = 1");
        assert_moved_aside("PRAGMA user_version = -1");
        assert_moved_aside("DROP VIEW history; DROP TABLE decisions; CREATE TABLE decisions (id INTEGER); PRAGMA user_version = 1");
}

static void what_is_no_database_is_moved_aside(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s;
        FILE *f = fopen(p.path, "w");

        assert_non_null(f);
        for (int i = 0; i < 1000; i++)
                fputs("no database at all\n", f);
        fclose(f);
        s = store_new(p.path, &limits);
        assert_int_equal(add(s, "/bin/a", 2, NOW_US, NOW_US), 0);
        store_free(s);
        assert_int_equal(access(p.aside, F_OK), 0);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 2);
        remove_place(&p);
}

/* Pages further down than the start: found when they are touched. That batch is lost, the next is kept. */
static void damage_inside_costs_a_batch(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);
        uint64_t lost = 0;
        FILE *f;

        assert_int_equal(add(s, "/bin/a", 2000, NOW_US, NOW_US), 0);
        store_free(s);
        f = fopen(p.path, "r+");
        assert_non_null(f);
        fseek(f, 4096, SEEK_SET); /* behind the first page, which holds the schema */
        for (int i = 0; i < 40 * 4096; i++)
                fputc(0x5a, f);
        fclose(f);
        s = store_new(p.path, &limits);
        for (int i = 0; i < 3; i++)
                lost += add(s, "/bin/b", 10, NOW_US, NOW_US);
        assert_in_range(lost, 0, 10);
        assert_int_equal(access(p.aside, F_OK), 0);
        store_free(s);
        assert_int_equal(number(&p, "SELECT count(*) FROM decisions"), 30 - lost);
        remove_place(&p);
}

/* Nowhere to write: counted, told, and tried again after a while. */
static void a_folder_that_is_not_there_is_tried_again(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);

        assert_int_equal(rmdir(p.folder), 0);
        assert_int_equal(add(s, "/bin/a", 7, NOW_US, NOW_US), 7);
        assert_non_null(strstr(store_problem(s), "history is not kept"));
        assert_int_equal(mkdir(p.folder, 0700), 0);
        assert_int_equal(add(s, "/bin/a", 7, NOW_US, NOW_US + 1000000), 7);
        assert_int_equal(add(s, "/bin/a", 7, NOW_US, NOW_US + 11000000), 0);
        assert_string_equal(store_problem(s), "");
        store_free(s);
        remove_place(&p);
}

static void a_clock_set_back_does_not_keep_it_closed(_unused_ void **state)
{
        struct place p = make_place();
        const struct store_limits limits = roomy();
        struct store *s = store_new(p.path, &limits);

        assert_int_equal(rmdir(p.folder), 0);
        assert_int_equal(add(s, "/bin/a", 1, NOW_US, NOW_US), 1);
        assert_int_equal(mkdir(p.folder, 0700), 0);
        assert_int_equal(add(s, "/bin/a", 1, NOW_US, NOW_US - (int64_t)DAY_US), 0);
        store_free(s);
        remove_place(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_decision_becomes_a_row),
                cmocka_unit_test(a_summary_is_one_row),
                cmocka_unit_test(an_older_version_keeps_its_rows),
                cmocka_unit_test(too_many_rows_go_the_oldest_first),
                cmocka_unit_test(old_rows_go),
                cmocka_unit_test(the_file_does_not_grow_for_ever),
                cmocka_unit_test(another_version_is_moved_aside),
                cmocka_unit_test(what_cannot_be_made_of_this_version_is_moved_aside),
                cmocka_unit_test(what_is_no_database_is_moved_aside),
                cmocka_unit_test(damage_inside_costs_a_batch),
                cmocka_unit_test(a_folder_that_is_not_there_is_tried_again),
                cmocka_unit_test(a_clock_set_back_does_not_keep_it_closed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
