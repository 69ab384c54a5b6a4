/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: what each line means, what is wrong with the others, and whether the sender hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/conffile.h"
#include "wire/message.h"
#include "wire/sentence.h"

static struct message *take(const char *line)
{
        struct message *m = NULL;
        struct message_error error;

        if (message_parse(line, strlen(line), &m, &error) != 0)
                fail_msg("%s: %s", line, error.text);
        return m;
}

static void test_gui_response(void **state _unused_)
{
        static const struct {
                const char *fields;
                bool allow;
                enum lifetime lifetime;
                enum answer_scope scope;
        } rows[] = {
                { "\"allow\":true", true, LIFETIME_ONCE, ANSWER_PORT },
                { "\"allow\":false,\"permanent\":true", false, LIFETIME_ALWAYS, ANSWER_PORT },
                { "\"allow\":true,\"permanent\":true,\"duration\":\"\"", true, LIFETIME_ALWAYS, ANSWER_PORT },
                { "\"allow\":true,\"permanent\":false,\"duration\":\"\"", true, LIFETIME_ONCE, ANSWER_PORT },
                { "\"allow\":true,\"permanent\":true,\"duration\":\"once\"", true, LIFETIME_ONCE, ANSWER_PORT },
                { "\"allow\":true,\"duration\":\"session\",\"all_ports\":true", true, LIFETIME_SESSION, ANSWER_ALL_PORTS },
                { "\"allow\":false,\"duration\":\"always\",\"all_ports\":false,\"new\":{}", false, LIFETIME_ALWAYS, ANSWER_PORT },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(message_freep) struct message *m = NULL;
                char line[256];

                snprintf(line, sizeof(line), "{\"type\":\"gui_response\",\"request_id\":\"q1-a\",%s}", rows[i].fields);
                m = take(line);
                assert_int_equal(m->type, MESSAGE_GUI_RESPONSE);
                assert_false(m->has_id);
                assert_string_equal(m->response.request_id, "q1-a");
                assert_int_equal(m->response.answer.allow, rows[i].allow);
                assert_int_equal(m->response.answer.lifetime, rows[i].lifetime);
                assert_int_equal(m->response.answer.scope, rows[i].scope);
        }
}

