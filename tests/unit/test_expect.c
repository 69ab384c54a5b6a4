/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections in words, and lines of tests: what is taken reads back as the same; what is not is underlined at the right word. */
#include "unit.h"

#include "wire/expect.h"

/* What is taken, as it is written again with the verdict in front. */
static const struct {
        const char *line, *verdict, *words;
} taken[] = {
        { "expect allow /usr/bin/curl to 1.2.3.4 port 443", "allow", "/usr/bin/curl to 1.2.3.4 port 443 tcp" },
        { "  expect\tdeny /usr/bin/curl port 443 tcp to 1.2.3.4  ", "deny", "/usr/bin/curl to 1.2.3.4 port 443 tcp" },
        { "expect ask /usr/bin/dig to ::1 port 53 udp", "ask", "/usr/bin/dig to ::1 port 53 udp" },
        { "expect ask /usr/bin/dig to 10.0.0.53 to resolver port 53 udp", "ask", "/usr/bin/dig to 10.0.0.53 to resolver port 53 udp" },
        { "expect deny \"/opt/my game/play\" to 1.2.3.4 port 1", "deny", "\"/opt/my game/play\" to 1.2.3.4 port 1 tcp" },
        { "expect allow name curl to 1.2.3.4 port 80", "allow", "name curl to 1.2.3.4 port 80 tcp" },
        { "expect allow unknown to 1.2.3.4 port 80", "allow", "unknown to 1.2.3.4 port 80 tcp" },
        { "expect allow kernel to 192.0.2.1 icmp", "allow", "kernel to 192.0.2.1 icmp user 0 group 0" },
        { "expect allow /bin/ping to 192.0.2.1 icmp user 1000 group 100", "allow", "/bin/ping to 192.0.2.1 icmp user 1000 group 100" },
        { "expect allow /bin/a to 192.0.2.1 protocol 253", "allow", "/bin/a to 192.0.2.1 protocol 253" },
        { "expect allow /bin/a to 192.0.2.1 port 9 user alice", "allow", "/bin/a to 192.0.2.1 port 9 tcp user 1234" },
        { "expect allow /bin/a to ::ffff:1.2.3.4 port 9", "allow", "/bin/a to 1.2.3.4 port 9 tcp" },
        { "expect allow /bin/a to 1.2.3.4 to Example.com port 9", "allow", "/bin/a to example.com to 1.2.3.4 port 9 tcp" },
        { "expect allow /bin/a to 1.2.3.4 port 9 argument -x or \"y z\" parent /bin/sh ancestor /sbin/init interface wg0", "allow",
          "/bin/a argument -x or \"y z\" parent /bin/sh ancestor /sbin/init to 1.2.3.4 port 9 tcp interface wg0" },
        { "expect allow /bin/a to 1.2.3.4 port 9 unit cron.service", "allow", "/bin/a cgroup /system.slice/cron.service to 1.2.3.4 port 9 tcp" },
};

/* What is not, the word that is pointed at ("" for the end), and the start of what is said. */
static const struct {
        const char *line, *word, *expected;
} refused[] = {
        { "allow /bin/a to 1.2.3.4 port 1", "allow", "expected the word expect" },
        { "expects allow /bin/a to 1.2.3.4 port 1", "expects", "expected the word expect" },
        { "expect", "", "expected allow, deny or ask" },
        { "expect maybe /bin/a to 1.2.3.4 port 1", "maybe", "expected allow, deny or ask" },
        { "expect allow curl to 1.2.3.4 port 1", "curl", "expected a program's absolute path" },
        { "expect allow anyone to 1.2.3.4 port 1", "anyone", "expected a program's absolute path" },
        { "expect allow /bin/a port 1", "", "expected to ADDRESS" },
        { "expect allow /bin/a to internet port 1", "", "expected to ADDRESS" },
        { "expect allow /bin/a to 10.0.0.0/8 port 1", "10.0.0.0/8", "expected one address" },
        { "expect allow /bin/a to lan to 10.0.0.0/8 port 1", "10.0.0.0/8", "expected one address" },
        { "expect allow \"/bin/to 10.0.0.0/8\" to 10.0.0.0/9 port 1", "10.0.0.0/9", "expected one address" },
        { "expect allow name to to 10.0.0.0/9 port 1", "10.0.0.0/9", "expected one address" },
        { "expect allow /bin/a to 1.2.3.4.5 port 1", "1.2.3.4.5", "expected an address" },
        { "expect allow /bin/a to example.com port 1", "", "expected to ADDRESS" },
        { "expect allow /bin/a to 1.2.3.4 to .example.com port 1", ".example.com", "expected the thing itself, no pattern" },
        { "expect allow /bin/a to 1.2.3.4 port 1 parent /bin/*", "/bin/*", "expected the thing itself, no pattern" },
        { "expect allow /bin/a to 1.2.3.4 port 1 unit a.service or b.service", "a.service", "expected one value" },
        { "expect allow /bin/a to 1.2.3.4 port 1 argument -*", "-*", "expected the arguments themselves" },
        { "expect allow /bin/a to 1.2.3.4 port 1 user not 0", "not", "expected one user" },
        { "expect allow /bin/a or /bin/b to 1.2.3.4 port 1", "/bin/a", "expected a program's absolute path" },
        { "expect allow /bin/a to 1.2.3.4 port 1 priority 3", "3", "expected no priority" },
        { "expect allow /bin/a to 1.2.3.4 port 1 disabled", "disabled", "expected no disabled" },
        { "expect allow /bin/a to 1.2.3.4 port 1 tcp,udp", "tcp,udp", "expected one protocol" },
        { "expect allow /bin/a to not 1.2.3.4 port 1", "not", "expected one address" },
        { "expect allow /bin/a to 1.2.3.4", "", "expected port N, or a protocol" },
        { "expect allow /bin/a to 1.2.3.4 udp", "", "expected port N: UDP has ports" },
        { "expect allow /bin/a to 1.2.3.4 port 80,443", "80,443", "expected one port" },
        { "expect allow /bin/a to 1.2.3.4 port 80-81 tcp", "80-81", "expected one port" },
        { "expect allow /bin/a to 1.2.3.4 port 0", "0", "expected a port" },
        { "expect allow /bin/a to 1.2.3.4 port 80 icmp", "80", "expected no port: ICMP has none" },
        { "expect allow /bin/a to 1.2.3.4 port 80 for session", "session", "expected no lifetime" },
        { "expect allow /bin/a to 1.2.3.4 port 80 note \"why not\"", "\"why not\"", "expected no note" },
        { "expect allow /bin/a to 1.2.3.4 port 80 user bob", "bob", "expected a user or group that this machine knows" },
        { "expect allow /bin/a to 1.2.3.4 port 80 user alice group staff", "staff", "expected a user or group that this machine knows" },
        { "expect allow /bin/a to 1.2.3.4 port 80 today", "today", "expected to, port" },
        { "expect allow \"/bin/a to 1.2.3.4 port 80", "\"/bin/a to 1.2.3.4 port 80", "expected a closing quote" },
};

