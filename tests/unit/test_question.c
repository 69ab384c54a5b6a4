/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/question.h"

static const struct boottime now = { 1000 }, deadline = { 2000 };

/* Whatever ends in ".test" has its last two labels as its domain. */
static const char *domain_of(const char *host)
{
        const char *end = strstr(host, ".test"), *label = end;

        if (!end || end == host)
                return NULL;
        while (label > host && label[-1] != '.')
                label--;
        return label;
}

static struct question_table *table_new(void)
{
        struct question_table *table = question_table_new(99, 0xcafe01, domain_of);

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
        assert_string_equal(hosts_first(&first->hosts), "example.com");
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

/* What a program knows of names goes with its question, and outlives what it was found in. */
static void the_names_of_its_address_and_their_domain_are_copied(void **state)
{
        static const struct {
                const char *host, *domain;
        } rows[] = { { "www.a.test", "a.test" }, { "a.test", "a.test" }, { "nas", NULL }, { NULL, NULL } };
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char other[] = "other.test";
                struct hosts hosts = { .names = { rows[i].host, other }, .n = rows[i].host ? 2 : 0, .source = HOST_SOURCE_DNS };
                struct flow flow = flow_to("1.2.3.4", 443, 6);
                struct facts facts = { .subject = a, .flow = &flow, .host = rows[i].host, .hosts = &hosts };
                struct question *q;

                assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, true, NULL, now, deadline, &q), QUESTION_IS_NEW);
                memset(other, 'x', sizeof(other) - 1);
                assert_int_equal(q->hosts.n, hosts.n);
                if (rows[i].host) {
                        assert_string_equal(q->hosts.names[0], rows[i].host);
                        assert_string_equal(q->hosts.names[1], "other.test");
                        assert_int_equal(q->hosts.source, HOST_SOURCE_DNS);
                }
                if (rows[i].domain)
                        assert_string_equal(q->domain, rows[i].domain);
                else
                        assert_null(q->domain);
                question_close(table, q, QUESTION_ANSWERED);
                question_forget(table, q);
        }
}

static struct question *ask_named(struct question_table *table, const struct subject *s, const char *host, bool learning)
{
        struct flow flow = flow_to("1.2.3.4", 443, 6);
        struct facts facts = { .subject = s, .flow = &flow, .host = host };
        struct held held = { .packet_id = 1, .flow = flow };
        struct question *q;

        assert_int_equal(question_ask(table, &facts, 1, REASON_NO_RULE, learning, learning ? NULL : &held, now, deadline, &q), QUESTION_IS_NEW);
        return q;
}

static void missed(struct question_table *table, struct question *q)
{
        question_close(table, q, QUESTION_EXPIRED);
        question_miss(table, q, VERDICT_DENY, 1234);
}

static void what_nobody_answered_is_kept_until_it_is_settled(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        struct question *first = ask_named(table, a, "www.a.test", false), *second = ask_named(table, a, "b.test", false);
        char ref[QUESTION_REF_MAX];
        enum question_state was;

        (void)state;
        strcpy(ref, first->ref);
        missed(table, first);
        question_close(table, second, QUESTION_ABANDONED);
        question_miss(table, second, VERDICT_ALLOW, 1235);
        assert_int_equal(question_count(table), 0);
        assert_null(question_find(table, ref));
        assert_ptr_equal(question_find_missed(table, ref), first);
        assert_ptr_equal(question_next_missed(table, NULL), second);
        assert_ptr_equal(question_next_missed(table, second), first);
        assert_null(question_next_missed(table, first));
        assert_true(first->n_held == 0 && first->verdict == VERDICT_DENY && first->ended_us == 1234 && first->state == QUESTION_EXPIRED);
        assert_string_equal(first->hosts.names[0], "www.a.test");
        assert_string_equal(first->domain, "a.test");
        assert_true(second->verdict == VERDICT_ALLOW && second->state == QUESTION_ABANDONED);
        assert_true(question_was(table, ref, &was) && was == QUESTION_EXPIRED);

        question_settle(table, first, QUESTION_ANSWERED);
        question_forget(table, first);
        assert_null(question_find_missed(table, ref));
        assert_true(question_was(table, ref, &was) && was == QUESTION_ANSWERED); /* not "expired" any more */
        assert_ptr_equal(question_next_missed(table, NULL), second);
        assert_null(question_next_missed(table, second));
}

