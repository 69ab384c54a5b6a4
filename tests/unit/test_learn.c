/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From records to rules. Tables say what a person would write; a storm of random records holds that nothing is forgotten: whatever was undecided is
 * allowed by what is proposed, and what is proposed can be read back.
 */
#include "unit.h"

#include <time.h>

#include "base/macros.h"
#include "core/learn.h"
#include "wire/hostname.h"
#include "wire/sentence.h"

static const struct boottime now = { 100 };
static const int64_t TODAY_US = INT64_C(1800000000000000), HOUR_US = INT64_C(3600000000);

struct bench {
        struct ruleset *rules;
        struct learn *l;
        struct proposal *proposals;
        size_t n;
};

static struct hostsets lists; /* in force: none but in a test of its own */

static struct bench make_bench(const char *const *rules)
{
        struct bench b = { .rules = ruleset_new(1) };
        struct sentence_error error;

        for (; rules && *rules; rules++) {
                struct rule *r;

                if (sentence_parse(*rules, strlen(*rules), &r, &error) != 0)
                        fail_msg("%s: %s", *rules, error.expected);
                assert_int_equal(ruleset_add(b.rules, r), 0);
        }
        b.l = learn_new(b.rules, &lists, now, 2);
        assert_non_null(b.l);
        return b;
}

static void free_bench(struct bench *b)
{
        for (size_t i = 0; i < b->n; i++)
                proposal_deinit(&b->proposals[i]);
        free(b->proposals);
        learn_free(b->l);
        ruleset_free(b->rules);
}

static void propose_all(struct bench *b)
{
        assert_int_equal(learn_propose(b->l, TODAY_US, hostname_domain, &b->proposals, &b->n), 0);
}

/* What a record is made of; what is not said is a connection of /usr/bin/curl by TCP that learning let through yesterday. */
struct seen {
        const char *path, *remote, *host;
        uint16_t port;
        uint8_t protocol;
        enum reason reason; /* 0, which is RULE: learning */
        bool deny, in, deleted;
        enum subject_kind kind;
        int64_t time_us;
        uint64_t n; /* a summary of so many */
};

static struct record record_of(const struct seen *s)
{
        _cleanup_(subject_unrefp) struct subject *subject = subject_new(s->kind, s->kind ? "" : s->path ? s->path : "/usr/bin/curl", "comm");
        struct decision decision = { s->deny ? VERDICT_DENY : VERDICT_ALLOW, s->reason ? s->reason : REASON_LEARNING };
        struct flow flow = flow_to(s->remote, s->port, s->protocol ? s->protocol : 6);
        const struct hosts hosts = hosts_one(s->host, HOST_SOURCE_DNS);
        struct record r;

        subject->uid = 1000;
        subject->path_deleted = s->deleted;
        assert_int_equal(record_init(&r, &decision, subject, &flow, &hosts), 0);
        r.direction = s->in ? DIRECTION_IN : DIRECTION_OUT;
        r.time_us = s->time_us ? s->time_us : TODAY_US - HOUR_US;
        if (s->n) {
                r.is_summary = true;
                r.n_connections = s->n;
                r.since_us = r.time_us - 1;
        }
        return r;
}

static void see(struct bench *b, struct seen s)
{
        struct record r = record_of(&s);

        assert_int_equal(learn_add(b->l, &r), 0);
        record_deinit(&r);
}

#define SEE(b, ...) see(b, (struct seen){ __VA_ARGS__ })

/* `expected`: sentences in the order of the proposals, a newline after each. */
static void assert_proposed(struct bench *b, const char *expected)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        propose_all(b);
        buf_puts(&out, "");
        for (size_t i = 0; i < b->n; i++) {
                sentence_format(b->proposals[i].rule, &out);
                buf_putc(&out, '\n');
        }
        assert_string_equal(out.n ? out.data : "", expected);
}

