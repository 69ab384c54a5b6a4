/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/question.h"

static const struct boottime now = { 1000 }, deadline = { 2000 };

static struct question_table *table_new(void)
{
        struct question_table *table = question_table_new(99, 0xcafe01);

        assert_non_null(table);
        return table;
}

static struct subject *program(const char *path, uint32_t uid)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, path, "comm");

        assert_non_null(s);
        s->uid = s->gid = uid;
        s->process = (struct process){ .pid = 77, .start_ns = 5, .exec_id = 1 };
        return s;
}

/* Asks with a held packet (its id is the port) and expects `expected`. */
static struct question *ask(struct question_table *table, const struct subject *s, const char *remote, uint16_t port, int expected)
{
        struct flow flow = flow_to(remote, port, 6);
        struct facts facts = { .subject = s, .flow = &flow };
        struct held held = { .packet_id = port, .flow = flow, .process = s->process };
        struct question *question;

        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, false, &held, now, deadline, &question), expected);
        assert_int_equal(question == NULL, expected == QUESTION_CAP);
        return question;
}

static void the_same_destination_joins_another_opens(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1), *b = program("/bin/b", 1), *other_user = program("/bin/a", 2);
        _cleanup_(subject_unrefp) struct subject *again = program("/bin/a", 1);
        struct question *first = ask(table, a, "1.2.3.4", 443, QUESTION_IS_NEW);

        (void)state;
        assert_ptr_equal(ask(table, a, "1.2.3.4", 443, QUESTION_JOINED), first);
        assert_int_equal(first->n_held, 2);
        assert_int_equal(first->n_connections, 2);
        assert_ptr_equal(ask(table, again, "1.2.3.4", 443, QUESTION_JOINED), first); /* another process of that program */
        assert_ptr_equal(first->held[0].subject, a);
        assert_ptr_equal(first->held[2].subject, again);
        ask(table, a, "1.2.3.4", 80, QUESTION_IS_NEW);
        ask(table, a, "1.2.3.5", 443, QUESTION_IS_NEW);
        ask(table, b, "1.2.3.4", 443, QUESTION_IS_NEW);
        ask(table, other_user, "1.2.3.4", 443, QUESTION_IS_NEW);
        assert_int_equal(question_count(table), 5);
        assert_int_equal(question_held_count(table), 7);
        assert_int_equal(question_next_deadline(table).ns, deadline.ns);
}

static void a_host_is_one_destination_whatever_its_addresses(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct flow flow = flow_to("1.2.3.4", 443, 6);
        struct facts facts = { .subject = a, .flow = &flow, .host = "example.com" };
        struct question *first, *second;

        (void)state;
        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, false, NULL, now, deadline, &first), QUESTION_IS_NEW);
        flow.remote = address("2001:db8::1");
        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, false, NULL, now, deadline, &second), QUESTION_JOINED);
        assert_ptr_equal(first, second);
        assert_string_equal(first->host, "example.com");
        facts.host = "example.org";
        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, false, NULL, now, deadline, &second), QUESTION_IS_NEW);
}

static void from_the_fourth_on_a_program_has_one_question_for_all(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *first = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW), *folded;

        (void)state;
        ask(table, a, "1.2.3.4", 2, QUESTION_IS_NEW);
        ask(table, a, "1.2.3.4", 3, QUESTION_IS_NEW);
        folded = ask(table, a, "1.2.3.4", 4, QUESTION_IS_NEW);
        assert_true(folded->whole_program);
        assert_int_equal(folded->n_more, 0);
        assert_ptr_equal(ask(table, a, "1.2.3.4", 5, QUESTION_JOINED), folded);
        assert_ptr_equal(ask(table, a, "1.2.3.4", 6, QUESTION_JOINED), folded);
        assert_ptr_equal(ask(table, a, "1.2.3.4", 5, QUESTION_JOINED), folded);
        assert_ptr_equal(ask(table, a, "1.2.3.4", 4, QUESTION_JOINED), folded);
        assert_int_equal(folded->n_more, 2); /* 5 and 6, each once */
        assert_ptr_equal(ask(table, a, "1.2.3.4", 1, QUESTION_JOINED), first); /* its own question is still open */
        assert_int_equal(question_count(table), 4);

        question_close(table, first, QUESTION_ANSWERED);
        question_forget(table, first);
        assert_ptr_equal(ask(table, a, "1.2.3.4", 7, QUESTION_JOINED), folded);
        question_close(table, folded, QUESTION_EXPIRED);
        question_forget(table, folded);
        assert_false(ask(table, a, "1.2.3.4", 8, QUESTION_IS_NEW)->whole_program);
}

