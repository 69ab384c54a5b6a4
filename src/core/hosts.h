/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names by which one program knows one address, newest first, and where that is known from. One structure for two owners: as they are found
 * (core/names.h) the names are borrowed; a copy that outlives the turn of the loop has all of them in one block, which begins with the first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/boottime.h"
#include "core/limits.h"

enum host_source {
        HOST_SOURCE_NONE, /* there is no name; or somebody only supposes it */
        HOST_SOURCE_DNS,  /* an answer to what the program itself asked */
};

struct hosts {
        const char *names[LIMIT_HOSTS]; /* in lower case */
        unsigned n;
        enum host_source source; /* of the first */
        struct boottime ends;    /* as found: when the first of them does; BOOTTIME_NEVER: there is none */
};

/* The end of `host` that is one owner's domain, or NULL: it is below none. Borrowed from `host`. Who knows: wire/hostname.h. */
typedef const char *(*host_domain_fn)(const char *host);

/* What people are told where there is room for one; NULL: there is none. */
static inline const char *hosts_first(const struct hosts *hosts)
{
        return hosts->n > 0 ? hosts->names[0] : NULL;
}

/* One name, borrowed; NULL: none. */
struct hosts hosts_one(const char *name, enum host_source source);
/* 0, or -ENOMEM. */
int hosts_copy(struct hosts *ret, const struct hosts *hosts);
/* Of a copy; zeroed memory is one without names. */
void hosts_deinit(struct hosts *hosts);

const char *host_source_word(enum host_source source); /* "dns"; NULL for NONE */
bool host_source_parse(const char *word, enum host_source *ret);
