/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ring records against bpf/abi.h. Each test starts from one good record and spoils one thing; records lie in
 * blocks of their exact size, so that a sanitizer sees every read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "bpf/abi.h"
#include "wire/track.h"

enum { TAIL_MAX = 3 * ABI_TRACK_PATH };

struct record {
        struct abi_track header;
        char tail[TAIL_MAX];
        size_t n; /* of the tail */
};

static void put_tail(struct record *r, uint16_t *ret_length, const char *data, size_t n)
{
        assert_true(r->n + n <= sizeof(r->tail));
        memcpy(r->tail + r->n, data, n);
        r->n += n;
        *ret_length = (uint16_t)n;
}

static struct record record_with(const char *path, size_t path_n, const char *args, size_t args_n,
                                 const char *cgroup, size_t cgroup_n)
{
        struct record r = {
                .header =
                        {
                                .abi = BASTION_ABI,
                                .process = {.start_ns = 123456789, .pid = 1000, .exec_id = 3},
                                .uid = 1001,
                                .gid = 1002,
                                .exe_ino = UINT64_C(0x1122334455667788),
                                .exe_ctime_ns = UINT64_C(1700000000000000001),
                                .exe_dev = 8 << 20 | 1,
                                .exe_generation = 7,
                                .mnt_ns = 4026531841,
                                .wants = ABI_WANTS_CGROUP,
                                .n_ancestors = 2,
                                .comm = "curl",
                                .ancestors = {{.pid = 900, .comm = "sh", .program = "dash"}, {.pid = 800, .comm = "make"}},
                        },
        };

        put_tail(&r, &r.header.path_len, path, path_n);
        put_tail(&r, &r.header.args_len, args, args_n);
        put_tail(&r, &r.header.cgroup_len, cgroup, cgroup_n);
        return r;
}

#define RECORD(path, args, cgroup)                                                                           \
        record_with(path, sizeof(path) - 1, args, sizeof(args) - 1, cgroup, sizeof(cgroup) - 1)

static struct record good(void)
{
        struct record r = RECORD("/usr/bin/curl", "curl\0-v\0", "/user.slice");

        put_tail(&r, &r.header.ancestors[0].path_len, "/usr/bin/dash", strlen("/usr/bin/dash"));
        return r;
}

static int parse_cut(const struct record *r, size_t n, struct subject **ret, struct track_file *ret_file)
{
        _cleanup_(freep) char *copy = malloc(n ? n : 1);
        char whole[sizeof(r->header) + TAIL_MAX];

        assert_non_null(copy);
        memcpy(whole, &r->header, sizeof(r->header));
        memcpy(whole + sizeof(r->header), r->tail, r->n);
        memcpy(copy, whole, n);
        return track_parse(copy, n, ret, ret_file);
}

static int parse(const struct record *r, struct subject **ret)
{
        struct track_file file;

        return parse_cut(r, sizeof(r->header) + r->n, ret, &file);
}

static void assert_refused(const struct record *r, int error)
{
        struct subject *s = NULL;

        assert_int_equal(parse(r, &s), error);
        assert_null(s);
}

static void test_everything_it_says(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record r = good();
        struct track_file file;

        assert_int_equal(parse_cut(&r, sizeof(r.header) + r.n, &s, &file), 0);
        assert_int_equal(s->n_refs, 1);
        assert_int_equal(s->kind, SUBJECT_PROGRAM);
        assert_int_equal(s->identity, IDENTITY_TASK);
        assert_int_equal(s->process.start_ns, 123456789);
        assert_int_equal(s->process.pid, 1000);
        assert_int_equal(s->process.exec_id, 3);
        assert_int_equal(s->uid, 1001);
        assert_int_equal(s->gid, 1002);
        assert_int_equal(s->key_covers, SUBJECT_CGROUP);
        assert_false(s->ancestors_asked);
        assert_string_equal(s->path, "/usr/bin/curl");
        assert_string_equal(s->name, "curl");
        assert_int_equal(s->n_arguments, 8);
        assert_memory_equal(s->arguments, "curl\0-v\0", 8);
        assert_false(s->arguments_cut);
        assert_string_equal(s->cgroup, "/user.slice");
        assert_int_equal(s->n_ancestors, 2);
        assert_int_equal(s->ancestors[0].pid, 900);
        assert_string_equal(s->ancestors[0].name, "sh");
        assert_string_equal(s->ancestors[0].program, "dash");
        assert_string_equal(s->ancestors[0].path, "/usr/bin/dash");
        assert_int_equal(s->ancestors[1].pid, 800);
        assert_string_equal(s->ancestors[1].name, "make");
        assert_string_equal(s->ancestors[1].program, "");
        assert_null(s->ancestors[1].path);
        assert_false(s->path_deleted);
        assert_false(s->path_foreign);
        assert_int_equal(file.inode, UINT64_C(0x1122334455667788));
        assert_int_equal(file.ctime_ns, UINT64_C(1700000000000000001));
        assert_int_equal(file.device, 8 << 20 | 1);
        assert_int_equal(file.generation, 7);
        assert_int_equal(file.mount_namespace, 4026531841);
        assert_int_equal(file.foreign_ancestors, 0);
}

