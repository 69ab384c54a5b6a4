/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The question's sentences; and that no stranger's name breaks out of one. */
#include "prompts.h"

#include "client/words.h"
#include "gui/ask-text.h"

static void says(char *text, const char *expected)
{
        assert_non_null(text);
        assert_string_equal(text, expected);
        free(text);
}

static void titles(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", "example.com", "example.com");

        (void)state;
        says(ask_text_title(&p), "curl wants to reach example.com (93.184.216.34) on port 443 (https)");
        says(ask_text_row(&p), "curl → example.com:443");
        p.flow.protocol = 17;
        p.flow.remote_port = 4711;
        says(ask_text_title(&p), "curl wants to reach example.com (93.184.216.34) on UDP port 4711");
        p.flow.protocol = 1;
        p.flow.remote_port = 0;
        says(ask_text_title(&p), "curl wants to reach example.com (93.184.216.34) by ICMP");
        p.whole_program = true;
        p.n_more = 7;
        says(ask_text_title(&p), "curl wants to reach example.com (93.184.216.34) and 7 other destinations");
        prompt_deinit(&p);

        p = prompt_of("/usr/bin/curl", NULL, NULL);
        says(ask_text_title(&p), "curl wants to reach 93.184.216.34 on port 443 (https)");
        says(ask_text_row(&p), "curl → 93.184.216.34:443");
        subject_unref(p.subject);
        p.subject = subject_ref(subject_unknown());
        says(ask_text_title(&p), "An unknown program wants to reach 93.184.216.34 on port 443 (https)");
        prompt_deinit(&p);
}

static void strangers_stay_in_their_place(void **state)
{
        struct prompt p = prompt_of("/tmp/a\nb\xe2\x80\xae<b>%s\xff", "evil\n.example", NULL);

        (void)state;
        says(ask_text_title(&p), "a\\nb\\u202e<b>%s\\xff wants to reach evil\\n.example (93.184.216.34) on port 443 (https)");
        says(ask_text_path(p.subject), "/tmp/a\\nb\\u202e<b>%s\\xff");
        prompt_deinit(&p);
}

static void what_is_too_long_loses_its_middle(void **state)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char name[4097] = "";
        struct prompt p;
        char *title;

        (void)state;
        words_short(&out, "abcdefghij", 10);
        words_short(&out, "/äöüäöüäöü/run", 9);
        assert_string_equal(out.data, "abcdefghij/äöü…/run");
        memset(name, 'n', sizeof(name) - 1);
        name[0] = '/';
        p = prompt_of(name, name + 3900, NULL);
        title = ask_text_title(&p);
        assert_non_null(title);
        assert_true(strlen(title) < 200);
        assert_non_null(strstr(title, "n…n"));
        assert_non_null(strstr(title, "n wants to reach n"));
        free(title);
        prompt_deinit(&p);
}

static void notes(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", NULL, NULL);

        (void)state;
        setenv("TZ", "UTC", 1);
        assert_null(ask_text_note(&p));
        p.n_connections = 50;
        says(ask_text_note(&p), "50 connections wait for this answer.");
        p.learning = true;
        says(ask_text_note(&p), "Learning: nothing is held, the connection has gone already. An answer is recorded and takes effect in enforcement.");
        p.state = QUESTION_EXPIRED;
        p.verdict = VERDICT_DENY;
        p.ended_us = INT64_C(1795295640000000); /* 2026-11-21T21:14:00Z */
        says(ask_text_note(&p), "Denied at 21:14, because nobody answered in time. An answer holds from now on.");
        says(ask_text_missed_row(&p), "denied, 21:14");
        p.state = QUESTION_ABANDONED;
        p.verdict = VERDICT_ALLOW;
        says(ask_text_note(&p), "Allowed at 21:14, because nobody was there to answer. An answer holds from now on.");
        prompt_deinit(&p);
}

static void scopes(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", "www.example.com", "example.com");

        (void)state;
        says(ask_text_scope(&p, ANSWER_DESTINATION), "www.example.com, port 443 (https)");
        says(ask_text_scope(&p, ANSWER_ADDRESS), "Only the address 93.184.216.34, port 443 (https)");
        says(ask_text_scope(&p, ANSWER_HOST), "www.example.com, any port");
        says(ask_text_scope(&p, ANSWER_DOMAIN), "All of example.com, any port");
        says(ask_text_scope(&p, ANSWER_PORT), "Anywhere, port 443 (https)");
        says(ask_text_scope(&p, ANSWER_ALL_PORTS), "Everything this program does");
        prompt_deinit(&p);
}

static void the_past(void **state)
{
        struct prompt p = prompt_of("/usr/bin/curl", "www.example.com", NULL), q = prompt_of("/usr/bin/wget", NULL, NULL);
        struct record records[3] = { { .verdict = VERDICT_ALLOW, .subject = p.subject, .n_connections = 12 },
                                     { .verdict = VERDICT_DENY, .subject = p.subject, .n_connections = 1, .flow = p.flow, .hosts = p.hosts },
                                     { .verdict = VERDICT_ALLOW, .subject = q.subject, .n_connections = 99 } };
        struct past past;

        (void)state;
        setenv("TZ", "UTC", 1);
        past = past_of(p.subject, records, 3);
        says(ask_text_past(&past), "allowed 12 times, denied 1 time; last www.example.com:443 at 00:00");
        past = past_of(p.subject, records, 0);
        says(ask_text_past(&past), "nothing: it was never seen before");
        prompt_deinit(&p);
        prompt_deinit(&q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(titles), cmocka_unit_test(strangers_stay_in_their_place), cmocka_unit_test(what_is_too_long_loses_its_middle),
                cmocka_unit_test(notes),  cmocka_unit_test(scopes),                        cmocka_unit_test(the_past),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
