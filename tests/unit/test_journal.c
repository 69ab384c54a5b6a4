/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of the rules: a line and back, what a damaged file is worth, what goes when there is too much, and what is undone by what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/journal.h"
#include "wire/sentence.h"

static struct rule *rule_of(const char *id, const char *sentence)
{
        struct sentence_error error;
        struct rule *rule = NULL;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        rule->id = strdup(id);
        return rule;
}

static struct journal_entry entry_of(struct rule *before, struct rule *after)
{
        struct journal_entry e = { .time_us = INT64_C(1790000000123456), .uid = 1000, .pid = 42, .program = strdup("/usr/bin/bastion") };

        assert_int_equal(journal_entry_add(&e, before, after), 0);
        return e;
}

/* Appends a change of this rule, by a client, and frees it. */
static uint64_t note(struct journal *j, const char *id, uint64_t undoes)
{
        struct journal_entry e = entry_of(NULL, rule_of(id, "allow /bin/a"));
        bool rotated;
        uint64_t number;

        e.undoes = undoes;
        assert_int_equal(journal_append(j, &e, &rotated), 0);
        number = e.number;
        journal_entry_deinit(&e);
        return number;
}

static void test_a_line_and_back(void **state _unused_)
{
        struct journal_entry e = entry_of(rule_of("r7", "deny /bin/a port 80 note \"n\\n\""), rule_of("r7", "allow /bin/a port 80")), again = { 0 };
        _cleanup_(buf_deinit) struct buf line = { 0 }, line2 = { 0 };

        e.number = 9;
        e.undoes = 3;
        e.changes[0].before->created = 1790000000;
        e.changes[0].before->disabled = true;
        assert_int_equal(journal_entry_add(&e, NULL, rule_of("/bin/b:443", "deny /bin/b port 443")), 0);
        assert_int_equal(journal_entry_add(&e, rule_of("/tmp/\xff:*", "deny \"/tmp/\\xff\""), NULL), 0);
        journal_format_line(&e, &line);
        assert_int_equal(buf_error(&line), 0);
        assert_int_equal(line.data[line.n - 1], '\n');
        assert_ptr_equal(memchr(line.data, '\n', line.n), line.data + line.n - 1);
        assert_int_equal(journal_parse_line(line.data, line.n - 1, &again), 0);
        assert_int_equal(again.number, 9);
        assert_int_equal(again.undoes, 3);
        assert_int_equal(again.time_us, e.time_us);
        assert_int_equal(again.uid, 1000);
        assert_int_equal(again.pid, 42);
        assert_string_equal(again.program, "/usr/bin/bastion");
        assert_int_equal(again.n_added, 1);
        assert_int_equal(again.n_deleted, 1);
        assert_int_equal(again.n_replaced, 1);
        assert_int_equal(again.n_changes, 3);
        assert_true(again.whole);
        assert_int_equal(again.changes[0].before->created, 1790000000);
        assert_string_equal(again.changes[0].before->note, "n\n");
        assert_int_equal(again.changes[0].before->origin, ORIGIN_LIST);
        /* What the flat form can say under its own id is a flat entry again. */
        assert_int_equal(again.changes[1].after->origin, ORIGIN_FLAT);
        assert_string_equal(again.changes[2].before->program, "/tmp/\xff");
        for (size_t i = 0; i < 3; i++) {
                assert_true(!e.changes[i].before || journal_same_rule(e.changes[i].before, again.changes[i].before));
                assert_true(!e.changes[i].after || journal_same_rule(e.changes[i].after, again.changes[i].after));
        }
        journal_format_line(&again, &line2);
        assert_string_equal(line.data, line2.data);
        journal_entry_deinit(&e);
        journal_entry_deinit(&again);
}

static void test_what_is_the_same_rule(void **state _unused_)
{
        _cleanup_(rule_freep) struct rule *a = rule_of("r1", "allow /bin/a note \"x\""), *b = rule_of("r1", "allow /bin/a note \"x\"");

        b->created = 77;
        b->n_hits = 5;
        assert_true(journal_same_rule(a, b));
        b->disabled = true;
        assert_false(journal_same_rule(a, b));
        b->disabled = false;
        b->action = ACTION_DENY;
        assert_false(journal_same_rule(a, b));
        b->action = ACTION_ALLOW;
        free(b->note);
        b->note = NULL;
        assert_false(journal_same_rule(a, b));
        b->note = strdup("x");
        b->id[1] = '2';
        assert_false(journal_same_rule(a, b));
        b->id[1] = '1';
        assert_int_equal(rule_add_number(b, CRITERION_USER, 5), 0);
        assert_false(journal_same_rule(a, b));
}

