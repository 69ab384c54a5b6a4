/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/ruleset.h"

static const struct boottime now = { 100 };

static struct rule *from_key(const char *key)
{
        struct rule *r = NULL;
        const char *expected;

        if (rule_from_flat_key(key, true, &r, &expected) != 0)
                fail_msg("%s was refused: expected %s", key, expected);
        assert_null(expected);
        return r;
}

static void flat_keys_come_back_as_they_were_written(void **state)
{
        static const char *const keys[] = {
                "/usr/bin/curl:443", "/usr/bin/curl:*", "/usr/bin/curl:0", "/opt/my app: beta/x:65535", "/x:y:1", "@name:curl:443",
                "@name:kworker/0:1:53", "@dest:1.2.3.4:53:*", "@dest:1.2.3.4:53", "@dest:1.2.3.4:*", "@dest:1.2.3.4:*:*",
                "@dest:2001:db8::1:53", "@dest:2001:db8::1:53:*", "@dest:2001:db8::1:*:*", "@dest:::1:53:*", "unknown:53",
                "unknown:*", "/\xff\xfe:1",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                _cleanup_(rule_freep) struct rule *r = from_key(keys[i]);
                _cleanup_(freep) char *key = rule_flat_key(r);

                assert_string_equal(r->id, keys[i]);
                assert_string_equal(key, keys[i]);
                assert_int_equal(r->origin, ORIGIN_FLAT);
                assert_int_equal(r->action, ACTION_ALLOW);
        }
}

static void our_own_spelling_reads_back_to_the_same_criteria(void **state)
{
        static const struct {
                const char *key, *canonical;
        } rows[] = {
                { "/usr/bin/curl:0", "/usr/bin/curl:*" },
                { "@dest:1.2.3.4:53", "@dest:1.2.3.4:53:*" },
                { "@dest:1.2.3.4:53:0", "@dest:1.2.3.4:53:*" },
                { "@dest:1.2.3.4:*", "@dest:1.2.3.4:*:*" },
                { "@dest:::ffff:1.2.3.4:53", "@dest:1.2.3.4:53:*" },
                { "@dest:fe80::1:2:3", "@dest:fe80::1:2:3:*" },
                { "@dest:fe80::1:2:*", "@dest:fe80::1:2:*" },
                { "@dest:2001:db8::1:abcd:*", "@dest:2001:db8::1:abcd:*:*" },
                { "@dest:1:2:3:4:5:6:7:8:*", "@dest:1:2:3:4:5:6:7:8:*:*" },
                { "@dest:1:2:3:4:5:6:7:8:9", "@dest:1:2:3:4:5:6:7:8:9:*" },
                { "unknown:0", "unknown:*" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rule_freep) struct rule *r = from_key(rows[i].key), *back = from_key(rows[i].canonical);
                _cleanup_(freep) char *key = NULL;

                free(TAKE_PTR(r->id));
                key = rule_flat_key(r);
                assert_string_equal(key, rows[i].canonical);
                assert_true(rule_same_criteria(r, back));
        }
}

static void a_destination_key_means_address_and_port(void **state)
{
        _cleanup_(rule_freep) struct rule *r = from_key("@dest:2001:db8::1:53:*");
        struct addr expected = address("2001:db8::1");

        (void)state;
        assert_int_equal(r->subject, RULE_UNKNOWN);
        assert_int_equal(r->has, CRITERION_BIT(CRITERION_NETWORK) | CRITERION_BIT(CRITERION_PORT));
        assert_int_equal(rule_criterion(r, CRITERION_NETWORK)->one.network.prefix, 128);
        assert_true(addr_equal(&rule_criterion(r, CRITERION_NETWORK)->one.network.addr, &expected));
        assert_int_equal(rule_criterion(r, CRITERION_PORT)->one.ports.first, 53);
        assert_int_equal(rule_criterion(r, CRITERION_PORT)->one.ports.last, 53);
}

