/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/subject.h"

static void the_nobodies_never_die(void **state)
{
        (void)state;
        for (unsigned i = 0; i < 10; i++) {
                assert_null(subject_unref(subject_unknown()));
                assert_null(subject_unref(subject_kernel()));
        }
        assert_ptr_equal(subject_ref(subject_unknown()), subject_unknown());
        assert_int_equal(subject_unknown()->kind, SUBJECT_UNKNOWN);
        assert_int_equal(subject_kernel()->kind, SUBJECT_KERNEL);
        assert_null(subject_unref(NULL));
}

static void a_new_subject_is_not_root(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/sh", NULL);

        (void)state;
        assert_true(s->uid == UINT32_MAX && s->gid == UINT32_MAX);
        assert_true(subject_unknown()->uid == UINT32_MAX);
        assert_int_equal(subject_kernel()->uid, 0);
        assert_string_equal(s->name, "");
}

static void the_last_reference_frees(void **state)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/sh", "sh");

        (void)state;
        assert_ptr_equal(subject_ref(s), s);
        subject_unref(s);
        assert_string_equal(s->path, "/bin/sh");
        subject_unref(s); /* the sanitizer would see a leak or a second free */
}

static void setuid_makes_another_user_of_the_same_program(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/sbin/d", "d");
        _cleanup_(subject_unrefp) struct subject *user = NULL;

        (void)state;
        s->uid = s->gid = 0;
        s->identity = IDENTITY_TASK;
        s->process = (struct process){ .start_ns = 1, .pid = 2, .exec_id = 3 };
        s->arguments = memcpy(malloc(5), "d\0-x", 5);
        s->n_arguments = 5;
        s->cgroup = strdup("/system.slice");
        s->ancestors[0] = (struct ancestor){ .pid = 7, .name = "sh", .program = "dash" };
        s->ancestors[1] = (struct ancestor){ .pid = 1, .name = "init", .program = "systemd", .path = strdup("/usr/lib/systemd/systemd") };
        s->n_ancestors = 2;
        s->path_deleted = true;
        s->key_covers = SUBJECT_CGROUP;
        user = subject_as_user(s, 33, 34);
        assert_non_null(user);
        assert_true(user->uid == 33 && user->gid == 34 && s->uid == 0);
        assert_true(process_equal(&user->process, &s->process));
        assert_true(user->identity == IDENTITY_TASK && user->path_deleted && !user->path_foreign);
        assert_string_equal(user->path, s->path);
        assert_memory_equal(user->arguments, s->arguments, 5);
        assert_int_equal(user->n_arguments, 5);
        assert_string_equal(user->cgroup, s->cgroup);
        assert_int_equal(user->key_covers, SUBJECT_CGROUP);
        assert_int_equal(user->n_ancestors, 2);
        assert_null(user->ancestors[0].path);
        assert_string_equal(user->ancestors[1].program, "systemd");
        assert_string_equal(user->ancestors[1].path, "/usr/lib/systemd/systemd");
        assert_ptr_not_equal(user->ancestors[1].path, s->ancestors[1].path);
        assert_false(subject_same_program(s, user));
}

static void another_process_agrees_in_what_the_key_covers(void **state)
{
        const struct process other = { .start_ns = 4, .pid = 5, .exec_id = 6 };

        (void)state;
        for (unsigned covers = 0; covers <= (SUBJECT_ARGUMENTS | SUBJECT_ANCESTORS | SUBJECT_CGROUP); covers++) {
                _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/sbin/d", "d");
                _cleanup_(subject_unrefp) struct subject *copy = NULL;

                s->arguments = memcpy(malloc(5), "d\0-x", 5);
                s->n_arguments = 5;
                s->arguments_cut = true;
                s->cgroup = strdup("/system.slice");
                s->ancestors[0] = (struct ancestor){ .pid = 1, .name = "init", .program = "systemd", .path = strdup("/sbin/init") };
                s->n_ancestors = 1;
                s->program_key = 77;
                s->key_covers = covers;
                copy = subject_as_process(s, &other);
                assert_non_null(copy);
                assert_true(process_equal(&copy->process, &other));
                assert_true(copy->program_key == 77 && copy->key_covers == covers);
                assert_true(!copy->arguments == !(covers & SUBJECT_ARGUMENTS) && copy->arguments_cut == !!copy->arguments);
                assert_int_equal(copy->n_arguments, covers & SUBJECT_ARGUMENTS ? 5 : 0);
                assert_true(!copy->cgroup == !(covers & SUBJECT_CGROUP));
                assert_int_equal(copy->n_ancestors, covers & SUBJECT_ANCESTORS ? 1 : 0);
                if (copy->n_ancestors == 0)
                        continue;
                assert_string_equal(copy->ancestors[0].path, "/sbin/init");
                assert_true(copy->ancestors[0].pid == 1 && !copy->ancestors[0].name[0]); /* the first process is known; its name is not */
        }
}