static void test_a_large_change_is_counts_alone(void **state _unused_)
{
        struct journal_entry e = { .number = 1, .by_file = true, .time_us = 1 }, again = { 0 };
        _cleanup_(buf_deinit) struct buf line = { 0 };
        _cleanup_(rule_freep) struct rule *one = rule_of("x", "allow /bin/a");

        for (unsigned i = 0; i < LIMIT_JOURNAL_RULES; i++) {
                assert_false(journal_entry_is_full(&e));
                assert_int_equal(journal_entry_add(&e, NULL, rule_of("r1", "allow /bin/a")), 0);
        }
        assert_true(journal_entry_is_full(&e) && e.whole);
        assert_int_equal(journal_entry_count(&e, one, one), 0);
        assert_int_equal(journal_entry_add(&e, rule_of("r1", "allow /bin/a"), NULL), 0);
        assert_false(e.whole);
        assert_int_equal(e.n_changes, 0);
        journal_format_line(&e, &line);
        assert_true(line.n < 300);
        assert_int_equal(journal_parse_line(line.data, line.n - 1, &again), 0);
        assert_true(again.by_file && !again.whole);
        assert_int_equal(again.n_added, LIMIT_JOURNAL_RULES);
        assert_int_equal(again.n_deleted, 1);
        assert_int_equal(again.n_replaced, 1);
        journal_entry_deinit(&e);
        journal_entry_deinit(&again);
}

/* Fewer rules, but of very many bytes. */
static void test_a_long_change_is_counts_alone(void **state _unused_)
{
        struct journal_entry e = { .number = 1, .by_file = true, .time_us = 1 }, again = { 0 };
        _cleanup_(buf_deinit) struct buf line = { 0 };
        char id[4000];

        memset(id, 'x', sizeof(id) - 1);
        id[sizeof(id) - 1] = '\0';
        for (unsigned i = 0; i < 200; i++)
                assert_int_equal(journal_entry_add(&e, NULL, rule_of(id, "allow /bin/a")), 0);
        journal_format_line(&e, &line);
        assert_int_equal(buf_error(&line), 0);
        assert_true(line.n < 300);
        assert_int_equal(journal_parse_line(line.data, line.n - 1, &again), 0);
        assert_false(again.whole);
        assert_int_equal(again.n_added, 200);
        journal_entry_deinit(&e);
        journal_entry_deinit(&again);
}

static void test_refused(void **state _unused_)
{
        static const char *const rows[] = {
                "", "{}", "[]", "{\"change\":1}",
                "{\"change\":0,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":0,\"deleted\":0,\"replaced\":0}",
                "{\"change\":1,\"time\":\"yesterday\",\"by\":\"file\",\"added\":0,\"deleted\":0,\"replaced\":0}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"me\",\"added\":0,\"deleted\":0,\"replaced\":0}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"client\",\"added\":0,\"deleted\":0,\"replaced\":0}",
                "{\"change\":5,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"undoes\":5,\"added\":0,\"deleted\":0,\"replaced\":0}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":1,\"deleted\":0,\"replaced\":0,\"rules\":[]}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":1,\"deleted\":0,\"replaced\":0,\"rules\":[{}]}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":1,\"deleted\":0,\"replaced\":0,\"rules\":[1]}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":1,\"deleted\":0,\"replaced\":0,\"rules\":[{\"after\":"
                "{\"action\":\"allow\",\"program\":\"/a\"}}]}",
                "{\"change\":1,\"time\":\"2026-01-31T12:00:00Z\",\"by\":\"file\",\"added\":1,\"deleted\":0,\"replaced\":0,\"rules\":[{\"after\":"
                "{\"id\":\"r1\",\"action\":\"allow\",\"program\":\"/a\",\"new\":1}}]}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct journal_entry e = { 0 };

                if (journal_parse_line(rows[i], strlen(rows[i]), &e) != JOURNAL_E_SYNTAX)
                        fail_msg("taken: %s", rows[i]);
        }
}

static void test_damage_costs_its_own_line(void **state _unused_)
{
        struct journal j = { 0 }, again = { 0 };
        _cleanup_(buf_deinit) struct buf text = { 0 };
        struct journal_damage damage;
        size_t n_two;

        note(&j, "r1", 0);
        note(&j, "r2", 0);
        journal_format(&j, &text);
        n_two = text.n;
        buf_puts(&text, "garbage\n");
        journal_format(&j, &text); /* numbers that were there already */
        assert_int_equal(journal_load(&again, text.data, text.n, &damage), 0);
        assert_int_equal(again.n, 2);
        assert_int_equal(again.last_number, 2);
        assert_int_equal(damage.n_lines, 3);
        assert_false(damage.half);
        journal_deinit(&again);
        /* Killed while the second line was written. */
        for (size_t n = j.lines[0].n + 1; n < n_two; n++) {
                assert_int_equal(journal_load(&again, text.data, n, &damage), 0);
                assert_int_equal(again.n, 1);
                assert_true(damage.half && damage.n_lines == 0);
                assert_int_equal(note(&again, "r3", 0), 2);
                journal_deinit(&again);
        }
        journal_deinit(&j);
}

