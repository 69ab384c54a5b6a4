/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every key of config.json has its row, once; what a row would send is what wire/conffile.h takes, and what it reads is the key's. */
#include "../unit.h"

#include "gui/settings-table.h"
#include "wire/conffile.h"

static const struct setting *find(const char *key, unsigned *ret_n)
{
        const struct setting *found = NULL;

        *ret_n = 0;
        for (const struct setting_group *group = setting_groups; group->title; group++)
                for (const struct setting *setting = group->settings; setting->key; setting++)
                        if (strcmp(setting->key, key) == 0) {
                                found = setting;
                                ++*ret_n;
                        }
        return found;
}

static void every_key_has_one_row(void **state)
{
        unsigned n, n_keys = 0, n_rows = 0;
        const char *key;

        (void)state;
        for (; (key = conffile_key(n_keys)); n_keys++) {
                const struct setting *setting = find(key, &n);

                assert_int_equal(n, strcmp(key, "mode") == 0 ? 0 : 1);
                if (setting)
                        assert_non_null(setting->explanation);
        }
        for (const struct setting_group *group = setting_groups; group->title; group++)
                for (const struct setting *setting = group->settings; setting->key; setting++)
                        n_rows++;
        assert_int_equal(n_rows, n_keys - 1);
}

static void set(struct config *config, const char *key, const char *word)
{
        _cleanup_(buf_deinit) struct buf json = { 0 };
        const char *expected = "";

        conffile_format_word(&json, word);
        if (conffile_set(config, key, json.data, "/var/log", &expected) != 0)
                fail_msg("%s: %s is not taken: %s", key, word, expected);
}

static void what_is_set_is_read(void **state)
{
        const struct config before = conffile_defaults("/var/log");

        (void)state;
        for (const struct setting_group *group = setting_groups; group->title; group++) {
                for (const struct setting *setting = group->settings; setting->key; setting++) {
                        struct config after = before;

                        assert_true(setting_same(setting, &before, &after));
                        switch (setting->kind) {
                        case SETTING_SWITCH:
                                set(&after, setting->key, setting_get_switch(setting, &before) ? "false" : "true");
                                break;
                        case SETTING_SECONDS:
                                set(&after, setting->key, "77");
                                assert_int_equal(setting_get_seconds(setting, &after), 77);
                                break;
                        case SETTING_CHOICE:
                                for (unsigned i = 0; setting->choices[i].title; i++) {
                                        set(&after, setting->key, setting->choices[i].value ? setting->choices[i].value : "null");
                                        assert_int_equal(setting_get_choice(setting, &after), i);
                                }
                                set(&after, setting->key, setting->choices[1].value);
                                break;
                        case SETTING_PATH:
                                set(&after, setting->key, "/var/log/other.log");
                                assert_string_equal(setting_get_path(setting, &after), "/var/log/other.log");
                                break;
                        }
                        assert_false(setting_same(setting, &before, &after));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(every_key_has_one_row), cmocka_unit_test(what_is_set_is_read) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
