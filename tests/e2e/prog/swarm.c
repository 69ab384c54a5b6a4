/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts many short-lived visitors, `parallel` at a time, choosing executable, kind and address family at random from a seed,
 * and waits for them all. Prints one line for each: pid, kind, exit status, executable.
 *
 *      swarm COUNT PARALLEL SEED KIND,KIND… ADDRESS,ADDRESS… TCP-PORT UDP-PORT EXECUTABLE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX = 64 };

struct visitor {
        pid_t pid;
        const char *kind, *executable;
};

static int split(char *list, char **words)
{
        int n = 0;

        for (char *word = strtok(list, ","); word && n < MAX; word = strtok(NULL, ","))
                words[n++] = word;
        return n;
}

static void reap(struct visitor *running, int parallel, int *n_running)
{
        int status;
        pid_t pid = wait(&status);

        for (int i = 0; i < parallel; i++) {
                if (running[i].pid != pid)
                        continue;
                printf("%d %s %d %s\n", (int)pid, running[i].kind, WIFEXITED(status) ? WEXITSTATUS(status) : 255,
                       running[i].executable);
                running[i].pid = 0;
                (*n_running)--;
                return;
        }
}

/* vfork: a fork of this small process would cost more than the visitor's whole life. */
static pid_t start(const char *executable, char *kind, char *address, char *port)
{
        char *const argv[] = { (char *)executable, kind, address, port, NULL };
        pid_t pid = vfork();

        if (pid == 0) {
                execv(executable, argv);
                _exit(127);
        }
        return pid;
}

int main(int argc, char **argv)
{
        char *kinds[MAX], *addresses[MAX];

        if (argc < 9)
                return 2;
        int count = atoi(argv[1]), parallel = atoi(argv[2]), n_running = 0;
        unsigned seed = (unsigned)atoi(argv[3]);
        int n_kinds = split(argv[4], kinds), n_addresses = split(argv[5], addresses), n_executables = argc - 8;
        struct visitor *running = calloc((size_t)parallel, sizeof(*running));

        if (!running || n_kinds == 0 || n_addresses == 0)
                return 2;
        for (int started = 0; started < count; started++) {
                int slot = 0;

                if (n_running == parallel)
                        reap(running, parallel, &n_running);
                while (running[slot].pid != 0)
                        slot++;

                char *address = addresses[rand_r(&seed) % (unsigned)n_addresses];
                char *kind = kinds[rand_r(&seed) % (unsigned)n_kinds];
                char *port = strstr(kind, "udp") ? argv[7] : argv[6];
                const char *executable = argv[8 + rand_r(&seed) % (unsigned)n_executables];

                running[slot] = (struct visitor){ start(executable, kind, address, port), kind, executable };
                if (running[slot].pid < 0)
                        return 3;
                n_running++;
        }
        while (n_running > 0)
                reap(running, parallel, &n_running);
        return 0;
}
