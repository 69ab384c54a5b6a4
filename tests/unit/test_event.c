/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the daemon says: the old messages to the byte, and every new one back into the struct it came from. */
#include "base/macros.h"
#include "unit.h"
#include "wire/conffile.h"
#include "wire/message.h"

static struct flow tcp(const char *remote, uint16_t port)
{
        struct flow flow = { .local_port = 40000, .remote_port = port, .protocol = 6 };

        assert_true(addr_parse("192.0.2.2", &flow.local) && addr_parse(remote, &flow.remote));
        return flow;
}

static struct subject *curl(const char *path)
{
        struct subject *s = subject_new(SUBJECT_PROGRAM, path, "curl\x01");

        assert_non_null(s);
        s->identity = IDENTITY_TASK;
        s->process = (struct process){ .pid = 4712, .start_ns = 91234567, .exec_id = 3 };
        s->uid = 1000;
        s->gid = 0;
        s->n_arguments = 12;
        s->arguments = memcpy(malloc(12), "curl\0\0\xff\"\\x\n", 12);
        s->arguments_cut = true;
        s->cgroup = strdup("/user.slice");
        s->ancestors[0] = (struct ancestor){ .pid = 4711, .name = "sh", .program = "dash", .path = strdup("/usr/bin/da\xff") };
        s->ancestors[1] = (struct ancestor){ .pid = 1, .name = "cut \xc3", .program = "" };
        s->n_ancestors = 2;
        return s;
}

static void check_subject(const struct subject *a, const struct subject *b)
{
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->identity, b->identity);
        assert_true(process_equal(&a->process, &b->process));
        assert_true(a->uid == b->uid && a->gid == b->gid);
        assert_string_equal(a->path, b->path);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->n_arguments, b->n_arguments);
        assert_int_equal(!a->arguments, !b->arguments);
        if (a->arguments)
                assert_memory_equal(a->arguments, b->arguments, a->n_arguments);
        assert_int_equal(!a->cgroup, !b->cgroup);
        if (a->cgroup)
                assert_string_equal(a->cgroup, b->cgroup);
        assert_int_equal(a->n_ancestors, b->n_ancestors);
        for (unsigned i = 0; i < a->n_ancestors; i++) {
                assert_int_equal(a->ancestors[i].pid, b->ancestors[i].pid);
                assert_string_equal(a->ancestors[i].name, b->ancestors[i].name);
                assert_string_equal(a->ancestors[i].program, b->ancestors[i].program);
                assert_int_equal(!a->ancestors[i].path, !b->ancestors[i].path);
                if (a->ancestors[i].path)
                        assert_string_equal(a->ancestors[i].path, b->ancestors[i].path);
        }
        assert_true(a->arguments_cut == b->arguments_cut && a->path_deleted == b->path_deleted && a->path_foreign == b->path_foreign);
}

static void expect(struct buf *out, const char *line)
{
        assert_int_equal(buf_error(out), 0);
        assert_string_equal(out->data, line);
        buf_reset(out);
}

static struct event *parse(struct buf *out, enum event_type type)
{
        struct event *e = NULL;

        assert_int_equal(buf_error(out), 0);
        assert_int_equal(memchr(out->data, '\n', out->n) == out->data + out->n - 1, 1);
        if (event_parse(out->data, out->n - 1, &e) != 0)
                fail_msg("%s", out->data);
        assert_int_equal(e->type, type);
        buf_reset(out);
        return e;
}

static void check_hosts(const struct hosts *expected, const struct hosts *hosts)
{
        assert_true(hosts->n == expected->n && hosts->source == expected->source);
        for (unsigned i = 0; i < hosts->n; i++)
                assert_string_equal(hosts->names[i], expected->names[i]);
}

static void test_connection_request(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {};
        struct subject *s = subject_new(SUBJECT_PROGRAM, "/usr/bin/cu\"rl", "curl");
        struct question q = { .ref = "q1-a", .subjects = { s }, .n_subjects = 1, .flow = tcp("93.184.216.34", 443) };
        struct subject *unreadable = subject_new(SUBJECT_PROGRAM, "", "foo");

        message_format_connection_request(&out, &q);
        expect(&out, "{\"type\":\"connection_request\",\"request_id\":\"q1-a\",\"app_name\":\"cu\\\"rl\",\"app_path\":\"/usr/bin/cu\\\"rl\","
                     "\"app_category\":\"unknown\",\"dest_ip\":\"93.184.216.34\",\"dest_port\":443,\"protocol\":\"TCP\","
                     "\"learning_mode\":false}\n");
        q.subjects[0] = unreadable;
        q.flow.protocol = 17;
        q.learning = true;
        message_format_connection_request(&out, &q);
        expect(&out, "{\"type\":\"connection_request\",\"request_id\":\"q1-a\",\"app_name\":\"foo\",\"app_path\":\"\","
                     "\"app_category\":\"unknown\",\"dest_ip\":\"93.184.216.34\",\"dest_port\":443,\"protocol\":\"UDP\","
                     "\"learning_mode\":true}\n");
        q.subjects[0] = subject_unknown();
        q.flow = tcp("2001:db8::1", 0);
        q.flow.protocol = 253;
        message_format_connection_request(&out, &q);
        expect(&out, "{\"type\":\"connection_request\",\"request_id\":\"q1-a\",\"app_name\":\"unknown\",\"app_path\":\"unknown\","
                     "\"app_category\":\"unknown\",\"dest_ip\":\"2001:db8::1\",\"dest_port\":0,\"protocol\":\"253\","
                     "\"learning_mode\":true}\n");
        subject_unref(s);
        subject_unref(unreadable);
}

