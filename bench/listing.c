/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a list of host names costs by itself: listing FILE reads the file as the daemon does and looks up names, those of the file in an order that no
 * cache foresees, and as many that are not in it. One line of JSON: milliseconds and processor time of the reading, what memory it left, nanoseconds of
 * a lookup, on a processor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "sys/listreader.h"

enum { LOOKUPS = 200000, NAME_MAX_LENGTH = 64 };

static char listed[LOOKUPS][NAME_MAX_LENGTH], strange[LOOKUPS][NAME_MAX_LENGTH];
static unsigned n_listed;

static double now_ns(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static long memory_kb(void)
{
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];
        long kb = 0;

        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "VmRSS: %ld", &kb) == 1)
                        break;
        if (file)
                fclose(file);
        return kb;
}

/* Any line with the same chance, whatever their number; each name is the last word of one. */
static void choose_names(const char *path)
{
        FILE *file = fopen(path, "re");
        unsigned long n = 0;
        char line[256];

        while (file && fgets(line, sizeof(line), file)) {
                unsigned long at = n++ < LOOKUPS ? n - 1 : (unsigned long)random() % n;
                const char *name;

                line[strcspn(line, "\n")] = '\0';
                name = strrchr(line, ' ') ? strrchr(line, ' ') + 1 : line;
                if (at >= LOOKUPS || strlen(name) >= NAME_MAX_LENGTH - 4)
                        continue;
                strcpy(listed[at], name);
                snprintf(strange[at], NAME_MAX_LENGTH, "%s.not", name);
                n_listed = n_listed > at ? n_listed : (unsigned)at + 1;
        }
        if (file)
                fclose(file);
}

/* Of each lookup; false: not all of them are listed, or some that should not be. */
static bool look_up(const struct hostset *set, char names[][NAME_MAX_LENGTH], bool expected, double *ret_ns)
{
        double began = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        unsigned n = 0;

        for (unsigned i = 0; i < n_listed; i++)
                n += hostset_find(set, names[i], NULL) != NULL;
        *ret_ns = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - began) / n_listed;
        return n == (expected ? n_listed : 0);
}

int main(int argc, char **argv)
{
        static const struct file_stamp none = { .exists = false };
        struct list_reading reading;
        double began, cpu, listed_ns, strange_ns;
        long before, grown;

        if (argc != 2) {
                fputs("usage: listing FILE\n", stderr);
                return 2;
        }
        choose_names(argv[1]);
        before = memory_kb();
        began = now_ns(CLOCK_MONOTONIC);
        cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        list_read(argv[1], 0x9e3779b97f4a7c15, &none, NULL, &reading);
        began = now_ns(CLOCK_MONOTONIC) - began;
        cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        if (reading.error != 0) {
                fprintf(stderr, "%s: %s\n", argv[1], reading.error < 0 ? strerror(-reading.error) : hostlist_error_words(reading.error));
                return 1;
        }
        grown = memory_kb() - before;
        if (!look_up(reading.set, listed, true, &listed_ns) || !look_up(reading.set, strange, false, &strange_ns)) {
                fputs("what is listed was not found, or what is not was\n", stderr);
                return 1;
        }
        printf("{\"names\": %zu, \"read_ms\": %.1f, \"read_cpu_ms\": %.1f, \"memory_kb\": %ld, \"listed_ns\": %.0f, \"strange_ns\": %.0f}\n",
               hostset_count(reading.set), began / 1e6, cpu / 1e6, grown, listed_ns, strange_ns);
        hostset_free(reading.set);
        return 0;
}