static void ancestors_change_places_and_nothing_else_does(void **state)
{
        _cleanup_(subject_unrefp) struct subject *a = subject_new(SUBJECT_PROGRAM, "/a", "a"), *b = subject_new(SUBJECT_PROGRAM, "/b", "b");

        (void)state;
        a->ancestors[0] = (struct ancestor){ .pid = 1, .path = strdup("/sbin/init") };
        a->n_ancestors = 1;
        b->ancestors[0] = (struct ancestor){ .pid = 3, .path = strdup("/bin/sh") };
        b->ancestors[1] = (struct ancestor){ .pid = 2, .path = strdup("/bin/make") };
        b->n_ancestors = 2;
        b->ancestors_asked = true;
        subject_swap_ancestors(a, b);
        assert_true(a->n_ancestors == 2 && a->ancestors_asked && b->n_ancestors == 1 && !b->ancestors_asked);
        assert_string_equal(a->ancestors[1].path, "/bin/make");
        assert_string_equal(b->ancestors[0].path, "/sbin/init");
        assert_true(strcmp(a->path, "/a") == 0 && strcmp(b->path, "/b") == 0);
}

static void only_a_proved_path_is_for_rules(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/opt/my app (deleted)", "app");
        _cleanup_(subject_unrefp) struct subject *unreadable = subject_new(SUBJECT_PROGRAM, "", "app");

        (void)state;
        assert_string_equal(subject_rule_path(s), "/opt/my app (deleted)"); /* no cutting, no stripping */
        s->path_deleted = true;
        assert_null(subject_rule_path(s));
        s->path_deleted = false;
        s->path_foreign = true;
        assert_null(subject_rule_path(s));
        assert_null(subject_rule_path(unreadable));
        assert_null(subject_rule_path(subject_unknown()));
}

static void people_read_the_best_name_there_is(void **state)
{
        _cleanup_(subject_unrefp) struct subject *a = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "forged");
        _cleanup_(subject_unrefp) struct subject *b = subject_new(SUBJECT_PROGRAM, "", "comm");
        _cleanup_(subject_unrefp) struct subject *c = subject_new(SUBJECT_PROGRAM, NULL, NULL);

        (void)state;
        assert_string_equal(subject_display_name(a), "curl");
        assert_string_equal(subject_display_name(b), "comm");
        assert_string_equal(subject_display_name(c), "unknown");
        assert_string_equal(subject_display_name(subject_kernel()), "kernel");
        assert_string_equal(subject_display_name(subject_unknown()), "unknown");
}

static struct subject *program(const char *path, const char *name, uint32_t uid)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, path, name);

        assert_non_null(s);
        s->uid = s->gid = uid;
        return s;
}

static void assert_same(struct subject *a, struct subject *b, bool same)
{
        assert_int_equal(subject_same_program(a, b), same);
        assert_int_equal(subject_same_program(b, a), same);
        if (same)
                assert_true(subject_program_hash(a, 9) == subject_program_hash(b, 9));
        subject_unref(a);
        subject_unref(b);
}

static void sameness_is_path_and_user(void **state)
{
        struct subject *deleted = program("/bin/a", "a", 1);

        (void)state;
        deleted->path_deleted = true;
        assert_same(program("/bin/a", "a", 1), program("/bin/a", "other", 1), true);
        assert_same(program("/bin/a", "a", 1), program("/bin/b", "a", 1), false);
        assert_same(program("/bin/a", "a", 1), program("/bin/a", "a", 2), false);
        assert_same(program("", "a", 1), program("", "a", 1), true);
        assert_same(program("", "a", 1), program("", "b", 1), false);
        assert_same(program("", "/bin/a", 1), program("/bin/a", "x", 1), false);
        assert_same(program("/bin/a", "a", 1), deleted, false);
        assert_same(subject_unknown(), subject_unknown(), true);
        assert_same(subject_unknown(), subject_kernel(), false);
}

static void a_process_is_pid_start_and_exec(void **state)
{
        struct process a = { .pid = 5, .start_ns = 7, .exec_id = 1 }, b = a;

        (void)state;
        assert_true(process_equal(&a, &b));
        b.exec_id = 2;
        assert_false(process_equal(&a, &b));
        b = a;
        b.start_ns = 8;
        assert_false(process_equal(&a, &b));
        b = a;
        b.pid = 6;
        assert_false(process_equal(&a, &b));
}

static void identity_words_go_both_ways(void **state)
{
        enum identity back;

        (void)state;
        for (unsigned i = IDENTITY_TASK; i <= IDENTITY_NONE; i++) {
                assert_true(identity_parse(identity_name((enum identity)i), &back));
                assert_int_equal(back, i);
        }
        assert_false(identity_parse("ebpf", &back));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_nobodies_never_die),
                cmocka_unit_test(a_new_subject_is_not_root),
                cmocka_unit_test(the_last_reference_frees),
                cmocka_unit_test(setuid_makes_another_user_of_the_same_program),
                cmocka_unit_test(another_process_agrees_in_what_the_key_covers),
                cmocka_unit_test(ancestors_change_places_and_nothing_else_does),
                cmocka_unit_test(only_a_proved_path_is_for_rules),
                cmocka_unit_test(people_read_the_best_name_there_is),
                cmocka_unit_test(sameness_is_path_and_user),
                cmocka_unit_test(a_process_is_pid_start_and_exec),
                cmocka_unit_test(identity_words_go_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
