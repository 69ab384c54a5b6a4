/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both directions of one shape, with a table that says which field belongs to which form. Writing gives each subject exactly one of
 * `program`, `name` and `subject`; reading takes none of them as "anyone" and more than one as a mistake.
 */
#include "wire/rulejson.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/ruletext.h"
#include "wire/sentence.h"

enum { PRIORITY_MAX = 1000000, ALL_FORMS = RULEJSON_FILE | RULEJSON_REQUEST | RULEJSON_REPLY };

static const struct field {
        const char *key;
        unsigned forms;
} fields[] = {
        { "id", RULEJSON_FILE | RULEJSON_REPLY },
        { "id_bytes", RULEJSON_FILE | RULEJSON_REPLY },
        { "action", ALL_FORMS },
        { "sentence", RULEJSON_REPLY },
        { "origin", RULEJSON_REPLY },
        { "lifetime", ALL_FORMS },
        { "enabled", ALL_FORMS },
        { "priority", ALL_FORMS },
        { "program", ALL_FORMS },
        { "program_bytes", ALL_FORMS },
        { "name", ALL_FORMS },
        { "name_bytes", ALL_FORMS },
        { "subject", ALL_FORMS },
        { "ports", ALL_FORMS },
        { "protocol", ALL_FORMS },
        { "network", ALL_FORMS },
        { "scopes", ALL_FORMS },
        { "uid", ALL_FORMS },
        { "gid", ALL_FORMS },
        { "process", RULEJSON_REPLY },
        { "note", ALL_FORMS },
        { "created", RULEJSON_FILE | RULEJSON_REPLY },
        { "hits", RULEJSON_REPLY },
};

static const struct {
        const char *word;
        enum rule_subject subject;
} subject_words[] = { { "anyone", RULE_ANYONE }, { "unknown", RULE_UNKNOWN }, { "kernel", RULE_KERNEL } };

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void write_subject(struct jsonwrite *w, const struct rule *rule)
{
        if (rule->subject == RULE_PATH)
                jsonwrite_bytes(w, "program", rule->program);
        else if (rule->subject == RULE_NAME)
                jsonwrite_bytes(w, "name", rule->program);
        for (size_t i = 0; i < ARRAY_SIZE(subject_words); i++)
                if (rule->subject == subject_words[i].subject)
                        jsonwrite_string(w, "subject", subject_words[i].word);
}

static void write_ports(struct jsonwrite *w, const struct rule *rule)
{
        jsonwrite_open(w, "ports", '[');
        for (unsigned i = 0; i < rule->n_ports; i++) {
                const struct port_range *range = &rule->ports[i];
                char text[16];

                snprintf(text, sizeof(text), "%u-%u", range->first, range->last);
                if (range->first == range->last)
                        jsonwrite_int(w, NULL, range->first);
                else
                        jsonwrite_string(w, NULL, text);
        }
        jsonwrite_close(w, ']');
}

static void write_network(struct jsonwrite *w, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf text = {};

        ruletext_format_network(&text, &rule->network, rule->prefix);
        if (buf_error(&text))
                w->out->error = buf_error(&text);
        else
                jsonwrite_string(w, "network", text.data);
}

static void write_scopes(struct jsonwrite *w, const struct rule *rule)
{
        jsonwrite_open(w, "scopes", '[');
        for (unsigned bit = 0; bit < 8 * sizeof(rule->scopes); bit++)
                if (rule->scopes & 1U << bit && scope_name((enum scope)(1U << bit)))
                        jsonwrite_string(w, NULL, scope_name((enum scope)(1U << bit)));
        jsonwrite_close(w, ']');
}

static void write_process(struct jsonwrite *w, const struct process *process)
{
        jsonwrite_open(w, "process", '{');
        jsonwrite_int(w, "pid", process->pid);
        jsonwrite_uint(w, "start_ns", process->start_ns);
        jsonwrite_int(w, "exec_id", process->exec_id);
        jsonwrite_close(w, '}');
}

