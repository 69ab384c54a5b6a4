/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/rule-line.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "wire/sentence.h"

/* What stands between the action and the first clause: "/usr/bin/curl", "name ping", "\"/opt/a b\" or /opt/c". */
static void format_subject(const struct rule *rule, struct buf *out)
{
        static const enum lifetime always = LIFETIME_ALWAYS;
        struct criterion programs;
        struct rule bare = *rule;

        bare.lifetime = always;
        bare.ending = (struct ending){ 0 };
        bare.note = NULL;
        bare.disabled = false;
        bare.priority = PRIORITY_DEFAULT;
        bare.origin = ORIGIN_LIST;
        bare.has &= CRITERION_BIT(CRITERION_PROGRAM);
        bare.n_criteria = 0;
        if (bare.has) {
                programs = *rule_criterion(rule, CRITERION_PROGRAM);
                bare.criteria = &programs;
                bare.n_criteria = 1;
        }
        sentence_format(&bare, out);
        if (!buf_error(out))
                buf_consume(out, strlen(action_name(rule->action)) + 1);
}

static size_t flat_subject_length(const char *id)
{
        const char *colon = strrchr(id, ':');

        return colon ? (size_t)(colon - id) : strlen(id);
}

/* The flat entry of a path that a sentence leaves without quotes says all that there is: nothing is lost when only its key is kept. */
static bool is_told_by_id(const struct rule *rule)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";

        return rule->origin == ORIGIN_FLAT && *rule->id == '/' && rule->subject == RULE_PATH && strspn(rule->program, plain) == strlen(rule->program);
}

/* In half the width: 100,000 lines fit into the next smaller size of malloc(). */
static uint32_t seconds_of(int64_t time)
{
        return time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

static struct rule_line *new_line(const struct rule *rule, const char *sentence, const char *subject)
{
        size_t n_id = strlen(rule->id) + 1, n_sentence = sentence ? strlen(sentence) + 1 : 0, n_subject = subject ? strlen(subject) : 0;
        struct rule_line *line;

        if (n_id + n_sentence > UINT16_MAX || n_subject > UINT16_MAX)
                return NULL;
        line = malloc(offsetof(struct rule_line, text) + n_id + n_sentence + n_subject + 1);
        if (!line)
                return NULL;
        *line = (struct rule_line){ .n_refs = 1, .action = rule->action, .origin = rule->origin, .lifetime = rule->lifetime, .disabled = rule->disabled,
                                    .has_sentence = sentence, .n_hits = rule->n_hits, .created = seconds_of(rule->created),
                                    .changed = seconds_of(rule->changed), .expires = rule->expires };
        memcpy(line->text, rule->id, n_id);
        line->text[n_id] = '\0'; /* no subject either */
        if (!sentence) {
                line->n_subject = (uint16_t)flat_subject_length(rule->id);
                return line;
        }
        line->at_sentence = (uint16_t)n_id;
        line->at_subject = (uint16_t)(n_id + n_sentence);
        line->n_subject = (uint16_t)n_subject;
        memcpy(line->text + n_id, sentence, n_sentence);
        memcpy(line->text + n_id + n_sentence, subject, n_subject + 1);
        return line;
}

struct rule_line *rule_line_new(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 }, subject = { 0 };

        if (is_told_by_id(rule))
                return new_line(rule, NULL, NULL);
        sentence_format(rule, &sentence);
        format_subject(rule, &subject);
        if (buf_error(&sentence) || buf_error(&subject) || subject.n == 0)
                return NULL;
        return new_line(rule, sentence.data, subject.data);
}

struct rule_line *rule_line_ref(struct rule_line *line)
{
        __atomic_add_fetch(&line->n_refs, 1, __ATOMIC_RELAXED);
        return line;
}

struct rule_line *rule_line_unref(struct rule_line *line)
{
        if (line && __atomic_sub_fetch(&line->n_refs, 1, __ATOMIC_ACQ_REL) == 0)
                free(line);
        return NULL;
}

const char *rule_line_id(const struct rule_line *line)
{
        return line->text;
}

int rule_line_rule(const struct rule_line *line, struct rule **ret)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error;
        const char *expected, *sentence = line->text + line->at_sentence;
        int r = line->has_sentence ? sentence_parse(sentence, strlen(sentence), &rule, &error) : rule_from_flat_key(line->text, line->action == ACTION_ALLOW, &rule, &expected);

        if (r != 0)
                return r == -ENOMEM ? r : -EINVAL;
        free(rule->id);
        rule->id = strdup(line->text);
        if (!rule->id)
                return -ENOMEM;
        rule->origin = line->origin;
        rule->expires = line->expires;
        if (rule->origin == ORIGIN_FACTORY && rule->priority == PRIORITY_DEFAULT)
                rule->priority = PRIORITY_FACTORY;
        *ret = TAKE_PTR(rule);
        return 0;
}

void rule_line_sentence(const struct rule_line *line, struct buf *out)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;

        if (line->has_sentence)
                buf_puts(out, line->text + line->at_sentence);
        else if (rule_line_rule(line, &rule) == 0)
                sentence_format(rule, out);
        else
                buf_puts(out, line->text); /* a key that this version cannot read */
}

