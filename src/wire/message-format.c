/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines to be sent, by either side. One function a message; each writes one object and its newline. Old-style messages have exactly the
 * fields of the old protocol: their readers may refuse what they do not know.
 */
#include "wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "wire/conffile-shape.h"
#include "wire/journal-shape.h"
#include "wire/message-shapes.h"
#include "wire/rulejson.h"

enum { LIST_PIECE = 512 << 10 }; /* of a rules_list's text: long paths make few rules a piece */

static struct jsonwrite begin(struct buf *out, const char *type)
{
        struct jsonwrite w = { .out = out };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "type", type);
        return w;
}

static struct jsonwrite begin_with_id(struct buf *out, const char *type, int64_t id)
{
        struct jsonwrite w = begin(out, type);

        jsonwrite_int(&w, "id", id);
        return w;
}

static void end(struct jsonwrite *w)
{
        jsonwrite_close(w, '}');
        buf_putc(w->out, '\n');
}

/* ---- old style -------------------------------------------------------------------------------------------------- */

/* "unknown": nobody was found; "": there is a process, and its executable could not be read. */
static const char *old_path(const struct subject *s)
{
        return s->kind == SUBJECT_PROGRAM ? s->path : "unknown";
}

/* Old clients show no host, but this. One whose path is empty may send it back as the program's name. */
static void write_app_name(struct jsonwrite *w, const struct question *q)
{
        _cleanup_(buf_deinit) struct buf name = {};
        const struct subject *s = q->subjects[0];

        buf_puts(&name, subject_display_name(s));
        if (hosts_first(&q->hosts) && s->path[0])
                buf_printf(&name, " (%s)", hosts_first(&q->hosts));
        if (buf_error(&name))
                w->out->error = buf_error(&name);
        else
                jsonwrite_string(w, "app_name", name.n > 0 ? name.data : "");
}

void message_format_connection_request(struct buf *out, const struct question *q)
{
        const struct subject *s = q->subjects[0];
        struct jsonwrite w = begin(out, "connection_request");
        char address[ADDR_TEXT_MAX], scratch[4];

        jsonwrite_string(&w, "request_id", q->ref);
        write_app_name(&w, q);
        jsonwrite_string(&w, "app_path", old_path(s));
        jsonwrite_string(&w, "app_category", "unknown");
        jsonwrite_string(&w, "dest_ip", addr_format(&q->flow.remote, address));
        jsonwrite_int(&w, "dest_port", protocol_has_ports(q->flow.protocol) ? q->flow.remote_port : 0);
        jsonwrite_string(&w, "protocol", protocol_name(q->flow.protocol, scratch));
        jsonwrite_bool(&w, "learning_mode", q->learning);
        end(&w);
}

void message_format_stats_update(struct buf *out, uint64_t total, uint64_t allowed, uint64_t blocked, bool learning)
{
        struct jsonwrite w = begin(out, "stats_update");

        jsonwrite_open(&w, "stats", '{');
        jsonwrite_uint(&w, "total_connections", total);
        jsonwrite_uint(&w, "allowed_connections", allowed);
        jsonwrite_uint(&w, "blocked_connections", blocked);
        jsonwrite_bool(&w, "learning_mode", learning);
        jsonwrite_close(&w, '}');
        end(&w);
}

void message_format_cancel_popup(struct buf *out, const char *ref)
{
        struct jsonwrite w = begin(out, "cancel_popup");

        jsonwrite_string(&w, "request_id", ref);
        end(&w);
}

void message_format_rule_deleted(struct buf *out, const char *key, bool success)
{
        struct jsonwrite w = begin(out, "rule_deleted");

        jsonwrite_string(&w, "key", key);
        jsonwrite_bool(&w, "success", success);
        end(&w);
}

static void put_flat(struct jsonwrite *w, const struct rule *r)
{
        _cleanup_(freep) char *key = r->origin == ORIGIN_FLAT && !r->disabled ? rule_flat_key(r) : NULL;

        /* A key that is no UTF-8 would come out as another key; new-style clients see the rule whole. */
        if (key && str_is_utf8(key, strlen(key)))
                jsonwrite_bool(w, key, r->action == ACTION_ALLOW);
}

static struct jsonwrite begin_rules_list(struct buf *out, const struct ruleset *rules, struct rules_list_at *at)
{
        struct jsonwrite w = begin(out, "rules_list");

