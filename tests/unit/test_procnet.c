/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socket tables of /proc/net as Linux 6.18 writes them. A little-endian machine is assumed, as the texts
 * below were written on one. */
#include "base/macros.h"
#include "unit.h"
#include "wire/procnet.h"

#define HEADING_V4                                                                                           \
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode "  \
        "ref pointer drops             \n"
#define PING_V4                                                                                              \
        "    2: 0100007F:4CAE 0200007F:0001 01 00000000:00000000 00:00000000 00000000  1000        0 "       \
        "246576 2 0000000047e63388 0        \n"
#define PING_V6                                                                                              \
        "    3: B80D0120000000000000000001000000:4CAF 00000000000000000000000000000000:0001 01 "             \
        "00000E00:00000000 00:00000000 00000000     0        0 7 2 0000000000000000 0\n"

static unsigned count(const char *text, size_t n, struct procnet_socket *ret_last)
{
        _cleanup_(freep) char *copy = malloc(n ? n : 1);
        const char *at = copy;
        size_t left = n;
        unsigned found = 0;

        assert_non_null(copy);
        memcpy(copy, text, n);
        while (procnet_next(&at, &left, ret_last))
                found++;
        assert_int_equal(left, 0);
        return found;
}

static void test_ping_v4(void **state _unused_)
{
        struct addr local = address("127.0.0.1"), remote = address("127.0.0.2");
        struct procnet_socket s;

        assert_int_equal(count(HEADING_V4 PING_V4, strlen(HEADING_V4 PING_V4), &s), 1);
        assert_true(addr_equal(&s.local, &local));
        assert_true(addr_equal(&s.remote, &remote));
        assert_int_equal(s.local_port, 0x4cae);
        assert_int_equal(s.uid, 1000);
        assert_int_equal(s.unsent, 0);
        assert_int_equal(s.inode, 246576);
}

static void test_ping_v6(void **state _unused_)
{
        struct addr local = address("2001:db8::1");
        struct procnet_socket s;

        assert_int_equal(count(PING_V6, strlen(PING_V6), &s), 1);
        assert_true(addr_equal(&s.local, &local));
        assert_true(addr_is_zero(&s.remote));
        assert_int_equal(s.local_port, 0x4caf);
        assert_int_equal(s.uid, 0);
        assert_int_equal(s.unsent, 0xe00);
        assert_int_equal(s.inode, 7);
}

/* A line counts when its end was seen: of a cut inode the rest would name another socket. */
static void test_cut_at_every_byte(void **state _unused_)
{
        static const char text[] = HEADING_V4 PING_V4 PING_V6;
        size_t first = strlen(HEADING_V4 PING_V4);
        struct procnet_socket s;

        for (size_t n = 0; n < sizeof(text); n++)
                assert_int_equal(count(text, n, &s), (n >= first) + (n >= sizeof(text) - 1));
}

static void test_lines_that_are_none(void **state _unused_)
{
        static const char *const rows[] = {
                "",
                "\n\n",
                HEADING_V4,
                "1: 0100007F:0001 0200007F:0000 07 0:0 0:0 0 1000 0 4711\n", /* nothing behind the inode */
                "1: 0100007G:0001 0200007F:0000 07 0:0 0:0 0 1000 0 4711 2\n",
                "1: 0100007f:0001 0200007F:0000 07 0:0 0:0 0 1000 0 4711 2\n", /* the kernel writes capitals
                                                                                */
                "1: 0100007F-0001 0200007F:0000 07 0:0 0:0 0 1000 0 4711 2\n",
                "1: 0100007F:001 0200007F:0000 07 0:0 0:0 0 1000 0 4711 2\n",
                "1: 0100007F:0001 0200007F:00000 07 0:0 0:0 0 1000 0 4711 2\n",
                "1: 0100007F:0001 0200007F:0000 07 0:0 0:0 0 -1 0 4711 2\n",
                "1: 0100007F:0001 0200007F:0000 07 0:0 0:0 0 4294967296 0 4711 2\n",
                "1: 0100007F:0001 0200007F:0000 07 0:0 0:0 0 1000 0 18446744073709551616 2\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct procnet_socket s;
                char text[1024];

                assert_int_equal(count(rows[i], strlen(rows[i]), &s), 0);
                /* One bad line does not hide the next. */
                snprintf(text, sizeof(text), "%s%s", rows[i], PING_V4);
                assert_int_equal(count(text, strlen(text), &s), 1);
                assert_int_equal(s.inode, 246576);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ping_v4),
                cmocka_unit_test(test_ping_v6),
                cmocka_unit_test(test_cut_at_every_byte),
                cmocka_unit_test(test_lines_that_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
