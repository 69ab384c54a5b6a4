/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

static void flows_are_equal_whatever_the_interface(void **state)
{
        struct flow a = flow_to("1.2.3.4", 80, 6), b = a;

        (void)state;
        b.interface = 7;
        assert_true(flow_equal(&a, &b));
        b = a;
        b.protocol = 17;
        assert_false(flow_equal(&a, &b));
        b = a;
        b.remote_port++;
        assert_false(flow_equal(&a, &b));
        b = a;
        b.local_port++;
        assert_false(flow_equal(&a, &b));
        b = a;
        b.icmp_id = 1;
        assert_false(flow_equal(&a, &b));
        b = a;
        b.local = address("::1");
        assert_false(flow_equal(&a, &b));
        b = a;
        b.remote = address("1.2.3.5");
        assert_false(flow_equal(&a, &b));
}

static void every_protocol_goes_both_ways(void **state)
{
        (void)state;
        for (unsigned i = 0; i < 256; i++) {
                char scratch[4];
                uint8_t back;

                assert_true(protocol_parse(protocol_name((uint8_t)i, scratch), &back));
                assert_int_equal(back, i);
        }
}

static void protocol_words_are_read_in_any_case(void **state)
{
        char scratch[4];
        uint8_t protocol;

        (void)state;
        assert_string_equal(protocol_name(6, scratch), "TCP");
        assert_string_equal(protocol_name(255, scratch), "255");
        assert_true(protocol_parse("tcp", &protocol) && protocol == 6);
        assert_true(protocol_parse("udp-lite", &protocol) && protocol == 136);
        assert_true(protocol_parse("ipv6-icmp", &protocol) && protocol == 58);
        assert_true(protocol_parse("0", &protocol) && protocol == 0);
        assert_false(protocol_parse("256", &protocol));
        assert_false(protocol_parse("", &protocol));
        assert_false(protocol_parse("tcpx", &protocol));
}

static void only_some_protocols_have_ports(void **state)
{
        (void)state;
        assert_true(protocol_has_ports(6));
        assert_true(protocol_has_ports(17));
        assert_true(protocol_has_ports(136));
        assert_true(protocol_has_ports(132));
        assert_false(protocol_has_ports(1));
        assert_false(protocol_has_ports(58));
        assert_false(protocol_has_ports(200));
        assert_true(protocol_is_datagram(17));
        assert_true(protocol_is_datagram(136));
        assert_false(protocol_is_datagram(6));
        assert_false(protocol_is_datagram(132));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(flows_are_equal_whatever_the_interface),
                cmocka_unit_test(every_protocol_goes_both_ways),
                cmocka_unit_test(protocol_words_are_read_in_any_case),
                cmocka_unit_test(only_some_protocols_have_ports),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
