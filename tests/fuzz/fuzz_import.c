/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rule of OpenSnitch becomes a rule that can be said and said again, or a reason; and its bytes as a regular expression become patterns, or a
 * reason. */
#include <string.h>

#include "core/pattern.h"
#include "core/ruleset.h"
#include "tests/fuzz/fuzz.h"
#include "wire/import-opensnitch.h"
#include "wire/regexp-simple.h"

static bool names(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        (void)userdata;
        *ret = 7;
        return what == SENTENCE_USER && name[0] == 'a';
}

static void check_rule(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };
        _cleanup_(rule_freep) struct rule *again = NULL;
        struct sentence_error error;

        fuzz_check(!rule->id && rule->origin == ORIGIN_LIST && rule->lifetime == LIFETIME_ALWAYS && rule->action != ACTION_ASK);
        fuzz_check(rule->note && strncmp(rule->note, "from OpenSnitch: ", 17) == 0);
        sentence_format(rule, &text);
        fuzz_check(buf_error(&text) == 0 && text.n <= LIMIT_SENTENCE);
        fuzz_check(sentence_parse(text.data, text.n, &again, &error) == 0);
        fuzz_check(rule_same_criteria(rule, again) && again->action == rule->action && again->disabled == rule->disabled);
        fuzz_check(strcmp(again->note, rule->note) == 0);
}

static void check_regexp(const char *text, enum regexp_flavour flavour)
{
        _cleanup_(regexp_patterns_deinit) struct regexp_patterns p = { .n = 0 };
        const char *reason = NULL;

        if (regexp_to_patterns(text, flavour, &p, &reason) != 0) {
                fuzz_check(p.n == 0 && reason);
                return;
        }
        fuzz_check(p.n > 0);
        for (unsigned i = 0; i < p.n; i++)
                fuzz_check(!pattern_check(p.patterns[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(import_opensnitch_deinit) struct import_opensnitch import = { .rule = NULL };
        _cleanup_(freep) char *text = strndup((const char *)data, size);

        fuzz_check(text);
        fuzz_check(import_opensnitch_parse((const char *)data, size, names, NULL, &import) == 0);
        fuzz_check(import.name && (import.rule != NULL) != (import.reason[0] != 0));
        fuzz_check(!import.words || strlen(import.words) <= IMPORT_OPENSNITCH_WORDS);
        fuzz_check(import_opensnitch_rank(&import, 1) == 0);
        if (import.rule)
                check_rule(import.rule);
        for (int flavour = REGEXP_PATH; flavour <= REGEXP_WORDS; flavour++)
                check_regexp(text, (enum regexp_flavour)flavour);
        return 0;
}