static void test_old_messages(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct rule *flat = NULL, *listed = rule_new(ACTION_ASK);
        struct rules_list_at at = {};
        const char *expected;

        message_format_stats_update(&out, 12, 10, UINT64_MAX, true);
        expect(&out, "{\"type\":\"stats_update\",\"stats\":{\"total_connections\":12,\"allowed_connections\":10,"
                     "\"blocked_connections\":9223372036854775807,\"learning_mode\":true}}\n");
        message_format_cancel_popup(&out, "q1-a");
        expect(&out, "{\"type\":\"cancel_popup\",\"request_id\":\"q1-a\"}\n");
        message_format_rule_deleted(&out, "/x\t:1", false);
        expect(&out, "{\"type\":\"rule_deleted\",\"key\":\"/x\\u0009:1\",\"success\":false}\n");
        message_format_notification(&out, "T", "<b>\xff</b>", NOTIFICATION_ERROR);
        expect(&out, "{\"type\":\"notification\",\"title\":\"T\",\"message\":\"<b>\xef\xbf\xbd</b>\",\"level\":\"error\"}\n");
        assert_int_equal(rule_from_flat_key("/bin/x:80", true, &flat, &expected), 0);
        flat->origin = ORIGIN_FLAT;
        assert_int_equal(ruleset_add(set, flat), 0);
        assert_int_equal(ruleset_add(set, listed), 0);
        assert_true(message_format_rules_list(&out, set, &at, 3));
        expect(&out, "{\"type\":\"rules_list\",\"rules\":{\"/bin/x:80\":true}}\n");
}

static void add_flat(struct ruleset *set, const char *key, bool allow)
{
        struct rule *r = NULL;
        const char *expected;

        assert_int_equal(rule_from_flat_key(key, allow, &r, &expected), 0);
        r->origin = ORIGIN_FLAT;
        assert_int_equal(ruleset_add(set, r), 0);
}

/* The same line in pieces of every size; and while rules go and come. */
static void test_rules_list_in_pieces(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct rules_list_at at;

        add_flat(set, "/a:1", true);
        add_flat(set, "/b:1", false);
        assert_int_equal(ruleset_add(set, rule_new(ACTION_ASK)), 0);
        add_flat(set, "/c:1", true);
        for (unsigned n = 1; n < 6; n++) {
                unsigned pieces = 1;

                for (at = (struct rules_list_at){}; !message_format_rules_list(&out, set, &at, n); pieces++)
                        ;
                assert_int_equal(pieces, 4 / n + 1);
                expect(&out, "{\"type\":\"rules_list\",\"rules\":{\"/a:1\":true,\"/b:1\":false,\"/c:1\":true}}\n");
                rules_mark_deinit(&at.mark);
        }
        at = (struct rules_list_at){};
        assert_false(message_format_rules_list(&out, set, &at, 1));
        rule_free(ruleset_remove(set, "/a:1"));
        rule_free(ruleset_remove(set, "/c:1"));
        add_flat(set, "/a:1", true); /* told already */
        assert_true(message_format_rules_list(&out, set, &at, 9));
        expect(&out, "{\"type\":\"rules_list\",\"rules\":{\"/a:1\":true,\"/b:1\":false}}\n");
        rules_mark_deinit(&at.mark);
        out.max = 30; /* too long: it ends all the same, and says so */
        for (at = (struct rules_list_at){}; !message_format_rules_list(&out, set, &at, 1);)
                ;
        assert_int_equal(buf_error(&out), -E2BIG);
        rules_mark_deinit(&at.mark);
}

/* One record with everything, one with nothing. */
static void test_decision(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {}, json = {};
        struct record rows[2] = {
                { .seq = 7, .time_us = 1769860800123456, .verdict = VERDICT_ALLOW, .reason = REASON_RULE, .would_deny = true,
                  .flow = tcp("2001:db8::1", 443), .hosts = { .names = { "example.com", "b.example" }, .n = 2, .source = HOST_SOURCE_DNS }, .rule = (char *)"/tmp/\xfe:443", .latency_ns = 41000 },
                { .verdict = VERDICT_DENY, .reason = REASON_TIMEOUT, .flow = tcp("192.0.2.9", 0), .direction = DIRECTION_IN },
        };

        rows[0].subject = curl("/tmp/\xff\"\\ \xe2\x80\xae");
        rows[0].flow.interface = 2;
        rows[1].subject = subject_ref(subject_unknown());
        rows[1].flow.protocol = 1;
        rows[1].flow.icmp_id = 77;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct event *e;
                const struct record *r;

                message_format_decision(&out, &rows[i]);
                assert_int_equal(event_format_json(out.data, out.n - 1, &json), 0);
                const char *start = i ? "{\"seq\":0,\"time\":\"1970-01-01T00:00:00.000000Z\",\"verdict\":\"deny\","
                                      : "{\"seq\":7,\"time\":\"2026-01-31T12:00:00.123456Z\",\"verdict\":\"allow\",";
                assert_memory_equal(json.data, start, strlen(start));
                buf_reset(&json);
                e = parse(&out, EVENT_DECISION);
                assert_int_equal(e->n_records, 1);
                r = e->records;
                assert_true(r->seq == rows[i].seq && r->time_us == rows[i].time_us && r->verdict == rows[i].verdict);
                assert_true(r->reason == rows[i].reason && r->would_deny == rows[i].would_deny && r->direction == rows[i].direction);
                assert_true(flow_equal(&r->flow, &rows[i].flow) && r->flow.interface == rows[i].flow.interface);
                assert_int_equal(r->latency_ns, rows[i].latency_ns);
                check_subject(rows[i].subject, r->subject);
                check_hosts(&rows[i].hosts, &r->hosts);
                if (i == 0)
                        assert_string_equal(r->rule, rows[i].rule);
                else
                        assert_null(r->rule);
                event_free(e);
        }
        const struct record *both[] = { &rows[0], &rows[1] };
        struct event *e;

        message_format_reply_decisions(&out, 5, both, 2, "/var/lib/bastion/history");
        e = parse(&out, EVENT_REPLY);
        assert_true(e->id == 5 && e->n_records == 2);
        assert_string_equal(e->history, "/var/lib/bastion/history");
        check_subject(rows[0].subject, e->records[0].subject);
        event_free(e);
        subject_unref(rows[0].subject);
        subject_unref(rows[1].subject);
}