const char *rule_line_subject(const struct rule_line *line, size_t *ret_n)
{
        *ret_n = line->n_subject;
        return line->text + (line->has_sentence ? line->at_subject : 0);
}

static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
        int order = memcmp(a, b, MIN(n_a, n_b));

        return order ? order : n_a < n_b ? -1 : n_a > n_b;
}

bool rule_line_same_group(const struct rule_line *a, const struct rule_line *b)
{
        size_t n_a, n_b;
        const char *of_a = rule_line_subject(a, &n_a), *of_b = rule_line_subject(b, &n_b);

        return (a->origin == ORIGIN_FACTORY) == (b->origin == ORIGIN_FACTORY) && compare_bytes(of_a, n_a, of_b, n_b) == 0;
}

static size_t text_length(const struct rule_line *line)
{
        return line->has_sentence ? line->at_subject : strlen(line->text);
}

bool rule_line_equal(const struct rule_line *a, const struct rule_line *b)
{
        return a->action == b->action && a->origin == b->origin && a->lifetime == b->lifetime && a->disabled == b->disabled && a->n_hits == b->n_hits &&
               a->created == b->created && a->changed == b->changed && a->expires.ns == b->expires.ns && a->has_sentence == b->has_sentence &&
               text_length(a) == text_length(b) && memcmp(a->text, b->text, text_length(a)) == 0;
}

/* ---- order ----------------------------------------------------------------------------------------------------------------- */

/* "curl" of "/usr/bin/curl": what people look for in an alphabet. */
static void last_component(const char **s, size_t *n)
{
        const char *slash = memrchr(*s, '/', *n);

        if (!slash || **s != '/' || slash + 1 == *s + *n)
                return;
        *n -= (size_t)(slash + 1 - *s);
        *s = slash + 1;
}

static int compare_subjects(const struct rule_line *a, const struct rule_line *b)
{
        size_t n_a, n_b, n_last_a, n_last_b;
        const char *of_a = rule_line_subject(a, &n_a), *of_b = rule_line_subject(b, &n_b), *last_a = of_a, *last_b = of_b;
        int order;

        n_last_a = n_a;
        n_last_b = n_b;
        last_component(&last_a, &n_last_a);
        last_component(&last_b, &n_last_b);
        order = compare_bytes(last_a, n_last_a, last_b, n_last_b);
        return order ? order : compare_bytes(of_a, n_a, of_b, n_b);
}

int rule_line_compare(const void *a, const void *b)
{
        const struct rule_line *const *of_a = a, *const *of_b = b;
        int order = ((*of_a)->origin == ORIGIN_FACTORY) - ((*of_b)->origin == ORIGIN_FACTORY);

        if (order == 0)
                order = compare_subjects(*of_a, *of_b);
        return order ? order : strcmp((*of_a)->text, (*of_b)->text);
}

int rule_line_compare_by_origin(const void *a, const void *b)
{
        const struct rule_line *const *of_a = a, *const *of_b = b;
        int order = (int)rule_line_place(*of_a) - (int)rule_line_place(*of_b);

        return order ? order : rule_line_compare(a, b);
}

/* ---- what is looked for ----------------------------------------------------------------------------------------------------- */

enum rule_place rule_line_place(const struct rule_line *line)
{
        switch ((enum rule_origin)line->origin) {
        case ORIGIN_FACTORY:
                return PLACE_SHIPPED;
        case ORIGIN_FILE:
                return PLACE_FILE;
        case ORIGIN_SESSION:
                return PLACE_TEMPORARY;
        case ORIGIN_FLAT:
        case ORIGIN_LIST:
                break;
        }
        return line->lifetime == LIFETIME_ALWAYS ? PLACE_OWN : PLACE_TEMPORARY;
}

bool rule_line_passes(const struct rule_line *line, enum rule_filter filter)
{
        switch (filter) {
        case FILTER_ALLOW:
                return line->action == ACTION_ALLOW;
        case FILTER_DENY:
                return line->action == ACTION_DENY;
        case FILTER_TEMPORARY:
                return line->lifetime != LIFETIME_ALWAYS;
        case FILTER_SHIPPED:
                return line->origin == ORIGIN_FACTORY;
        case FILTER_DISABLED:
                return line->disabled;
        case FILTER_ALL:
        case FILTER_WARNINGS:
                return true;
        }
        return true;
}

/* strcasestr() of `n` bytes of ASCII in lower case; what is beyond ASCII is compared as it is. */
static bool has_word(const char *text, const char *word, size_t n)
{
        for (; *text; text++) {
                size_t i = 0;

                while (i < n && text[i] && tolower((unsigned char)text[i]) == (unsigned char)word[i])
                        i++;
                if (i == n)
                        return true;
        }
        return false;
}

static bool line_has_word(const struct rule_line *line, const char *word, size_t n)
{
        if (has_word(line->text, word, n) || has_word(rule_origin_name(line->origin), word, n))
                return true;
        return line->has_sentence ? has_word(line->text + line->at_sentence, word, n) : has_word(action_name(line->action), word, n);
}

bool rule_line_has_words(const struct rule_line *line, const char *words)
{
        while (*(words += strspn(words, " "))) {
                size_t n = strcspn(words, " ");

                if (!line_has_word(line, words, n))
                        return false;
                words += n;
        }
        return true;
}
