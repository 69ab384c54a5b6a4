/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sentence that is taken says the same again in its own words, and as a JSON object; one that is refused is pointed at within the text. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/rulejson.h"
#include "wire/sentence.h"

static bool same_text(const char *a, const char *b)
{
        return strcmp(a ? a : "\x01", b ? b : "\x01") == 0;
}

static void check_same(const struct rule *a, const struct rule *b)
{
        fuzz_check(a && b && rule_same_criteria(a, b));
        fuzz_check(a->action == b->action && a->lifetime == b->lifetime && a->origin == b->origin);
        fuzz_check(a->ending.lasts == b->ending.lasts && a->ending.until == b->ending.until);
        fuzz_check(same_text(a->note, b->note));
}

static void check_words(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf text = {}, text2 = {};
        _cleanup_(rule_freep) struct rule *again = NULL;
        struct sentence_error error;

        sentence_format(rule, &text);
        fuzz_check(buf_error(&text) == 0);
        if (text.n > LIMIT_SENTENCE) /* escapes are longer than what they stand for */
                return;
        fuzz_check(sentence_parse(text.data, text.n, &again, &error) == 0);
        check_same(rule, again);
        sentence_format(again, &text2);
        fuzz_check(strcmp(text.data, text2.data) == 0);
}

static void check_object(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf text = {};
        struct jsonwrite w = { .out = &text };
        _cleanup_(json_decrefp) json_t *object = NULL;
        _cleanup_(rule_freep) struct rule *again = NULL;
        struct file_error error;
        struct jsonread r = {};

        rulejson_write(&w, NULL, rule, RULEJSON_REQUEST, !rule->disabled);
        fuzz_check(buf_error(&text) == 0 && jsonread_load(text.data, text.n, &object, &error) == 0);
        again = rulejson_read(&r, object, RULEJSON_REQUEST);
        fuzz_check(r.error == 0);
        check_same(rule, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error = {};

        if (sentence_parse((const char *)data, size, &rule, &error) != 0) {
                fuzz_check(!rule && error.at + error.length <= size && error.expected[0]);
                return 0;
        }
        check_words(rule);
        check_object(rule);
        return 0;
}