static void held_packets_are_capped_for_a_question(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *question = NULL;

        (void)state;
        for (unsigned i = 0; i < LIMIT_HELD_QUESTION; i++)
                question = ask(table, a, "1.2.3.4", 1, i == 0 ? QUESTION_IS_NEW : QUESTION_JOINED);
        ask(table, a, "1.2.3.4", 1, QUESTION_CAP);
        assert_int_equal(question->n_held, LIMIT_HELD_QUESTION);
        question_close(table, question, QUESTION_ANSWERED);
        assert_int_equal(question_held_count(table), 0);
        assert_int_equal(question->n_held, LIMIT_HELD_QUESTION); /* still listed, to be given their verdicts */
        question_forget(table, question);
}

/* The folded question holds what would have been questions of their own; the program's cap is the only one that it has. */
static void held_packets_are_capped_for_a_program(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1), *b = program("/bin/b", 1);
        struct question *first = NULL, *folded = NULL;

        (void)state;
        for (unsigned i = 0; i < LIMIT_HELD_PROGRAM; i++) {
                struct question *question = ask(table, a, "1.2.3.4", (uint16_t)(1 + i), i <= LIMIT_QUESTIONS_PROGRAM ? QUESTION_IS_NEW : QUESTION_JOINED);

                if (i == 0)
                        first = question;
                folded = question;
        }
        assert_true(folded->whole_program);
        assert_int_equal(folded->n_held, LIMIT_HELD_PROGRAM - LIMIT_QUESTIONS_PROGRAM);
        for (unsigned i = 0; i < folded->n_held; i++)
                assert_int_equal(folded->held[i].packet_id, 1 + LIMIT_QUESTIONS_PROGRAM + i); /* each in its place */
        ask(table, a, "1.2.3.4", 1000, QUESTION_CAP); /* it would join the folded one */
        ask(table, a, "1.2.3.4", 1, QUESTION_CAP);    /* its own question has room, the program has none */
        ask(table, b, "1.2.3.4", 1, QUESTION_IS_NEW); /* nobody else notices */

        question_close(table, first, QUESTION_ANSWERED);
        question_forget(table, first);
        ask(table, a, "1.2.3.4", 1000, QUESTION_JOINED);
        ask(table, a, "1.2.3.4", 1001, QUESTION_CAP);
        question_close(table, folded, QUESTION_ANSWERED);
        assert_int_equal(question_held_count(table), LIMIT_QUESTIONS_PROGRAM); /* two of a, one of b */
        question_forget(table, folded);
}

static void questions_are_capped_for_a_user_and_in_all(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        char path[32];

        (void)state;
        for (unsigned i = 0; i <= LIMIT_QUESTIONS; i++) {
                uint32_t uid = i / LIMIT_QUESTIONS_UID;
                _cleanup_(subject_unrefp) struct subject *s = NULL;

                snprintf(path, sizeof(path), "/bin/%u", i);
                s = program(path, uid);
                ask(table, s, "1.2.3.4", 1, i == LIMIT_QUESTIONS ? QUESTION_CAP : QUESTION_IS_NEW);
                if (i % LIMIT_QUESTIONS_UID == LIMIT_QUESTIONS_UID - 1) {
                        _cleanup_(subject_unrefp) struct subject *more = program("/bin/more", uid);

                        ask(table, more, "1.2.3.4", 1, QUESTION_CAP);
                }
        }
        assert_int_equal(question_count(table), LIMIT_QUESTIONS);
}

static void held_packets_are_capped_in_all(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        char path[32];

        (void)state;
        for (unsigned i = 0; i < LIMIT_HELD; i++) {
                unsigned question = i / LIMIT_HELD_QUESTION;
                _cleanup_(subject_unrefp) struct subject *s = NULL;

                snprintf(path, sizeof(path), "/bin/%u", question);
                s = program(path, question / LIMIT_QUESTIONS_UID);
                ask(table, s, "1.2.3.4", 1, i % LIMIT_HELD_QUESTION ? QUESTION_JOINED : QUESTION_IS_NEW);
        }
        {
                _cleanup_(subject_unrefp) struct subject *more = program("/bin/more", 5000);

                ask(table, more, "1.2.3.4", 1, QUESTION_CAP);
        }
        assert_int_equal(question_held_count(table), LIMIT_HELD);
}

