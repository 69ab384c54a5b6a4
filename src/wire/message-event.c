/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side: what the daemon sends, from line to struct. A type that is not known is no error (a newer daemon may say more than this
 * client understands), a known type with a broken field is. A reply carries no type of its own: each part that is there is read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/conffile-shape.h"
#include "wire/journal-shape.h"
#include "wire/message-shapes.h"
#include "wire/message.h"
#include "wire/rulejson.h"

void prompt_deinit(struct prompt *p)
{
        subject_unref(p->subject);
        for (unsigned i = 0; i < p->n_others; i++)
                subject_unref(p->others[i]);
        hosts_deinit(&p->hosts);
        free(p->domain);
        *p = (struct prompt){};
}

void connection_deinit(struct connection *c)
{
        subject_unref(c->subject);
        hosts_deinit(&c->hosts);
        *c = (struct connection){};
}

void check_deinit(struct check *c)
{
        free(c->name);
        free(c->text);
        *c = (struct check){};
}

void list_status_deinit(struct list_status *l)
{
        free(l->path);
        free(l->problem);
        *l = (struct list_status){};
}

void status_deinit(struct status *s)
{
        for (unsigned i = 0; i < s->n_lists; i++)
                list_status_deinit(&s->lists[i]);
        free(s->rung_reason);
        free(s->problems);
        *s = (struct status){};
}

struct event *event_free(struct event *e)
{
        if (!e)
                return NULL;
        for (size_t i = 0; i < e->n_records; i++)
                record_deinit(&e->records[i]);
        for (size_t i = 0; i < e->n_prompts; i++)
                prompt_deinit(&e->prompts[i]);
        for (size_t i = 0; i < e->n_missed; i++)
                prompt_deinit(&e->missed[i]);
        for (size_t i = 0; i < e->n_connections; i++)
                connection_deinit(&e->connections[i]);
        for (size_t i = 0; i < e->n_rules; i++)
                rule_free(e->rules[i]);
        for (size_t i = 0; i < e->n_changes; i++)
                journal_entry_deinit(&e->changes[i]);
        for (size_t i = 0; i < e->n_checks; i++)
                check_deinit(&e->checks[i]);
        free(e->history);
        free(e->config_file);
        free(e->config_problem);
        status_deinit(&e->status);
        if (e->why)
                why_deinit(e->why);
        free(e->why);
        free(e->records);
        free(e->prompts);
        free(e->missed);
        free(e->connections);
        rules_mark_deinit(&e->next);
        free(e->rules);
        free(e->changes);
        free(e->checks);
        free(e->text);
        free(e);
        return NULL;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

/* A zeroed array for the elements of `list`; NULL when there are none or memory ran out. */
static void *allocate(struct jsonread *r, const json_t *list, size_t size)
{
        void *array;

        if (json_array_size(list) == 0 || r->error)
                return NULL;
        array = calloc(json_array_size(list), size);
        if (!array)
                jsonread_no_memory(r);
        return array;
}

/* The count grows before each element is read, so that what a broken element left behind is freed too. */
static void read_records(struct jsonread *r, const json_t *list, struct event *e)
{
        e->records = allocate(r, list, sizeof(*e->records));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++)
                shape_read_record(r, json_array_get(list, i), &e->records[e->n_records++]);
}

static void read_prompts(struct jsonread *r, const json_t *list, struct prompt **prompts, size_t *n)
{
        *prompts = allocate(r, list, sizeof(**prompts));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++)
                shape_read_prompt(r, json_array_get(list, i), &(*prompts)[(*n)++]);
}

static void read_connections(struct jsonread *r, const json_t *list, struct event *e)
{
        e->connections = allocate(r, list, sizeof(*e->connections));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++)
                shape_read_connection(r, json_array_get(list, i), &e->connections[e->n_connections++]);
}

static void read_rules(struct jsonread *r, const json_t *list, struct event *e)
{
        e->rules = allocate(r, list, sizeof(*e->rules));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++) {
                struct rule *rule = rulejson_read(r, json_array_get(list, i), RULEJSON_REPLY);

                if (rule)
                        e->rules[e->n_rules++] = rule;
        }
}

static void read_changes(struct jsonread *r, const json_t *list, struct event *e)
{
        e->changes = allocate(r, list, sizeof(*e->changes));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++)
                journal_read_fields(r, json_array_get(list, i), RULEJSON_REPLY, &e->changes[e->n_changes++]);
}

static void read_checks(struct jsonread *r, const json_t *list, struct event *e)
{
        e->checks = allocate(r, list, sizeof(*e->checks));
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++)
                shape_read_check(r, json_array_get(list, i), &e->checks[e->n_checks++]);
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

static void read_decision(struct jsonread *r, const json_t *o, struct event *e)
{
        e->records = calloc(1, sizeof(*e->records));
        if (!e->records) {
                jsonread_no_memory(r);
                return;
        }
        e->n_records = 1;
        shape_read_record(r, o, e->records);
}

static void read_question(struct jsonread *r, const json_t *o, struct event *e)
{
        e->prompts = calloc(1, sizeof(*e->prompts));
        if (!e->prompts) {
                jsonread_no_memory(r);
                return;
        }
        e->n_prompts = 1;
        shape_read_prompt(r, o, e->prompts);
}

