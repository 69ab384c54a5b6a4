/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "base/buf.h"

static void appends_make_one_string(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { 0 };

        (void)state;
        buf_puts(&b, "one ");
        buf_putc(&b, '2');
        buf_printf(&b, " %s %d", "three", 4);
        buf_append(&b, "\0x", 2);
        assert_int_equal(b.n, 15);
        assert_memory_equal(b.data, "one 2 three 4\0x", 16);
}

static void taking_an_empty_buffer_gives_an_empty_string(void **state)
{
        struct buf b = { 0 };
        char *text = buf_take(&b);

        (void)state;
        assert_string_equal(text, "");
        free(text);
        assert_null(b.data);
        buf_deinit(&b);
}

static void passing_the_limit_sticks(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { .max = 4 };

        (void)state;
        buf_puts(&b, "1234");
        assert_int_equal(buf_error(&b), 0);
        buf_putc(&b, '5');
        assert_int_equal(buf_error(&b), -E2BIG);
        buf_printf(&b, "%d", 6);
        assert_string_equal(b.data, "1234");
        assert_null(buf_take(&b));
}

static void what_is_too_long_leaves_what_was_there(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { .max = 200 };

        (void)state;
        buf_printf(&b, "%0*d", 150, 1);
        buf_printf(&b, "%0*d", 51, 2); /* there is room for it, and no leave */
        assert_int_equal(buf_error(&b), -E2BIG);
        assert_int_equal(b.n, 150);
        assert_int_equal(strlen(b.data), 150);
        buf_reset(&b);
        buf_printf(&b, "%0*d", 200, 3);
        assert_int_equal(buf_error(&b), 0);
        assert_int_equal(strlen(b.data), 200);
}

static void formatting_at_every_distance_from_the_end_of_memory(void **state)
{
        (void)state;
        for (int n = 0; n < 300; n++) {
                _cleanup_(buf_deinit) struct buf b = { 0 };

                buf_printf(&b, "%*s", n, "");
                buf_printf(&b, "<%d>", n);
                assert_int_equal(b.n, n + 2 + (n < 10 ? 1 : n < 100 ? 2 : 3));
                assert_int_equal(strlen(b.data), b.n);
                assert_int_equal(b.data[n], '<');
                assert_int_equal(b.data[b.n - 1], '>');
        }
}

static void reset_forgets_the_content_and_the_error(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { .max = 4 };

        (void)state;
        buf_puts(&b, "12345");
        buf_reset(&b);
        buf_puts(&b, "ok");
        assert_int_equal(buf_error(&b), 0);
        assert_string_equal(b.data, "ok");
}

static void consuming_drops_from_the_front(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { 0 };

        (void)state;
        buf_puts(&b, "abcdef");
        buf_consume(&b, 2);
        assert_string_equal(b.data, "cdef");
        buf_consume(&b, 100);
        assert_int_equal(b.n, 0);
        buf_consume(&b, 1);
        assert_string_equal(b.data, "");
}

static void it_grows_byte_by_byte(void **state)
{
        _cleanup_(buf_deinit) struct buf b = { 0 };

        (void)state;
        for (unsigned i = 0; i < 100000; i++)
                buf_putc(&b, (char)('a' + i % 26));
        assert_int_equal(b.n, 100000);
        assert_int_equal(b.data[99999], 'a' + 99999 % 26);
        assert_int_equal(b.data[100000], '\0');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(appends_make_one_string),
                cmocka_unit_test(taking_an_empty_buffer_gives_an_empty_string),
                cmocka_unit_test(passing_the_limit_sticks),
                cmocka_unit_test(what_is_too_long_leaves_what_was_there),
                cmocka_unit_test(formatting_at_every_distance_from_the_end_of_memory),
                cmocka_unit_test(reset_forgets_the_content_and_the_error),
                cmocka_unit_test(consuming_drops_from_the_front),
                cmocka_unit_test(it_grows_byte_by_byte),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
