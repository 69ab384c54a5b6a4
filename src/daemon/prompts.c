/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open questions in the world: core/question.c keeps them, here they are shown, answered, timed and ended. Every way out of a question goes
 * through finish(), which gives each held packet its verdict and tells every client that the question is closed. The answer goes to the rules
 * first, then to the tags, then to the packets, because held packets can vanish and a verdict must not.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "sys/clock.h"

static void arm_timer(struct daemon *d)
{
        struct boottime deadline = question_next_deadline(d->questions);

        if (deadline.ns == BOOTTIME_NEVER.ns) {
                sd_event_source_set_enabled(d->question_timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(d->question_timer, deadline.ns / NS_PER_USEC + 1);
        sd_event_source_set_enabled(d->question_timer, SD_EVENT_ONESHOT);
}

static void tell_opened(struct daemon *d, const struct question *q)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        message_format_connection_request(&line, q);
        server_broadcast(d, &line, true, 0);
        buf_reset(&line);
        message_format_question(&line, q, clock_boottime());
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS);
}

/* A question that more connections joined is sent again, so that its count and "12 more" stay true on every screen. */
static void tell_joined(struct daemon *d, const struct question *q)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!server_has_subscribers(d, false, SUBSCRIBE_QUESTIONS))
                return;
        message_format_question(&line, q, clock_boottime());
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS);
}

static void tell_closed(struct daemon *d, const struct question *q)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        message_format_cancel_popup(&line, q->ref);
        server_broadcast(d, &line, true, 0);
        buf_reset(&line);
        message_format_question_closed(&line, q);
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS);
}

/* Asks, shows what is new. The question or NULL, where *ret_failure says why not. */
static struct question *ask(struct daemon *d, const struct facts *facts, unsigned n_facts, enum reason reason, bool learning,
                            const struct held *held, struct boottime now, enum failure *ret_failure)
{
        struct boottime deadline = boottime_add(now, d->config.timeout_seconds * NS_PER_SEC);
        struct question *q = NULL;
        int r;

        *ret_failure = FAILURE_NOBODY;
        if (!server_can_ask(d))
                server_take_waiting(d); /* the tray that connected a moment ago counts */
        if (!server_can_ask(d))
                return NULL;
        *ret_failure = FAILURE_CAP;
        r = question_ask(d->questions, facts, n_facts, reason, learning, held, now, deadline, &q);
        if (r < 0)
                log_error("cannot open a question: %s; treated as a reached cap", strerror(-r));
        if (r == QUESTION_IS_NEW) {
                tell_opened(d, q);
                history_log_question(d, q);
                arm_timer(d);
        } else if (r == QUESTION_JOINED) {
                tell_joined(d, q);
        }
        return q;
}

bool prompts_hold(struct daemon *d, const struct facts *facts, unsigned n_facts, enum reason reason, const struct held *held,
                  struct boottime now, struct decision *ret)
{
        enum failure failure;

        if (ask(d, facts, n_facts, reason, false, held, now, &failure))
                return true;
        *ret = decide_failure(failure, &d->config);
        ret->subject = facts[0].subject;
        return false;
}

void prompts_mention(struct daemon *d, const struct facts *facts, unsigned n_facts, enum reason reason, struct boottime now)
{
        enum failure failure; /* nobody to tell, or too many open already: nothing waits for it */

        (void)ask(d, facts, n_facts, reason, true, NULL, now, &failure);
}

/* The one way out: verdicts for what is held, word to the clients, end of the question. */
static void finish(struct daemon *d, struct question *q, enum question_state state, const struct decision *decision)
{
        if (decision->rule)
                decision->rule->n_hits += q->n_held;
        question_close(d->questions, q, state);
        for (unsigned i = 0; i < q->n_held; i++)
                packet_path_finish(d, &q->held[i], q->held[i].subject, q->host, decision, q->opened);
        tell_closed(d, q);
        question_forget(d->questions, q);
        arm_timer(d);
}

static void finish_as_failure(struct daemon *d, struct question *q, enum question_state state, enum failure failure)
{
        struct decision decision = decide_failure(failure, &d->config);

        decision.subject = q->subjects[0];
        finish(d, q, state, &decision);
}

/* Without cache_decisions nothing is remembered but what is to be remembered for good. */
static struct answer allowed_answer(const struct daemon *d, const struct answer *answer)
{
        struct answer a = *answer;

        if ((a.lifetime == LIFETIME_SESSION || a.lifetime == LIFETIME_PROCESS) && !d->config.cache_decisions)
                a.lifetime = LIFETIME_ONCE;
        return a;
}