static void read_question_closed(struct jsonread *r, const json_t *o, struct event *e)
{
        shape_read_text(r, o, "question", e->ref, sizeof(e->ref));
        e->state = shape_read_state(r, o);
}

/* One rule under the key `rule`. */
static void read_rule(struct jsonread *r, const json_t *rule, struct event *e)
{
        _cleanup_(json_decrefp) json_t *one = json_pack("[O]", rule);

        if (!one)
                jsonread_no_memory(r);
        free(e->rules);
        read_rules(r, one, e);
}

static void read_rule_gone(struct jsonread *r, const json_t *o, struct event *e)
{
        const char *word = jsonread_string(r, o, "why");
        const json_t *rule = jsonread_object(r, o, "rule");
        bool known = false;

        for (int why = RULE_GONE_DELETED; why <= RULE_GONE_EXITED; why++)
                if (strcmp(rule_gone_word((enum rule_gone)why), word) == 0) {
                        e->gone = (enum rule_gone)why;
                        known = true;
                }
        if (!known)
                jsonread_fail(r, "why", "expected deleted, expired or exited");
        else if (!rule)
                jsonread_fail(r, "rule", "expected an object: {…}");
        else
                read_rule(r, rule, e);
}

static void read_mode(struct jsonread *r, const json_t *o, struct event *e)
{
        if (!mode_parse(jsonread_string(r, o, "mode"), &e->mode))
                jsonread_fail(r, "mode", "expected learning or enforcement");
        e->has_mode = true;
        e->try_left_seconds = (unsigned)jsonread_int_or(r, o, "try_left_seconds", 0, UINT32_MAX, 0);
}

static void read_config(struct jsonread *r, const json_t *o, struct event *e)
{
        const json_t *config = jsonread_object(r, o, "config"), *defaults = jsonread_object(r, o, "defaults");

        if (!config || !defaults) {
                jsonread_fail(r, config ? "defaults" : "config", "expected an object: {…}");
                return;
        }
        conffile_read_fields(r, config, &e->config);
        conffile_read_fields(r, defaults, &e->config_defaults);
        e->config_file = jsonread_bytes(r, o, "file");
        e->config_problem = shape_read_copy(r, o, "problem");
        if (!e->config_file)
                jsonread_fail(r, "file", "expected a path");
        e->has_config = true;
}

/* Nothing is told beside that they have. */
static void read_rules_changed(_unused_ struct jsonread *r, _unused_ const json_t *o, _unused_ struct event *e)
{
}

/* The four numbers that old clients get; the rest of the status stays zero. */
static void read_stats(struct jsonread *r, const json_t *o, struct event *e)
{
        const json_t *stats = jsonread_object(r, o, "stats");

        if (!stats)
                jsonread_fail(r, "stats", "expected an object: {…}");
        e->status.n_allowed = (uint64_t)jsonread_int(r, stats, "allowed_connections", 0, INT64_MAX);
        e->status.n_denied = (uint64_t)jsonread_int(r, stats, "blocked_connections", 0, INT64_MAX);
        e->mode = jsonread_bool(r, stats, "learning_mode") ? MODE_LEARNING : MODE_ENFORCEMENT;
        e->has_mode = true;
}

static void read_notification(struct jsonread *r, const json_t *o, struct event *e)
{
        const char *title = jsonread_string(r, o, "title"), *text = jsonread_string(r, o, "message");

        if (r->error)
                return;
        if (asprintf(&e->text, "%s%s%s", title, title[0] && text[0] ? ": " : "", text) < 0) {
                e->text = NULL;
                jsonread_no_memory(r);
        }
}

static void read_error(struct jsonread *r, const json_t *o, struct event *e)
{
        const char *word = jsonread_string(r, o, "code");

        e->id = jsonread_int_or(r, o, "id", INT64_MIN, INT64_MAX, 0);
        e->error = MESSAGE_ERROR_INTERNAL; /* what a word means that this client does not know */
        for (int code = MESSAGE_ERROR_NONE; code <= MESSAGE_ERROR_INTERNAL; code++)
                if (strcmp(message_error_word((enum message_error_code)code), word) == 0)
                        e->error = (enum message_error_code)code;
        e->text = shape_read_copy(r, o, "message");
}

static void read_why(struct jsonread *r, const json_t *o, struct event *e)
{
        e->why = calloc(1, sizeof(*e->why));
        if (e->why)
                shape_read_why(r, o, e->why);
        else
                jsonread_no_memory(r);
}

