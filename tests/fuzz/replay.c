/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs one fuzz target over every file of its corpus folder: the part of fuzzing that belongs into each test
 * run, with any compiler. What the fuzzer once found stays found. An empty folder is a failure: a replay that
 * replays nothing would look like one that passed.
 */
#include <dirent.h>
#include <string.h>

#include "base/macros.h"
#include "tests/fuzz/fuzz.h"

static void closedirp(DIR **d)
{
        if (*d)
                closedir(*d);
}

static void fclosep(FILE **f)
{
        if (*f)
                fclose(*f);
}

/* Into a block of exactly the file's size. */
static int replay(const char *path)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "rb");
        _cleanup_(freep) uint8_t *data = NULL;
        long size;

        if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
                return -1;
        rewind(file);
        data = malloc(size > 0 ? (size_t)size : 1);
        if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
                return -1;
        LLVMFuzzerTestOneInput(data, (size_t)size);
        return 0;
}

static int replay_entry(const char *folder, const char *name)
{
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return -1;
        /* The name of the input that is being replayed is the last line when the target aborts. */
        fprintf(stderr, "%s\n", name);
        return replay(path);
}

int main(int argc, char **argv)
{
        _cleanup_(closedirp) DIR *folder = NULL;
        struct dirent *entry;
        unsigned count = 0;

        if (argc != 2) {
                fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
                return 2;
        }
        folder = opendir(argv[1]);
        if (!folder) {
                perror(argv[1]);
                return 1;
        }
        while ((entry = readdir(folder))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (replay_entry(argv[1], entry->d_name) < 0) {
                        perror(entry->d_name);
                        return 1;
                }
                count++;
        }
        printf("%s: %u inputs\n", argv[1], count);
        return count > 0 ? 0 : 1;
}
