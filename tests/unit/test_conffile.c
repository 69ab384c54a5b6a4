/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.json: each key turned both ways, each wrong value warned of at its place, the mode changed and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/conffile.h"

struct warnings {
        unsigned n;
        char text[1024];
};

static void on_warning(void *userdata, const struct file_error *warning)
{
        struct warnings *w = userdata;
        size_t n = strlen(w->text);

        w->n++;
        snprintf(w->text + n, sizeof(w->text) - n, "%u:%u %s\n", warning->line, warning->column, warning->text);
}

static struct config parse(const char *text, const struct config *last_good, struct warnings *w)
{
        struct config config;
        struct file_error error;

        *w = (struct warnings){};
        if (conffile_parse(text, strlen(text), last_good, "/var/log", &config, on_warning, w, &error) != 0)
                fail_msg("%s: %s", text, error.text);
        return config;
}

/* Field by field: the padding is nobody's. */
static bool same_config(const struct config *a, const struct config *b)
{
        return a->mode == b->mode && a->timeout_seconds == b->timeout_seconds && a->default_action == b->default_action &&
               a->on_failure == b->on_failure && a->popup_enabled == b->popup_enabled &&
               a->notifications_enabled == b->notifications_enabled && a->allow_localhost == b->allow_localhost &&
               a->allow_lan == b->allow_lan && a->allow_root_bypass == b->allow_root_bypass &&
               a->allow_systemd_bypass == b->allow_systemd_bypass && a->cache_decisions == b->cache_decisions &&
               a->log_decisions == b->log_decisions && a->log_every_connection == b->log_every_connection && a->inbound_protection == b->inbound_protection &&
               a->deny_errno == b->deny_errno && strcmp(a->log_file, b->log_file) == 0;
}

static void test_defaults(void **state _unused_)
{
        struct config want = config_default(), got;
        struct warnings w;

        got = parse("{\"mode\": \"learning\", \"unknown\": [1], \"another\": true}", NULL, &w);
        assert_int_equal(w.n, 0);
        assert_true(same_config(&got, &want));
}

/* "mode" is in every text, for its absence is a warning. */
static void test_booleans_both_ways(void **state _unused_)
{
        static const struct {
                const char *key;
                size_t offset;
        } rows[] = {
#define ROW(field) { #field, offsetof(struct config, field) }
                ROW(popup_enabled),     ROW(notifications_enabled), ROW(allow_localhost),     ROW(allow_lan),
                ROW(allow_root_bypass), ROW(allow_systemd_bypass),  ROW(cache_decisions),     ROW(log_decisions),
                ROW(inbound_protection),
#undef ROW
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int value = 0; value < 2; value++) {
                        char text[128];
                        struct config c;
                        struct warnings w;

                        snprintf(text, sizeof(text), "{\"mode\": \"learning\", \"%s\": %s}", rows[i].key, value ? "true" : "false");
                        c = parse(text, NULL, &w);
                        assert_int_equal(w.n, 0);
                        assert_int_equal(*(bool *)((char *)&c + rows[i].offset), value);
                }
}

static void test_words(void **state _unused_)
{
        struct warnings w;

        assert_int_equal(parse("{\"mode\": \"enforcement\"}", NULL, &w).mode, MODE_ENFORCEMENT);
        assert_int_equal(parse("{\"mode\": \"learning\"}", NULL, &w).mode, MODE_LEARNING);
        assert_int_equal(parse("{\"mode\": \"learning\", \"default_action\": \"allow\"}", NULL, &w).default_action, ACTION_ALLOW);
        assert_int_equal(parse("{\"mode\": \"learning\", \"default_action\": \"deny\"}", NULL, &w).default_action, ACTION_DENY);
        assert_int_equal(parse("{\"mode\": \"learning\", \"default_action\": \"prompt\"}", NULL, &w).default_action, ACTION_DENY);
        assert_int_equal(w.n, 0);
        assert_int_equal(parse("{\"mode\": \"learning\", \"on_failure\": \"open\"}", NULL, &w).on_failure, ON_FAILURE_OPEN);
        assert_int_equal(parse("{\"mode\": \"learning\", \"on_failure\": \"closed\"}", NULL, &w).on_failure, ON_FAILURE_CLOSED);
        assert_int_equal(parse("{\"mode\": \"learning\"}", NULL, &w).on_failure, ON_FAILURE_BY_MODE);
        assert_int_equal(parse("{\"mode\": \"learning\", \"deny_errno\": \"EPERM\"}", NULL, &w).deny_errno, EPERM);
        assert_int_equal(parse("{\"mode\": \"learning\", \"deny_errno\": \"ENETUNREACH\"}", NULL, &w).deny_errno, ENETUNREACH);
        assert_int_equal(parse("{\"mode\": \"learning\", \"deny_errno\": \"ECONNREFUSED\"}", NULL, &w).deny_errno, ECONNREFUSED);
        assert_int_equal(parse("{\"mode\": \"learning\", \"timeout_seconds\": 5}", NULL, &w).timeout_seconds, 5);
        assert_int_equal(parse("{\"mode\": \"learning\", \"timeout_seconds\": 300}", NULL, &w).timeout_seconds, 300);
        assert_string_equal(parse("{\"mode\": \"learning\", \"log_file\": \"/var/log/x/y..log\"}", NULL, &w).log_file, "/var/log/x/y..log");
        assert_int_equal(w.n, 0);
}