/* Of the names that come with a line: the first is `host`, exactly; no more than can be; what a newer daemon says is no error. */
static void test_hosts(void **state _unused_)
{
        static const struct {
                const char *fields;
                int result;
                unsigned n;
                enum host_source source;
        } rows[] = {
                { "\"host\":\"a.example\",\"hosts\":[\"a.example\",\"b.example\"],\"host_source\":\"dns\"", 0, 2, HOST_SOURCE_DNS },
                { "\"host\":\"a.example\",\"hosts\":[],\"host_source\":\"tea leaves\"", 0, 1, HOST_SOURCE_NONE },
                { "\"host\":\"a.example\"", 0, 1, HOST_SOURCE_NONE },
                { "\"host\":\"\ufffd\",\"host_bytes\":\"\\\\xff\",\"hosts\":[\"\ufffd\"]", 0, 1, HOST_SOURCE_NONE },
                { "\"host\":null,\"hosts\":[\"b.example\"],\"host_source\":\"dns\"", 0, 0, HOST_SOURCE_NONE },
                { "\"hosts\":[]", 0, 0, HOST_SOURCE_NONE },
                { "\"host\":\"a\",\"hosts\":[\"a\",2]", 1, 0, HOST_SOURCE_NONE },
                { "\"host\":\"a\",\"hosts\":{}", 1, 0, HOST_SOURCE_NONE },
                { "\"host\":\"1\",\"hosts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]", 0, LIMIT_HOSTS, HOST_SOURCE_NONE },
                { "\"host\":\"1\",\"hosts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]", 1, 0, HOST_SOURCE_NONE },
        };
        const struct connection c = { .flow = tcp("192.0.2.9", 22), .subject = subject_unknown() };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf out = {}, line = {};
                struct event *e = NULL;
                char *at;

                message_format_reply_connections(&out, 1, &c, 1);
                at = strstr(out.data, "\"host\":null,\"hosts\":[],\"host_source\":null");
                assert_non_null(at);
                buf_append(&line, out.data, (size_t)(at - out.data));
                buf_puts(&line, rows[i].fields);
                buf_puts(&line, strstr(at, ",\"direction\""));
                assert_int_equal(event_parse(line.data, line.n, &e), rows[i].result);
                if (e) {
                        assert_true(e->connections->hosts.n == rows[i].n && e->connections->hosts.source == rows[i].source);
                        if (rows[i].n == 1)
                                assert_string_equal(e->connections->hosts.names[0], i == 3 ? "\xff" : "a.example");
                }
                event_free(e);
        }
}

static void test_summaries(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {}, json = {};
        struct record row = { .seq = 8, .time_us = 1769860800123456, .verdict = VERDICT_ALLOW, .reason = REASON_RULE, .flow = tcp("192.0.2.9", 443),
                              .rule = (char *)"r1", .subject = subject_unknown(), .is_summary = true, .n_connections = 57,
                              .n_bytes = 12345, .since_us = 1769860740000001 };
        const struct record *past[] = { &row };
        struct event *e;

        message_format_decision(&out, &row);
        assert_int_equal(event_format_json(out.data, out.n - 1, &json), 0);
        assert_non_null(strstr(json.data, "\"count\":57,\"bytes\":12345,\"since\":\"2026-01-31T11:59:00.000001Z\"}"));
        assert_non_null(strstr(out.data, "{\"type\":\"decisions\",\"seq\":8,"));
        e = parse(&out, EVENT_DECISION);
        assert_true(e->n_records == 1 && e->records->is_summary && e->records->seq == 8);
        assert_true(e->records->n_connections == 57 && e->records->n_bytes == 12345 && e->records->since_us == row.since_us);
        event_free(e);
        message_format_reply_decisions(&out, 5, past, 1, NULL);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->n_records == 1 && e->records->is_summary && e->records->n_connections == 57 && !e->history);
        event_free(e);
}

