/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "core/hosts.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

struct hosts hosts_one(const char *name, enum host_source source)
{
        return name ? (struct hosts){ .names = { name }, .n = 1, .source = source } : (struct hosts){ .n = 0 };
}

int hosts_copy(struct hosts *ret, const struct hosts *hosts)
{
        struct hosts copy = { .n = hosts->n, .source = hosts->source };
        size_t size = 0;
        char *at;

        for (unsigned i = 0; i < hosts->n; i++)
                size += strlen(hosts->names[i]) + 1;
        at = size > 0 ? malloc(size) : NULL;
        if (size > 0 && !at)
                return -ENOMEM;
        for (unsigned i = 0; i < hosts->n; i++) {
                copy.names[i] = at;
                at = stpcpy(at, hosts->names[i]) + 1;
        }
        *ret = copy;
        return 0;
}

void hosts_deinit(struct hosts *hosts)
{
        if (hosts->n > 0)
                free((char *)(uintptr_t)hosts->names[0]); /* the block of all of them, and ours: it is const for who borrows */
        *hosts = (struct hosts){ .n = 0 };
}

static const char *const source_words[] = { [HOST_SOURCE_DNS] = "dns" };

const char *host_source_word(enum host_source source)
{
        return source_words[source];
}

bool host_source_parse(const char *word, enum host_source *ret)
{
        for (size_t i = HOST_SOURCE_NONE + 1; i < ARRAY_SIZE(source_words); i++)
                if (strcmp(source_words[i], word) == 0) {
                        *ret = (enum host_source)i;
                        return true;
                }
        return false;
}
