/* SPDX-License-Identifier: GPL-3.0-or-later */
/* History read back: what was kept is found, in order and within bounds, whatever else happens to the file; and nothing of the file is changed. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/fold.h"
#include "recorder/query.h"
#include "recorder/store.h"
#include "recorder/timeline.h"
#include "unit.h"
#include "wire/message.h"

static const int64_t NOW_US = INT64_C(1800000000000000);

struct place {
        char folder[64], path[96];
};

static int make_place(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        strcpy(p->folder, "/tmp/bastion-query.XXXXXX");
        assert_non_null(mkdtemp(p->folder));
        snprintf(p->path, sizeof(p->path), "%s/history.db", p->folder);
        *state = p;
        return 0;
}

static int remove_place(void **state)
{
        static const char *const NAMES[] = { "history.db", "history.db-wal", "history.db-shm" };
        struct place *p = *state;
        char path[160];

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                snprintf(path, sizeof(path), "%s/%s", p->folder, NAMES[i]);
                unlink(path);
        }
        assert_int_equal(rmdir(p->folder), 0);
        free(p);
        return 0;
}

static struct store *open_store(const struct place *p)
{
        static const struct store_limits limits = { .rows = 1000000, .bytes = 200 << 20, .age_us = UINT64_C(30) * 86400000000 };
        struct store *s = store_new(p->path, &limits);

        assert_non_null(s);
        return s;
}

/* A row: seq `seq`, at NOW_US + seq, of `path` to 192.0.2.<seq % 250>:port, denied when `deny`. */
static void add(struct store *s, uint64_t seq, const char *path, uint16_t port, bool deny)
{
        _cleanup_(subject_unrefp) struct subject *subject = subject_new(SUBJECT_PROGRAM, path, "a-comm");
        struct rule rule = { .id = (char[]){ "r7" } };
        struct decision decision = { deny ? VERDICT_DENY : VERDICT_ALLOW, REASON_RULE, .rule = &rule };
        struct flow flow = flow_to("192.0.2.0", port, 6);
        struct record r;

        flow.remote.bytes[15] = (uint8_t)(seq % 250);
        subject->uid = 1000;
        subject->gid = 1001;
        subject->process.pid = 42;
        subject->identity = IDENTITY_TASK;
        subject->path_deleted = seq % 2;
        assert_int_equal(record_init(&r, &decision, subject, &flow, seq % 2 ? &(struct hosts){ .names = { "Host.test" }, .n = 1, .source = HOST_SOURCE_DNS } : NULL), 0);
        r.seq = seq;
        r.time_us = NOW_US + (int64_t)seq;
        r.latency_ns = 12000;
        r.direction = seq % 2 ? DIRECTION_IN : DIRECTION_OUT;
        store_add(s, &r);
        record_deinit(&r);
}

static void commit(struct store *s)
{
        if (store_commit(s) != 0)
                fail_msg("%s", store_problem(s));
}

static void fill(const struct place *p, unsigned n)
{
        struct store *s = open_store(p);

        store_begin(s, NOW_US);
        for (unsigned i = 1; i <= n; i++)
                add(s, i, i % 10 ? "/usr/bin/curl" : "/usr/bin/dig", i % 10 ? 443 : 53, i % 10 == 0);
        commit(s);
        store_free(s);
}

static struct search search_of(const char *words)
{
        _cleanup_(freep) char *copy = strdup(words);
        char error[SEARCH_ERROR_MAX];
        struct search s = {};

        for (char *rest = copy, *word; (word = strsep(&rest, " ")) && *word;)
                if (search_set_word(&s, word, error) != 0)
                        fail_msg("%s: %s", word, error);
        return s;
}

