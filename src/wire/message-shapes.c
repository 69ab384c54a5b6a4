/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Program and flow are flat fields, not nested objects: a script that reads `watch --json` wants `.path`, not `.subject.program.path`.
 * Strings of strangers (paths, arguments, names) are bytes: where they are no UTF-8 a field "<key>_bytes" has them exactly.
 */
#include "wire/message-shapes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/escape.h"

void shape_read_text(struct jsonread *r, const json_t *o, const char *key, char *ret, size_t size)
{
        const char *text = jsonread_string(r, o, key);

        if (strlen(text) >= size)
                jsonread_fail(r, key, "expected at most %zu bytes", size - 1);
        else
                snprintf(ret, size, "%s", text);
}

char *shape_read_copy(struct jsonread *r, const json_t *o, const char *key)
{
        const json_t *value = r->error ? NULL : json_object_get(o, key);
        char *copy;

        if (!value || json_is_null(value))
                return NULL;
        if (!json_is_string(value)) {
                jsonread_fail(r, key, "expected a string or null");
                return NULL;
        }
        copy = strdup(json_string_value(value));
        if (!copy)
                jsonread_no_memory(r);
        return copy;
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

static const char *const kind_words[] = {
        [SUBJECT_PROGRAM] = "program", [SUBJECT_KERNEL] = "kernel", [SUBJECT_UNKNOWN] = "unknown"
};

static const char *next_argument(const struct subject *s, const char *argument)
{
        const char *end = s->arguments + s->n_arguments;

        argument = argument ? argument + strlen(argument) + 1 : s->arguments;
        return argument && argument < end ? argument : NULL;
}

/* One array for people; where an argument is no UTF-8, one more in which every argument is escaped. */
static void write_arguments(struct jsonwrite *w, const struct subject *s)
{
        bool is_utf8 = true;

        jsonwrite_open(w, "arguments", '[');
        for (const char *a = next_argument(s, NULL); a; a = next_argument(s, a)) {
                jsonwrite_string(w, NULL, a);
                is_utf8 = is_utf8 && str_is_utf8(a, strlen(a));
        }
        jsonwrite_close(w, ']');
        if (is_utf8)
                return;
        jsonwrite_open(w, "arguments_bytes", '[');
        for (const char *a = next_argument(s, NULL); a; a = next_argument(s, a)) {
                _cleanup_(buf_deinit) struct buf escaped = {};

                str_escape(&escaped, a);
                if (buf_error(&escaped))
                        w->out->error = buf_error(&escaped);
                jsonwrite_string(w, NULL, escaped.n ? escaped.data : "");
        }
        jsonwrite_close(w, ']');
}

static void write_parents(struct jsonwrite *w, const struct subject *s)
{
        jsonwrite_open(w, "parents", '[');
        for (unsigned i = 0; i < s->n_ancestors; i++) {
                jsonwrite_open(w, NULL, '{');
                jsonwrite_int(w, "pid", s->ancestors[i].pid);
                jsonwrite_bytes(w, "name", s->ancestors[i].name);
                jsonwrite_bytes(w, "program", s->ancestors[i].program);
                jsonwrite_bytes(w, "path", s->ancestors[i].path);
                jsonwrite_close(w, '}');
        }
        jsonwrite_close(w, ']');
}

void shape_write_subject(struct jsonwrite *w, const struct subject *s)
{
        jsonwrite_string(w, "kind", kind_words[s->kind]);
        jsonwrite_bytes(w, "path", s->kind == SUBJECT_PROGRAM ? s->path : NULL);
        jsonwrite_bytes(w, "name", s->name);
        jsonwrite_int(w, "pid", s->process.pid);
        jsonwrite_uint(w, "start_ns", s->process.start_ns);
        jsonwrite_int(w, "exec_id", s->process.exec_id);
        jsonwrite_int(w, "uid", s->uid);
        jsonwrite_int(w, "gid", s->gid);
        if (s->arguments)
                write_arguments(w, s);
        else
                jsonwrite_string(w, "arguments", NULL);
        if (s->arguments_cut)
                jsonwrite_bool(w, "arguments_cut", true);
        write_parents(w, s);
        jsonwrite_bytes(w, "cgroup", s->cgroup);
        if (s->path_deleted)
                jsonwrite_bool(w, "path_deleted", true);
        if (s->path_foreign)
                jsonwrite_bool(w, "path_foreign", true);
        jsonwrite_string(w, "identity", identity_name(s->identity));
}

/* Appends one argument with its NUL. */
static void append_argument(struct jsonread *r, const json_t *value, bool is_escaped, size_t index, struct buf *joined)
{
        const char *text = json_string_value(value);
        size_t n, bad;

        /* An escape is at most four times as long as what it stands for. */
        if (!text || strlen(text) > 4 * LIMIT_ARGS) {
                jsonread_fail_at(r, "arguments", index, "expected a string of at most %d bytes", LIMIT_ARGS);
                return;
        }
        if (!is_escaped) {
                buf_append(joined, text, strlen(text) + 1);
                return;
        }
        _cleanup_(freep) char *decoded = malloc(strlen(text) + 1);

        if (!decoded)
                jsonread_no_memory(r);
        else if (!escape_decode(text, strlen(text), decoded, &n, &bad))
                jsonread_fail_at(r, "arguments_bytes", index, "expected bytes in the escaped form");
        else
                buf_append(joined, decoded, n + 1);
}

static void read_arguments(struct jsonread *r, const json_t *o, struct subject *s)
{
        const json_t *exact = jsonread_array(r, o, "arguments_bytes"), *list = exact, *value;
        _cleanup_(buf_deinit) struct buf joined = { .max = 4 * LIMIT_ARGS };
        size_t i;

        if (json_is_null(json_object_get(o, "arguments")))
                return;
        if (!list)
                list = jsonread_array(r, o, "arguments");
        if (!list)
                return;
        json_array_foreach((json_t *)list, i, value)
                append_argument(r, value, exact != NULL, i, &joined);
        if (buf_error(&joined) == -E2BIG)
                jsonread_fail(r, "arguments", "expected at most %d bytes in all", LIMIT_ARGS);
        else if (buf_error(&joined))
                jsonread_no_memory(r);
        if (r->error)
                return;
        s->n_arguments = joined.n;
        s->arguments = joined.n ? buf_take(&joined) : strdup("");
        if (!s->arguments)
                jsonread_no_memory(r);
        s->arguments_cut = jsonread_bool_or(r, o, "arguments_cut", false);
}

static void read_parent_name(struct jsonread *r, const json_t *parent, const char *key, char *ret, size_t size, size_t i)
{
        _cleanup_(freep) char *name = jsonread_bytes(r, parent, key);

        if (!name || strlen(name) >= size)
                jsonread_fail_at(r, "parents", i, "expected a %s of at most %zu bytes", key, size - 1);
        else
                memcpy(ret, name, strlen(name) + 1);
}

static void read_parents(struct jsonread *r, const json_t *o, struct subject *s)
{
        const json_t *parents = jsonread_array(r, o, "parents"), *value;
        size_t i;

        if (json_array_size(parents) > LIMIT_ANCESTORS) {
                jsonread_fail(r, "parents", "expected at most %d", LIMIT_ANCESTORS);
                return;
        }
        json_array_foreach((json_t *)parents, i, value) {
                struct ancestor *a = &s->ancestors[i];

                a->pid = (uint32_t)jsonread_int(r, value, "pid", 0, UINT32_MAX);
                read_parent_name(r, value, "name", a->name, sizeof(a->name), i);
                read_parent_name(r, value, "program", a->program, sizeof(a->program), i);
                a->path = jsonread_bytes(r, value, "path");
                if (a->path && strlen(a->path) > LIMIT_PATH)
                        jsonread_fail_at(r, "parents", i, "expected a path of at most %d bytes", LIMIT_PATH);
        }
        s->n_ancestors = (unsigned)json_array_size(parents);
}

static bool read_kind(struct jsonread *r, const json_t *o, enum subject_kind *ret)
{
        const char *word = jsonread_string(r, o, "kind");

        for (size_t i = 0; i < ARRAY_SIZE(kind_words); i++)
                if (strcmp(kind_words[i], word) == 0) {
                        *ret = (enum subject_kind)i;
                        return true;
                }
        jsonread_fail(r, "kind", "expected program, kernel or unknown");
        return false;
}

static struct subject *new_subject(struct jsonread *r, const json_t *o)
{
        enum subject_kind kind = SUBJECT_UNKNOWN;
        _cleanup_(freep) char *path = NULL, *name = NULL;
        struct subject *s;

        if (!read_kind(r, o, &kind))
                return NULL;
        path = jsonread_bytes(r, o, "path");
        name = jsonread_bytes(r, o, "name");
        if ((path && strlen(path) > LIMIT_PATH) || (name && strlen(name) > LIMIT_PATH))
                jsonread_fail(r, "path", "expected at most %d bytes", LIMIT_PATH);
        if (r->error)
                return NULL;
        s = subject_new(kind, path, name);
        if (!s)
                jsonread_no_memory(r);
        return s;
}

struct subject *shape_read_subject(struct jsonread *r, const json_t *o)
{
        _cleanup_(subject_unrefp) struct subject *s = new_subject(r, o);

        if (!s)
                return NULL;
        s->process.pid = (uint32_t)jsonread_int(r, o, "pid", 0, UINT32_MAX);
        s->process.start_ns = (uint64_t)jsonread_int_or(r, o, "start_ns", 0, INT64_MAX, 0);
        s->process.exec_id = (uint32_t)jsonread_int_or(r, o, "exec_id", 0, UINT32_MAX, 0);
        s->uid = (uint32_t)jsonread_int(r, o, "uid", 0, UINT32_MAX);
        s->gid = (uint32_t)jsonread_int(r, o, "gid", 0, UINT32_MAX);
        read_arguments(r, o, s);
        read_parents(r, o, s);
        s->cgroup = jsonread_bytes(r, o, "cgroup");
        s->path_deleted = jsonread_bool_or(r, o, "path_deleted", false);
        s->path_foreign = jsonread_bool_or(r, o, "path_foreign", false);
        if (!identity_parse(jsonread_string(r, o, "identity"), &s->identity))
                jsonread_fail(r, "identity", "expected task, sock_diag, proc or none");
        return r->error ? NULL : TAKE_PTR(s);
}

/* ---- the flow --------------------------------------------------------------------------------------------------- */

void shape_write_flow(struct jsonwrite *w, const struct flow *flow)
{
        char address[ADDR_TEXT_MAX], scratch[4];

        jsonwrite_string(w, "protocol", protocol_name(flow->protocol, scratch));
        jsonwrite_string(w, "local_ip", addr_format(&flow->local, address));
        jsonwrite_int(w, "local_port", flow->local_port);
        jsonwrite_string(w, "remote_ip", addr_format(&flow->remote, address));
        jsonwrite_int(w, "remote_port", flow->remote_port);
        if (flow->icmp_id)
                jsonwrite_int(w, "icmp_id", flow->icmp_id);
        if (flow->interface)
                jsonwrite_int(w, "interface", flow->interface);
}

static void read_addr(struct jsonread *r, const json_t *o, const char *key, struct addr *ret)
{
        if (!addr_parse(jsonread_string(r, o, key), ret))
                jsonread_fail(r, key, "expected an address");
}

void shape_read_flow(struct jsonread *r, const json_t *o, struct flow *ret)
{
        if (!protocol_parse(jsonread_string(r, o, "protocol"), &ret->protocol))
                jsonread_fail(r, "protocol", "expected a protocol's name or number");
        read_addr(r, o, "local_ip", &ret->local);
        read_addr(r, o, "remote_ip", &ret->remote);
        ret->local_port = (uint16_t)jsonread_int(r, o, "local_port", 0, UINT16_MAX);
        ret->remote_port = (uint16_t)jsonread_int(r, o, "remote_port", 0, UINT16_MAX);
        ret->icmp_id = (uint16_t)jsonread_int_or(r, o, "icmp_id", 0, UINT16_MAX, 0);
        ret->interface = (uint32_t)jsonread_int_or(r, o, "interface", 0, UINT32_MAX, 0);
}

static const char *direction_name(enum direction direction)
{
        return direction == DIRECTION_IN ? "in" : "out";
}

static enum direction read_direction(struct jsonread *r, const json_t *o)
{
        const char *word = jsonread_string(r, o, "direction");

        if (strcmp(word, "in") == 0)
                return DIRECTION_IN;
        if (strcmp(word, "out") != 0)
                jsonread_fail(r, "direction", "expected in or out");
        return DIRECTION_OUT;
}

static enum reason read_reason(struct jsonread *r, const json_t *o)
{
        enum reason reason = REASON_FAILURE;

        if (!reason_parse(jsonread_string(r, o, "reason"), &reason))
                jsonread_fail(r, "reason", "expected a reason's word");
        return reason;
}

/* ---- its names --------------------------------------------------------------------------------------------------- */

void shape_write_hosts(struct jsonwrite *w, const struct hosts *hosts)
{
        jsonwrite_bytes(w, "host", hosts_first(hosts));
        jsonwrite_open(w, "hosts", '[');
        for (unsigned i = 0; i < hosts->n; i++)
                jsonwrite_string(w, NULL, hosts->names[i]);
        jsonwrite_close(w, ']');
        jsonwrite_string(w, "host_source", host_source_word(hosts->source));
}

/* The first is `host`, with or without a list. A source that is not known here is one that a newer daemon knows. */
void shape_read_hosts(struct jsonread *r, const json_t *o, struct hosts *ret)
{
        _cleanup_(freep) char *first = jsonread_bytes(r, o, "host");
        const json_t *list = jsonread_array(r, o, "hosts"), *source = json_object_get(o, "host_source");
        struct hosts hosts = hosts_one(first, HOST_SOURCE_NONE);

        if (json_array_size(list) > LIMIT_HOSTS)
                jsonread_fail(r, "hosts", "expected at most %d", LIMIT_HOSTS);
        for (size_t i = 1; first && !r->error && i < json_array_size(list); i++) {
                hosts.names[i] = json_string_value(json_array_get(list, i));
                if (!hosts.names[i])
                        jsonread_fail_at(r, "hosts", i, "expected a host's name");
                hosts.n++;
        }
        if (first && json_is_string(source))
                (void)host_source_parse(json_string_value(source), &hosts.source);
        if (!r->error && hosts_copy(ret, &hosts) < 0)
                jsonread_no_memory(r);
}

/* ---- the decision ----------------------------------------------------------------------------------------------- */

void shape_write_record(struct jsonwrite *w, const struct record *record)
{
        jsonwrite_uint(w, "seq", record->seq);
        jsonwrite_time_us(w, "time", record->time_us);
        jsonwrite_string(w, "verdict", verdict_name(record->verdict));
        jsonwrite_string(w, "reason", reason_word(record->reason));
        jsonwrite_bytes(w, "rule", record->rule);
        jsonwrite_bool(w, "would_deny", record->would_deny);
        shape_write_subject(w, record->subject);
        shape_write_flow(w, &record->flow);
        shape_write_hosts(w, &record->hosts);
        jsonwrite_string(w, "direction", direction_name(record->direction));
        jsonwrite_uint(w, "latency_us", record->latency_ns / 1000);
        if (record->is_summary) {
                jsonwrite_uint(w, "count", record->n_connections);
                jsonwrite_uint(w, "bytes", record->n_bytes);
                jsonwrite_time_us(w, "since", record->since_us);
        }
}

static void read_summary(struct jsonread *r, const json_t *o, struct record *ret)
{
        ret->is_summary = true;
        ret->n_connections = (uint64_t)jsonread_int(r, o, "count", 1, INT64_MAX);
        ret->n_bytes = (uint64_t)jsonread_int(r, o, "bytes", 0, INT64_MAX);
        ret->since_us = jsonread_time_us(r, o, "since");
}

static enum verdict read_verdict(struct jsonread *r, const json_t *o)
{
        enum verdict verdict = VERDICT_DENY;

        if (!verdict_parse(jsonread_string(r, o, "verdict"), &verdict) || verdict == VERDICT_ASK)
                jsonread_fail(r, "verdict", "expected allow or deny");
        return verdict;
}

void shape_read_record(struct jsonread *r, const json_t *o, struct record *ret)
{
        ret->seq = (uint64_t)jsonread_int(r, o, "seq", 0, INT64_MAX);
        ret->time_us = jsonread_time_us(r, o, "time");
        ret->verdict = read_verdict(r, o);
        ret->reason = read_reason(r, o);
        ret->rule = jsonread_bytes(r, o, "rule");
        ret->would_deny = jsonread_bool_or(r, o, "would_deny", false);
        ret->subject = shape_read_subject(r, o);
        shape_read_flow(r, o, &ret->flow);
        shape_read_hosts(r, o, &ret->hosts);
        ret->direction = read_direction(r, o);
        ret->latency_ns = (uint64_t)jsonread_int_or(r, o, "latency_us", 0, INT64_MAX / 1000, 0) * 1000;
        ret->n_connections = 1;
        if (json_object_get(o, "count"))
                read_summary(r, o, ret);
}

/* ---- the question ----------------------------------------------------------------------------------------------- */

void shape_write_question(struct jsonwrite *w, const struct question *q, struct boottime now)
{
        jsonwrite_string(w, "question", q->ref);
        shape_write_subject(w, q->subjects[0]);
        shape_write_flow(w, &q->flow);
        shape_write_hosts(w, &q->hosts);
        jsonwrite_string(w, "domain", q->domain);
        jsonwrite_string(w, "reason", reason_word(q->reason));
        jsonwrite_bool(w, "whole_program", q->whole_program);
        jsonwrite_int(w, "more", q->n_more);
        jsonwrite_uint(w, "connections", q->n_connections);
        jsonwrite_bool(w, "learning", q->learning);
        jsonwrite_uint(w, "left_ms", q->state == QUESTION_OPEN ? boottime_left(q->deadline, now) / NS_PER_MSEC : 0);
        jsonwrite_open(w, "others", '[');
        for (unsigned i = 1; i < q->n_subjects; i++) {
                jsonwrite_open(w, NULL, '{');
                shape_write_subject(w, q->subjects[i]);
                jsonwrite_close(w, '}');
        }
        jsonwrite_close(w, ']');
        if (q->state != QUESTION_OPEN) {
                jsonwrite_string(w, "state", question_state_name(q->state));
                jsonwrite_time_us(w, "ended", q->ended_us);
                jsonwrite_string(w, "verdict", verdict_name(q->verdict));
        }
}

static void read_others(struct jsonread *r, const json_t *o, struct prompt *ret)
{
        const json_t *others = jsonread_array(r, o, "others"), *value;
        size_t i;

        if (json_array_size(others) > ARRAY_SIZE(ret->others)) {
                jsonread_fail(r, "others", "expected at most %zu", ARRAY_SIZE(ret->others));
                return;
        }
        json_array_foreach((json_t *)others, i, value) {
                struct subject *s = shape_read_subject(r, value);

                if (s)
                        ret->others[ret->n_others++] = s;
        }
}

enum question_state shape_read_state(struct jsonread *r, const json_t *o)
{
        enum question_state state = QUESTION_OPEN;

        if (!question_state_parse(jsonread_string(r, o, "state"), &state))
                jsonread_fail(r, "state", "expected answered, expired, abandoned or superseded");
        return state;
}

/* What became of a question that has ended. */
static void read_ended(struct jsonread *r, const json_t *o, struct prompt *ret)
{
        ret->state = shape_read_state(r, o);
        ret->ended_us = jsonread_time_us(r, o, "ended");
        ret->verdict = read_verdict(r, o);
}

void shape_read_prompt(struct jsonread *r, const json_t *o, struct prompt *ret)
{
        shape_read_text(r, o, "question", ret->ref, sizeof(ret->ref));
        ret->subject = shape_read_subject(r, o);
        shape_read_flow(r, o, &ret->flow);
        shape_read_hosts(r, o, &ret->hosts);
        ret->domain = shape_read_copy(r, o, "domain");
        ret->reason = read_reason(r, o);
        ret->whole_program = jsonread_bool_or(r, o, "whole_program", false);
        ret->n_more = (unsigned)jsonread_int_or(r, o, "more", 0, UINT32_MAX, 0);
        ret->n_connections = (uint64_t)jsonread_int_or(r, o, "connections", 0, INT64_MAX, 0);
        ret->learning = jsonread_bool_or(r, o, "learning", false);
        ret->left_ms = (uint64_t)jsonread_int_or(r, o, "left_ms", 0, INT64_MAX, 0);
        read_others(r, o, ret);
        if (json_object_get(o, "state"))
                read_ended(r, o, ret);
}

/* ---- connections, traffic, checks ---------------------------------------------------------------------------------------- */

static const char *const state_words[] = {
        [CONNECTION_STATELESS] = NULL,
        [CONNECTION_CONNECTING] = "connecting",
        [CONNECTION_ESTABLISHED] = "established",
        [CONNECTION_CLOSING] = "closing",
};

const char *connection_state_word(enum connection_state state)
{
        return state_words[state];
}

static enum connection_state read_state(struct jsonread *r, const json_t *o)
{
        const char *word = jsonread_string_or(r, o, "state", NULL);

        if (!word)
                return CONNECTION_STATELESS;
        for (int state = CONNECTION_CONNECTING; state <= CONNECTION_CLOSING; state++)
                if (strcmp(state_words[state], word) == 0)
                        return (enum connection_state)state;
        jsonread_fail(r, "state", "expected connecting, established or closing");
        return CONNECTION_STATELESS;
}

void shape_write_connection(struct jsonwrite *w, const struct connection *c)
{
        shape_write_subject(w, c->subject);
        shape_write_flow(w, &c->flow);
        shape_write_hosts(w, &c->hosts);
        jsonwrite_string(w, "direction", direction_name(c->direction));
        if (c->state != CONNECTION_STATELESS)
                jsonwrite_string(w, "state", state_words[c->state]);
        if (c->has_bytes) {
                jsonwrite_uint(w, "bytes_out", c->bytes_out);
                jsonwrite_uint(w, "bytes_in", c->bytes_in);
        }
}

void shape_read_connection(struct jsonread *r, const json_t *o, struct connection *ret)
{
        ret->subject = shape_read_subject(r, o);
        shape_read_flow(r, o, &ret->flow);
        shape_read_hosts(r, o, &ret->hosts);
        ret->direction = read_direction(r, o);
        ret->state = read_state(r, o);
        ret->has_bytes = json_object_get(o, "bytes_out") != NULL;
        if (ret->has_bytes) {
                ret->bytes_out = (uint64_t)jsonread_int(r, o, "bytes_out", 0, INT64_MAX);
                ret->bytes_in = (uint64_t)jsonread_int(r, o, "bytes_in", 0, INT64_MAX);
        }
}

void shape_write_traffic(struct jsonwrite *w, const struct traffic *traffic)
{
        jsonwrite_uint(w, "at_ns", traffic->at.ns);
        jsonwrite_uint(w, "bytes_out", traffic->bytes_out);
        jsonwrite_uint(w, "bytes_in", traffic->bytes_in);
}

void shape_read_traffic(struct jsonread *r, const json_t *o, struct traffic *ret)
{
        ret->at.ns = (uint64_t)jsonread_int(r, o, "at_ns", 0, INT64_MAX);
        ret->bytes_out = (uint64_t)jsonread_int(r, o, "bytes_out", 0, INT64_MAX);
        ret->bytes_in = (uint64_t)jsonread_int(r, o, "bytes_in", 0, INT64_MAX);
}

static const char *const level_words[] = { [CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAILED] = "failed" };

const char *check_level_name(enum check_level level)
{
        return level_words[level];
}

void shape_write_check(struct jsonwrite *w, const struct check *c)
{
        jsonwrite_string(w, "level", level_words[c->level]);
        jsonwrite_string(w, "name", c->name);
        jsonwrite_string(w, "text", c->text);
}

void shape_read_check(struct jsonread *r, const json_t *o, struct check *ret)
{
        const char *word = jsonread_string(r, o, "level");
        bool known = false;

        for (size_t i = 0; i < ARRAY_SIZE(level_words); i++)
                if (strcmp(word, level_words[i]) == 0) {
                        ret->level = (enum check_level)i;
                        known = true;
                }
        if (!known)
                jsonread_fail(r, "level", "expected ok, warning or failed");
        ret->name = shape_read_copy(r, o, "name");
        ret->text = shape_read_copy(r, o, "text");
        if (!ret->name || !ret->text)
                jsonread_fail(r, "name", "expected a name and a text");
}

/* ---- where a page of rules ended --------------------------------------------------------------------------------- */

void shape_write_rules_mark(struct jsonwrite *w, const char *key, const struct rules_mark *mark)
{
        jsonwrite_open(w, key, '{');
        jsonwrite_uint(w, "load", mark->load);
        jsonwrite_uint(w, "number", mark->number);
        jsonwrite_bytes(w, "rule", mark->rule);
        jsonwrite_close(w, '}');
}

bool shape_read_rules_mark(struct jsonread *r, const json_t *o, const char *key, struct rules_mark *ret)
{
        const json_t *mark = jsonread_object(r, o, key);

        if (!mark)
                return false;
        ret->load = (uint64_t)jsonread_int(r, mark, "load", 0, INT64_MAX);
        ret->number = (uint64_t)jsonread_int(r, mark, "number", 0, INT64_MAX);
        ret->rule = jsonread_bytes(r, mark, "rule");
        if (!ret->rule)
                jsonread_fail(r, "rule", "expected a rule's id");
        return !r->error;
}

/* ---- status ----------------------------------------------------------------------------------------------------- */

/* The numbers, by name: one table for both directions. */
static const struct number {
        const char *key;
        size_t offset, size;
} numbers[] = {
#define NUMBER(key, field) { key, offsetof(struct status, field), sizeof(((struct status *)NULL)->field) }
        NUMBER("pid", pid),
        NUMBER("try_left_seconds", try_left_seconds),
        NUMBER("uptime_seconds", uptime_seconds),
        NUMBER("allowed", n_allowed),
        NUMBER("denied", n_denied),
        NUMBER("learned_denials", n_learned_denials),
        NUMBER("rules", n_rules),
        NUMBER("questions", n_questions),
        NUMBER("held", n_held),
        NUMBER("clients", n_clients),
        NUMBER("root_bypass_decisions", n_root_bypass),
        NUMBER("systemd_bypass_decisions", n_systemd_bypass),
        NUMBER("queue_overruns", n_queue_overruns),
        NUMBER("track_lost", n_track_lost),
        NUMBER("tag_failed", n_tag_failed),
        NUMBER("log_lost", n_log_lost),
#undef NUMBER
};

static uint64_t number_get(const struct status *s, const struct number *n)
{
        const char *field = (const char *)s + n->offset;

        return n->size == sizeof(uint64_t) ? *(const uint64_t *)field : *(const uint32_t *)field;
}

static void number_set(struct status *s, const struct number *n, uint64_t value)
{
        char *field = (char *)s + n->offset;

        if (n->size == sizeof(uint64_t))
                *(uint64_t *)field = value;
        else
                *(uint32_t *)field = (uint32_t)value;
}

static void write_list(struct jsonwrite *w, const struct list_status *l)
{
        jsonwrite_open(w, NULL, '{');
        jsonwrite_bytes(w, "path", l->path);
        jsonwrite_bool(w, "in_force", l->in_force);
        if (l->in_force) {
                jsonwrite_uint(w, "names", l->n_names);
                jsonwrite_uint(w, "skipped", l->n_skipped);
                jsonwrite_time(w, "since", l->since);
        }
        jsonwrite_string(w, "problem", l->problem);
        jsonwrite_close(w, '}');
}

static void read_list(struct jsonread *r, const json_t *o, struct list_status *ret)
{
        ret->path = jsonread_bytes(r, o, "path");
        if (!ret->path)
                jsonread_fail(r, "path", "expected the path of a list");
        ret->in_force = jsonread_bool(r, o, "in_force");
        if (ret->in_force) {
                ret->n_names = (uint64_t)jsonread_int(r, o, "names", 0, INT64_MAX);
                ret->n_skipped = (uint64_t)jsonread_int(r, o, "skipped", 0, INT64_MAX);
                ret->since = jsonread_time_us(r, o, "since") / 1000000;
        }
        ret->problem = shape_read_copy(r, o, "problem");
}

void shape_write_status(struct jsonwrite *w, const struct status *s)
{
        jsonwrite_string(w, "version", s->version);
        jsonwrite_string(w, "mode", mode_name(s->mode));
        jsonwrite_string(w, "rung", s->rung);
        jsonwrite_string(w, "rung_reason", s->rung_reason);
        jsonwrite_string(w, "authority", authority_word(s->authority));
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                jsonwrite_uint(w, numbers[i].key, number_get(s, &numbers[i]));
        jsonwrite_bool(w, "root_bypass", s->root_bypass);
        jsonwrite_bool(w, "systemd_bypass", s->systemd_bypass);
        jsonwrite_open(w, "by_reason", '{');
        for (int i = 0; i < REASON_COUNT; i++)
                jsonwrite_uint(w, reason_word((enum reason)i), s->by_reason[i]);
        jsonwrite_close(w, '}');
        jsonwrite_open(w, "lists", '[');
        for (unsigned i = 0; i < s->n_lists; i++)
                write_list(w, &s->lists[i]);
        jsonwrite_close(w, ']');
        jsonwrite_string(w, "problems", s->problems);
}

void shape_read_status(struct jsonread *r, const json_t *o, struct status *ret)
{
        const json_t *by_reason, *lists = json_object_get(o, "lists");

        shape_read_text(r, o, "version", ret->version, sizeof(ret->version));
        if (!mode_parse(jsonread_string(r, o, "mode"), &ret->mode))
                jsonread_fail(r, "mode", "expected learning or enforcement");
        shape_read_text(r, o, "rung", ret->rung, sizeof(ret->rung));
        ret->rung_reason = shape_read_copy(r, o, "rung_reason");
        if (!authority_parse(jsonread_string_or(r, o, "authority", authority_word(AUTHORITY_GROUP)), &ret->authority))
                jsonread_fail(r, "authority", "expected none, group, polkit or root");
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                int64_t max = numbers[i].size == sizeof(uint64_t) ? INT64_MAX : UINT32_MAX;

                number_set(ret, &numbers[i], (uint64_t)jsonread_int_or(r, o, numbers[i].key, 0, max, 0));
        }
        ret->root_bypass = jsonread_bool_or(r, o, "root_bypass", false);
        ret->systemd_bypass = jsonread_bool_or(r, o, "systemd_bypass", false);
        by_reason = jsonread_object(r, o, "by_reason");
        for (int i = 0; by_reason && i < REASON_COUNT; i++)
                ret->by_reason[i] = (uint64_t)jsonread_int_or(r, by_reason, reason_word((enum reason)i), 0, INT64_MAX, 0);
        /* A daemon before there were lists tells of none. */
        if (lists && (!json_is_array(lists) || json_array_size(lists) > LIMIT_LISTS))
                jsonread_fail(r, "lists", "expected at most %d", LIMIT_LISTS);
        for (size_t i = 0; i < json_array_size(lists) && !r->error; i++)
                read_list(r, json_array_get(lists, i), &ret->lists[ret->n_lists++]);
        ret->problems = shape_read_copy(r, o, "problems");
}
