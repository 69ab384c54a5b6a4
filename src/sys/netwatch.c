/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "sys/files.h"
#include "sys/netwatch.h"
#include "wire/procfs.h"

enum { RESOLV_CONF_MAX = 64 << 10 };

static void read_broadcasts(struct netinfo *ret)
{
        struct ifaddrs *all;

        if (getifaddrs(&all) < 0) {
                log_warn("cannot list the interfaces' addresses: %m; only 255.255.255.255 counts as broadcast");
                return;
        }
        for (struct ifaddrs *i = all; i && ret->n_broadcasts < LIMIT_BROADCASTS; i = i->ifa_next) {
                struct sockaddr_in address;

                if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_BROADCAST) || !i->ifa_broadaddr)
                        continue;
                memcpy(&address, i->ifa_broadaddr, sizeof(address));
                ret->broadcasts[ret->n_broadcasts++] = addr_from_v4((const uint8_t *)&address.sin_addr);
        }
        freeifaddrs(all);
}

static int by_index(const void *a, const void *b)
{
        const uint32_t x = ((const struct interface *)a)->index, y = ((const struct interface *)b)->index;

        return (x > y) - (x < y);
}

static void read_interfaces(struct netinfo *ret)
{
        struct if_nameindex *all = if_nameindex();

        if (!all) {
                log_warn("cannot list the interfaces: %m; rules that name one do not match");
                return;
        }
        for (struct if_nameindex *i = all; i->if_index != 0; i++) {
                struct interface *to = &ret->interfaces[ret->n_interfaces];

                ret->interfaces_cut = ret->n_interfaces == LIMIT_INTERFACES;
                if (ret->interfaces_cut)
                        break;
                if (strlen(i->if_name) >= sizeof(to->name))
                        continue;
                to->index = i->if_index;
                memcpy(to->name, i->if_name, strlen(i->if_name) + 1);
                ret->n_interfaces++;
        }
        if_freenameindex(all);
        qsort(ret->interfaces, ret->n_interfaces, sizeof(ret->interfaces[0]), by_index);
}

void netwatch_read(const char *resolv_conf, struct netinfo *ret)
{
        _cleanup_(freep) char *text = NULL;
        struct netinfo net = { 0 };
        size_t n;
        int r;

        read_broadcasts(&net);
        read_interfaces(&net);
        /* Often a symlink, so it is not read as one of our own files. */
        r = files_read_virtual(resolv_conf, RESOLV_CONF_MAX, &text, &n);
        if (r < 0)
                log_debug("cannot read %s: %s; no resolver but the local stub is known", resolv_conf, strerror(-r));
        else
                net.n_resolvers = procfs_parse_resolv_conf(text, n, net.resolvers, LIMIT_RESOLVERS);
        *ret = net;
}

int netwatch_open(void)
{
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_LINK };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), r;

        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

void netwatch_drain(int fd)
{
        char scratch[8192];

        /* ENOBUFS means that messages were lost, which is as good a sign of change as any. */
        while (recv(fd, scratch, sizeof(scratch), 0) >= 0 || errno == ENOBUFS || errno == EINTR)
                ;
}