static void bad_keys_are_refused_with_words(void **state)
{
        static const char *const keys[] = {
                "", ":", "curl:443", "/usr/bin/curl", "/usr/bin/curl:", "/usr/bin/curl:65536", "/usr/bin/curl:-1", "/usr/bin/curl:http",
                "/usr/bin/curl:4 43", "@name::443", "@name:443", "@dest:", "@dest:1.2.3.4", "@dest:host:53", "@dest::53", "@dest:1.2.3.4:x:*",
                "@dest:[::1]:53", "@dest:1.2.3:53", "@other:x:1", "unknown", "Unknown:1", "applications", "*:53",
        };
        char *longest = malloc(LIMIT_RULE_ID + 1);
        struct rule *r = NULL;
        const char *expected;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                expected = NULL;
                if (rule_from_flat_key(keys[i], true, &r, &expected) != -EINVAL)
                        fail_msg("%s was accepted", keys[i]);
                assert_non_null(expected);
                assert_null(r);
        }
        assert_non_null(longest);
        memset(longest, '/', LIMIT_RULE_ID);
        strcpy(longest + LIMIT_RULE_ID - 2, ":1");
        assert_int_equal(rule_from_flat_key(longest, true, &r, &expected), -EINVAL);
        strcpy(longest + LIMIT_RULE_ID - 3, ":1");
        assert_int_equal(rule_from_flat_key(longest, true, &r, &expected), 0);
        rule_free(r);
        free(longest);
}

static void what_the_flat_form_cannot_say_has_no_key(void **state)
{
        const struct addr ten = address("10.0.0.0");
        enum { CASES = 16 };

        (void)state;
        for (unsigned i = 0; i < CASES; i++) {
                _cleanup_(rule_freep) struct rule *r = from_key("/usr/bin/curl:443");
                char *key;

                switch (i) {
                case 0: r->action = ACTION_ASK; break;
                case 1: r->lifetime = LIFETIME_SESSION; break;
                case 2: r->disabled = true; break;
                case 3: r->priority = 1; break;
                case 4: r->note = strdup("why"); break;
                case 5: rule_drop_criterion(r, CRITERION_PORT); assert_int_equal(rule_add_ports(r, 443, 444), 0); break;
                case 6: assert_int_equal(rule_add_ports(r, 80, 80), 0); break;
                case 7: assert_int_equal(rule_add_number(r, CRITERION_PROTOCOL, 6), 0); break;
                case 8: assert_int_equal(rule_add_number(r, CRITERION_USER, 0), 0); break;
                case 9: assert_int_equal(rule_add_network(r, &ten, 128), 0); break;
                case 10: r->subject = RULE_ANYONE; break;
                case 11: r->subject = RULE_KERNEL; break;
                case 12: r->expires = now; break;
                case 13: r->subject = RULE_UNKNOWN; assert_int_equal(rule_add_network(r, &ten, 127), 0); break;
                case 14: rule_negate(r, CRITERION_PORT); break;
                case 15: assert_int_equal(rule_add_text(r, CRITERION_ARGUMENT, "-v"), 0); break;
                }
                key = rule_flat_key(r);
                if (key)
                        fail_msg("case %u has the key %s", i, key);
                assert_int_equal(errno, 0);
        }
}