int prompts_answer(struct daemon *d, struct question *question, const struct answer *given, const struct rule **ret_rule)
{
        struct answer copy = allowed_answer(d, given);
        const struct answer *answer = &copy;
        const struct clocks now = clock_all(&d->boot);
        struct rule *rule = question_answer_rule(question, answer, now.now);
        const struct rule *added = NULL;
        char ref[QUESTION_REF_MAX];
        struct decision decision = {
                .verdict = answer->allow ? VERDICT_ALLOW : VERDICT_DENY,
                .reason = answer->lifetime == LIFETIME_SESSION || answer->lifetime == LIFETIME_PROCESS ? REASON_SESSION : REASON_USER,
                .subject = question->subjects[0],
        };
        int64_t ticket;
        int r;

        if (!rule)
                return -ENOMEM;
        if (!rule_begin(rule, &now)) {
                rule_free(rule);
                return POLICY_E_OVER;
        }
        memcpy(ref, question->ref, sizeof(ref));
        /* Closed before the rule takes effect: policy_add_rule() decides every open question again, and this one was answered by a person. */
        if (question->learning)
                decision.verdict = VERDICT_ALLOW;
        r = ruleset_count(d->rules) >= LIMIT_RULES ? RULESET_E_FULL : 0;
        if (r == 0) {
                finish(d, question, QUESTION_ANSWERED, &decision);
                r = policy_add_rule(d, rule, &added, &ticket);
        } else {
                rule_free(rule);
        }
        if (r != 0)
                log_error("the answer to question %s holds for its connections but could not be kept as a rule: %s", ref,
                          r == -EMFILE ? "too many rules end with a process" : r < 0 ? strerror(-r) : "too many rules");
        else if (!added)
                log_info("the answer to question %s holds for its connections: the process that it was for has exited", ref);
        *ret_rule = added;
        return r;
}

/* Does a rule, or the mode, now say what a person was asked? */
static void reconsider(struct daemon *d, struct question *q, struct boottime now)
{
        struct facts facts[LIMIT_OWNERS];
        struct hosts hosts[LIMIT_OWNERS];
        struct decision decision;

        for (unsigned i = 0; i < q->n_subjects; i++) {
                naming_find(d, q->subjects[i], &q->flow.remote, now, &hosts[i]);
                facts[i] = (struct facts){
                        .subject = q->subjects[i],
                        .flow = &q->flow,
                        .scopes = addr_scopes(&q->flow.remote, &d->net),
                        .host = q->host,
                        .hosts = &hosts[i],
                        .lists = &d->hostsets,
                        .interface = netinfo_interface(&d->net, q->flow.interface),
                };
        }
        decision = decide(d->rules, &d->config, facts, q->n_subjects, q->reason == REASON_OWNER_AMBIGUOUS ? OWNERS_AMBIGUOUS : OWNERS_ALL, now);
        /* What was asked in learning is not what enforcement asks: there a connection waits for the answer. */
        if (q->learning ? decision.would_ask : decision.verdict == VERDICT_ASK)
                return;
        if (!decision.subject)
                decision.subject = q->subjects[0];
        finish(d, q, QUESTION_SUPERSEDED, &decision);
}

void prompts_reconsider(struct daemon *d)
{
        struct boottime now = clock_boottime();

        for (struct question *q = question_next(d->questions, NULL), *next; q; q = next) {
                next = question_next(d->questions, q);
                reconsider(d, q, now);
        }
}

void prompts_askers_changed(struct daemon *d)
{
        if (server_can_ask(d))
                return;
        for (struct question *q = question_next(d->questions, NULL), *next; q; q = next) {
                next = question_next(d->questions, q);
                finish_as_failure(d, q, QUESTION_ABANDONED, FAILURE_NOBODY);
        }
}

void prompts_abandon_all(struct daemon *d)
{
        for (struct question *q = question_next(d->questions, NULL), *next; q; q = next) {
                next = question_next(d->questions, q);
                finish_as_failure(d, q, QUESTION_ABANDONED, FAILURE_NOBODY);
        }
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;
        struct boottime now = clock_boottime();

        for (struct question *q = question_next(d->questions, NULL), *next; q; q = next) {
                next = question_next(d->questions, q);
                if (boottime_reached(q->deadline, now))
                        finish_as_failure(d, q, QUESTION_EXPIRED, FAILURE_TIMEOUT);
        }
        arm_timer(d);
        return 0;
}

int prompts_start(struct daemon *d)
{
        uint64_t instance = hash_bytes(d->seed, "questions", 9);
        int r;

        d->questions = question_table_new(d->seed, (uint32_t)instance);
        if (!d->questions)
                return -ENOMEM;
        r = sd_event_add_time(d->loop, &d->question_timer, CLOCK_BOOTTIME, 0, 1000, on_deadline, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->question_timer, SD_EVENT_OFF);
}
