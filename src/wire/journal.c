/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "wire/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/journal-shape.h"

/* ---- one change ------------------------------------------------------------------------------------------------------ */

static void forget_changes(struct journal_entry *e)
{
        for (size_t i = 0; i < e->n_changes; i++) {
                rule_free(e->changes[i].before);
                rule_free(e->changes[i].after);
        }
        free(e->changes);
        e->changes = NULL;
        e->n_changes = 0;
}

void journal_entry_deinit(struct journal_entry *e)
{
        forget_changes(e);
        free(e->program);
        *e = (struct journal_entry){ 0 };
}

/* Takes both rules. */
static int append_change(struct journal_entry *e, struct rule *before, struct rule *after)
{
        struct journal_change *more = realloc(e->changes, (e->n_changes + 1) * sizeof(*more));

        if (!more) {
                rule_free(before);
                rule_free(after);
                return -ENOMEM;
        }
        e->changes = more;
        e->changes[e->n_changes++] = (struct journal_change){ .before = before, .after = after };
        return 0;
}

bool journal_entry_is_full(const struct journal_entry *e)
{
        return e->n_added + e->n_deleted + e->n_replaced >= LIMIT_JOURNAL_RULES;
}

int journal_entry_count(struct journal_entry *e, const struct rule *before, const struct rule *after)
{
        e->n_added += !before;
        e->n_deleted += !after;
        e->n_replaced += before && after;
        e->whole = false;
        forget_changes(e);
        return 0;
}

int journal_entry_add(struct journal_entry *e, struct rule *before, struct rule *after)
{
        int r;

        if (journal_entry_is_full(e)) {
                journal_entry_count(e, before, after);
                rule_free(before);
                rule_free(after);
                return 0;
        }
        r = append_change(e, before, after);
        if (r < 0)
                return r;
        e->n_added += !before;
        e->n_deleted += !after;
        e->n_replaced += before && after;
        e->whole = true;
        return 0;
}

static bool same_text(const char *a, const char *b)
{
        return !a || !b ? a == b : strcmp(a, b) == 0;
}

