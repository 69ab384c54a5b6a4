/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both directions of one shape, with a table that says which field belongs to which form. Writing gives each subject exactly one of
 * `program`, `programs`, `name` and `subject`; reading takes none of them as "anyone" and more than one as a mistake.
 */
#include "wire/rulejson.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/pattern.h"
#include "wire/ruletext.h"
#include "wire/sentence.h"

#define BYTES_SUFFIX "_bytes"

enum { ALL_FORMS = RULEJSON_FILE | RULEJSON_REQUEST | RULEJSON_REPLY };

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
        { "seconds", RULEJSON_REQUEST },
        { "until", ALL_FORMS },
        { "boot", RULEJSON_FILE | RULEJSON_REPLY },
        { "boottime_ns", RULEJSON_FILE | RULEJSON_REPLY },
        { "enabled", ALL_FORMS },
        { "priority", ALL_FORMS },
        { "program", ALL_FORMS },
        { "program_bytes", ALL_FORMS },
        { "name", ALL_FORMS },
        { "name_bytes", ALL_FORMS },
        { "subject", ALL_FORMS },
        { "process", RULEJSON_REPLY },
        { "not", ALL_FORMS },
        { "note", ALL_FORMS },
        { "created", RULEJSON_FILE | RULEJSON_REPLY },
        { "changed", RULEJSON_FILE | RULEJSON_REPLY },
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

/* Numbers as they are, ranges as text. */
static void write_ports(struct jsonwrite *w, const struct port_range *range)
{
        _cleanup_(buf_deinit) struct buf text = {};

        if (range->first == range->last) {
                jsonwrite_int(w, NULL, range->first);
                return;
        }
        ruletext_format_port(&text, range);
        if (buf_error(&text))
                w->out->error = buf_error(&text);
        else
                jsonwrite_string(w, NULL, text.data);
}

static void write_network(struct jsonwrite *w, const char *key, const struct network *network)
{
        _cleanup_(buf_deinit) struct buf text = {};

        ruletext_format_network(&text, &network->addr, network->prefix);
        if (buf_error(&text))
                w->out->error = buf_error(&text);
        else
                jsonwrite_string(w, key, text.data);
}

static void write_scopes(struct jsonwrite *w, unsigned scopes)
{
        for (unsigned bit = 0; bit < 8 * sizeof(scopes); bit++)
                if (scopes & 1U << bit && scope_name((enum scope)(1U << bit)))
                        jsonwrite_string(w, NULL, scope_name((enum scope)(1U << bit)));
}

static void write_process(struct jsonwrite *w, const struct process *process)
{
        jsonwrite_open(w, "process", '{');
        jsonwrite_int(w, "pid", process->pid);
        jsonwrite_uint(w, "start_ns", process->start_ns);
        jsonwrite_int(w, "exec_id", process->exec_id);
        jsonwrite_close(w, '}');
}

/* `key` is NULL in a list. */
static void write_value(struct jsonwrite *w, const char *key, enum criterion_kind kind, const union criterion_value *value)
{
        char scratch[4];

        switch (criterion_shape(kind)) {
        case SHAPE_NETWORK:
                write_network(w, key, &value->network);
                break;
        case SHAPE_SCOPES:
                write_scopes(w, value->number);
                break;
        case SHAPE_PORTS:
                write_ports(w, &value->ports);
                break;
        case SHAPE_PROTOCOL:
                jsonwrite_string(w, key, protocol_name((uint8_t)value->number, scratch));
                break;
        case SHAPE_ID:
                jsonwrite_int(w, key, value->number);
                break;
        case SHAPE_PATTERN:
        case SHAPE_HOST:
        case SHAPE_FILE:
                jsonwrite_string(w, key, value->text);
                break;
        case SHAPE_PROCESS: /* write_process() */
                break;
        }
}

/* Of these most rules name one, and then it stands alone. */
static bool may_stand_alone(enum criterion_kind kind)
{
        return kind == CRITERION_NETWORK || kind == CRITERION_PROTOCOL || kind == CRITERION_USER || kind == CRITERION_GROUP;
}

