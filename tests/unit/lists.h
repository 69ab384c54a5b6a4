/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three lists of names that tests' rules speak of, as plain words: the last one could not be read. */
#pragma once

#include <stddef.h>

static const struct {
        const char *path;
        const char *names[4]; /* a name, or ".name" for it and all below it; none: it could not be read */
} test_lists[] = {
        { "/l/hosts", { "www.example.com", "nas" } },
        { "/l/domains", { ".example.com", ".org" } },
        { "/l/missing", { NULL } },
};