static void one_connection_is_one_rule(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "93.184.216.34", .port = 443);
        SEE(&b, .remote = "93.184.216.34", .port = 443, .time_us = TODAY_US + 5);
        assert_proposed(&b, "allow /usr/bin/curl to 93.184.216.34 port 443 tcp\n");
        assert_int_equal(b.proposals[0].amounts.n_connections, 2);
        assert_int_equal(b.proposals[0].amounts.n_denied, 0);
        assert_int_equal(b.proposals[0].amounts.first_us, TODAY_US - HOUR_US);
        assert_int_equal(b.proposals[0].amounts.last_us, TODAY_US + 5);
        assert_int_equal(b.proposals[0].surprises, 0);
        free_bench(&b);
}

static void ports_are_grouped(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "93.184.216.34", .port = 443);
        SEE(&b, .remote = "93.184.216.35", .port = 80);
        SEE(&b, .remote = "93.184.216.34", .port = 8080);
        SEE(&b, .remote = "93.184.216.35", .port = 8080);
        SEE(&b, .remote = "93.184.216.34", .port = 443, .protocol = 17);
        SEE(&b, .remote = "93.184.216.34", .protocol = 1);
        assert_proposed(&b, "allow /usr/bin/curl to 93.184.216.34 icmp\n"
                            "allow /usr/bin/curl to 93.184.216.34 or 93.184.216.35 port 80,443,8080 tcp\n"
                            "allow /usr/bin/curl to 93.184.216.34 port 443 udp\n");
        free_bench(&b);
}

static void many_ports_are_any(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        for (uint16_t port = 5000; port < 5020; port++)
                SEE(&b, .remote = "192.168.7.9", .port = port, .protocol = 17);
        SEE(&b, .remote = "192.168.7.9", .port = 22);
        assert_proposed(&b, "allow /usr/bin/curl to 192.168.7.9 port 22 tcp\n"
                            "allow /usr/bin/curl to 192.168.7.9 udp\n");
        free_bench(&b);
}

static void addresses_become_networks(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "10.1.2.3", .port = 22);
        SEE(&b, .remote = "10.1.2.4", .port = 22);
        SEE(&b, .remote = "10.1.2.5", .port = 22);
        SEE(&b, .remote = "10.9.0.1", .port = 22);
        SEE(&b, .remote = "2001:db8::1", .port = 22);
        SEE(&b, .remote = "2001:db8::2", .port = 22);
        SEE(&b, .remote = "2001:db8::3:4", .port = 22);
        assert_proposed(&b, "allow /usr/bin/curl to 10.1.2.0/24 or 10.9.0.1 or 2001:db8::/64 port 22 tcp\n");
        free_bench(&b);
}

static void many_addresses_are_a_kind_of_destination(_unused_ void **state)
{
        struct bench b = make_bench(NULL);
        char text[ADDR_TEXT_MAX];

        for (int i = 1; i < 40; i++) {
                snprintf(text, sizeof(text), "93.184.%d.1", i);
                SEE(&b, .remote = text, .port = 443);
                snprintf(text, sizeof(text), "192.168.%d.1", i);
                SEE(&b, .remote = text, .port = 631);
                SEE(&b, .remote = text, .port = 9100);
                SEE(&b, .remote = i % 2 ? text : "93.184.1.1", .port = 22);
        }
        assert_proposed(&b, "allow /usr/bin/curl port 22 tcp\n"
                            "allow /usr/bin/curl to internet port 443 tcp\n"
                            "allow /usr/bin/curl to lan port 631,9100 tcp\n");
        free_bench(&b);
}

