/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Form and sentence say the same: a sentence that becomes a form and a sentence again is the sentence that it was. */
#include "../unit.h"

#include "gui/rule-form.h"
#include "wire/sentence.h"

static struct rule *parse(const char *sentence)
{
        struct sentence_error error;
        struct rule *rule = NULL;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        return rule;
}

static void every_part_has_its_field(void **state)
{
        _cleanup_(rule_freep) struct rule *rule = parse("deny /usr/bin/curl to example.com to 10.0.0.0/8 port 80,443 tcp user 1000 for session priority 5 note \"a \\\"b\\\"\"");
        _cleanup_(rule_form_deinit) struct rule_form form = { 0 };

        (void)state;
        assert_int_equal(rule_form_parse(rule, &form), 0);
        assert_int_equal(form.action, ACTION_DENY);
        assert_string_equal(form.subject, "/usr/bin/curl");
        assert_string_equal(form.to, "example.com to 10.0.0.0/8");
        assert_string_equal(form.ports, "80,443");
        assert_string_equal(form.protocol, "tcp");
        assert_string_equal(form.more, "user 1000 priority 5");
        assert_string_equal(form.lifetime, "for session");
        assert_string_equal(form.note, "a \"b\"");
}

static void there_and_back_is_the_same(void **state)
{
        static const char *const sentences[] = {
                "allow anyone",
                "deny unknown",
                "ask kernel",
                "allow name ping",
                "allow /usr/bin/curl port 443",
                "allow \"/opt/a program/run\" or /usr/bin/wget to not lan",
                "deny anyone to lan,link to 10.9.0.0/16 port 8000-8999 udp",
                "allow /usr/bin/ssh argument -R* parent /usr/bin/make unit not user@1000.service interface wg*",
                "allow /usr/bin/curl to .example.com until 2027-01-01T00:00:00Z",
                "allow /usr/bin/curl until reboot disabled note \"a\\nb\"",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
                struct sentence_error error;
                _cleanup_(rule_freep) struct rule *rule = NULL, *again = NULL;
                _cleanup_(rule_form_deinit) struct rule_form form = { 0 };
                _cleanup_(buf_deinit) struct buf said = { 0 };

                if (sentence_parse(sentences[i], strlen(sentences[i]), &rule, &error) != 0)
                        fail_msg("%s: %s at %zu", sentences[i], error.expected, error.at);
                assert_int_equal(rule_form_parse(rule, &form), 0);
                rule_form_format(&form, &said);
                again = parse(said.data);
                assert_true(rule_same_criteria(rule, again));
                assert_int_equal(rule->action, again->action);
                assert_int_equal(rule->lifetime, again->lifetime);
                assert_int_equal(rule->disabled, again->disabled);
                if (rule->note)
                        assert_string_equal(rule->note, again->note);
        }
}

static void an_empty_program_is_everybody(void **state)
{
        const struct rule_form form = { .action = ACTION_ALLOW, .subject = (char *)"", .to = (char *)"  ", .ports = (char *)"22", .protocol = (char *)"", .more = (char *)"",
                                        .lifetime = (char *)"", .note = (char *)"" };
        _cleanup_(buf_deinit) struct buf said = { 0 };

        (void)state;
        rule_form_format(&form, &said);
        assert_string_equal(said.data, "allow anyone port 22");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_part_has_its_field),
                cmocka_unit_test(there_and_back_is_the_same),
                cmocka_unit_test(an_empty_program_is_everybody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
