/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of /proc as Linux writes them, of programs that do their best to be misread. Texts are copied to
 * blocks of their exact size, so that a sanitizer sees every read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "wire/procfs.h"

struct text {
        const char *data;
        size_t n;
};
#define TEXT(literal)                                                                                        \
        (struct text)                                                                                        \
        {                                                                                                    \
                literal, sizeof(literal) - 1                                                                 \
        }

static char *exact(const char *data, size_t n)
{
        char *copy = malloc(n ? n : 1);

        assert_non_null(copy);
        memcpy(copy, data, n);
        return copy;
}

/* --- stat --- */

#define STAT_TAIL  " 20 0 1 0 113683 18440192 2854 18446744073709551615 0 0\n"
#define STAT(comm) "812 (" comm ") S 811 812 812 34816 812 4194304 100 200 0 0 1 2 3 4" STAT_TAIL

static int parse_stat(struct text t, struct procfs_stat *ret)
{
        _cleanup_(freep) char *copy = exact(t.data, t.n);

        return procfs_parse_stat(copy, t.n, ret);
}

static void test_stat_comm(void **state _unused_)
{
        static const struct {
                const char *comm;
                struct text text;
        } rows[] = {
                {"curl", {STAT("curl"), sizeof(STAT("curl")) - 1}},
                {"", {STAT(""), sizeof(STAT("")) - 1}},
                {" ", {STAT(" "), sizeof(STAT(" ")) - 1}},
                {")", {STAT(")"), sizeof(STAT(")")) - 1}},
                {") S 1 (x", {STAT(") S 1 (x"), sizeof(STAT(") S 1 (x")) - 1}},
                {"((((", {STAT("(((("), sizeof(STAT("((((")) - 1}},
                {") R 0 0 0 0 0 0", {STAT(") R 0 0 0 0 0 0"), sizeof(STAT(") R 0 0 0 0 0 0")) - 1}},
                /* Measured on 6.18: stat escapes nothing. */
                {"a\nb\\n\tc", {STAT("a\nb\\n\tc"), sizeof(STAT("a\nb\\n\tc")) - 1}},
                {"\xff\xfe\x80", {STAT("\xff\xfe\x80"), sizeof(STAT("\xff\xfe\x80")) - 1}},
                {"123456789012345", {STAT("123456789012345"), sizeof(STAT("123456789012345")) - 1}},
                /* Kernel threads have longer ones. */
                {"kworker/u4:2-ev",
                 {STAT("kworker/u4:2-events_unbound"), sizeof(STAT("kworker/u4:2-events_unbound")) - 1}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct procfs_stat stat;

                assert_int_equal(parse_stat(rows[i].text, &stat), 0);
                assert_string_equal(stat.comm, rows[i].comm);
                assert_int_equal(stat.pid, 812);
                assert_int_equal(stat.parent_pid, 811);
                assert_int_equal(stat.start_ticks, 113683);
        }
}

/* A number counts only when its delimiter was seen. */
static void test_stat_cut(void **state _unused_)
{
        static const char whole[] = STAT(") S 1 (x");
        size_t enough = (size_t)(strstr(whole, " 18440192") - whole) + 1;

        for (size_t n = 0; n < sizeof(whole) - 1; n++) {
                struct procfs_stat stat = {.pid = 77};
                int r = parse_stat((struct text){whole, n}, &stat);

                assert_int_equal(r, n < enough ? PROCFS_E_MALFORMED : 0);
                assert_int_equal(stat.pid, r == 0 ? 812 : 77);
                assert_int_equal(stat.start_ticks, r == 0 ? 113683 : 0);
        }
}

static void test_stat_numbers(void **state _unused_)
{
#define FIELDS(pid, state, parent, start)                                                                    \
        pid " (x) " state " " parent " 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 " start " 23\n"
        static const char *const rows[] = {
                FIELDS("4294967296", "S", "1", "1"), FIELDS("-1", "S", "1", "1"),
                FIELDS("+1", "S", "1", "1"),         FIELDS("", "S", "1", "1"),
                FIELDS("1", "SS", "1", "1"),         FIELDS("1", "", "1", "1"),
                FIELDS("1", "S", "-1", "1"),         FIELDS("1", "S", "x", "1"),
                FIELDS("1", "S", "4294967296", "1"), FIELDS("1", "S", "1", "-1"),
                FIELDS("1", "S", "1", ""),           FIELDS("1", "S", "1", "18446744073709551616"),
        };
        static const char good[] = FIELDS("4294967295", "Z", "0", "18446744073709551615");
        struct procfs_stat stat;

        assert_int_equal(parse_stat(TEXT(""), &stat), PROCFS_E_MALFORMED);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(parse_stat((struct text){rows[i], strlen(rows[i])}, &stat),
                                 PROCFS_E_MALFORMED);
        assert_int_equal(parse_stat(TEXT(good), &stat), 0);
        assert_int_equal(stat.pid, UINT32_MAX);
        assert_int_equal(stat.parent_pid, 0);
        assert_true(stat.start_ticks == UINT64_MAX);
}

/* --- status --- */

static int parse_ids(struct text t, uint32_t *uid, uint32_t *gid)
{
        _cleanup_(freep) char *copy = exact(t.data, t.n);

        return procfs_parse_status_ids(copy, t.n, uid, gid);
}

static void test_status_ids(void **state _unused_)
{
        /* The effective ids, the second of four. A comm's newline is escaped here, so its "Uid:" starts no
         * line. */
        static const char text[] =
                "Name:\ta\\nUid:\t0\t0\nUmask:\t0022\nState:\tS (sleeping)\nNgid:\t0\nPid:\t812\n"
                "Uid:\t1000\t4294967295\t1002\t1003\nGid:\t1004\t0\t1006\t1007\nGroups:\t4 24\n";
        size_t enough = (size_t)(strstr(text, "Groups") - text);
        uint32_t uid, gid;

        assert_int_equal(parse_ids(TEXT(text), &uid, &gid), 0);
        assert_int_equal(uid, UINT32_MAX);
        assert_int_equal(gid, 0);
        for (size_t n = 0; n < sizeof(text) - 1; n++) {
                uid = gid = 77;
                assert_int_equal(parse_ids((struct text){text, n}, &uid, &gid),
                                 n < enough ? PROCFS_E_MALFORMED : 0);
                assert_int_equal(uid, n < enough ? 77 : UINT32_MAX);
        }
}

static void test_status_malformed(void **state _unused_)
{
        static const char *const rows[] = {
                "Uid:\t1\t2\t3\t4\n",
                "Gid:\t1\t2\t3\t4\n",
                "Uid:\t1\t2\t3\t4\nGid:\t1\n",
                "Uid:\t1\t\t3\t4\nGid:\t1\t2\t3\t4\n",
                "Uid:\t1\t4294967296\t3\t4\nGid:\t1\t2\t3\t4\n",
                "Uid:\t1\t-2\t3\t4\nGid:\t1\t2\t3\t4\n",
                "Uid: 1 2 3 4\nGid:\t1\t2\t3\t4\n",
                " Uid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\n",
                "Name:\tUid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint32_t uid = 77, gid = 77;

                assert_int_equal(parse_ids((struct text){rows[i], strlen(rows[i])}, &uid, &gid),
                                 PROCFS_E_MALFORMED);
                assert_true(uid == 77 && gid == 77);
        }
}

/* --- cgroup --- */

static void test_cgroup(void **state _unused_)
{
        static const struct {
                const char *text, *path;
        } rows[] = {
                {"0::/user.slice/session-1.scope\n", "/user.slice/session-1.scope"},
                {"0::/\n", "/"},
                {"12:pids:/a\n1:name=systemd:/0::/b\n0::/c d (deleted)\n", "/c d (deleted)"},
                {"0::/first\n0::/second\n", "/first"},
                {"0::/\\012:x::\n", "/\\012:x::"},
                {"", NULL},
                {"0::/cut", NULL},
                {"0::\n", NULL},
                {"0::relative\n", NULL},
                {"10::/x\n", NULL},
                {"1:pids:/0::/x\n", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t n = strlen(rows[i].text), path_n = 77;
                _cleanup_(freep) char *copy = exact(rows[i].text, n);
                const char *path = NULL;
                int r = procfs_parse_cgroup(copy, n, &path, &path_n);

                assert_int_equal(r, rows[i].path ? 0 : PROCFS_E_MALFORMED);
                if (rows[i].path) {
                        assert_int_equal(path_n, strlen(rows[i].path));
                        assert_memory_equal(path, rows[i].path, path_n);
                } else {
                        assert_null(path);
                        assert_int_equal(path_n, 77);
                }
        }
}

/* --- links --- */

static void test_socket_link(void **state _unused_)
{
        static const char *const bad[] = {
                "",
                "socket:",
                "socket:[",
                "socket:[]",
                "socket:[1",
                "socket:[1]x",
                "socket:[-1]",
                "pipe:[1]",
                "socket:[ 1]",
                "socket:[1 ]",
                " socket:[1]",
                "socket:[1]]",
                "/socket:[1]",
                "socket:[0x1]",
                "anon_inode:[eventfd]",
                "socket:[18446744073709551616]",
                "socket:[99999999999999999999999999]",
        };
        uint64_t inode = 77;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_(freep) char *copy = exact(bad[i], strlen(bad[i]));

                assert_false(procfs_parse_socket_link(copy, strlen(bad[i]), &inode));
                assert_int_equal(inode, 77);
        }
        assert_true(procfs_parse_socket_link("socket:[0]", 10, &inode));
        assert_int_equal(inode, 0);
        assert_true(procfs_parse_socket_link("socket:[18446744073709551615]", 29, &inode));
        assert_true(inode == UINT64_MAX);
}

static void test_exe_deleted(void **state _unused_)
{
        static const struct {
                const char *text;
                size_t path_n; /* 0: not deleted */
        } rows[] = {
                {"/usr/bin/curl (deleted)", 13},
                {"/memfd:x (deleted)", 8},
                {"/a (deleted) (deleted)", 12},
                {"/ (deleted)", 1},
                {"/usr/bin/curl", 0},
                {"/usr/bin/curl(deleted)", 0},
                {"/usr/bin/curl (deleted) ", 0},
                {"/usr/bin/curl (deleted", 0},
                {" (deleted)", 0},
                {"(deleted)", 0},
                {"", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t n = strlen(rows[i].text), path_n = 77;
                _cleanup_(freep) char *copy = exact(rows[i].text, n);

                assert_int_equal(procfs_exe_is_deleted(copy, n, &path_n), rows[i].path_n > 0);
                assert_int_equal(path_n, rows[i].path_n > 0 ? rows[i].path_n : n);
        }
}

/* --- resolv.conf --- */

static void test_resolv_conf(void **state _unused_)
{
        static const struct {
                const char *line, *server;
        } rows[] = {
                {"nameserver 192.0.2.53", "192.0.2.53"},
                {"nameserver\t192.0.2.53", "192.0.2.53"},
                {"nameserver \t  192.0.2.53   ", "192.0.2.53"},
                {"nameserver 2001:DB8::53", "2001:db8::53"},
                {"nameserver fe80::1%eth0", "fe80::1"},
                {"nameserver ::ffff:192.0.2.53", "192.0.2.53"},
                {"nameserver 192.0.2.53#comment", "192.0.2.53"},
                {"nameserver 192.0.2.53;comment", "192.0.2.53"},
                {"nameserver 192.0.2.53 # comment", "192.0.2.53"},
                {"nameserver 192.0.2.53\r", "192.0.2.53"},
                {"# nameserver 192.0.2.53", NULL},
                {" nameserver 192.0.2.53", NULL},
                {"nameserver192.0.2.53", NULL},
                {"nameservers 192.0.2.53", NULL},
                {"nameserver", NULL},
                {"nameserver ", NULL},
                {"nameserver #192.0.2.53", NULL},
                {"nameserver 192.0.2", NULL},
                {"nameserver 192.0.2.256", NULL},
                {"nameserver example.com", NULL},
                {"nameserver [2001:db8::53]", NULL},
                {"nameserver 1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL},
                {"search 192.0.2.53", NULL},
                {"", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int newline = 0; newline < 2; newline++) {
                        char line[128], text[ADDR_TEXT_MAX];
                        size_t n = (size_t)snprintf(line, sizeof(line), "%s%s", rows[i].line,
                                                    newline ? "\n" : "");
                        _cleanup_(freep) char *copy = exact(line, n);
                        struct addr a;

                        assert_int_equal(procfs_parse_resolv_conf(copy, n, &a, 1), rows[i].server ? 1 : 0);
                        if (rows[i].server)
                                assert_string_equal(addr_format(&a, text), rows[i].server);
                }
}

static void test_resolv_conf_limit(void **state _unused_)
{
        static const char text[] = "search example.com\nnameserver 192.0.2.1\n\noptions edns0\nnameserver "
                                   "bad\nnameserver 192.0.2.2\n"
                                   "nameserver 192.0.2.3";
        struct addr servers[4];

        memset(servers, 0, sizeof(servers));
        for (unsigned max = 0; max <= 4; max++) {
                assert_int_equal(procfs_parse_resolv_conf(text, sizeof(text) - 1, servers, max),
                                 MIN(max, 3u));
                assert_true(addr_is_zero(&servers[3]) || servers[3].bytes[15] == 0);
        }
        assert_int_equal(servers[0].bytes[15], 1);
        assert_int_equal(servers[1].bytes[15], 2);
        assert_int_equal(servers[2].bytes[15], 3);
}

/* --- mountinfo --- */

static void assert_mount(const char *text, const char *type, const char *expected)
{
        size_t n = strlen(text);
        _cleanup_(freep) char *copy = exact(text, n);
        char point[64] = "untouched";

        assert_int_equal(procfs_parse_mountinfo(copy, n, type, point, sizeof(point)), expected != NULL);
        if (expected)
                assert_string_equal(point, expected);
}

static void test_mountinfo(void **state _unused_)
{
        static const char text[] =
                "21 26 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
                "30 21 0:26 /below /part rw - cgroup2 cgroup2 rw\n"
                "31 21 0:26 / /sys/fs/cgroup rw shared:9 master:3 propagate_from:2 - cgroup2 cgroup2 rw\n"
                "33 21 0:26 / /second rw - cgroup2 cgroup2 rw\n"
                "32 21 0:27 / /sys/fs/bpf rw - bpf bpf rw,mode=700\n"
                "34 21 0:28 / /fuse rw - fuse.bpf2 bpf2 rw\n";

        assert_mount(text, "cgroup2", "/sys/fs/cgroup"); /* not the part that is bound elsewhere */
        assert_mount(text, "bpf", "/sys/fs/bpf");
        assert_mount(text, "sysfs", "/sys");
        assert_mount(text, "bpf2", NULL);
        assert_mount(text, "cgroup", NULL);
        assert_mount(text, "", NULL);
}

/* mangle() in fs/proc_namespace.c. */
static void test_mountinfo_escapes(void **state _unused_)
{
        assert_mount("1 2 0:3 / /a\\040b\\011c\\012d\\134e\\043f rw - bpf x rw\n", "bpf", "/a b\tc\nd\\e#f");
        assert_mount("1 2 0:3 / /a\\0401 rw - bpf x rw\n", "bpf", "/a 1");
        assert_mount("1 2 0:3 / /\\377 rw - bpf x rw\n", "bpf", "/\377");
        assert_mount("1 2 0:3 / /\\400 rw - bpf x rw\n", "bpf", NULL);
        assert_mount("1 2 0:3 / /\\000 rw - bpf x rw\n", "bpf", NULL);
        assert_mount("1 2 0:3 / /\\04 rw - bpf x rw\n", "bpf", NULL);
        assert_mount("1 2 0:3 / /\\x41 rw - bpf x rw\n", "bpf", NULL);
        assert_mount("1 2 0:3 / /\\ rw - bpf x rw\n", "bpf", NULL);
        /* A mount point named like a separator does not reach one: its blanks are escaped. */
        assert_mount("1 2 0:3 / /\\040-\\040bpf rw - tmpfs x rw\n", "bpf", NULL);
}

static void test_mountinfo_malformed(void **state _unused_)
{
        static const char *const rows[] = {
                "",
                "\n",
                "1 2 0:3 / /m rw - bpf x rw", /* cut */
                "1 2 0:3 / /m rw - bpf\n",
                "1 2 0:3 / /m rw bpf x rw\n",
                "1 2 0:3 / /m\n",
                "1 2 0:3 /\n",
                "1 2 0:3 /  rw - bpf x rw\n", /* empty mount point */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_mount(rows[i], "bpf", NULL);
}

static void test_mountinfo_size(void **state _unused_)
{
        static const char text[] = "1 2 0:3 / /12345 rw - bpf x rw\n";
        char point[8];

        for (size_t size = 0; size <= sizeof(point); size++) {
                memset(point, 'x', sizeof(point));
                assert_int_equal(procfs_parse_mountinfo(text, sizeof(text) - 1, "bpf", point, size),
                                 size >= 7);
                if (size < sizeof(point))
                        assert_int_equal(point[size], 'x');
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stat_comm),           cmocka_unit_test(test_stat_cut),
                cmocka_unit_test(test_stat_numbers),        cmocka_unit_test(test_status_ids),
                cmocka_unit_test(test_status_malformed),    cmocka_unit_test(test_cgroup),
                cmocka_unit_test(test_socket_link),         cmocka_unit_test(test_exe_deleted),
                cmocka_unit_test(test_resolv_conf),         cmocka_unit_test(test_resolv_conf_limit),
                cmocka_unit_test(test_mountinfo),           cmocka_unit_test(test_mountinfo_escapes),
                cmocka_unit_test(test_mountinfo_malformed), cmocka_unit_test(test_mountinfo_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
