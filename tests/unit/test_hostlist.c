/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files with names as they are published, line by line; what is no name, and at the bounds. */
#include "unit.h"

#include "base/macros.h"
#include "wire/hostlist.h"

/* In pieces of `piece` bytes. */
static int read_in_pieces(const char *text, size_t n, size_t piece, struct hostset **ret, struct hostlist_skipped *ret_skipped)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(3);
        int r = 0;

        assert_non_null(list);
        for (size_t at = 0; at < n && r == 0; at += piece)
                r = hostlist_feed(list, text + at, MIN(piece, n - at));
        return r != 0 ? r : hostlist_finish(list, ret, ret_skipped);
}

static void each_line_says_what_it_covers(_unused_ void **state)
{
        static const struct {
                const char *line, *listed, *not_listed; /* NULL: nothing is asked */
                bool skipped;
        } lines[] = {
                { "0.0.0.0 ads.example", "ads.example", "www.ads.example", false },
                { "127.0.0.1\tads.example", "ads.example", "www.ads.example", false },
                { "127.0.0.53   ads.example   ", "ads.example", NULL, false },
                { ":: ads.example", "ads.example", NULL, false },
                { "::1 a.example b.example c.example", "c.example", "x.c.example", false },
                { "  0.0.0.0 ADS.Example. # them again", "ads.example", "them", false },
                { "0.0.0.0 b\xc3\xbc" "cher.example", "xn--bcher-kva.example", NULL, false },
                { "ads.example", "ads.example", "example", false },
                { "ads.example", "a.b.ads.example", "xads.example", false },
                { "*.ads.example", "www.ads.example", NULL, false },
                { "*.ads.example", "ads.example", NULL, false },
                { ".ads.example", "ads.example", NULL, false },
                { "ads.example\t# a domain", "ads.example", "domain", false },
                { "b\xc3\xbc" "cher.example", "www.xn--bcher-kva.example", NULL, false },
                { "nas", "nas", NULL, false },
                { "\xef\xbb\xbf" "ads.example", "ads.example", NULL, false },
                { "\xef\xbb\xbf# a comment", NULL, "a", false },
                { "ads.example\r", "ads.example", NULL, false },
                { "\r", NULL, NULL, false },
                { "", NULL, NULL, false },
                { " \t ", NULL, NULL, false },
                { "# 0.0.0.0 ads.example", NULL, "ads.example", false },
                { "#ads.example", NULL, "ads.example", false },
                /* What a hosts file says of the machine itself. */
                { "127.0.0.1 localhost localhost.localdomain local", NULL, "localhost", false },
                { "255.255.255.255 broadcasthost", NULL, "broadcasthost", false },
                { "fe80::1%lo0 localhost", NULL, "localhost", false },
                { "ff02::1 ip6-allnodes", NULL, "ip6-allnodes", false },
                { "0.0.0.0 0.0.0.0", NULL, NULL, false },
                { "localhost", NULL, "localhost", false },
                /* What is something else. */
                { "192.0.2.1 ads.example", NULL, "ads.example", true },
                { "0.0.0.0", NULL, NULL, true },
                { "192.0.2.1", NULL, NULL, true },
                { "0.0.0.0 good.example b*d.example also.example", "also.example", NULL, true },
                { "ads.example www.ads.example", NULL, "ads.example", true },
                { "||ads.example^", NULL, "ads.example", true },
                { "ads.example##.banner", NULL, "ads.example", true },
                { "! Title: a list", NULL, "list", true },
                { "https://ads.example/", NULL, "ads.example", true },
                { "ads*.example", NULL, "ads.example", true },
                { "*", NULL, NULL, true },
                { "-", "-", NULL, false }, /* a label, though nobody's */
                { "com", NULL, "example.com", true },
                { "*.co.uk", NULL, "example.co.uk", true },
                { "\xff\xfe", NULL, NULL, true },
        };
        char text[256];

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                _cleanup_(hostset_freep) struct hostset *set = NULL;
                struct hostlist_skipped skipped;

                snprintf(text, sizeof(text), "%s\nanother.test\n", lines[i].line);
                for (size_t piece = 1; piece <= strlen(text); piece += 5) {
                        set = hostset_free(set);
                        assert_int_equal(read_in_pieces(text, strlen(text), piece, &set, &skipped), 0);
                        if (skipped.n != lines[i].skipped)
                                fail_msg("%s: %zu skipped, expected %s", lines[i].line, skipped.n, skipped.n ? skipped.first[0].expected : "");
                        if (skipped.n > 0)
                                assert_true(skipped.first[0].line == 1 && skipped.first[0].expected[0]);
                        if (lines[i].listed && !hostset_find(set, lines[i].listed, NULL))
                                fail_msg("%s does not list %s", lines[i].line, lines[i].listed);
                        if (lines[i].not_listed && hostset_find(set, lines[i].not_listed, NULL))
                                fail_msg("%s lists %s", lines[i].line, lines[i].not_listed);
                        assert_non_null(hostset_find(set, "www.another.test", NULL));
                }
        }
}