/* app_path, app_name, port, all_ports, dest_ip → the rule, in words, and its flat key */
static void test_add_rule(void **state _unused_)
{
        static const struct {
                const char *fields, *sentence, *flat;
        } rows[] = {
                { "\"app_path\":\"/usr/bin/curl\",\"app_name\":\"curl\",\"port\":443,\"allow\":true,\"all_ports\":false,\"dest_ip\":\"\"",
                  "allow /usr/bin/curl port 443", "/usr/bin/curl:443" },
                { "\"app_path\":\"/usr/bin/curl\",\"app_name\":\"unknown\",\"port\":443,\"allow\":false,\"all_ports\":true,\"dest_ip\":\"1.2.3.4\"",
                  "deny /usr/bin/curl", "/usr/bin/curl:*" },
                { "\"app_path\":\"/bin/ping\",\"app_name\":\"ping\",\"port\":0,\"allow\":true,\"all_ports\":false",
                  "allow /bin/ping", "/bin/ping:*" },
                { "\"app_path\":\"unknown\",\"app_name\":\"unknown\",\"port\":123,\"allow\":true,\"all_ports\":false,\"dest_ip\":\"192.0.2.7\"",
                  "allow unknown to 192.0.2.7 port 123", "@dest:192.0.2.7:123:*" },
                { "\"app_path\":\"\",\"app_name\":\"unknown\",\"port\":123,\"allow\":true,\"all_ports\":true,\"dest_ip\":\"2001:db8::1\"",
                  "allow unknown to 2001:db8::1 port 123", "@dest:2001:db8::1:123:*" },
                { "\"app_path\":\"unknown\",\"app_name\":\"foo\",\"port\":80,\"allow\":true,\"all_ports\":false,\"dest_ip\":\"192.0.2.7\"",
                  "allow name foo port 80", "@name:foo:80" },
                { "\"app_path\":\"\",\"app_name\":\"foo\",\"port\":80,\"allow\":true,\"all_ports\":true,\"dest_ip\":\"\"", "allow name foo", "@name:foo:*" },
                { "\"app_path\":\"unknown\",\"app_name\":\"unknown\",\"port\":80,\"allow\":true,\"all_ports\":false,\"dest_ip\":\"\"",
                  "allow name unknown port 80", "@name:unknown:80" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(message_freep) struct message *m = NULL;
                _cleanup_(buf_deinit) struct buf sentence = {};
                _cleanup_(freep) char *flat = NULL;
                char line[512];

                snprintf(line, sizeof(line), "{\"type\":\"add_rule\",%s}", rows[i].fields);
                m = take(line);
                sentence_format(m->add.rule, &sentence);
                assert_string_equal(sentence.data, rows[i].sentence);
                flat = rule_flat_key(m->add.rule);
                assert_string_equal(flat, rows[i].flat);
                assert_int_equal(m->add.rule->origin, ORIGIN_FLAT);
                assert_int_equal(m->add.rule->lifetime, LIFETIME_ALWAYS);
        }
}

static void test_rule_add(void **state _unused_)
{
        static const struct {
                const char *fields, *sentence;
                enum rule_origin origin;
        } rows[] = {
                { "\"sentence\":\"allow /usr/bin/curl port 443\"", "allow /usr/bin/curl port 443", ORIGIN_FLAT },
                { "\"sentence\":\"ask /usr/bin/curl port 443\"", "ask /usr/bin/curl port 443", ORIGIN_LIST },
                { "\"sentence\":\"allow /usr/bin/curl note \\\"x\\\"\"", "allow /usr/bin/curl note \"x\"", ORIGIN_LIST },
                { "\"sentence\":\"deny anyone to lan\"", "deny anyone to lan", ORIGIN_LIST },
                { "\"sentence\":\"deny /bin/x for session\"", "deny /bin/x for session", ORIGIN_SESSION },
                { "\"rule\":{\"action\":\"deny\",\"name\":\"x\"}", "deny name x", ORIGIN_FLAT },
                { "\"rule\":{\"action\":\"deny\",\"name\":\"x\",\"lifetime\":\"session\"}", "deny name x for session", ORIGIN_SESSION },
                { "\"rule\":{\"action\":\"deny\",\"name\":\"x\",\"lifetime\":\"until\",\"seconds\":5400}", "deny name x for 90 minutes", ORIGIN_LIST },
                { "\"rule\":{\"action\":\"deny\",\"name\":\"x\",\"lifetime\":\"until\",\"until\":\"2026-12-31T00:00:00Z\"}",
                  "deny name x until 2026-12-31T00:00:00Z", ORIGIN_LIST },
                { "\"rule\":{\"action\":\"deny\",\"name\":\"x\",\"lifetime\":\"reboot\"}", "deny name x until reboot", ORIGIN_LIST },
                { "\"sentence\":\"deny name x until reboot\"", "deny name x until reboot", ORIGIN_LIST },
                { "\"rule\":{\"action\":\"deny\",\"program\":\"/\\ufffd\",\"program_bytes\":\"/\\\\xff\"}", "deny \"/\\xff\"", ORIGIN_FLAT },
                { "\"rule\":{\"action\":\"deny\",\"subject\":\"kernel\",\"protocol\":\"udp\",\"ports\":[\"1-9\"]}", "deny kernel port 1-9 udp", ORIGIN_LIST },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(message_freep) struct message *m = NULL;
                _cleanup_(buf_deinit) struct buf sentence = {};
                char line[512];

                snprintf(line, sizeof(line), "{\"id\":-5,\"type\":\"rule_add\",%s}", rows[i].fields);
                m = take(line);
                assert_true(m->has_id);
                assert_int_equal(m->id, -5);
                sentence_format(m->add.rule, &sentence);
                assert_string_equal(sentence.data, rows[i].sentence);
                assert_int_equal(m->add.rule->origin, rows[i].origin);
        }
}

static void test_refused(void **state _unused_)
{
        static const struct {
                const char *line;
                enum message_error_code code;
                bool has_id;
                const char *words;
        } rows[] = {
                { "", MESSAGE_ERROR_NOT_JSON, false, "column 1" },
                { "garbage \x01\x1b[2J", MESSAGE_ERROR_NOT_JSON, false, "column 7: '[' or '{' expected" },
                { "[]", MESSAGE_ERROR_NOT_JSON, false, "an object" },
                { "{\"type\":\"status\",\"id\":1", MESSAGE_ERROR_NOT_JSON, false, "column" },
                { "{\"type\":\"status\",\"id\":1,\"id\":2}", MESSAGE_ERROR_NOT_JSON, false, "duplicate" },
                { "{\"type\":\"status\",\"id\":1} {}", MESSAGE_ERROR_NOT_JSON, false, "end of file" },
                { "{\"type\":\"st\\u0000atus\",\"id\":1}", MESSAGE_ERROR_NOT_JSON, false, "" },
                { "{\"type\":\"\xff\"}", MESSAGE_ERROR_NOT_JSON, false, "0xff" },
                { "{}", MESSAGE_ERROR_BAD_FIELD, false, "type: expected a string" },
                { "{\"id\":3}", MESSAGE_ERROR_BAD_FIELD, true, "type: expected a string" },
                { "{\"type\":7}", MESSAGE_ERROR_BAD_FIELD, false, "type: expected a string" },
                { "{\"type\":\"reboot\"}", MESSAGE_ERROR_UNKNOWN_TYPE, false, "type:" },
                { "{\"type\":\"reboot\",\"id\":9}", MESSAGE_ERROR_UNKNOWN_TYPE, true, "type:" },
                { "{\"type\":\"status\"}", MESSAGE_ERROR_BAD_FIELD, false, "id: expected an integer" },
                { "{\"type\":\"status\",\"id\":\"1\"}", MESSAGE_ERROR_BAD_FIELD, false, "id: expected an integer" },
                { "{\"type\":\"status\",\"id\":1.0}", MESSAGE_ERROR_BAD_FIELD, false, "id: expected an integer" },
                { "{\"type\":\"gui_response\",\"allow\":true}", MESSAGE_ERROR_BAD_FIELD, false, "request_id: expected a string" },
                { "{\"type\":\"gui_response\",\"request_id\":\"q\"}", MESSAGE_ERROR_BAD_FIELD, false, "allow: expected true or false" },
                { "{\"type\":\"gui_response\",\"request_id\":\"q\",\"allow\":1}", MESSAGE_ERROR_BAD_FIELD, false, "allow: expected" },
                { "{\"type\":\"gui_response\",\"request_id\":\"q\",\"allow\":true,\"permanent\":null}", MESSAGE_ERROR_BAD_FIELD, false, "permanent: expected" },
                { "{\"type\":\"gui_response\",\"request_id\":\"q\",\"allow\":true,\"duration\":\"hour\"}", MESSAGE_ERROR_BAD_FIELD, false, "duration: expected" },
                { "{\"type\":\"gui_response\",\"request_id\":7,\"allow\":true,\"id\":4}", MESSAGE_ERROR_BAD_FIELD, true, "request_id: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"/x\",\"app_name\":\"x\",\"port\":65536,\"allow\":true,\"all_ports\":false}", MESSAGE_ERROR_BAD_FIELD, false, "port: expected a whole number 0..65535" },
                { "{\"type\":\"add_rule\",\"app_path\":\"/x\",\"app_name\":\"x\",\"port\":-1,\"allow\":true,\"all_ports\":false}", MESSAGE_ERROR_BAD_FIELD, false, "port: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"/x\",\"app_name\":\"x\",\"port\":\"80\",\"allow\":true,\"all_ports\":false}", MESSAGE_ERROR_BAD_FIELD, false, "port: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"x\",\"app_name\":\"x\",\"port\":1,\"allow\":true,\"all_ports\":false}", MESSAGE_ERROR_BAD_FIELD, false, "app_path: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"\",\"app_name\":\"\",\"port\":1,\"allow\":true,\"all_ports\":false}", MESSAGE_ERROR_BAD_FIELD, false, "app_name: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"\",\"app_name\":\"unknown\",\"port\":1,\"allow\":true,\"all_ports\":false,\"dest_ip\":\"x\"}", MESSAGE_ERROR_BAD_FIELD, false, "dest_ip: expected" },
                { "{\"type\":\"add_rule\",\"app_path\":\"/x\",\"app_name\":\"x\",\"port\":1,\"allow\":true}", MESSAGE_ERROR_BAD_FIELD, false, "all_ports: expected" },
                { "{\"type\":\"delete_rule\"}", MESSAGE_ERROR_BAD_FIELD, false, "key: expected" },
                { "{\"type\":\"clear_cache\",\"cache_key\":[]}", MESSAGE_ERROR_BAD_FIELD, false, "cache_key: expected" },
                { "{\"type\":\"cancel_popup\"}", MESSAGE_ERROR_BAD_FIELD, false, "request_id: expected" },
                { "{\"type\":\"hello\",\"id\":1,\"client\":5}", MESSAGE_ERROR_BAD_FIELD, true, "client: expected" },
                { "{\"type\":\"hello\",\"id\":1,\"protocol\":0}", MESSAGE_ERROR_BAD_FIELD, true, "protocol: expected" },
                { "{\"type\":\"subscribe\",\"id\":1}", MESSAGE_ERROR_BAD_FIELD, true, "events: expected" },
                { "{\"type\":\"subscribe\",\"id\":1,\"events\":\"stats\"}", MESSAGE_ERROR_BAD_FIELD, true, "events: expected" },
                { "{\"type\":\"subscribe\",\"id\":1,\"events\":[\"stats\",\"x\"]}", MESSAGE_ERROR_BAD_FIELD, true, "events[1]: expected" },
                { "{\"type\":\"decisions\",\"id\":1,\"limit\":0}", MESSAGE_ERROR_BAD_FIELD, true, "limit: expected a whole number 1..1024" },
                { "{\"type\":\"decisions\",\"id\":1,\"limit\":1025}", MESSAGE_ERROR_BAD_FIELD, true, "limit: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"limit\":0}", MESSAGE_ERROR_BAD_FIELD, true, "limit: expected a whole number 1..200000" },
                { "{\"type\":\"rules\",\"id\":1,\"limit\":200001}", MESSAGE_ERROR_BAD_FIELD, true, "limit: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"after\":\"r7\"}", MESSAGE_ERROR_BAD_FIELD, true, "after: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"after\":{}}", MESSAGE_ERROR_BAD_FIELD, true, "load: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"after\":{\"load\":1,\"number\":-1,\"rule\":\"\"}}", MESSAGE_ERROR_BAD_FIELD, true, "number: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"after\":{\"load\":1,\"number\":1}}", MESSAGE_ERROR_BAD_FIELD, true, "rule: expected" },
                { "{\"type\":\"rules\",\"id\":1,\"after\":{\"load\":1,\"number\":1,\"rule\":\"\",\"rule_bytes\":\"\\\\x\"}}", MESSAGE_ERROR_BAD_FIELD, true, "rule_bytes: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"allow\":true}", MESSAGE_ERROR_BAD_FIELD, true, "question: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"scope\":\"all\"}", MESSAGE_ERROR_BAD_FIELD, true, "scope: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"lifetime\":\"day\"}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"lifetime\":\"until\"}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected until" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"lifetime\":\"until\",\"seconds\":0}", MESSAGE_ERROR_BAD_FIELD, true, "seconds: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"lifetime\":\"until\",\"seconds\":316224001}", MESSAGE_ERROR_BAD_FIELD, true, "seconds: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"lifetime\":\"until\",\"seconds\":1,\"until\":\"2026-12-31T00:00:00Z\"}", MESSAGE_ERROR_BAD_FIELD, true, "until: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"late\":true}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected session, until, reboot or always" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"late\":true,\"lifetime\":\"process\"}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected session, until, reboot or always" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"late\":1,\"lifetime\":\"always\"}", MESSAGE_ERROR_BAD_FIELD, true, "late: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"preview\":\"yes\"}", MESSAGE_ERROR_BAD_FIELD, true, "preview: expected" },
                { "{\"type\":\"answer\",\"id\":1,\"question\":\"q\",\"allow\":true,\"seconds\":1}", MESSAGE_ERROR_BAD_FIELD, true, "seconds: expected only where" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"lifetime\":\"process\"}}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"lifetime\":\"reboot\",\"boot\":\"x\"}}", MESSAGE_ERROR_BAD_FIELD, true, "boot: expected a field" },
                { "{\"type\":\"rule_add\",\"id\":1,\"sentence\":\"allow /x until 2026-12-31\"}", MESSAGE_ERROR_BAD_FIELD, true, "sentence: expected Z or an offset like +01:00 after the time, at byte 16" },
                { "{\"type\":\"rule_add\",\"id\":1}", MESSAGE_ERROR_BAD_FIELD, true, "sentence: expected either" },
                { "{\"type\":\"rule_add\",\"id\":1,\"sentence\":\"\",\"rule\":{}}", MESSAGE_ERROR_BAD_FIELD, true, "sentence: expected either" },
                { "{\"type\":\"rule_add\",\"id\":1,\"sentence\":\"allow /x port y\"}", MESSAGE_ERROR_BAD_FIELD, true, "sentence: expected a port 1..65535, a range or a list, at byte 15" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"id\":\"x\"}}", MESSAGE_ERROR_BAD_FIELD, true, "id: expected a field" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"process\":{}}}", MESSAGE_ERROR_BAD_FIELD, true, "process: expected a field" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"lifetime\":\"once\"}}", MESSAGE_ERROR_BAD_FIELD, true, "lifetime: expected" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"hosts\":[\"a.example\",\".co.uk\"]}}", MESSAGE_ERROR_BAD_FIELD, true, "hosts[1]: expected a domain that somebody owns" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"hosts\":[\"b\u00fc*\"]}}", MESSAGE_ERROR_BAD_FIELD, true, "hosts[0]: expected a host's name" },
                { "{\"type\":\"rule_add\",\"id\":1,\"rule\":{\"action\":\"deny\",\"ports\":[0]}}", MESSAGE_ERROR_BAD_FIELD, true, "ports[0]: expected" },
                { "{\"type\":\"rule_delete\",\"id\":1}", MESSAGE_ERROR_BAD_FIELD, true, "rule: expected" },
                { "{\"type\":\"rule_enable\",\"id\":1,\"enabled\":true}", MESSAGE_ERROR_BAD_FIELD, true, "rule: expected" },
                { "{\"type\":\"rule_enable\",\"id\":1,\"rule\":\"r1\"}", MESSAGE_ERROR_BAD_FIELD, true, "enabled: expected" },
                { "{\"type\":\"why\",\"id\":1}", MESSAGE_ERROR_BAD_FIELD, true, "connection: expected either" },
                { "{\"type\":\"why\",\"id\":1,\"decision\":0}", MESSAGE_ERROR_BAD_FIELD, true, "decision: expected" },
                { "{\"type\":\"why\",\"id\":1,\"decision\":1,\"connection\":\"/x to ::1 icmp\"}", MESSAGE_ERROR_BAD_FIELD, true, "connection: expected either" },
                { "{\"type\":\"why\",\"id\":1,\"connection\":\"\"}", MESSAGE_ERROR_BAD_FIELD, true, "connection: expected a program's absolute path" },
                { "{\"type\":\"why\",\"id\":1,\"connection\":\"/x to 10.0.0.0/8 tcp\"}", MESSAGE_ERROR_BAD_FIELD, true, "connection: expected one address: a connection has no more, at byte 7" },
                { "{\"type\":\"why\",\"id\":1,\"connection\":7}", MESSAGE_ERROR_BAD_FIELD, true, "connection: expected" },
                { "{\"type\":\"rule_add\",\"id\":1,\"sentence\":\"deny /x\",\"replaces\":7}", MESSAGE_ERROR_BAD_FIELD, true, "replaces: expected" },
                { "{\"type\":\"rule_check\",\"id\":1,\"sentence\":\"allow /x port y\"}", MESSAGE_ERROR_BAD_FIELD, true, "sentence: expected a port 1..65535, a range or a list, at byte 15" },
                { "{\"type\":\"config_set\",\"id\":1,\"value\":1}", MESSAGE_ERROR_BAD_FIELD, true, "key: expected a string" },
                { "{\"type\":\"config_set\",\"id\":1,\"key\":\"colour\",\"value\":1}", MESSAGE_ERROR_BAD_FIELD, true, "key: expected a key of config.json" },
                { "{\"type\":\"config_set\",\"id\":1,\"key\":\"mode\",\"value\":\"learning\"}", MESSAGE_ERROR_BAD_FIELD, true, "key: expected another key: the request mode" },
                { "{\"type\":\"config_set\",\"id\":1,\"key\":\"allow_lan\"}", MESSAGE_ERROR_BAD_FIELD, true, "value: expected one, or null" },
                { "{\"type\":\"connection_end\",\"id\":1}", MESSAGE_ERROR_BAD_FIELD, true, "protocol: expected" },
                { "{\"type\":\"connection_end\",\"id\":1,\"protocol\":\"TCP\",\"local_ip\":\"x\"}", MESSAGE_ERROR_BAD_FIELD, true, "local_ip: expected an address" },
                { "{\"type\":\"connection_end\",\"id\":1,\"protocol\":\"TCP\",\"local_ip\":\"::1\",\"remote_ip\":\"::1\",\"local_port\":1,\"remote_port\":65536}", MESSAGE_ERROR_BAD_FIELD, true, "remote_port: expected" },
                { "{\"type\":\"mode\",\"id\":1,\"mode\":\"off\"}", MESSAGE_ERROR_BAD_FIELD, true, "mode: expected" },
                { "{\"type\":\"mode\",\"id\":1,\"try_seconds\":60}", MESSAGE_ERROR_BAD_FIELD, true, "mode: expected" },
                { "{\"type\":\"mode\",\"id\":1,\"mode\":\"learning\",\"try_seconds\":86401}", MESSAGE_ERROR_BAD_FIELD, true, "try_seconds: expected" },
                { "{\"type\":\"mode\",\"id\":1,\"mode\":\"learning\",\"keep\":true}", MESSAGE_ERROR_BAD_FIELD, true, "keep: expected" },
        };
        unsigned bad = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct message *m = NULL;
                struct message_error error = {};
                int result = message_parse(rows[i].line, strlen(rows[i].line), &m, &error);

                if (result != 1 || m || error.code != rows[i].code || error.has_id != rows[i].has_id || !strstr(error.text, rows[i].words))
                        print_error("%s: %d, %s: %s\n", rows[i].line, result, message_error_word(error.code), error.text), bad++;
        }
        assert_int_equal(bad, 0);
}