static void write_criteria(struct jsonwrite *w, const struct rule *rule, enum rulejson_form form)
{
        char scratch[4];

        write_subject(w, rule);
        if (rule->has & RULE_HAS_PORTS)
                write_ports(w, rule);
        if (rule->has & RULE_HAS_PROTOCOL)
                jsonwrite_string(w, "protocol", protocol_name(rule->protocol, scratch));
        if (rule->has & RULE_HAS_NETWORK)
                write_network(w, rule);
        if (rule->has & RULE_HAS_SCOPES)
                write_scopes(w, rule);
        if (rule->has & RULE_HAS_UID)
                jsonwrite_int(w, "uid", rule->uid);
        if (rule->has & RULE_HAS_GID)
                jsonwrite_int(w, "gid", rule->gid);
        if (rule->has & RULE_HAS_PROCESS && form == RULEJSON_REPLY)
                write_process(w, &rule->process);
}

static void write_sentence(struct jsonwrite *w, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf text = {};

        sentence_format(rule, &text);
        if (buf_error(&text))
                w->out->error = buf_error(&text);
        else
                jsonwrite_string(w, "sentence", text.data);
}

void rulejson_write(struct jsonwrite *w, const char *key, const struct rule *rule, enum rulejson_form form, bool enabled)
{
        jsonwrite_open(w, key, '{');
        if (rule->id && form != RULEJSON_REQUEST)
                jsonwrite_bytes(w, "id", rule->id);
        jsonwrite_string(w, "action", action_name(rule->action));
        if (form == RULEJSON_REPLY) {
                write_sentence(w, rule);
                jsonwrite_string(w, "origin", rule_origin_name(rule->origin));
        }
        if (form == RULEJSON_REPLY || rule->lifetime != LIFETIME_ALWAYS)
                jsonwrite_string(w, "lifetime", lifetime_name(rule->lifetime));
        if (form == RULEJSON_REPLY || !enabled)
                jsonwrite_bool(w, "enabled", enabled);
        if (form == RULEJSON_REPLY || rule->priority != PRIORITY_DEFAULT)
                jsonwrite_int(w, "priority", rule->priority);
        write_criteria(w, rule, form);
        if (rule->note)
                jsonwrite_string(w, "note", rule->note);
        if (rule->created > 0 && form != RULEJSON_REQUEST)
                jsonwrite_time(w, "created", rule->created);
        if (form == RULEJSON_REPLY)
                jsonwrite_uint(w, "hits", rule->n_hits);
        jsonwrite_close(w, '}');
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void check_fields(struct jsonread *r, const json_t *o, enum rulejson_form form)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)o, key, value) {
                bool known = false;

                for (size_t i = 0; i < ARRAY_SIZE(fields) && !known; i++)
                        known = fields[i].forms & form && strcmp(fields[i].key, key) == 0;
                if (!known) {
                        jsonread_fail(r, key, "expected a field of a rule here; a rule is not loaded with a restriction "
                                              "that is not understood");
                        return;
                }
        }
}

static void read_id(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        rule->id = jsonread_bytes(r, o, "id");
        if (!rule->id)
                return;
        if (rule->id[0] == 0 || strlen(rule->id) > LIMIT_RULE_ID)
                jsonread_fail(r, "id", "expected 1..%d bytes", LIMIT_RULE_ID);
        if (form == RULEJSON_FILE && str_has_prefix(rule->id, "factory:"))
                jsonread_fail(r, "id", "expected an id that does not begin with factory:, which names the shipped rules");
}

