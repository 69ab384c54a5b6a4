/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <string.h>

#include "base/macros.h"
#include "core/authority.h"

static const char *const WORDS[] = {
        [AUTHORITY_NONE] = "none",
        [AUTHORITY_GROUP] = "group",
        [AUTHORITY_POLKIT] = "polkit",
        [AUTHORITY_ROOT] = "root",
};

const char *authority_word(enum authority authority)
{
        return WORDS[authority];
}

bool authority_parse(const char *word, enum authority *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
                if (strcmp(word, WORDS[i]) == 0) {
                        *ret = (enum authority)i;
                        return true;
                }
        return false;
}

/* Every program that may have sent the packet runs as this user. */
static bool is_own(const struct question *question, uid_t uid)
{
        for (unsigned i = 0; i < question->n_subjects; i++)
                if (question->subjects[i]->kind != SUBJECT_PROGRAM || question->subjects[i]->uid != uid)
                        return false;
        return question->n_subjects > 0;
}

enum role authority_to_answer(const struct question *question, const struct answer *answer, uid_t uid)
{
        if (answer->lifetime == LIFETIME_ONCE || answer->lifetime == LIFETIME_PROCESS)
                return ROLE_ANSWER;
        return is_own(question, uid) ? ROLE_ANSWER : ROLE_MANAGE;
}