static void the_last_ones_missed_are_kept(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        unsigned n = 0;
        enum question_state was;

        (void)state;
        for (unsigned i = 0; i < LIMIT_QUESTIONS_CLOSED + LIMIT_QUESTIONS_MISSED; i++) {
                char path[32];
                _cleanup_(subject_unrefp) struct subject *s = NULL;

                snprintf(path, sizeof(path), "/bin/%u", i);
                s = program(path, 1);
                missed(table, ask_named(table, s, NULL, i % 2));
        }
        for (struct question *q = question_next_missed(table, NULL); q; q = question_next_missed(table, q))
                assert_int_equal(q->id, LIMIT_QUESTIONS_CLOSED + LIMIT_QUESTIONS_MISSED - n++);
        assert_int_equal(n, LIMIT_QUESTIONS_MISSED);
        assert_false(question_was(table, "q1-00cafe01", &was));
}

/* A question that is missed is known as ended for as long as it is kept, however many end after it. */
static void a_missed_question_is_never_an_unknown_one(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1);
        enum question_state was;

        (void)state;
        missed(table, ask_named(table, a, NULL, false));
        for (unsigned i = 0; i < LIMIT_QUESTIONS_CLOSED + 1; i++) {
                struct question *q = ask(table, a, "1.2.3.4", 80, QUESTION_IS_NEW);

                question_close(table, q, QUESTION_ANSWERED);
                question_forget(table, q);
        }
        assert_true(question_was(table, "q1-00cafe01", &was) && was == QUESTION_EXPIRED);
}

static void the_same_question_finds_the_missed_one(void **state)
{
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        _cleanup_(subject_unrefp) struct subject *a = program("/bin/a", 1), *b = program("/bin/b", 1);
        struct question *first = ask_named(table, a, "a.test", true);

        (void)state;
        missed(table, first);
        assert_ptr_equal(question_find_missed_like(table, ask_named(table, a, "a.test", false)), first); /* whatever the mode */
        assert_null(question_find_missed_like(table, ask_named(table, a, "b.test", false)));
        assert_null(question_find_missed_like(table, ask_named(table, a, NULL, false)));
        assert_null(question_find_missed_like(table, ask_named(table, b, "a.test", false)));
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
        assert_int_equal(question_answer_rule(question, &answer, now, &r), 0);
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

/* What each scope writes of a question about www.a.test, one about a name without a domain, and one about an address. */
static void a_scope_covers_what_its_word_says(void **state)
{
        enum { HOST = CRITERION_BIT(CRITERION_HOST), NETWORK = CRITERION_BIT(CRITERION_NETWORK), PORT = CRITERION_BIT(CRITERION_PORT) };
        static const struct {
                const char *host;
                enum answer_scope scope;
                int result;
                unsigned has;
                const char *text; /* of the host criterion */
        } rows[] = {
                { "www.a.test", ANSWER_PORT, 0, PORT, NULL },
                { "www.a.test", ANSWER_ALL_PORTS, 0, 0, NULL },
                { "www.a.test", ANSWER_DESTINATION, 0, HOST | PORT, "www.a.test" },
                { "www.a.test", ANSWER_ADDRESS, 0, NETWORK | PORT, NULL },
                { "www.a.test", ANSWER_HOST, 0, HOST, "www.a.test" },
                { "www.a.test", ANSWER_DOMAIN, 0, HOST, ".a.test" },
                { "nas", ANSWER_HOST, 0, HOST, "nas" },
                { "nas", ANSWER_DOMAIN, QUESTION_E_NO_DOMAIN, 0, NULL },
                { NULL, ANSWER_DESTINATION, 0, NETWORK | PORT, NULL },
                { NULL, ANSWER_ADDRESS, 0, NETWORK | PORT, NULL },
                { NULL, ANSWER_HOST, QUESTION_E_NO_HOST, 0, NULL },
                { NULL, ANSWER_DOMAIN, QUESTION_E_NO_DOMAIN, 0, NULL },
        };
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/curl", 1);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int is_missed = 0; is_missed < 2; is_missed++) {
                        const struct answer said = { .allow = true, .lifetime = LIFETIME_ALWAYS, .scope = rows[i].scope };
                        _cleanup_(question_table_freep) struct question_table *table = table_new();
                        _cleanup_(rule_freep) struct rule *r = NULL;
                        struct question *q = ask_named(table, s, rows[i].host, false);

                        if (is_missed)
                                missed(table, q);
                        assert_int_equal(question_answer_rule(q, &said, now, &r), rows[i].result);
                        assert_int_equal(r != NULL, rows[i].result == 0);
                        if (!r)
                                continue;
                        assert_int_equal(r->has, rows[i].has);
                        if (rows[i].text)
                                assert_string_equal(rule_criterion(r, CRITERION_HOST)->one.text, rows[i].text);
                        if (r->has & NETWORK)
                                assert_int_equal(rule_criterion(r, CRITERION_NETWORK)->one.network.prefix, 128);
                }
}

