/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of users and groups that a person typed or wrote, by the name service: looked up where they would log in. */
#pragma once

#include "wire/sentence.h"

/* A sentence_name_fn; `userdata` is not used. */
bool names_lookup(void *userdata, enum sentence_name what, const char *name, uint32_t *ret);