static void test_broken_summaries(void **state _unused_)
{
        static const char *const ends[] = { "\"count\":0,\"bytes\":1,\"since\":\"2026-01-31T12:00:00Z\"",
                                            "\"count\":-1,\"bytes\":1,\"since\":\"2026-01-31T12:00:00Z\"",
                                            "\"count\":9223372036854775808,\"bytes\":1,\"since\":\"2026-01-31T12:00:00Z\"",
                                            "\"count\":1,\"bytes\":-1,\"since\":\"2026-01-31T12:00:00Z\"",
                                            "\"count\":1,\"bytes\":1,\"since\":12",
                                            "\"count\":1,\"bytes\":1",
                                            "\"count\":\"1\",\"bytes\":1,\"since\":\"2026-01-31T12:00:00Z\"",
                                            "\"count\":null" };
        struct record row = { .verdict = VERDICT_ALLOW, .reason = REASON_RULE, .flow = tcp("192.0.2.9", 443), .subject = subject_unknown() };
        _cleanup_(buf_deinit) struct buf out = {};

        message_format_decision(&out, &row);
        out.n -= 2; /* brace and newline */
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                _cleanup_(buf_deinit) struct buf line = {};
                struct event *e = NULL;

                buf_append(&line, out.data, out.n);
                buf_printf(&line, ",%s}", ends[i]);
                assert_int_equal(event_parse(line.data, line.n, &e), 1);
                assert_null(e);
        }
}

static const char *whole_name(const char *host)
{
        return host;
}

static void test_questions(void **state _unused_)
{
        static const struct boottime now = { 5 * NS_PER_SEC };
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(question_table_freep) struct question_table *table = question_table_new(1, 2, whole_name);
        struct flow flow = tcp("192.0.2.9", 443);
        struct subject *a = curl("/usr/bin/a"), *b = curl("/usr/bin/b");
        const struct hosts hosts = { .names = { "a.example", "b.example" }, .n = 2, .source = HOST_SOURCE_DNS };
        struct facts facts[2] = { { .subject = a, .flow = &flow, .host = "a.example", .hosts = &hosts }, { .subject = b, .flow = &flow } };
        struct question *q;
        struct event *e;

        assert_int_equal(question_ask(table, facts, 2, REASON_OWNER_AMBIGUOUS, true, NULL, now, boottime_add(now, 30 * NS_PER_SEC), &q),
                         QUESTION_IS_NEW);
        for (int reply = 0; reply < 2; reply++) {
                const struct prompt *p;

                if (reply)
                        message_format_reply_questions(&out, 3, table, now);
                else
                        message_format_question(&out, q, now);
                e = parse(&out, reply ? EVENT_REPLY : EVENT_QUESTION);
                assert_int_equal(e->n_prompts, 1);
                p = e->prompts;
                assert_string_equal(p->ref, q->ref);
                check_subject(a, p->subject);
                assert_int_equal(p->n_others, 1);
                check_subject(b, p->others[0]);
                assert_true(flow_equal(&p->flow, &flow));
                assert_int_equal(p->reason, REASON_OWNER_AMBIGUOUS);
                assert_true(p->learning && !p->whole_program && p->n_more == 0 && p->n_connections == q->n_connections);
                assert_int_equal(p->left_ms, 30000);
                check_hosts(&hosts, &p->hosts);
                assert_string_equal(p->domain, "a.example");
                assert_int_equal(p->state, QUESTION_OPEN);
                assert_int_equal(e->n_missed, 0);
                event_free(e);
        }
        question_close(table, q, QUESTION_EXPIRED);
        message_format_question_closed(&out, q);
        e = parse(&out, EVENT_QUESTION_CLOSED);
        assert_string_equal(e->ref, q->ref);
        assert_int_equal(e->state, QUESTION_EXPIRED);
        event_free(e);
        question_miss(table, q, VERDICT_ALLOW, 1769860800123456);
        message_format_reply_questions(&out, 3, table, now);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->n_prompts == 0 && e->n_missed == 1);
        assert_string_equal(e->missed->ref, q->ref);
        check_subject(b, e->missed->others[0]);
        check_hosts(&hosts, &e->missed->hosts);
        assert_true(e->missed->state == QUESTION_EXPIRED && e->missed->verdict == VERDICT_ALLOW && e->missed->ended_us == 1769860800123456);
        assert_int_equal(e->missed->left_ms, 0);
        event_free(e);
        subject_unref(a);
        subject_unref(b);
}

static void test_rules(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct config config = config_default();
        const struct rules_page all = { .limit = LIMIT_RULES };
        struct rule *lan = rule_new(ACTION_ALLOW), *once = rule_new(ACTION_DENY);
        struct event *e;

        lan->id = strdup("factory:lan");
        lan->origin = ORIGIN_FACTORY;
        lan->priority = PRIORITY_FACTORY;
        assert_int_equal(rule_add_number(lan, CRITERION_SCOPE, SCOPE_LAN), 0);
        assert_int_equal(rule_add_number(lan, CRITERION_GROUP, UINT32_MAX), 0);
        lan->n_hits = 12;
        once->origin = ORIGIN_SESSION;
        once->lifetime = LIFETIME_ONCE;
        once->subject = RULE_PATH;
        once->program = strdup("/tmp/\xff");
        assert_int_equal(rule_set_process(once, &(struct process){ .pid = 1, .start_ns = 2, .exec_id = 3 }), 0);
        once->created = 1769860800;
        assert_int_equal(ruleset_add(set, lan), 0);
        assert_int_equal(ruleset_add(set, once), 0);
        message_format_reply_rules(&out, 1, set, 7, &config, &all);
        e = parse(&out, EVENT_REPLY);
        assert_int_equal(e->n_rules, 2);
        assert_string_equal(e->rules[0]->id, "factory:lan");
        assert_true(e->rules[0]->disabled); /* allow_lan is off by default */
        assert_true(rule_same_criteria(e->rules[0], lan));
        assert_true(e->rules[0]->n_hits == 12 && e->rules[0]->origin == ORIGIN_FACTORY);
        assert_true(rule_same_criteria(e->rules[1], once));
        assert_true(e->rules[1]->lifetime == LIFETIME_ONCE && e->rules[1]->created == once->created);
        event_free(e);
        message_format_reply_rule(&out, 1, once);
        e = parse(&out, EVENT_REPLY);
        assert_int_equal(e->n_rules, 1);
        assert_true(rule_same_criteria(e->rules[0], once));
        event_free(e);
        message_format_reply_rule(&out, 1, NULL);
        e = parse(&out, EVENT_REPLY);
        assert_int_equal(e->n_rules, 0);
        event_free(e);
}