static void test_bounds(void **state _unused_)
{
        static char line[LIMIT_LINE + 2];
        struct message_error error;
        struct message *m = NULL;

        memset(line, ' ', sizeof(line));
        memcpy(line, "{\"type\":\"list_rules\"}", 21);
        assert_int_equal(message_parse(line, LIMIT_LINE + 1, &m, &error), 1);
        assert_int_equal(error.code, MESSAGE_ERROR_NOT_JSON);
        assert_int_equal(message_parse(line, LIMIT_LINE, &m, &error), 0);
        m = message_free(m);
        memset(line, '[', LIMIT_LINE);
        assert_int_equal(message_parse(line, LIMIT_LINE, &m, &error), 1);
        assert_int_equal(error.code, MESSAGE_ERROR_NOT_JSON);
}

/* What the client library writes is what the daemon reads. */
static struct message *parse_back(struct buf *out)
{
        struct message *m = NULL;
        struct message_error error;

        assert_int_equal(buf_error(out), 0);
        assert_int_equal(out->data[out->n - 1], '\n');
        if (message_parse(out->data, out->n - 1, &m, &error) != 0)
                fail_msg("%s: %s", out->data, error.text);
        buf_reset(out);
        return m;
}

static void check_rules_request(const struct rules_page *page)
{
        _cleanup_(buf_deinit) struct buf out = {};
        struct message *m;

        message_format_request_rules(&out, 1, page);
        m = parse_back(&out);
        assert_true(m->rules.limit == page->limit && m->rules.has_after == page->has_after);
        assert_true(m->rules.after.load == page->after.load && m->rules.after.number == page->after.number);
        if (page->has_after)
                assert_string_equal(m->rules.after.rule, page->after.rule);
        message_free(m);
}

