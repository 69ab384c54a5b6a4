/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "base/str.h"

static void assert_escaped(const char *text, const char *expected)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_puts(&out, "");
        str_escape(&out, text);
        assert_string_equal(out.data, expected);
}

static void numbers_are_digits_and_nothing_else(void **state)
{
        uint64_t n = 77;

        (void)state;
        assert_true(str_parse_u64("0", 10, &n));
        assert_int_equal(n, 0);
        assert_true(str_parse_u64("18446744073709551615", UINT64_MAX, &n));
        assert_true(n == UINT64_MAX);
        assert_true(str_parse_u64("00010", 10, &n));
        n = 77;
        assert_false(str_parse_u64("18446744073709551616", UINT64_MAX, &n));
        assert_false(str_parse_u64("11", 10, &n));
        assert_false(str_parse_u64("", 10, &n));
        assert_false(str_parse_u64(NULL, 10, &n));
        assert_false(str_parse_u64(" 1", 10, &n));
        assert_false(str_parse_u64("+1", 10, &n));
        assert_false(str_parse_u64("-1", 10, &n));
        assert_false(str_parse_u64("1 ", 10, &n));
        assert_false(str_parse_u64("0x1", 10, &n));
        assert_int_equal(n, 77); /* untouched by failures */
}

static void escaping_shows_what_hides(void **state)
{
        (void)state;
        assert_escaped("plain-name_1.0", "plain-name_1.0");
        assert_escaped("say \"hi\"\\", "say \\\"hi\\\"\\\\");
        assert_escaped("a\nb\tc\rd", "a\\nb\\tc\\rd");
        assert_escaped("\x1b[31m\x7f", "\\x1b[31m\\x7f");
        assert_escaped("evil\u202etxt.exe", "evil\\u202etxt.exe");
        assert_escaped("zero\u200bwidth", "zero\\u200bwidth");
        assert_escaped("\u2066isolate\u2069", "\\u2066isolate\\u2069");
        assert_escaped("\xc2\x85", "\\u0085");
        assert_escaped("tag\U000e0041", "tag\\U000e0041");
        assert_escaped("Grüße, 世界 🦊", "Grüße, 世界 🦊");
}

static void escaping_shows_broken_bytes_one_by_one(void **state)
{
        (void)state;
        assert_escaped("\xff", "\\xff");
        assert_escaped("\xc3", "\\xc3");
        assert_escaped("\xc3\"", "\\xc3\\\"");            /* a torn sequence swallows nothing */
        assert_escaped("\xe2\x82" "x", "\\xe2\\x82x");
        assert_escaped("\xc0\xaf", "\\xc0\\xaf");         /* overlong '/' */
        assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
        assert_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
}

static void lossy_text_is_always_utf8(void **state)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        (void)state;
        str_utf8_lossy(&out, "a\xff\0\xc3\xa9\xc3", 6);
        assert_int_equal(out.n, 10);
        assert_memory_equal(out.data, "a\xef\xbf\xbd\0\xc3\xa9\xef\xbf\xbd", 10);
        assert_true(str_is_utf8(out.data, out.n));
}

/* Every sequence of three bytes: what is called valid must be, and repair must repair. */
static void validation_and_repair_agree(void **state)
{
        static const uint8_t interesting[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                               0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xfe, 0xff };
        enum { N = sizeof(interesting) };

        (void)state;
        for (unsigned i = 0; i < N * N * N * N; i++) {
                _cleanup_(buf_deinit) struct buf out = { 0 };
                char text[4] = { (char)interesting[i % N], (char)interesting[i / N % N], (char)interesting[i / N / N % N],
                                 (char)interesting[i / N / N / N] };

                str_utf8_lossy(&out, text, 4);
                assert_true(str_is_utf8(out.data, out.n));
                assert_int_equal(str_is_utf8(text, 4), out.n == 4 && memcmp(out.data, text, 4) == 0);
        }
}

static void prefixes_and_basenames(void **state)
{
        (void)state;
        assert_true(str_has_prefix("@name:x", "@name:"));
        assert_true(str_has_prefix("x", ""));
        assert_false(str_has_prefix("@nam", "@name:"));
        assert_string_equal(str_basename("/usr/bin/curl"), "curl");
        assert_string_equal(str_basename("curl"), "curl");
        assert_string_equal(str_basename("/usr/"), "");
        assert_string_equal(str_basename(""), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_are_digits_and_nothing_else),
                cmocka_unit_test(escaping_shows_what_hides),
                cmocka_unit_test(escaping_shows_broken_bytes_one_by_one),
                cmocka_unit_test(lossy_text_is_always_utf8),
                cmocka_unit_test(validation_and_repair_agree),
                cmocka_unit_test(prefixes_and_basenames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
