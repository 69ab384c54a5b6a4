/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.json has two readers: Bastion, and old panels and scripts that know only the flat entries. So the flat entries stay where they are,
 * the rest of the file is carried along as it came, and "rules" holds what the flat form cannot say. Reading is strict about everything
 * that looks like a rule and refuses the whole file with a position: half a rule set is worse than the last good one. Values that
 * cannot be written as JSON text (paths that are no UTF-8) go to the list, which has a field for exact bytes.
 */
#include "wire/rulefile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/jsonpos.h"
#include "wire/jsonread.h"
#include "wire/jsonwrite.h"
#include "wire/rulejson.h"

enum { VERSION = 2 };

struct source {
        const char *data;
        size_t n;
        const struct clocks *now; /* or NULL */
        struct rulefile_rest *rest;
        struct file_error *error;
};

void rulefile_rest_deinit(struct rulefile_rest *rest)
{
        free(rest->json);
        rest->json = NULL;
}

static int _printf_(5, 6) refuse(const struct source *source, const struct jsonpos_step *path, size_t n_path, bool at_key,
                                 const char *format, ...)
{
        struct jsonpos key, value;
        va_list ap;

        jsonpos_find(source->data, source->n, path, n_path, &key, &value);
        *source->error = (struct file_error){ .line = at_key ? key.line : value.line, .column = at_key ? key.column : value.column };
        va_start(ap, format);
        vsnprintf(source->error->text, sizeof(source->error->text), format, ap);
        va_end(ap);
        return RULEFILE_E_VALUE;
}

/* ---- flat entries ----------------------------------------------------------------------------------------------- */

static int add_flat(const struct source *source, const char *key, struct rule **rule, struct ruleset *set)
{
        const struct jsonpos_step path = { .key = key };
        int error;

        error = ruleset_add(set, *rule);
        if (error == RULESET_E_FULL)
                return refuse(source, &path, 1, true, "more than %d rules", LIMIT_RULES);
        if (error > 0)
                return refuse(source, &path, 1, true, "another rule has this id already");
        if (!error)
                *rule = NULL;
        return error;
}

static int parse_flat(const struct source *source, const char *key, const json_t *value, struct ruleset *set)
{
        const struct jsonpos_step path = { .key = key };
        _cleanup_(rule_freep) struct rule *rule = NULL;
        const char *expected = NULL;
        int error;

        error = rule_from_flat_key(key, json_is_true(value), &rule, &expected);
        if (error == -ENOMEM)
                return error;
        if (error)
                return refuse(source, &path, 1, true, "expected %s", expected ? expected : "<subject>:<port>");
        if (!json_is_boolean(value))
                return refuse(source, &path, 1, false, "expected true or false");
        rule->origin = ORIGIN_FLAT;
        return add_flat(source, key, &rule, set);
}

/* True for keys that can only have been meant as a rule. */
static bool looks_flat(const char *key)
{
        return key[0] == '/' || key[0] == '@' || str_has_prefix(key, "unknown:");
}

/* ---- the list --------------------------------------------------------------------------------------------------- */

static int refuse_element(const struct source *source, size_t index, const struct jsonread *r)
{
        struct jsonpos_step path[4] = { { .key = "rules" }, { .index = index }, { .key = r->key }, { .index = r->index } };
        size_t n = r->key[0] == 0 ? 2 : r->has_index ? 4 : 3;

        return refuse(source, path, n, false, "%s%s%s", r->key, r->key[0] ? ": " : "", r->expected);
}

static int add_listed(const struct source *source, size_t index, struct rule **rule, struct ruleset *set)
{
        const struct jsonpos_step path[2] = { { .key = "rules" }, { .index = index } };
        size_t before = ruleset_count(set);
        int error;

        error = ruleset_add(set, *rule);
        if (error == RULESET_E_FULL)
                return refuse(source, path, 2, false, "more than %d rules", LIMIT_RULES);
        if (error > 0)
                return refuse(source, path, 2, false, "another rule has this id already");
        if (error)
                return error;
        *rule = NULL;
        if (ruleset_count(set) == before)
                return refuse(source, path, 2, false, "an earlier rule has the same criteria");
        return 0;
}

/* False: its time is over. */
static bool begin(const struct source *source, struct rule *rule)
{
        const struct boot_id before = rule->ending.boot;

        if (!source->now)
                return true;
        if (!rule_begin(rule, source->now)) {
                source->rest->n_ended++;
                return false;
        }
        source->rest->n_begun += memcmp(&before, &rule->ending.boot, sizeof(before)) != 0;
        return true;
}

