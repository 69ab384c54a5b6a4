/* SPDX-License-Identifier: GPL-3.0-or-later */
/* To whom, in the one form that rows of questions, connections and decisions have. */
#include "unit.h"

#include "gui/view-text.h"

static void says(const struct flow *flow, const char *host, unsigned max, const char *expected)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        view_place(&out, flow, host, max);
        assert_int_equal(buf_error(&out), 0);
        assert_string_equal(out.data, expected);
}

static void places(_unused_ void **state)
{
        struct flow web = flow_to("93.184.216.34", 443, 6), dns = flow_to("2001:db8::7", 53, 17), echo = flow_to("192.0.2.9", 0, 1), sum = flow_to("192.0.2.9", 0, 6);

        says(&web, "example.com", 64, "example.com:443");
        says(&web, NULL, 64, "93.184.216.34:443");
        says(&dns, NULL, 64, "[2001:db8::7]:53");
        says(&echo, NULL, 64, "192.0.2.9 (ICMP)");
        says(&echo, "example.com", 64, "example.com (ICMP)");
        says(&sum, NULL, 64, "192.0.2.9"); /* of a sum the port is not known */
        says(&sum, "example.com", 64, "example.com");
}

static void a_strangers_host_is_text_of_that_length(_unused_ void **state)
{
        struct flow web = flow_to("93.184.216.34", 443, 6);

        says(&web, "evil\n.example", 64, "evil\\n.example:443");
        says(&web, "abcdefghijklmnop", 9, "abcd…mnop:443");
}

static void ports(_unused_ void **state)
{
        assert_string_equal(view_port_name(443), "https");
        assert_null(view_port_name(4711));
        assert_null(view_port_name(0));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(places), cmocka_unit_test(a_strangers_host_is_text_of_that_length), cmocka_unit_test(ports) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
