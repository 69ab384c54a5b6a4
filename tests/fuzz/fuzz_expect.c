/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of a test that is taken says the same again in its own words; one that is refused is pointed at within the line. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/expect.h"

static void check_words(const struct supposed *s)
{
        _cleanup_(buf_deinit) struct buf text = {}, text2 = {};
        _cleanup_(supposed_deinit) struct supposed again = {};
        struct sentence_error error;

        supposed_format(s, &text);
        fuzz_check(buf_error(&text) == 0);
        if (text.n > LIMIT_SENTENCE - 6) /* escapes are longer than what they stand for */
                return;
        fuzz_check(supposed_parse(text.data, text.n, NULL, NULL, &again, &error) == 0);
        fuzz_check(flow_equal(&s->flow, &again.flow) && s->scopes == again.scopes);
        fuzz_check(subject_same_program(s->subject, again.subject));
        supposed_format(&again, &text2);
        fuzz_check(strcmp(text.data, text2.data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct expectation e = {};
        struct sentence_error error = {};

        switch (expect_parse((const char *)data, size, NULL, NULL, &e, &error)) {
        case 0:
                check_words(&e.supposed);
                fuzz_check(protocol_has_ports(e.supposed.flow.protocol) == (e.supposed.flow.remote_port != 0));
                supposed_deinit(&e.supposed);
                break;
        case EXPECT_E_SYNTAX:
                fuzz_check(!e.supposed.subject && error.at + error.length <= size && error.expected[0]);
                break;
        default:
                fuzz_check(!e.supposed.subject);
        }
        return 0;
}