bool journal_same_rule(const struct rule *a, const struct rule *b)
{
        return a->action == b->action && a->disabled == b->disabled && a->lifetime == b->lifetime && a->priority == b->priority &&
               a->ending.until == b->ending.until && a->ending.lasts == b->ending.lasts &&
               same_text(a->id, b->id) && same_text(a->note, b->note) && rule_same_criteria(a, b);
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------------ */

static void write_rule(struct jsonwrite *w, const char *key, const struct rule *rule, enum rulejson_form form)
{
        if (rule)
                rulejson_write(w, key, rule, form, !rule->disabled);
}

void journal_write_fields(struct jsonwrite *w, const struct journal_entry *e, enum rulejson_form form, size_t max_rules)
{
        jsonwrite_uint(w, "change", e->number);
        jsonwrite_time_us(w, "time", e->time_us);
        jsonwrite_string(w, "by", e->by_file ? "file" : "client");
        if (!e->by_file) {
                jsonwrite_int(w, "uid", e->uid);
                jsonwrite_int(w, "pid", e->pid);
                if (e->program)
                        jsonwrite_bytes(w, "program", e->program);
        }
        if (e->undoes)
                jsonwrite_uint(w, "undoes", e->undoes);
        if (e->undone_by && form == RULEJSON_REPLY)
                jsonwrite_uint(w, "undone_by", e->undone_by);
        jsonwrite_uint(w, "added", e->n_added);
        jsonwrite_uint(w, "deleted", e->n_deleted);
        jsonwrite_uint(w, "replaced", e->n_replaced);
        if (!e->whole)
                return;
        jsonwrite_open(w, "rules", '[');
        for (size_t i = 0; i < e->n_changes && i < max_rules; i++) {
                jsonwrite_open(w, NULL, '{');
                write_rule(w, "before", e->changes[i].before, form);
                write_rule(w, "after", e->changes[i].after, form);
                jsonwrite_close(w, '}');
        }
        jsonwrite_close(w, ']');
}

/* A flat entry is one again: its id is its key. */
static int choose_origin(struct rule *rule)
{
        _cleanup_(freep) char *key = rule->disabled ? NULL : rule_flat_key(rule);

        if (!key && !rule->disabled && errno == ENOMEM)
                return -ENOMEM;
        if (key && strcmp(key, rule->id) == 0)
                rule->origin = ORIGIN_FLAT;
        return 0;
}

/* NULL where absent, or on failure. */
static struct rule *read_rule(struct jsonread *r, const json_t *o, const char *key, enum rulejson_form form)
{
        const json_t *object = jsonread_object(r, o, key);
        _cleanup_(rule_freep) struct rule *rule = NULL;

        if (!object || r->error)
                return NULL;
        rule = rulejson_read(r, object, form);
        if (!rule)
                return NULL;
        if (!rule->id)
                jsonread_fail(r, key, "expected a rule with an id");
        else if (form == RULEJSON_FILE && choose_origin(rule) < 0)
                jsonread_no_memory(r);
        return r->error ? NULL : TAKE_PTR(rule);
}

static void read_change(struct jsonread *r, const json_t *o, enum rulejson_form form, struct journal_entry *e)
{
        struct rule *before = NULL, *after = NULL;

        if (!json_is_object(o)) {
                jsonread_fail(r, "rules", "expected a list of objects");
                return;
        }
        before = read_rule(r, o, "before", form);
        after = read_rule(r, o, "after", form);
        if (!r->error && !before && !after)
                jsonread_fail(r, "rules", "expected a rule before or after");
        if (append_change(e, before, after) < 0)
                jsonread_no_memory(r);
}

static void read_author(struct jsonread *r, const json_t *o, struct journal_entry *e)
{
        const char *by = jsonread_string(r, o, "by");

        e->by_file = strcmp(by, "file") == 0;
        if (e->by_file)
                return;
        if (strcmp(by, "client") != 0)
                jsonread_fail(r, "by", "expected file or client");
        e->uid = (uint32_t)jsonread_int(r, o, "uid", 0, UINT32_MAX);
        e->pid = (uint32_t)jsonread_int(r, o, "pid", 0, UINT32_MAX);
        e->program = jsonread_bytes(r, o, "program");
}

void journal_read_fields(struct jsonread *r, const json_t *o, enum rulejson_form form, struct journal_entry *ret)
{
        const json_t *rules = jsonread_array(r, o, "rules");

        ret->number = (uint64_t)jsonread_int(r, o, "change", 1, INT64_MAX);
        ret->time_us = jsonread_time_us(r, o, "time");
        read_author(r, o, ret);
        ret->undoes = (uint64_t)jsonread_int_or(r, o, "undoes", 1, (int64_t)ret->number - 1, 0);
        if (form == RULEJSON_REPLY)
                ret->undone_by = (uint64_t)jsonread_int_or(r, o, "undone_by", 1, INT64_MAX, 0);
        ret->n_added = (uint64_t)jsonread_int(r, o, "added", 0, INT32_MAX);
        ret->n_deleted = (uint64_t)jsonread_int(r, o, "deleted", 0, INT32_MAX);
        ret->n_replaced = (uint64_t)jsonread_int(r, o, "replaced", 0, INT32_MAX);
        ret->whole = rules != NULL;
        if (json_array_size(rules) > LIMIT_JOURNAL_RULES)
                jsonread_fail(r, "rules", "expected at most %d", LIMIT_JOURNAL_RULES);
        for (size_t i = 0; i < json_array_size(rules) && !r->error; i++)
                read_change(r, json_array_get(rules, i), form, ret);
        if (!r->error && ret->whole && form == RULEJSON_FILE && ret->n_changes != ret->n_added + ret->n_deleted + ret->n_replaced)
                jsonread_fail(r, "rules", "expected as many as were added, deleted and replaced");
}

void journal_format_line(const struct journal_entry *e, struct buf *out)
{
        _cleanup_(buf_deinit) struct buf line = { .max = LIMIT_JOURNAL_LINE };
        struct jsonwrite w = { .out = &line };
        struct journal_entry counts = *e;

        jsonwrite_open(&w, NULL, '{');
        journal_write_fields(&w, e, RULEJSON_FILE, LIMIT_JOURNAL_RULES);
        jsonwrite_close(&w, '}');
        if (buf_error(&line) == -E2BIG) {
                counts.whole = false;
                buf_reset(&line);
                w = (struct jsonwrite){ .out = &line };
                jsonwrite_open(&w, NULL, '{');
                journal_write_fields(&w, &counts, RULEJSON_FILE, 0);
                jsonwrite_close(&w, '}');
        }
        if (buf_error(&line) < 0) {
                out->error = buf_error(&line);
                return;
        }
        buf_append(out, line.data, line.n);
        buf_putc(out, '\n');
}

int journal_parse_line(const char *line, size_t n, struct journal_entry *ret)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { 0 };
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct file_error syntax;
        struct jsonread r = { 0 };
        int error = n > LIMIT_JOURNAL_LINE ? JOURNAL_E_SYNTAX : jsonread_load(line, n, &root, &syntax);

        if (error)
                return error < 0 ? error : JOURNAL_E_SYNTAX;
        journal_read_fields(&r, root, RULEJSON_FILE, &e);
        if (r.error)
                return r.error < 0 ? r.error : JOURNAL_E_SYNTAX;
        *ret = e;
        e = (struct journal_entry){ 0 };
        return 0;
}

