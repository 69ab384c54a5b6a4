/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proposals as people and programs read them, and the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/learn-page.h"
#include "client/program-file.h"
#include "wire/sentence.h"

static int in_utc(void **state)
{
        (void)state;
        setenv("TZ", "UTC", 1);
        tzset();
        return 0;
}

static struct proposal a_proposal(const char *sentence)
{
        struct proposal p = {
                .amounts = {.n_connections = 1057, .n_denied = 2, .first_us = INT64_C(1769860800000000), .last_us = INT64_C(1769864400000001)},
                .surprises = SURPRISE_NEW | SURPRISE_DENIED};
        struct sentence_error error;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &p.rule, &error), 0);
        assert_true(addr_parse("93.184.216.34", &p.example));
        return p;
}

static void a_page_says_what_for_and_what_is_odd(void **state)
{
        struct proposal p = a_proposal("allow /usr/bin/curl to internet port 80,443 tcp");
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        learn_page(&out, &style_plain, &p, 2, 7);
        assert_string_equal(out.data, "2/7  allow /usr/bin/curl to internet port 80,443 tcp\n"
                                      "     1,057 connections, 2 of them denied, 2026-01-31 12:00 to 2026-01-31 13:00, as to 93.184.216.34\n"
                                      "     ! first seen today\n"
                                      "     ! some of it was denied: nobody answered\n");
        buf_reset(&out);
        p.amounts = (struct amounts){.n_connections = 1, .first_us = p.amounts.first_us, .last_us = p.amounts.first_us};
        p.surprises = 0;
        learn_page(&out, &style_plain, &p, 1, 1);
        assert_non_null(strstr(out.data, "     1 connection, 2026-01-31 12:00, as to 93.184.216.34\n"));
        proposal_deinit(&p);
}

static void a_program_reads_an_object(void **state)
{
        struct proposal p = a_proposal("allow \"/opt/a \\xff\" to internet tcp");
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        learn_page_json(&out, &p);
        assert_string_equal(out.data, "{\"sentence\":\"allow \\\"/opt/a \\\\xff\\\" to internet tcp\",\"program\":\"/opt/a \xef\xbf\xbd\","
                                      "\"program_bytes\":\"/opt/a \\\\xff\",\"connections\":1057,\"denied\":2,"
                                      "\"first\":\"2026-01-31T12:00:00.000000Z\",\"last\":\"2026-01-31T13:00:00.000001Z\","
                                      "\"example\":\"93.184.216.34\",\"surprises\":[\"new-today\",\"denied\"]}\n");
        proposal_deinit(&p);
}

static void every_surprise_has_its_words(void **state)
{
        (void)state;
        for (unsigned bit = 1; bit <= SURPRISE_LAST; bit <<= 1)
                assert_true(*surprise_word(bit) && *surprise_sentence(bit));
}

static void answers_are_letters_or_words(void **state)
{
        static const char *const wrong[] = {"", " ", "x", "A", "ac", "accepts", "a b", "y", "ee", "q now", "refuse it"};
        enum learn_answer answer;
        const char *rest;

        (void)state;
        assert_true(learn_answer_parse("a", &answer, &rest) && answer == LEARN_ACCEPT);
        assert_true(learn_answer_parse(" accept\r", &answer, &rest) && answer == LEARN_ACCEPT);
        assert_true(learn_answer_parse("r ", &answer, &rest) && answer == LEARN_REFUSE);
        assert_true(learn_answer_parse("quit", &answer, &rest) && answer == LEARN_QUIT);
        assert_true(learn_answer_parse("edit", &answer, &rest) && answer == LEARN_EDIT && !*rest);
        assert_true(learn_answer_parse("e  deny /bin/x", &answer, &rest) && answer == LEARN_EDIT);
        assert_string_equal(rest, "deny /bin/x");
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (learn_answer_parse(wrong[i], &answer, &rest))
                        fail_msg("'%s'", wrong[i]);
}

static void users_have_their_places(void **state)
{
        (void)state;
        assert_true(program_file_is_users_place("/tmp/x"));
        assert_true(program_file_is_users_place("/home/alice/bin/x"));
        assert_true(program_file_is_users_place("/dev/shm/x"));
        assert_true(program_file_is_users_place("/var/tmp/x"));
        assert_true(program_file_is_users_place("/run/user/1000/x"));
        assert_false(program_file_is_users_place("/usr/bin/x"));
        assert_false(program_file_is_users_place("/tmpfiles/x"));
        assert_false(program_file_is_users_place("/opt/tmp/x"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_page_says_what_for_and_what_is_odd),
                cmocka_unit_test(a_program_reads_an_object),
                cmocka_unit_test(every_surprise_has_its_words),
                cmocka_unit_test(answers_are_letters_or_words),
                cmocka_unit_test(users_have_their_places),
        };

        return cmocka_run_group_tests(tests, in_utc, NULL);
}