/* Every record that is found, oldest first, at most `max`; how many. */
static size_t find(const struct place *p, const char *words, uint64_t limit, struct event **ret, size_t max)
{
        _cleanup_(search_deinit) struct search s = search_of(words);
        _cleanup_(query_freep) struct query *q = NULL;
        _cleanup_(buf_deinit) struct buf out = {};
        char error[QUERY_ERROR_MAX] = "";
        size_t n = 0;
        int r;

        if (query_open(p->path, &q, error) != 0 || query_begin(q, &s, limit, error) != 0)
                fail_msg("%s", error);
        while ((r = query_next(q, &out, error)) == QUERY_MORE)
                ;
        if (r != QUERY_END)
                fail_msg("%s", error);
        assert_int_equal(query_n_unreadable(q), 0);
        for (char *line = out.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
                assert_true(n < max);
                assert_int_equal(event_parse(line, (size_t)(end - line), &ret[n]), 0);
                assert_int_equal(ret[n++]->n_records, 1);
        }
        return n;
}

static void free_events(struct event **events, size_t n)
{
        for (size_t i = 0; i < n; i++)
                event_free(events[i]);
}

static size_t count(const struct place *p, const char *words)
{
        static struct event *found[5000];
        size_t n = find(p, words, 5000, found, ARRAY_SIZE(found));

        free_events(found, n);
        return n;
}

static void what_was_kept_comes_back(void **state)
{
        struct place *p = *state;
        struct event *found[2];
        const struct record *r;

        fill(p, 2);
        assert_int_equal(find(p, "", 10, found, 2), 2);
        r = &found[0]->records[0];
        assert_int_equal(r->seq, 1);
        assert_int_equal(r->time_us, NOW_US + 1);
        assert_int_equal(r->verdict, VERDICT_ALLOW);
        assert_int_equal(r->reason, REASON_RULE);
        assert_string_equal(r->rule, "r7");
        assert_string_equal(hosts_first(&r->hosts), "Host.test");
        assert_int_equal(r->hosts.source, HOST_SOURCE_DNS);
        assert_string_equal(r->subject->path, "/usr/bin/curl");
        assert_string_equal(r->subject->name, "a-comm");
        assert_int_equal(r->subject->uid, 1000);
        assert_int_equal(r->subject->gid, 1001);
        assert_int_equal(r->subject->process.pid, 42);
        assert_int_equal(r->subject->identity, IDENTITY_TASK);
        assert_true(r->subject->path_deleted);
        assert_false(r->subject->path_foreign);
        assert_int_equal(r->direction, DIRECTION_IN);
        assert_int_equal(r->latency_ns, 12000);
        assert_int_equal(r->flow.remote_port, 443);
        assert_int_equal(r->flow.local_port, 40000);
        assert_false(r->is_summary);
        r = &found[1]->records[0];
        assert_null(hosts_first(&r->hosts));
        assert_false(r->subject->path_deleted);
        free_events(found, 2);
}

static void a_summary_comes_back_with_its_count(void **state)
{
        struct place *p = *state;
        const struct summary summary = { .verdict = VERDICT_DENY, .reason = REASON_SESSION, .rule = "s1", .time_us = NOW_US, .since_us = NOW_US - 5,
                                         .n_connections = 57, .n_bytes = 12345 };
        struct store *s = open_store(p);
        struct record record;
        struct event *found[1];

        assert_int_equal(record_init_summary(&record, &summary), 0);
        store_begin(s, NOW_US);
        store_add(s, &record);
        record_deinit(&record);
        commit(s);
        store_free(s);
        assert_int_equal(find(p, "", 1, found, 1), 1);
        assert_true(found[0]->records[0].is_summary);
        assert_int_equal(found[0]->records[0].n_connections, 57);
        assert_int_equal(found[0]->records[0].n_bytes, 12345);
        assert_int_equal(found[0]->records[0].since_us, NOW_US - 5);
        assert_int_equal(found[0]->records[0].subject->kind, SUBJECT_UNKNOWN);
        free_events(found, 1);
}

