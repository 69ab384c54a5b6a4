/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the file system says of a program's file, for a person who is to trust it: the domain (core/learn.h) does no I/O. */
#pragma once

#include <stdbool.h>

#include "core/rule.h"

/* Of where a program lies: a place that users can write to, whatever the mode of the file. Pure. */
bool program_file_is_users_place(const char *path);
/* SURPRISE_WRITABLE, SURPRISE_NO_FILE of the rule's program; 0 for a rule that is about no single path. Looks at the file system. */
unsigned program_file_surprises(const struct rule *rule);