static void read_reply(struct jsonread *r, const json_t *o, struct event *e)
{
        const json_t *status = jsonread_object(r, o, "status"), *rule = json_object_get(o, "rule");
        const json_t *why = jsonread_object(r, o, "why"), *traffic = jsonread_object(r, o, "traffic");

        e->id = jsonread_int(r, o, "id", INT64_MIN, INT64_MAX);
        read_records(r, jsonread_array(r, o, "decisions"), e);
        e->history = jsonread_bytes(r, o, "history");
        read_prompts(r, jsonread_array(r, o, "questions"), &e->prompts, &e->n_prompts);
        read_prompts(r, jsonread_array(r, o, "missed"), &e->missed, &e->n_missed);
        read_connections(r, jsonread_array(r, o, "connections"), e);
        read_rules(r, jsonread_array(r, o, "rules"), e);
        e->has_next = shape_read_rules_mark(r, o, "next", &e->next);
        read_changes(r, jsonread_array(r, o, "changes"), e);
        e->older = (uint64_t)jsonread_int_or(r, o, "older", 1, INT64_MAX, 0);
        read_checks(r, jsonread_array(r, o, "checks"), e);
        if (json_is_object(rule) && e->n_rules == 0)
                read_rule(r, rule, e);
        if (status) {
                shape_read_status(r, status, &e->status);
                e->has_status = true;
        }
        if (why)
                read_why(r, why, e);
        if (json_object_get(o, "mode"))
                read_mode(r, o, e);
        if (json_object_get(o, "config"))
                read_config(r, o, e);
        if (traffic) {
                shape_read_traffic(r, traffic, &e->traffic);
                e->has_traffic = true;
        }
        e->may_manage = jsonread_bool_or(r, o, "may_manage", false);
        /* A daemon that does not say knows the group alone. */
        if (!authority_parse(jsonread_string_or(r, o, "authority", authority_word(e->may_manage ? AUTHORITY_GROUP : AUTHORITY_NONE)), &e->authority))
                jsonread_fail(r, "authority", "expected none, group, polkit or root");
        e->text = shape_read_copy(r, o, "text");
}

static const struct {
        const char *word;
        enum event_type type;
        void (*read)(struct jsonread *r, const json_t *o, struct event *e);
} types[] = {
        { "decision", EVENT_DECISION, read_decision },
        { "decisions", EVENT_DECISION, read_decision }, /* a summary has a count, here and in a reply */
        { "question", EVENT_QUESTION, read_question },
        { "question_closed", EVENT_QUESTION_CLOSED, read_question_closed },
        { "mode_changed", EVENT_MODE_CHANGED, read_mode },
        { "config_changed", EVENT_CONFIG_CHANGED, read_config },
        { "rule_gone", EVENT_RULE_GONE, read_rule_gone },
        { "rules_changed", EVENT_RULES_CHANGED, read_rules_changed },
        { "stats_update", EVENT_STATS, read_stats },
        { "notification", EVENT_NOTIFICATION, read_notification },
        { "reply", EVENT_REPLY, read_reply },
        { "error", EVENT_ERROR, read_error },
};

static int load(const char *line, size_t n, json_t **ret)
{
        struct file_error error;

        return n > LIMIT_CLIENT_OUTPUT ? 1 : jsonread_load(line, n, ret, &error);
}

int event_parse(const char *line, size_t n, struct event **ret)
{
        _cleanup_(event_freep) struct event *e = calloc(1, sizeof(*e));
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct jsonread r = {};
        const char *word;
        int error;

        if (!e)
                return -ENOMEM;
        error = load(line, n, &root);
        if (error)
                return error;
        word = jsonread_string(&r, root, "type");
        e->type = EVENT_OTHER;
        for (size_t i = 0; i < ARRAY_SIZE(types) && !r.error; i++)
                if (strcmp(types[i].word, word) == 0) {
                        e->type = types[i].type;
                        types[i].read(&r, root, e);
                        break;
                }
        if (r.error)
                return r.error;
        *ret = TAKE_PTR(e);
        return 0;
}

static int append_chunk(const char *data, size_t n, void *userdata)
{
        struct buf *out = userdata;

        buf_append(out, data, n);
        return buf_error(out) ? -1 : 0;
}

int event_format_json(const char *raw, size_t n, struct buf *out)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        int error;

        error = load(raw, n, &root);
        if (error)
                return error;
        json_object_del(root, "type");
        json_object_del(root, "id");
        if (json_dump_callback(root, append_chunk, out, JSON_COMPACT) < 0 && !buf_error(out))
                return -ENOMEM;
        return buf_error(out);
}

int event_format_json_changes(const char *raw, size_t n, struct buf *out)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        const json_t *change;
        size_t i;
        int error;

        error = load(raw, n, &root);
        if (error)
                return error;
        json_array_foreach(json_object_get(root, "changes"), i, change) {
                if (json_dump_callback(change, append_chunk, out, JSON_COMPACT) < 0 && !buf_error(out))
                        return -ENOMEM;
                buf_putc(out, '\n');
        }
        return buf_error(out);
}

int event_format_json_rules(const char *raw, size_t n, struct buf *out)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        const json_t *rules, *rule;
        size_t i;
        int error;

        error = load(raw, n, &root);
        if (error)
                return error;
        rules = json_object_get(root, "rules");
        json_array_foreach((json_t *)rules, i, rule) {
                if (i > 0)
                        buf_putc(out, ',');
                if (json_dump_callback(rule, append_chunk, out, JSON_COMPACT) < 0 && !buf_error(out))
                        return -ENOMEM;
        }
        return buf_error(out);
}
