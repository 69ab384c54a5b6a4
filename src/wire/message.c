/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests, from line to struct. One row a type: its word, whether it needs an id, its reader. The daemon is told everything that is
 * wrong with a line and whether the sender expects to hear of it: only who gave an integer `id` does, for old clients take any line
 * they do not know as a reason to fall over. A rule that a client describes is built here, whole or not at all.
 */
#include "wire/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/message-shapes.h"
#include "wire/rulejson.h"
#include "wire/sentence.h"

enum { TRY_SECONDS_MAX = 24 * 60 * 60 };

static const char *const error_words[] = {
        [MESSAGE_ERROR_NONE] = "none",
        [MESSAGE_ERROR_NOT_JSON] = "not-json",
        [MESSAGE_ERROR_UNKNOWN_TYPE] = "unknown-type",
        [MESSAGE_ERROR_BAD_FIELD] = "bad-field",
        [MESSAGE_ERROR_NOT_PERMITTED] = "not-permitted",
        [MESSAGE_ERROR_NOT_FOUND] = "not-found",
        [MESSAGE_ERROR_CLOSED] = "closed",
        [MESSAGE_ERROR_FULL] = "full",
        [MESSAGE_ERROR_CONFLICT] = "conflict",
        [MESSAGE_ERROR_INTERNAL] = "internal",
};

const char *message_error_word(enum message_error_code code)
{
        return error_words[code];
}