static void each_criterion_finds_its_rows(void **state)
{
        static const struct {
                const char *words;
                size_t n;
        } cases[] = {
                { "", 2000 },
                { "program=curl", 1800 },
                { "program=/usr/bin/*", 2000 },
                { "program=/usr/bin/dig", 200 },
                { "program=a-comm", 0 },
                { "program=';DROP", 0 },
                { "host=192.0.2.1", 8 },
                { "host=192.0.2.0/24", 2000 },
                { "host=2001:db8::/32", 0 },
                { "host=host.test", 1000 },
                { "port=53", 200 },
                { "port=1-442", 200 },
                { "port=443-65535", 1800 },
                { "verdict=deny", 200 },
                { "rule=r7", 2000 },
                { "rule=r7'OR'1", 0 },
                { "reason=rule", 2000 },
                { "reason=user", 0 },
                { "uid=1000", 2000 },
                { "uid=0", 0 },
                { "since=1800000000001001", 1000 },
                { "until=1800000000001001", 1000 },
                { "since=1800000000000010 until=1800000000000020 verdict=deny", 1 },
                { "older=1001@1800000000001001", 1000 },
                { "older=1001@1800000000001501", 1500 },
                { "older=1501@1800000000001001", 1500 },
                { "program=dig verdict=allow", 0 },
        };
        struct place *p = *state;

        fill(p, 2000);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (count(p, cases[i].words) != cases[i].n)
                        fail_msg("%s: %zu rows, expected %zu", cases[i].words, count(p, cases[i].words), cases[i].n);
}

/* More of them than are read at a time. */
static void the_last_ones_come_oldest_first(void **state)
{
        static struct event *found[1000];
        struct place *p = *state;

        fill(p, 3000);
        assert_int_equal(find(p, "program=curl", 1000, found, ARRAY_SIZE(found)), 1000);
        assert_int_equal(found[999]->records[0].seq, 2999);
        for (size_t i = 1; i < 1000; i++)
                assert_true(found[i]->records[0].seq > found[i - 1]->records[0].seq);
        free_events(found, 1000);
        assert_int_equal(find(p, "verdict=deny", 1, found, 1), 1);
        assert_int_equal(found[0]->records[0].seq, 3000);
        free_events(found, 1);
}

/* Every row is in one line or another, whatever room there is. */
static void rows_that_differ_in_time_alone_are_folded(void **state)
{
        static const size_t rooms[] = { 1, 5, 100000 };
        struct place *p = *state;

        fill(p, 3000);
        for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
                _cleanup_(search_deinit) struct search s = search_of("program=curl");
                _cleanup_(fold_freep) struct fold *fold = fold_new(rooms[i], 7);
                _cleanup_(query_freep) struct query *q = NULL;
                _cleanup_(buf_deinit) struct buf out = {};
                char error[QUERY_ERROR_MAX] = "";
                uint64_t n_lines = 0, n_connections = 0;
                int64_t first_us = INT64_MAX, last_us = 0;
                int r;

                assert_int_equal(query_open(p->path, &q, error), 0);
                query_fold(q, fold);
                assert_int_equal(query_begin(q, &s, 5000, error), 0);
                while ((r = query_next(q, &out, error)) == QUERY_MORE)
                        ;
                assert_int_equal(r, QUERY_END);
                for (char *line = out.data, *end; (end = strchr(line, '\n')); line = end + 1) {
                        _cleanup_(event_freep) struct event *e = NULL;

                        assert_int_equal(event_parse(line, (size_t)(end - line), &e), 0);
                        n_lines++;
                        n_connections += e->records->n_connections;
                        first_us = MIN(first_us, e->records->is_summary ? e->records->since_us : e->records->time_us);
                        last_us = MAX(last_us, e->records->time_us);
                }
                assert_int_equal(n_connections, 2700);
                assert_int_equal(first_us, NOW_US + 1);
                assert_int_equal(last_us, NOW_US + 2999);
                if (rooms[i] == 100000)
                        assert_int_equal(n_lines, 225); /* so many addresses of 250 */
                else
                        assert_true(n_lines > 2000);
        }
}

