/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host names as people write them, and the domains that are nobody's. */
#include <string.h>

#include "base/macros.h"
#include "unit.h"
#include "wire/hostname.h"
#include "wire/ruletext.h"

static void a_name_has_one_form(_unused_ void **state)
{
        static const char *const NAMES[][2] = {
                { "example.com", "example.com" },
                { "EXAMPLE.com.", "example.com" },
                { "a", "a" },
                { "_dns.a-b.example", "_dns.a-b.example" },
                { "1.2.3.4a", "1.2.3.4a" },
                { "xn--bcher-kva.example", "xn--bcher-kva.example" },
                { "xn--a", "xn--a" }, /* no letter's form, but what would be asked for */
                { "bücher.example", "xn--bcher-kva.example" },
                { "BÜCHER.EXAMPLE.", "xn--bcher-kva.example" },
                { "bu\u0308cher.example", "xn--bcher-kva.example" }, /* u and its two dots apart */
                { "xn--bcher-kva.bücher.example", "xn--bcher-kva.xn--bcher-kva.example" },
                { "faß.example", "xn--fa-hia.example" }, /* not fass: another name since IDNA 2008 */
                { "bücher。example", "xn--bcher-kva.example" },
                { "ｅｘａｍｐｌｅ.com", "example.com" },
                { "пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f" },
                { "例え.テスト", "xn--r8jz45g.xn--zckzah" },
                { "_a.bücher.example", "_a.xn--bcher-kva.example" },
        };
        char name[DNS_NAME_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                if (!hostname_parse(NAMES[i][0], name))
                        fail_msg("%s", NAMES[i][0]);
                assert_string_equal(name, NAMES[i][1]);
                assert_true(hostname_parse(NAMES[i][1], name));
                assert_string_equal(name, NAMES[i][1]);
        }
}

static void what_is_no_name(_unused_ void **state)
{
        static const char *const NAMES[] = {
                "", ".", "..", ".a", "a..", "a..b", "a b", "a*b", "1.2.3.4", "10", "a.7", "a/b", "a:b", "a\\b",
                "\xff", "b\xc3.example", "ü*.example", "a b.ü", "-ü.example", "１.２.３.４", "\xe2\x84\x80.com", /* a/c */
                "☕.example", "ü..example", ".ü", "xn--a.ü.example", "a\u200db.ü", /* an invisible joiner */
                "\u202e.example", /* what turns the direction of writing */
        };
        char name[DNS_NAME_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
                if (hostname_parse(NAMES[i], name))
                        fail_msg("%s: %s", NAMES[i], name);
}

static void a_name_has_its_length(_unused_ void **state)
{
        char text[4096], name[DNS_NAME_MAX];

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 2 ? '.' : 'a';
        text[253] = 0;
        assert_true(hostname_parse(text, name));
        assert_int_equal(strlen(name), 253);
        text[253] = '.';
        text[254] = 0;
        assert_true(hostname_parse(text, name)); /* the dot at the end is not of the name */
        text[254] = 'a';
        text[255] = 0;
        assert_false(hostname_parse(text, name));
        memset(text, 'a', sizeof(text));
        text[63] = 0;
        assert_true(hostname_parse(text, name));
        text[63] = 'a';
        text[64] = 0;
        assert_false(hostname_parse(text, name));
        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                memcpy(text + i, "\xc3\xbc", 2);
        text[sizeof(text) - 2] = 0;
        assert_false(hostname_parse(text, name));
}

static void public_suffixes(_unused_ void **state)
{
        static const char *const SUFFIXES[] = { "com", "uk", "co.uk", "xn--p1ai", "anything.ck", "in-addr.arpa" };
        static const char *const DOMAINS[] = {
                "example.com", "example.co.uk", "www.ck", "github.io", "lan", "test", "local", "localhost", "home.arpa", "xn--e1afmkfd.xn--p1ai", "1a",
        };

        for (size_t i = 0; i < ARRAY_SIZE(SUFFIXES); i++)
                if (!hostname_is_public_suffix(SUFFIXES[i]))
                        fail_msg("%s", SUFFIXES[i]);
        for (size_t i = 0; i < ARRAY_SIZE(DOMAINS); i++)
                if (hostname_is_public_suffix(DOMAINS[i]))
                        fail_msg("%s", DOMAINS[i]);
}

static void the_domain_of_a_name(_unused_ void **state)
{
        static const char *const NAMES[][2] = {
                { "example.com", "example.com" },     { "a.b.example.com", "example.com" },   { "a.example.co.uk", "example.co.uk" },
                { "a.user.github.io", "user.github.io" }, { "nas.lan", "nas.lan" },           { "a.nas.lan", "nas.lan" },
                { "a.xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai" },
        };
        static const char *const NONE[] = { "com", "co.uk", "github.io", "nas" };

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
                assert_string_equal(hostname_domain(NAMES[i][0]), NAMES[i][1]);
        for (size_t i = 0; i < ARRAY_SIZE(NONE); i++)
                assert_null(hostname_domain(NONE[i]));
}

static void only_all_below_a_suffix_is_refused(_unused_ void **state)
{
        const char *expected;
        char host[RULETEXT_HOST_MAX];

        assert_true(ruletext_parse_host("com", host, &expected) && ruletext_check_domain(host, &expected));
        assert_true(ruletext_parse_host(".CO.UK.", host, &expected));
        assert_string_equal(host, ".co.uk");
        assert_false(ruletext_check_domain(host, &expected));
        assert_non_null(strstr(expected, "public suffix"));
        assert_true(ruletext_parse_host(".РФ", host, &expected));
        assert_string_equal(host, ".xn--p1ai");
        assert_false(ruletext_check_domain(host, &expected));
        assert_false(ruletext_parse_host("..com", host, &expected));
        assert_false(ruletext_parse_host(".", host, &expected));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_has_one_form),
                cmocka_unit_test(what_is_no_name),
                cmocka_unit_test(a_name_has_its_length),
                cmocka_unit_test(public_suffixes),
                cmocka_unit_test(the_domain_of_a_name),
                cmocka_unit_test(only_all_below_a_suffix_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
