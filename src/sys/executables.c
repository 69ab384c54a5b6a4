/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "sys/executables.h"

struct executable {
        struct track_file file;
        char *path; /* NULL: a free place */
};

struct executables {
        struct executable places[LIMIT_EXECUTABLES];
};

struct executables *executables_new(void)
{
        return calloc(1, sizeof(struct executables));
}

struct executables *executables_free(struct executables *e)
{
        if (!e)
                return NULL;
        for (size_t i = 0; i < LIMIT_EXECUTABLES; i++)
                free(e->places[i].path);
        free(e);
        return NULL;
}

static size_t place_of(const struct track_file *file)
{
        const uint64_t words[2] = { file->inode, (uint64_t)file->device << 32 | file->generation };

        return hash_bytes(0, words, sizeof(words)) % LIMIT_EXECUTABLES;
}

void executables_remember(struct executables *e, const struct track_file *file, const char *path)
{
        struct executable *place = &e->places[place_of(file)];

        if (!place->path || strcmp(place->path, path) != 0) {
                free(place->path);
                place->path = strdup(path);
        }
        place->file = *file;
}

bool executables_had_path(const struct executables *e, const struct track_file *file, const char *path)
{
        const struct executable *place = &e->places[place_of(file)];

        return place->path && place->file.inode == file->inode && place->file.device == file->device &&
               place->file.generation == file->generation && strcmp(place->path, path) == 0;
}

bool executables_has_path(const struct executables *e, const struct track_file *file, const char *path)
{
        return executables_had_path(e, file, path) && e->places[place_of(file)].file.ctime_ns == file->ctime_ns;
}
