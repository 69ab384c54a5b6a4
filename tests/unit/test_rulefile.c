/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.json and files of sentences: what is kept, what is refused and where, and that the shipped file is what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/str.h"
#include "core/config.h"
#include "wire/rulefile.h"

static struct ruleset *load(const char *text, struct rulefile_rest *ret_rest)
{
        struct ruleset *set = ruleset_new(1);
        struct file_error error = {};

        assert_non_null(set);
        if (rulefile_parse(text, strlen(text), NULL, set, ret_rest, &error) != 0)
                fail_msg("%s: %u:%u %s", text, error.line, error.column, error.text);
        return set;
}

static char *save(const struct ruleset *set, const struct rulefile_rest *rest)
{
        struct buf out = {};

        assert_int_equal(rulefile_format(set, rest, &out), 0);
        return buf_take(&out);
}

static void test_format(void **state _unused_)
{
        static const char *const rows[][2] = {
                { "{}", "{\n  \"applications\": {},\n  \"services\": {}\n}\n" },
                { "{\"/usr/bin/b:443\":true,\"services\":{\"x\":[1,\"\xc3\xa4\"]},\"@name:ping:*\":false,\"/usr/bin/a:0\":true,"
                  "\"@dest:192.0.2.1:80:*\":true,\"@dest:2001:db8::1:80:*\":false,\"unknown:53\":false,\"comment\":\"mine\"}",
                  "{\n  \"applications\": {},\n  \"services\": {\"x\": [1, \"\xc3\xa4\"]},\n  \"comment\": \"mine\",\n"
                  "  \"/usr/bin/a:0\": true,\n  \"/usr/bin/b:443\": true,\n  \"@dest:192.0.2.1:80:*\": true,\n"
                  "  \"@dest:2001:db8::1:80:*\": false,\n  \"@name:ping:*\": false,\n  \"unknown:53\": false\n}\n" },
                { "{\"rules\":[{\"action\":\"ask\",\"program\":\"/bin/a b\",\"ports\":[80,\"8000-8999\"],\"protocol\":6,"
                  "\"network\":\"10.0.0.0/8\",\"scopes\":[\"lan\",\"loopback\"],\"uid\":0,\"gid\":5,\"note\":\"n\\n\","
                  "\"created\":\"2026-01-31T12:00:00Z\",\"enabled\":false,\"priority\":-7,\"id\":\"mine\"},"
                  "{\"action\":\"deny\"}],\"version\":2}",
                  "{\n  \"applications\": {},\n  \"services\": {},\n  \"version\": 2,\n  \"rules\": [\n"
                  "    {\"id\": \"mine\", \"action\": \"ask\", \"enabled\": false, \"priority\": -7, \"program\": \"/bin/a b\", "
                  "\"network\": \"10.0.0.0/8\", \"scopes\": [\"loopback\", \"lan\"], "
                  "\"ports\": [80, \"8000-8999\"], \"protocol\": \"TCP\", \"uid\": 0, \"gid\": 5, \"note\": \"n\\n\", "
                  "\"created\": \"2026-01-31T12:00:00Z\"},\n"
                  "    {\"id\": \"r1\", \"action\": \"deny\", \"subject\": \"anyone\"}\n  ]\n}\n" },
                /* What is in the file holds, whatever the list of public suffixes says today. */
                { "{\"rules\":[{\"action\":\"deny\",\"hosts\":[\".co.uk\",\"B\u00fccher.example.\"],\"id\":\"mine\"}]}",
                  "{\n  \"applications\": {},\n  \"services\": {},\n  \"version\": 2,\n  \"rules\": [\n"
                  "    {\"id\": \"mine\", \"action\": \"deny\", \"subject\": \"anyone\", \"hosts\": [\".co.uk\", \"xn--bcher-kva.example\"]}\n  ]\n}\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {}, rest2 = {};
                _cleanup_(ruleset_freep) struct ruleset *set = load(rows[i][0], &rest), *again = NULL;
                _cleanup_(freep) char *text = save(set, &rest), *text2 = NULL;

                assert_string_equal(text, rows[i][1]);
                again = load(text, &rest2);
                text2 = save(again, &rest2);
                assert_string_equal(text2, text);
        }
}

static void test_deny_wins_over_itself(void **state _unused_)
{
        static const char *const rows[] = { "{\"/bin/a:0\": true, \"/bin/a:*\": false}", "{\"/bin/a:0\": false, \"/bin/a:*\": true}" };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
                _cleanup_(ruleset_freep) struct ruleset *set = load(rows[i], &rest);

                assert_int_equal(ruleset_count(set), 1);
                assert_int_equal(ruleset_next(set, NULL)->action, ACTION_DENY);
        }
}

