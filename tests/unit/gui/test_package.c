/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What dpkg-query says of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gui/package.h"

static void is_of(const char *output, const char *path, const char *expected)
{
        char *package = package_parse_dpkg(output, path);

        if (expected)
                assert_string_equal(package, expected);
        else
                assert_null(package);
        g_free(package);
}

static void dpkg(void **state)
{
        (void)state;
        is_of("curl: /usr/bin/curl\n", "/usr/bin/curl", "curl");
        is_of("coreutils: /bin/ls\n", "/usr/bin/ls", "coreutils"); /* where /usr is merged */
        is_of("libc6:amd64, libc6:i386: /usr/share/doc/libc6\n", "/usr/share/doc/libc6", "libc6");
        is_of("diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\ndash: /bin/sh\n", "/bin/sh", "dash");
        is_of("curl: /usr/bin/curl-config\n", "/usr/bin/curl", NULL);
        is_of("", "/usr/bin/curl", NULL);
        is_of(": /usr\nnonsense\n: \n", "/usr/bin/curl", NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(dpkg) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
