/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program that lives as short as a program can: it opens one connection or sends one datagram, says who it is in it, and
 * exits. The server's record of that one line is the truth that Bastion's naming is compared with.
 *
 *      visit tcp|udp|udp-unconnected ADDRESS PORT [WORD]
 *
 * The word stands at the end of the line: a pid is used again.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        if (argc < 4 || argc > 5)
                return 2;

        struct sockaddr_storage address = { 0 };
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
        socklen_t n_address = sizeof(*v4);

        if (inet_pton(AF_INET, argv[2], &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons((uint16_t)atoi(argv[3]));
        } else if (inet_pton(AF_INET6, argv[2], &v6->sin6_addr) == 1) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t)atoi(argv[3]));
                n_address = sizeof(*v6);
        } else {
                return 2;
        }

        /* argv[0] is the name that swarm chose; the server hears it from us, not from Bastion. */
        char text[256];
        int n_text = snprintf(text, sizeof(text), "%s %d%s%s\n", argv[0], (int)getpid(), argc == 5 ? " " : "", argc == 5 ? argv[4] : "");
        int is_tcp = strcmp(argv[1], "tcp") == 0;
        int fd = socket(address.ss_family, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
        if (fd < 0)
                return 3;

        if (strcmp(argv[1], "udp-unconnected") == 0)
                return sendto(fd, text, (size_t)n_text, 0, (struct sockaddr *)&address, n_address) == n_text ? 0 : 1;
        if (connect(fd, (struct sockaddr *)&address, n_address) < 0)
                return 1;
        return send(fd, text, (size_t)n_text, 0) == n_text ? 0 : 1;
}