        jsonwrite_open(&w, "rules", '{');
        at->stop = ruleset_last_number(rules);
        return w;
}

static bool end_rules_list(struct jsonwrite *w)
{
        jsonwrite_close(w, '}');
        end(w);
        return true;
}

bool message_format_rules_list(struct buf *out, const struct ruleset *rules, struct rules_list_at *at, unsigned n)
{
        const bool first = !at->mark.rule;
        struct jsonwrite w = first ? begin_rules_list(out, rules, at) : (struct jsonwrite){ .out = out };
        const struct rule *r = first ? ruleset_next(rules, NULL) : ruleset_next_after(rules, at->mark.number, at->mark.rule);
        const size_t start = out->n;

        w.comma = buf_error(out) == 0 && out->data[out->n - 1] != '{';
        for (; r; r = ruleset_next(rules, r)) {
                const uint64_t number = ruleset_number(rules, r);

                if (number > at->stop)
                        break;
                put_flat(&w, r);
                if (--n > 0 && out->n - start < LIST_PIECE)
                        continue;
                free(at->mark.rule);
                at->mark.number = number;
                at->mark.rule = strdup(r->id);
                if (at->mark.rule)
                        return false;
                out->error = -ENOMEM;
                break;
        }
        return end_rules_list(&w);
}

static const char *const notification_words[] = {
        [NOTIFICATION_INFO] = "info", [NOTIFICATION_WARNING] = "warning", [NOTIFICATION_ERROR] = "error"
};

void message_format_notification(struct buf *out, const char *title, const char *text, enum notification_level level)
{
        struct jsonwrite w = begin(out, "notification");

        jsonwrite_string(&w, "title", title);
        jsonwrite_string(&w, "message", text);
        jsonwrite_string(&w, "level", notification_words[level]);
        end(&w);
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

void message_format_decision(struct buf *out, const struct record *r)
{
        struct jsonwrite w = begin(out, r->is_summary ? "decisions" : "decision");

        shape_write_record(&w, r);
        end(&w);
}

void message_format_question(struct buf *out, const struct question *q, struct boottime now)
{
        struct jsonwrite w = begin(out, "question");

        shape_write_question(&w, q, now);
        end(&w);
}

void message_format_question_closed(struct buf *out, const struct question *q)
{
        struct jsonwrite w = begin(out, "question_closed");

        jsonwrite_string(&w, "question", q->ref);
        jsonwrite_string(&w, "state", question_state_name(q->state));
        end(&w);
}

static void put_mode(struct jsonwrite *w, enum mode mode, unsigned try_left_seconds)
{
        jsonwrite_string(w, "mode", mode_name(mode));
        jsonwrite_int(w, "try_left_seconds", try_left_seconds);
}

const char *rule_gone_word(enum rule_gone why)
{
        static const char *const words[] = {
                [RULE_GONE_DELETED] = "deleted", [RULE_GONE_EXPIRED] = "expired", [RULE_GONE_EXITED] = "exited"
        };

        return words[why];
}

void message_format_rule_gone(struct buf *out, const struct rule *rule, enum rule_gone why)
{
        struct jsonwrite w = begin(out, "rule_gone");

        jsonwrite_string(&w, "why", rule_gone_word(why));
        rulejson_write(&w, "rule", rule, RULEJSON_REPLY, !rule->disabled);
        end(&w);
}

void message_format_rules_changed(struct buf *out)
{
        struct jsonwrite w = begin(out, "rules_changed");

        end(&w);
}

void message_format_mode_changed(struct buf *out, enum mode mode, unsigned try_left_seconds)
{
        struct jsonwrite w = begin(out, "mode_changed");

        put_mode(&w, mode, try_left_seconds);
        end(&w);
}

static void put_config(struct jsonwrite *w, const struct config *config, const struct config *defaults, const char *path, const char *problem)
{
        jsonwrite_open(w, "config", '{');
        conffile_write_fields(w, config);
        jsonwrite_close(w, '}');
        jsonwrite_open(w, "defaults", '{');
        conffile_write_fields(w, defaults);
        jsonwrite_close(w, '}');
        jsonwrite_bytes(w, "file", path);
        jsonwrite_string(w, "problem", problem);
}

void message_format_config_changed(struct buf *out, const struct config *config, const struct config *defaults, const char *path, const char *problem)
{
        struct jsonwrite w = begin(out, "config_changed");

        put_config(&w, config, defaults, path, problem);
        end(&w);
}

/* ---- replies ---------------------------------------------------------------------------------------------------- */

void message_format_error(struct buf *out, const struct message_error *error)
{
        struct jsonwrite w = begin(out, "error");

        if (error->has_id)
                jsonwrite_int(&w, "id", error->id);
        jsonwrite_string(&w, "code", message_error_word(error->code));
        jsonwrite_string(&w, "message", error->text);
        end(&w);
}

void message_format_reply_ok(struct buf *out, int64_t id)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        end(&w);
}