static void a_reference_names_one_question_of_one_daemon(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *question = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW);
        static const char *const wrong[] = { "", "q", "q1", "q1-", "q1-00cafe02", "q1-00cafe01x", "q01-00cafe01", "q2-00cafe01", "1-00cafe01",
                                             "q-1-00cafe01", "q18446744073709551616-00cafe01", "q0-00cafe01",
                                             "q111111111111111111111111111111111111111111111111111111111111-00cafe01" };
        enum question_state was;

        (void)state;
        assert_string_equal(question->ref, "q1-00cafe01");
        assert_ptr_equal(question_find(table, question->ref), question);
        assert_false(question_was(table, question->ref, &was));
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                assert_null(question_find(table, wrong[i]));
                assert_false(question_was(table, wrong[i], &was));
        }
}

/* Fault 1 of the old implementation: a stale answer was taken for the next question. */
static void a_late_answer_finds_how_its_question_ended(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *question = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW), *next;
        char ref[QUESTION_REF_MAX];
        enum question_state was;

        (void)state;
        strcpy(ref, question->ref);
        question_close(table, question, QUESTION_EXPIRED);
        question_forget(table, question);
        next = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW);
        assert_string_not_equal(next->ref, ref);
        assert_null(question_find(table, ref));
        assert_true(question_was(table, ref, &was));
        assert_int_equal(was, QUESTION_EXPIRED);
        for (unsigned i = 0; i < LIMIT_QUESTIONS_CLOSED; i++) {
                question_close(table, next, QUESTION_ANSWERED);
                question_forget(table, next);
                next = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW);
        }
        assert_false(question_was(table, ref, &was)); /* too long ago */
}

static void next_goes_by_age_and_survives_closing_behind_it(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *first = ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW), *second = ask(table, a, "1.2.3.4", 2, QUESTION_IS_NEW);

        (void)state;
        assert_ptr_equal(question_next(table, NULL), first);
        assert_ptr_equal(question_next(table, first), second);
        assert_null(question_next(table, second));
        question_close(table, first, QUESTION_SUPERSEDED);
        question_forget(table, first);
        assert_ptr_equal(question_next(table, NULL), second);
}

static void learning_holds_nothing_and_is_its_own_question(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct flow flow = flow_to("1.2.3.4", 1, 6);
        struct facts facts = { .subject = a, .flow = &flow };
        struct question *learning;

        (void)state;
        assert_int_equal(question_ask(table, &facts, 1, REASON_LEARNING, true, NULL, now, deadline, &learning), QUESTION_IS_NEW);
        assert_true(learning->learning);
        assert_int_equal(learning->reason, REASON_NO_RULE);
        assert_int_equal(learning->n_held, 0);
        assert_ptr_not_equal(ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW), learning);
}

static void several_owners_are_all_named(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1), *b = program("/bin/b", 1);
        struct flow flow = flow_to("1.2.3.4", 1, 6);
        struct facts facts[2] = { { .subject = a, .flow = &flow }, { .subject = b, .flow = &flow } };
        struct question *question;

        (void)state;
        assert_int_equal(question_ask(table, facts, 2, REASON_OWNER_AMBIGUOUS, false, NULL, now, deadline, &question), QUESTION_IS_NEW);
        assert_int_equal(question->n_subjects, 2);
        assert_ptr_equal(question->subjects[1], b);
        assert_ptr_not_equal(ask(table, a, "1.2.3.4", 1, QUESTION_IS_NEW), question);
}

/* The rule that an answer writes, as its flat key or, where it has none, as NULL. */
static struct rule *answer(const struct subject *s, const char *remote, uint16_t port, uint8_t protocol, struct answer answer)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        struct flow flow = flow_to(remote, port, protocol);
        struct facts facts = { .subject = s, .flow = &flow };
        struct held held = { .flow = flow, .process = s->process };
        struct question *question;
        struct rule *r;

        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, false, &held, now, deadline, &question), QUESTION_IS_NEW);
        r = question_answer_rule(question, &answer, now);
        assert_non_null(r);
        assert_int_equal(r->action, answer.allow ? ACTION_ALLOW : ACTION_DENY);
        return r;
}