/* All the rules, a page at a time; how many pages. */
static unsigned walk(const struct ruleset *set, unsigned limit, size_t *ret_n, size_t *ret_longest)
{
        const struct config config = config_default();
        struct rules_page page = { .limit = limit };
        _cleanup_(buf_deinit) struct buf out = {};
        unsigned n_pages = 0;
        struct event *e;

        *ret_n = *ret_longest = 0;
        do {
                rules_mark_deinit(&page.after);
                page.after = n_pages > 0 ? e->next : (struct rules_mark){};
                page.has_after = n_pages > 0;
                if (n_pages > 0) {
                        e->next = (struct rules_mark){};
                        event_free(e);
                }
                message_format_reply_rules(&out, 1, set, 7, &config, &page);
                *ret_longest = MAX(*ret_longest, out.n);
                e = parse(&out, EVENT_REPLY);
                *ret_n += e->n_rules;
                n_pages++;
                if (e->has_next) {
                        assert_int_equal(e->next.load, 7);
                        assert_string_equal(e->next.rule, e->rules[e->n_rules - 1]->id);
                }
        } while (e->has_next);
        event_free(e);
        rules_mark_deinit(&page.after);
        return n_pages;
}

static void test_pages_of_rules(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(buf_deinit) struct buf out = {}, json = {};
        struct config config = config_default();
        struct rules_page page = { .has_after = true, .limit = 1, .after = { .load = 7, .number = 1, .rule = strdup("/tmp/\xff" "0") } };
        char note[LIMIT_RULE_NOTE];
        size_t n, longest;

        memset(note, '\1', sizeof(note) - 1); /* six bytes each when written */
        note[sizeof(note) - 1] = 0;
        for (int i = 0; i < 1000; i++) {
                struct rule *r = rule_new(ACTION_DENY);

                assert_true(asprintf(&r->id, "/tmp/\xff%d", i) > 0);
                r->subject = RULE_PATH;
                r->program = strdup(r->id);
                r->note = strdup(note);
                assert_int_equal(ruleset_add(set, r), 0);
        }
        assert_int_equal(walk(set, one_in(20), &n, &longest), 1000 / one_in(20));
        assert_int_equal(n, 1000);
        assert_int_equal(walk(set, 999, &n, &longest) > 2, 1); /* by their text */
        assert_int_equal(n, 1000);
        walk(set, LIMIT_RULES, &n, &longest);
        assert_int_equal(n, 1000);
        assert_true(longest > LIMIT_RULES_TEXT && longest < LIMIT_RULES_TEXT + 64 * 1024);
        for (int i = 10; i < 1000; i++) {
                char id[32];

                snprintf(id, sizeof(id), "/tmp/\xff%d", i);
                rule_free(ruleset_remove(set, id));
        }
        assert_int_equal(walk(set, 10, &n, &longest), 1); /* no empty last page */
        assert_int_equal(walk(set, 9, &n, &longest), 2);
        message_format_reply_rules(&out, 5, set, 7, &config, &page);
        assert_non_null(strstr(out.data, "\"next\":{\"load\":7,\"number\":2,\"rule\":\"/tmp/\xef\xbf\xbd""1\",\"rule_bytes\":\"/tmp/\\\\xff1\"}}\n"));
        assert_int_equal(event_format_json_rules(out.data, out.n - 1, &json), 0);
        assert_memory_equal(json.data, "{\"id\":\"/tmp/", 12);
        assert_int_equal(json.data[json.n - 1], '}');
        buf_reset(&json);
        assert_int_equal(event_format_json_rules("{}", 2, &json), 0);
        assert_int_equal(json.n, 0);
        assert_int_equal(event_format_json_rules("{", 1, &json), 1);
        rules_mark_deinit(&page.after);
}

