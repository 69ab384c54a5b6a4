/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connects again and again, as fast as it is let, until SIGTERM or until COUNT attempts are made (0: no end). An attempt that gets neither
 * through nor refused is given up after WAIT milliseconds. Who connects says its name, so that the server's record is the truth. At the end:
 * how many attempts were connected, refused, given up, and ended in another way.
 *
 *      storm ADDRESS PORT WAIT COUNT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum outcome { CONNECTED, REFUSED, GIVEN_UP, OTHER, OUTCOMES };

static volatile sig_atomic_t stopping;

static void on_stop(int number)
{
        (void)number;
        stopping = 1;
}

static enum outcome attempt(const struct sockaddr_in *address, int wait_ms, const char *text)
{
        struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
        struct linger reset = { .l_onoff = 1 }; /* no socket stays in time-wait: the ports do not run out */
        enum outcome outcome = OTHER;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
                exit(3);
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                outcome = send(fd, text, strlen(text), MSG_NOSIGNAL) > 0 ? CONNECTED : OTHER;
        else if (errno == ECONNREFUSED)
                outcome = REFUSED;
        else if (errno == EINPROGRESS || errno == EAGAIN)
                outcome = GIVEN_UP;
        if (outcome != CONNECTED)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        return outcome;
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        struct sigaction stop = { .sa_handler = on_stop };
        long counts[OUTCOMES] = { 0 };
        char text[256];

        if (argc != 5 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
                return 2;
        address.sin_port = htons((unsigned short)atoi(argv[2]));
        sigaction(SIGTERM, &stop, NULL);
        snprintf(text, sizeof(text), "%s %d\n", argv[0], (int)getpid());
        for (long i = 0, count = atol(argv[4]); !stopping && (count == 0 || i < count); i++) {
                enum outcome outcome = attempt(&address, atoi(argv[3]), text);

                if (outcome != OTHER || !stopping) /* the signal itself interrupts the last one */
                        counts[outcome]++;
        }
        printf("%ld %ld %ld %ld\n", counts[CONNECTED], counts[REFUSED], counts[GIVEN_UP], counts[OTHER]);
        return 0;
}