static void rows_are_counted_by_time(void **state)
{
        struct place *p = *state;
        _cleanup_(search_deinit) struct search s = search_of("program=curl");
        _cleanup_(timeline_freep) struct timeline *timeline = timeline_new(NOW_US + 1001, NOW_US + 3001, 4);
        _cleanup_(query_freep) struct query *q = NULL;
        _cleanup_(buf_deinit) struct buf out = {};
        char error[QUERY_ERROR_MAX] = "";
        uint64_t n_lines = 0, n_connections = 0;
        int r;

        fill(p, 3000);
        assert_int_equal(query_open(p->path, &q, error), 0);
        query_timeline(q, timeline);
        assert_int_equal(query_begin(q, &s, 5000, error), 0);
        while ((r = query_next(q, &out, error)) == QUERY_MORE)
                ;
        assert_int_equal(r, QUERY_END);
        for (char *line = out.data, *end; (end = strchr(line, '\n')); line = end + 1) {
                _cleanup_(event_freep) struct event *e = NULL;

                assert_int_equal(event_parse(line, (size_t)(end - line), &e), 0);
                assert_true(e->records->is_summary);
                n_lines++;
                n_connections += e->records->n_connections;
        }
        assert_true(n_lines >= 4 && n_lines <= 8);
        assert_int_equal(n_connections, 1800); /* nine of ten are curl's */
}

/* The recorder adds and deletes between two reads, and its log of changes begins anew, which a reader that held on to it would prevent. */
static void the_recorder_goes_on_meanwhile(void **state)
{
        struct place *p = *state;
        _cleanup_(search_deinit) struct search s = search_of("");
        _cleanup_(query_freep) struct query *q = NULL;
        _cleanup_(buf_deinit) struct buf out = {};
        char error[QUERY_ERROR_MAX] = "", wal[160];
        struct store *store;
        struct stat st;
        uint64_t seq = 3001;
        int r;

        fill(p, 3000);
        store = open_store(p);
        assert_int_equal(query_open(p->path, &q, error), 0);
        assert_int_equal(query_begin(q, &s, 2000, error), 0);
        do {
                for (int i = 0; i < 5; i++) {
                        store_begin(store, NOW_US);
                        for (unsigned k = 0; k < 1000; k++)
                                add(store, seq++, "/usr/bin/later", 443, false);
                        commit(store);
                }
                r = query_next(q, &out, error);
        } while (r == QUERY_MORE);
        assert_int_equal(r, QUERY_END);
        assert_null(strstr(out.data, "later"));
        assert_non_null(strstr(out.data, "\"seq\":1001,"));
        assert_non_null(strstr(out.data, "\"seq\":3000,"));
        snprintf(wal, sizeof(wal), "%s-wal", p->path);
        assert_int_equal(stat(wal, &st), 0);
        assert_in_range(st.st_size, 0, 6 << 20);
        store_free(store);
}

static void assert_fails(const struct place *p, int expected, const char *words)
{
        _cleanup_(search_deinit) struct search s = search_of("");
        _cleanup_(query_freep) struct query *q = NULL;
        _cleanup_(buf_deinit) struct buf out = {};
        char error[QUERY_ERROR_MAX] = "", aside[160];
        int r;

        r = query_open(p->path, &q, error);
        if (r == 0)
                r = query_begin(q, &s, 5000, error);
        while (r == 0 || r == QUERY_MORE) {
                r = query_next(q, &out, error);
                assert_int_not_equal(r, QUERY_END);
        }
        assert_int_equal(r, expected);
        if (!strstr(error, words))
                fail_msg("%s", error);
        snprintf(aside, sizeof(aside), "%s.aside", p->path);
        assert_int_equal(access(aside, F_OK), -1);
}

