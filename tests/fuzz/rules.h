/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What holds of every rule that any parser took: it can be said as a sentence and written as an object, both are taken again as the same rule,
 * and each leads to the same text of the other.
 */
#pragma once

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/rulejson.h"
#include "wire/ruletext.h"
#include "wire/sentence.h"

static inline bool fuzz_same_text(const char *a, const char *b)
{
        return strcmp(a ? a : "\x01", b ? b : "\x01") == 0;
}

static inline void fuzz_check_same(const struct rule *a, const struct rule *b)
{
        fuzz_check(a && b && rule_same_criteria(a, b));
        fuzz_check(a->action == b->action && a->lifetime == b->lifetime && a->disabled == b->disabled && a->priority == b->priority);
        fuzz_check(a->ending.lasts == b->ending.lasts && a->ending.until == b->ending.until);
        fuzz_check(fuzz_same_text(a->note, b->note));
}

/* All below a public suffix, which a file may keep and nobody may add. */
static inline bool fuzz_is_below_suffix(const struct rule *rule)
{
        const struct criterion *hosts = rule_criterion(rule, CRITERION_HOST);
        const char *expected;

        for (unsigned i = 0; hosts && i < hosts->n; i++)
                if (!ruletext_check_domain(criterion_values(hosts)[i].text, &expected))
                        return true;
        return false;
}

/* Escapes are longer than what they stand for: a sentence that is too long is left out, and NULL. */
static inline struct rule *fuzz_by_sentence(const struct rule *rule, struct buf *text)
{
        struct rule *again = NULL;
        struct sentence_error error;

        sentence_format(rule, text);
        fuzz_check(buf_error(text) == 0);
        if (text->n > LIMIT_SENTENCE || (rule->program && strlen(rule->program) >= LIMIT_PATH) || fuzz_is_below_suffix(rule))
                return NULL;
        fuzz_check(sentence_parse(text->data, text->n, &again, &error) == 0);
        fuzz_check_same(rule, again);
        return again;
}

static inline struct rule *fuzz_by_object(const struct rule *rule, struct buf *text)
{
        _cleanup_(json_decrefp) json_t *object = NULL;
        struct jsonwrite w = { .out = text };
        struct file_error error;
        struct jsonread r = {};
        struct rule *again;

        rulejson_write(&w, NULL, rule, RULEJSON_REQUEST, !rule->disabled);
        fuzz_check(buf_error(text) == 0 && jsonread_load(text->data, text->n, &object, &error) == 0);
        again = rulejson_read(&r, object, RULEJSON_REQUEST);
        fuzz_check(r.error == 0);
        fuzz_check_same(rule, again);
        return again;
}

/* `rule` has the priority of its origin, or says another. */
static inline void fuzz_check_rule(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = {}, sentence2 = {}, object = {}, object2 = {};
        _cleanup_(rule_freep) struct rule *by_sentence = fuzz_by_sentence(rule, &sentence), *by_object = NULL, *back = NULL, *forth = NULL;

        if (!by_sentence)
                return;
        by_object = fuzz_by_object(rule, &object);
        back = fuzz_by_object(by_sentence, &object2);
        forth = fuzz_by_sentence(by_object, &sentence2);
        fuzz_check(strcmp(object.data, object2.data) == 0 && strcmp(sentence.data, sentence2.data) == 0);
}
