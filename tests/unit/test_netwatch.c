/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel says of the machine's interfaces, in a network namespace of the test's own, which has one: a change of its name is noticed and read.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/netwatch.h"
#include "unit.h"

enum { PATIENCE_MS = 10000, LOOPBACK = 1 };

static const char *const NO_FILE = "/nonexistent/resolv.conf";

static bool is_readable(int fd, int milliseconds)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, milliseconds) == 1;
}

static void rename_interface(const char *from, const char *to)
{
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        struct ifreq request = { 0 };

        assert_true(fd >= 0);
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", from);
        snprintf(request.ifr_newname, sizeof(request.ifr_newname), "%s", to);
        assert_int_equal(ioctl(fd, SIOCSIFNAME, &request), 0);
        close(fd);
}

static void test_every_interface_has_its_name(void **state _unused_)
{
        struct if_nameindex *all = if_nameindex();
        struct netinfo net;

        assert_non_null(all);
        netwatch_read(NO_FILE, &net);
        for (struct if_nameindex *i = all; i->if_index != 0; i++) {
                const char *name = netinfo_interface(&net, i->if_index);

                assert_true(name || net.interfaces_cut);
                if (name)
                        assert_string_equal(name, i->if_name);
        }
        if_freenameindex(all);
        assert_null(netinfo_interface(&net, 0));
        assert_int_equal(net.n_resolvers, 0);
}

static void test_a_new_name_is_noticed(void **state _unused_)
{
        struct netinfo before, after;
        int fd;

        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                print_message("no network namespace: %s\n", strerror(errno));
                skip();
        }
        fd = netwatch_open();
        assert_true(fd >= 0);
        netwatch_read(NO_FILE, &before);
        assert_true(before.n_interfaces > 0);
        assert_string_equal(netinfo_interface(&before, LOOPBACK), "lo");
        assert_false(is_readable(fd, 0));

        rename_interface("lo", "fifteen-letters");
        assert_true(is_readable(fd, PATIENCE_MS));
        netwatch_drain(fd);
        assert_false(is_readable(fd, 0));
        netwatch_read(NO_FILE, &after);
        assert_string_equal(netinfo_interface(&after, LOOPBACK), "fifteen-letters");
        assert_true(netinfo_differs(&before, &after));
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_interface_has_its_name),
                cmocka_unit_test(test_a_new_name_is_noticed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
