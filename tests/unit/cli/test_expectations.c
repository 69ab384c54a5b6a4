/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of `bastion test` against a few rules: which hold, and what is said of those that do not. */
#include "../unit.h"

#include "cli/expectations.h"

enum default_is { DENIES, ALLOWS, DENIES_UNASKED, ALLOWS_UNASKED };

/* `said`: "" where the expectation holds, else what follows "FILE:1: ". */
static const struct {
        const char *rule; /* or NULL */
        enum default_is otherwise;
        const char *line, *said;
} rows[] = {
        /* A rule that allows. */
        {"allow /bin/a port 80", DENIES, "expect allow /bin/a to 1.2.3.4 port 80", ""},
        {"allow /bin/a port 80", DENIES, "expect deny /bin/a to 1.2.3.4 port 80",
         "expected deny, would be allowed by rule r1 (allow /bin/a port 80)"},
        {"allow /bin/a port 80", DENIES, "expect ask /bin/a to 1.2.3.4 port 80",
         "expected ask, would be allowed by rule r1 (allow /bin/a port 80)"},
        /* One that denies. */
        {"deny /bin/a", ALLOWS, "expect deny /bin/a to ::1 port 80 udp", ""},
        {"deny /bin/a", ALLOWS, "expect allow /bin/a to ::1 port 80 udp", "expected allow, would be denied by rule r1 (deny /bin/a)"},
        {"deny /bin/a", ALLOWS, "expect ask /bin/a to ::1 port 80 udp", "expected ask, would be denied by rule r1 (deny /bin/a)"},
        /* No rule: a question, and what becomes of it. */
        {NULL, DENIES, "expect ask /bin/a to 1.2.3.4 port 80", ""},
        {NULL, DENIES, "expect deny /bin/a to 1.2.3.4 port 80", ""},
        {NULL, DENIES, "expect allow /bin/a to 1.2.3.4 port 80",
         "expected allow, would be asked about: no rule says anything about it; denied where nobody answers"},
        {NULL, ALLOWS, "expect ask /bin/a to 1.2.3.4 port 80", ""},
        {NULL, ALLOWS, "expect deny /bin/a to 1.2.3.4 port 80",
         "expected deny, would be asked about: no rule says anything about it; allowed where nobody answers"},
        {NULL, ALLOWS, "expect allow /bin/a to 1.2.3.4 port 80",
         "expected allow, would be asked about: no rule says anything about it; allowed where nobody answers"},
        {NULL, DENIES, "expect ask unknown to 1.2.3.4 port 80", ""},
        {NULL, DENIES, "expect allow unknown to 1.2.3.4 port 80",
         "expected allow, would be asked about: no program could be found for the packet; denied where nobody answers"},
        /* A rule that asks. */
        {"ask /bin/a", ALLOWS, "expect ask /bin/a to 1.2.3.4 port 80", ""},
        {"ask /bin/a", ALLOWS, "expect deny /bin/a to 1.2.3.4 port 80",
         "expected deny, would be asked about by rule r1 (ask /bin/a); allowed where nobody answers"},
        /* Nobody is ever asked: the default is the verdict. */
        {NULL, DENIES_UNASKED, "expect deny /bin/a to 1.2.3.4 port 80", ""},
        {NULL, DENIES_UNASKED, "expect ask /bin/a to 1.2.3.4 port 80",
         "expected ask, would be denied: no rule, and nobody was there to ask"},
        {NULL, ALLOWS_UNASKED, "expect allow /bin/a to 1.2.3.4 port 80", ""},
        {"ask /bin/a", DENIES_UNASKED, "expect ask /bin/a to 1.2.3.4 port 80",
         "expected ask, would be denied by rule r1 (ask /bin/a): no rule, and nobody was there to ask"},
        /* Each criterion. */
        {"allow /bin/a to 10.0.0.0/8", DENIES, "expect allow /bin/a to 10.1.2.3 port 1", ""},
        {"allow /bin/a to 10.0.0.0/8", DENIES, "expect ask /bin/a to 11.1.2.3 port 1", ""},
        {"allow /bin/a to lan", DENIES, "expect allow /bin/a to 192.168.1.1 port 1", ""},
        {"allow /bin/a to internet", DENIES, "expect ask /bin/a to 192.168.1.1 port 1", ""},
        {"allow anyone to resolver port 53 udp", DENIES, "expect ask /bin/a to 1.1.1.1 port 53 udp", ""},
        {"allow anyone to resolver port 53 udp", DENIES, "expect allow /bin/a to 1.1.1.1 to resolver port 53 udp", ""},
        {"allow /bin/a tcp", DENIES, "expect allow /bin/a to 1.2.3.4 port 1", ""},
        {"allow /bin/a tcp", DENIES, "expect ask /bin/a to 1.2.3.4 port 1 udp", ""},
        {"allow /bin/a user 7", DENIES, "expect allow /bin/a to 1.2.3.4 port 1 user 7", ""},
        {"allow /bin/a user 7", DENIES, "expect ask /bin/a to 1.2.3.4 port 1 user 8", ""},
        {"allow /bin/a user 7", DENIES, "expect ask /bin/a to 1.2.3.4 port 1", ""},
        {"allow /bin/a group 7", DENIES, "expect allow /bin/a to 1.2.3.4 port 1 user 8 group 7", ""},
        {"allow name a", DENIES, "expect allow /bin/a to 1.2.3.4 port 1", ""},
        {"allow name a", DENIES, "expect allow name a to 1.2.3.4 port 1", ""},
        {"allow unknown", DENIES, "expect allow unknown to 1.2.3.4 port 1", ""},
        {"allow kernel icmp", DENIES, "expect allow kernel to 1.2.3.4 icmp", ""},
        /* Nothing to hold. */
        {NULL, DENIES, "# expect allow", ""},
        {NULL, DENIES, "", ""},
};