static void test_only_what_is_kept(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(freep) char *text = NULL;
        static const enum rule_origin origins[] = { ORIGIN_FACTORY, ORIGIN_SESSION };

        for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
                struct rule *rule = rule_new(ACTION_ALLOW);

                rule->origin = origins[i];
                assert_int_equal(ruleset_add(set, rule), 0);
        }
        text = save(set, NULL);
        assert_string_equal(text, "{\n  \"applications\": {},\n  \"services\": {}\n}\n");
}

/* A path that JSON cannot say as a key keeps its rule, in the list, byte for byte. */
static void test_bytes(void **state _unused_)
{
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1), *again = NULL;
        _cleanup_(freep) char *text = NULL;
        struct rule *rule = rule_new(ACTION_DENY);

        rule->origin = ORIGIN_FLAT;
        rule->subject = RULE_PATH;
        rule->program = strdup("/tmp/\xff\"x\\");
        assert_int_equal(ruleset_add(set, rule), 0);
        text = save(set, NULL);
        assert_non_null(strstr(text, "\"program_bytes\": \"/tmp/\\\\xff\\\\\\\"x\\\\\\\\\""));
        again = load(text, &rest);
        assert_int_equal(ruleset_count(again), 1);
        assert_string_equal(ruleset_next(again, NULL)->program, "/tmp/\xff\"x\\");
        assert_int_equal(ruleset_next(again, NULL)->subject, RULE_PATH);
}

