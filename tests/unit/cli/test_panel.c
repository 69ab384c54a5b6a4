/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and questions: a key never answers a question that the person has not had the time to read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/panel.h"
#include "cli/text.h"

static struct boottime at_ms(uint64_t ms)
{
        return (struct boottime){ms * NS_PER_MSEC};
}

/* A question about an address that the program knows by these names. */
static int add_named(struct panel *p, unsigned number, const struct hosts *hosts, const char *domain,
                     struct boottime now)
{
        struct prompt prompt = {.subject = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl"),
                                .left_ms = 30000};
        int r;

        assert_non_null(prompt.subject);
        prompt.subject->process.pid = number;
        strcpy(prompt.subject->ancestors[0].name, "sh");
        strcpy(prompt.subject->ancestors[1].name, "make");
        prompt.subject->n_ancestors = 2;
        assert_true(addr_parse("93.184.216.34", &prompt.flow.remote));
        prompt.flow.protocol = 6;
        prompt.flow.remote_port = 443;
        assert_int_equal(hosts_copy(&prompt.hosts, hosts), 0);
        prompt.domain = domain ? strdup(domain) : NULL;
        snprintf(prompt.ref, sizeof(prompt.ref), "q%u", number);
        r = panel_add(p, &prompt, now);
        prompt_deinit(&prompt);
        return r;
}

static int add(struct panel *p, unsigned number, struct boottime now)
{
        return add_named(p, number, &(struct hosts){.n = 0}, NULL, now);
}

static void the_first_question_is_guarded(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};
        struct answer answer;

        (void)state;
        assert_int_equal(panel_key(&p, 'a', at_ms(0), &answer), PANEL_NOTHING);
        assert_int_equal(add(&p, 1, at_ms(1000)), 0);
        assert_int_equal(panel_key(&p, 'a', at_ms(1000), &answer), PANEL_NOTHING);
        assert_int_equal(panel_key(&p, 'a', at_ms(1000 + PANEL_GUARD_MS - 1), &answer), PANEL_NOTHING);
        assert_int_equal(panel_key(&p, 'a', at_ms(1000 + PANEL_GUARD_MS), &answer), PANEL_ANSWER);
        assert_true(answer.allow);
        assert_int_equal(answer.lifetime, LIFETIME_ONCE);
        assert_int_equal(answer.scope, ANSWER_PORT);
}

static void a_new_question_never_takes_the_old_ones_key(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};
        struct answer answer;

        (void)state;
        add(&p, 1, at_ms(0));
        add(&p, 2, at_ms(5000));
        assert_string_equal(p.shown, "q1"); /* the new one does not come into view */
        assert_int_equal(panel_key(&p, 'p', at_ms(5000), &answer), PANEL_CHANGED);
        panel_remove(&p, panel_find(&p, "q1"), at_ms(6000)); /* answered elsewhere */
        assert_string_equal(p.shown, "q2");
        assert_int_equal(p.scope, ANSWER_PORT); /* what was chosen for the old one is forgotten */
        assert_int_equal(panel_key(&p, 'A', at_ms(6100), &answer), PANEL_NOTHING);
        assert_int_equal(panel_key(&p, 'D', at_ms(6600), &answer), PANEL_ANSWER);
        assert_false(answer.allow);
        assert_int_equal(answer.lifetime, LIFETIME_ALWAYS);
}

static void lifetimes_have_keys(void **state)
{
        static const struct {
                char key;
                enum lifetime lifetime;
                uint32_t lasts;
        } rows[] = {{'h', LIFETIME_UNTIL, 3600}, {'r', LIFETIME_PROCESS, 0}, {'b', LIFETIME_REBOOT, 0}};

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(panel_deinit) struct panel p = {0};
                struct answer answer;

                add(&p, 1, at_ms(0));
                assert_int_equal(panel_key(&p, rows[i].key, at_ms(5000), &answer), PANEL_ANSWER);
                assert_true(answer.allow && answer.lifetime == rows[i].lifetime && answer.ending.lasts == rows[i].lasts);
        }
}