static int parse_list(const struct source *source, const json_t *list, struct ruleset *set)
{
        const struct jsonpos_step path = { .key = "rules" };
        const json_t *element;
        size_t i;

        if (!json_is_array(list))
                return refuse(source, &path, 1, false, "expected a list of rules: […]");
        json_array_foreach((json_t *)list, i, element) {
                _cleanup_(rule_freep) struct rule *rule = NULL;
                struct jsonread r = {};
                int error;

                rule = rulejson_read(&r, element, RULEJSON_FILE);
                if (r.error)
                        return r.error < 0 ? r.error : refuse_element(source, i, &r);
                error = begin(source, rule) ? add_listed(source, i, &rule, set) : 0;
                if (error)
                        return error;
        }
        return 0;
}

static int check_version(const struct source *source, const json_t *version)
{
        const struct jsonpos_step path = { .key = "version" };

        if (!json_is_integer(version) || json_integer_value(version) < 1 || json_integer_value(version) > VERSION)
                return refuse(source, &path, 1, false, "expected version 1 or %d; a newer file may say what this program cannot read",
                              VERSION);
        return 0;
}

/* What is no flat entry. */
static int parse_other(const struct source *source, const char *key, json_t *value, struct ruleset *set, json_t *rest)
{
        if (strcmp(key, "version") == 0)
                return check_version(source, value);
        if (strcmp(key, "rules") == 0)
                return parse_list(source, value, set);
        return json_object_set(rest, key, value) < 0 ? -ENOMEM : 0;
}

static bool is_flat(const char *key, const json_t *value)
{
        if (strcmp(key, "version") == 0 || strcmp(key, "rules") == 0)
                return false;
        return json_is_boolean(value) || looks_flat(key);
}

/*
 * Old files can say the same twice, "/x:0" (an ICMP answer) beside "/x:*", and even contradict themselves. The later rule replaces the
 * earlier, so those that deny come last: on a tie deny wins, in whatever order the file has them.
 */
static int parse_entries(const struct source *source, json_t *root, struct ruleset *set, json_t *rest)
{
        for (int pass = 0; pass < 3; pass++) {
                const char *key;
                json_t *value;

                json_object_foreach(root, key, value) {
                        int due = !is_flat(key, value) ? 2 : json_is_false(value) ? 1 : 0, error = 0;

                        if (due == pass)
                                error = due == 2 ? parse_other(source, key, value, set, rest) : parse_flat(source, key, value, set);
                        if (error)
                                return error;
                }
        }
        return 0;
}

int rulefile_parse(const char *data, size_t n, const struct clocks *now, struct ruleset *set, struct rulefile_rest *ret_rest,
                   struct file_error *ret_error)
{
        struct rulefile_rest found = { 0 };
        const struct source source = { .data = data, .n = n, .now = now, .rest = &found, .error = ret_error };
        _cleanup_(json_decrefp) json_t *root = NULL, *rest = NULL;
        int error;

        if (n > LIMIT_RULE_FILE) {
                *ret_error = (struct file_error){};
                snprintf(ret_error->text, sizeof(ret_error->text), "more than %d bytes", LIMIT_RULE_FILE);
                return RULEFILE_E_SYNTAX;
        }
        error = jsonread_load(data, n, &root, ret_error);
        if (error)
                return error < 0 ? error : RULEFILE_E_SYNTAX;
        rest = json_object();
        if (!rest)
                return -ENOMEM;
        error = parse_entries(&source, root, set, rest);
        if (error)
                return error;
        if (json_object_size(rest) > 0 && !(found.json = json_dumps(rest, JSON_COMPACT)))
                return -ENOMEM;
        *ret_rest = found;
        return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

struct flat {
        char *key;
        bool allow;
};

/* What will be written, taken from the set by reference. */
struct content {
        struct flat *flat;
        size_t n_flat;
        const struct rule **list;
        size_t n_list;
};

static void content_deinit(struct content *c)
{
        for (size_t i = 0; i < c->n_flat; i++)
                free(c->flat[i].key);
        free(c->flat);
        free(c->list);
}

static int compare_flat(const void *a, const void *b)
{
        return strcmp(((const struct flat *)a)->key, ((const struct flat *)b)->key);
}

/* A flat entry by its key; a rule that changed into something the flat form cannot say (or JSON: no UTF-8) goes to the list. */
static int sort_out(struct content *c, const struct rule *rule)
{
        char *key;

        if (rule->origin == ORIGIN_LIST) {
                c->list[c->n_list++] = rule;
                return 0;
        }
        key = rule_flat_key(rule);
        if (!key && errno == ENOMEM)
                return -ENOMEM;
        if (!key || !str_is_utf8(key, strlen(key)) || rule->disabled) {
                free(key);
                c->list[c->n_list++] = rule;
                return 0;
        }
        c->flat[c->n_flat++] = (struct flat){ .key = key, .allow = rule->action == ACTION_ALLOW };
        return 0;
}

static int collect(const struct ruleset *set, struct content *c)
{
        size_t n = ruleset_count(set) + 1;

        c->flat = calloc(n, sizeof(*c->flat));
        c->list = calloc(n, sizeof(*c->list));
        if (!c->flat || !c->list)
                return -ENOMEM;
        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r)) {
                int error = r->origin == ORIGIN_FLAT || r->origin == ORIGIN_LIST ? sort_out(c, r) : 0;

                if (error)
                        return error;
        }
        qsort(c->flat, c->n_flat, sizeof(c->flat[0]), compare_flat);
        return 0;
}