static void read_lifetime(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        bool known = lifetime_parse(jsonread_string_or(r, o, "lifetime", "always"), &rule->lifetime);

        if (form == RULEJSON_REPLY ? !known : !known || rule->lifetime == LIFETIME_ONCE)
                jsonread_fail(r, "lifetime", "expected always or session");
        else if (form == RULEJSON_FILE && rule->lifetime != LIFETIME_ALWAYS)
                jsonread_fail(r, "lifetime", "expected always: a file keeps nothing else");
        rule->origin = rule->lifetime == LIFETIME_ALWAYS ? ORIGIN_LIST : ORIGIN_SESSION;
        if (form == RULEJSON_REPLY && !rule_origin_parse(jsonread_string(r, o, "origin"), &rule->origin))
                jsonread_fail(r, "origin", "expected flat, list, factory, file or session");
}

static void take_program(struct jsonread *r, const json_t *o, const char *key, enum rule_subject subject, struct rule *rule)
{
        char *program = jsonread_bytes(r, o, key);

        if (!program) {
                jsonread_fail(r, key, "expected a string");
                return;
        }
        free(rule->program);
        rule->program = program;
        rule->subject = subject;
        if (strlen(program) >= LIMIT_PATH)
                jsonread_fail(r, key, "expected at most %d bytes", LIMIT_PATH - 1);
        else if (subject == RULE_PATH && program[0] != '/')
                jsonread_fail(r, key, "expected an absolute path");
        else if (program[0] == 0)
                jsonread_fail(r, key, "expected a program's name as the kernel shows it (comm)");
}

static void read_subject(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const char *word = jsonread_string_or(r, o, "subject", NULL);
        bool has_program = json_object_get(o, "program") || json_object_get(o, "program_bytes");
        bool has_name = json_object_get(o, "name") || json_object_get(o, "name_bytes");
        bool known = false;

        if ((word != NULL) + has_program + has_name > 1)
                jsonread_fail(r, word ? "subject" : "name", "expected only one of program, name and subject");
        if (has_program)
                take_program(r, o, "program", RULE_PATH, rule);
        if (has_name)
                take_program(r, o, "name", RULE_NAME, rule);
        if (!word)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(subject_words); i++)
                if (strcmp(word, subject_words[i].word) == 0) {
                        rule->subject = subject_words[i].subject;
                        known = true;
                }
        if (!known)
                jsonread_fail(r, "subject", "expected anyone, unknown or kernel");
}

static void read_port(struct jsonread *r, const json_t *value, size_t index, struct port_range *ret)
{
        const char *expected;

        if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= UINT16_MAX)
                ret->first = ret->last = (uint16_t)json_integer_value(value);
        else if (!json_is_string(value) || !ruletext_parse_port(json_string_value(value), ret, &expected))
                jsonread_fail_at(r, "ports", index, "expected a port 1..65535 or a range like \"8000-8999\"");
}

static void read_ports(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *ports = jsonread_array(r, o, "ports");
        size_t n = json_array_size(ports);

        if (!ports)
                return;
        if (n < 1 || n > LIMIT_RULE_PORTS) {
                jsonread_fail(r, "ports", "expected 1..%d ports and ranges", LIMIT_RULE_PORTS);
                return;
        }
        for (size_t i = 0; i < n; i++)
                read_port(r, json_array_get(ports, i), i, &rule->ports[i]);
        rule->n_ports = (unsigned)n;
        rule->has |= RULE_HAS_PORTS;
}

static void read_protocol(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *value = json_object_get(o, "protocol");

        if (!value)
                return;
        if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= UINT8_MAX)
                rule->protocol = (uint8_t)json_integer_value(value);
        else if (!json_is_string(value) || !protocol_parse(json_string_value(value), &rule->protocol))
                jsonread_fail(r, "protocol", "expected a protocol's name or number 0..255");
        rule->has |= RULE_HAS_PROTOCOL;
}

static void read_network(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const char *text = jsonread_string_or(r, o, "network", NULL), *expected;

        if (!text)
                return;
        if (!ruletext_parse_network(text, &rule->network, &rule->prefix, &expected))
                jsonread_fail(r, "network", "expected an address or a network like 10.0.0.0/8 without bits beyond its prefix");
        rule->has |= RULE_HAS_NETWORK;
}