/* Without a name nothing is known of a connection, and of a list that could not be read neither; but what another says holds. */
static void a_list_that_was_not_read_satisfies_nothing(void **state)
{
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(1, 2);
        const struct hostsets lists = { .of = { { "/l", set } }, .n = 1 };
        const struct hosts hosts = { .names = { "other.test", "b.test" }, .n = 2 };
        struct flow flow = flow_to("10.1.2.3", 443, 6);
        static const struct {
                const char *path, *other; /* `other` NULL: one list */
                const char *host;         /* NULL: no name is known */
                enum criterion_truth truth, negated;
        } cases[] = {
                { "/l", NULL, "a.test", CRITERION_TRUE, CRITERION_FALSE },
                { "/l", NULL, "c.test", CRITERION_FALSE, CRITERION_TRUE },
                { "/l", NULL, NULL, CRITERION_NOT_KNOWN, CRITERION_NOT_KNOWN },
                { "/m", NULL, "a.test", CRITERION_NOT_KNOWN, CRITERION_NOT_KNOWN },
                { "/l", "/m", "a.test", CRITERION_TRUE, CRITERION_FALSE },
                { "/l", "/m", "c.test", CRITERION_NOT_KNOWN, CRITERION_NOT_KNOWN },
        };

        (void)state;
        assert_int_equal(hostset_add(set, "a.test", false), 0);
        assert_int_equal(hostset_add(set, "b.test", false), 0);
        for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
                _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_DENY);
                struct facts facts = { .subject = subject_unknown(), .flow = &flow, .host = cases[i / 2].host, .lists = &lists };

                assert_int_equal(rule_add_text(r, CRITERION_LIST, cases[i / 2].path), 0);
                if (cases[i / 2].other)
                        assert_int_equal(rule_add_text(r, CRITERION_LIST, cases[i / 2].other), 0);
                if (i % 2)
                        rule_negate(r, CRITERION_LIST);
                assert_int_equal(criterion_test(rule_criterion(r, CRITERION_LIST), &facts), i % 2 ? cases[i / 2].negated : cases[i / 2].truth);
                /* Any of the names that the program knows will do. */
                facts.hosts = &hosts;
                if (facts.host && strcmp(cases[i / 2].path, "/l") == 0)
                        assert_int_equal(criterion_test(rule_criterion(r, CRITERION_LIST), &facts), i % 2 ? CRITERION_FALSE : CRITERION_TRUE);
        }
}

static void the_path_of_a_list_is_absolute_and_has_a_bound(void **state)
{
        _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_DENY);
        char path[LIMIT_LIST_PATH + 1];

        (void)state;
        memset(path, 'a', sizeof(path));
        path[LIMIT_LIST_PATH] = '\0';
        assert_int_equal(rule_add_text(r, CRITERION_LIST, ""), -EINVAL);
        assert_int_equal(rule_add_text(r, CRITERION_LIST, "ads.txt"), -EINVAL);
        path[0] = '/';
        assert_int_equal(rule_add_text(r, CRITERION_LIST, path), -EINVAL);
        path[LIMIT_LIST_PATH - 1] = '\0';
        assert_int_equal(rule_add_text(r, CRITERION_LIST, path), 0);
        assert_int_equal(rule_add_text(r, CRITERION_LIST, "/a[b*"), 0); /* no pattern */
}

