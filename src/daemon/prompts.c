/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open questions in the world: core/question.c keeps them, here they are shown, answered, timed and ended. Every way out of a question goes
 * through finish(), which gives each held packet its verdict, or to another question, and tells every client that this one is closed. The answer goes to
 * the rules first, then to the tags, then to the packets, because held packets can vanish and a verdict must not.
 *
 * What ended without a person is missed, and can be answered for the future until settle(): by that answer, by one to a question that asks the same,
 * by a rule that decides it since, or because it was missed again.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "wire/hostname.h"

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

/* The one way out of the missed ones. Old-style clients know no such thing. */
static void settle(struct daemon *d, struct question *q, enum question_state state)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        question_settle(d->questions, q, state);
        message_format_question_closed(&line, q);
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS);
        question_forget(d->questions, q);
}

/* `q` has ended, and with it what asked the same before. */
static void settle_like(struct daemon *d, const struct question *q)
{
        struct question *missed;

        while ((missed = question_find_missed_like(d->questions, q)))
                settle(d, missed, q->state == QUESTION_ANSWERED ? QUESTION_ANSWERED : QUESTION_SUPERSEDED);
}

/* A connection of a question as the rules look at it. */
struct connection_again {
        struct facts facts[LIMIT_OWNERS];
        struct hosts hosts[LIMIT_OWNERS];
};

/* The question's names are those of its first connection, and of what goes to the same place. */
static bool has_its_names(const struct question *q, const struct flow *flow)
{
        return q->hosts.n > 0 && (!q->whole_program || addr_equal(&flow->remote, &q->flow.remote));
}

/* `subject`: whose it is, the first where there may be several. */
static void look_again(struct daemon *d, const struct question *q, const struct flow *flow, const struct subject *subject, struct boottime now,
                       struct connection_again *ret)
{
        for (unsigned i = 0; i < q->n_subjects; i++) {
                const struct subject *owner = i == 0 ? subject : q->subjects[i];

                if (i == 0 && has_its_names(q, flow))
                        ret->hosts[i] = q->hosts;
                else
                        naming_find(d, owner, &flow->remote, now, &ret->hosts[i]);
                ret->facts[i] = (struct facts){
                        .subject = owner,
                        .flow = flow,
                        .scopes = addr_scopes(&flow->remote, &d->net),
                        .host = hosts_first(&ret->hosts[i]),
                        .hosts = &ret->hosts[i],
                        .lists = &d->hostsets,
                        .interface = netinfo_interface(&d->net, flow->interface),
                };
        }
}

/* What the rules and the mode of now say about it. */
static struct decision decide_again(struct daemon *d, const struct question *q, const struct connection_again *c, struct boottime now)
{
        struct decision decision;

        decision = decide(d->rules, &d->config, c->facts, q->n_subjects, q->reason == REASON_OWNER_AMBIGUOUS ? OWNERS_AMBIGUOUS : OWNERS_ALL, now);
        if (!decision.subject)
                decision.subject = c->facts[0].subject;
        return decision;
}

static struct decision decide_question(struct daemon *d, const struct question *q, struct boottime now)
{
        struct connection_again c;

        look_again(d, q, &q->flow, q->subjects[0], now, &c);
        return decide_again(d, q, &c, now);
}

/* What ended the question speaks of this connection too, and not of the question's first one alone. */
static bool is_ended(const struct question *q, const struct rule *answer, const struct facts *facts, struct boottime now)
{
        return q->state != QUESTION_SUPERSEDED && (!answer || !q->whole_program || rule_matches(answer, facts, now));
}

/* One of those that a closed question held. What the answer or the rules say of its first connection they need not say of each: the others are decided
 * by themselves, and asked about anew where nothing decides them. */
static void finish_held(struct daemon *d, const struct question *q, const struct held *held, const struct rule *answer, struct decision decision)
{
        const struct boottime now = clock_boottime();
        struct connection_again c;

        look_again(d, q, &held->flow, held->subject, now, &c);
        if (!is_ended(q, answer, &c.facts[0], now))
                decision = decide_again(d, q, &c, now);
        if (decision.verdict == VERDICT_ASK && prompts_hold(d, c.facts, q->n_subjects, decision.reason, held, now, &decision))
                return;
        if (decision.rule)
                decision.rule->n_hits++;
        packet_path_finish(d, held, &c.hosts[0], &decision, q->opened);
}

/* The one way out: verdicts for what is held, word to the clients, end of the question. `answer`: the rule of one that lasts, or NULL. */
static void finish(struct daemon *d, struct question *q, enum question_state state, const struct rule *answer, const struct decision *decision)
{
        question_close(d->questions, q, state);
        for (unsigned i = 0; i < q->n_held; i++)
                finish_held(d, q, &q->held[i], answer, *decision);
        tell_closed(d, q);
        settle_like(d, q);
        if (state == QUESTION_EXPIRED || state == QUESTION_ABANDONED)
                question_miss(d->questions, q, q->learning ? VERDICT_ALLOW : decision->verdict, clock_realtime_us());
        else
                question_forget(d->questions, q);
        arm_timer(d);
}

static void finish_as_failure(struct daemon *d, struct question *q, enum question_state state, enum failure failure)
{
        struct decision decision = decide_failure(failure, &d->config);

        decision.subject = q->subjects[0];
        finish(d, q, state, NULL, &decision);
}

/* Without cache_decisions nothing is remembered but what is to be remembered for good. */
static struct answer allowed_answer(const struct daemon *d, const struct answer *answer)
{
        struct answer a = *answer;