static void read_scopes(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *scopes = jsonread_array(r, o, "scopes"), *value;
        size_t i;

        if (!scopes)
                return;
        if (json_array_size(scopes) == 0)
                jsonread_fail(r, "scopes", "expected at least one scope");
        json_array_foreach((json_t *)scopes, i, value) {
                enum scope scope;

                if (json_is_string(value) && scope_parse(json_string_value(value), &scope))
                        rule->scopes |= scope;
                else
                        jsonread_fail_at(r, "scopes", i, "expected loopback, lan, link, multicast, broadcast, internet or "
                                                         "resolver");
        }
        rule->has |= RULE_HAS_SCOPES;
}

static void read_who(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        /* -1 is nobody: only the daemon says it, of a factory rule for a user that this machine does not have. */
        int64_t max = form == RULEJSON_REPLY ? UINT32_MAX : UINT32_MAX - 1;

        if (json_object_get(o, "uid")) {
                rule->uid = (uint32_t)jsonread_int(r, o, "uid", 0, max);
                rule->has |= RULE_HAS_UID;
        }
        if (json_object_get(o, "gid")) {
                rule->gid = (uint32_t)jsonread_int(r, o, "gid", 0, max);
                rule->has |= RULE_HAS_GID;
        }
}

static void read_process(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *process = jsonread_object(r, o, "process");

        if (!process)
                return;
        rule->process.pid = (uint32_t)jsonread_int(r, process, "pid", 0, UINT32_MAX);
        rule->process.start_ns = (uint64_t)jsonread_int(r, process, "start_ns", 0, INT64_MAX);
        rule->process.exec_id = (uint32_t)jsonread_int(r, process, "exec_id", 0, UINT32_MAX);
        rule->has |= RULE_HAS_PROCESS;
}

static void read_note(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const char *note = jsonread_string_or(r, o, "note", NULL);

        if (!note)
                return;
        if (strlen(note) > LIMIT_RULE_NOTE)
                jsonread_fail(r, "note", "expected at most %d bytes", LIMIT_RULE_NOTE);
        else if (!(rule->note = strdup(note)))
                jsonread_no_memory(r);
}

struct rule *rulejson_read(struct jsonread *r, const json_t *o, enum rulejson_form form)
{
        _cleanup_(rule_freep) struct rule *rule = rule_new(ACTION_DENY);

        if (!rule) {
                jsonread_no_memory(r);
                return NULL;
        }
        if (!json_is_object(o)) {
                jsonread_fail(r, "", "expected an object: {…}");
                return NULL;
        }
        rule->subject = RULE_ANYONE;
        rule->expires = BOOTTIME_NEVER;
        check_fields(r, o, form);
        read_id(r, o, form, rule);
        if (!action_parse(jsonread_string(r, o, "action"), &rule->action))
                jsonread_fail(r, "action", "expected allow, deny or ask");
        read_lifetime(r, o, form, rule);
        rule->disabled = !jsonread_bool_or(r, o, "enabled", true);
        rule->priority = (int)jsonread_int_or(r, o, "priority", -PRIORITY_MAX, PRIORITY_MAX, PRIORITY_DEFAULT);
        read_subject(r, o, rule);
        read_ports(r, o, rule);
        read_protocol(r, o, rule);
        read_network(r, o, rule);
        read_scopes(r, o, rule);
        read_who(r, o, form, rule);
        read_process(r, o, rule);
        read_note(r, o, rule);
        if (json_object_get(o, "created"))
                rule->created = jsonread_time_us(r, o, "created") / 1000000;
        if (form == RULEJSON_REPLY)
                rule->n_hits = (uint64_t)jsonread_int_or(r, o, "hits", 0, INT64_MAX, 0);
        return r->error ? NULL : TAKE_PTR(rule);
}
