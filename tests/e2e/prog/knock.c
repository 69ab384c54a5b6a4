/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long connect() takes: connects and resets COUNT times, one after the other, and prints the median in nanoseconds.
 *
 *      knock ADDRESS PORT COUNT
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        long x = *(const long *)a, y = *(const long *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        /* A reset leaves no socket in time-wait, so the ports do not run out. */
        struct linger reset = { .l_onoff = 1 };

        if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
                return 2;
        address.sin_port = htons((unsigned short)atoi(argv[2]));
        int count = atoi(argv[3]);
        long *took = count > 0 ? calloc((size_t)count, sizeof(*took)) : NULL;
        if (!took)
                return 2;

        for (int i = 0; i < count; i++) {
                int fd = socket(AF_INET, SOCK_STREAM, 0);
                if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
                        return 3;
                long start = now_ns();
                if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                        return 1;
                took[i] = now_ns() - start;
                close(fd);
        }
        qsort(took, (size_t)count, sizeof(*took), compare);
        printf("%ld\n", took[count / 2]);
        return 0;
}