static int append_chunk(const char *data, size_t n, void *userdata)
{
        struct buf *out = userdata;

        buf_append(out, data, n);
        return buf_error(out) ? -1 : 0;
}

/* One preserved value behind its key, as it came. */
static void put_value(struct jsonwrite *w, const char *key, const json_t *value)
{
        jsonwrite_string(w, NULL, key);
        buf_puts(w->out, ": ");
        if (json_dump_callback(value, append_chunk, w->out, JSON_ENCODE_ANY) < 0 && !buf_error(w->out))
                w->out->error = -ENOMEM;
}

/* Each entry begins its own line; the comma belongs to the line before. */
static void begin_line(struct jsonwrite *w)
{
        buf_puts(w->out, w->comma ? ",\n  " : "\n  ");
        w->comma = false;
}

/* Old readers expect these two, empty as they are. */
static const char *const always[] = { "applications", "services" };

int rulefile_rest_keys(const struct rulefile_rest *rest, void (*each)(void *userdata, const char *key), void *userdata)
{
        _cleanup_(json_decrefp) json_t *kept = rest->json ? json_loads(rest->json, 0, NULL) : NULL;
        const char *key;
        json_t *value;

        if (rest->json && !kept)
                return -ENOMEM;
        json_object_foreach(kept, key, value)
                if (strcmp(key, always[0]) != 0 && strcmp(key, always[1]) != 0)
                        each(userdata, key);
        return 0;
}

static void put_rest(struct jsonwrite *w, const json_t *rest)
{
        const char *key;
        json_t *value;

        for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
                const json_t *kept = rest ? json_object_get(rest, always[i]) : NULL;

                begin_line(w);
                if (kept)
                        put_value(w, always[i], kept);
                else
                        buf_printf(w->out, "\"%s\": {}", always[i]);
                w->comma = true;
        }
        if (!rest)
                return;
        json_object_foreach((json_t *)rest, key, value) {
                if (strcmp(key, always[0]) == 0 || strcmp(key, always[1]) == 0)
                        continue;
                begin_line(w);
                put_value(w, key, value);
        }
}

static void put_list(struct jsonwrite *w, const struct content *c)
{
        const char *separator = "\n    ";

        if (c->n_list == 0)
                return;
        begin_line(w);
        jsonwrite_int(w, "version", VERSION);
        begin_line(w);
        buf_puts(w->out, "\"rules\": [");
        for (size_t i = 0; i < c->n_list; i++) {
                struct rule copy = *c->list[i];

                /* A flat rule in the list is there because JSON text cannot hold its key, or would lose what was added to it. */
                if (copy.origin == ORIGIN_FLAT)
                        copy.id = NULL;
                buf_puts(w->out, separator);
                w->comma = false;
                rulejson_write(w, NULL, &copy, RULEJSON_FILE, !copy.disabled);
                separator = ",\n    ";
        }
        buf_puts(w->out, "\n  ]");
        w->comma = true;
}

int rulefile_format(const struct ruleset *set, const struct rulefile_rest *rest, struct buf *out)
{
        struct jsonwrite w = { .out = out, .spaced = true };
        _cleanup_(content_deinit) struct content content = {};
        _cleanup_(json_decrefp) json_t *kept = NULL;
        int error;

        error = collect(set, &content);
        if (error)
                return error;
        if (rest && rest->json && !(kept = json_loads(rest->json, 0, NULL)))
                return -ENOMEM; /* we wrote this text: nothing else can be wrong with it */
        buf_putc(out, '{');
        put_rest(&w, kept);
        for (size_t i = 0; i < content.n_flat; i++) {
                begin_line(&w);
                jsonwrite_bool(&w, content.flat[i].key, content.flat[i].allow);
        }
        put_list(&w, &content);
        buf_puts(out, "\n}\n");
        return buf_error(out);
}