const char *subscription_word(unsigned bit)
{
        static const char *const words[] = { "decisions", "questions", "stats", "notifications", "rules" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (bit == 1U << i)
                        return words[i];
        return NULL;
}

/* ---- readers, one a shape --------------------------------------------------------------------------------------- */

static char *read_required(struct jsonread *r, const json_t *o, const char *key)
{
        char *copy = strdup(jsonread_string(r, o, key));

        if (!copy)
                jsonread_no_memory(r);
        return copy;
}

static void read_gui_response(struct jsonread *r, const json_t *o, struct message *m)
{
        struct answer *a = &m->response.answer;
        bool permanent, all_ports;
        const char *duration;

        m->response.request_id = read_required(r, o, "request_id");
        a->allow = jsonread_bool(r, o, "allow");
        permanent = jsonread_bool_or(r, o, "permanent", false);
        all_ports = jsonread_bool_or(r, o, "all_ports", false);
        duration = jsonread_string_or(r, o, "duration", "");
        a->scope = all_ports ? ANSWER_ALL_PORTS : ANSWER_PORT;
        if (duration[0] == 0)
                a->lifetime = permanent ? LIFETIME_ALWAYS : LIFETIME_ONCE;
        else if (!lifetime_parse(duration, &a->lifetime) ||
                 (a->lifetime != LIFETIME_ONCE && a->lifetime != LIFETIME_SESSION && a->lifetime != LIFETIME_ALWAYS))
                jsonread_fail(r, "duration", "expected once, session, always or nothing");
}

static void read_answer(struct jsonread *r, const json_t *o, struct message *m)
{
        struct answer *a = &m->response.answer;

        m->response.request_id = read_required(r, o, "question");
        a->allow = jsonread_bool(r, o, "allow");
        if (!lifetime_parse(jsonread_string_or(r, o, "lifetime", "once"), &a->lifetime))
                jsonread_fail(r, "lifetime", "expected once, process, session, until, reboot or always");
        rulejson_read_ending(r, o, a->lifetime, &a->ending);
        if (!answer_scope_parse(jsonread_string_or(r, o, "scope", "port"), &a->scope))
                jsonread_fail(r, "scope", "expected port, all-ports, destination, address, host or domain");
        a->late = jsonread_bool_or(r, o, "late", false);
        a->preview = jsonread_bool_or(r, o, "preview", false);
        if (a->late && (a->lifetime == LIFETIME_ONCE || a->lifetime == LIFETIME_PROCESS))
                jsonread_fail(r, "lifetime", "expected session, until, reboot or always: the connections of that question were decided without an answer");
}

static void read_cancel_popup(struct jsonread *r, const json_t *o, struct message *m)
{
        m->response.request_id = read_required(r, o, "request_id");
}

struct old_rule {
        const char *app_path, *app_name, *dest_ip;
        uint16_t port; /* 0: any, as in rules.json */
        bool all_ports;
};

static void take_program(struct jsonread *r, struct rule *rule, enum rule_subject subject, const char *program)
{
        rule->subject = subject;
        rule->program = strdup(program);
        if (!rule->program)
                jsonread_no_memory(r);
}

/* The choice of key (interface.md): path where known; else the destination for programs nobody found; else the weak name. */
static void choose_subject(struct jsonread *r, const struct old_rule *old, struct rule *rule)
{
        bool has_path = old->app_path[0] != 0 && strcmp(old->app_path, "unknown") != 0;
        struct addr addr;

        if (has_path) {
                if (old->app_path[0] != '/' || strlen(old->app_path) >= LIMIT_PATH)
                        jsonread_fail(r, "app_path", "expected an absolute path, \"unknown\" or \"\"");
                take_program(r, rule, RULE_PATH, old->app_path);
                return;
        }
        if (strcmp(old->app_name, "unknown") == 0 && old->dest_ip[0] != 0) {
                rule->subject = RULE_UNKNOWN;
                if (!addr_parse(old->dest_ip, &addr))
                        jsonread_fail(r, "dest_ip", "expected an address");
                else if (rule_add_network(rule, &addr, 128) < 0)
                        jsonread_no_memory(r);
                return;
        }
        if (old->app_name[0] == 0 || strlen(old->app_name) >= LIMIT_PATH)
                jsonread_fail(r, "app_name", "expected a program's name where there is no path");
        take_program(r, rule, RULE_NAME, old->app_name);
}

/* The flat form where it can say the rule, for old readers of the file; false only when memory ran out. */
static bool choose_origin(struct rule *rule)
{
        _cleanup_(freep) char *flat = NULL;

        if (rule->lifetime != LIFETIME_ALWAYS || rule->disabled)
                return true;
        flat = rule_flat_key(rule);
        if (!flat)
                return errno != ENOMEM;
        rule->origin = ORIGIN_FLAT;
        return true;
}

static void read_add_rule(struct jsonread *r, const json_t *o, struct message *m)
{
        const struct old_rule old = {
                .app_path = jsonread_string(r, o, "app_path"),
                .app_name = jsonread_string(r, o, "app_name"),
                .port = (uint16_t)jsonread_int(r, o, "port", 0, UINT16_MAX),
                .all_ports = jsonread_bool(r, o, "all_ports"),
                .dest_ip = jsonread_string_or(r, o, "dest_ip", ""),
        };
        struct rule *rule = rule_new(jsonread_bool(r, o, "allow") ? ACTION_ALLOW : ACTION_DENY);

        m->add.rule = rule;
        if (!rule) {
                jsonread_no_memory(r);
                return;
        }
        choose_subject(r, &old, rule);
        /* "@dest:<ip>:<port>" always says its port: "all ports" is about programs. */
        if (old.port != 0 && (!old.all_ports || rule->subject == RULE_UNKNOWN) && rule_add_ports(rule, old.port, old.port) < 0)
                jsonread_no_memory(r);
        if (!r->error && !choose_origin(rule))
                jsonread_no_memory(r);
}

static void read_sentence(struct jsonread *r, const char *sentence, struct message *m)
{
        struct sentence_error error;
        int result = sentence_parse(sentence, strlen(sentence), &m->add.rule, &error);

        if (result < 0)
                jsonread_no_memory(r);
        else if (result > 0)
                jsonread_fail(r, "sentence", "%s, at byte %zu", error.expected, error.at + 1);
}

static void read_rule_add(struct jsonread *r, const json_t *o, struct message *m)
{
        const char *sentence = jsonread_string_or(r, o, "sentence", NULL);
        const json_t *object = jsonread_object(r, o, "rule");

        if (!sentence == !object)
                jsonread_fail(r, "sentence", "expected either a sentence or a rule");
        else if (sentence)
                read_sentence(r, sentence, m);
        else
                m->add.rule = rulejson_read(r, object, RULEJSON_REQUEST);
        if (!r->error && !choose_origin(m->add.rule))
                jsonread_no_memory(r);
}

static void read_delete_rule(struct jsonread *r, const json_t *o, struct message *m)
{
        m->key.key = read_required(r, o, "key");
}

static void read_rule_delete(struct jsonread *r, const json_t *o, struct message *m)
{
        m->key.key = jsonread_bytes(r, o, "rule");
        if (!m->key.key)
                jsonread_fail(r, "rule", "expected a rule's id");
}

static void read_rule_enable(struct jsonread *r, const json_t *o, struct message *m)
{
        read_rule_delete(r, o, m);
        m->key.enabled = jsonread_bool(r, o, "enabled");
}

static void read_clear_cache(struct jsonread *r, const json_t *o, struct message *m)
{
        m->key.key = read_required(r, o, "cache_key");
}

static void read_hello(struct jsonread *r, const json_t *o, struct message *m)
{
        m->hello.client = strdup(jsonread_string_or(r, o, "client", ""));
        if (!m->hello.client)
                jsonread_no_memory(r);
        m->hello.protocol = jsonread_int_or(r, o, "protocol", 1, INT32_MAX, MESSAGE_PROTOCOL);
}

static unsigned subscription_parse(const json_t *value)
{
        const char *word = json_string_value(value);

        for (unsigned bit = 1; word && subscription_word(bit); bit <<= 1)
                if (strcmp(subscription_word(bit), word) == 0)
                        return bit;
        return 0;
}

static void read_subscribe(struct jsonread *r, const json_t *o, struct message *m)
{
        const json_t *events = jsonread_array(r, o, "events"), *value;
        size_t i;

        if (!events)
                jsonread_fail(r, "events", "expected a list of decisions, questions, stats, notifications, rules");
        json_array_foreach((json_t *)events, i, value) {
                unsigned bit = subscription_parse(value);

                if (!bit)
                        jsonread_fail_at(r, "events", i, "expected decisions, questions, stats, notifications or rules");
                m->subscribe.events |= bit;
        }
}

static void read_decisions(struct jsonread *r, const json_t *o, struct message *m)
{
        m->decisions.limit = (unsigned)jsonread_int_or(r, o, "limit", 1, LIMIT_RECORDS, LIMIT_RECORDS);
}

void rules_mark_deinit(struct rules_mark *mark)
{
        free(mark->rule);
        *mark = (struct rules_mark){};
}

static void read_rules(struct jsonread *r, const json_t *o, struct message *m)
{
        m->rules.limit = (unsigned)jsonread_int_or(r, o, "limit", 1, LIMIT_RULES, LIMIT_RULES);
        m->rules.has_after = shape_read_rules_mark(r, o, "after", &m->rules.after);
}

static void read_history(struct jsonread *r, const json_t *o, struct message *m)
{
        m->history.before = (uint64_t)jsonread_int_or(r, o, "before", 1, INT64_MAX, 0);
        m->history.limit = (unsigned)jsonread_int_or(r, o, "limit", 1, LIMIT_JOURNAL_CHANGES, LIMIT_JOURNAL_CHANGES);
}

static void read_undo(struct jsonread *r, const json_t *o, struct message *m)
{
        m->undo.change = (uint64_t)jsonread_int_or(r, o, "change", 1, INT64_MAX, 0);
}

static void read_mode(struct jsonread *r, const json_t *o, struct message *m)
{
        const char *word = jsonread_string_or(r, o, "mode", NULL);

        m->mode.has_mode = word != NULL;
        if (word && !mode_parse(word, &m->mode.mode))
                jsonread_fail(r, "mode", "expected learning or enforcement");
        m->mode.try_seconds = (unsigned)jsonread_int_or(r, o, "try_seconds", 1, TRY_SECONDS_MAX, 0);
        m->mode.keep = jsonread_bool_or(r, o, "keep", false);
        if (m->mode.keep && (word || m->mode.try_seconds > 0))
                jsonread_fail(r, "keep", "expected alone: it confirms the try that is running");
        else if (m->mode.try_seconds > 0 && !word)
                jsonread_fail(r, "mode", "expected the mode to try");
}

static void read_supposed(struct jsonread *r, const char *words, struct message *m)
{
        struct sentence_error error;
        int result = supposed_parse(words, strlen(words), NULL, NULL, &m->why.supposed, &error);

        if (result < 0)
                jsonread_no_memory(r);
        else if (result > 0)
                jsonread_fail(r, "connection", "%s, at byte %zu", error.expected, error.at + 1);
}

static void read_why(struct jsonread *r, const json_t *o, struct message *m)
{
        _cleanup_(freep) char *words = jsonread_bytes(r, o, "connection");

        m->why.seq = (uint64_t)jsonread_int_or(r, o, "decision", 1, INT64_MAX, 0);
        if (!r->error && !words == (m->why.seq == 0))
                jsonread_fail(r, "connection", "expected either a connection or the number of a decision");
        else if (!r->error && words)
                read_supposed(r, words, m);
}

static void read_nothing(struct jsonread *r, const json_t *o, struct message *m)
{
        (void)r;
        (void)o;
        (void)m;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const struct type {
        const char *word;
        bool needs_id;
} types[] = {
#define MESSAGE(constant, text, has_id) [MESSAGE_##constant] = { text, has_id },
        MESSAGE_TYPES(MESSAGE)
#undef MESSAGE
};

typedef void (*read_fn)(struct jsonread *r, const json_t *o, struct message *m);

static const read_fn readers[MESSAGE_TYPE_COUNT] = {
        [MESSAGE_GUI_RESPONSE] = read_gui_response,
        [MESSAGE_ADD_RULE] = read_add_rule,
        [MESSAGE_DELETE_RULE] = read_delete_rule,
        [MESSAGE_LIST_RULES] = read_nothing,
        [MESSAGE_CLEAR_CACHE] = read_clear_cache,
        [MESSAGE_CANCEL_POPUP] = read_cancel_popup,
        [MESSAGE_HELLO] = read_hello,
        [MESSAGE_SUBSCRIBE] = read_subscribe,
        [MESSAGE_STATUS] = read_nothing,
        [MESSAGE_DECISIONS] = read_decisions,
        [MESSAGE_CONNECTIONS] = read_nothing,
        [MESSAGE_QUESTIONS] = read_nothing,
        [MESSAGE_ANSWER] = read_answer,
        [MESSAGE_RULES] = read_rules,
        [MESSAGE_RULE_ADD] = read_rule_add,
        [MESSAGE_RULE_DELETE] = read_rule_delete,
        [MESSAGE_RULE_ENABLE] = read_rule_enable,
        [MESSAGE_RULES_HISTORY] = read_history,
        [MESSAGE_RULES_UNDO] = read_undo,
        [MESSAGE_MODE] = read_mode,
        [MESSAGE_DOCTOR] = read_nothing,
        [MESSAGE_KERNEL] = read_nothing,
        [MESSAGE_WHY] = read_why,
};

const char *message_type_word(enum message_type type)
{
        return types[type].word;
}

static bool find_type(const char *word, enum message_type *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strcmp(types[i].word, word) == 0) {
                        *ret = (enum message_type)i;
                        return true;
                }
        return false;
}

struct message *message_free(struct message *m)
{
        if (!m)
                return NULL;
        switch (m->type) {
        case MESSAGE_GUI_RESPONSE:
        case MESSAGE_ANSWER:
        case MESSAGE_CANCEL_POPUP:
                free(m->response.request_id);
                break;
        case MESSAGE_ADD_RULE:
        case MESSAGE_RULE_ADD:
                rule_free(m->add.rule);
                break;
        case MESSAGE_DELETE_RULE:
        case MESSAGE_RULE_DELETE:
        case MESSAGE_RULE_ENABLE:
        case MESSAGE_CLEAR_CACHE:
                free(m->key.key);
                break;
        case MESSAGE_HELLO:
                free(m->hello.client);
                break;
        case MESSAGE_RULES:
                rules_mark_deinit(&m->rules.after);
                break;
        case MESSAGE_WHY:
                supposed_deinit(&m->why.supposed);
                break;
        case MESSAGE_LIST_RULES:
        case MESSAGE_SUBSCRIBE:
        case MESSAGE_STATUS:
        case MESSAGE_DECISIONS:
        case MESSAGE_CONNECTIONS:
        case MESSAGE_QUESTIONS:
        case MESSAGE_RULES_HISTORY:
        case MESSAGE_RULES_UNDO:
        case MESSAGE_MODE:
        case MESSAGE_DOCTOR:
        case MESSAGE_KERNEL:
        case MESSAGE_TYPE_COUNT:
                break;
        }
        free(m);
        return NULL;
}

static int _printf_(3, 4) refuse(struct message_error *error, enum message_error_code code, const char *format, ...)
{
        va_list ap;

        error->code = code;
        va_start(ap, format);
        vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);
        return 1;
}