/* A person's word, and the value that is sent for it. */
static void check_config_requests(void)
{
        static const char *const rows[][3] = {
                { "allow_lan", "true", "true" },           { "timeout_seconds", "45", "45" },
                { "timeout_seconds", "default", "null" },  { "on_failure", "open", "\"open\"" },
                { "log_file", "/var/log/\"", "\"/var/log/\\\"\"" }, { "timeout_seconds", "99999999999999999999", "\"99999999999999999999\"" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buf_deinit) struct buf out = {}, value = {};
                _cleanup_(message_freep) struct message *m = NULL;

                conffile_format_word(&value, rows[i][1]);
                message_format_request_config_set(&out, 1, rows[i][0], value.data);
                m = parse_back(&out);
                assert_int_equal(m->type, MESSAGE_CONFIG_SET);
                assert_string_equal(m->config_set.key, rows[i][0]);
                assert_string_equal(m->config_set.value, rows[i][2]);
        }
}

static void check_connection_end_request(void)
{
        const struct flow flow = { .protocol = 17, .local = addr_from_v4((const uint8_t[]){ 10, 0, 0, 1 }),
                                   .remote = addr_from_v4((const uint8_t[]){ 10, 0, 0, 2 }), .local_port = 5353, .remote_port = 53, .interface = 3 };
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(message_freep) struct message *m = NULL;

        message_format_request_connection_end(&out, 1, &flow);
        m = parse_back(&out);
        assert_int_equal(m->type, MESSAGE_CONNECTION_END);
        assert_true(flow_equal(&m->flow, &flow)); /* not by memory: there is padding */
        assert_int_equal(m->flow.interface, flow.interface);
}