static void test_refused(void **state _unused_)
{
        unsigned bad = 0;
        static const struct {
                const char *text;
                int result;
                unsigned line, column;
                const char *words; /* part of the text */
        } rows[] = {
                { "", RULEFILE_E_SYNTAX, 1, 1, "" },
                { "[]", RULEFILE_E_SYNTAX, 1, 1, "expected an object" },
                { "{\n \"/bin/a:1\": true,\n \"/bin/b:2\" true\n}", RULEFILE_E_SYNTAX, 3, 16, "':' expected" },
                { "{\"/bin/a:1\": true, \"/bin/a:1\": false}", RULEFILE_E_SYNTAX, 1, 29, "duplicate object key" },
                { "{\n  \"/bin/a:1\": 1}", RULEFILE_E_VALUE, 2, 15, "expected true or false" },
                { "{\n  \"/bin/a:1\": \"allow\"}", RULEFILE_E_VALUE, 2, 15, "expected true or false" },
                { "{\n  \"bin/a:1\": true}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\n  \"/bin/a\": true}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\n  \"/bin/a:65536\": true}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\n  \"/bin/a:x\": {}}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\n  \"@dest:1.2.3:80:*\": true}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\n  \"enabled\": true}", RULEFILE_E_VALUE, 2, 3, "expected" },
                { "{\"version\": 3}", RULEFILE_E_VALUE, 1, 13, "expected version 1 or 2" },
                { "{\"version\": true}", RULEFILE_E_VALUE, 1, 13, "expected version 1 or 2" },
                { "{\"rules\": {}}", RULEFILE_E_VALUE, 1, 11, "expected a list" },
                { "{\"rules\": true}", RULEFILE_E_VALUE, 1, 11, "expected a list" },
                { "{\"rules\": [\n 7]}", RULEFILE_E_VALUE, 2, 2, "expected an object" },
                { "{\"rules\": [\n {}]}", RULEFILE_E_VALUE, 2, 2, "action: expected" },
                { "{\"rules\": [\n {\"action\": \"permit\"}]}", RULEFILE_E_VALUE, 2, 13, "action: expected allow, deny or ask" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"port\": 80}]}", RULEFILE_E_VALUE, 2, 29, "port: expected a field of a rule" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"sentence\": \"\"}]}", RULEFILE_E_VALUE, 2, 33, "sentence: expected a field" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"ports\": 80}]}", RULEFILE_E_VALUE, 2, 30, "ports: expected a list" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"ports\": []}]}", RULEFILE_E_VALUE, 2, 30, "ports: expected a list of 1..64" },
                { "{\"rules\": [{\"action\": \"deny\"},\n {\"action\": \"deny\", \"ports\": [80,\n  \"http\"]}]}", RULEFILE_E_VALUE, 3, 3, "ports: expected a port" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"ports\": [0]}]}", RULEFILE_E_VALUE, 2, 31, "ports: expected a port" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"protocol\": \"tpc\"}]}", RULEFILE_E_VALUE, 2, 33, "protocol: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"protocol\": 256}]}", RULEFILE_E_VALUE, 2, 33, "protocol: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"network\": \"10.0.0.1/8\"}]}", RULEFILE_E_VALUE, 2, 32, "network: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"network\": null}]}", RULEFILE_E_VALUE, 2, 32, "network: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"scopes\": [\"lan\", \"moon\"]}]}", RULEFILE_E_VALUE, 2, 39, "scopes: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"scopes\": []}]}", RULEFILE_E_VALUE, 2, 31, "scopes: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"uid\": \"root\"}]}", RULEFILE_E_VALUE, 2, 28, "uid: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"gid\": -1}]}", RULEFILE_E_VALUE, 2, 28, "gid: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"uid\": 4294967295}]}", RULEFILE_E_VALUE, 2, 28, "uid: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"program\": \"curl\"}]}", RULEFILE_E_VALUE, 2, 32, "program: expected an absolute path" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"program_bytes\": \"/x\"}]}", RULEFILE_E_VALUE, 2, 2, "program: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"program\": \"/x\", \"program_bytes\": \"/\\\\q\"}]}", RULEFILE_E_VALUE, 2, 55, "escaped form" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"name\": \"\"}]}", RULEFILE_E_VALUE, 2, 29, "name: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"program\": \"/x\", \"name\": \"x\"}]}", RULEFILE_E_VALUE, 2, 46, "only one of" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"subject\": \"root\"}]}", RULEFILE_E_VALUE, 2, 32, "subject: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"session\"}]}", RULEFILE_E_VALUE, 2, 33, "lifetime: expected always, until or reboot" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"process\"}]}", RULEFILE_E_VALUE, 2, 33, "lifetime: expected always" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\"}]}", RULEFILE_E_VALUE, 2, 33, "lifetime: expected until" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\", \"seconds\": 5}]}", RULEFILE_E_VALUE, 2, 53, "seconds: expected a field of a rule" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\", \"until\": \"2026-12-31\"}]}", RULEFILE_E_VALUE, 2, 51, "until: expected a time like" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"until\": \"2026-12-31T00:00:00Z\"}]}", RULEFILE_E_VALUE, 2, 30, "until: expected only where lifetime is until" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\", \"until\": \"2026-12-31T00:00:00Z\", \"boot\": \"01234567-89ab-cdef-0123-456789abcdef\"}]}", RULEFILE_E_VALUE, 2, 83, "boot: expected boot and boottime_ns with lifetime until" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\", \"until\": \"2026-12-31T00:00:00Z\", \"boottime_ns\": 5}]}", RULEFILE_E_VALUE, 2, 90, "boottime_ns: expected boot and boottime_ns" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"until\", \"until\": \"2026-12-31T00:00:00Z\", \"boottime_ns\": 0, \"boot\": \"01234567-89ab-cdef-0123-456789abcdef\"}]}", RULEFILE_E_VALUE, 2, 90, "boottime_ns: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"reboot\"}]}", RULEFILE_E_VALUE, 2, 33, "lifetime: expected boot and" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"reboot\", \"boot\": \"x\"}]}", RULEFILE_E_VALUE, 2, 51, "boot: expected a boot_id" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"reboot\", \"boottime_ns\": 5, \"boot\": \"01234567-89ab-cdef-0123-456789abcdef\"}]}", RULEFILE_E_VALUE, 2, 58, "boottime_ns: expected boot and" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"boot\": \"01234567-89ab-cdef-0123-456789abcdef\"}]}", RULEFILE_E_VALUE, 2, 29, "boot: expected boot and" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"lifetime\": \"once\"}]}", RULEFILE_E_VALUE, 2, 33, "lifetime: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"enabled\": 0}]}", RULEFILE_E_VALUE, 2, 32, "enabled: expected true or false" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"priority\": 1.5}]}", RULEFILE_E_VALUE, 2, 33, "priority: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"created\": \"2026-02-30T00:00:00Z\"}]}", RULEFILE_E_VALUE, 2, 32, "created: expected a time" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"created\": 5}]}", RULEFILE_E_VALUE, 2, 32, "created: expected" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"id\": \"factory:root\"}]}", RULEFILE_E_VALUE, 2, 27, "factory:" },
                { "{\"rules\": [\n {\"action\": \"deny\", \"id\": \"\"}]}", RULEFILE_E_VALUE, 2, 27, "id: expected" },
                { "{\"rules\": [{\"action\": \"deny\"},\n {\"action\": \"allow\"}]}", RULEFILE_E_VALUE, 2, 2, "same criteria" },
                { "{\"rules\": [{\"id\": \"a\", \"action\": \"deny\"},\n {\"id\": \"a\", \"action\": \"deny\", \"uid\": 1}]}", RULEFILE_E_VALUE, 2, 2, "id already" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                struct rulefile_rest rest = {};
                struct file_error error = {};
                int result = rulefile_parse(rows[i].text, strlen(rows[i].text), NULL, set, &rest, &error);

                if (result != rows[i].result || error.line != rows[i].line || error.column != rows[i].column ||
                    !strstr(error.text, rows[i].words))
                        print_error("%s: %d, %u:%u %s\n", rows[i].text, result, error.line, error.column, error.text), bad++;
                assert_null(rest.json);
        }
        assert_int_equal(bad, 0);
}

static void test_bounds(void **state _unused_)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(buf_deinit) struct buf text = {};
        struct rulefile_rest rest = {};
        struct file_error error;

        /* refused before a byte is read */
        assert_int_equal(rulefile_parse("", (size_t)LIMIT_RULE_FILE + 1, NULL, set, &rest, &error), RULEFILE_E_SYNTAX);
        buf_puts(&text, "{\"x\":");
        for (int i = 0; i < 4096; i++)
                buf_putc(&text, '[');
        assert_int_equal(rulefile_parse(text.data, text.n, NULL, set, &rest, &error), RULEFILE_E_SYNTAX);
        assert_non_null(strstr(error.text, "depth"));
}