/* ---- all that are kept ----------------------------------------------------------------------------------------------------- */

static void drop_first(struct journal *j, size_t n)
{
        if (n == 0)
                return;
        for (size_t i = 0; i < n; i++) {
                j->n_bytes -= j->lines[i].n;
                free(j->lines[i].text);
        }
        j->n -= n;
        memmove(j->lines, j->lines + n, j->n * sizeof(j->lines[0]));
}

void journal_deinit(struct journal *j)
{
        drop_first(j, j->n);
        free(j->lines);
        *j = (struct journal){ 0 };
}

/* Takes `text`, also on failure. */
static int keep_line(struct journal *j, const struct journal_entry *e, char *text, size_t n)
{
        struct journal_line *more = text ? realloc(j->lines, (j->n + 1) * sizeof(*more)) : NULL;

        if (!more) {
                free(text);
                return -ENOMEM;
        }
        j->lines = more;
        j->lines[j->n++] = (struct journal_line){ .number = e->number, .undoes = e->undoes, .text = text, .n = n };
        j->n_bytes += n;
        j->last_number = e->number;
        return 0;
}

/* True when the older half went. */
static bool rotate(struct journal *j)
{
        size_t n = 0, n_bytes = 0;

        if (j->n <= LIMIT_JOURNAL_CHANGES && j->n_bytes <= LIMIT_JOURNAL_BYTES)
                return false;
        while (j->n - n > LIMIT_JOURNAL_CHANGES / 2 || j->n_bytes - n_bytes > LIMIT_JOURNAL_BYTES / 2)
                n_bytes += j->lines[n++].n;
        drop_first(j, n);
        return true;
}

/* `n` bytes with their newline. */
static int load_line(struct journal *j, const char *line, size_t n, struct journal_damage *damage)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { 0 };
        int r = journal_parse_line(line, n - 1, &e);

        if (r == 0 && e.number > j->last_number)
                return keep_line(j, &e, strndup(line, n), n);
        if (r >= 0)
                damage->n_lines++;
        return r < 0 ? r : 0;
}

int journal_load(struct journal *j, const char *data, size_t n, struct journal_damage *ret)
{
        struct journal_damage damage = { 0 };
        size_t at = 0;

        while (at < n) {
                const char *newline = memchr(data + at, '\n', n - at);
                size_t n_line = newline ? (size_t)(newline - (data + at)) + 1 : n - at;
                int r = newline ? load_line(j, data + at, n_line, &damage) : 0;

                if (r < 0)
                        return r;
                damage.half |= !newline;
                at += n_line;
        }
        rotate(j);
        *ret = damage;
        return 0;
}

int journal_append(struct journal *j, struct journal_entry *e, bool *ret_rotated)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        size_t n;
        int r;

        e->number = j->last_number + 1;
        journal_format_line(e, &line);
        r = buf_error(&line);
        if (r < 0)
                return r;
        n = line.n;
        r = keep_line(j, e, buf_take(&line), n);
        if (r < 0)
                return r;
        *ret_rotated = rotate(j);
        return 0;
}

void journal_format(const struct journal *j, struct buf *out)
{
        for (size_t i = 0; i < j->n; i++)
                buf_append(out, j->lines[i].text, j->lines[i].n);
}

const struct journal_line *journal_find(const struct journal *j, uint64_t number)
{
        for (size_t i = j->n; i-- > 0;)
                if (j->lines[i].number == number)
                        return &j->lines[i];
        return NULL;
}

uint64_t journal_undone_by(const struct journal *j, uint64_t number)
{
        /* The last that undoes it, if that one stands: what undid it before was undone, or this one could not have been. */
        for (size_t i = j->n; i-- > 0 && j->lines[i].number > number;)
                if (j->lines[i].undoes == number)
                        return journal_undone_by(j, j->lines[i].number) ? 0 : j->lines[i].number;
        return 0;
}

uint64_t journal_last_to_undo(const struct journal *j)
{
        for (size_t i = j->n; i-- > 0;)
                if (!j->lines[i].undoes && !journal_undone_by(j, j->lines[i].number))
                        return j->lines[i].number;
        return 0;
}

uint64_t journal_changed_since(const struct journal *j, uint64_t number, const char *id)
{
        _cleanup_(buf_deinit) struct buf needle = { 0 };
        struct jsonwrite w = { .out = &needle };

        /* As the line was written: that field and no other begins so. */
        jsonwrite_bytes(&w, "id", id);
        if (buf_error(&needle) < 0)
                return 0;
        for (size_t i = j->n; i-- > 0 && j->lines[i].number > number;)
                if (memmem(j->lines[i].text, j->lines[i].n, needle.data, needle.n))
                        return j->lines[i].number;
        return 0;
}