/* Its names would be somebody else's. */
static void of_an_unknown_program_only_the_address_is_known(void **state)
{
        static const struct {
                enum answer_scope scope;
                int result;
        } rows[] = { { ANSWER_DESTINATION, 0 }, { ANSWER_ADDRESS, 0 }, { ANSWER_HOST, QUESTION_E_NO_HOST }, { ANSWER_DOMAIN, QUESTION_E_NO_DOMAIN } };
        _cleanup_(question_table_freep) struct question_table *table = table_new();
        struct question *q = ask_named(table, subject_unknown(), "a.test", false);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct answer said = { .allow = true, .lifetime = LIFETIME_ALWAYS, .scope = rows[i].scope };
                _cleanup_(rule_freep) struct rule *r = NULL;

                assert_int_equal(question_answer_rule(q, &said, now, &r), rows[i].result);
                if (r)
                        assert_false(r->has & CRITERION_BIT(CRITERION_HOST));
        }
}

/* Once, too, is what was said: of this host any port, and no other host. */
static void once_goes_as_far_as_its_scope(void **state)
{
        static const struct {
                enum answer_scope scope;
                bool port, address, host, domain; /* does it cover another of them, all else being the same? */
        } rows[] = {
                { ANSWER_PORT, .address = true },
                { ANSWER_ALL_PORTS, .port = true, .address = true },
                { ANSWER_DESTINATION, .address = true },
                { ANSWER_ADDRESS, .host = true, .domain = true },
                { ANSWER_HOST, .port = true, .address = true },
                { ANSWER_DOMAIN, .port = true, .address = true, .host = true },
        };
        _cleanup_(subject_unrefp) struct subject *s = program("/usr/bin/curl", 1);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct answer said = { .allow = true, .lifetime = LIFETIME_ONCE, .scope = rows[i].scope };
                _cleanup_(question_table_freep) struct question_table *table = table_new();
                _cleanup_(rule_freep) struct rule *r = NULL;
                struct flow flow = flow_to("1.2.3.4", 443, 6), port = flow_to("1.2.3.4", 80, 6), address = flow_to("1.2.3.5", 443, 6);
                struct facts facts = { .subject = s, .flow = &flow, .host = "www.a.test" };
                struct question *q = ask_named(table, s, "www.a.test", false);

                q->held[0].process = s->process;
                assert_int_equal(question_answer_rule(q, &said, now, &r), 0);
                assert_true(rule_matches(r, &facts, now));
                facts.flow = &port;
                assert_int_equal(rule_matches(r, &facts, now), rows[i].port);
                facts.flow = &address;
                assert_int_equal(rule_matches(r, &facts, now), rows[i].address);
                facts.flow = &flow;
                facts.host = "ftp.a.test";
                assert_int_equal(rule_matches(r, &facts, now), rows[i].host);
                facts.host = "www.b.test";
                assert_int_equal(rule_matches(r, &facts, now), rows[i].domain);
        }
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
        enum question_state state_again;
        enum answer_scope scope;

        (void)state;
        for (unsigned i = ANSWER_PORT; i <= ANSWER_DOMAIN; i++)
                assert_true(answer_scope_parse(answer_scope_name((enum answer_scope)i), &scope) && scope == i);
        assert_false(answer_scope_parse("hosts", &scope));
        for (unsigned i = QUESTION_OPEN; i <= QUESTION_SUPERSEDED; i++)
                assert_true(question_state_parse(question_state_name((enum question_state)i), &state_again) && state_again == i);
        assert_false(question_state_parse("closed", &state_again));
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
                cmocka_unit_test(the_names_of_its_address_and_their_domain_are_copied),
                cmocka_unit_test(what_nobody_answered_is_kept_until_it_is_settled),
                cmocka_unit_test(the_last_ones_missed_are_kept),
                cmocka_unit_test(a_missed_question_is_never_an_unknown_one),
                cmocka_unit_test(the_same_question_finds_the_missed_one),
                cmocka_unit_test(this_destination_is_address_and_port),
                cmocka_unit_test(a_scope_covers_what_its_word_says),
                cmocka_unit_test(of_an_unknown_program_only_the_address_is_known),
                cmocka_unit_test(once_goes_as_far_as_its_scope),
                cmocka_unit_test(this_port_of_icmp_is_the_protocol),
                cmocka_unit_test(once_is_five_seconds_of_one_process_and_one_destination),
                cmocka_unit_test(a_program_without_any_name_is_not_remembered_for_ever),
                cmocka_unit_test(an_answer_has_the_lifetime_that_was_said_or_a_shorter),
                cmocka_unit_test(words_are_in_the_protocol),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
