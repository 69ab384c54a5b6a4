/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of /proc. All seven parsers read every input: each must cope with the others' formats as with any
 * bytes.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/procfs.h"

enum { NAMESERVERS = 3 };

static void check_stat(const char *text, size_t n)
{
        struct procfs_stat stat = {.comm = "untouched"};

        if (procfs_parse_stat(text, n, &stat) != 0) {
                fuzz_check(strcmp(stat.comm, "untouched") == 0);
                return;
        }
        fuzz_check(memchr(stat.comm, '\0', sizeof(stat.comm)));
        fuzz_check(memmem(text, n, stat.comm, strlen(stat.comm)));
}

static void check_ids(const char *text, size_t n)
{
        uint32_t uid = 7, gid = 8;

        if (procfs_parse_status_ids(text, n, &uid, &gid) != 0)
                fuzz_check(uid == 7 && gid == 8);
}

static void check_cgroup(const char *text, size_t n)
{
        const char *path;
        size_t path_n;

        if (procfs_parse_cgroup(text, n, &path, &path_n) != 0)
                return;
        fuzz_check(path >= text + 3 && path_n >= 1 && path + path_n < text + n);
        fuzz_check(path[0] == '/' && path[path_n] == '\n' && !memchr(path, '\n', path_n));
        fuzz_check(memcmp(path - 3, "0::", 3) == 0 && (path == text + 3 || path[-4] == '\n'));
}

static void check_links(const char *text, size_t n)
{
        char again[64];
        uint64_t inode;
        size_t path_n = 0;

        if (procfs_parse_socket_link(text, n, &inode)) {
                snprintf(again, sizeof(again), "socket:[%llu]", (unsigned long long)inode);
                fuzz_check(strlen(again) <= n); /* the text may have leading zeros */
        }
        if (procfs_exe_is_deleted(text, n, &path_n))
                fuzz_check(path_n > 0 && path_n + strlen(" (deleted)") == n);
        else
                fuzz_check(path_n == n);
}

static void check_resolv_conf(const char *text, size_t n)
{
        struct addr servers[NAMESERVERS + 1], fewer[1];
        char written[ADDR_TEXT_MAX];
        struct addr again;
        unsigned count;

        memset(servers, 0xa5, sizeof(servers));
        again = servers[NAMESERVERS];
        count = procfs_parse_resolv_conf(text, n, servers, NAMESERVERS);
        fuzz_check(count <= NAMESERVERS);
        fuzz_check(addr_equal(&servers[NAMESERVERS], &again));
        fuzz_check(procfs_parse_resolv_conf(text, n, fewer, 1) == (count > 0));
        for (unsigned i = 0; i < count; i++)
                fuzz_check(addr_parse(addr_format(&servers[i], written), &again) &&
                           addr_equal(&servers[i], &again));
}

static void check_mountinfo(const char *text, size_t n)
{
        char point[256], small[16];

        memset(point, 'x', sizeof(point));
        if (!procfs_parse_mountinfo(text, n, "cgroup2", point, sizeof(point)))
                return;
        fuzz_check(memchr(point, '\0', sizeof(point)) && point[0] != '\0');
        if (procfs_parse_mountinfo(text, n, "cgroup2", small, sizeof(small)))
                fuzz_check(strcmp(point, small) == 0);
        else
                fuzz_check(strlen(point) >= sizeof(small));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;

        check_stat(text, size);
        check_ids(text, size);
        check_cgroup(text, size);
        check_links(text, size);
        check_resolv_conf(text, size);
        check_mountinfo(text, size);
        return 0;
}
