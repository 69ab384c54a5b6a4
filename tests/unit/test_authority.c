/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an answer takes: its lifetime, and whose the program is that asks. */
#include "unit.h"

#include "core/authority.h"

enum { ME = 1000, SOMEBODY = 1001, NOT_KNOWN = UINT32_MAX };

static struct subject *subject(enum subject_kind kind, uint32_t uid)
{
        struct subject *s = subject_new(kind, kind == SUBJECT_PROGRAM ? "/bin/a" : NULL, "a");

        assert_non_null(s);
        s->uid = uid;
        return s;
}

/* Of one or two programs that may have sent the packet; ROLE_ANSWER or ROLE_MANAGE for ME. */
static enum role role(enum lifetime lifetime, struct subject *first, struct subject *second)
{
        struct question q = { .subjects = { first, second }, .n_subjects = second ? 2 : 1 };
        const struct answer answer = { .allow = true, .lifetime = lifetime };
        enum role r = authority_to_answer(&q, &answer, ME);

        subject_unref(first);
        subject_unref(second);
        return r;
}

static void ones_own_questions_are_answered_as_one_likes(void **state)
{
        (void)state;
        for (int lifetime = LIFETIME_ONCE; lifetime <= LIFETIME_ALWAYS; lifetime++)
                assert_int_equal(role((enum lifetime)lifetime, subject(SUBJECT_PROGRAM, ME), NULL), ROLE_ANSWER);
        assert_int_equal(role(LIFETIME_ALWAYS, subject(SUBJECT_PROGRAM, ME), subject(SUBJECT_PROGRAM, ME)), ROLE_ANSWER);
}

static void a_rule_for_somebody_else_is_policy(void **state)
{
        static const enum lifetime LASTING[] = { LIFETIME_SESSION, LIFETIME_UNTIL, LIFETIME_REBOOT, LIFETIME_ALWAYS };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(LASTING); i++) {
                assert_int_equal(role(LASTING[i], subject(SUBJECT_PROGRAM, SOMEBODY), NULL), ROLE_MANAGE);
                assert_int_equal(role(LASTING[i], subject(SUBJECT_PROGRAM, 0), NULL), ROLE_MANAGE);
                assert_int_equal(role(LASTING[i], subject(SUBJECT_PROGRAM, ME), subject(SUBJECT_PROGRAM, SOMEBODY)), ROLE_MANAGE);
                assert_int_equal(role(LASTING[i], subject(SUBJECT_UNKNOWN, NOT_KNOWN), NULL), ROLE_MANAGE);
                assert_int_equal(role(LASTING[i], subject(SUBJECT_UNKNOWN, ME), NULL), ROLE_MANAGE);
                assert_int_equal(role(LASTING[i], subject(SUBJECT_KERNEL, ME), NULL), ROLE_MANAGE);
        }
        assert_int_equal(role(LIFETIME_ONCE, subject(SUBJECT_PROGRAM, SOMEBODY), NULL), ROLE_ANSWER);
        assert_int_equal(role(LIFETIME_PROCESS, subject(SUBJECT_UNKNOWN, NOT_KNOWN), NULL), ROLE_ANSWER);
}

static void words(void **state)
{
        enum authority read;

        (void)state;
        for (int a = AUTHORITY_NONE; a <= AUTHORITY_ROOT; a++) {
                assert_true(authority_parse(authority_word((enum authority)a), &read));
                assert_int_equal(read, a);
        }
        assert_false(authority_parse("Root", &read) || authority_parse("", &read));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ones_own_questions_are_answered_as_one_likes),
                cmocka_unit_test(a_rule_for_somebody_else_is_policy),
                cmocka_unit_test(words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