/* Every part of an explanation: one that decides, one that loses, one that has to go first, what is to be added, bytes that are no text. */
static void test_why(void **state _unused_)
{
        static const char *const sentences[] = { "deny anyone", "allow /usr/bin/curl port 443" };
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(subject_unrefp) struct subject *subject = curl("/usr/bin/curl");
        struct flow flow = tcp("192.168.1.1", 443);
        struct facts facts = { .subject = subject, .flow = &flow, .scopes = addr_scopes(&flow.remote, NULL) };
        struct config config = config_default();
        struct explanation x;
        struct event *e;

        for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
                struct sentence_error error;
                struct rule *rule = NULL;

                assert_int_equal(sentence_parse(sentences[i], strlen(sentences[i]), &rule, &error), 0);
                rule->id = strdup(i ? "r2" : "r\xff");
                rule->priority = i ? 0 : 7;
                assert_int_equal(ruleset_add(set, rule), 0);
        }
        config.mode = MODE_ENFORCEMENT;
        assert_int_equal(explain(set, &config, &facts, (struct boottime){ 1 }, &x), 0);
        message_format_reply_why(&out, 1, &x, &facts, &config, 99);
        e = parse(&out, EVENT_REPLY);
        assert_non_null(e->why);
        assert_true(flow_equal(&e->why->flow, &flow) && e->why->scopes == facts.scopes && e->why->subject->uid == 1000);
        assert_true(e->why->verdict == VERDICT_DENY && e->why->reason == REASON_RULE && e->why->mode == MODE_ENFORCEMENT);
        assert_string_equal(e->why->rule, "r\xff");
        assert_true(e->why->n_rules == 99 && e->why->n_considered == 2 && e->why->n_candidates == 2);
        assert_int_equal(e->why->candidates[0].fate, EXPLAIN_DECIDES);
        assert_int_equal(e->why->candidates[1].fate, EXPLAIN_LOSES);
        assert_int_equal(e->why->candidates[1].step, ORDER_PRIORITY);
        assert_string_equal(e->why->candidates[1].rule->id, "r2");
        assert_true(e->why->n_changes == 1 && e->why->changes[0].action == ACTION_ALLOW && e->why->changes[0].n_delete == 1);
        assert_string_equal(e->why->changes[0].delete[0], "r\xff");
        assert_string_equal(e->why->changes[0].add, "allow /usr/bin/curl to 192.168.1.1 port 443 tcp");
        event_free(e);
        explanation_deinit(&x);
}

/* Which list, and which of its entries; of a rule that it keeps from matching too. */
static void test_why_listed(void **state _unused_)
{
        static const char *const sentences[] = { "deny anyone list /l/a or /l/b", "allow anyone list not /l/b", "allow anyone list /l/missing" };
        _cleanup_(hostset_freep) struct hostset *a = hostset_new(1, 1), *b = hostset_new(1, 1);
        const struct hostsets lists = { .of = { { "/l/a", a }, { "/l/b", b } }, .n = 2 };
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(subject_unrefp) struct subject *subject = curl("/usr/bin/curl");
        struct flow flow = tcp("192.168.1.1", 443);
        struct facts facts = { .subject = subject, .flow = &flow, .host = "x.ads.example", .lists = &lists };
        struct config config = config_default();
        struct explanation x;
        struct event *e;

        assert_int_equal(hostset_add(a, "other.example", false), 0);
        assert_int_equal(hostset_add(b, "ads.example", true), 0);
        for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
                struct sentence_error error;
                struct rule *rule = NULL;

                assert_int_equal(sentence_parse(sentences[i], strlen(sentences[i]), &rule, &error), 0);
                assert_int_equal(ruleset_add(set, rule), 0);
        }
        assert_int_equal(explain(set, &config, &facts, (struct boottime){ 1 }, &x), 0);
        message_format_reply_why(&out, 1, &x, &facts, &config, 3);
        e = parse(&out, EVENT_REPLY);
        assert_int_equal(e->why->n_candidates, 3);
        for (unsigned i = 0; i < 3; i++) {
                const struct why_candidate *c = &e->why->candidates[i];
                bool missing = c->rule->action == ACTION_ALLOW && !rule_criterion(c->rule, CRITERION_LIST)->negated;

                assert_true(missing ? !c->list && !c->listed && c->not_known : strcmp(c->list, "/l/b") == 0 && strcmp(c->listed, ".ads.example") == 0);
                assert_int_equal(c->fate, c->rule->action == ACTION_DENY ? EXPLAIN_DECIDES : (enum explain_fate)(EXPLAIN_CRITERION + CRITERION_LIST));
        }
        event_free(e);
        explanation_deinit(&x);
}

