/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key of config.json for a person: what it is called, what it does, what it may be. The settings page is made from this and from nothing else;
 * a unit test holds it to wire/conffile.h, which knows the keys. `mode` has no row: the pill in the header changes it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

enum setting_kind {
        SETTING_SWITCH,
        SETTING_SECONDS, /* min..max */
        SETTING_CHOICE,
        SETTING_PATH,
};

struct setting_choice {
        const char *value; /* as config.json has it; NULL: the key is absent, so that its default holds */
        const char *title; /* marked by N_() */
};

struct setting {
        const char *key;
        enum setting_kind kind;
        const char *title, *explanation; /* marked by N_() */
        const char *danger;              /* what it costs while it is on, marked by N_(); or NULL */
        unsigned min, max;
        const struct setting_choice *choices; /* ends with a row without a title */
};

struct setting_group {
        const char *title, *explanation; /* marked by N_(); the second may be NULL */
        const struct setting *settings;  /* ends with a row without a key */
};

/* Ends with a row without a title. */
extern const struct setting_group setting_groups[];

/* What `config` has for it. */
bool setting_get_switch(const struct setting *setting, const struct config *config);
unsigned setting_get_seconds(const struct setting *setting, const struct config *config);
unsigned setting_get_choice(const struct setting *setting, const struct config *config); /* an index of `choices` */
const char *setting_get_path(const struct setting *setting, const struct config *config);
/* The two have the same value. */
bool setting_same(const struct setting *setting, const struct config *a, const struct config *b);