static void an_answer_on_its_way_leaves_the_view_and_comes_back_when_refused(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};
        struct answer answer;

        (void)state;
        add(&p, 1, at_ms(0));
        panel_set_request(&p, panel_shown(&p), 9, at_ms(1000));
        assert_null(panel_shown(&p));
        assert_int_equal(panel_n_waiting(&p), 0);
        assert_int_equal(panel_key(&p, 'a', at_ms(3000), &answer), PANEL_NOTHING);
        assert_non_null(panel_find_request(&p, 9));
        panel_set_request(&p, panel_find_request(&p, 9), 0, at_ms(4000));
        assert_string_equal(p.shown, "q1");
        assert_int_equal(panel_key(&p, 'a', at_ms(4100), &answer), PANEL_NOTHING);
}

static void next_goes_around(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};
        struct answer answer;

        (void)state;
        for (unsigned i = 1; i <= 3; i++)
                add(&p, i, at_ms(0));
        assert_int_equal(panel_key(&p, 'n', at_ms(0), &answer), PANEL_CHANGED);
        assert_string_equal(p.shown, "q2");
        panel_key(&p, '\t', at_ms(1), &answer);
        assert_string_equal(p.shown, "q3");
        panel_key(&p, 'n', at_ms(2), &answer);
        assert_string_equal(p.shown, "q1");
        add(&p, 1, at_ms(5000)); /* told twice: still one */
        assert_int_equal(panel_n_waiting(&p), 3);
}

static void questions_are_bounded(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};

        (void)state;
        for (unsigned i = 0; i < LIMIT_QUESTIONS; i++)
                assert_int_equal(add(&p, i, at_ms(0)), 0);
        assert_int_equal(add(&p, LIMIT_QUESTIONS, at_ms(0)), -E2BIG);
}

static void the_picture_fits_any_terminal(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};

        (void)state;
        add(&p, 1, at_ms(0));
        for (unsigned rows = 1; rows < 30; rows++)
                for (unsigned columns = 1; columns < 130; columns += 3) {
                        _cleanup_(buf_deinit) struct buf out = {0};
                        unsigned n = 0;

                        panel_format(&p, &style_plain, columns, rows, at_ms(1000), &out);
                        assert_int_equal(buf_error(&out), 0);
                        for (char *save, *line = strtok_r(out.data, "\n", &save); line;
                             line = strtok_r(NULL, "\n", &save), n++)
                                assert_true(text_width(line) <= columns);
                        assert_true(n > 0 && n <= rows);
                }
}

static void the_picture_says_what_matters(void **state)
{
        static const char *const parts[] = {"curl wants to talk to 93.184.216.34:443",
                                            "/usr/bin/curl",
                                            "make ▸ sh ▸ curl",
                                            " 29 s ──",
                                            "and 1 more waiting",
                                            "[this port]",
                                            "A always"};
        _cleanup_(panel_deinit) struct panel p = {0};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        add(&p, 1, at_ms(0));
        add(&p, 2, at_ms(0));
        panel_format(&p, &style_plain, 90, 24, at_ms(1000), &out);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (!strstr(out.data, parts[i]))
                        fail_msg("'%s' is not in the picture", parts[i]);
        assert_null(strstr(out.data, "Learning"));
        p.questions[0].prompt.learning = true;
        buf_reset(&out);
        panel_format(&p, &style_plain, 90, 24, at_ms(1000), &out);
        assert_non_null(strstr(out.data, "recorded, takes effect in enforcement"));
}

/* All scopes that a key can reach, in its order, and the picture of each. */
static void expect_scopes(struct panel *p, unsigned columns, const enum answer_scope *scopes,
                          const char *const *pictures, size_t n)
{
        struct answer answer;

        for (size_t i = 0; i <= n; i++) {
                _cleanup_(buf_deinit) struct buf out = {0};

                panel_format(p, &style_plain, columns, 24, at_ms(1000), &out);
                if (!strstr(out.data, pictures[i % n]))
                        fail_msg("'%s' is not in %s", pictures[i % n], out.data);
                assert_int_equal(panel_key(p, 'a', at_ms(1000), &answer), PANEL_ANSWER);
                assert_int_equal(answer.scope, scopes[i % n]);
                assert_int_equal(panel_key(p, 'p', at_ms(1000), &answer), PANEL_CHANGED);
        }
}