static void test_other_replies(void **state _unused_)
{
        _cleanup_(buf_deinit) struct buf out = {};
        struct status s = { .version = "0.1.0", .pid = 8, .mode = MODE_ENFORCEMENT, .try_left_seconds = 9, .rung = "queue",
                            .rung_reason = (char *)"no BTF", .authority = AUTHORITY_POLKIT, .uptime_seconds = 10, .n_allowed = 11, .n_denied = 12, .n_rules = 13, .n_held = 14,
                            .n_queue_overruns = 15, .root_bypass = true, .problems = (char *)"a\nb" };
        struct check checks[] = { { CHECK_OK, (char *)"hooks", (char *)"run" }, { CHECK_FAILED, (char *)"queue", (char *)"a\nb" } };
        struct connection c = { .flow = tcp("192.0.2.9", 22), .direction = DIRECTION_IN, .hosts = { .names = { "a" }, .n = 1 } };
        struct message_error error = { .code = MESSAGE_ERROR_CLOSED, .has_id = true, .id = 4, .text = "ended" };
        struct event *e;
        const struct rule gone = {
                .id = (char[]){ "r1" },
                .lifetime = LIFETIME_UNTIL,
                .origin = ORIGIN_LIST,
                .expires = { 7 },
                .ending = { .until = 1780000000, .boot = { { 1 } } },
        };

        s.by_reason[REASON_CAP] = 77;
        s.n_lists = 2;
        s.lists[0] = (struct list_status){ .path = (char *)"/l/\xff", .in_force = true, .n_names = 81244, .n_skipped = 3, .since = 1780000000 };
        s.lists[1] = (struct list_status){ .path = (char *)"/m", .problem = (char *)"list /m: gone" };
        message_format_reply_status(&out, 1, &s);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->has_status && e->status.pid == 8 && e->status.mode == MODE_ENFORCEMENT && e->status.try_left_seconds == 9);
        assert_true(e->status.uptime_seconds == 10 && e->status.n_allowed == 11 && e->status.n_denied == 12 && e->status.n_rules == 13);
        assert_true(e->status.n_held == 14 && e->status.n_queue_overruns == 15 && e->status.root_bypass && !e->status.systemd_bypass);
        assert_int_equal(e->status.by_reason[REASON_CAP], 77);
        assert_string_equal(e->status.rung_reason, "no BTF");
        assert_int_equal(e->status.authority, AUTHORITY_POLKIT);
        assert_string_equal(e->status.problems, "a\nb");
        assert_int_equal(e->status.n_lists, 2);
        assert_string_equal(e->status.lists[0].path, "/l/\xff");
        assert_true(e->status.lists[0].in_force && e->status.lists[0].n_names == 81244 && e->status.lists[0].n_skipped == 3);
        assert_true(e->status.lists[0].since == 1780000000 && !e->status.lists[0].problem && !e->status.lists[1].in_force);
        assert_string_equal(e->status.lists[1].problem, "list /m: gone");
        event_free(e);

        message_format_reply_doctor(&out, 1, checks, 2);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->n_checks == 2 && e->checks[1].level == CHECK_FAILED);
        assert_string_equal(e->checks[1].text, "a\nb");
        event_free(e);

        c.subject = curl("/bin/x");
        message_format_reply_connections(&out, 1, &c, 1);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->n_connections == 1 && e->connections[0].direction == DIRECTION_IN);
        assert_true(e->connections->state == CONNECTION_STATELESS && !e->connections->has_bytes);
        check_subject(c.subject, e->connections[0].subject);
        check_hosts(&c.hosts, &e->connections[0].hosts);
        event_free(e);
        for (int word = CONNECTION_CONNECTING; word <= CONNECTION_CLOSING; word++) {
                struct connection counted = c;

                counted.state = (enum connection_state)word;
                counted.has_bytes = true;
                counted.bytes_out = 0;
                counted.bytes_in = INT64_MAX;
                message_format_reply_connections(&out, 1, &counted, 1);
                e = parse(&out, EVENT_REPLY);
                assert_true((int)e->connections->state == word && e->connections->has_bytes);
                assert_true(e->connections->bytes_out == 0 && e->connections->bytes_in == INT64_MAX);
                event_free(e);
        }
        subject_unref(c.subject);

        message_format_reply_hello(&out, 1, AUTHORITY_POLKIT, MODE_LEARNING);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->may_manage && e->authority == AUTHORITY_POLKIT && e->has_mode && e->mode == MODE_LEARNING);
        event_free(e);
        message_format_reply_mode(&out, 1, MODE_ENFORCEMENT, 60);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->has_mode && e->mode == MODE_ENFORCEMENT && e->try_left_seconds == 60);
        event_free(e);
        message_format_mode_changed(&out, MODE_LEARNING, 0);
        event_free(parse(&out, EVENT_MODE_CHANGED));
        message_format_rules_changed(&out);
        event_free(parse(&out, EVENT_RULES_CHANGED));
        message_format_reply_traffic(&out, 1, &(struct traffic){ .at = { 5 }, .bytes_out = 6, .bytes_in = INT64_MAX });
        e = parse(&out, EVENT_REPLY);
        assert_true(e->has_traffic && e->traffic.at.ns == 5 && e->traffic.bytes_out == 6 && e->traffic.bytes_in == INT64_MAX && !e->has_config);
        event_free(e);
        message_format_rule_gone(&out, &gone, RULE_GONE_EXPIRED);
        e = parse(&out, EVENT_RULE_GONE);
        assert_true(e->gone == RULE_GONE_EXPIRED && e->n_rules == 1 && e->rules[0]->lifetime == LIFETIME_UNTIL);
        assert_true(e->rules[0]->expires.ns == 7 && e->rules[0]->ending.until == 1780000000 && e->rules[0]->ending.boot.bytes[0] == 1);
        event_free(e);
        message_format_reply_ok(&out, INT64_MIN);
        e = parse(&out, EVENT_REPLY);
        assert_true(e->id == INT64_MIN);
        event_free(e);
        message_format_reply_kernel(&out, 1, "table\n");
        e = parse(&out, EVENT_REPLY);
        assert_string_equal(e->text, "table\n");
        event_free(e);
        message_format_error(&out, &error);
        e = parse(&out, EVENT_ERROR);
        assert_true(e->id == 4 && e->error == MESSAGE_ERROR_CLOSED);
        assert_string_equal(e->text, "ended");
        event_free(e);
        message_format_stats_update(&out, 3, 2, 1, false);
        e = parse(&out, EVENT_STATS);
        assert_true(e->status.n_allowed == 2 && e->status.n_denied == 1 && e->mode == MODE_ENFORCEMENT);
        event_free(e);
        message_format_notification(&out, "T", "M", NOTIFICATION_INFO);
        e = parse(&out, EVENT_NOTIFICATION);
        assert_string_equal(e->text, "T: M");
        event_free(e);
}

static void check_config(const struct event *e, const struct config *config, const struct config *defaults)
{
        assert_true(e->has_config);
        assert_memory_equal(&e->config, config, sizeof(*config));
        assert_memory_equal(&e->config_defaults, defaults, sizeof(*defaults));
        assert_string_equal(e->config_file, "/etc/bastion/config.json");
}

