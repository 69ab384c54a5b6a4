/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients may say, one row a message: the role that it takes, and what is done. A message from somebody who may not is refused: with an error where
 * it has an id. One without an id is counted, and where it was polkit that refused it the client gets a notification.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/traffic.h"

typedef void (*handler_fn)(struct daemon *d, struct client *c, struct message *m);

/* ---- new-style ---------------------------------------------------------------------------------------------------------------- */

/* What came of a change that was not made: a negative errno, or POLICY_E_REFUSED with its error. */
static void send_failure(struct client *c, int64_t id, int r, const char *what, const struct policy_error *error)
{
        if (r < 0)
                server_send_error(c, id, MESSAGE_ERROR_INTERNAL, "%s: %s", what, strerror(-r));
        else
                server_send_error(c, id, error->code, "%s", error->text);
}

static void send_ok(struct client *c, const struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!m->has_id)
                return;
        message_format_reply_ok(&line, m->id);
        server_send(c, &line);
}

static void on_hello(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        server_set_new_style(c);
        message_format_reply_hello(&line, m->id, authority_of(d, c), d->config.mode);
        server_send(c, &line);
}

static void on_subscribe(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        send_ok(c, m);
        history_tell(d); /* the past is not for whoever subscribes now */
        server_subscribe(c, m->subscribe.events);
        if (!(m->subscribe.events & SUBSCRIBE_QUESTIONS))
                return;
        for (const struct question *q = question_next(d->questions, NULL); q; q = question_next(d->questions, q)) {
                buf_reset(&line);
                message_format_question(&line, q, clock_boottime());
                server_send(c, &line);
        }
}

static void on_status(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct status status;

        report_status(d, &status);
        message_format_reply_status(&line, m->id, &status);
        status_deinit(&status);
        server_send(c, &line);
}

static void on_decisions(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        const struct record *records[LIMIT_RECORDS];
        char history[PATH_MAX];
        uint64_t n;

        snprintf(history, sizeof(history), "%s/" HELPERS_HISTORY, d->options.state);
        summaries_tell(d);
        history_tell(d); /* so that no event comes after a reply that has it */
        n = MIN(d->n_records, (uint64_t)m->decisions.limit);
        n = MIN(n, (uint64_t)LIMIT_RECORDS);
        for (uint64_t i = 0; i < n; i++)
                records[i] = &d->records[(d->n_records - n + i) % LIMIT_RECORDS];
        message_format_reply_decisions(&line, m->id, records, n, *history == '/' ? history : NULL);
        server_send(c, &line);
}

static void on_connections(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct connection *connections = NULL;
        size_t n = 0;
        int r = adopt_list(d, &connections, &n);

        if (r < 0) {
                server_send_error(c, m->id, MESSAGE_ERROR_INTERNAL, "cannot list the sockets: %s", strerror(-r));
                return;
        }
        message_format_reply_connections(&line, m->id, connections, n);
        for (size_t i = 0; i < n; i++)
                connection_deinit(&connections[i]);
        free(connections);
        server_send(c, &line);
}

static void on_connection_end(struct daemon *d, struct client *c, struct message *m)
{
        int r = sweep_end(d, &m->flow);

        if (r == -ENOENT) {
                server_send_error(c, m->id, MESSAGE_ERROR_NOT_FOUND, "there is no such connection any more");
                return;
        }
        if (r < 0) {
                const bool refused = r == -EPROTONOSUPPORT || r == -EOPNOTSUPP || r == -EPERM;

                server_send_error(c, m->id, refused ? MESSAGE_ERROR_NOT_PERMITTED : MESSAGE_ERROR_INTERNAL, "it cannot be ended: %s", strerror(-r));
                return;
        }
        send_ok(c, m);
}

static void on_traffic(_unused_ struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct traffic traffic = { .at = clock_boottime() };
        int r = traffic_read(&traffic.bytes_out, &traffic.bytes_in);

        if (r < 0) {
                server_send_error(c, m->id, MESSAGE_ERROR_INTERNAL, "cannot read what the interfaces have carried: %s", strerror(-r));
                return;
        }
        message_format_reply_traffic(&line, m->id, &traffic);
        server_send(c, &line);
}

static void on_questions(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        message_format_reply_questions(&line, m->id, d->questions, clock_boottime());
        server_send(c, &line);
}