/* Texts that are no UTF-8 stand once more under "<key>_bytes", each as str_escape() writes it: JSON holds no other bytes. */
static void write_exact_texts(struct jsonwrite *w, const struct criterion *c)
{
        const union criterion_value *values = criterion_values(c);
        char key[32];
        bool exact = false;

        for (unsigned i = 0; i < c->n; i++)
                exact |= !str_is_utf8(values[i].text, strlen(values[i].text));
        if (!exact)
                return;
        snprintf(key, sizeof(key), "%s" BYTES_SUFFIX, criterion_name((enum criterion_kind)c->kind));
        jsonwrite_open(w, key, '[');
        for (unsigned i = 0; i < c->n; i++) {
                _cleanup_(buf_deinit) struct buf escaped = {};

                str_escape(&escaped, values[i].text);
                if (buf_error(&escaped))
                        w->out->error = buf_error(&escaped);
                else
                        jsonwrite_string(w, NULL, escaped.data);
        }
        jsonwrite_close(w, ']');
}

static void write_criterion(struct jsonwrite *w, const struct criterion *c)
{
        const union criterion_value *values = criterion_values(c);
        enum criterion_kind kind = (enum criterion_kind)c->kind;

        if (c->n == 1 && may_stand_alone(kind)) {
                write_value(w, criterion_name(kind), kind, values);
                return;
        }
        jsonwrite_open(w, criterion_name(kind), '[');
        for (unsigned i = 0; i < c->n; i++)
                write_value(w, NULL, kind, &values[i]);
        jsonwrite_close(w, ']');
        if (criterion_is_text(kind))
                write_exact_texts(w, c);
}

