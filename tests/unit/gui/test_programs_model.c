/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs did, put together from a real history by the real reader. */
#include "gui/programs-model.h"
#include "place.h"

enum { CURL = 300, SPREAD = 250 };

/* curl, to one host at two addresses and once, denied, to another place; and a program that goes to more places than are kept apart. */
static void fill(struct store *s)
{
        uint64_t seq = 0;
        char address[32];

        for (int i = 0; i < CURL; i++)
                add_row(s, &(struct row){ .seq = ++seq, .time_us = NOW_US + i, .path = "/usr/bin/curl", .remote = i % 2 ? "192.0.2.1" : "192.0.2.2",
                                          .host = "www.example.com", .port = 443 });
        add_row(s, &(struct row){ .seq = ++seq, .time_us = NOW_US + CURL, .path = "/usr/bin/curl", .remote = "192.0.2.3", .port = 80, .deny = true });
        for (int i = 0; i < SPREAD; i++) {
                snprintf(address, sizeof(address), "198.51.100.%d", i);
                add_row(s, &(struct row){ .seq = ++seq, .time_us = NOW_US + 1000 + i, .path = "/usr/bin/spread", .remote = address, .port = 22 });
        }
}

static BastionProgramsModel *search(const char *place, int64_t since_us)
{
        BastionProgramsModel *model = bastion_programs_model_new();
        g_autofree char *path = g_build_filename(folder, place, NULL);

        bastion_programs_model_search(model, path, since_us);
        while (bastion_programs_model_is_loading(model))
                g_main_context_iteration(NULL, TRUE);
        return model;
}

static void test_amounts_are_each_program_s_own(_unused_ void **state)
{
        g_autoptr(BastionProgramsModel) model = search("history", NOW_US - 1);
        g_autoptr(BastionProgram) spread = g_list_model_get_item(G_LIST_MODEL(model), 0), curl = g_list_model_get_item(G_LIST_MODEL(model), 1);
        const struct program_destination *const *places;
        const struct program_amounts *amounts;
        guint64 n_more;
        guint n;

        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(model)), 2);
        assert_string_equal(bastion_program_get_subject(curl)->path, "/usr/bin/curl");
        amounts = bastion_program_get_amounts(curl);
        assert_int_equal(amounts->n_allowed, CURL);
        assert_int_equal(amounts->n_denied, 1);
        assert_int_equal(amounts->first_us, NOW_US);
        assert_int_equal(amounts->last_us, NOW_US + CURL);
        places = bastion_program_get_destinations(curl, &n, &n_more);
        assert_int_equal(n, 2);
        assert_int_equal(n_more, 0);
        assert_string_equal(places[0]->host, "www.example.com");
        assert_int_equal(places[0]->amounts.n_allowed, CURL);
        assert_null(places[1]->host);
        assert_int_equal(places[1]->amounts.n_denied, 1);
        bastion_program_get_destinations(spread, &n, &n_more);
        assert_int_equal(n, 200);
        assert_int_equal(n_more, SPREAD - 200);
}

static void test_what_is_older_does_not_count(_unused_ void **state)
{
        g_autoptr(BastionProgramsModel) model = search("history", NOW_US + 1000);

        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(model)), 1);
}

static void test_a_new_search_replaces_the_list_when_it_is_done(_unused_ void **state)
{
        g_autoptr(BastionProgramsModel) model = search("history", NOW_US - 1);
        g_autofree char *path = g_build_filename(folder, "elsewhere", NULL);
        const char *words;

        bastion_programs_model_search(model, path, 0);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(model)), 2);
        while (bastion_programs_model_is_loading(model))
                g_main_context_iteration(NULL, TRUE);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(model)), 0);
        assert_int_equal(bastion_programs_model_get_result(model, &words), BASTION_HISTORY_MISSING);
}

static int make_place(_unused_ void **state)
{
        make_history(fill);
        return 0;
}

static int run(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_amounts_are_each_program_s_own),
                cmocka_unit_test(test_what_is_older_does_not_count),
                cmocka_unit_test(test_a_new_search_replaces_the_list_when_it_is_done),
        };

        return cmocka_run_group_tests(tests, make_place, remove_place);
}

int main(int argc, char **argv)
{
        return run_in_place(argc, argv, run);
}