/* The rule that an answer writes, or that it would write. */
static void on_answer(struct daemon *d, struct client *c, struct message *m)
{
        const struct answer *answer = &m->response.answer;
        struct question *q = question_find(d->questions, m->response.request_id);
        _cleanup_(buf_deinit) struct buf line = { 0 };
        _cleanup_(rule_freep) struct rule *preview = NULL;
        const struct rule *rule = NULL;
        struct policy_error error;
        enum question_state ended;

        if (!q && answer->late)
                q = question_find_missed(d->questions, m->response.request_id);
        if (!q && question_was(d->questions, m->response.request_id, &ended)) {
                server_send_error(c, m->id, MESSAGE_ERROR_CLOSED, "the question has ended already: %s", question_state_name(ended));
                return;
        }
        if (!q) {
                server_send_error(c, m->id, MESSAGE_ERROR_NOT_FOUND, "there is no such question");
                return;
        }
        if (answer->preview)
                rule = preview = prompts_preview(d, q, answer, &error);
        if (answer->preview ? !preview : !prompts_answer(d, q, answer, &rule, &error)) {
                server_send_error(c, m->id, error.code, "%s", error.text);
                return;
        }
        message_format_reply_rule(&line, m->id, rule);
        server_send(c, &line);
}

static void on_rules(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (m->rules.has_after && m->rules.after.load != d->rules_load) {
                server_send_error(c, m->id, MESSAGE_ERROR_CLOSED, "the rules were loaded anew meanwhile: list them from the first");
                return;
        }
        if (!m->rules.has_after)
                summaries_tell(d); /* their hits */
        message_format_reply_rules(&line, m->id, d->rules, d->rules_load, &d->config, &m->rules);
        server_send(c, &line);
}

/* There is such a rule, and it is one that clients may change; else the client is told. */
static bool may_be_changed(struct daemon *d, struct client *c, int64_t id, const char *rule_id)
{
        const struct rule *rule = ruleset_find(d->rules, rule_id);
        char place[PATH_MAX];

        if (!rule) {
                server_send_error(c, id, MESSAGE_ERROR_NOT_FOUND, "there is no rule of this id");
                return false;
        }
        if (rule->origin == ORIGIN_FILE) {
                policy_dropin_place(d, rule->id, place, sizeof(place));
                server_send_error(c, id, MESSAGE_ERROR_NOT_PERMITTED, "it stands in %s, which only its owner edits; overrule it by a rule of your own",
                                  place);
                return false;
        }
        if (rule->origin == ORIGIN_FACTORY)
                server_send_error(c, id, MESSAGE_ERROR_NOT_PERMITTED,
                                  "it is a factory rule; overrule it by one of your own, or switch it off in config.json, where that can be");
        return rule->origin != ORIGIN_FACTORY;
}

/* Why a rule was not added. */
static void send_not_added(struct client *c, int64_t id, int r, const struct policy_error *error)
{
        if (r == POLICY_E_OVER)
                server_send_error(c, id, MESSAGE_ERROR_BAD_FIELD, "until: expected a time to come");
        else if (r == RULESET_E_FULL)
                server_send_error(c, id, MESSAGE_ERROR_FULL, "there are %d rules already", LIMIT_RULES);
        else if (r == RULESET_E_EXISTS)
                server_send_error(c, id, MESSAGE_ERROR_INTERNAL, "the rule could not be added: another rule has this id");
        else
                send_failure(c, id, r, "the rule could not be added", error);
}

static void on_rule_add(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct policy_error error = { 0 };
        const struct rule *added;
        int64_t ticket = 0;
        int r;

        if (m->add.replaces && !may_be_changed(d, c, m->id, m->add.replaces))
                return;
        r = m->add.replaces ? policy_replace_rule(d, m->add.replaces, TAKE_PTR(m->add.rule), &added, &ticket, &error) :
                              policy_add_rule(d, TAKE_PTR(m->add.rule), &added, &ticket);
        if (r != 0) {
                send_not_added(c, m->id, r, &error);
                return;
        }
        message_format_reply_rule(&line, m->id, added);
        server_reply_after(c, ticket, m->id, &line);
}

static void on_rule_check(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        int r = policy_preview_rule(d, m->add.rule);

        if (r != 0) {
                send_not_added(c, m->id, r, NULL);
                return;
        }
        message_format_reply_rule(&line, m->id, m->add.rule);
        server_send(c, &line);
}

static void on_rule_delete(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        int64_t ticket = 0;

        if (!may_be_changed(d, c, m->id, m->key.key))
                return;
        if (!policy_delete_rule(d, m->key.key, &ticket)) {
                server_send_error(c, m->id, MESSAGE_ERROR_NOT_FOUND, "there is no rule of this id any more");
                return;
        }
        message_format_reply_ok(&line, m->id);
        server_reply_after(c, ticket, m->id, &line);
}