static void only_what_can_be_covered_is_offered(void **state)
{
        static const enum answer_scope scopes[] = {ANSWER_PORT,    ANSWER_ALL_PORTS, ANSWER_DESTINATION,
                                                   ANSWER_ADDRESS, ANSWER_HOST,      ANSWER_DOMAIN};
        static const char *const whole[] = {
                "[this port]  all ports   destination   address   host   domain",
                " this port  [all ports]  destination   address   host   domain",
                " this port   all ports  [destination]  address   host   domain",
                " this port   all ports   destination  [address]  host   domain",
                " this port   all ports   destination   address  [host]  domain  ",
                " this port   all ports   destination   address   host  [domain] \n",
        };
        static const char *const address[] = {"[this port]  all ports   destination  \n", "[all ports]", "[destination] \n"};
        static const char *const host[] = {"[this port]", "[all ports]", "[destination]", "[address]", "address  [host] \n"};
        static const char *const narrow[] = {"covers [this port] \n", "covers [all ports] \n", "covers [destination] \n",
                                             "covers [address] \n", "covers [host] \n", "covers [domain] \n"};
        const struct {
                struct hosts hosts;
                const char *domain;
                unsigned columns;
                const char *const *pictures;
                size_t n;
        } rows[] = {
                {{.n = 0}, NULL, 80, address, ARRAY_SIZE(address)},
                {{.names = {"nas"}, .n = 1}, NULL, 80, host, ARRAY_SIZE(host)},
                {{.names = {"a.example"}, .n = 1}, "a.example", 80, whole, ARRAY_SIZE(whole)},
                {{.names = {"a.example"}, .n = 1}, "a.example", 40, narrow, ARRAY_SIZE(narrow)},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(panel_deinit) struct panel p = {0};

                add_named(&p, 1, &rows[i].hosts, rows[i].domain, at_ms(0));
                expect_scopes(&p, rows[i].columns, scopes, rows[i].pictures, rows[i].n);
        }
}

static void every_name_is_in_the_picture(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};
        _cleanup_(buf_deinit) struct buf out = {0};

        (void)state;
        add_named(&p, 1, &(struct hosts){.names = {"a.example", "b.example", "c.example"}, .n = 3}, NULL, at_ms(0));
        panel_format(&p, &style_plain, 90, 24, at_ms(1000), &out);
        assert_non_null(strstr(out.data, "curl wants to talk to a.example:443 (also b.example, c.example)\n"));
        assert_non_null(strstr(out.data, "a.example (also b.example, c.example) at 93.184.216.34, port 443, TCP\n"));
}

static void it_wakes_up_once_a_second_while_there_is_a_question(void **state)
{
        _cleanup_(panel_deinit) struct panel p = {0};

        (void)state;
        assert_int_equal(panel_timeout_ms(&p, at_ms(0)), -1);
        add(&p, 1, at_ms(0));
        assert_in_range(panel_timeout_ms(&p, at_ms(0)), 1, PANEL_GUARD_MS + 1);
        assert_in_range(panel_timeout_ms(&p, at_ms(1000)), 1, 1001);
        assert_int_equal(panel_timeout_ms(&p, at_ms(40000)), -1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_question_is_guarded),
                cmocka_unit_test(a_new_question_never_takes_the_old_ones_key),
                cmocka_unit_test(lifetimes_have_keys),
                cmocka_unit_test(an_answer_on_its_way_leaves_the_view_and_comes_back_when_refused),
                cmocka_unit_test(next_goes_around),
                cmocka_unit_test(questions_are_bounded),
                cmocka_unit_test(the_picture_fits_any_terminal),
                cmocka_unit_test(the_picture_says_what_matters),
                cmocka_unit_test(only_what_can_be_covered_is_offered),
                cmocka_unit_test(every_name_is_in_the_picture),
                cmocka_unit_test(it_wakes_up_once_a_second_while_there_is_a_question),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