void message_format_reply_hello(struct buf *out, int64_t id, enum authority authority, enum mode mode)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_int(&w, "protocol", MESSAGE_PROTOCOL);
        jsonwrite_string(&w, "version", BASTION_VERSION);
        jsonwrite_bool(&w, "may_manage", authority != AUTHORITY_NONE);
        jsonwrite_string(&w, "authority", authority_word(authority));
        jsonwrite_string(&w, "mode", mode_name(mode));
        end(&w);
}

void message_format_reply_status(struct buf *out, int64_t id, const struct status *s)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "status", '{');
        shape_write_status(&w, s);
        jsonwrite_close(&w, '}');
        end(&w);
}

void message_format_reply_decisions(struct buf *out, int64_t id, const struct record *const *records, size_t n, const char *history)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "decisions", '[');
        for (size_t i = 0; i < n; i++) {
                jsonwrite_open(&w, NULL, '{');
                shape_write_record(&w, records[i]);
                jsonwrite_close(&w, '}');
        }
        jsonwrite_close(&w, ']');
        jsonwrite_bytes(&w, "history", history);
        end(&w);
}

void message_format_reply_connections(struct buf *out, int64_t id, const struct connection *connections, size_t n)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "connections", '[');
        for (size_t i = 0; i < n; i++) {
                jsonwrite_open(&w, NULL, '{');
                shape_write_connection(&w, &connections[i]);
                jsonwrite_close(&w, '}');
        }
        jsonwrite_close(&w, ']');
        end(&w);
}

static void put_question(struct jsonwrite *w, const struct question *q, struct boottime now)
{
        jsonwrite_open(w, NULL, '{');
        shape_write_question(w, q, now);
        jsonwrite_close(w, '}');
}

void message_format_reply_questions(struct buf *out, int64_t id, const struct question_table *table, struct boottime now)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);
        const size_t start = out->n;

        jsonwrite_open(&w, "questions", '[');
        for (const struct question *q = question_next(table, NULL); q; q = question_next(table, q))
                put_question(&w, q, now);
        jsonwrite_close(&w, ']');
        jsonwrite_open(&w, "missed", '[');
        for (const struct question *q = question_next_missed(table, NULL); q && out->n - start < LIMIT_RULES_TEXT; q = question_next_missed(table, q))
                put_question(&w, q, now);
        jsonwrite_close(&w, ']');
        end(&w);
}

void message_format_reply_rules(struct buf *out, int64_t id, const struct ruleset *rules, uint64_t load, const struct config *config,
                                const struct rules_page *page)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);
        const struct rule *r = page->has_after ? ruleset_next_after(rules, page->after.number, page->after.rule) : ruleset_next(rules, NULL);
        const struct rule *last = NULL;
        const size_t start = out->n;

        jsonwrite_open(&w, "rules", '[');
        for (unsigned n = 0; r && n < page->limit && out->n - start < LIMIT_RULES_TEXT; n++) {
                bool enabled = !r->disabled && (r->origin != ORIGIN_FACTORY || config_enables_factory_rule(config, r->id));

                rulejson_write(&w, NULL, r, RULEJSON_REPLY, enabled);
                last = r;
                r = ruleset_next(rules, r);
        }
        jsonwrite_close(&w, ']');
        if (r && last)
                shape_write_rules_mark(&w, "next", &(struct rules_mark){ .load = load, .number = ruleset_number(rules, last), .rule = last->id });
        end(&w);
}

void message_format_reply_rule(struct buf *out, int64_t id, const struct rule *rule)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        if (rule)
                rulejson_write(&w, "rule", rule, RULEJSON_REPLY, !rule->disabled);
        else
                jsonwrite_string(&w, "rule", NULL);
        end(&w);
}