static void test_the_older_half_goes(void **state _unused_)
{
        struct journal j = { 0 };
        struct journal_damage damage;
        bool rotated = false;

        for (unsigned i = 0; i < LIMIT_JOURNAL_CHANGES; i++)
                note(&j, "r1", 0);
        assert_int_equal(j.n, LIMIT_JOURNAL_CHANGES);
        assert_int_equal(note(&j, "r1", 0), LIMIT_JOURNAL_CHANGES + 1);
        assert_int_equal(j.n, LIMIT_JOURNAL_CHANGES / 2);
        assert_int_equal(j.lines[0].number, LIMIT_JOURNAL_CHANGES / 2 + 2);
        assert_null(journal_find(&j, 1));
        journal_deinit(&j);
        /* Or by bytes. */
        for (unsigned i = 0; i < 100 && !rotated; i++) {
                struct journal_entry e = entry_of(NULL, rule_of("r1", "allow /bin/a"));

                while (e.n_changes < 900) {
                        char sentence[400];

                        snprintf(sentence, sizeof(sentence), "allow /bin/%0300zu", e.n_changes);
                        assert_int_equal(journal_entry_add(&e, NULL, rule_of("r1", sentence)), 0);
                }
                assert_int_equal(journal_append(&j, &e, &rotated), 0);
                assert_true(j.n_bytes <= LIMIT_JOURNAL_BYTES);
                journal_entry_deinit(&e);
        }
        assert_true(rotated && j.n_bytes <= LIMIT_JOURNAL_BYTES / 2 && j.n > 2);
        {
                _cleanup_(buf_deinit) struct buf text = { 0 };
                struct journal again = { 0 };

                journal_format(&j, &text);
                assert_int_equal(text.n, j.n_bytes);
                assert_int_equal(journal_load(&again, text.data, text.n, &damage), 0);
                assert_int_equal(again.n, j.n);
                assert_int_equal(again.last_number, j.last_number);
                journal_deinit(&again);
        }
        journal_deinit(&j);
}

static void test_what_is_undone(void **state _unused_)
{
        struct journal j = { 0 };

        assert_int_equal(journal_last_to_undo(&j), 0);
        note(&j, "r1", 0);
        note(&j, "r2", 0);
        assert_int_equal(journal_last_to_undo(&j), 2);
        note(&j, "r2", 2); /* 3 */
        assert_int_equal(journal_undone_by(&j, 2), 3);
        assert_int_equal(journal_last_to_undo(&j), 1);
        note(&j, "r2", 3); /* 4: the undoing is undone, so 2 stands */
        assert_int_equal(journal_undone_by(&j, 3), 4);
        assert_int_equal(journal_undone_by(&j, 2), 0);
        assert_int_equal(journal_last_to_undo(&j), 2);
        note(&j, "r2", 2); /* 5: once more */
        assert_int_equal(journal_undone_by(&j, 2), 5);
        note(&j, "r1", 1); /* 6 */
        assert_int_equal(journal_last_to_undo(&j), 0);
        journal_deinit(&j);
}

static void test_who_changed_it_since(void **state _unused_)
{
        static const char odd[] = "/tmp/\"a\\\xff:*";
        struct journal j = { 0 };

        note(&j, "r1", 0);
        note(&j, "r11", 0);
        note(&j, odd, 0);
        note(&j, "r1", 0);
        assert_int_equal(journal_changed_since(&j, 0, "r1"), 4);
        assert_int_equal(journal_changed_since(&j, 4, "r1"), 0);
        assert_int_equal(journal_changed_since(&j, 1, "r11"), 2);
        assert_int_equal(journal_changed_since(&j, 1, odd), 3);
        assert_int_equal(journal_changed_since(&j, 0, "r"), 0);
        assert_int_equal(journal_changed_since(&j, 0, "42"), 0);
        journal_deinit(&j);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_line_and_back),
                cmocka_unit_test(test_what_is_the_same_rule),
                cmocka_unit_test(test_a_large_change_is_counts_alone),
                cmocka_unit_test(test_a_long_change_is_counts_alone),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_damage_costs_its_own_line),
                cmocka_unit_test(test_the_older_half_goes),
                cmocka_unit_test(test_what_is_undone),
                cmocka_unit_test(test_who_changed_it_since),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