static bool only_alice(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        (void)userdata;
        *ret = 1234;
        return what == SENTENCE_USER && strcmp(name, "alice") == 0;
}

static void lines_are_taken(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
                struct expectation e;
                struct sentence_error error;
                _cleanup_(buf_deinit) struct buf words = { 0 };

                if (expect_parse(taken[i].line, strlen(taken[i].line), only_alice, NULL, &e, &error) != 0)
                        fail_msg("%s: %s", taken[i].line, error.expected);
                assert_string_equal(verdict_name(e.verdict), taken[i].verdict);
                supposed_format(&e.supposed, &words);
                assert_string_equal(words.data, taken[i].words);
                supposed_deinit(&e.supposed);
        }
}

static void lines_are_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                const char *line = refused[i].line, *word = refused[i].word;
                size_t n = strlen(line);
                struct sentence_error error = { 0 };
                struct expectation e;

                assert_int_equal(expect_parse(line, n, only_alice, NULL, &e, &error), EXPECT_E_SYNTAX);
                if (strncmp(error.expected, refused[i].expected, strlen(refused[i].expected)) != 0)
                        fail_msg("%s: %s", line, error.expected);
                assert_true(error.at + error.length <= n);
                if (*word && (error.length != strlen(word) || memcmp(line + error.at, word, error.length) != 0))
                        fail_msg("%s: points at \"%.*s\"", line, (int)error.length, line + error.at);
                if (!*word)
                        assert_int_equal(error.at, n);
        }
}

static void blank_lines_and_comments_are_nothing(void **state)
{
        static const char *const lines[] = { "", "   ", "\t", "# expect allow", "  #" };
        struct sentence_error error;
        struct expectation e;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_int_equal(expect_parse(lines[i], strlen(lines[i]), NULL, NULL, &e, &error), EXPECT_E_NOTHING);
}

static void a_program_has_the_name_that_the_kernel_gives_it(void **state)
{
        const char *words = "/usr/bin/a-very-long-program-name to 1.2.3.4 port 1";
        struct sentence_error error;
        struct supposed s;

        (void)state;
        assert_int_equal(supposed_parse(words, strlen(words), NULL, NULL, &s, &error), 0);
        assert_string_equal(s.subject->name, "a-very-long-pro");
        assert_int_equal(s.subject->uid, UINT32_MAX);
        supposed_deinit(&s);
}

/* A place beyond the limit is within the text. */
static void too_long_is_refused(void **state)
{
        size_t n = LIMIT_SENTENCE + 100;
        char *text = malloc(n);
        struct sentence_error error;
        struct supposed s;

        (void)state;
        memset(text, 'a', n);
        assert_int_equal(supposed_parse(text, n, NULL, NULL, &s, &error), 1);
        assert_int_equal(error.at + error.length, n);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_taken),
                cmocka_unit_test(lines_are_refused),
                cmocka_unit_test(blank_lines_and_comments_are_nothing),
                cmocka_unit_test(a_program_has_the_name_that_the_kernel_gives_it),
                cmocka_unit_test(too_long_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
