/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

static void assert_reads(const char *text, const char *canonical)
{
        char out[ADDR_TEXT_MAX];
        struct addr a = address(text);

        assert_string_equal(addr_format(&a, out), canonical);
}

static void text_and_bytes_agree(void **state)
{
        (void)state;
        assert_reads("93.184.216.34", "93.184.216.34");
        assert_reads("2001:DB8:0:0::1", "2001:db8::1");
        assert_reads("::", "::");
        assert_reads("0.0.0.0", "0.0.0.0");
        assert_reads("::ffff:10.1.2.3", "10.1.2.3"); /* v4-mapped is v4 */
        assert_reads("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void what_people_disagree_about_is_refused(void **state)
{
        static const char *const bad[] = { "", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "010.1.1.1", "1.2.3.4 ", "[::1]", "fe80::1%eth0",
                                           "::1::", "12345::", "host", "1.2.3.4:80", "0x7f.1" };
        struct addr a;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(addr_parse(bad[i], &a));
}

static void prefixes_match_bit_by_bit(void **state)
{
        struct addr net = address("10.1.2.0");

        (void)state;
        for (unsigned prefix = 0; prefix <= 128; prefix++) {
                struct addr a = net;

                assert_true(addr_in_prefix(&a, &net, prefix));
                if (prefix == 0)
                        continue;
                a.bytes[(prefix - 1) / 8] ^= (uint8_t)(0x80 >> (prefix - 1) % 8); /* the last bit that counts */
                assert_false(addr_in_prefix(&a, &net, prefix));
                assert_true(addr_in_prefix(&a, &net, prefix - 1));
        }
        assert_false(addr_in_prefix(&net, &net, 129));
}

static void masking_clears_what_is_beyond_the_prefix(void **state)
{
        struct addr a = address("10.255.255.255"), expected = address("10.240.0.0"), none = address("::");
        struct addr masked = addr_masked(&a, 96 + 12);

        (void)state;
        assert_true(addr_equal(&masked, &expected));
        masked = addr_masked(&a, 0);
        assert_true(addr_equal(&masked, &none));
        masked = addr_masked(&a, 128);
        assert_true(addr_equal(&masked, &a));
}

static void masking_to_every_length_keeps_just_the_first_bits(void **state)
{
        struct addr ones, masked;

        (void)state;
        memset(ones.bytes, 0xff, sizeof(ones.bytes));
        for (unsigned prefix = 0; prefix <= 128; prefix++) {
                masked = addr_masked(&ones, prefix);
                for (unsigned bit = 0; bit < 128; bit++)
                        assert_int_equal(masked.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < prefix);
        }
}

static void zero_and_family(void **state)
{
        struct addr v4_zero = address("0.0.0.0"), v6_zero = address("::"), one = address("::1"), v4 = address("1.0.0.0");

        (void)state;
        assert_true(addr_is_zero(&v4_zero));
        assert_true(addr_is_zero(&v6_zero));
        assert_false(addr_is_zero(&one));
        assert_false(addr_is_zero(&v4));
        assert_true(addr_is_v4(&v4_zero));
        assert_false(addr_is_v4(&v6_zero));
}

static void ports_are_written_after_brackets_for_v6(void **state)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        struct addr v4 = address("1.2.3.4"), v6 = address("::1");

        (void)state;
        addr_format_port(&out, &v4, 80);
        buf_putc(&out, ' ');
        addr_format_port(&out, &v6, 65535);
        assert_string_equal(out.data, "1.2.3.4:80 [::1]:65535");
}

static void each_scope_has_its_edges(void **state)
{
        static const struct {
                const char *address;
                unsigned scopes;
        } rows[] = {
                { "127.0.0.1", SCOPE_LOOPBACK },
                { "127.255.255.255", SCOPE_LOOPBACK },
                { "128.0.0.0", SCOPE_INTERNET },
                { "127.0.0.53", SCOPE_LOOPBACK | SCOPE_RESOLVER },
                { "::1", SCOPE_LOOPBACK },
                { "::2", SCOPE_INTERNET },
                { "169.254.1.1", SCOPE_LINK | SCOPE_LAN },
                { "169.255.0.0", SCOPE_INTERNET },
                { "fe80::1", SCOPE_LINK | SCOPE_LAN },
                { "febf::1", SCOPE_LINK | SCOPE_LAN },
                { "fec0::1", SCOPE_INTERNET },
                { "10.0.0.0", SCOPE_LAN },
                { "11.0.0.0", SCOPE_INTERNET },
                { "172.15.255.255", SCOPE_INTERNET },
                { "172.16.0.0", SCOPE_LAN },
                { "172.31.255.255", SCOPE_LAN },
                { "172.32.0.0", SCOPE_INTERNET },
                { "192.168.0.1", SCOPE_LAN },
                { "192.169.0.1", SCOPE_INTERNET },
                { "fc00::", SCOPE_LAN },
                { "fdff::1", SCOPE_LAN },
                { "224.0.0.251", SCOPE_MULTICAST },
                { "239.255.255.250", SCOPE_MULTICAST },
                { "240.0.0.0", SCOPE_INTERNET },
                { "ff02::fb", SCOPE_MULTICAST },
                { "255.255.255.255", SCOPE_BROADCAST },
                { "255.255.255.254", SCOPE_INTERNET },
                { "93.184.216.255", SCOPE_INTERNET }, /* ending in .255 says nothing */
                { "2001:db8::1", SCOPE_INTERNET },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct addr a = address(rows[i].address);

                if (addr_scopes(&a, NULL) != rows[i].scopes)
                        fail_msg("%s: %#x, expected %#x", rows[i].address, addr_scopes(&a, NULL), rows[i].scopes);
        }
}

static void the_machine_adds_broadcasts_and_resolvers(void **state)
{
        struct netinfo net = { .n_broadcasts = 1, .n_resolvers = 1 };
        struct addr broadcast = address("192.168.7.127"), resolver = address("9.9.9.9");

        (void)state;
        assert_int_equal(addr_scopes(&broadcast, NULL), SCOPE_LAN);
        net.broadcasts[0] = broadcast;
        net.resolvers[0] = resolver;
        assert_int_equal(addr_scopes(&broadcast, &net), SCOPE_LAN | SCOPE_BROADCAST);
        assert_int_equal(addr_scopes(&resolver, &net), SCOPE_INTERNET | SCOPE_RESOLVER);
        net.broadcasts[0] = address("203.0.113.255"); /* a public network's broadcast is not the internet */
        assert_int_equal(addr_scopes(&net.broadcasts[0], &net), SCOPE_BROADCAST);
}

static void scope_words_go_both_ways(void **state)
{
        enum scope back;

        (void)state;
        for (unsigned bit = SCOPE_LOOPBACK; bit <= SCOPE_RESOLVER; bit <<= 1) {
                assert_true(scope_parse(scope_name((enum scope)bit), &back));
                assert_int_equal(back, bit);
        }
        assert_null(scope_name((enum scope)(SCOPE_RESOLVER << 1)));
        assert_false(scope_parse("LAN", &back));
}

static void interfaces_are_found_by_index(void **state)
{
        struct netinfo net = { 0 };

        (void)state;
        assert_null(netinfo_interface(&net, 0));
        assert_null(netinfo_interface(&net, 1));
        for (uint32_t i = 0; i < LIMIT_INTERFACES; i++) {
                net.interfaces[i].index = 2 * i + 1; /* numbers are not used again: there are gaps */
                snprintf(net.interfaces[i].name, sizeof(net.interfaces[i].name), "eth%u", i);
                net.n_interfaces++;
                for (uint32_t index = 0; index < 2 * i + 3; index++) {
                        const char *name = netinfo_interface(&net, index);

                        assert_true(!name == (index % 2 == 0));
                        if (name)
                                assert_int_equal(strtoul(name + 3, NULL, 10), index / 2);
                }
        }
        assert_null(netinfo_interface(&net, UINT32_MAX));
}

static void what_concerns_flows_that_live(void **state)
{
        const struct netinfo before = {
                .interfaces = { { 1, "lo" }, { 2, "eth0" } },
                .n_interfaces = 2,
                .broadcasts = { address("192.0.2.255") },
                .n_broadcasts = 1,
        };
        struct netinfo after = before;

        (void)state;
        assert_false(netinfo_differs(&before, &after));
        after.interfaces[after.n_interfaces++] = (struct interface){ 3, "tun0" };
        assert_false(netinfo_differs(&before, &after)); /* came */
        assert_false(netinfo_differs(&after, &before)); /* went */
        strcpy(after.interfaces[1].name, "wan");
        assert_true(netinfo_differs(&before, &after));
        after = before;
        after.broadcasts[0].bytes[15]--;
        assert_true(netinfo_differs(&before, &after));
        after = before;
        after.resolvers[after.n_resolvers++] = address("9.9.9.9");
        assert_true(netinfo_differs(&before, &after));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_and_bytes_agree),
                cmocka_unit_test(what_people_disagree_about_is_refused),
                cmocka_unit_test(prefixes_match_bit_by_bit),
                cmocka_unit_test(masking_clears_what_is_beyond_the_prefix),
                cmocka_unit_test(masking_to_every_length_keeps_just_the_first_bits),
                cmocka_unit_test(zero_and_family),
                cmocka_unit_test(ports_are_written_after_brackets_for_v6),
                cmocka_unit_test(each_scope_has_its_edges),
                cmocka_unit_test(the_machine_adds_broadcasts_and_resolvers),
                cmocka_unit_test(scope_words_go_both_ways),
                cmocka_unit_test(interfaces_are_found_by_index),
                cmocka_unit_test(what_concerns_flows_that_live),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
