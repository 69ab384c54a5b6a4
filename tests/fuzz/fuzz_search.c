/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words of a search, one a line: what is taken stands within its bounds and is taken once; what is refused says why; and any search ends. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/search.h"

static void check_bounds(const struct search *s)
{
        fuzz_check(!(s->has & SEARCH_PROGRAM) || (s->program && *s->program && strlen(s->program) <= LIMIT_PATH));
        fuzz_check(!(s->has & SEARCH_RULE) || (s->rule && *s->rule && strlen(s->rule) <= LIMIT_RULE_ID));
        fuzz_check(!(s->has & SEARCH_HOST) || s->host || s->prefix <= 128);
        fuzz_check(!(s->has & SEARCH_PORT) || (s->first_port > 0 && s->first_port <= s->last_port));
        fuzz_check(!(s->has & SEARCH_VERDICT) || s->verdict != VERDICT_ASK);
        fuzz_check(!(s->has & SEARCH_REASON) || (unsigned)s->reason < REASON_COUNT);
        fuzz_check(s->since_us >= 0 && s->until_us >= 0);
}

static void match(const struct search *s)
{
        static const struct decision decision = { VERDICT_ALLOW, REASON_LEARNING };
        struct flow flow = { .remote_port = 443, .protocol = 6 };
        _cleanup_(subject_unrefp) struct subject *subject = subject_new(SUBJECT_PROGRAM, "/usr/bin/curl", "curl");
        struct record r;

        fuzz_check(subject && addr_parse("93.184.216.34", &flow.remote));
        fuzz_check(record_init(&r, &decision, subject, &flow, &(struct hosts){ .names = { "www.example.com" }, .n = 1 }) == 0);
        search_matches(s, &r);
        record_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(search_deinit) struct search s = {};
        char *text = malloc(size + 1);

        fuzz_check(text);
        memcpy(text, data, size);
        text[size] = '\0';
        for (char *rest = text, *word; (word = strsep(&rest, "\n"));) {
                char error[SEARCH_ERROR_MAX] = "";
                const unsigned had = s.has;
                int r = search_set_word(&s, word, error);

                fuzz_check(r == 0 || r == 1);
                fuzz_check(r == 0 ? s.has != had : s.has == had && *error);
        }
        check_bounds(&s);
        match(&s);
        free(text);
        return 0;
}
