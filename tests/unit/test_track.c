/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ring records composed from bpf/abi.h: what is taken over, and which lengths are refused. */
#include "unit.h"

#include "bpf/abi.h"
#include "wire/track.h"

struct record {
        struct abi_track track;
        char text[ABI_TRACK_PATH + ABI_TRACK_ARGS + ABI_TRACK_CGROUP];
};

static const char PATH[] = "/usr/bin/sp ace\xff";
static const char ARGS[] = "curl\0-s\0";
static const char CGROUP[] = "/user.slice";

static struct record *new_record(size_t *ret_n)
{
        struct record *r = calloc(1, sizeof(*r));

        assert_non_null(r);
        r->track = (struct abi_track){
                .abi = BASTION_ABI,
                .process = { .start_ns = 7, .pid = 42, .exec_id = 3 },
                .uid = 1000,
                .gid = 100,
                .exe_ino = 99,
                .mnt_ns = 4026531841u,
                .path_len = sizeof(PATH) - 1,
                .args_len = sizeof(ARGS) - 1,
                .cgroup_len = sizeof(CGROUP) - 1,
                .n_ancestors = 1,
                .comm = "curl",
                .ancestors = { { .pid = 41, .name = "bash" } },
        };
        memcpy(r->text, PATH, sizeof(PATH) - 1);
        memcpy(r->text + sizeof(PATH) - 1, ARGS, sizeof(ARGS) - 1);
        memcpy(r->text + sizeof(PATH) - 1 + sizeof(ARGS) - 1, CGROUP, sizeof(CGROUP) - 1);
        *ret_n = sizeof(r->track) + sizeof(PATH) - 1 + sizeof(ARGS) - 1 + sizeof(CGROUP) - 1;
        return r;
}

static void a_record_becomes_a_subject(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        r->track.flags = ABI_TRACK_DELETED;
        assert_int_equal(track_parse(r, n, &s, &file), 0);
        assert_string_equal(s->path, PATH);
        assert_string_equal(s->name, "curl");
        assert_int_equal(s->n_arguments, sizeof(ARGS) - 1);
        assert_memory_equal(s->arguments, ARGS, sizeof(ARGS) - 1);
        assert_string_equal(s->cgroup, CGROUP);
        assert_int_equal(s->identity, IDENTITY_TASK);
        assert_int_equal(s->process.pid, 42);
        assert_int_equal(s->process.exec_id, 3);
        assert_int_equal(s->uid, 1000);
        assert_true(s->path_deleted);
        assert_int_equal(s->n_ancestors, 1);
        assert_string_equal(s->ancestors[0].name, "bash");
        assert_int_equal(file.inode, 99);
        assert_int_equal(file.mount_namespace, 4026531841u);
        subject_unref(s);
}

/* Every shorter and every longer record than the lengths in it say is refused, and nothing is read past its end. */
static void a_record_has_exactly_its_length(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        for (size_t cut = 0; cut < n; cut++) {
                _cleanup_(freep) char *copy = malloc(cut + 1);

                memcpy(copy, r, cut);
                assert_int_equal(track_parse(copy, cut, &s, &file), TRACK_E_MALFORMED);
        }
        assert_int_equal(track_parse(r, n + 1, &s, &file), TRACK_E_MALFORMED);
        assert_null(s);
}

static void lengths_beyond_the_bounds_are_refused(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        r->track.n_ancestors = ABI_TRACK_ANCESTORS + 1;
        assert_int_equal(track_parse(r, n, &s, &file), TRACK_E_MALFORMED);
        r->track.n_ancestors = 0;
        r->track.path_len = ABI_TRACK_PATH + 1;
        assert_int_equal(track_parse(r, sizeof(*r), &s, &file), TRACK_E_MALFORMED);
        r->track.path_len = UINT16_MAX;
        assert_int_equal(track_parse(r, sizeof(*r), &s, &file), TRACK_E_MALFORMED);
}

static void a_path_with_a_nul_inside_names_no_file(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        r->text[4] = '\0';
        assert_int_equal(track_parse(r, n, &s, &file), TRACK_E_MALFORMED);
}

static void another_abi_is_told_apart(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        r->track.abi = BASTION_ABI + 1;
        assert_int_equal(track_parse(r, n, &s, &file), TRACK_E_ABI);
}

static void arguments_cut_by_the_kernel_still_end_in_nul(void **state)
{
        struct subject *s = NULL;
        struct track_file file;
        size_t n;
        _cleanup_(freep) struct record *r = new_record(&n);

        (void)state;
        r->track.path_len = r->track.cgroup_len = 0;
        r->track.args_len = ABI_TRACK_ARGS;
        r->track.flags = ABI_TRACK_ARGS_CUT;
        memset(r->text, 'x', ABI_TRACK_ARGS);
        assert_int_equal(track_parse(r, sizeof(r->track) + ABI_TRACK_ARGS, &s, &file), 0);
        assert_int_equal(s->n_arguments, LIMIT_ARGS);
        assert_int_equal(s->arguments[LIMIT_ARGS - 1], '\0');
        assert_true(s->arguments_cut);
        assert_string_equal(s->path, "");
        subject_unref(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_becomes_a_subject),
                cmocka_unit_test(a_record_has_exactly_its_length),
                cmocka_unit_test(lengths_beyond_the_bounds_are_refused),
                cmocka_unit_test(a_path_with_a_nul_inside_names_no_file),
                cmocka_unit_test(another_abi_is_told_apart),
                cmocka_unit_test(arguments_cut_by_the_kernel_still_end_in_nul),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
