/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panel's sentences about connections, rules and changes of the rules. */
#include "unit.h"

#include "gui/panel-text.h"
#include "wire/sentence.h"

static void says(char *text, const char *expected)
{
        assert_string_equal(text, expected);
        free(text);
}

static void connections(_unused_ void **state)
{
        struct connection c = { .flow = flow_to("93.184.216.34", 443, 6), .direction = DIRECTION_OUT, .state = CONNECTION_ESTABLISHED };
        struct hosts one = hosts_one("example.com", HOST_SOURCE_DNS);

        says(panel_place(&c.flow, NULL), "93.184.216.34:443");
        says(panel_flow_details(&c), "https · TCP · established");
        assert_int_equal(hosts_copy(&c.hosts, &one), 0);
        says(panel_place(&c.flow, hosts_first(&c.hosts)), "example.com:443");
        says(panel_flow_details(&c), "93.184.216.34 · https · TCP · established");
        c.direction = DIRECTION_IN;
        c.state = CONNECTION_STATELESS;
        c.flow.protocol = 17;
        c.flow.remote_port = 4711;
        c.has_bytes = true;
        c.bytes_in = 1200;
        c.bytes_out = 7;
        says(panel_flow_details(&c), "93.184.216.34 · UDP · from outside · ↓ 1.2 kB  ↑ 7 B");
        hosts_deinit(&c.hosts);
        says(panel_rates(1200, 0), "↓ 1.2 kB/s  ↑ 0 B/s");
        says(panel_connections_count(1), "1 connection");
        says(panel_connections_count(1234), "1,234 connections");
}

static void program_says(enum subject_kind kind, const char *path, bool deleted, bool foreign, const char *expected)
{
        struct subject *s = subject_new(kind, path, "comm");

        assert_non_null(s);
        s->path_deleted = deleted;
        s->path_foreign = foreign;
        says(panel_program_path(s), expected);
        subject_unref(s);
}

static void programs(_unused_ void **state)
{
        program_says(SUBJECT_PROGRAM, "/usr/bin/curl", false, false, "/usr/bin/curl");
        program_says(SUBJECT_PROGRAM, "/tmp/a\nb", true, false, "/tmp/a\\nb (deleted)");
        program_says(SUBJECT_PROGRAM, "/usr/bin/curl", false, true, "/usr/bin/curl (in a container)");
        program_says(SUBJECT_PROGRAM, "", true, false, "its file could not be read");
        program_says(SUBJECT_KERNEL, "", false, false, "the kernel itself");
        program_says(SUBJECT_UNKNOWN, "", false, false, "no program was found");
}

static struct rule *rule_of(const char *sentence)
{
        struct sentence_error error;
        struct rule *rule;

        assert_int_equal(sentence_parse(sentence, strlen(sentence), &rule, &error), 0);
        return rule;
}

static struct rule_line *line_of(const char *id, enum rule_origin origin, int64_t created, int64_t changed)
{
        struct rule *rule = rule_of("allow /usr/bin/curl port 443");
        struct rule_line *line;

        rule->id = strdup(id);
        rule->origin = origin;
        rule->created = created;
        rule->changed = changed;
        rule->n_hits = 1234;
        line = rule_line_new(rule);
        rule_free(rule);
        assert_non_null(line);
        return line;
}

static void rules(_unused_ void **state)
{
        const struct boottime now = { .ns = NS_PER_SEC };
        struct rule_line *line = line_of("r7", ORIGIN_LIST, 1000, 0);

        says(panel_rule_details(line, now, 1000 + 3 * 86400), "Yours · 1,234 decisions · made 3 days ago");
        assert_null(panel_rule_locked(line));
        rule_line_unref(line);
        line = line_of("r7", ORIGIN_LIST, 1000, 1000 + 86400);
        says(panel_rule_details(line, now, 1000 + 3 * 86400), "Yours · 1,234 decisions · changed 2 days ago");
        rule_line_unref(line);
        line = line_of("/etc/bastion/rules.d/a:b.rules:12", ORIGIN_FILE, 0, 0);
        says(panel_rule_locked(line), "/etc/bastion/rules.d/a:b.rules, line 12: changed in that file, by an administrator");
        rule_line_unref(line);
        says(panel_rules_count(1, 1, 0), "1 rule");
        says(panel_rules_count(1234, 1234, 1), "1,234 rules · 1 warning");
        says(panel_rules_count(2, 1234, 12), "2 of 1,234 rules · 12 warnings");
}

static void changes(_unused_ void **state)
{
        struct journal_entry e = { .number = 9, .time_us = INT64_C(1795295640000000), /* 2026-11-21T21:14:00Z */ .uid = 0, .program = strdup("/usr/bin/bastion") };

        setenv("TZ", "UTC", 1);
        assert_int_equal(journal_entry_add(&e, NULL, rule_of("allow /usr/bin/curl port 443")), 0);
        assert_int_equal(journal_entry_add(&e, rule_of("allow /usr/bin/wget port 80"), rule_of("deny /usr/bin/wget port 80")), 0);
        says(panel_change_title(&e), "21 Nov, 21:14 · 1 added · 1 changed · root with bastion");
        says(panel_change_rules(&e), "+ allow /usr/bin/curl port 443\n− allow /usr/bin/wget port 80\n+ deny /usr/bin/wget port 80");
        e.n_deleted = 1000;
        e.undoes = 7;
        says(panel_change_title(&e), "21 Nov, 21:14 · 1 added · 1 changed · 1,000 deleted · root with bastion · took back change 7");
        says(panel_change_rules(&e), "+ allow /usr/bin/curl port 443\n− allow /usr/bin/wget port 80\n+ deny /usr/bin/wget port 80\n… and 1000 more");
        journal_entry_deinit(&e);
        e = (struct journal_entry){ .by_file = true, .n_deleted = 1, .time_us = INT64_C(1795295640000000) };
        says(panel_change_title(&e), "21 Nov, 21:14 · 1 deleted · rules.json was edited");
        says(panel_change_rules(&e), "Too many rules to be kept one by one");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(connections), cmocka_unit_test(programs), cmocka_unit_test(rules), cmocka_unit_test(changes) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
