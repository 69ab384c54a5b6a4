/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSnitch's rules: each row is what a person has there, and what it is here, or why it is nothing. */
#include "base/macros.h"
#include "core/limits.h"
#include "core/ruleset.h"
#include "unit.h"
#include "wire/import-opensnitch.h"

static bool names(_unused_ void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        *ret = 1000;
        return what == SENTENCE_USER && strcmp(name, "alice") == 0;
}

static struct import_opensnitch read_text(const char *text)
{
        struct import_opensnitch import;

        assert_int_equal(import_opensnitch_parse(text, strlen(text), names, NULL, &import), 0);
        assert_true((import.rule != NULL) != (import.reason[0] != 0));
        return import;
}

/* A whole rule around an operator; the quotes in `operator` are single ones. */
static struct import_opensnitch read_operator(const char *operator)
{
        char text[4096];

        snprintf(text, sizeof(text),
                 "{'created':'2024-05-01T10:00:00+02:00','updated':'2024-05-01T10:00:00+02:00','name':'n','description':'','action':'allow',"
                 "'duration':'always','operator':%s,'enabled':true,'precedence':false,'nolog':false}", operator);
        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        return read_text(text);
}

#define SIMPLE(operand, data) "{'type':'simple','operand':'" operand "','data':'" data "','sensitive':false,'list':null}"
#define REGEXP(operand, data) "{'type':'regexp','operand':'" operand "','data':'" data "','sensitive':false,'list':[]}"
#define LIST(list)            "{'type':'list','operand':'list','data':'','sensitive':false,'list':[" list "]}"
#define CURL                  SIMPLE("process.path", "/usr/bin/curl")

static void assert_sentence(const struct rule *rule, const char *expected)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        sentence_format(rule, &sentence);
        assert_string_equal(sentence.data, expected);
}