static void hosts_are_grouped_by_domain(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "192.0.2.1", .port = 443, .host = "www.Example.com");
        SEE(&b, .remote = "192.0.2.2", .port = 443, .host = "api.example.com.");
        SEE(&b, .remote = "192.0.2.2", .port = 80, .host = "example.com");
        SEE(&b, .remote = "192.0.2.3", .port = 443, .host = "one.example.org");
        SEE(&b, .remote = "192.0.2.4", .port = 443, .host = "a.shop.co.uk");
        SEE(&b, .remote = "192.0.2.5", .port = 443, .host = "b.shop.co.uk");
        SEE(&b, .remote = "192.0.2.6", .port = 443, .host = "other.co.uk");
        SEE(&b, .remote = "192.0.2.9", .port = 443);
        assert_proposed(&b, "allow /usr/bin/curl to .example.com or .shop.co.uk or one.example.org or other.co.uk port 80,443 tcp\n"
                            "allow /usr/bin/curl to 192.0.2.9 port 443 tcp\n");
        assert_int_equal(b.proposals[0].surprises, 0);
        assert_int_equal(b.proposals[1].surprises, SURPRISE_ADDRESS);
        free_bench(&b);
}

static void nobodys_domain_is_never_proposed(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "192.0.2.1", .port = 443, .host = "a.k12.ca.us");
        SEE(&b, .remote = "192.0.2.2", .port = 443, .host = "b.k12.ca.us");
        SEE(&b, .remote = "192.0.2.3", .port = 443, .host = "one.github.io");
        SEE(&b, .remote = "192.0.2.4", .port = 443, .host = "two.github.io");
        assert_proposed(&b, "allow /usr/bin/curl to a.k12.ca.us or b.k12.ca.us or one.github.io or two.github.io port 443 tcp\n");
        free_bench(&b);
}

static void many_hosts_are_the_internet(_unused_ void **state)
{
        struct bench b = make_bench(NULL);
        char host[64], remote[ADDR_TEXT_MAX];

        for (int i = 1; i < 60; i++) {
                snprintf(host, sizeof(host), "www.site-%d.example", i);
                snprintf(remote, sizeof(remote), "93.184.%d.1", i);
                SEE(&b, .remote = remote, .port = 443, .host = host);
        }
        SEE(&b, .remote = "93.184.60.1", .port = 80);
        assert_proposed(&b, "allow /usr/bin/curl to internet port 80,443 tcp\n");
        free_bench(&b);
}

/* It is an address then, as far as a rule can tell. */
static void what_is_no_name_is_no_host(_unused_ void **state)
{
        static const char *const hosts[] = { "", ".", "1.2.3.4", ".example.com", "a..b", "with blank", "quote\"", "\xff", "a/b", "..",
                                            "a123456789-123456789-123456789-123456789-123456789-123456789-123.org" };
        struct bench b = make_bench(NULL);

        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
                SEE(&b, .remote = "192.0.2.1", .port = 443, .host = hosts[i]);
        assert_proposed(&b, "allow /usr/bin/curl to 192.0.2.1 port 443 tcp\n");
        assert_int_equal(b.proposals[0].amounts.n_connections, ARRAY_SIZE(hosts));
        free_bench(&b);
}

static void what_was_decided_is_not_proposed(_unused_ void **state)
{
        static const enum reason others[] = { REASON_SESSION, REASON_USER, REASON_ADOPTED, REASON_INBOUND, REASON_KEPT, REASON_CLOSING, REASON_SELF,
                                              REASON_UNPARSABLE, REASON_OWNER_UNKNOWN, REASON_OWNER_AMBIGUOUS, REASON_FAILURE };
        static const enum reason ours[] = { REASON_LEARNING, REASON_NOBODY, REASON_TIMEOUT, REASON_CAP, REASON_NO_RULE };
        struct bench b = make_bench(NULL);
        struct record r;

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                SEE(&b, .remote = "192.0.2.1", .port = 443, .reason = others[i]);
        SEE(&b, .remote = "192.0.2.1", .port = 443, .in = true);
        r = record_of(&(struct seen){ .remote = "192.0.2.1", .port = 443 });
        r.rule = strdup("r7");
        assert_int_equal(learn_add(b.l, &r), 0);
        free(r.rule);
        r.rule = NULL;
        r.would_deny = true;
        assert_int_equal(learn_add(b.l, &r), 0);
        record_deinit(&r);
        assert_proposed(&b, "");
        assert_int_equal(learn_counts(b.l).n_records, ARRAY_SIZE(others) + 3);
        assert_int_equal(learn_counts(b.l).n_undecided, 0);
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                SEE(&b, .remote = "192.0.2.1", .port = 443, .reason = ours[i], .deny = ours[i] != REASON_LEARNING);
        assert_proposed(&b, "allow /usr/bin/curl to 192.0.2.1 port 443 tcp\n");
        assert_int_equal(b.proposals[0].amounts.n_connections, ARRAY_SIZE(ours));
        assert_int_equal(b.proposals[0].amounts.n_denied, ARRAY_SIZE(ours) - 1);
        assert_int_equal(b.proposals[0].surprises, SURPRISE_DENIED);
        free_bench(&b);
}