static void change(const struct place *p, const char *sql)
{
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

static bool has_reached(struct query *q, uint64_t seq, int64_t us, int64_t until_us)
{
        const struct search s = {
                .has = SEARCH_OLDER | (until_us ? SEARCH_UNTIL : 0), .older_seq = seq, .older_us = NOW_US + us, .until_us = NOW_US + until_us };
        int64_t newest;
        bool reached = query_has_reached(q, &s, &newest);

        assert_int_equal(newest, 10);
        return reached;
}

static void it_is_known_how_far_the_recorder_has_come(void **state)
{
        struct place *p = *state;
        _cleanup_(query_freep) struct query *q = NULL;
        char error[QUERY_ERROR_MAX];

        fill(p, 10);
        assert_int_equal(query_open(p->path, &q, error), 0);
        assert_true(has_reached(q, 10, 10, 0));
        assert_true(has_reached(q, 9, 9, 0));
        assert_false(has_reached(q, 11, 11, 0));
        assert_false(has_reached(q, 5, 11, 0)); /* number 10 is of an earlier life */
        assert_true(has_reached(q, 5000, 8, 9)); /* of an earlier life too, and nothing from later than number 9 is wanted */
        assert_false(has_reached(q, 5000, 10, 11));
}

static void a_history_that_is_not_there_is_missing(void **state)
{
        struct place *p = *state;

        assert_fails(p, QUERY_E_MISSING, "No such file");
        assert_int_equal(access(p->path, F_OK), -1);
        change(p, "PRAGMA journal_mode = WAL"); /* the file, without tables */
        assert_fails(p, QUERY_E_MISSING, "");
}

static void a_newer_version_is_left_alone(void **state)
{
        struct place *p = *state;

        fill(p, 10);
        change(p, "PRAGMA user_version = 99");
        assert_fails(p, QUERY_E_FAILED, "is of version 99, and this program knows those up to 4");
}

static void damage_is_told(void **state)
{
        struct place *p = *state;
        FILE *f;

        fill(p, 2000);
        f = fopen(p->path, "r+");
        assert_non_null(f);
        fseek(f, 4096, SEEK_SET); /* behind the first page, which holds the schema */
        for (int i = 0; i < 10 * 4096; i++)
                fputc(0x5a, f);
        fclose(f);
        assert_fails(p, QUERY_E_FAILED, "the history is damaged");
        f = fopen(p->path, "w");
        assert_non_null(f);
        for (int i = 0; i < 1000; i++)
                fputs("no database at all\n", f);
        fclose(f);
        assert_fails(p, QUERY_E_FAILED, "the history is damaged (file is not a database)");
}

static void older_versions_are_read(void **state)
{
        struct place *p = *state;

        fill(p, 10);
        change(p, "ALTER TABLE decisions DROP COLUMN host_source; PRAGMA user_version = 3");
        assert_int_equal(count(p, "verdict=deny"), 1);
        change(p, "ALTER TABLE decisions DROP COLUMN seq; ALTER TABLE decisions DROP COLUMN path_deleted;"
                  "ALTER TABLE decisions DROP COLUMN path_foreign; PRAGMA user_version = 2");
        assert_int_equal(count(p, "verdict=deny"), 1);
        change(p, "DROP VIEW history; ALTER TABLE decisions DROP COLUMN count; ALTER TABLE decisions DROP COLUMN bytes;"
                  "ALTER TABLE decisions DROP COLUMN since_us; PRAGMA user_version = 1");
        assert_int_equal(count(p, "program=curl"), 9);
}

/* Two rows, the second with this changed, without the promises of the schema. */
static void fill_and_change(struct place *p, const char *set)
{
        char sql[2048];

        unlink(p->path);
        fill(p, 2);
        snprintf(sql, sizeof(sql), "CREATE TABLE d AS SELECT * FROM decisions; DROP VIEW history; DROP TABLE decisions;"
                 "ALTER TABLE d RENAME TO decisions; UPDATE decisions SET %s WHERE id = 2", set);
        change(p, sql);
}

/* Whoever can write the file is not believed. */
static void rows_that_mean_nothing_are_counted(void **state)
{
        static const char *const changes[] = {
                "verdict = 'ask'",         "verdict = x'ff'",       "reason = 'because'",   "kind = 7",          "kind = 'a'",
                "path = NULL",             "path = x'610062'",      "identity = ''",        "protocol = 'x'",    "local_ip = 'here'",
                "remote_ip = 'there'",     "remote_port = 65536",   "local_port = -1",      "uid = 4294967296",  "pid = -1",
                "count = 0",               "count = -1",            "bytes = 'many'",       "seq = -1",          "latency_us = -5",
                "time_us = -1",            "would_deny = 2",        "direction = NULL",     "since_us = -1",     "path_deleted = 'yes'",
                "path = hex(zeroblob(3000))",
        };
        struct place *p = *state;
        unsigned n_refused = 0;

        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                _cleanup_(search_deinit) struct search s = search_of("");
                _cleanup_(query_freep) struct query *q = NULL;
                _cleanup_(buf_deinit) struct buf out = {};
                char error[QUERY_ERROR_MAX] = "";

                fill_and_change(p, changes[i]);
                assert_int_equal(query_open(p->path, &q, error), 0);
                assert_int_equal(query_begin(q, &s, 5, error), 0);
                while (query_next(q, &out, error) == QUERY_MORE)
                        ;
                if (query_n_unreadable(q) != 1)
                        fail_msg("%s: %s", changes[i], out.n ? out.data : "");
                assert_non_null(strstr(out.data, "\"seq\":1,"));
                n_refused++;
        }
        assert_int_equal(n_refused, ARRAY_SIZE(changes));
}

