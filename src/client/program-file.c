/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/program-file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "core/learn.h"

bool program_file_is_users_place(const char *path)
{
        static const char *const places[] = {"/tmp/", "/var/tmp/", "/dev/shm/", "/home/", "/run/user/"};

        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (str_has_prefix(path, places[i]))
                        return true;
        return false;
}

/* It, or a folder on the way to it, belongs to somebody else than root or is open to everybody. */
static bool others_can_change(const char *path)
{
        char part[PATH_MAX];
        struct stat st;
        char *slash;

        if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
                return true;
        for (;;) {
                if (stat(part, &st) == 0 && (st.st_uid != 0 || (st.st_mode & S_IWOTH)))
                        return true;
                slash = strrchr(part, '/');
                if (!slash || slash == part)
                        return false;
                *slash = '\0';
        }
}

unsigned program_file_surprises(const struct rule *rule)
{
        unsigned surprises = 0;

        if (rule->subject != RULE_PATH)
                return 0;
        if (program_file_is_users_place(rule->program) || others_can_change(rule->program))
                surprises |= SURPRISE_WRITABLE;
        if (access(rule->program, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
                surprises |= SURPRISE_NO_FILE;
        return surprises;
}