static void what_a_rule_decides_today_is_not_proposed(_unused_ void **state)
{
        static const char *const rules[] = { "allow /usr/bin/curl to 192.0.2.0/24 port 443 tcp", "deny /usr/bin/wget", "ask /usr/bin/git to internet",
                                             "allow anyone to .example.com", "allow /usr/bin/ssh to internet user 0", NULL };
        struct bench b = make_bench(rules);

        SEE(&b, .remote = "192.0.2.1", .port = 443);
        SEE(&b, .path = "/usr/bin/wget", .remote = "192.0.2.1", .port = 443);
        SEE(&b, .path = "/usr/bin/git", .remote = "93.184.216.34", .port = 443);
        SEE(&b, .path = "/usr/bin/vi", .remote = "192.0.2.1", .port = 443, .host = "WWW.example.com");
        SEE(&b, .path = "/usr/bin/ssh", .remote = "93.184.216.34", .port = 22); /* of user 1000 */
        SEE(&b, .remote = "192.0.2.1", .port = 80);
        assert_proposed(&b, "allow /usr/bin/curl to 192.0.2.1 port 80 tcp\n"
                            "allow /usr/bin/ssh to 93.184.216.34 port 22 tcp\n");
        free_bench(&b);
}

static void nothing_is_proposed_for_nobody(_unused_ void **state)
{
        struct bench b = make_bench(NULL);

        SEE(&b, .remote = "192.0.2.1", .port = 443, .kind = SUBJECT_UNKNOWN);
        SEE(&b, .remote = "192.0.2.1", .port = 443, .deleted = true, .n = 5);
        SEE(&b, .path = "", .remote = "192.0.2.1", .port = 443);
        SEE(&b, .path = "relative", .remote = "192.0.2.1", .port = 443);
        SEE(&b, .remote = "0.0.0.0", .port = 443);
        SEE(&b, .remote = "192.0.2.1", .port = 0);
        SEE(&b, .remote = "192.0.2.1", .port = 2049, .kind = SUBJECT_KERNEL);
        assert_proposed(&b, "allow kernel to 192.0.2.1 port 2049 tcp\n");
        assert_int_equal(learn_counts(b.l).n_undecided, 11);
        assert_int_equal(learn_counts(b.l).n_nobody, 10);
        free_bench(&b);
}

static void what_a_list_denies_today_is_not_proposed(_unused_ void **state)
{
        static const char *const rules[] = { "deny anyone list /l/ads", NULL };
        _cleanup_(hostset_freep) struct hostset *set = hostset_new(1, 1);
        struct bench b;

        assert_int_equal(hostset_add(set, "ads.example.com", true), 0);
        lists = (struct hostsets){ .of = { { "/l/ads", set } }, .n = 1 };
        b = make_bench(rules);
        SEE(&b, .remote = "93.184.216.34", .host = "x.ads.example.com", .port = 443);
        SEE(&b, .remote = "93.184.216.35", .host = "www.example.org", .port = 443);
        assert_proposed(&b, "allow /usr/bin/curl to www.example.org port 443 tcp\n");
        free_bench(&b);
        lists.n = 0;
}