static void on_rule_enable(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        const struct rule *rule;
        int64_t ticket = 0;
        int r;

        if (!may_be_changed(d, c, m->id, m->key.key))
                return;
        r = policy_enable_rule(d, m->key.key, m->key.enabled, &rule, &ticket);
        if (r < 0) {
                server_send_error(c, m->id, r == -ENOENT ? MESSAGE_ERROR_NOT_FOUND : r == -EEXIST ? MESSAGE_ERROR_CONFLICT : MESSAGE_ERROR_INTERNAL,
                                  r == -EEXIST ? "another rule says the same: delete one of them" : "the rule could not be changed");
                return;
        }
        message_format_reply_rule(&line, m->id, rule);
        server_reply_after(c, ticket, m->id, &line);
}

static void on_rules_history(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        message_format_reply_history(&line, m->id, &d->journal, &m->history);
        server_send(c, &line);
}

static void on_rules_undo(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct policy_error error = { 0 };
        uint64_t change = 0;
        int64_t ticket = 0;
        int r = policy_undo(d, m->undo.change, &change, &ticket, &error);

        if (r != 0) {
                send_failure(c, m->id, r, "nothing was undone", &error);
                return;
        }
        message_format_reply_change(&line, m->id, &d->journal, change);
        server_reply_after(c, ticket, m->id, &line);
}

static void on_mode(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        int64_t ticket = 0;

        if ((m->mode.has_mode || m->mode.keep) &&
            policy_set_mode(d, m->mode.mode, m->mode.try_seconds, m->mode.keep, &ticket) == -ENOENT) {
                server_send_error(c, m->id, MESSAGE_ERROR_NOT_FOUND, "no try is running: there is nothing to keep");
                return;
        }
        message_format_reply_mode(&line, m->id, d->config.mode, policy_try_left(d));
        server_reply_after(c, ticket, m->id, &line);
}

static void on_config(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        policy_format_config(d, &line, &m->id);
        server_send(c, &line);
}

static void on_config_set(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct policy_error error = { 0 };
        int64_t ticket = 0;
        int r = policy_set_key(d, m->config_set.key, m->config_set.value, &ticket, &error);

        if (r != 0) {
                send_failure(c, m->id, r, "nothing was changed", &error);
                return;
        }
        message_format_reply_ok(&line, m->id);
        server_reply_after(c, ticket, m->id, &line);
}

static void on_doctor(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        struct check checks[REPORT_CHECKS_MAX];
        size_t n = report_doctor(d, checks);

        message_format_reply_doctor(&line, m->id, checks, n);
        for (size_t i = 0; i < n; i++)
                check_deinit(&checks[i]);
        server_send(c, &line);
}

static void on_kernel(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 }, text = { 0 };

        report_kernel(d, &text);
        message_format_reply_kernel(&line, m->id, text.data ? text.data : "");
        server_send(c, &line);
}

/* The record of a decision that is still in memory, or NULL. */
static const struct record *find_record(const struct daemon *d, uint64_t seq)
{
        uint64_t n = MIN(d->n_records, (uint64_t)LIMIT_RECORDS);

        for (uint64_t i = 0; i < n; i++) {
                const struct record *r = &d->records[(d->n_records - 1 - i) % LIMIT_RECORDS];

                if (r->seq == seq)
                        return r;
        }
        return NULL;
}

/* By the rules that are in force now, whatever they were when a decision was made. */
static void on_why(struct daemon *d, struct client *c, struct message *m)
{
        const struct record *record = m->why.seq ? find_record(d, m->why.seq) : NULL;
        _cleanup_(buf_deinit) struct buf line = { 0 };
        const struct supposed *supposed = &m->why.supposed;
        struct facts facts = {
                .subject = supposed->subject,
                .flow = &supposed->flow,
                .host = supposed->host,
                .lists = &d->hostsets,
                .interface = supposed->interface,
        };
        struct explanation e;

        if (m->why.seq && !record) {
                server_send_error(c, m->id, MESSAGE_ERROR_NOT_FOUND, "there is no such decision in memory any more");
                return;
        }
        if (record)
                facts = (struct facts){
                        .subject = record->subject,
                        .flow = &record->flow,
                        .host = hosts_first(&record->hosts),
                        .hosts = &record->hosts,
                        .lists = &d->hostsets,
                        .interface = netinfo_interface(&d->net, record->flow.interface),
                };
        facts.scopes = addr_scopes(&facts.flow->remote, &d->net) | supposed->scopes;
        if (explain(d->rules, &d->config, &facts, clock_boottime(), &e) < 0) {
                server_send_error(c, m->id, MESSAGE_ERROR_INTERNAL, "no memory for the explanation");
                return;
        }
        message_format_reply_why(&line, m->id, &e, &facts, &d->config, ruleset_count(d->rules));
        explanation_deinit(&e);
        server_send(c, &line);
}