/* Every value away from its default, so that a key which were forgotten would show. */
static void test_config(void **state _unused_)
{
        static const struct config config = {
                .mode = MODE_ENFORCEMENT, .timeout_seconds = 300, .default_action = ACTION_ALLOW, .on_failure = ON_FAILURE_CLOSED, .allow_lan = true,
                .log_every_connection = true, .deny_errno = EPERM, .log_file = "/srv/\"log\"",
        };
        _cleanup_(buf_deinit) struct buf out = {};
        struct config defaults;
        struct event *e;

        memset(&defaults, 0, sizeof(defaults));
        assert_int_equal(conffile_set(&defaults, "log_file", "\"/var/log/bastion-daemon.log\"", "/var/log", &(const char *){ NULL }), 0);
        for (size_t i = 1; conffile_key(i); i++)
                assert_int_equal(conffile_set(&defaults, conffile_key(i), "null", "/var/log", &(const char *){ NULL }), 0);
        assert_int_equal(defaults.on_failure, ON_FAILURE_BY_MODE);
        message_format_reply_config(&out, 1, &config, &defaults, "/etc/bastion/config.json", NULL);
        e = parse(&out, EVENT_REPLY);
        check_config(e, &config, &defaults);
        assert_null(e->config_problem);
        event_free(e);
        message_format_config_changed(&out, &defaults, &config, "/etc/bastion/config.json", "line 3");
        e = parse(&out, EVENT_CONFIG_CHANGED);
        check_config(e, &defaults, &config);
        assert_string_equal(e->config_problem, "line 3");
        event_free(e);
}

/* A reply in which one key says something else, or is not there. */
static void test_broken_config(void **state _unused_)
{
        static const struct {
                const char *from, *to;
        } rows[] = {
                { "\"mode\":\"learning\"", "\"mode\":\"off\"" },    { "\"timeout_seconds\":30", "\"timeout_seconds\":4" },
                { "\"timeout_seconds\":30", "\"timeout\":30" },       { "\"allow_lan\":false", "\"allow_lan\":0" },
                { "\"on_failure\":null", "\"on_failure\":\"maybe\"" }, { "\"on_failure\":null", "\"on_fail\":null" },
                { "\"log_file\":\"/", "\"log_file\":\"" },            { "\"file\":\"/f\"", "\"file\":null" },
                { "\"defaults\":", "\"default\":" },
        };
        const struct config config = config_default();
        _cleanup_(buf_deinit) struct buf out = {};

        message_format_config_changed(&out, &config, &config, "/f", NULL);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *at = strstr(out.data, rows[i].from);
                _cleanup_(buf_deinit) struct buf broken = {};
                struct event *e = NULL;

                assert_non_null(at);
                buf_append(&broken, out.data, (size_t)(at - out.data));
                buf_puts(&broken, rows[i].to);
                buf_puts(&broken, at + strlen(rows[i].from));
                if (event_parse(broken.data, broken.n - 1, &e) != 1)
                        fail_msg("%s: was taken", rows[i].to);
        }
}

static void test_refused(void **state _unused_)
{
        static const char *const rows[] = {
                "",
                "[]",
                "{\"type\":1}",
                "{\"type\":\"decision\"}",
                "{\"type\":\"question_closed\",\"question\":\"q\",\"state\":\"gone\"}",
                "{\"type\":\"question_closed\",\"question\":\"0123456789012345678901234567890123456789\",\"state\":\"open\"}",
                "{\"type\":\"reply\"}",
                "{\"type\":\"reply\",\"id\":1,\"decisions\":[7]}",
                "{\"type\":\"reply\",\"id\":1,\"rules\":[{\"action\":\"deny\"}]}",
                "{\"type\":\"reply\",\"id\":1,\"checks\":[{\"level\":\"ok\"}]}",
                "{\"type\":\"mode_changed\",\"mode\":\"off\"}",
                "{\"type\":\"config_changed\"}",
                "{\"type\":\"reply\",\"id\":1,\"traffic\":{\"at_ns\":1,\"bytes_out\":1}}",
                "{\"type\":\"reply\",\"id\":1,\"traffic\":{\"at_ns\":1,\"bytes_out\":-1,\"bytes_in\":1}}",
                "{\"type\":\"stats_update\"}",
        };
        struct event *e = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (event_parse(rows[i], strlen(rows[i]), &e) != 1)
                        fail_msg("%s: was taken", rows[i]);
        assert_int_equal(event_parse("{}", (size_t)LIMIT_CLIENT_OUTPUT + 1, &e), 1);
        assert_int_equal(event_parse("{\"type\":\"from-the-future\"}", 26, &e), 0);
        assert_int_equal(e->type, EVENT_OTHER);
        event_free(e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hosts), cmocka_unit_test(test_connection_request), cmocka_unit_test(test_old_messages),      cmocka_unit_test(test_rules_list_in_pieces),
                cmocka_unit_test(test_decision),
                cmocka_unit_test(test_summaries),          cmocka_unit_test(test_broken_summaries),  cmocka_unit_test(test_questions),
                cmocka_unit_test(test_rules),              cmocka_unit_test(test_pages_of_rules),    cmocka_unit_test(test_other_replies),
                cmocka_unit_test(test_refused),            cmocka_unit_test(test_why),               cmocka_unit_test(test_config),
                cmocka_unit_test(test_broken_config),
                cmocka_unit_test(test_why_listed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