static void first_seen_today_is_a_surprise(_unused_ void **state)
{
        struct bench b = make_bench((const char *const[]){ "deny /usr/bin/known to 192.0.2.7", NULL });

        for (int i = 0; i < 3; i++)
                SEE(&b, .path = "/usr/bin/new", .remote = "192.0.2.1", .port = 443, .time_us = TODAY_US + i);
        propose_all(&b);
        assert_int_equal(b.proposals[0].surprises, 0); /* all is: it is the first day */
        proposal_deinit(&b.proposals[0]);
        free(b.proposals);
        SEE(&b, .path = "/usr/bin/known", .remote = "192.0.2.7", .port = 443);
        SEE(&b, .path = "/usr/bin/known", .remote = "192.0.2.1", .port = 443, .time_us = TODAY_US, .n = 2); /* began before midnight */
        propose_all(&b);
        assert_int_equal(b.n, 2);
        assert_string_equal(b.proposals[0].rule->program, "/usr/bin/new");
        assert_int_equal(b.proposals[0].surprises, SURPRISE_NEW);
        assert_int_equal(b.proposals[1].surprises, 0);
        free_bench(&b);
}

static void programs_and_endpoints_have_bounds(_unused_ void **state)
{
        struct bench b = make_bench(NULL);
        char text[64];

        for (unsigned i = 0; i < LIMIT_LEARN_PROGRAMS + 10; i++) {
                snprintf(text, sizeof(text), "/bin/p%u", i);
                SEE(&b, .path = text, .remote = "192.0.2.1", .port = 443);
        }
        assert_int_equal(learn_counts(b.l).n_left_out, 10);
        for (unsigned i = 0; i < LIMIT_LEARN_ENDPOINTS_PROGRAM + 10; i++) {
                snprintf(text, sizeof(text), "10.%u.%u.1", i / 256, i % 256);
                SEE(&b, .path = "/bin/p0", .remote = text, .port = 443);
        }
        assert_int_equal(learn_counts(b.l).n_left_out, 10 + 11); /* one it had */
        propose_all(&b);
        assert_int_equal(b.n, LIMIT_LEARN_PROGRAMS);
        assert_string_equal(b.proposals[0].rule->program, "/bin/p0");
        free_bench(&b);
        b = make_bench(NULL);
        for (unsigned i = 0; i < LIMIT_LEARN_ENDPOINTS + 10; i++) {
                snprintf(text, sizeof(text), "/bin/p%u", i / 4000);
                SEE(&b, .path = text, .remote = "192.0.2.1", .port = (uint16_t)(1 + i % 4000));
        }
        assert_int_equal(learn_counts(b.l).n_left_out, 10);
        free_bench(&b);
}

/* ---- nothing is forgotten ---------------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned below(unsigned n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (unsigned)((random_state >> 16) % n);
}

static struct seen random_seen(char remote[ADDR_TEXT_MAX], char host[64], unsigned spread)
{
        static const char *const paths[] = { "/usr/bin/curl", "/opt/a b/run", "/opt/[x]*", "/opt/say \"hi\"" };
        static const char *const forms[] = { "93.184.%u.%u", "192.168.%u.%u", "10.%u.0.%u", "2001:db8:%x::%x", "fe80::%x:%x", "127.%u.0.%u", "224.0.%u.%u" };
        static const char *const hosts[] = { "%u.example.com", "www.site-%u.org", "%u.shop.co.uk", "x-%u.internal", "host%u" };
        static const uint8_t protocols[] = { 6, 6, 6, 17, 1, 58, 132 };
        struct seen s = { .path = paths[below(ARRAY_SIZE(paths))], .remote = remote, .protocol = protocols[below(ARRAY_SIZE(protocols))] };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(remote, ADDR_TEXT_MAX, forms[below(ARRAY_SIZE(forms))], below(spread), 1 + below(4));
        if (below(2)) {
                snprintf(host, 64, hosts[below(ARRAY_SIZE(hosts))], below(spread));
                s.host = host;
        }
#pragma GCC diagnostic pop
        if (protocol_has_ports(s.protocol))
                s.port = below(2) ? (below(2) ? 443 : 80) : (uint16_t)(1 + below(spread));
        s.deny = below(4) == 0;
        s.reason = s.deny ? REASON_TIMEOUT : REASON_LEARNING;
        return s;
}

static bool is_allowed(const struct bench *b, const struct record *r)
{
        struct facts facts = { .subject = r->subject, .flow = &r->flow, .scopes = addr_scopes(&r->flow.remote, NULL), .host = hosts_first(&r->hosts) };

        for (size_t i = 0; i < b->n; i++)
                if (rule_matches(b->proposals[i].rule, &facts, now))
                        return true;
        return false;
}

/* As a person, or a file, would say it. */
static void assert_readable(const struct rule *rule)
{
        _cleanup_(rule_freep) struct rule *again = NULL;
        _cleanup_(buf_deinit) struct buf sentence = { 0 };
        struct sentence_error error;

        sentence_format(rule, &sentence);
        if (sentence_parse(sentence.data, sentence.n, &again, &error) != 0)
                fail_msg("%s: %s", sentence.data, error.expected);
        assert_true(rule_same_criteria(rule, again));
        assert_int_equal(again->action, ACTION_ALLOW);
}