/* ---- old types: with an id they are answered as the newer ones are ------------------------------------------------------------- */

static void on_gui_response(struct daemon *d, struct client *c, struct message *m)
{
        struct question *q = question_find(d->questions, m->response.request_id);
        struct policy_error error;
        const struct rule *rule;

        if (m->has_id) {
                on_answer(d, c, m);
                return;
        }
        if (!q) {
                /* Old programs send a late deny when they close a popup by themselves. It must not touch any other question. */
                log_debug("late or unknown answer to %s: dropped", m->response.request_id);
                return;
        }
        if (!prompts_answer(d, q, &m->response.answer, &rule, &error))
                server_notify(d, "Not kept", NOTIFICATION_ERROR, "%s", error.text);
}

static void on_add_rule(struct daemon *d, struct client *c, struct message *m)
{
        const struct rule *added;
        int64_t ticket;
        int r;

        if (m->has_id) {
                on_rule_add(d, c, m);
                return;
        }
        r = policy_add_rule(d, TAKE_PTR(m->add.rule), &added, &ticket);
        if (r != 0)
                server_notify(d, "Rule", NOTIFICATION_ERROR, "the rule could not be added: %s", r < 0 ? strerror(-r) : "too many rules");
}

static void on_delete_rule(struct daemon *d, struct client *c, struct message *m)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        int64_t ticket = 0;
        bool done;

        if (m->has_id) {
                on_rule_delete(d, c, m);
                return;
        }
        done = policy_delete_rule(d, m->key.key, &ticket);
        message_format_rule_deleted(&line, m->key.key, done);
        server_send(c, &line);
}

static void on_list_rules(_unused_ struct daemon *d, struct client *c, struct message *m)
{
        server_send_rules_list(c);
        send_ok(c, m);
}

static void on_clear_cache(struct daemon *d, struct client *c, struct message *m)
{
        char *colon = strrchr(m->key.key, ':');
        uint64_t port = 0;

        if (!colon || (strcmp(colon + 1, "*") != 0 && !str_parse_u64(colon + 1, UINT16_MAX, &port))) {
                d->counters.n_ignored_messages++;
                if (m->has_id)
                        server_send_error(c, m->id, MESSAGE_ERROR_BAD_FIELD, "cache_key: expected <path>:<port> or @name:<comm>:<port>");
                return;
        }
        *colon = '\0';
        policy_clear_cache(d, m->key.key, (uint16_t)port);
        send_ok(c, m);
}

/* "Withdraw interest": the others are still asked, and when there are none the deadline decides. */
static void on_cancel_popup(_unused_ struct daemon *d, struct client *c, struct message *m)
{
        log_debug("a client withdrew its interest in %s", m->response.request_id);
        send_ok(c, m);
}

/* ---- the table ------------------------------------------------------------------------------------------------------------------ */