static void write_criteria(struct jsonwrite *w, const struct rule *rule, enum rulejson_form form)
{
        bool negated = false;

        write_subject(w, rule);
        for (unsigned i = 0; i < rule->n_criteria; i++) {
                const struct criterion *c = &rule->criteria[i];

                if (c->kind != CRITERION_PROCESS)
                        write_criterion(w, c);
                else if (form == RULEJSON_REPLY)
                        write_process(w, &c->one.process);
                negated |= c->negated;
        }
        if (!negated)
                return;
        jsonwrite_open(w, "not", '[');
        for (unsigned i = 0; i < rule->n_criteria; i++)
                if (rule->criteria[i].negated)
                        jsonwrite_string(w, NULL, criterion_name((enum criterion_kind)rule->criteria[i].kind));
        jsonwrite_close(w, ']');
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

void rulejson_write_ending(struct jsonwrite *w, enum lifetime lifetime, const struct ending *ending)
{
        if (lifetime != LIFETIME_UNTIL)
                return;
        if (ending->lasts > 0)
                jsonwrite_int(w, "seconds", ending->lasts);
        else
                jsonwrite_time(w, "until", ending->until);
}

/* Where it is in force, also by which clock: one that nobody sets, and the boot that it belongs to. */
static void write_lifetime(struct jsonwrite *w, const struct rule *rule, enum rulejson_form form)
{
        char boot[BOOT_ID_TEXT_MAX];

        if (form == RULEJSON_REPLY || rule->lifetime != LIFETIME_ALWAYS)
                jsonwrite_string(w, "lifetime", lifetime_name(rule->lifetime));
        rulejson_write_ending(w, rule->lifetime, &rule->ending);
        if (form == RULEJSON_REQUEST)
                return;
        if (boot_id_is_set(&rule->ending.boot))
                jsonwrite_string(w, "boot", boot_id_format(&rule->ending.boot, boot));
        if (rule->expires.ns != BOOTTIME_NEVER.ns && (form == RULEJSON_REPLY || boot_id_is_set(&rule->ending.boot)))
                jsonwrite_uint(w, "boottime_ns", rule->expires.ns);
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
        write_lifetime(w, rule, form);
        if (form == RULEJSON_REPLY || !enabled)
                jsonwrite_bool(w, "enabled", enabled);
        if (form == RULEJSON_REPLY || rule->priority != PRIORITY_DEFAULT)
                jsonwrite_int(w, "priority", rule->priority);
        write_criteria(w, rule, form);
        if (rule->note)
                jsonwrite_string(w, "note", rule->note);
        if (rule->created > 0 && form != RULEJSON_REQUEST)
                jsonwrite_time(w, "created", rule->created);
        if (rule->changed > 0 && form != RULEJSON_REQUEST)
                jsonwrite_time(w, "changed", rule->changed);
        if (form == RULEJSON_REPLY)
                jsonwrite_uint(w, "hits", rule->n_hits);
        jsonwrite_close(w, '}');
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* "network", "programs", "programs_bytes" */
static bool is_criterion(const char *key)
{
        enum criterion_kind kind;
        char name[32];
        size_t n = strlen(key);

        if (criterion_parse(key, &kind))
                return kind != CRITERION_PROCESS;
        if (!str_has_suffix(key, BYTES_SUFFIX) || n >= sizeof(name))
                return false;
        memcpy(name, key, n);
        name[n - strlen(BYTES_SUFFIX)] = 0;
        return criterion_parse(name, &kind) && criterion_is_text(kind);
}

static void check_fields(struct jsonread *r, const json_t *o, enum rulejson_form form)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)o, key, value) {
                bool known = false;

                for (size_t i = 0; i < ARRAY_SIZE(fields) && !known; i++)
                        known = fields[i].forms & form && strcmp(fields[i].key, key) == 0;
                known |= is_criterion(key);
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

void rulejson_read_ending(struct jsonread *r, const json_t *o, enum lifetime lifetime, struct ending *ret)
{
        const bool has_seconds = json_object_get(o, "seconds"), has_until = json_object_get(o, "until");

        if (lifetime != LIFETIME_UNTIL) {
                if (has_seconds || has_until)
                        jsonread_fail(r, has_seconds ? "seconds" : "until", "expected only where lifetime is until");
                return;
        }
        if (has_seconds == has_until)
                jsonread_fail(r, has_seconds ? "until" : "lifetime", "expected until, the time at which it ends, or instead of it in a request seconds");
        else if (has_seconds)
                ret->lasts = (uint32_t)jsonread_int(r, o, "seconds", 1, DURATION_MAX);
        else
                ret->until = jsonread_time_us(r, o, "until") / 1000000;
}

/* `boot` with `boottime_ns`, which holds in that boot whatever the wall clock says. A file that was written by hand may leave both out of a time. */
static void read_boot(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        const char *boot = jsonread_string_or(r, o, "boot", NULL);
        const bool timed = json_object_get(o, "boottime_ns");

        if (boot && !boot_id_parse(boot, &rule->ending.boot))
                jsonread_fail(r, "boot", "expected a boot_id as the kernel writes it");
        if (timed)
                rule->expires.ns = (uint64_t)jsonread_int(r, o, "boottime_ns", 1, INT64_MAX);
        if (form != RULEJSON_FILE)
                return;
        if (rule->lifetime == LIFETIME_REBOOT ? !boot || timed : rule->lifetime == LIFETIME_UNTIL ? !boot != !timed : boot || timed)
                jsonread_fail(r, timed ? "boottime_ns" : boot ? "boot" : "lifetime",
                              "expected boot and boottime_ns with lifetime until, boot with reboot, and neither with another");
}

static void read_lifetime(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        bool known = lifetime_parse(jsonread_string_or(r, o, "lifetime", "always"), &rule->lifetime);

        if (!known || (form != RULEJSON_REPLY && (rule->lifetime == LIFETIME_ONCE || rule->lifetime == LIFETIME_PROCESS)))
                jsonread_fail(r, "lifetime", "expected always, until, reboot or session");
        else if (form == RULEJSON_FILE && !lifetime_is_kept(rule->lifetime))
                jsonread_fail(r, "lifetime", "expected always, until or reboot: a file keeps nothing else");
        rulejson_read_ending(r, o, rule->lifetime, &rule->ending);
        read_boot(r, o, form, rule);
        rule->origin = lifetime_is_kept(rule->lifetime) ? ORIGIN_LIST : ORIGIN_SESSION;
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
        bool has_programs = json_object_get(o, "programs") || json_object_get(o, "programs_bytes");
        bool known = false;

        if ((word != NULL) + has_program + has_programs + has_name > 1)
                jsonread_fail(r, word ? "subject" : has_name ? "name" : "programs", "expected only one of program, programs, name and subject");
        if (has_programs)
                rule->subject = RULE_PROGRAMS; /* read_criteria() reads which */
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

static void read_port(struct jsonread *r, const json_t *value, size_t index, struct rule *rule)
{
        struct port_range range = { .first = 0 };
        const char *expected;

        if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= UINT16_MAX)
                range.first = range.last = (uint16_t)json_integer_value(value);
        else if (!json_is_string(value) || !ruletext_parse_port(json_string_value(value), &range, &expected))
                jsonread_fail_at(r, "ports", index, "expected a port 1..65535 or a range like \"8000-8999\"");
        if (!r->error && rule_add_ports(rule, range.first, range.last) < 0)
                jsonread_no_memory(r);
}

static void read_protocol(struct jsonread *r, const json_t *value, size_t index, struct rule *rule)
{
        uint8_t protocol = 0;

        if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= UINT8_MAX)
                protocol = (uint8_t)json_integer_value(value);
        else if (!json_is_string(value) || !protocol_parse(json_string_value(value), &protocol))
                jsonread_fail_at(r, "protocol", index, "expected a protocol's name or number 0..255");
        if (!r->error && rule_add_number(rule, CRITERION_PROTOCOL, protocol) < 0)
                jsonread_no_memory(r);
}

