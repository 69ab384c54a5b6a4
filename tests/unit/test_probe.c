/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests to the parser and its answers, as datagrams. */
#include <string.h>

#include "core/limits.h"
#include "unit.h"
#include "wire/probe.h"

static uint8_t datagram[PROBE_HEADER + LIMIT_PROBE_BYTES + 1];

static void a_request_is_these_bytes(_unused_ void **state)
{
        const struct probe probe = { .id = 0x01020304, .kind = PROBE_ECHO_CHECK, .data = (const uint8_t *)"hi", .n = 2 };

        assert_int_equal(probe_format(&probe, datagram), 10);
        assert_memory_equal(datagram, "\x01\x02\x03\x04\x00\x01\x00\x02hi", 10);
}

static void every_length_comes_back(_unused_ void **state)
{
        static uint8_t data[LIMIT_PROBE_BYTES];
        static const uint16_t LENGTHS[] = { 0, 1, 255, 256, LIMIT_PROBE_BYTES };

        for (size_t i = 0; i < ARRAY_SIZE(LENGTHS); i++) {
                const struct probe probe = { .id = UINT32_MAX, .kind = PROBE_ECHO_CHECK, .data = data, .n = LENGTHS[i] };
                size_t n = probe_format(&probe, datagram);
                struct probe got;

                assert_int_equal(n, PROBE_HEADER + LENGTHS[i]);
                assert_int_equal(probe_parse(datagram, n, &got), 0);
                assert_int_equal(got.id, UINT32_MAX);
                assert_int_equal(got.n, LENGTHS[i]);
                assert_ptr_equal(got.data, datagram + PROBE_HEADER);
        }
}

static void too_long_is_not_made(_unused_ void **state)
{
        const struct probe probe = { .kind = PROBE_ECHO_CHECK, .data = datagram, .n = LIMIT_PROBE_BYTES + 1 };
        static uint8_t out[sizeof(datagram)];

        assert_int_equal(probe_format(&probe, out), 0);
}

static void other_datagrams_are_refused(_unused_ void **state)
{
        static const struct {
                const char *bytes;
                size_t n;
        } DATAGRAMS[] = {
                { "", 0 },
                { "\x01\x02\x03\x04\x00\x01\x00", 7 },
                { "\x01\x02\x03\x04\x00\x01\x00\x02h", 9 },    /* cut */
                { "\x01\x02\x03\x04\x00\x01\x00\x02hi!", 11 }, /* more than it says */
                { "\x01\x02\x03\x04\x00\x00\x00\x00", 8 },     /* no such kind */
                { "\x01\x02\x03\x04\x00\x03\x00\x00", 8 },
                { "\x01\x02\x03\x04\x00\x01\xff\xff", 8 },
        };
        struct probe got;

        for (size_t i = 0; i < ARRAY_SIZE(DATAGRAMS); i++)
                assert_int_equal(probe_parse(DATAGRAMS[i].bytes, DATAGRAMS[i].n, &got), PROBE_E_MALFORMED);
        memset(datagram, 0, sizeof(datagram));
        memcpy(datagram, "\x00\x00\x00\x01\x00\x01\x10\x01", PROBE_HEADER); /* 4,097 bytes: one too many */
        assert_int_equal(probe_parse(datagram, PROBE_HEADER + 4097, &got), PROBE_E_MALFORMED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_is_these_bytes),
                cmocka_unit_test(every_length_comes_back),
                cmocka_unit_test(too_long_is_not_made),
                cmocka_unit_test(other_datagrams_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