static struct ruleset *rules_of(const char *sentence)
{
        struct ruleset *set = ruleset_new(1);
        struct sentence_error error;
        struct rule *rule = NULL;

        assert_non_null(set);
        if (!sentence)
                return set;
        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        rule->id = strdup("r1");
        assert_int_equal(ruleset_add(set, rule), 0);
        return set;
}

static struct expectations expectations_of(const struct ruleset *rules, enum default_is otherwise)
{
        struct expectations e = {.file = "FILE", .rules = rules, .config = config_default()};

        e.config.default_action = otherwise == ALLOWS || otherwise == ALLOWS_UNASKED ? ACTION_ALLOW : ACTION_DENY;
        e.config.popup_enabled = otherwise == DENIES || otherwise == ALLOWS;
        return e;
}

/* The mode of the configuration must not matter. */
static void each_line_does_what_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
                size_t row = i / 2;
                _cleanup_(ruleset_freep) struct ruleset *rules = rules_of(rows[row].rule);
                _cleanup_(buf_deinit) struct buf out = {0}, said = {0};
                struct expectations e = expectations_of(rules, rows[row].otherwise);
                struct expectations_result result;

                e.config.mode = i % 2 ? MODE_LEARNING : MODE_ENFORCEMENT;
                assert_int_equal(expectations_run(&e, rows[row].line, strlen(rows[row].line), &out, &result), 0);
                if (*rows[row].said)
                        buf_printf(&said, "FILE:1: %s\n  %s\n", rows[row].said, rows[row].line);
                if (strcmp(out.n ? out.data : "", said.n ? said.data : "") != 0)
                        fail_msg("%s\n%s", rows[row].line, out.n ? out.data : "(nothing)");
                assert_int_equal(result.n_failed, *rows[row].said != 0);
                assert_int_equal(result.n_wrong, 0);
        }
}

static void a_wrong_line_is_underlined_and_the_others_go_on(void **state)
{
        static const char text[] = "# all of them\r\n"
                                   "expect allow /bin/a to 1.2.3.4 port 80\r\n"
                                   "\n"
                                   "expect allow /bin/a to 1.2.3.0/24 port 80\n"
                                   "expect ask /bin/b to 1.2.3.4 port 80";
        _cleanup_(ruleset_freep) struct ruleset *rules = rules_of("allow /bin/a");
        struct expectations e = expectations_of(rules, DENIES);
        _cleanup_(buf_deinit) struct buf out = {0};
        struct expectations_result result;

        (void)state;
        assert_int_equal(expectations_run(&e, text, strlen(text), &out, &result), 0);
        assert_string_equal(out.data, "FILE:4: this is no expectation:\n"
                                      "  expect allow /bin/a to 1.2.3.0/24 port 80\n"
                                      "                         ^^^^^^^^^^\n"
                                      "expected one address: a connection has no more\n");
        assert_int_equal(result.n, 2);
        assert_int_equal(result.n_failed, 0);
        assert_int_equal(result.n_wrong, 1);
}

static void programs_get_an_object_a_line(void **state)
{
        static const char text[] = "expect allow /bin/a to 1.2.3.4 port 80\nexpect allow\n";
        _cleanup_(ruleset_freep) struct ruleset *rules = rules_of("deny /bin/a");
        struct expectations e = expectations_of(rules, DENIES);
        _cleanup_(buf_deinit) struct buf out = {0};
        struct expectations_result result;

        (void)state;
        e.json = true;
        assert_int_equal(expectations_run(&e, text, strlen(text), &out, &result), 0);
        assert_string_equal(out.data, "{\"line\":1,\"holds\":false,\"expected\":\"allow\",\"verdict\":\"deny\",\"unanswered\":\"deny\","
                                      "\"reason\":\"rule\",\"rule\":\"r1\"}\n"
                                      "{\"line\":2,\"byte\":13,\"error\":\"expected a program's absolute path, name COMM, anyone, "
                                      "unknown or kernel\"}\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_line_does_what_the_table_says),
                cmocka_unit_test(a_wrong_line_is_underlined_and_the_others_go_on),
                cmocka_unit_test(programs_get_an_object_a_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
