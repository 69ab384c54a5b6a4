/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a packet's trip to user space costs by itself: a program that accepts whatever it is handed, and does nothing else.
 *
 *      accept-all QUEUE      one line "ready"; on SIGTERM "N packets", and the rule goes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain-queue.h"

int main(int argc, char **argv)
{
        unsigned long n_packets;
        int r;

        if (argc != 2) {
                fputs("usage: accept-all QUEUE\n", stderr);
                return 2;
        }
        r = plain_queue_run((uint16_t)atoi(argv[1]), NULL, &n_packets);
        if (r < 0) {
                fprintf(stderr, "accept-all: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        printf("%lu packets\n", n_packets);
        return EXIT_SUCCESS;
}