static void a_timeline_counts_none_of_them(void **state)
{
        static const char *const changes[] = { "verdict = 'ask'", "verdict = x'ff'", "count = 0", "count = -1", "time_us = -1" };
        struct place *p = *state;

        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                _cleanup_(timeline_freep) struct timeline *timeline = timeline_new(0, INT64_MAX, 1);
                _cleanup_(search_deinit) struct search s = search_of("");
                _cleanup_(query_freep) struct query *q = NULL;
                _cleanup_(event_freep) struct event *e = NULL;
                _cleanup_(buf_deinit) struct buf out = {};
                char error[QUERY_ERROR_MAX] = "";

                fill_and_change(p, changes[i]);
                assert_int_equal(query_open(p->path, &q, error), 0);
                query_timeline(q, timeline);
                assert_int_equal(query_begin(q, &s, 5, error), 0);
                while (query_next(q, &out, error) == QUERY_MORE)
                        ;
                assert_int_equal(query_n_unreadable(q), 1);
                assert_int_equal(event_parse(out.data, out.n - 1, &e), 0);
                assert_int_equal(e->records->n_connections, 1);
        }
}

/* The group of the folder: it can read, and make no file. */
static void who_cannot_write_can_read(void **state)
{
        struct place *p = *state;
        static struct store *s; /* where the child, which never returns, still has it */
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        fill(p, 10);
        s = open_store(p);
        for (int running = 0; running < 2; running++) {
                if (running) {
                        store_begin(s, NOW_US);
                        add(s, 11, "/bin/a", 1, false);
                        commit(s);
                }
                assert_int_equal(chmod(p->folder, 0755), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        struct search search = {};
                        struct query *q = NULL;
                        struct buf out = {};
                        char error[QUERY_ERROR_MAX] = "";
                        bool good = setgid(65534) == 0 && setuid(65534) == 0 && query_open(p->path, &q, error) == 0 &&
                                    query_begin(q, &search, 20, error) == 0 && query_next(q, &out, error) == QUERY_MORE &&
                                    query_next(q, &out, error) == QUERY_END && strstr(out.data, running ? "\"seq\":11," : "\"seq\":10,");

                        fputs(error, stderr);
                        query_free(q);
                        buf_deinit(&out);
                        _exit(good ? 0 : 1);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
        }
        store_free(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_was_kept_comes_back, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_summary_comes_back_with_its_count, make_place, remove_place),
                cmocka_unit_test_setup_teardown(each_criterion_finds_its_rows, make_place, remove_place),
                cmocka_unit_test_setup_teardown(the_last_ones_come_oldest_first, make_place, remove_place),
                cmocka_unit_test_setup_teardown(rows_that_differ_in_time_alone_are_folded, make_place, remove_place),
                cmocka_unit_test_setup_teardown(the_recorder_goes_on_meanwhile, make_place, remove_place),
                cmocka_unit_test_setup_teardown(it_is_known_how_far_the_recorder_has_come, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_history_that_is_not_there_is_missing, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_newer_version_is_left_alone, make_place, remove_place),
                cmocka_unit_test_setup_teardown(rows_are_counted_by_time, make_place, remove_place),
                cmocka_unit_test_setup_teardown(damage_is_told, make_place, remove_place),
                cmocka_unit_test_setup_teardown(older_versions_are_read, make_place, remove_place),
                cmocka_unit_test_setup_teardown(rows_that_mean_nothing_are_counted, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_timeline_counts_none_of_them, make_place, remove_place),
                cmocka_unit_test_setup_teardown(who_cannot_write_can_read, make_place, remove_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