/* ---- sentences ---- */

static bool resolve(void *userdata _unused_, enum sentence_name what, const char *name, uint32_t *ret)
{
        *ret = 998;
        return what == SENTENCE_GROUP && strcmp(name, "systemd-network") == 0;
}

static void test_sentences(void **state _unused_)
{
        static const char text[] = "# a comment\n\n  factory:x: allow anyone to lan note \"n\"  \r\ndeny /bin/y\n"
                                   "factory:g: allow anyone group nosuch\ndeny /bin/z priority 5 disabled";
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error = {};
        const struct rule *x;

        assert_int_equal(rulefile_parse_sentences(text, strlen(text), ORIGIN_FACTORY, PRIORITY_FACTORY, resolve, NULL, set, &error), 0);
        assert_int_equal(ruleset_count(set), 4);
        x = ruleset_find(set, "factory:x");
        assert_non_null(x);
        assert_int_equal(x->origin, ORIGIN_FACTORY);
        assert_int_equal(x->priority, PRIORITY_FACTORY);
        assert_string_equal(x->note, "n");
        assert_true(ruleset_find(set, "factory:g")->disabled);
        x = ruleset_next(set, ruleset_find(set, "factory:g"));
        assert_true(x->priority == 5 && x->disabled);
}

static void test_sentences_refused(void **state _unused_)
{
        unsigned bad = 0;
        static const struct {
                const char *text;
                unsigned line, column;
                const char *words;
        } rows[] = {
                { "allow", 1, 6, "absolute path" },
                { "# ok\n\n\tfactory:x: allow /bin/x port http\n", 3, 31, "a port 1..65535" },
                { "deny \"/tmp/\xc3\xa4\" mars", 1, 15, "expected to, port" },
                { ": deny /bin/x", 1, 1, "an id before the colon" },
                { "a: deny /bin/x\na: deny /bin/y", 2, 1, "id already" },
                { "a: deny /bin/x\nb: allow /bin/x", 2, 1, "same criteria" },
                { "deny /bin/x for session", 1, 1, "without a lifetime" },
                { "deny /bin/x until 2026-12-31Z", 1, 1, "without a lifetime" },
                { "deny anyone user nosuch\ndeny anyone user 7up", 2, 18, "the number of a user" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                struct file_error error = {};
                int result = rulefile_parse_sentences(rows[i].text, strlen(rows[i].text), ORIGIN_FACTORY, 0, resolve, NULL, set, &error);

                if (result != RULEFILE_E_VALUE || error.line != rows[i].line || error.column != rows[i].column ||
                    !strstr(error.text, rows[i].words))
                        print_error("%s: %d, %u:%u %s\n", rows[i].text, result, error.line, error.column, error.text), bad++;
        }
        assert_int_equal(bad, 0);
}

/* ---- the shipped file ---- */

static char *read_file(const char *path, size_t *ret_n)
{
        FILE *file = fopen(path, "rb");
        char *data = malloc(1 << 16);

        assert_non_null(file);
        assert_non_null(data);
        *ret_n = fread(data, 1, 1 << 16, file);
        fclose(file);
        assert_true(*ret_n > 0 && *ret_n < 1 << 16);
        return data;
}

static void on_key(void *userdata, const char *key)
{
        strcat(strcat(userdata, key), " ");
}

static void test_unknown_keys_are_told(void **state _unused_)
{
        static const struct {
                const char *text, *keys;
        } rows[] = {
                { "{}", "" },
                { "{\"applications\":{},\"services\":{\"x\":1},\"/bin/a:1\":true}", "" },
                { "{\"applications\":{},\"x y\":{},\"version\":2,\"rulez\":[]}", "x y rulez " },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
                _cleanup_(ruleset_freep) struct ruleset *set = load(rows[i].text, &rest);
                char keys[64] = "";

                assert_non_null(set);
                assert_int_equal(rulefile_rest_keys(&rest, on_key, keys), 0);
                assert_string_equal(keys, rows[i].keys);
        }
}

static void test_factory_file(void **state _unused_)
{
        static const char *const switched[] = { "factory:loopback", "factory:lan", "factory:root", "factory:systemd-network" };
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        _cleanup_(freep) char *data = NULL;
        struct config off = config_default(), on = off;
        struct file_error error = {};
        size_t n;

        data = read_file(SOURCE_ROOT "/data/factory.rules", &n);
        if (rulefile_parse_sentences(data, n, ORIGIN_FACTORY, PRIORITY_FACTORY, resolve, NULL, set, &error) != 0)
                fail_msg("factory.rules:%u:%u: %s", error.line, error.column, error.text);
        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r)) {
                assert_true(str_has_prefix(r->id, "factory:"));
                assert_int_equal(r->action, ACTION_ALLOW);
                assert_non_null(r->note);
                assert_false(r->disabled);
                const unsigned named = CRITERION_BIT(CRITERION_NETWORK) | CRITERION_BIT(CRITERION_SCOPE) | CRITERION_BIT(CRITERION_USER) |
                                       CRITERION_BIT(CRITERION_GROUP);

                /* anyone may only go somewhere named, or be somebody named */
                assert_true(r->subject != RULE_ANYONE || r->has & named);
        }
        off.allow_localhost = off.allow_lan = off.allow_root_bypass = off.allow_systemd_bypass = false;
        on.allow_localhost = on.allow_lan = on.allow_root_bypass = on.allow_systemd_bypass = true;
        for (size_t i = 0; i < ARRAY_SIZE(switched); i++) {
                assert_non_null(ruleset_find(set, switched[i]));
                assert_false(config_enables_factory_rule(&off, switched[i]));
                assert_true(config_enables_factory_rule(&on, switched[i]));
        }
}