static void test_conditions(void **state _unused_)
{
        static const char *const rows[][2] = {
                { CURL, "/usr/bin/curl" },
                { SIMPLE("process.path", "/opt/a b/[x]"), "\"/opt/a b/\\\\[x]\"" },
                { REGEXP("process.path", "^/usr/bin/curl$"), "/usr/bin/curl" },
                { REGEXP("process.path", "^/tmp/.*"), "/tmp/**" },
                { REGEXP("process.path", ".*/firefox$"), "/**/firefox or /firefox" },
                { REGEXP("process.path", ".*\\\\.AppImage$"), "/**.AppImage" },
                { REGEXP("process.path", "^(/usr/bin/curl|/usr/bin/wget)$"), "/usr/bin/curl or /usr/bin/wget" },
                { REGEXP("process.path", "^(/tmp/|/var/tmp/|/dev/shm/).*"), "/dev/shm/** or /tmp/** or /var/tmp/**" },
                { SIMPLE("true", ""), "anyone" },
                { SIMPLE("dest.host", "Example.com"), "anyone to example.com" },
                { SIMPLE("dest.host", "localhost"), "anyone to \"localhost\"" },
                { REGEXP("dest.host", "^(.*\\\\.)?example\\\\.com$"), "anyone to .example.com" },
                { REGEXP("dest.host", "(^|\\\\.)example\\\\.com$"), "anyone to .example.com" },
                { REGEXP("dest.host", "^(www\\\\.)?example\\\\.com$"), "anyone to example.com or www.example.com" },
                { SIMPLE("dest.ip", "192.0.2.7"), "anyone to 192.0.2.7" },
                { SIMPLE("dest.ip", "2001:DB8::7"), "anyone to 2001:db8::7" },
                { REGEXP("dest.ip", "^(127\\\\.0\\\\.0\\\\.1|::1)$"), "anyone to ::1 or 127.0.0.1" },
                { REGEXP("dest.ip", "^192\\\\.168\\\\..*"), "anyone to 192.168.0.0/16" },
                { REGEXP("dest.ip", "^172\\\\.(1[6-9]|2[0-9]|3[01])\\\\."),
                  "anyone to 172.16.0.0/16 or 172.17.0.0/16 or 172.18.0.0/16 or 172.19.0.0/16 or 172.20.0.0/16 or 172.21.0.0/16 or 172.22.0.0/16 or "
                  "172.23.0.0/16 or 172.24.0.0/16 or 172.25.0.0/16 or 172.26.0.0/16 or 172.27.0.0/16 or 172.28.0.0/16 or 172.29.0.0/16 or "
                  "172.30.0.0/16 or 172.31.0.0/16" },
                { "{'type':'network','operand':'dest.network','data':'127.0.0.1/8'}", "anyone to 127.0.0.0/8" },
                { "{'type':'network','operand':'dest.network','data':'2001:db8::1/32','list':[]}", "anyone to 2001:db8::/32" },
                { "{'type':'network','operand':'dest.network','data':'::/0'}", "anyone to not 0.0.0.0/0" },
                { "{'type':'network','operand':'dest.network','data':'0.0.0.0/0'}", "anyone to 0.0.0.0/0" },
                { SIMPLE("dest.port", "443"), "anyone port 443" },
                { REGEXP("dest.port", "^(443|80)$"), "anyone port 80,443" },
                { REGEXP("dest.port", "^555[12345]$"), "anyone port 5551-5555" },
                { REGEXP("dest.port", "^.*$"), "anyone" },
                { REGEXP("dest.port", "^655[34]"), "anyone port 6553-6554,65530-65535" },
                { SIMPLE("protocol", "TCP"), "anyone to 0.0.0.0/0 tcp" },
                { SIMPLE("protocol", "udp6"), "anyone to not 0.0.0.0/0 udp" },
                { REGEXP("protocol", "^(tcp|tcp6)$"), "anyone tcp" },
                { REGEXP("protocol", "^tcp"), "anyone tcp" },
                { SIMPLE("protocol", "icmp"), "anyone icmp" },
                { REGEXP("protocol", "^icmp6?$"), "anyone icmp,icmpv6" },
                { LIST(SIMPLE("protocol", "tcp") "," SIMPLE("dest.ip", "192.0.2.7")), "anyone to 192.0.2.7 tcp" },
                { LIST(SIMPLE("protocol", "tcp6") "," SIMPLE("dest.ip", "2001:db8::7")), "anyone to 2001:db8::7 tcp" },
                { SIMPLE("user.id", "0"), "anyone user 0" },
                { REGEXP("user.id", "^(0|115|118)$"), "anyone user 0,115,118" },
                { SIMPLE("user.name", "alice"), "anyone user 1000" },
                { SIMPLE("iface.out", "wg0"), "anyone interface wg0" },
                { REGEXP("iface.out", "^(wg|tun).*"), "anyone interface tun* or wg*" },
                { SIMPLE("process.parent.path", "/usr/bin/make"), "anyone ancestor /usr/bin/make" },
                { LIST(CURL "," SIMPLE("user.id", "1000") "," REGEXP("dest.port", "^(80|443)$") "," SIMPLE("dest.host", "example.com")),
                  "/usr/bin/curl to example.com port 80,443 user 1000" },
                /* As old versions wrote lists. */
                { "{'type':'list','operand':'list','data':'[{\\'type\\': \\'simple\\', \\'operand\\': \\'dest.port\\', \\'data\\': \\'23\\'}]','list':[]}",
                  "anyone port 23" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(import_opensnitch_deinit) struct import_opensnitch import = read_operator(rows[i][0]);
                char expected[1024];

                if (!import.rule)
                        fail_msg("%s: %s", rows[i][0], import.reason);
                snprintf(expected, sizeof(expected), "allow %s note \"from OpenSnitch: n\"", rows[i][1]);
                assert_sentence(import.rule, expected);
        }
}

static void test_what_cannot_be_said(void **state _unused_)
{
        static const char *const rows[][2] = {
                { REGEXP("process.path", "^/usr/lib/python3.11/.*"), "process.path: a dot" },
                { REGEXP("process.path", "^usr/bin"), "no absolute path" },
                { REGEXP("process.path", "^/tmp/[^/]+$"), "must not be" },
                { SIMPLE("process.path", "Kernel connection"), "no absolute path" },
                { SIMPLE("process.command", "/usr/bin/python3 x.py"), "process.command: arguments" },
                { SIMPLE("process.id", "812"), "process.id" },
                { SIMPLE("process.env.HOME", "/root"), "environment" },
                { SIMPLE("process.hash.md5", "d41d8cd98f00b204e9800998ecf8427e"), "checksums" },
                { SIMPLE("source.port", "53"), "remote end" },
                { "{'type':'network','operand':'source.network','data':'10.0.0.0/8'}", "remote end" },
                { SIMPLE("iface.in", "eth0"), "goes out" },
                { "{'type':'lists','operand':'lists.domains','data':'/etc/opensnitchd/blocklists'}", "another file" },
                { LIST(CURL ",{'type':'lists','operand':'lists.domains','data':'/x'}"), "another file" },
                { SIMPLE("dest.weather", "rain"), "dest.weather: not known" },
                { SIMPLE("", "rain"), "no operand: not known" },
                { REGEXP("dest.host", ".*\\\\.example\\\\.com$"), "names below example.com, but not that name itself" },
                { REGEXP("dest.host", "(.*\\\\.)?example\\\\.com$"), "whole names" }, /* without ^ it matches notexample.com too */
                { REGEXP("dest.host", "example"), "whole names" },
                { "{'type':'simple','operand':'dest.host','data':'Example.com','sensitive':true}", "upper case" },
                { "{'type':'simple','operand':'protocol','data':'TCP','sensitive':true}", "no protocol" },
                { SIMPLE("dest.host", "192.0.2.1"), "an address is no name" },
                { SIMPLE("dest.host", "exa mple.com"), "expected a host" },
                { SIMPLE("dest.ip", "2001:0db8::7"), "as OpenSnitch writes it" },
                { SIMPLE("dest.ip", "300.1.1.1"), "as OpenSnitch writes it" },
                { REGEXP("dest.ip", "^192\\\\.168\\\\.1"), "beginnings" },
                { REGEXP("dest.ip", "^1\\\\.02\\\\."), "beginnings" },
                { REGEXP("dest.ip", "127\\\\."), "beginnings" },
                { "{'type':'network','operand':'dest.network','data':'LAN'}", "alias" },
                { "{'type':'network','operand':'dest.network','data':'10.0.0.0/33'}", "expected a network" },
                { "{'type':'network','operand':'dest.network','data':'::/8'}", "IPv4 addresses would be in this network" },
                { "{'type':'network','operand':'dest.network','data':'::ffff:0:0/96'}", "expected a network" },
                { "{'type':'network','operand':'dest.ip','data':'10.0.0.0/8'}", "compared in a way" },
                { SIMPLE("dest.network", "10.0.0.0/8"), "dest.network: not known" },
                { SIMPLE("dest.port", "0"), "no port (0)" },
                { SIMPLE("dest.port", "0443"), "matches no port" },
                { SIMPLE("dest.port", "https"), "matches no port" },
                { REGEXP("dest.port", "^[0-9]$"), "no port (0)" },
                { REGEXP("dest.port", "[13579]$"), "more than 64 values" },
                { SIMPLE("protocol", "ospf"), "no protocol" },
                { REGEXP("protocol", "^(tcp|udp6)$"), "some protocols by IPv4" },
                { LIST(SIMPLE("protocol", "tcp") "," SIMPLE("dest.ip", "::1")), "of the other" },
                { LIST(SIMPLE("protocol", "tcp") ",{'type':'network','operand':'dest.network','data':'::/0'}"), "matches nothing" },
                { LIST("{'type':'network','operand':'dest.network','data':'::/0'}," SIMPLE("protocol", "tcp")), "matches nothing" },
                { SIMPLE("user.id", "-1"), "numbers of users" },
                { SIMPLE("user.id", "01"), "matches no user" },
                { REGEXP("user.id", "1000"), "numbers of users" },
                { SIMPLE("user.name", "bob"), "no user of this name" },
                { REGEXP("user.name", "ali"), "whole names" },
                { LIST(SIMPLE("dest.ip", "192.0.2.1") ",{'type':'network','operand':'dest.network','data':'192.0.2.0/24'}"), "second condition" },
                { LIST(SIMPLE("process.parent.path", "/a") "," SIMPLE("process.parent.path", "/b")), "second condition" },
                { LIST(LIST(CURL)), "no list in a list" },
                { LIST(""), "without conditions" },
                { "{'type':'list','operand':'list','data':'{}','list':null}", "without conditions" },
                { LIST("7"), "no object" },
                { "{'type':'range','operand':'dest.port','data':'1-1024'}", "compared in a way" },
                { "{'type':'simple','operand':'dest.port','data':'443','negate':true}", "\"negate\" is not known" },
                { "{'type':'simple','operand':'dest.port','data':443}", "data: expected a text" },
                { "{'type':'simple','operand':'dest.port','data':'443','sensitive':'no'}", "sensitive: expected true or false" },
                { "{'type':'simple','operand':'dest.port','data':''}", "no data" },
                { "null", "no object" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(import_opensnitch_deinit) struct import_opensnitch import = read_operator(rows[i][0]);

                if (import.rule) {
                        _cleanup_(buf_deinit) struct buf sentence = { 0 };

                        sentence_format(import.rule, &sentence);
                        fail_msg("%s is taken: %s", rows[i][0], sentence.data);
                }
                if (!strstr(import.reason, rows[i][1]))
                        fail_msg("%s: %s", rows[i][0], import.reason);
        }
}

static void test_the_rest_of_a_rule(void **state _unused_)
{
        static const struct {
                const char *text, *sentence, *reason;
        } rows[] = {
                { "{\"name\":\"a\",\"action\":\"reject\",\"enabled\":true,\"duration\":\"always\",\"operator\":{\"type\":\"simple\",\"operand\":\"true\"}}",
                  "deny anyone note \"from OpenSnitch: a\"", NULL },
                { "{\"name\":\"a\\nb\",\"description\":\"why \xc3\xa4\",\"action\":\"deny\",\"duration\":\"always\","
                  "\"operator\":{\"type\":\"simple\",\"operand\":\"true\"}}",
                  "deny anyone disabled note \"from OpenSnitch: a\\nb (why \xc3\xa4)\"", NULL },
                { "{\"name\":\"a\",\"action\":\"allow\",\"enabled\":false,\"duration\":\"always\",\"operator\":{\"type\":\"simple\",\"operand\":\"true\"}}",
                  "allow anyone disabled note \"from OpenSnitch: a\"", NULL },
                { "{\"name\":\"a\",\"action\":\"allow\",\"duration\":\"until restart\",\"operator\":{\"operand\":\"true\"}}", NULL, "not for always" },
                { "{\"name\":\"a\",\"action\":\"allow\",\"duration\":\"5m\",\"operator\":{\"operand\":\"true\"}}", NULL, "not for always" },
                { "{\"name\":\"a\",\"action\":\"permit\",\"duration\":\"always\",\"operator\":{\"operand\":\"true\"}}", NULL, "action: expected" },
                { "{\"name\":\"a\",\"action\":\"deny\",\"duration\":\"always\"}", NULL, "no object" },
                { "{\"name\":7}", NULL, "name: expected a text" },
                { "{\"enabled\":\"yes\"}", NULL, "enabled: expected true or false" },
                { "{\"operator\":[]}", NULL, "operator: expected an object" },
                { "{\"schedule\":\"daily\"}", NULL, "\"schedule\" is not known" },
                { "{\"name\":\"a\",\n\"name\":\"b\"}", NULL, "2:" },
                { "[]", NULL, "1:1: expected an object" },
                { "", NULL, "1:1:" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(import_opensnitch_deinit) struct import_opensnitch import = read_text(rows[i].text);

                if (rows[i].sentence && !import.rule)
                        fail_msg("%s: %s", rows[i].text, import.reason);
                if (rows[i].sentence)
                        assert_sentence(import.rule, rows[i].sentence);
                else if (import.rule || !strstr(import.reason, rows[i].reason))
                        fail_msg("%s: %s", rows[i].text, import.reason);
        }
}

static void test_words(void **state _unused_)
{
        _cleanup_(import_opensnitch_deinit) struct import_opensnitch import =
                read_operator(LIST(CURL ",{'type':'lists','operand':'lists.nets','data':'/x'}"));
        _cleanup_(import_opensnitch_deinit) struct import_opensnitch sensitive =
                read_operator("{'type':'simple','operand':'process.path','data':'/a','sensitive':true}");

        assert_string_equal(import.words, "allow always: process.path simple \"/usr/bin/curl\", lists.nets lists \"/x\"");
        assert_string_equal(import.name, "n");
        assert_true(import.any_case && !import.denies);
        assert_false(sensitive.any_case);
}

static void test_sizes(void **state _unused_)
{
        static char text[LIMIT_IMPORT_FILE + 2];
        const char *begin = "{\"name\":\"a\",\"action\":\"deny\",\"duration\":\"always\",\"operator\":{\"type\":\"simple\",\"operand\":\"true\"},\"description\":\"";
        const size_t lengths[] = { 3000, 100000 };
        struct import_opensnitch import;

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                strcpy(text, begin);
                for (size_t at = strlen(begin); at < strlen(begin) + lengths[i]; at += 2)
                        memcpy(text + at, "\xc3\xa4", 3);
                strcat(text, "\"}");
                import = read_text(text);
                assert_non_null(import.rule);
                assert_in_range(strlen(import.rule->note), LIMIT_RULE_NOTE - 1, LIMIT_RULE_NOTE);
                import_opensnitch_deinit(&import);
        }
        memset(text, ' ', LIMIT_IMPORT_FILE + 1);
        text[LIMIT_IMPORT_FILE + 1] = 0;
        import = read_text(text);
        assert_non_null(strstr(import.reason, "a file of more than"));
        import_opensnitch_deinit(&import);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static void test_rank(void **state _unused_)
{
        static const struct {
                const char *name, *action;
                bool precedence;
                const char *operator;
                int priority;
        } rows[] = {
                /* Both directions of what a name decides, and rules that never meet. */
                { "000-allow-vpn", "allow", true, "{\"type\":\"simple\",\"operand\":\"dest.port\",\"data\":\"51820\"}", 2 },
                { "001-deny-tracker", "deny", false, "{\"type\":\"simple\",\"operand\":\"dest.host\",\"data\":\"tracker.example\"}", 1 },
                { "allow-firefox", "allow", false, "{\"type\":\"simple\",\"operand\":\"process.path\",\"data\":\"/usr/bin/firefox\"}", 0 },
                { "deny-curl", "deny", false, "{\"type\":\"simple\",\"operand\":\"process.path\",\"data\":\"/usr/bin/curl\"}", 0 },
                { "zz-allow-dns", "allow", true, "{\"type\":\"simple\",\"operand\":\"dest.port\",\"data\":\"53\"}", 0 },
        };
        struct import_opensnitch imports[ARRAY_SIZE(rows) + 1];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[1024];

                snprintf(text, sizeof(text), "{\"name\":\"%s\",\"action\":\"%s\",\"precedence\":%s,\"enabled\":true,\"duration\":\"always\",\"operator\":%s}",
                         rows[i].name, rows[i].action, rows[i].precedence ? "true" : "false", rows[i].operator);
                imports[i] = read_text(text);
        }
        imports[ARRAY_SIZE(rows)] = read_text("");
        assert_int_equal(import_opensnitch_rank(imports, ARRAY_SIZE(imports)), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(imports[i].rule->priority, rows[i].priority);
        for (size_t i = 0; i < ARRAY_SIZE(imports); i++)
                import_opensnitch_deinit(&imports[i]);
}

static const struct boottime start = { 0 };

/* Who decides there: the first by name that denies or has precedence, else any that allows. */
static const struct import_opensnitch *decide_there(const struct import_opensnitch *imports, size_t n, const struct facts *facts)
{
        const struct import_opensnitch *best = NULL;

        for (size_t i = 0; i < n; i++) {
                const struct import_opensnitch *one = &imports[i];
                bool strong = one->denies || one->precedence;

                if (!rule_matches(one->rule, facts, start))
                        continue;
                if (!best || (strong && (!(best->denies || best->precedence) || strcmp(one->name, best->name) < 0)))
                        best = one;
        }
        return best;
}

static struct import_opensnitch random_import(unsigned *seed)
{
        static const char *const conditions[] = {
                "{\"type\":\"simple\",\"operand\":\"true\"}",
                "{\"type\":\"simple\",\"operand\":\"process.path\",\"data\":\"/bin/a\"}",
                "{\"type\":\"simple\",\"operand\":\"process.path\",\"data\":\"/bin/b\"}",
                "{\"type\":\"regexp\",\"operand\":\"process.path\",\"data\":\"^/bin/.*\"}",
                "{\"type\":\"simple\",\"operand\":\"dest.port\",\"data\":\"443\"}",
                "{\"type\":\"regexp\",\"operand\":\"dest.port\",\"data\":\"^(443|80)$\"}",
                "{\"type\":\"network\",\"operand\":\"dest.network\",\"data\":\"10.0.0.0/8\"}",
                "{\"type\":\"simple\",\"operand\":\"dest.ip\",\"data\":\"10.0.0.1\"}",
                "{\"type\":\"simple\",\"operand\":\"dest.host\",\"data\":\"a.example\"}",
                "{\"type\":\"regexp\",\"operand\":\"dest.host\",\"data\":\"^(.*\\\\.)?example$\"}",
                "{\"type\":\"simple\",\"operand\":\"user.id\",\"data\":\"7\"}",
        };
        char text[1024];

        for (;;) {
                struct import_opensnitch import;

                snprintf(text, sizeof(text),
                         "{\"name\":\"%03u\",\"action\":\"%s\",\"precedence\":%s,\"enabled\":%s,\"duration\":\"always\","
                         "\"operator\":{\"type\":\"list\",\"list\":[%s,%s]}}",
                         (unsigned)rand_r(seed) % 1000, rand_r(seed) % 2 ? "allow" : "deny", rand_r(seed) % 3 ? "false" : "true",
                         rand_r(seed) % 5 ? "true" : "false", conditions[(unsigned)rand_r(seed) % ARRAY_SIZE(conditions)],
                         conditions[(unsigned)rand_r(seed) % ARRAY_SIZE(conditions)]);
                import = read_text(text);
                if (import.rule)
                        return import;
                import_opensnitch_deinit(&import);
        }
}

/* The order of names, ties aside, becomes one of priorities: whatever the connection, the same is decided. */
static void test_rank_decides_the_same(void **state _unused_)
{
        unsigned seed = 7, n_decided = 0;

        for (unsigned round = 0; round < 2000 / one_in(20); round++) {
                struct import_opensnitch imports[12];
                size_t n = (unsigned)rand_r(&seed) % ARRAY_SIZE(imports) + 1;
                _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);

                assert_non_null(set);
                for (size_t i = 0; i < n; i++) {
                        bool again;

                        do { /* names are files' */
                                again = false;
                                imports[i] = random_import(&seed);
                                for (size_t j = 0; j < i; j++)
                                        again |= strcmp(imports[i].name, imports[j].name) == 0;
                                if (again)
                                        import_opensnitch_deinit(&imports[i]);
                        } while (again);
                }
                assert_int_equal(import_opensnitch_rank(imports, n), 0);
                for (unsigned i = 0; i < 64; i++) {
                        struct subject *subject = subject_new(SUBJECT_PROGRAM, i & 16 ? "/bin/a" : "/bin/b", "x");
                        struct flow flow = flow_to(i & 1 ? "10.0.0.1" : i & 2 ? "10.9.9.9" : "192.0.2.1", i & 4 ? 443 : i & 8 ? 80 : 22, 6);
                        struct facts facts = { .subject = subject, .flow = &flow, .host = i & 32 ? "a.example" : NULL };
                        const struct import_opensnitch *there;
                        const struct rule *here = NULL;

                        assert_non_null(subject);
                        subject->uid = i & 3 ? 7 : 0;
                        there = decide_there(imports, n, &facts);
                        for (size_t j = 0; j < n; j++)
                                if (rule_matches(imports[j].rule, &facts, start) && (!here || rule_compare(imports[j].rule, here) < 0))
                                        here = imports[j].rule;
                        assert_int_equal(here != NULL, there != NULL);
                        if (there)
                                assert_int_equal(here->action, there->rule->action);
                        n_decided += there != NULL;
                        subject_unref(subject);
                }
                for (size_t i = 0; i < n; i++)
                        import_opensnitch_deinit(&imports[i]);
        }
        assert_true(n_decided > 50000 / one_in(20));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_what_cannot_be_said),
                cmocka_unit_test(test_the_rest_of_a_rule),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_rank),
                cmocka_unit_test(test_rank_decides_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