/* False when the line is none any more, for want of memory. */
static bool put_change(struct jsonwrite *w, const struct journal *journal, const struct journal_line *line)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { 0 };

        if (journal_parse_line(line->text, line->n - 1, &e) != 0) {
                w->out->error = -ENOMEM; /* it was parsed when it came into the journal */
                return false;
        }
        e.undone_by = journal_undone_by(journal, e.number);
        jsonwrite_open(w, NULL, '{');
        journal_write_fields(w, &e, RULEJSON_REPLY, LIMIT_JOURNAL_TOLD);
        jsonwrite_close(w, '}');
        return true;
}

void message_format_reply_history(struct buf *out, int64_t id, const struct journal *journal, const struct history_page *page)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);
        const size_t start = out->n;
        size_t i = journal->n;
        unsigned n = 0;

        jsonwrite_open(&w, "changes", '[');
        while (i > 0 && page->before && journal->lines[i - 1].number >= page->before)
                i--;
        for (; i > 0 && n < page->limit && out->n - start < LIMIT_RULES_TEXT && put_change(&w, journal, &journal->lines[i - 1]); i--)
                n++;
        jsonwrite_close(&w, ']');
        if (i > 0 && n > 0)
                jsonwrite_uint(&w, "older", journal->lines[i].number);
        end(&w);
}

void message_format_reply_change(struct buf *out, int64_t id, const struct journal *journal, uint64_t change)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);
        const struct journal_line *line = journal_find(journal, change);

        jsonwrite_open(&w, "changes", '[');
        if (line)
                put_change(&w, journal, line);
        jsonwrite_close(&w, ']');
        end(&w);
}

void message_format_reply_mode(struct buf *out, int64_t id, enum mode mode, unsigned try_left_seconds)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        put_mode(&w, mode, try_left_seconds);
        end(&w);
}

void message_format_reply_config(struct buf *out, int64_t id, const struct config *config, const struct config *defaults, const char *path,
                                 const char *problem)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        put_config(&w, config, defaults, path, problem);
        end(&w);
}

void message_format_reply_traffic(struct buf *out, int64_t id, const struct traffic *traffic)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "traffic", '{');
        shape_write_traffic(&w, traffic);
        jsonwrite_close(&w, '}');
        end(&w);
}

void message_format_reply_doctor(struct buf *out, int64_t id, const struct check *checks, size_t n)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "checks", '[');
        for (size_t i = 0; i < n; i++) {
                jsonwrite_open(&w, NULL, '{');
                shape_write_check(&w, &checks[i]);
                jsonwrite_close(&w, '}');
        }
        jsonwrite_close(&w, ']');
        end(&w);
}

void message_format_reply_kernel(struct buf *out, int64_t id, const char *text)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_string(&w, "text", text);
        end(&w);
}