/* The caller looks at the file; where there is no path there is nothing to look at. */
static void test_ancestors_of_another_mount_namespace(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record r = good();
        struct track_file file;

        r.header.ancestors[0].foreign = r.header.ancestors[1].foreign = 1;
        r.header.ancestors[2].foreign = r.header.ancestors[2].path_len = 1;
        assert_int_equal(parse_cut(&r, sizeof(r.header) + r.n, &s, &file), 0);
        assert_int_equal(file.foreign_ancestors, 1 << 0);
        assert_string_equal(s->ancestors[0].path, "/usr/bin/dash");
}

/* argv is joined by NUL; where the kernel cut it, the last NUL is missing and is added. */
static void test_arguments(void **state _unused_)
{
        struct record rows[] = {RECORD("/a", "x\0y", ""), RECORD("/a", "x\0y\0", "")};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(subject_unrefp) struct subject *s = NULL;

                assert_int_equal(parse(&rows[i], &s), 0);
                assert_int_equal(s->n_arguments, 4);
                assert_memory_equal(s->arguments, "x\0y\0", 4);
        }
}

static void test_absent_parts(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record r = RECORD("", "", "");

        r.header.n_ancestors = 0;
        assert_int_equal(parse(&r, &s), 0);
        assert_int_equal(s->kind, SUBJECT_PROGRAM);
        assert_string_equal(s->path, "");
        assert_int_equal(s->n_arguments, 0);
        assert_int_equal(s->n_ancestors, 0);
        assert_true(!s->cgroup || s->cgroup[0] == '\0');
}

static void test_flags(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *deleted = NULL, *cut = NULL;
        struct record r = good();

        r.header.flags = ABI_TRACK_DELETED;
        assert_int_equal(parse(&r, &deleted), 0);
        assert_true(deleted->path_deleted);
        assert_string_equal(deleted->path, "/usr/bin/curl"); /* shown; matches no rule */
        assert_null(subject_rule_path(deleted));

        r.header.flags = ABI_TRACK_ARGS_CUT;
        assert_int_equal(parse(&r, &cut), 0);
        assert_true(cut->arguments_cut);
        assert_false(cut->path_deleted);
}

/* Kernel threads are one shared subject, no process: nothing sends a record of them. */
static void test_pid_zero(void **state _unused_)
{
        struct record r = good();

        r.header.process.pid = 0;
        assert_refused(&r, TRACK_E_MALFORMED);
}

static void test_longest(void **state _unused_)
{
        char path[ABI_TRACK_PATH], args[ABI_TRACK_ARGS], cgroup[ABI_TRACK_CGROUP];
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record r;

        memset(path, 'p', sizeof(path));
        memset(args, 'a', sizeof(args));
        memset(cgroup, 'c', sizeof(cgroup));
        path[0] = cgroup[0] = '/';
        r = record_with(path, sizeof(path) - 1, args, sizeof(args), cgroup, sizeof(cgroup) - 1);
        r.header.n_ancestors = ABI_TRACK_ANCESTORS;
        put_tail(&r, &r.header.ancestors[0].path_len, path, 1);
        put_tail(&r, &r.header.ancestors[ABI_TRACK_ANCESTORS - 1].path_len, path, ABI_TRACK_ANCESTOR_PATHS - 1);
        assert_int_equal(parse(&r, &s), 0);
        assert_int_equal(strlen(s->path), sizeof(path) - 1);
        assert_int_equal(s->n_arguments, LIMIT_ARGS); /* the last byte makes room for the NUL */
        assert_int_equal(s->arguments[LIMIT_ARGS - 1], 0);
        assert_int_equal(strlen(s->cgroup), sizeof(cgroup) - 1);
        assert_int_equal(s->n_ancestors, ABI_TRACK_ANCESTORS);
        assert_string_equal(s->ancestors[0].path, "/");
        assert_null(s->ancestors[1].path);
        assert_int_equal(strlen(s->ancestors[ABI_TRACK_ANCESTORS - 1].path), ABI_TRACK_ANCESTOR_PATHS - 1);
}