static void whatever_was_undecided_is_allowed_by_what_is_proposed(_unused_ void **state)
{
        const char *seed = getenv("BASTION_TEST_SEED");

        random_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
        print_message("BASTION_TEST_SEED=%llu\n", (unsigned long long)random_state);
        random_state = random_state * 2654435761u + 88172645463325252u;
        for (int round = 0; round < 400; round++) {
                struct bench b = make_bench((const char *const[]){ "allow /usr/bin/curl to 93.184.0.0/16 port 443", "deny anyone to host1", NULL });
                const unsigned n = 1 + below(120), spread = 1 + below(20);
                struct record records[120];
                uint64_t n_connections = 0;

                for (unsigned i = 0; i < n; i++) {
                        char remote[ADDR_TEXT_MAX], host[64];
                        struct seen s = random_seen(remote, host, spread);

                        records[i] = record_of(&s);
                        assert_int_equal(learn_add(b.l, &records[i]), 0);
                }
                propose_all(&b);
                for (size_t i = 0; i < b.n; i++) {
                        assert_readable(b.proposals[i].rule);
                        n_connections += b.proposals[i].amounts.n_connections;
                        for (size_t k = 0; k < i; k++)
                                assert_false(rule_same_criteria(b.proposals[i].rule, b.proposals[k].rule));
                }
                assert_int_equal(n_connections, learn_counts(b.l).n_undecided - learn_counts(b.l).n_nobody);
                for (unsigned i = 0; i < n; i++) {
                        struct facts facts = { .subject = records[i].subject, .flow = &records[i].flow, .host = hosts_first(&records[i].hosts),
                                               .scopes = addr_scopes(&records[i].flow.remote, NULL) };

                        assert_true(ruleset_decide(b.rules, &facts, now) || is_allowed(&b, &records[i]));
                        record_deinit(&records[i]);
                }
                free_bench(&b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_connection_is_one_rule),
                cmocka_unit_test(ports_are_grouped),
                cmocka_unit_test(many_ports_are_any),
                cmocka_unit_test(addresses_become_networks),
                cmocka_unit_test(many_addresses_are_a_kind_of_destination),
                cmocka_unit_test(hosts_are_grouped_by_domain),
                cmocka_unit_test(nobodys_domain_is_never_proposed),
                cmocka_unit_test(many_hosts_are_the_internet),
                cmocka_unit_test(what_is_no_name_is_no_host),
                cmocka_unit_test(what_was_decided_is_not_proposed),
                cmocka_unit_test(what_a_rule_decides_today_is_not_proposed),
                cmocka_unit_test(nothing_is_proposed_for_nobody),
                cmocka_unit_test(what_a_list_denies_today_is_not_proposed),
                cmocka_unit_test(first_seen_today_is_a_surprise),
                cmocka_unit_test(programs_and_endpoints_have_bounds),
                cmocka_unit_test(whatever_was_undecided_is_allowed_by_what_is_proposed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
