/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PROTOCOL.md against the program: each line of a "json client" block is a request that the daemon takes, each of a "json daemon" block an
 * event that the client takes; each request, event, error code and reason stands in the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/message.h"

static char document[1 << 17];

static int read_document(void **state _unused_)
{
        FILE *file = fopen(SOURCE_ROOT "/PROTOCOL.md", "rb");
        size_t n;

        assert_non_null(file);
        n = fread(document, 1, sizeof(document) - 1, file);
        fclose(file);
        assert_true(n > 0 && n < sizeof(document) - 1);
        return 0;
}

/* Calls `each` for every line of the blocks that begin with `fence`; returns how many there were. */
static unsigned each_example(const char *fence, void (*each)(const char *line, size_t n))
{
        unsigned count = 0;

        for (const char *at = strstr(document, fence); at; at = strstr(at, fence)) {
                at = strchr(at, '\n') + 1;
                while (strncmp(at, "```", 3) != 0) {
                        size_t n = strcspn(at, "\n");

                        each(at, n);
                        count++;
                        at += n + 1;
                }
        }
        return count;
}

static bool seen_request[MESSAGE_TYPE_COUNT], seen_event[EVENT_OTHER + 1];

static void parse_request(const char *line, size_t n)
{
        _cleanup_(message_freep) struct message *m = NULL;
        struct message_error error;

        if (message_parse(line, n, &m, &error) != 0)
                fail_msg("%.*s: %s", (int)n, line, error.text);
        seen_request[m->type] = true;
}

static void test_client_examples(void **state _unused_)
{
        assert_true(each_example("```json client\n", parse_request) > MESSAGE_TYPE_COUNT);
        for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
                if (!seen_request[type])
                        fail_msg("no example of %s", message_type_word((enum message_type)type));
}

static void parse_event(const char *line, size_t n)
{
        static const char *const old[] = { "connection_request", "cancel_popup", "rule_deleted", "rules_list" };
        _cleanup_(event_freep) struct event *e = NULL;
        bool is_old = false;

        if (event_parse(line, n, &e) != 0)
                fail_msg("%.*s", (int)n, line);
        for (size_t i = 0; i < ARRAY_SIZE(old); i++)
                is_old = is_old || memmem(line, n, old[i], strlen(old[i]));
        assert_true(is_old || e->type != EVENT_OTHER);
        seen_event[e->type] = true;
}

static void test_daemon_examples(void **state _unused_)
{
        assert_true(each_example("```json daemon\n", parse_event) > EVENT_OTHER);
        for (int type = 0; type < EVENT_OTHER; type++)
                if (!seen_event[type])
                        fail_msg("no example of event type %d", type);
}

static void expect_word(const char *word)
{
        char cell[64];

        snprintf(cell, sizeof(cell), "\n| `%s` |", word);
        if (!strstr(document, cell))
                fail_msg("no row for `%s`", word);
}

static void test_words(void **state _unused_)
{
        for (int code = MESSAGE_ERROR_NONE + 1; code <= MESSAGE_ERROR_INTERNAL; code++)
                expect_word(message_error_word((enum message_error_code)code));
        for (int reason = 0; reason < REASON_COUNT; reason++) {
                expect_word(reason_word((enum reason)reason));
                assert_non_null(strstr(document, reason_sentence((enum reason)reason)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_client_examples),
                cmocka_unit_test(test_daemon_examples),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, read_document, NULL);
}
