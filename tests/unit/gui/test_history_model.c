/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of past decisions over a real history, searched by the real reader. */
#include "gui/history-model.h"
#include "place.h"

/* Two daemons' lives, the second one's numbers beginning anew: 3,000 and 2,000 decisions, one a second. */
enum { FIRST = 3000, SECOND = 2000, ALL = FIRST + SECOND };

static void fill(struct store *s)
{
        for (uint64_t i = 0; i < ALL; i++) {
                const uint64_t seq = i < FIRST ? i + 1 : i - FIRST + 1;

                add_row(s, &(struct row){ .seq = seq, .time_us = NOW_US + (int64_t)i * 1000000, .remote = "192.0.2.1", .port = 443,
                                          .path = seq % 2 ? "/usr/bin/odd" : "/usr/bin/even" });
        }
}

static void settle(BastionHistoryModel *model)
{
        while (bastion_history_model_get_state(model) == BASTION_HISTORY_MODEL_LOADING)
                g_main_context_iteration(NULL, TRUE);
}

static BastionHistoryModel *search(const char *place, const char *const *words)
{
        BastionHistoryModel *model = bastion_history_model_new();
        g_autofree char *path = g_build_filename(folder, place, NULL);

        bastion_history_model_search(model, path, words, 0, 0);
        settle(model);
        return model;
}

static const char *const no_words[] = { NULL };

static guint load_all(BastionHistoryModel *model)
{
        while (bastion_history_model_get_state(model) == BASTION_HISTORY_MODEL_MORE) {
                bastion_history_model_load_more(model);
                settle(model);
        }
        return g_list_model_get_n_items(G_LIST_MODEL(model));
}

/* When row `i` was decided, in seconds since the first; -1: not loaded. */
static gint64 when(BastionHistoryModel *model, guint i)
{
        g_autoptr(BastionDecision) row = g_list_model_get_item(G_LIST_MODEL(model), i);
        const struct record *record = bastion_decision_get_record(row);

        return record ? (record->time_us - NOW_US) / 1000000 : -1;
}

static void test_every_row_is_there_once_the_newest_first(_unused_ void **state)
{
        g_autoptr(BastionHistoryModel) model = search("history", no_words);

        assert_int_equal(load_all(model), ALL);
        assert_int_equal(bastion_history_model_get_state(model), BASTION_HISTORY_MODEL_END);
        for (guint i = 0; i < ALL; i++) {
                for (int patience = 0; when(model, i) < 0 && patience < 10000; patience++)
                        g_main_context_iteration(NULL, TRUE);
                assert_int_equal(when(model, i), ALL - 1 - (gint64)i);
        }
}

static void note_change(_unused_ GListModel *list, guint position, guint removed, guint added, gpointer userdata)
{
        guint *last = userdata;

        assert_int_equal(removed, added);
        *last = position;
}

static void test_what_was_let_go_comes_back_and_says_so(_unused_ void **state)
{
        g_autoptr(BastionHistoryModel) model = search("history", no_words);
        guint changed = G_MAXUINT;

        load_all(model);
        g_signal_connect(model, "items-changed", G_CALLBACK(note_change), &changed);
        assert_int_equal(when(model, 0), -1);
        while (changed == G_MAXUINT)
                g_main_context_iteration(NULL, TRUE);
        assert_int_equal(changed, 0);
        assert_int_equal(when(model, 0), ALL - 1);
}

static gboolean on_too_late(gpointer userdata)
{
        *(bool *)userdata = true;
        return G_SOURCE_REMOVE;
}

static void test_more_is_not_forgotten_over_what_comes_back(_unused_ void **state)
{
        g_autoptr(BastionHistoryModel) model = search("history", no_words);
        bool late = false;
        guint n, timer;

        for (int i = 0; i < 17; i++) { /* so that the first two pages are let go */
                bastion_history_model_load_more(model);
                settle(model);
        }
        n = g_list_model_get_n_items(G_LIST_MODEL(model));
        assert_int_equal(bastion_history_model_get_state(model), BASTION_HISTORY_MODEL_MORE);
        assert_int_equal(when(model, 0), -1);
        bastion_history_model_load_more(model);
        assert_int_equal(when(model, 256), -1);
        timer = g_timeout_add_seconds(30, on_too_late, &late);
        while (!late && bastion_history_model_get_state(model) == BASTION_HISTORY_MODEL_LOADING)
                g_main_context_iteration(NULL, TRUE);
        assert_false(late);
        g_source_remove(timer);
        assert_true(g_list_model_get_n_items(G_LIST_MODEL(model)) > n);
}

static void test_criteria_hold_over_all_pages(_unused_ void **state)
{
        g_autofree char *until = g_strdup_printf("until=%" G_GINT64_FORMAT, NOW_US + INT64_C(2000) * 1000000);
        const char *const words[] = { "program=odd", until, NULL };
        g_autoptr(BastionHistoryModel) model = search("history", words);

        assert_int_equal(load_all(model), 1000);
        assert_int_equal(when(model, 0), 1998);
}

static void test_a_search_replaces_the_one_before(_unused_ void **state)
{
        g_autoptr(BastionHistoryModel) model = bastion_history_model_new();
        g_autofree char *path = g_build_filename(folder, "history", NULL);
        const char *const words[] = { "program=even", NULL };

        for (int i = 0; i < 20; i++)
                bastion_history_model_search(model, path, i % 2 ? words : no_words, 0, 0);
        settle(model);
        assert_int_equal(load_all(model), ALL / 2);
}

static void test_nothing_found_is_told_from_no_history(_unused_ void **state)
{
        const char *const words[] = { "program=nobody", NULL };
        g_autoptr(BastionHistoryModel) nothing = search("history", words), missing = search("elsewhere", no_words);
        const char *said;

        assert_int_equal(bastion_history_model_get_state(nothing), BASTION_HISTORY_MODEL_NONE);
        assert_int_equal(bastion_history_model_get_result(nothing, &said), BASTION_HISTORY_FINE);
        assert_int_equal(bastion_history_model_get_state(missing), BASTION_HISTORY_MODEL_NONE);
        assert_int_equal(bastion_history_model_get_result(missing, &said), BASTION_HISTORY_MISSING);
}

static void test_a_damaged_history_fails_with_words(_unused_ void **state)
{
        g_autofree char *damaged = g_build_filename(folder, "damaged", NULL), *path = g_build_filename(damaged, "history.db", NULL);
        g_autoptr(BastionHistoryModel) model = NULL;
        const char *said;

        g_mkdir(damaged, 0700);
        assert_true(g_file_set_contents(path, "this is no database, whatever its name says; it is long enough to be read as one", -1, NULL));
        model = search("damaged", no_words);
        assert_int_equal(bastion_history_model_get_result(model, &said), BASTION_HISTORY_FAILED);
        assert_non_null(strstr(said, "history"));
}

static int make_place(_unused_ void **state)
{
        make_history(fill);
        return 0;
}

static int run(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_row_is_there_once_the_newest_first),
                cmocka_unit_test(test_what_was_let_go_comes_back_and_says_so),
                cmocka_unit_test(test_more_is_not_forgotten_over_what_comes_back),
                cmocka_unit_test(test_criteria_hold_over_all_pages),
                cmocka_unit_test(test_a_search_replaces_the_one_before),
                cmocka_unit_test(test_nothing_found_is_told_from_no_history),
                cmocka_unit_test(test_a_damaged_history_fails_with_words),
        };

        return cmocka_run_group_tests(tests, make_place, remove_place);
}

int main(int argc, char **argv)
{
        return run_in_place(argc, argv, run);
}