static void test_requests_round_trip(void **state _unused_)
{
        static const enum message_type bare[] = { MESSAGE_STATUS, MESSAGE_CONNECTIONS, MESSAGE_QUESTIONS, MESSAGE_RULES, MESSAGE_MODE,
                                                  MESSAGE_CONFIG, MESSAGE_TRAFFIC, MESSAGE_DOCTOR, MESSAGE_KERNEL };
        _cleanup_(buf_deinit) struct buf out = {};
        char name[] = "/tmp/\xff\x01:*";
        struct message *m;

        for (size_t i = 0; i < ARRAY_SIZE(bare); i++) {
                message_format_request(&out, bare[i], INT64_MAX);
                m = parse_back(&out);
                assert_int_equal(m->type, bare[i]);
                assert_true(m->has_id && m->id == INT64_MAX);
                message_free(m);
        }
        message_format_request_hello(&out, 1, "a \"client\"\n");
        m = parse_back(&out);
        assert_string_equal(m->hello.client, "a \"client\"\n");
        message_free(m);
        for (unsigned events = 0; events < 16; events++) {
                message_format_request_subscribe(&out, 1, events);
                m = parse_back(&out);
                assert_int_equal(m->subscribe.events, events);
                message_free(m);
        }
        message_format_request_decisions(&out, 1, 20);
        m = parse_back(&out);
        assert_int_equal(m->decisions.limit, 20);
        message_free(m);
        check_rules_request(&(struct rules_page){ .limit = 1 });
        check_rules_request(&(struct rules_page){ .limit = LIMIT_RULES, .has_after = true, .after = { .load = INT64_MAX, .number = 12, .rule = name } });
        for (int i = 0; i < 144; i++) {
                struct answer a = { .allow = i & 1, .lifetime = (enum lifetime)(i / 2 % 6), .scope = (enum answer_scope)(i / 12 % 6) };

                a.preview = i % 5 == 0;
                a.late = i % 7 == 0 && a.lifetime != LIFETIME_ONCE && a.lifetime != LIFETIME_PROCESS;
                if (a.lifetime == LIFETIME_UNTIL)
                        a.ending = i < 72 ? (struct ending){ .lasts = DURATION_MAX } : (struct ending){ .until = 1780000000 };

                message_format_request_answer(&out, 1, "q9-f", &a);
                m = parse_back(&out);
                assert_string_equal(m->response.request_id, "q9-f");
                assert_true(m->response.answer.allow == a.allow && m->response.answer.lifetime == a.lifetime && m->response.answer.scope == a.scope);
                assert_true(m->response.answer.late == a.late && m->response.answer.preview == a.preview);
                assert_memory_equal(&m->response.answer.ending, &a.ending, sizeof(a.ending));
                message_free(m);
        }
        message_format_request_rule_add(&out, 1, "deny \"/a b\"", NULL);
        m = parse_back(&out);
        assert_string_equal(m->add.rule->program, "/a b");
        assert_null(m->add.replaces);
        message_free(m);
        message_format_request_rule_add(&out, 1, "deny /b", "/tmp/\xff:*");
        m = parse_back(&out);
        assert_string_equal(m->add.rule->program, "/b");
        assert_string_equal(m->add.replaces, "/tmp/\xff:*");
        message_free(m);
        message_format_request_rule_check(&out, 1, "deny /b");
        m = parse_back(&out);
        assert_true(m->type == MESSAGE_RULE_CHECK && m->add.rule->action == ACTION_DENY);
        message_free(m);
        message_format_request_rule_delete(&out, 1, "/tmp/\xff\x01:*");
        m = parse_back(&out);
        assert_string_equal(m->key.key, "/tmp/\xff\x01:*");
        message_free(m);
        message_format_request_rule_enable(&out, 1, "r1", false);
        m = parse_back(&out);
        assert_string_equal(m->key.key, "r1");
        assert_false(m->key.enabled);
        message_free(m);
        message_format_request_mode(&out, 1, MODE_ENFORCEMENT, 60, false);
        m = parse_back(&out);
        assert_true(m->mode.has_mode && m->mode.mode == MODE_ENFORCEMENT && m->mode.try_seconds == 60 && !m->mode.keep);
        message_free(m);
        message_format_request_mode(&out, 1, MODE_ENFORCEMENT, 0, true);
        m = parse_back(&out);
        assert_true(!m->mode.has_mode && m->mode.keep);
        message_free(m);
        check_config_requests();
        check_connection_end_request();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gui_response), cmocka_unit_test(test_add_rule), cmocka_unit_test(test_rule_add),
                cmocka_unit_test(test_refused),      cmocka_unit_test(test_bounds),   cmocka_unit_test(test_requests_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
