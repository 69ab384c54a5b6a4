/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/config.h"

static void the_defaults_are_those_of_the_manual(void **state)
{
        struct config c = config_default();

        (void)state;
        assert_int_equal(c.mode, MODE_LEARNING);
        assert_int_equal(c.timeout_seconds, 30);
        assert_int_equal(c.default_action, ACTION_DENY);
        assert_int_equal(c.on_failure, ON_FAILURE_BY_MODE);
        assert_true(c.popup_enabled && c.notifications_enabled && c.allow_localhost && c.allow_root_bypass);
        assert_true(c.allow_systemd_bypass && c.cache_decisions && c.log_decisions && c.inbound_protection);
        assert_false(c.allow_lan);
        assert_int_equal(c.deny_errno, ECONNREFUSED);
        assert_string_equal(c.log_file, "/var/log/bastion-daemon.log");
}

static void failure_follows_the_mode_unless_it_is_said(void **state)
{
        struct config c = config_default();

        (void)state;
        assert_true(config_fails_open(&c));
        c.mode = MODE_ENFORCEMENT;
        assert_false(config_fails_open(&c));
        c.on_failure = ON_FAILURE_OPEN;
        assert_true(config_fails_open(&c));
        c.mode = MODE_LEARNING;
        c.on_failure = ON_FAILURE_CLOSED;
        assert_false(config_fails_open(&c));
}

static void each_key_switches_its_factory_rule_both_ways(void **state)
{
        struct config c = config_default();
        const struct {
                bool *key;
                const char *id;
        } rows[] = {
                { &c.allow_localhost, "factory:loopback" },
                { &c.allow_lan, "factory:lan" },
                { &c.allow_root_bypass, "factory:root" },
                { &c.allow_systemd_bypass, "factory:systemd-network" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                *rows[i].key = false;
                assert_false(config_enables_factory_rule(&c, rows[i].id));
                *rows[i].key = true;
                assert_true(config_enables_factory_rule(&c, rows[i].id));
        }
        assert_true(config_enables_factory_rule(&c, "factory:apt"));
        assert_true(config_switches_factory_rule(&c, "factory:lan"));
        assert_false(config_switches_factory_rule(&c, "factory:apt"));
        assert_true(config_enables_factory_rule(&c, "lan"));
}

static void mode_words_go_both_ways(void **state)
{
        enum mode mode;

        (void)state;
        assert_true(mode_parse("learning", &mode) && mode == MODE_LEARNING);
        assert_true(mode_parse("enforcement", &mode) && mode == MODE_ENFORCEMENT);
        assert_false(mode_parse("Learning", &mode));
        assert_string_equal(mode_name(MODE_LEARNING), "learning");
        assert_string_equal(mode_name(MODE_ENFORCEMENT), "enforcement");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_defaults_are_those_of_the_manual),
                cmocka_unit_test(failure_follows_the_mode_unless_it_is_said),
                cmocka_unit_test(each_key_switches_its_factory_rule_both_ways),
                cmocka_unit_test(mode_words_go_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