static void test_wrong_values(void **state _unused_)
{
        static const char *const rows[][2] = {
                { "{\"mode\": \"Learning\"}", "1:10 mode: expected \"learning\" or \"enforcement\"\n" },
                { "{\"mode\": null}", "1:10 mode: expected \"learning\" or \"enforcement\"\n" },
                { " {}", "1:2 mode: expected \"learning\" or \"enforcement\"; there is no such key\n" },
                { "{\"mode\":\"enforcement\",\n \"timeout_seconds\": 4}", "2:21 timeout_seconds: expected a whole number of seconds, 5..300\n" },
                { "{\"mode\":\"enforcement\",\n \"timeout_seconds\": 301}", "2:21 timeout_seconds: expected a whole number of seconds, 5..300\n" },
                { "{\"mode\":\"enforcement\",\n \"timeout_seconds\": 30.0}", "2:21 timeout_seconds: expected a whole number of seconds, 5..300\n" },
                { "{\"mode\":\"enforcement\",\n \"timeout_seconds\": \"30\"}", "2:21 timeout_seconds: expected a whole number of seconds, 5..300\n" },
                { "{\"mode\":\"enforcement\",\n\"default_action\": \"ask\"}", "2:19 default_action: expected \"allow\" or \"deny\"\n" },
                { "{\"mode\":\"enforcement\",\n\"on_failure\": true}", "2:15 on_failure: expected \"open\" or \"closed\"\n" },
                { "{\"mode\":\"enforcement\",\n\"allow_lan\": \"yes\"}", "2:14 allow_lan: expected true or false\n" },
                { "{\"mode\":\"enforcement\",\n\"deny_errno\": \"EIO\"}", "2:15 deny_errno: expected \"ECONNREFUSED\", \"EPERM\" or \"ENETUNREACH\"\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": 7}", "2:13 log_file: expected a path of at most 511 bytes\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/etc/x\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log/\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/logs/x\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log/../x\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log/a/..\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log//x\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
                { "{\"mode\":\"enforcement\",\n\"log_file\": \"/var/log/./x\"}", "2:13 log_file: expected a path under the log directory, without . or .. in it\n" },
        };
        struct config last = config_default();

        last.mode = MODE_ENFORCEMENT;
        last.timeout_seconds = 77;
        last.default_action = ACTION_ALLOW;
        last.on_failure = ON_FAILURE_OPEN;
        last.allow_lan = true;
        last.deny_errno = EPERM;
        strcpy(last.log_file, "/var/log/last");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct warnings w;
                struct config c = parse(rows[i][0], &last, &w);

                assert_string_equal(w.text, rows[i][1]);
                assert_int_equal(c.mode, MODE_ENFORCEMENT);
                assert_int_equal(c.timeout_seconds, strstr(rows[i][0], "timeout") ? 77 : 30);
                assert_int_equal(c.default_action, strstr(rows[i][0], "default") ? ACTION_ALLOW : ACTION_DENY);
                assert_int_equal(c.on_failure, strstr(rows[i][0], "failure") ? ON_FAILURE_OPEN : ON_FAILURE_BY_MODE);
                assert_int_equal(c.allow_lan, strstr(rows[i][0], "lan") != NULL);
                assert_int_equal(c.deny_errno, strstr(rows[i][0], "errno") ? EPERM : ECONNREFUSED);
                assert_string_equal(c.log_file, strstr(rows[i][0], "log_file") ? "/var/log/last" : "/var/log/bastion-daemon.log");
        }
}