static void an_answer_for_always_is_a_flat_entry_where_one_can_say_it(void **state)
{
        _cleanup_(subject_unrefp) struct subject *known = program("/usr/bin/curl", 1), *unreadable = program("", 1), *deleted = program("/tmp/x", 1);
        const struct {
                struct subject *subject;
                const char *remote;
                uint16_t port;
                enum answer_scope scope;
                const char *key;
        } rows[] = {
                { known, "1.2.3.4", 443, ANSWER_PORT, "/usr/bin/curl:443" },
                { known, "1.2.3.4", 443, ANSWER_ALL_PORTS, "/usr/bin/curl:*" },
                { known, "1.2.3.4", 443, ANSWER_DESTINATION, NULL },
                { unreadable, "1.2.3.4", 443, ANSWER_PORT, "@name:comm:443" },
                { deleted, "1.2.3.4", 443, ANSWER_PORT, "@name:comm:443" },
                { subject_unknown(), "1.2.3.4", 443, ANSWER_PORT, "@dest:1.2.3.4:443:*" },
                { subject_unknown(), "2001:db8::1", 53, ANSWER_DESTINATION, "@dest:2001:db8::1:53:*" },
                { subject_unknown(), "1.2.3.4", 443, ANSWER_ALL_PORTS, "@dest:1.2.3.4:*:*" },
                { subject_kernel(), "1.2.3.4", 2049, ANSWER_PORT, NULL },
        };

        (void)state;
        deleted->path_deleted = true;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rule_freep) struct rule *r = answer(rows[i].subject, rows[i].remote, rows[i].port, 6,
                                                              (struct answer){ i % 2, LIFETIME_ALWAYS, rows[i].scope });
                _cleanup_(freep) char *key = rule_flat_key(r);

                if (rows[i].key)
                        assert_string_equal(key, rows[i].key);
                else
                        assert_null(key);
                assert_int_equal(r->origin, rows[i].key ? ORIGIN_FLAT : ORIGIN_LIST);
                assert_true(r->expires.ns == BOOTTIME_NEVER.ns);
        }
}

static void this_destination_is_address_and_port(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/curl", 1);
        _cleanup_(rule_freep) struct rule *r =
                answer(s, "1.2.3.4", 443, 6, (struct answer){ true, LIFETIME_SESSION, ANSWER_DESTINATION });

        (void)state;
        assert_int_equal(r->has, CRITERION_BIT(CRITERION_NETWORK) | CRITERION_BIT(CRITERION_PORT));
        assert_int_equal(rule_criterion(r, CRITERION_NETWORK)->one.network.prefix, 128);
        assert_int_equal(r->origin, ORIGIN_SESSION);
        assert_int_equal(r->lifetime, LIFETIME_SESSION);
}

static void this_port_of_icmp_is_the_protocol(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/ping", 1);
        _cleanup_(rule_freep) struct rule *r = answer(s, "1.2.3.4", 0, 1, (struct answer){ true, LIFETIME_ALWAYS, ANSWER_PORT });

        (void)state;
        assert_int_equal(r->has, CRITERION_BIT(CRITERION_PROTOCOL));
        assert_int_equal(rule_criterion(r, CRITERION_PROTOCOL)->one.number, 1);
        assert_int_equal(r->origin, ORIGIN_LIST);
}

static void once_is_five_seconds_of_one_process_and_one_destination(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/curl", 1);
        _cleanup_(rule_freep) struct rule *r = answer(s, "1.2.3.4", 443, 6, (struct answer){ true, LIFETIME_ONCE, ANSWER_PORT });
        struct flow same = flow_to("1.2.3.4", 443, 6), other = flow_to("1.2.3.5", 443, 6);
        struct facts facts = { .subject = s, .flow = &same };

        (void)state;
        assert_int_equal(r->origin, ORIGIN_SESSION);
        assert_int_equal(r->expires.ns, now.ns + 5 * NS_PER_SEC);
        assert_true(rule_matches(r, &facts, now));
        assert_false(rule_matches(r, &facts, boottime_add(now, 5 * NS_PER_SEC)));
        facts.flow = &other;
        assert_false(rule_matches(r, &facts, now));
        facts.flow = &same;
        s->process.pid++;
        assert_false(rule_matches(r, &facts, now));
}

