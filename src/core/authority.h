/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what. A connection has a standing, by who is at its other end; a message needs a role, by what it would do. Looking, and answering
 * the questions of one's own programs, goes with the standing. What changes policy beyond that (ROLE_MANAGE) is for root at once, and for a member of
 * the group when polkit says so; where there is no polkit the group is enough. Pure: who is connected, and what polkit says, is the daemon's to find out.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/question.h"

/* What a connection may count on. */
enum authority {
        AUTHORITY_NONE,   /* hello, and nothing else */
        AUTHORITY_GROUP,  /* a member of group `bastion`, and there is nobody else to ask */
        AUTHORITY_POLKIT, /* a member of group `bastion`; polkit is asked before policy changes */
        AUTHORITY_ROOT,   /* uid 0, or the user who started run.sh: never asked */
};

enum role {
        ROLE_ANYBODY,
        ROLE_LOOK,
        ROLE_ANSWER, /* a question of one's own, or for what it holds alone */
        ROLE_MANAGE,
};

/* "none", "group", "polkit", "root" */
const char *authority_word(enum authority authority);
bool authority_parse(const char *word, enum authority *ret);

/*
 * What this answer takes from user `uid`: ROLE_MANAGE where it makes a rule that outlives the asking process for a program of somebody else, or
 * for one that nobody found; else ROLE_ANSWER.
 */
enum role authority_to_answer(const struct question *question, const struct answer *answer, uid_t uid);