static void test_refused_as_a_whole(void **state _unused_)
{
        static const struct {
                const char *text;
                unsigned line, column;
        } rows[] = {
                { "", 1, 1 }, { "[]", 1, 1 }, { "7", 1, 1 }, { "{\"mode\": \"learning\",}", 1, 21 }, { "{\n\"mode\" \"learning\"}", 2, 17 },
                { "\xef\xbb\xbf{}", 1, 1 }, { "{\"mode\": \"learning\"} x", 1, 22 }, { "{\"a\": 1, \"a\": 2}", 1, 12 }, { "{\"a\": \"\xff\"}", 1, 7 },
        };

        static const char nul[] = "{\n\"a\": null\0}";
        struct file_error where;
        struct config untouched;

        assert_int_equal(conffile_parse(nul, sizeof(nul) - 1, NULL, "/var/log", &untouched, NULL, NULL, &where), CONFFILE_E_SYNTAX);
        assert_true(where.line == 2 && where.column == 10);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct config c = { .timeout_seconds = 99 };
                struct file_error error = {};

                assert_int_equal(conffile_parse(rows[i].text, strlen(rows[i].text), NULL, "/var/log", &c, NULL, NULL, &error),
                                 CONFFILE_E_SYNTAX);
                assert_int_equal(c.timeout_seconds, 99);
                assert_int_equal(error.line, rows[i].line);
                assert_int_equal(error.column, rows[i].column);
                assert_true(error.text[0] != 0);
        }
}

static void test_too_long(void **state _unused_)
{
        _cleanup_(freep) char *text = malloc(LIMIT_CONFIG_FILE + 1);
        struct config c;
        struct file_error error;

        assert_non_null(text);
        memset(text, ' ', LIMIT_CONFIG_FILE + 1);
        assert_int_equal(conffile_parse(text, LIMIT_CONFIG_FILE + 1, NULL, "/var/log", &c, NULL, NULL, &error), CONFFILE_E_SYNTAX);
        assert_string_equal(error.text, "more than 1048576 bytes");
        memcpy(text, "{\"mode\":\"learning\"}", 19);
        assert_int_equal(conffile_parse(text, LIMIT_CONFIG_FILE, NULL, "/var/log", &c, NULL, NULL, &error), 0);
}

static void test_log_dir(void **state _unused_)
{
        static const char text[] = "{\"mode\": \"learning\", \"log_file\": \"/tmp/l/x\"}";
        struct config c;
        struct file_error error;
        struct warnings w = {};

        assert_int_equal(conffile_parse(text, strlen(text), NULL, "/tmp/l/", &c, on_warning, &w, &error), 0);
        assert_string_equal(c.log_file, "/tmp/l/x");
        assert_int_equal(w.n, 0);
        assert_int_equal(conffile_parse(text, strlen(text), NULL, "/tmp/m", &c, on_warning, &w, &error), 0);
        assert_string_equal(c.log_file, "/tmp/m/bastion-daemon.log");
        assert_int_equal(w.n, 1);
}

static void check_edit(const char *const row[4])
{
        _cleanup_(buf_deinit) struct buf out = {};
        struct file_error error;

        assert_int_equal(conffile_edit(row[0], strlen(row[0]), row[1], row[2], &out, &error), 0);
        assert_string_equal(out.data, row[3]);
}

/* The file, the key, its value, the file afterwards. */
static void test_edit(void **state _unused_)
{
        static const char *const rows[][4] = {
                { "{\"mode\":\"learning\"}", "mode", "\"enforcement\"", "{\"mode\":\"enforcement\"}" },
                { "{ \"z\" : 1.10,\n\t\"mode\" : \"learning\" , \"a\": {\"mode\": 1} }\n", "mode", "\"enforcement\"",
                  "{ \"z\" : 1.10,\n\t\"mode\" : \"enforcement\" , \"a\": {\"mode\": 1} }\n" },
                { "{\"allow_lan\": [1, {}]}", "allow_lan", "true", "{\"allow_lan\": true}" },
                { "{\"allow_l\\u0061n\": 7}", "allow_lan", "true", "{\"allow_l\\u0061n\": true}" },
                { "{\n  \"a\": 1\n}\n", "timeout_seconds", "45", "{\n  \"timeout_seconds\": 45,\n  \"a\": 1\n}\n" },
                { "{}", "on_failure", "\"open\"", "{\"on_failure\": \"open\"}" },
                { "{\n}\n", "on_failure", "\"open\"", "{\"on_failure\": \"open\"\n}\n" },
                { "{\n  \"a\": 1,\n  \"allow_lan\": true,\n  \"b\": [2]\n}\n", "allow_lan", "null", "{\n  \"a\": 1,\n  \"b\": [2]\n}\n" },
                { "{\n  \"a\": 1,\n  \"allow_lan\": true\n}\n", "allow_lan", "null", "{\n  \"a\": 1\n}\n" },
                { "{\n  \"allow_lan\": true ,\n  \"a\": 1\n}\n", "allow_lan", "null", "{\n  \"a\": 1\n}\n" },
                { "{ \"allow_lan\" : true }", "allow_lan", "null", "{  }" },
                { "{\"a\":1}", "allow_lan", "null", "{\"a\":1}" },
                { "{\"a\":1,\"allow_lan\":{\"allow_lan\":1}}", "allow_lan", "null", "{\"a\":1}" },
        };
        _cleanup_(buf_deinit) struct buf out = {};
        struct file_error error;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_edit(rows[i]);
        assert_int_equal(conffile_edit("{", 1, "allow_lan", "true", &out, &error), CONFFILE_E_SYNTAX);
        assert_int_equal(out.n, 0);
}

