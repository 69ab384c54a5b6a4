/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file of sentences: what ships as "always fine" and what an administrator writes by hand. Line by line, because each line is
 * a rule of its own that a person can read, comment out and find again by the line of an error. A rule of the administrator's is named after
 * its place, which is where it can be changed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/rulefile.h"

struct line {
        const char *text;
        size_t n;
        unsigned number;
        bool replacing; /* rules of the same criteria in the set are those of other files */
        struct file_error *error;
};

/* `at` in bytes; columns count characters. */
static int refuse(const struct line *line, size_t at, const char *text)
{
        unsigned column = 1;

        for (size_t i = 0; i < at && i < line->n; i++)
                column += ((unsigned char)line->text[i] & 0xc0) != 0x80;
        *line->error = (struct file_error){ .line = line->number, .column = column };
        snprintf(line->error->text, sizeof(line->error->text), "%s", text);
        return RULEFILE_E_VALUE;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

/* The id in front, "factory:lan:"; returns where the sentence begins. */
static size_t split_id(const struct line *line, size_t start, size_t *ret_id_n)
{
        size_t end = start;

        while (end < line->n && !is_blank(line->text[end]))
                end++;
        if (end == start || line->text[end - 1] != ':' || line->text[start] == '/') {
                *ret_id_n = 0;
                return start;
        }
        *ret_id_n = end - start - 1;
        return end;
}

static int add(const struct line *line, size_t at, struct rule **rule, struct ruleset *set)
{
        size_t before = ruleset_count(set);
        int error = ruleset_add(set, *rule);

        if (error == RULESET_E_FULL)
                return refuse(line, at, "too many rules");
        if (error > 0)
                return refuse(line, at, "another rule has this id already");
        if (error)
                return error;
        *rule = NULL;
        return line->replacing || ruleset_count(set) > before ? 0 : refuse(line, at, "an earlier rule has the same criteria");
}

static bool is_number(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (text[i] < '0' || text[i] > '9')
                        return false;
        return true;
}

/* "factory:lan" as the line has it; behind the name of a drop-in, which itself names the line where nothing else does. `n` 0: none. */
static int take_id(const struct line *line, const char *file, size_t start, size_t n, char **ret)
{
        if (!file) {
                *ret = n > 0 ? strndup(line->text + start, n) : NULL;
                return n > 0 && !*ret ? -ENOMEM : 0;
        }
        if (n > 0 && is_number(line->text + start, n))
                return refuse(line, start, "expected a name that is no number: that is how rules without a name are called");
        if (n > 0 ? asprintf(ret, "%s:%.*s", file, (int)n, line->text + start) < 0 : asprintf(ret, "%s:%u", file, line->number) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* `file`: the drop-in's name, or NULL. */
static int parse_line(const struct line *line, const char *file, enum rule_origin origin, int priority, sentence_name_fn names,
                      void *userdata, struct ruleset *set)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error;
        size_t start = 0, sentence, id_n;
        int r;

        while (start < line->n && is_blank(line->text[start]))
                start++;
        if (start == line->n || line->text[start] == '#')
                return 0;
        sentence = split_id(line, start, &id_n);
        if (sentence > start && (id_n == 0 || id_n > LIMIT_RULE_ID - LIMIT_DROPIN_NAME - 1 || memchr(line->text + start, '\0', id_n) ||
                                 !str_is_utf8(line->text + start, id_n)))
                return refuse(line, start, "expected an id before the colon");
        r = sentence_parse_with_names(line->text + sentence, line->n - sentence, names, userdata, &rule, &error);
        if (r > 0)
                return refuse(line, sentence + error.at, error.expected);
        if (r < 0)
                return r;
        if (rule->lifetime != LIFETIME_ALWAYS)
                return refuse(line, start, "expected a rule without a lifetime: a file of sentences says what holds always");
        r = take_id(line, file, start, sentence > start ? id_n : 0, &rule->id);
        if (r)
                return r;
        rule->origin = origin;
        if (rule->priority == PRIORITY_DEFAULT) /* else it says its own */
                rule->priority = priority;
        return add(line, start, &rule, set);
}

static int parse(const char *data, size_t n, const char *file, bool replacing, enum rule_origin origin, int priority, sentence_name_fn names,
                 void *userdata, struct ruleset *set, struct file_error *ret_error)
{
        struct line line = { .replacing = replacing, .error = ret_error };
        size_t at = 0;

        if (n > LIMIT_RULE_FILE) {
                *ret_error = (struct file_error){};
                snprintf(ret_error->text, sizeof(ret_error->text), "more than %d bytes", LIMIT_RULE_FILE);
                return RULEFILE_E_SYNTAX;
        }
        while (at < n) {
                const char *newline = memchr(data + at, '\n', n - at);
                int error;

                line.text = data + at;
                line.n = newline ? (size_t)(newline - line.text) : n - at;
                line.number++;
                at += line.n + 1;
                while (line.n > 0 && is_blank(line.text[line.n - 1]))
                        line.n--;
                error = parse_line(&line, file, origin, priority, names, userdata, set);
                if (error)
                        return error;
        }
        return 0;
}

int rulefile_parse_sentences(const char *data, size_t n, enum rule_origin origin, int priority, sentence_name_fn names, void *userdata,
                             struct ruleset *set, struct file_error *ret_error)
{
        return parse(data, n, NULL, false, origin, priority, names, userdata, set, ret_error);
}

int rulefile_parse_dropin(const char *data, size_t n, const char *file, bool replacing, sentence_name_fn names, void *userdata,
                          struct ruleset *set, struct file_error *ret_error)
{
        return parse(data, n, file, replacing, ORIGIN_FILE, PRIORITY_DEFAULT, names, userdata, set, ret_error);
}

unsigned rulefile_dropin_line(const char *data, size_t n, const char *name)
{
        unsigned number = 0;
        uint64_t named;

        if (str_parse_u64(name, UINT32_MAX, &named))
                return (unsigned)named;
        for (size_t at = 0; at < n;) {
                const char *newline = memchr(data + at, '\n', n - at);
                struct line line = { .text = data + at, .n = newline ? (size_t)(newline - (data + at)) : n - at, .number = ++number };
                size_t start = 0, id_n;

                at += line.n + 1;
                while (start < line.n && is_blank(line.text[start]))
                        start++;
                if (start < line.n && split_id(&line, start, &id_n) > start && id_n == strlen(name) && memcmp(line.text + start, name, id_n) == 0)
                        return number;
        }
        return 0;
}