static void read_network(struct jsonread *r, const json_t *value, size_t index, struct rule *rule)
{
        const char *expected;
        struct addr addr;
        uint8_t prefix;

        if (!json_is_string(value) || !ruletext_parse_network(json_string_value(value), &addr, &prefix, &expected))
                jsonread_fail_at(r, "network", index, "expected an address or a network like 10.0.0.0/8 without bits beyond its prefix");
        else if (rule_add_network(rule, &addr, prefix) < 0)
                jsonread_no_memory(r);
}

static void read_scope(struct jsonread *r, const json_t *value, size_t index, struct rule *rule)
{
        enum scope scope;

        if (!json_is_string(value) || !scope_parse(json_string_value(value), &scope))
                jsonread_fail_at(r, "scopes", index, "expected loopback, lan, link, multicast, broadcast, internet or resolver");
        else if (rule_add_number(rule, CRITERION_SCOPE, scope) < 0)
                jsonread_no_memory(r);
}

/* -1 is nobody: only the daemon says it, of a factory rule for a user that this machine does not have. */
static void read_who(struct jsonread *r, enum criterion_kind kind, const json_t *value, size_t index, enum rulejson_form form, struct rule *rule)
{
        int64_t max = form == RULEJSON_REPLY ? UINT32_MAX : UINT32_MAX - 1;

        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
                jsonread_fail_at(r, criterion_name(kind), index, "expected a number 0..%lld", (long long)max);
        else if (rule_add_number(rule, kind, (uint32_t)json_integer_value(value)) < 0)
                jsonread_no_memory(r);
}

static void add_text(struct jsonread *r, enum criterion_kind kind, const char *text, size_t index, enum rulejson_form form, struct rule *rule)
{
        const char *expected = criterion_shape(kind) == SHAPE_FILE ? RULETEXT_LIST : pattern_check(text);
        char host[RULETEXT_HOST_MAX];
        int error;

        if (kind == CRITERION_HOST) {
                text = ruletext_parse_host(text, host, &expected) && (form != RULEJSON_REQUEST || ruletext_check_domain(host, &expected)) ? host : NULL;
        } else if (criterion_shape(kind) == SHAPE_PATTERN) {
                if (!expected && !*text)
                        expected = "at least one byte";
                if (!expected && criterion_is_path(kind) && text[0] != '/')
                        expected = "an absolute path, or a pattern for one";
                text = expected ? NULL : text;
        }
        error = text ? rule_add_text(rule, kind, text) : -EINVAL;
        if (error == -EINVAL)
                jsonread_fail_at(r, criterion_name(kind), index, "expected %s", expected);
        else if (error < 0)
                jsonread_no_memory(r);
}

static void read_text(struct jsonread *r, enum criterion_kind kind, const json_t *value, size_t index, bool exact, enum rulejson_form form,
                      struct rule *rule)
{
        _cleanup_(freep) char *bytes = NULL;

        if (!json_is_string(value)) {
                jsonread_fail_at(r, criterion_name(kind), index, "expected a string");
                return;
        }
        if (exact && !(bytes = jsonread_unescape(r, criterion_name(kind), json_string_value(value))))
                return;
        add_text(r, kind, exact ? bytes : json_string_value(value), index, form, rule);
}