        if ((a.lifetime == LIFETIME_SESSION || a.lifetime == LIFETIME_PROCESS) && !d->config.cache_decisions)
                a.lifetime = LIFETIME_ONCE;
        return a;
}

static void refuse_rule(struct policy_error *error, int r)
{
        if (r == QUESTION_E_NO_HOST)
                policy_refuse(error, MESSAGE_ERROR_BAD_FIELD, "scope: no name of this destination is known");
        else if (r == QUESTION_E_NO_DOMAIN)
                policy_refuse(error, MESSAGE_ERROR_BAD_FIELD, "scope: this destination is in no domain that is known");
        else
                policy_refuse(error, MESSAGE_ERROR_INTERNAL, "no rule: %s", strerror(-r));
}

struct rule *prompts_preview(struct daemon *d, const struct question *question, const struct answer *given, struct policy_error *ret_error)
{
        const struct clocks now = clock_all(&d->boot);
        const struct answer answer = allowed_answer(d, given);
        _cleanup_(rule_freep) struct rule *rule = NULL;
        int r;

        if (question->state != QUESTION_OPEN && answer.lifetime == LIFETIME_ONCE) {
                policy_refuse(ret_error, MESSAGE_ERROR_BAD_FIELD, "lifetime: config.json says that no session is remembered (cache_decisions)");
                return NULL;
        }
        r = question_answer_rule(question, &answer, now.now, &rule);
        if (r != 0) {
                refuse_rule(ret_error, r);
                return NULL;
        }
        if (!rule_begin(rule, &now)) {
                policy_refuse(ret_error, MESSAGE_ERROR_BAD_FIELD, "until: expected a time to come");
                return NULL;
        }
        if (ruleset_count(d->rules) >= LIMIT_RULES) {
                policy_refuse(ret_error, MESSAGE_ERROR_FULL, "there are %d rules already", LIMIT_RULES);
                return NULL;
        }
        return TAKE_PTR(rule);
}

/* Takes the rule of an answer. */
static bool keep(struct daemon *d, const char *ref, struct rule *rule, const struct rule **ret_rule, struct policy_error *ret_error)
{
        int64_t ticket;
        int r = policy_add_rule(d, rule, ret_rule, &ticket);

        if (r != 0) {
                log_error("the answer to question %s holds for its connections but could not be kept as a rule: %s", ref,
                          r == -EMFILE ? "too many rules end with a process" : r < 0 ? strerror(-r) : "too many rules");
                policy_refuse(ret_error, r == RULESET_E_FULL || r == -EMFILE ? MESSAGE_ERROR_FULL : MESSAGE_ERROR_INTERNAL,
                       "the answer could not be kept as a rule");
                return false;
        }
        if (!*ret_rule)
                log_info("the answer to question %s holds for its connections: the process that it was for has exited", ref);
        return true;
}

static struct decision answer_decision(const struct question *question, const struct answer *answer)
{
        return (struct decision){
                .verdict = answer->allow || question->learning ? VERDICT_ALLOW : VERDICT_DENY,
                .reason = answer->lifetime == LIFETIME_SESSION || answer->lifetime == LIFETIME_PROCESS ? REASON_SESSION : REASON_USER,
                .subject = question->subjects[0],
        };
}

bool prompts_answer(struct daemon *d, struct question *question, const struct answer *given, const struct rule **ret_rule,
                    struct policy_error *ret_error)
{
        const struct answer answer = allowed_answer(d, given);
        const struct decision decision = answer_decision(question, &answer);
        struct rule *rule = prompts_preview(d, question, given, ret_error);
        char ref[QUESTION_REF_MAX];

        if (!rule)
                return false;
        memcpy(ref, question->ref, sizeof(ref));
        /* Ended before the rule takes effect: policy_add_rule() decides every question again, and this one was answered by a person. */
        if (question->state == QUESTION_OPEN)
                finish(d, question, QUESTION_ANSWERED, rule->lifetime == LIFETIME_ONCE ? NULL : rule, &decision);
        else
                settle(d, question, QUESTION_ANSWERED);
        return keep(d, ref, rule, ret_rule, ret_error);
}

/* Nobody need be asked any more. */
static void reconsider(struct daemon *d, struct question *q, struct boottime now)
{
        const struct decision decision = decide_question(d, q, now);

        /* What was asked in learning is not what enforcement asks: there a connection waits for the answer. */
        if (q->learning ? decision.would_ask : decision.verdict == VERDICT_ASK)
                return;
        finish(d, q, QUESTION_SUPERSEDED, NULL, &decision);
}

/* A mode that lets everything through, or that nobody is to be asked, decides nothing for the future: only a rule does. */
static void reconsider_missed(struct daemon *d, struct question *q, struct boottime now)
{
        const struct decision decision = decide_question(d, q, now);

        if (decision.rule && decision.rule->action != ACTION_ASK)
                settle(d, q, QUESTION_SUPERSEDED);
}

void prompts_reconsider(struct daemon *d)
{
        struct boottime now = clock_boottime();

        for (struct question *q = question_next(d->questions, NULL), *next; q; q = next) {
                next = question_next(d->questions, q);
                reconsider(d, q, now);
        }
        for (struct question *q = question_next_missed(d->questions, NULL), *next; q; q = next) {
                next = question_next_missed(d->questions, q);
                reconsider_missed(d, q, now);
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

        d->questions = question_table_new(d->seed, (uint32_t)instance, hostname_domain);
        if (!d->questions)
                return -ENOMEM;
        r = sd_event_add_time(d->loop, &d->question_timer, CLOCK_BOOTTIME, 0, 1000, on_deadline, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->question_timer, SD_EVENT_OFF);
}