static const struct {
        enum role role;
        handler_fn handle;
} HANDLERS[MESSAGE_TYPE_COUNT] = {
        [MESSAGE_GUI_RESPONSE] = { ROLE_ANSWER, on_gui_response },
        [MESSAGE_ADD_RULE] = { ROLE_MANAGE, on_add_rule },
        [MESSAGE_DELETE_RULE] = { ROLE_MANAGE, on_delete_rule },
        [MESSAGE_LIST_RULES] = { ROLE_LOOK, on_list_rules },
        [MESSAGE_CLEAR_CACHE] = { ROLE_MANAGE, on_clear_cache },
        [MESSAGE_CANCEL_POPUP] = { ROLE_LOOK, on_cancel_popup },
        [MESSAGE_HELLO] = { ROLE_ANYBODY, on_hello },
        [MESSAGE_SUBSCRIBE] = { ROLE_LOOK, on_subscribe },
        [MESSAGE_STATUS] = { ROLE_LOOK, on_status },
        [MESSAGE_DECISIONS] = { ROLE_LOOK, on_decisions },
        [MESSAGE_CONNECTIONS] = { ROLE_LOOK, on_connections },
        [MESSAGE_CONNECTION_END] = { ROLE_MANAGE, on_connection_end },
        [MESSAGE_TRAFFIC] = { ROLE_LOOK, on_traffic },
        [MESSAGE_QUESTIONS] = { ROLE_LOOK, on_questions },
        [MESSAGE_ANSWER] = { ROLE_ANSWER, on_answer },
        [MESSAGE_RULES] = { ROLE_LOOK, on_rules },
        [MESSAGE_RULE_ADD] = { ROLE_MANAGE, on_rule_add },
        [MESSAGE_RULE_CHECK] = { ROLE_LOOK, on_rule_check },
        [MESSAGE_RULE_DELETE] = { ROLE_MANAGE, on_rule_delete },
        [MESSAGE_RULE_ENABLE] = { ROLE_MANAGE, on_rule_enable },
        [MESSAGE_RULES_HISTORY] = { ROLE_LOOK, on_rules_history },
        [MESSAGE_RULES_UNDO] = { ROLE_MANAGE, on_rules_undo },
        [MESSAGE_MODE] = { ROLE_MANAGE, on_mode },
        [MESSAGE_CONFIG] = { ROLE_LOOK, on_config },
        [MESSAGE_CONFIG_SET] = { ROLE_MANAGE, on_config_set },
        [MESSAGE_DOCTOR] = { ROLE_LOOK, on_doctor },
        [MESSAGE_KERNEL] = { ROLE_LOOK, on_kernel },
        [MESSAGE_WHY] = { ROLE_LOOK, on_why },
};

/* The row's, but for messages that take more or less according to what they say. */
static enum role role_of(const struct daemon *d, const struct client *c, const struct message *m)
{
        const struct question *q;

        if (m->type == MESSAGE_MODE && !m->mode.has_mode && !m->mode.keep)
                return ROLE_LOOK;
        if (m->type != MESSAGE_ANSWER && m->type != MESSAGE_GUI_RESPONSE)
                return HANDLERS[m->type].role;
        if (m->response.answer.preview)
                return ROLE_LOOK;
        q = question_find(d->questions, m->response.request_id);
        if (!q && m->response.answer.late)
                q = question_find_missed(d->questions, m->response.request_id);
        return q ? authority_to_answer(q, &m->response.answer, server_peer(c)->uid) : ROLE_ANSWER;
}

void requests_carry_out(struct daemon *d, struct client *c, struct message *m)
{
        d->speaker = server_peer(c);
        HANDLERS[m->type].handle(d, c, m);
        d->speaker = NULL;
}

/* Who speaks the old style has no reply to hear it in. */
static void notify_refused(struct daemon *d, struct client *c, const char *why)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (!d->config.notifications_enabled)
                return;
        message_format_notification(&line, "Not permitted", why, NOTIFICATION_WARNING);
        server_send(c, &line);
}

/* An old tray knows no second try: what its answer may do without anybody's leave, deciding about the connections that wait, it does. */
static void answer_once(struct daemon *d, struct client *c, struct message *m)
{
        m->response.answer.lifetime = LIFETIME_ONCE;
        requests_carry_out(d, c, m);
}

void requests_refuse(struct daemon *d, struct client *c, struct message *m, enum message_error_code code, const char *why)
{
        d->counters.n_ignored_messages++;
        if (m->has_id) {
                server_send_error(c, m->id, code, "%s: %s", message_type_word(m->type), why);
                return;
        }
        if (m->type == MESSAGE_GUI_RESPONSE)
                answer_once(d, c, m);
        if (m->type == MESSAGE_DELETE_RULE) {
                _cleanup_(buf_deinit) struct buf line = { 0 };

                message_format_rule_deleted(&line, m->key.key, false);
                server_send(c, &line);
        }
        notify_refused(d, c, why);
}

void requests_handle(struct daemon *d, struct client *c, struct message *message)
{
        _cleanup_(message_freep) struct message *m = message;
        enum role role = role_of(d, c, m);

        if (role != ROLE_ANYBODY && server_peer(c)->authority == AUTHORITY_NONE) {
                d->counters.n_ignored_messages++;
                if (m->has_id)
                        server_send_error(c, m->id, MESSAGE_ERROR_NOT_PERMITTED, "%s: for root and members of group bastion",
                                          message_type_word(m->type));
        } else if (role == ROLE_MANAGE && authority_must_ask(d, c)) {
                authority_ask(d, c, TAKE_PTR(m));
        } else {
                requests_carry_out(d, c, m);
        }
}
