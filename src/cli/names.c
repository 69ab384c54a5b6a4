/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <grp.h>
#include <pwd.h>

#include "cli/names.h"

bool names_lookup(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        const struct passwd *user;
        const struct group *group;

        (void)userdata;
        if (what == SENTENCE_GROUP) {
                group = getgrnam(name);
                if (group)
                        *ret = group->gr_gid;
                return group != NULL;
        }
        user = getpwnam(name);
        if (user)
                *ret = user->pw_uid;
        return user != NULL;
}