static void the_first_lines_that_are_skipped_are_told(_unused_ void **state)
{
        static const char text[] = "a.example\n?\n?\n# one\n?\n?\n?\n?\nb.example"; /* the last without an end */
        _cleanup_(hostset_freep) struct hostset *set = NULL;
        struct hostlist_skipped skipped;

        assert_int_equal(read_in_pieces(text, strlen(text), 3, &set, &skipped), 0);
        assert_int_equal(hostset_count(set), 2);
        assert_int_equal(skipped.n, 6);
        assert_int_equal(skipped.first[0].line, 2);
        assert_int_equal(skipped.first[2].line, 5);
        assert_int_equal(skipped.first[HOSTLIST_TOLD - 1].line, 7);
        assert_string_equal(skipped.first[0].expected, "the name of a host or domain");
}

static void a_file_without_a_name_is_no_list(_unused_ void **state)
{
        static const char *const texts[] = { "", "\n", "# nothing\n", "<html>\n<body>502 Bad Gateway</body>\n", "127.0.0.1 localhost\n" };
        struct hostlist_skipped skipped;
        struct hostset *set = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(read_in_pieces(texts[i], strlen(texts[i]), 100, &set, &skipped), HOSTLIST_E_EMPTY);
        assert_null(set);
        assert_true(*hostlist_error_words(HOSTLIST_E_EMPTY));
}

static void a_line_has_its_bound_and_bytes_of_any_value(_unused_ void **state)
{
        _cleanup_(hostset_freep) struct hostset *set = NULL;
        struct hostlist_skipped skipped;
        char text[3 * LIMIT_LIST_LINE];
        size_t n = 0;

        /* As long as may be, one byte longer, and one with a NUL in it. */
        n += (size_t)snprintf(text, sizeof(text), "a.example #%*s\n", LIMIT_LIST_LINE - 11, "x");
        n += (size_t)snprintf(text + n, sizeof(text) - n, "b.example #%*s\n", LIMIT_LIST_LINE - 10, "x");
        memcpy(text + n, "c.example\0d\nd.example\n", 22);
        n += 22;
        assert_int_equal(read_in_pieces(text, n, 700, &set, &skipped), 0);
        assert_non_null(hostset_find(set, "a.example", NULL));
        assert_null(hostset_find(set, "b.example", NULL));
        assert_null(hostset_find(set, "c.example", NULL));
        assert_non_null(hostset_find(set, "d.example", NULL));
        assert_int_equal(skipped.n, 2);
        assert_int_equal(skipped.first[0].line, 2);
        assert_string_equal(skipped.first[0].expected, "a shorter line");
        assert_int_equal(skipped.first[1].line, 3);
}

static void one_name_too_many_is_refused(_unused_ void **state)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(3);
        char line[64];
        int r = 0;

        for (unsigned i = 0; i < LIMIT_LIST_NAMES && r == 0; i++) {
                int n = snprintf(line, sizeof(line), "0.0.0.0 a%u.example\n", i);

                r = hostlist_feed(list, line, (size_t)n);
        }
        assert_int_equal(r, 0);
        assert_int_equal(hostlist_feed(list, "a0.example\n", 11), 0); /* is there already */
        assert_int_equal(hostlist_feed(list, "b.example\n", 10), HOSTLIST_E_FULL);
        assert_true(*hostlist_error_words(HOSTLIST_E_FULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_line_says_what_it_covers),
                cmocka_unit_test(the_first_lines_that_are_skipped_are_told),
                cmocka_unit_test(a_file_without_a_name_is_no_list),
                cmocka_unit_test(a_line_has_its_bound_and_bytes_of_any_value),
                cmocka_unit_test(one_name_too_many_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