/* A key, a value that it takes, one that it does not, and what it expected instead. */
static void test_set(void **state _unused_)
{
        static const char *const rows[][4] = {
                { "mode", "\"enforcement\"", "null", "\"learning\" or \"enforcement\"" },
                { "timeout_seconds", "300", "301", "a whole number of seconds, 5..300" },
                { "default_action", "\"allow\"", "\"ask\"", "\"allow\" or \"deny\"" },
                { "on_failure", "\"closed\"", "true", "\"open\" or \"closed\"" },
                { "popup_enabled", "false", "0", "true or false" },
                { "notifications_enabled", "false", "\"false\"", "true or false" },
                { "allow_localhost", "false", "[]", "true or false" },
                { "allow_lan", "true", "{}", "true or false" },
                { "allow_root_bypass", "false", "1.0", "true or false" },
                { "allow_systemd_bypass", "false", "1", "true or false" },
                { "cache_decisions", "false", "\"\"", "true or false" },
                { "log_decisions", "false", "-1", "true or false" },
                { "log_every_connection", "true", "7", "true or false" },
                { "log_file", "\"/var/log/x\"", "\"/tmp/x\"", "a path under the log directory, without . or .. in it" },
                { "deny_errno", "\"EPERM\"", "\"EIO\"", "\"ECONNREFUSED\", \"EPERM\" or \"ENETUNREACH\"" },
                { "inbound_protection", "false", "nonsense", "JSON" },
        };
        const struct config defaults = conffile_defaults("/var/log");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct config c = defaults, changed;
                const char *expected = NULL;

                assert_string_equal(conffile_key(i), rows[i][0]);
                assert_int_equal(conffile_set(&c, rows[i][0], rows[i][1], "/var/log", &expected), 0);
                assert_false(same_config(&c, &defaults));
                changed = c;
                assert_int_equal(conffile_set(&c, rows[i][0], rows[i][2], "/var/log", &expected), CONFFILE_E_VALUE);
                assert_string_equal(expected, rows[i][3]);
                assert_true(same_config(&c, &changed));
                if (i > 0) {
                        assert_int_equal(conffile_set(&c, rows[i][0], "null", "/var/log", &expected), 0);
                        assert_true(same_config(&c, &defaults));
                }
        }
        assert_null(conffile_key(ARRAY_SIZE(rows)));
        assert_int_equal(conffile_set(&(struct config){ 0 }, "colour", "1", "/var/log", &(const char *){ NULL }), CONFFILE_E_VALUE);
}

/* What is shown of a value, taken again as a word, is that value. */
static void test_values_as_words(void **state _unused_)
{
        struct config configs[] = { conffile_defaults("/var/log"), { .mode = MODE_ENFORCEMENT, .timeout_seconds = 5, .default_action = ACTION_ALLOW,
                                    .on_failure = ON_FAILURE_CLOSED, .deny_errno = ENETUNREACH, .log_file = "/var/log/a \"b\"" } };

        for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
                struct config again = configs[1 - i];

                for (size_t k = 0; conffile_key(k); k++) {
                        _cleanup_(buf_deinit) struct buf word = {}, value = {};
                        const char *expected;

                        conffile_format_value(&word, &configs[i], conffile_key(k));
                        conffile_format_word(&value, word.data);
                        assert_int_equal(conffile_set(&again, conffile_key(k), value.data, "/var/log", &expected), 0);
                }
                assert_true(same_config(&again, &configs[i]));
        }
}

/* Every field away from its default, and back: a key that were forgotten would not return. */
static void test_format(void **state _unused_)
{
        struct config all[3] = { config_default(), config_default(), config_default() };

        all[1] = (struct config){
                .mode = MODE_ENFORCEMENT,
                .timeout_seconds = 77,
                .default_action = ACTION_ALLOW,
                .on_failure = ON_FAILURE_OPEN,
                .allow_lan = true,
                .deny_errno = EPERM,
                .log_file = "/var/log/a \"quoted\" \\ name",
        };
        all[2].on_failure = ON_FAILURE_CLOSED;
        all[2].deny_errno = ENETUNREACH;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_(buf_deinit) struct buf out = {};
                struct config again;
                struct warnings w;

                assert_int_equal(conffile_format(&all[i], &out), 0);
                again = parse(out.data, NULL, &w);
                assert_int_equal(w.n, 0);
                assert_true(same_config(&again, &all[i]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),     cmocka_unit_test(test_booleans_both_ways), cmocka_unit_test(test_words),
                cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_refused_as_a_whole), cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_log_dir),      cmocka_unit_test(test_edit),       cmocka_unit_test(test_set),
                cmocka_unit_test(test_format),       cmocka_unit_test(test_values_as_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