void message_format_reply_why(struct buf *out, int64_t id, const struct explanation *e, const struct facts *facts, const struct config *config,
                              size_t n_rules)
{
        struct jsonwrite w = begin_with_id(out, "reply", id);

        jsonwrite_open(&w, "why", '{');
        shape_write_why(&w, e, facts, config, n_rules);
        jsonwrite_close(&w, '}');
        end(&w);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

void message_format_request(struct buf *out, enum message_type type, int64_t id)
{
        struct jsonwrite w = begin_with_id(out, message_type_word(type), id);

        end(&w);
}

void message_format_request_hello(struct buf *out, int64_t id, const char *client)
{
        struct jsonwrite w = begin_with_id(out, "hello", id);

        jsonwrite_string(&w, "client", client);
        jsonwrite_int(&w, "protocol", MESSAGE_PROTOCOL);
        end(&w);
}

void message_format_request_subscribe(struct buf *out, int64_t id, unsigned events)
{
        struct jsonwrite w = begin_with_id(out, "subscribe", id);

        jsonwrite_open(&w, "events", '[');
        for (unsigned bit = 1; subscription_word(bit); bit <<= 1)
                if (events & bit)
                        jsonwrite_string(&w, NULL, subscription_word(bit));
        jsonwrite_close(&w, ']');
        end(&w);
}

void message_format_request_decisions(struct buf *out, int64_t id, unsigned limit)
{
        struct jsonwrite w = begin_with_id(out, "decisions", id);

        jsonwrite_int(&w, "limit", limit);
        end(&w);
}

void message_format_request_rules(struct buf *out, int64_t id, const struct rules_page *page)
{
        struct jsonwrite w = begin_with_id(out, "rules", id);

        if (page->has_after)
                shape_write_rules_mark(&w, "after", &page->after);
        jsonwrite_int(&w, "limit", page->limit);
        end(&w);
}

void message_format_request_answer(struct buf *out, int64_t id, const char *ref, const struct answer *answer)
{
        struct jsonwrite w = begin_with_id(out, "answer", id);

        jsonwrite_string(&w, "question", ref);
        jsonwrite_bool(&w, "allow", answer->allow);
        jsonwrite_string(&w, "lifetime", lifetime_name(answer->lifetime));
        rulejson_write_ending(&w, answer->lifetime, &answer->ending);
        jsonwrite_string(&w, "scope", answer_scope_name(answer->scope));
        if (answer->late)
                jsonwrite_bool(&w, "late", true);
        if (answer->preview)
                jsonwrite_bool(&w, "preview", true);
        end(&w);
}

void message_format_request_rule_add(struct buf *out, int64_t id, const char *sentence, const char *replaces)
{
        struct jsonwrite w = begin_with_id(out, "rule_add", id);

        jsonwrite_string(&w, "sentence", sentence);
        if (replaces)
                jsonwrite_bytes(&w, "replaces", replaces);
        end(&w);
}

void message_format_request_rule_check(struct buf *out, int64_t id, const char *sentence)
{
        struct jsonwrite w = begin_with_id(out, "rule_check", id);

        jsonwrite_string(&w, "sentence", sentence);
        end(&w);
}

void message_format_request_rule_delete(struct buf *out, int64_t id, const char *rule_id)
{
        struct jsonwrite w = begin_with_id(out, "rule_delete", id);

        jsonwrite_bytes(&w, "rule", rule_id);
        end(&w);
}

void message_format_request_rule_enable(struct buf *out, int64_t id, const char *rule_id, bool enabled)
{
        struct jsonwrite w = begin_with_id(out, "rule_enable", id);

        jsonwrite_bytes(&w, "rule", rule_id);
        jsonwrite_bool(&w, "enabled", enabled);
        end(&w);
}

void message_format_request_history(struct buf *out, int64_t id, const struct history_page *page)
{
        struct jsonwrite w = begin_with_id(out, "rules_history", id);

        if (page->before)
                jsonwrite_uint(&w, "before", page->before);
        jsonwrite_int(&w, "limit", page->limit);
        end(&w);
}

void message_format_request_undo(struct buf *out, int64_t id, uint64_t change)
{
        struct jsonwrite w = begin_with_id(out, "rules_undo", id);

        if (change)
                jsonwrite_uint(&w, "change", change);
        end(&w);
}

void message_format_request_mode(struct buf *out, int64_t id, enum mode mode, unsigned try_seconds, bool keep)
{
        struct jsonwrite w = begin_with_id(out, "mode", id);

        if (keep) {
                jsonwrite_bool(&w, "keep", true);
        } else {
                jsonwrite_string(&w, "mode", mode_name(mode));
                if (try_seconds > 0)
                        jsonwrite_int(&w, "try_seconds", try_seconds);
        }
        end(&w);
}

void message_format_request_config_set(struct buf *out, int64_t id, const char *key, const char *value)
{
        struct jsonwrite w = begin_with_id(out, "config_set", id);

        jsonwrite_string(&w, "key", key);
        jsonwrite_json(&w, "value", value);
        end(&w);
}

void message_format_request_connection_end(struct buf *out, int64_t id, const struct flow *flow)
{
        struct jsonwrite w = begin_with_id(out, "connection_end", id);

        shape_write_flow(&w, flow);
        end(&w);
}

void message_format_request_why(struct buf *out, int64_t id, const char *words)
{
        struct jsonwrite w = begin_with_id(out, "why", id);

        jsonwrite_bytes(&w, "connection", words);
        end(&w);
}

void message_format_request_why_decision(struct buf *out, int64_t id, uint64_t seq)
{
        struct jsonwrite w = begin_with_id(out, "why", id);

        jsonwrite_uint(&w, "decision", seq);
        end(&w);
}