static void a_program_without_any_name_is_not_remembered_for_ever(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "", "");
        _cleanup_(rule_freep) struct rule *r = answer(s, "1.2.3.4", 443, 6, (struct answer){ true, LIFETIME_ALWAYS, ANSWER_PORT });

        (void)state;
        assert_int_equal(r->lifetime, LIFETIME_SESSION);
        assert_int_equal(r->origin, ORIGIN_SESSION);
}

/* What an answer's lifetime makes of its rule: how long, and where it is kept. */
static void an_answer_has_the_lifetime_that_was_said_or_a_shorter(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/curl", 1), *nameless = subject_new(SUBJECT_PROGRAM, "", "");
        struct {
                struct subject *subject;
                enum lifetime said, kept;
                enum rule_origin origin;
                bool bound;
        } rows[] = {
                { s, LIFETIME_PROCESS, LIFETIME_PROCESS, ORIGIN_SESSION, true },
                { s, LIFETIME_SESSION, LIFETIME_SESSION, ORIGIN_SESSION, false },
                { s, LIFETIME_UNTIL, LIFETIME_UNTIL, ORIGIN_LIST, false },
                { s, LIFETIME_REBOOT, LIFETIME_REBOOT, ORIGIN_LIST, false },
                { subject_unknown(), LIFETIME_PROCESS, LIFETIME_ONCE, ORIGIN_SESSION, false },
                { subject_unknown(), LIFETIME_UNTIL, LIFETIME_UNTIL, ORIGIN_LIST, false },
                { nameless, LIFETIME_UNTIL, LIFETIME_UNTIL, ORIGIN_SESSION, false },
                { nameless, LIFETIME_REBOOT, LIFETIME_SESSION, ORIGIN_SESSION, false },
        };

        (void)state;
        nameless->process.pid = 7;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct answer said = { .allow = true, .lifetime = rows[i].said };
                _cleanup_(rule_freep) struct rule *r = NULL;

                if (said.lifetime == LIFETIME_UNTIL)
                        said.ending.lasts = 90;
                r = answer(rows[i].subject, "1.2.3.4", 443, 6, said);
                assert_int_equal(r->lifetime, rows[i].kept);
                assert_int_equal(r->origin, rows[i].origin);
                assert_int_equal(rule_process(r) != NULL, rows[i].bound);
                if (rows[i].bound)
                        assert_true(process_equal(rule_process(r), &s->process));
                assert_int_equal(r->ending.lasts, rows[i].kept == LIFETIME_UNTIL ? 90 : 0);
        }
}

static void words_are_in_the_protocol(void **state)
{
        enum answer_scope scope;

        (void)state;
        for (unsigned i = ANSWER_PORT; i <= ANSWER_DESTINATION; i++)
                assert_true(answer_scope_parse(answer_scope_name((enum answer_scope)i), &scope) && scope == i);
        assert_false(answer_scope_parse("host", &scope));
        assert_string_equal(question_state_name(QUESTION_OPEN), "open");
        assert_string_equal(question_state_name(QUESTION_SUPERSEDED), "superseded");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_destination_joins_another_opens),
                cmocka_unit_test(a_host_is_one_destination_whatever_its_addresses),
                cmocka_unit_test(from_the_fourth_on_a_program_has_one_question_for_all),
                cmocka_unit_test(held_packets_are_capped_for_a_question), cmocka_unit_test(held_packets_are_capped_for_a_program),
                cmocka_unit_test(questions_are_capped_for_a_user_and_in_all),
                cmocka_unit_test(held_packets_are_capped_in_all),
                cmocka_unit_test(a_reference_names_one_question_of_one_daemon),
                cmocka_unit_test(a_late_answer_finds_how_its_question_ended),
                cmocka_unit_test(next_goes_by_age_and_survives_closing_behind_it),
                cmocka_unit_test(learning_holds_nothing_and_is_its_own_question),
                cmocka_unit_test(several_owners_are_all_named),
                cmocka_unit_test(an_answer_for_always_is_a_flat_entry_where_one_can_say_it),
                cmocka_unit_test(this_destination_is_address_and_port),
                cmocka_unit_test(this_port_of_icmp_is_the_protocol),
                cmocka_unit_test(once_is_five_seconds_of_one_process_and_one_destination),
                cmocka_unit_test(a_program_without_any_name_is_not_remembered_for_ever),
                cmocka_unit_test(an_answer_has_the_lifetime_that_was_said_or_a_shorter),
                cmocka_unit_test(words_are_in_the_protocol),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