/* Each criterion alone, satisfied and not. */
static void every_criterion_can_refuse(void **state)
{
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        struct flow flow = flow_to("10.1.2.3", 443, 6);
        _cleanup_(hostset_freep) struct hostset *domains = hostset_new(1, 1), *hosts = hostset_new(1, 1);
        const struct hostsets lists = { .of = { { "/l/domains", domains }, { "/l/hosts", hosts } }, .n = 2 };
        struct facts facts = { .subject = s, .flow = &flow, .scopes = SCOPE_LAN, .host = "www.example.com", .lists = &lists, .interface = "wg0" };
        static const char arguments[] = "a\0--upload\0x";
        enum { CASES = 18 };

        (void)state;
        assert_int_equal(hostset_add(domains, "example.com", true), 0);
        assert_int_equal(hostset_add(hosts, "example.com", false), 0);
        s->uid = 1000;
        s->gid = 100;
        s->process = (struct process){ .pid = 5, .start_ns = 6 };
        s->arguments = memcpy(malloc(sizeof(arguments)), arguments, sizeof(arguments));
        s->n_arguments = sizeof(arguments);
        s->cgroup = strdup("/system.slice/cron.service");
        s->n_ancestors = 2;
        s->ancestors[0] = (struct ancestor){ .pid = 4, .path = strdup("/bin/dash") };
        s->ancestors[1] = (struct ancestor){ .pid = 1, .path = strdup("/bin/cron") };
        for (unsigned i = 0; i < CASES * 2; i++) {
                _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_ALLOW);
                bool good = i % 2 == 0;
                struct process process;
                struct addr network;
                int error = 0;

                switch (i / 2) {
                case 0: r->subject = RULE_PATH; r->program = strdup(good ? "/bin/a" : "/bin/b"); break;
                case 1: r->subject = RULE_NAME; r->program = strdup(good ? "a" : "b"); break;
                case 2: error = rule_add_ports(r, 440, good ? 443 : 442); break;
                case 3: error = rule_add_number(r, CRITERION_PROTOCOL, good ? 6 : 17); break;
                case 4: network = address(good ? "10.1.0.0" : "10.2.0.0"); error = rule_add_network(r, &network, 96 + 16); break;
                case 5: error = rule_add_number(r, CRITERION_SCOPE, good ? SCOPE_LAN | SCOPE_LOOPBACK : SCOPE_INTERNET); break;
                case 6: error = rule_add_number(r, CRITERION_USER, good ? 1000 : 0); break;
                case 7: error = rule_add_number(r, CRITERION_GROUP, good ? 100 : 0); break;
                case 8: process = s->process; process.pid += !good; error = rule_set_process(r, &process); break;
                case 9: error = rule_add_text(r, CRITERION_ARGUMENT, good ? "--up*" : "a"); break;
                case 10: error = rule_add_text(r, CRITERION_PARENT, good ? "/bin/*sh" : "/bin/cron"); break;
                case 11: error = rule_add_text(r, CRITERION_ANCESTOR, good ? "/bin/cron" : "/bin/login"); break;
                case 12: error = rule_add_text(r, CRITERION_UNIT, good ? "cron.service" : "cron.slice"); break;
                case 13: error = rule_add_text(r, CRITERION_CGROUP, good ? "/system.slice/**" : "/user.slice/**"); break;
                case 14: error = rule_add_text(r, CRITERION_HOST, good ? ".example.com" : "example.com"); break;
                case 15: error = rule_add_text(r, CRITERION_INTERFACE, good ? "wg*" : "eth0"); break;
                case 16: r->subject = RULE_PROGRAMS; error = rule_add_text(r, CRITERION_PROGRAM, good ? "/*/a" : "/*"); break;
                case 17: error = rule_add_text(r, CRITERION_LIST, good ? "/l/domains" : "/l/hosts"); break;
                }
                assert_int_equal(error, 0);
                if (rule_matches(r, &facts, now) != good)
                        fail_msg("case %u", i);
                r->disabled = true;
                assert_false(rule_matches(r, &facts, now));
        }
}

static void a_rule_ends_when_its_time_is_reached(void **state)
{
        _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_ALLOW);
        struct flow flow = flow_to("10.1.2.3", 443, 6);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };

        (void)state;
        r->expires = (struct boottime){ 50 };
        assert_true(rule_matches(r, &facts, (struct boottime){ 49 }));
        assert_false(rule_matches(r, &facts, (struct boottime){ 50 }));
        r->expires = BOOTTIME_NEVER;
        assert_true(rule_matches(r, &facts, (struct boottime){ UINT64_MAX }));
}

static void ports_do_not_exist_in_icmp(void **state)
{
        _cleanup_(rule_freep) struct rule *r = from_key("unknown:*");
        struct flow flow = flow_to("10.1.2.3", 0, 1);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };

        (void)state;
        flow.icmp_id = 443;
        assert_true(rule_matches(r, &facts, now));
        assert_int_equal(rule_add_ports(r, 1, 65535), 0);
        assert_false(rule_matches(r, &facts, now));
}

static void an_unknown_user_is_nobodys_user(void **state)
{
        _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_ALLOW);
        struct flow flow = flow_to("10.1.2.3", 443, 6);
        struct facts facts = { .subject = subject_unknown(), .flow = &flow };

        (void)state;
        assert_int_equal(rule_add_number(r, CRITERION_USER, 0), 0);
        assert_false(rule_matches(r, &facts, now));
        assert_int_equal(rule_add_number(r, CRITERION_USER, UINT32_MAX), 0);
        assert_false(rule_matches(r, &facts, now));
}