static int refuse_field(struct message_error *error, const struct jsonread *r)
{
        if (r->has_index)
                return refuse(error, MESSAGE_ERROR_BAD_FIELD, "%s[%zu]: %s", r->key, r->index, r->expected);
        return refuse(error, MESSAGE_ERROR_BAD_FIELD, "%s: %s", r->key, r->expected);
}

static int parse_object(const json_t *root, struct message **ret, struct message_error *error)
{
        _cleanup_(message_freep) struct message *m = calloc(1, sizeof(*m));
        const json_t *word = json_object_get(root, "type");
        struct jsonread r = {};

        if (!m)
                return -ENOMEM;
        if (!json_is_string(word))
                return refuse(error, MESSAGE_ERROR_BAD_FIELD, "type: expected a string");
        m->type = MESSAGE_TYPE_COUNT;
        if (!find_type(json_string_value(word), &m->type))
                return refuse(error, MESSAGE_ERROR_UNKNOWN_TYPE, "type: not a request that this daemon knows");
        if (types[m->type].needs_id && !error->has_id)
                return refuse(error, MESSAGE_ERROR_BAD_FIELD, "id: expected an integer");
        m->has_id = error->has_id;
        m->id = error->id;
        readers[m->type](&r, root, m);
        if (r.error)
                return r.error < 0 ? r.error : refuse_field(error, &r);
        *ret = TAKE_PTR(m);
        return 0;
}

int message_parse(const char *line, size_t n, struct message **ret, struct message_error *ret_error)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct file_error syntax;
        const json_t *id;
        int error;

        *ret_error = (struct message_error){};
        if (n > LIMIT_LINE)
                return refuse(ret_error, MESSAGE_ERROR_NOT_JSON, "longer than %d bytes", LIMIT_LINE);
        error = jsonread_load(line, n, &root, &syntax);
        if (error < 0)
                return error;
        if (error)
                return refuse(ret_error, MESSAGE_ERROR_NOT_JSON, "column %u: %.400s", syntax.column, syntax.text);
        id = json_object_get(root, "id");
        ret_error->has_id = json_is_integer(id);
        ret_error->id = ret_error->has_id ? (int64_t)json_integer_value(id) : 0;
        error = parse_object(root, ret, ret_error);
        if (error == 0)
                *ret_error = (struct message_error){};
        return error;
}