/* ---- lifetimes ---- */

#define BOOT "\"boot\": \"01234567-89ab-cdef-0123-456789abcdef\""
#define LATER_BOOT "\"boot\": \"01234567-89ab-cdef-0123-456789abcdee\""

/* An hour after the start that BOOT names, at 2026-12-31T23:00:00Z. */
static struct clocks clocks_of(const char *boot)
{
        struct clocks now = { .now = { 3600 * NS_PER_SEC }, .realtime_us = INT64_C(1798758000000000) };

        assert_true(boot_id_parse(boot, &now.boot));
        return now;
}

static void test_lifetimes(void **state _unused_)
{
        static const char first[] = "01234567-89ab-cdef-0123-456789abcdef", later[] = "01234567-89ab-cdef-0123-456789abcdee";
        /* The rule's lifetime in the file, where it is read, and what the file says then; NULL: the rule is over. */
        static const struct {
                const char *in, *boot, *out;
        } rows[] = {
                { "\"lifetime\": \"until\", \"until\": \"2026-12-31T23:00:01Z\"", first,
                  "\"lifetime\": \"until\", \"until\": \"2026-12-31T23:00:01Z\", " BOOT ", \"boottime_ns\": 3601000000000" },
                { "\"lifetime\": \"until\", \"until\": \"2026-12-31T23:00:00Z\"", first, NULL },
                { "\"lifetime\": \"until\", \"until\": \"1970-01-01T00:00:00Z\"", first, NULL },
                /* this boot: what the wall clock says is no matter */
                { "\"lifetime\": \"until\", \"until\": \"2026-12-30T23:00:00Z\", " BOOT ", \"boottime_ns\": 3600000000001", first,
                  "\"lifetime\": \"until\", \"until\": \"2026-12-30T23:00:00Z\", " BOOT ", \"boottime_ns\": 3600000000001" },
                { "\"lifetime\": \"until\", \"until\": \"2027-12-31T23:00:00Z\", " BOOT ", \"boottime_ns\": 3600000000000", first, NULL },
                /* another: what CLOCK_BOOTTIME was is no matter */
                { "\"lifetime\": \"until\", \"until\": \"2026-12-31T23:00:01Z\", " BOOT ", \"boottime_ns\": 5", later,
                  "\"lifetime\": \"until\", \"until\": \"2026-12-31T23:00:01Z\", " LATER_BOOT ", \"boottime_ns\": 3601000000000" },
                { "\"lifetime\": \"until\", \"until\": \"2026-12-31T22:59:59Z\", " BOOT ", \"boottime_ns\": 9000000000000000", later, NULL },
                { "\"lifetime\": \"reboot\", " BOOT, first, "\"lifetime\": \"reboot\", " BOOT },
                { "\"lifetime\": \"reboot\", " BOOT, later, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
                _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {};
                _cleanup_(buf_deinit) struct buf in = {}, out = {};
                const struct clocks now = clocks_of(rows[i].boot);
                struct file_error error = {};

                buf_printf(&in, "{\"rules\": [{\"action\": \"deny\", %s}, {\"action\": \"deny\", \"uid\": 1}]}", rows[i].in);
                if (rulefile_parse(in.data, in.n, &now, set, &rest, &error) != 0)
                        fail_msg("%s: %s", rows[i].in, error.text);
                assert_int_equal(rest.n_ended, !rows[i].out);
                assert_int_equal(rest.n_begun, rows[i].out && strcmp(rows[i].in, rows[i].out) != 0);
                assert_int_equal(ruleset_count(set), 1 + !!rows[i].out);
                assert_int_equal(rulefile_format(set, &rest, &out), 0);
                assert_int_equal(strstr(out.data, "\"lifetime\"") != NULL, !!rows[i].out);
                if (rows[i].out && !strstr(out.data, rows[i].out))
                        fail_msg("%s: %s", rows[i].in, out.data);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format),    cmocka_unit_test(test_only_what_is_kept), cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_deny_wins_over_itself),
                cmocka_unit_test(test_refused),   cmocka_unit_test(test_bounds),            cmocka_unit_test(test_sentences),
                cmocka_unit_test(test_sentences_refused), cmocka_unit_test(test_factory_file),
                cmocka_unit_test(test_unknown_keys_are_told), cmocka_unit_test(test_lifetimes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