static void same_criteria_ignore_order_and_words(void **state)
{
        _cleanup_(rule_freep) struct rule *a = rule_new(ACTION_ALLOW), *b = rule_new(ACTION_DENY);
        const struct addr ten = address("10.0.0.0"), other = address("192.0.2.1");

        (void)state;
        assert_int_equal(rule_add_network(a, &ten, 96 + 8), 0);
        assert_int_equal(rule_add_network(a, &other, 128), 0);
        assert_int_equal(rule_add_network(b, &other, 128), 0);
        assert_int_equal(rule_add_network(b, &ten, 96 + 8), 0);
        assert_int_equal(rule_add_network(b, &ten, 96 + 8), 0);
        assert_int_equal(rule_add_network(b, &other, 96 + 8), -EINVAL);
        b->note = strdup("note");
        b->id = strdup("r1");
        b->lifetime = LIFETIME_SESSION;
        assert_true(rule_same_criteria(a, b));
        assert_true(rule_criteria_hash(a, 3) == rule_criteria_hash(b, 3));
        rule_negate(b, CRITERION_NETWORK);
        assert_false(rule_same_criteria(a, b));
        rule_negate(a, CRITERION_NETWORK);
        assert_true(rule_same_criteria(a, b));
        b->priority = 5;
        assert_false(rule_same_criteria(a, b)); /* two priorities are two rules: none is lost */
}

static void a_copy_shares_nothing(void **state)
{
        _cleanup_(rule_freep) struct rule *r = from_key("/usr/bin/curl:443"), *copy = NULL;

        (void)state;
        r->note = strdup("a note");
        copy = rule_copy(r);
        assert_true(rule_same_criteria(r, copy));
        assert_string_equal(copy->id, r->id);
        assert_string_equal(copy->note, r->note);
        assert_ptr_not_equal(copy->id, r->id);
        assert_ptr_not_equal(copy->note, r->note);
        assert_ptr_not_equal(copy->program, r->program);
}

static void words_go_both_ways(void **state)
{
        enum action action;
        enum lifetime lifetime;
        enum rule_origin origin;

        (void)state;
        for (unsigned i = ACTION_ALLOW; i <= ACTION_ASK; i++)
                assert_true(action_parse(action_name((enum action)i), &action) && action == i);
        for (unsigned i = LIFETIME_ONCE; i <= LIFETIME_ALWAYS; i++)
                assert_true(lifetime_parse(lifetime_name((enum lifetime)i), &lifetime) && lifetime == i);
        for (unsigned i = ORIGIN_FLAT; i <= ORIGIN_SESSION; i++)
                assert_true(rule_origin_parse(rule_origin_name((enum rule_origin)i), &origin) && origin == i);
        assert_false(action_parse("Allow", &action));
        assert_false(lifetime_parse("", &lifetime));
        assert_false(rule_origin_parse("user", &origin));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(flat_keys_come_back_as_they_were_written),
                cmocka_unit_test(our_own_spelling_reads_back_to_the_same_criteria),
                cmocka_unit_test(a_destination_key_means_address_and_port),
                cmocka_unit_test(bad_keys_are_refused_with_words),
                cmocka_unit_test(what_the_flat_form_cannot_say_has_no_key),
                cmocka_unit_test(every_criterion_can_refuse),
                cmocka_unit_test(a_list_that_was_not_read_satisfies_nothing),
                cmocka_unit_test(the_path_of_a_list_is_absolute_and_has_a_bound),
                cmocka_unit_test(a_rule_ends_when_its_time_is_reached),
                cmocka_unit_test(ports_do_not_exist_in_icmp),
                cmocka_unit_test(an_unknown_user_is_nobodys_user),
                cmocka_unit_test(same_criteria_ignore_order_and_words),
                cmocka_unit_test(a_copy_shares_nothing),
                cmocka_unit_test(words_go_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