static void test_too_long(void **state _unused_)
{
        static const char zeros[2 * ABI_TRACK_PATH];
        char text[2 * ABI_TRACK_PATH];
        struct record rows[4];
        struct record ancestors = good();

        memset(text, 'x', sizeof(text));
        text[0] = '/';
        rows[0] = record_with(text, ABI_TRACK_PATH + 1, "x", 1, "/", 1);
        rows[1] = record_with("/a", 2, zeros, ABI_TRACK_ARGS + 1, "/", 1);
        rows[2] = record_with("/a", 2, "x", 1, text, ABI_TRACK_CGROUP + 1);
        rows[3] = RECORD("/a", "x", "/");
        put_tail(&rows[3], &rows[3].header.ancestors[0].path_len, text, ABI_TRACK_ANCESTOR_PATHS);
        put_tail(&rows[3], &rows[3].header.ancestors[1].path_len, text, 1);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_refused(&rows[i], TRACK_E_MALFORMED);
        ancestors.header.n_ancestors = ABI_TRACK_ANCESTORS + 1;
        assert_refused(&ancestors, TRACK_E_MALFORMED);
        ancestors.header.n_ancestors = UINT16_MAX;
        assert_refused(&ancestors, TRACK_E_MALFORMED);
}

static void test_lengths_beyond_the_end(void **state _unused_)
{
        struct record rows[] = {good(), good(), good(), good(), good()};

        rows[0].header.path_len += 1;
        rows[1].header.args_len = ABI_TRACK_ARGS;
        rows[2].header.cgroup_len += 1;
        rows[3].header.ancestors[0].path_len += 1;
        rows[4].header.ancestors[1].path_len = 1;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_refused(&rows[i], TRACK_E_MALFORMED);
}

/* The lengths add up to the record's, or something else was meant. */
static void test_trailing_bytes(void **state _unused_)
{
        struct record r = good();

        r.n++;
        assert_refused(&r, TRACK_E_MALFORMED);
}

static void test_cut_at_every_byte(void **state _unused_)
{
        struct record r = good();

        for (size_t n = 0; n < sizeof(r.header) + r.n; n++) {
                struct subject *s = NULL;
                struct track_file file;

                assert_int_equal(parse_cut(&r, n, &s, &file), TRACK_E_MALFORMED);
                assert_null(s);
        }
}

/* The number is read before anything whose place another ABI may have moved. */
static void test_other_abi(void **state _unused_)
{
        static const uint32_t others[] = {0, BASTION_ABI + 1, UINT32_MAX};

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                struct record r = good();

                r.header.abi = others[i];
                assert_refused(&r, TRACK_E_ABI);
                r.header.path_len = UINT16_MAX;
                r.header.n_ancestors = UINT16_MAX;
                assert_refused(&r, TRACK_E_ABI);
        }
}

/* The kernel's names are terminated; one that is not is no reason to read on. */
static void test_unterminated_names(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record r = good();

        memset(r.header.comm, 'c', sizeof(r.header.comm));
        memset(r.header.ancestors[0].comm, 'n', sizeof(r.header.ancestors[0].comm));
        memset(r.header.ancestors[0].program, 'p', sizeof(r.header.ancestors[0].program));
        assert_int_equal(parse(&r, &s), 0);
        assert_int_equal(strlen(s->name), sizeof(r.header.comm));
        assert_int_equal(strlen(s->ancestors[0].name), sizeof(s->ancestors[0].name) - 1);
        assert_int_equal(strlen(s->ancestors[0].program), sizeof(s->ancestors[0].program) - 1);
}

/* A path is bytes: blanks, newlines and what is no UTF-8 stay. A NUL can be in none, so that record is wrong.
 */
static void test_paths_are_bytes(void **state _unused_)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct record odd = RECORD("/a b/\n\xff (deleted)", "x", "/"),
                      nul = RECORD("/usr/bin/curl\0/x", "x", "/");
        struct record cgroup_nul = RECORD("/a", "x", "/a\0b"), ancestor_nul = RECORD("/a", "x", "/");

        assert_int_equal(parse(&odd, &s), 0);
        assert_string_equal(s->path, "/a b/\n\xff (deleted)");
        assert_false(s->path_deleted); /* the flag says so, not the text */
        assert_refused(&nul, TRACK_E_MALFORMED);
        assert_refused(&cgroup_nul, TRACK_E_MALFORMED);
        put_tail(&ancestor_nul, &ancestor_nul.header.ancestors[1].path_len, "/a\0b", 4);
        assert_refused(&ancestor_nul, TRACK_E_MALFORMED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything_it_says), cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_absent_parts),       cmocka_unit_test(test_flags),
                cmocka_unit_test(test_pid_zero),           cmocka_unit_test(test_longest),
                cmocka_unit_test(test_too_long),           cmocka_unit_test(test_lengths_beyond_the_end),
                cmocka_unit_test(test_trailing_bytes),     cmocka_unit_test(test_cut_at_every_byte),
                cmocka_unit_test(test_other_abi),          cmocka_unit_test(test_unterminated_names),
                cmocka_unit_test(test_paths_are_bytes),    cmocka_unit_test(test_ancestors_of_another_mount_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
