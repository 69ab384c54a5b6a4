/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "wire/dropins.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
/* ---- names ---------------------------------------------------------------------------------------------------------- */

bool dropin_is_meant(const char *name)
{
        return name[0] != '.' && str_has_suffix(name, ".rules");
}

bool dropin_name_is_good(const char *name)
{
        static const char GOOD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+@-";
        size_t n = strlen(name);

        return dropin_is_meant(name) && n <= LIMIT_DROPIN_NAME && strspn(name, GOOD) == n;
}

int dropin_names_add(struct dropin_names *names, const char *name)
{
        size_t at = names->n;
        char *copy;

        if (!dropin_is_meant(name))
                return 0;
        while (at > 0 && strcmp(names->names[at - 1], name) > 0)
                at--;
        if (names->n == LIMIT_DROPINS)
                names->n_more++;
        if (at == LIMIT_DROPINS)
                return 0;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        if (names->n == LIMIT_DROPINS)
                free(names->names[--names->n]);
        memmove(&names->names[at + 1], &names->names[at], (names->n - at) * sizeof(names->names[0]));
        names->names[at] = copy;
        names->n++;
        return 0;
}

void dropin_names_deinit(struct dropin_names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        names->n = 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

void dropins_deinit(struct dropins *dropins)
{
        for (size_t i = 0; i < dropins->n; i++) {
                free(dropins->files[i].name);
                free(dropins->files[i].text);
        }
        free(dropins->files);
        *dropins = (struct dropins){ 0 };
}

int dropins_append(struct dropins *dropins, char *name, char *text, size_t n)
{
        struct dropin *more = name && text ? realloc(dropins->files, (dropins->n + 1) * sizeof(*more)) : NULL;

        if (!more) {
                free(name);
                free(text);
                return -ENOMEM;
        }
        dropins->files = more;
        dropins->files[dropins->n++] = (struct dropin){ .name = name, .text = text, .n = n };
        dropins->n_bytes += n;
        return 0;
}

const struct dropin *dropins_find(const struct dropins *dropins, const char *name, size_t n_name)
{
        for (size_t i = 0; i < dropins->n; i++)
                if (strlen(dropins->files[i].name) == n_name && memcmp(dropins->files[i].name, name, n_name) == 0)
                        return &dropins->files[i];
        return NULL;
}

const struct dropin *dropins_find_rule(const struct dropins *dropins, const char *id, unsigned *ret_line)
{
        const char *colon = strchr(id, ':');
        const struct dropin *file = colon ? dropins_find(dropins, id, (size_t)(colon - id)) : NULL;

        if (file)
                *ret_line = rulefile_dropin_line(file->text, file->n, colon + 1);
        return file;
}

/* ---- rules ---------------------------------------------------------------------------------------------------------------- */

int dropin_check(const char *name, const char *text, size_t n, sentence_name_fn names, void *userdata, size_t *ret_rules,
                 struct file_error *ret_error)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        int r = set ? rulefile_parse_dropin(text, n, name, false, names, userdata, set, ret_error) : -ENOMEM;

        if (r == 0)
                *ret_rules = ruleset_count(set);
        return r;
}

int dropin_add_rules(const char *name, const char *text, size_t n, size_t n_rules, sentence_name_fn names, void *userdata,
                     struct ruleset *set, size_t *ret_replaced, struct file_error *ret_error)
{
        const size_t before = ruleset_count(set);
        int r;

        if (before + n_rules > LIMIT_RULES) {
                *ret_error = (struct file_error){ 0 };
                snprintf(ret_error->text, sizeof(ret_error->text), "with these there would be more than %d rules", LIMIT_RULES);
                return RULEFILE_E_VALUE;
        }
        r = rulefile_parse_dropin(text, n, name, true, names, userdata, set, ret_error);
        if (r != 0)
                return -ENOMEM; /* nothing else can be wrong with it */
        *ret_replaced = before + n_rules - ruleset_count(set);
        return 0;
}

/* ---- the copy ------------------------------------------------------------------------------------------------------------ */

void dropins_format(const struct dropins *dropins, struct buf *out)
{
        for (size_t i = 0; i < dropins->n; i++) {
                buf_printf(out, "%s %zu\n", dropins->files[i].name, dropins->files[i].n);
                buf_append(out, dropins->files[i].text, dropins->files[i].n);
                buf_putc(out, '\n');
        }
}

/* "NAME BYTES" of a line without its newline. */
static bool parse_heading(const char *line, size_t n, char name[LIMIT_DROPIN_NAME + 1], uint64_t *ret_n)
{
        const char *blank = memchr(line, ' ', n);
        char digits[16];
        size_t n_name = blank ? (size_t)(blank - line) : 0, n_digits = blank ? n - n_name - 1 : 0;

        if (!blank || n_name > LIMIT_DROPIN_NAME || n_digits >= sizeof(digits))
                return false;
        memcpy(name, line, n_name);
        name[n_name] = '\0';
        memcpy(digits, blank + 1, n_digits);
        digits[n_digits] = '\0';
        return strlen(name) == n_name && dropin_name_is_good(name) && str_parse_u64(digits, LIMIT_DROPIN_BYTES, ret_n);
}

/* Terminated, and with whatever bytes there are. */
static char *copy_text(const char *text, size_t n)
{
        char *copy = malloc(n + 1);

        if (!copy)
                return NULL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        return copy;
}

static int parse_all(const char *data, size_t n, struct dropins *into)
{
        char name[LIMIT_DROPIN_NAME + 1];
        uint64_t n_text;

        for (size_t at = 0; at < n;) {
                const char *newline = memchr(data + at, '\n', n - at);
                size_t start = newline ? (size_t)(newline - data) + 1 : n;
                int r;

                if (!newline || !parse_heading(data + at, start - 1 - at, name, &n_text))
                        return DROPINS_E_SYNTAX;
                if (n_text >= n - start || data[start + n_text] != '\n')
                        return DROPINS_E_SYNTAX;
                if (into->n == LIMIT_DROPINS || into->n_bytes + n_text > LIMIT_DROPIN_BYTES)
                        return DROPINS_E_SYNTAX;
                if (into->n > 0 && strcmp(into->files[into->n - 1].name, name) >= 0)
                        return DROPINS_E_SYNTAX;
                r = dropins_append(into, strdup(name), copy_text(data + start, n_text), n_text);
                if (r < 0)
                        return r;
                at = start + n_text + 1;
        }
        return 0;
}

int dropins_parse(const char *data, size_t n, struct dropins *ret)
{
        struct dropins dropins = { 0 };
        int r = parse_all(data, n, &dropins);

        if (r == 0)
                *ret = dropins;
        else
                dropins_deinit(&dropins);
        return r;
}
