/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identity as most application firewalls find it, to compare Bastion's with: for each packet the socket's inode is looked up in
 * /proc/net/{tcp,udp}{,6} by the packet's ends, then every /proc/PID/fd is searched for it, then /proc/PID/exe is read. Nothing is
 * remembered between packets, since every packet here is a connection's first. It decides nothing: every packet is accepted after
 * the search.
 *
 *      proc-scan QUEUE      one line "ready"; on SIGTERM a line "PROTOCOL LOCAL-PORT PID PATH" for each TCP and UDP packet (pid 0 and "-":
 *                           nobody found), "N packets", and the rule goes
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plain-queue.h"
#include "wire/packet.h"
#include "wire/procnet.h"

enum { TABLE_MAX = 4 << 20, PATH_SIZE = 256, FOUND_MAX = 1 << 16, LINK_MAX = 64 };

struct found {
        uint8_t protocol;
        uint16_t port;
        int pid;
        char path[PATH_SIZE];
};

static struct found *found; /* FOUND_MAX of them: printed at the end, so that printing costs no packet anything */
static unsigned n_found;
static char *table; /* TABLE_MAX bytes */

/* The whole file, cut at TABLE_MAX; 0 bytes when it cannot be read. */
static size_t read_table(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t n = 0;
        ssize_t got;

        if (fd < 0)
                return 0;
        while (n < TABLE_MAX && (got = read(fd, table + n, TABLE_MAX - n)) > 0)
                n += (size_t)got;
        close(fd);
        return n;
}

/* Both ends where the socket is connected, the port alone where it is not. 0: no such socket. */
static uint64_t find_inode(const char *path, const struct flow *flow)
{
        size_t left = read_table(path);
        const char *at = table;
        struct procnet_socket s;
        uint64_t unconnected = 0;

        while (procnet_next(&at, &left, &s)) {
                if (s.local_port != flow->local_port)
                        continue;
                if (addr_equal(&s.remote, &flow->remote) && addr_equal(&s.local, &flow->local))
                        return s.inode;
                if (addr_is_zero(&s.remote))
                        unconnected = s.inode;
        }
        return unconnected;
}

static bool holds(const char *pid, const char *wanted)
{
        char path[LINK_MAX], link[LINK_MAX];
        struct dirent *entry;
        bool yes = false;
        DIR *fds;

        snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
        fds = opendir(path);
        if (!fds)
                return false;
        while (!yes && (entry = readdir(fds))) {
                ssize_t n = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);

                if (n <= 0)
                        continue;
                link[n] = '\0';
                yes = strcmp(link, wanted) == 0;
        }
        closedir(fds);
        return yes;
}

/* 0: nobody. */
static int find_pid(uint64_t inode)
{
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        char wanted[LINK_MAX];
        int pid = 0;

        if (!proc)
                return 0;
        snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
        while (pid == 0 && (entry = readdir(proc)))
                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && holds(entry->d_name, wanted))
                        pid = atoi(entry->d_name);
        closedir(proc);
        return pid;
}

static void find_path(struct found *f)
{
        char link[LINK_MAX];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/%d/exe", f->pid);
        n = readlink(link, f->path, sizeof(f->path) - 1);
        if (n <= 0) {
                f->pid = 0; /* gone between the two looks */
                n = 0;
        }
        f->path[n] = '\0';
}

static void identify(const void *data, size_t n)
{
        static const char *const tables[2][2] = { { "/proc/net/tcp6", "/proc/net/tcp" }, { "/proc/net/udp6", "/proc/net/udp" } };
        struct packet packet;
        struct found *f = &found[n_found];
        uint64_t inode;
        bool v4;

        if (n_found == FOUND_MAX || packet_parse(data, n, &packet) != 0 ||
            (packet.flow.protocol != IPPROTO_TCP && packet.flow.protocol != IPPROTO_UDP))
                return;
        v4 = addr_is_v4(&packet.flow.local);
        *f = (struct found){ .protocol = packet.flow.protocol, .port = packet.flow.local_port };
        inode = find_inode(tables[f->protocol == IPPROTO_UDP][v4], &packet.flow);
        if (inode == 0 && v4) /* an IPv6 socket that talks IPv4 */
                inode = find_inode(tables[f->protocol == IPPROTO_UDP][false], &packet.flow);
        if (inode)
                f->pid = find_pid(inode);
        if (f->pid)
                find_path(f);
        n_found++;
}

int main(int argc, char **argv)
{
        unsigned long n_packets;
        int r;

        if (argc != 2) {
                fputs("usage: proc-scan QUEUE\n", stderr);
                return 2;
        }
        found = calloc(FOUND_MAX, sizeof(*found));
        table = malloc(TABLE_MAX);
        r = found && table ? plain_queue_run((uint16_t)atoi(argv[1]), identify, &n_packets) : -ENOMEM;
        if (r < 0) {
                fprintf(stderr, "proc-scan: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        for (unsigned i = 0; i < n_found; i++)
                printf("%s %u %d %s\n", found[i].protocol == IPPROTO_TCP ? "TCP" : "UDP", found[i].port, found[i].pid,
                       found[i].pid ? found[i].path : "-");
        printf("%lu packets\n", n_packets);
        free(found);
        free(table);
        return EXIT_SUCCESS;
}