static void read_value(struct jsonread *r, enum criterion_kind kind, const json_t *value, size_t index, bool exact, enum rulejson_form form,
                       struct rule *rule)
{
        switch (criterion_shape(kind)) {
        case SHAPE_PORTS:
                read_port(r, value, index, rule);
                break;
        case SHAPE_PROTOCOL:
                read_protocol(r, value, index, rule);
                break;
        case SHAPE_NETWORK:
                read_network(r, value, index, rule);
                break;
        case SHAPE_SCOPES:
                read_scope(r, value, index, rule);
                break;
        case SHAPE_ID:
                read_who(r, kind, value, index, form, rule);
                break;
        case SHAPE_PATTERN:
        case SHAPE_HOST:
        case SHAPE_FILE:
                read_text(r, kind, value, index, exact, form, rule);
                break;
        case SHAPE_PROCESS: /* read_process() */
                break;
        }
}

static void read_criterion(struct jsonread *r, const json_t *o, enum criterion_kind kind, enum rulejson_form form, struct rule *rule)
{
        const char *name = criterion_name(kind);
        const json_t *value = json_object_get(o, name), *exact = NULL;
        char key[32];

        if (criterion_is_text(kind)) {
                snprintf(key, sizeof(key), "%s" BYTES_SUFFIX, name);
                exact = json_object_get(o, key);
                value = exact ? exact : value;
        }
        if (!value)
                return;
        if (may_stand_alone(kind) && !json_is_array(value)) {
                read_value(r, kind, value, 0, false, form, rule);
                r->has_index = false;
                return;
        }
        if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > LIMIT_RULE_VALUES) {
                jsonread_fail(r, name, "expected a list of 1..%d", LIMIT_RULE_VALUES);
                return;
        }
        for (size_t i = 0; i < json_array_size(value) && !r->error; i++)
                read_value(r, kind, json_array_get(value, i), i, exact != NULL, form, rule);
}

static void read_negations(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *names = jsonread_array(r, o, "not");
        enum criterion_kind kind;

        for (size_t i = 0; i < json_array_size(names) && !r->error; i++) {
                const char *name = json_string_value(json_array_get(names, i));

                if (!name || !criterion_parse(name, &kind) || kind == CRITERION_PROCESS || !rule_criterion(rule, kind))
                        jsonread_fail_at(r, "not", i, "expected the name of a criterion that this rule has");
                else
                        rule_negate(rule, kind);
        }
}

static void read_criteria(struct jsonread *r, const json_t *o, enum rulejson_form form, struct rule *rule)
{
        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT && !r->error; kind++)
                if (kind != CRITERION_PROCESS)
                        read_criterion(r, o, (enum criterion_kind)kind, form, rule);
        read_negations(r, o, rule);
        if (!r->error && rule_settle_subject(rule) < 0)
                jsonread_no_memory(r);
}

static void read_process(struct jsonread *r, const json_t *o, struct rule *rule)
{
        const json_t *process = jsonread_object(r, o, "process");
        struct process of;

        if (!process)
                return;
        of.pid = (uint32_t)jsonread_int(r, process, "pid", 0, UINT32_MAX);
        of.start_ns = (uint64_t)jsonread_int(r, process, "start_ns", 0, INT64_MAX);
        of.exec_id = (uint32_t)jsonread_int(r, process, "exec_id", 0, UINT32_MAX);
        if (rule_set_process(rule, &of) < 0)
                jsonread_no_memory(r);
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
        check_fields(r, o, form);
        read_id(r, o, form, rule);
        if (!action_parse(jsonread_string(r, o, "action"), &rule->action))
                jsonread_fail(r, "action", "expected allow, deny or ask");
        read_lifetime(r, o, form, rule);
        rule->disabled = !jsonread_bool_or(r, o, "enabled", true);
        rule->priority = (int)jsonread_int_or(r, o, "priority", -PRIORITY_MAX, PRIORITY_MAX, PRIORITY_DEFAULT);
        read_subject(r, o, rule);
        read_criteria(r, o, form, rule);
        read_process(r, o, rule);
        read_note(r, o, rule);
        if (json_object_get(o, "created"))
                rule->created = jsonread_time_us(r, o, "created") / 1000000;
        if (json_object_get(o, "changed"))
                rule->changed = jsonread_time_us(r, o, "changed") / 1000000;
        if (form == RULEJSON_REPLY)
                rule->n_hits = (uint64_t)jsonread_int_or(r, o, "hits", 0, INT64_MAX, 0);
        return r->error ? NULL : TAKE_PTR(rule);
}
