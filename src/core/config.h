/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The typed form of config.json (bastion.conf(5) has the meanings); wire/conffile.h reads it. Immutable once built. */
#pragma once

#include <stdbool.h>

#include "core/rule.h"

enum mode { MODE_LEARNING, MODE_ENFORCEMENT };
enum on_failure { ON_FAILURE_BY_MODE, ON_FAILURE_OPEN, ON_FAILURE_CLOSED };

enum { CONFIG_LOG_FILE_MAX = 512, CONFIG_TIMEOUT_MIN = 5, CONFIG_TIMEOUT_MAX = 300 };

struct config {
        enum mode mode;
        unsigned timeout_seconds;
        enum action default_action; /* ALLOW or DENY */
        enum on_failure on_failure;
        bool popup_enabled;
        bool notifications_enabled;
        bool allow_localhost;
        bool allow_lan;
        bool allow_root_bypass;
        bool allow_systemd_bypass;
        bool cache_decisions;
        bool log_decisions;
        bool log_every_connection; /* the kernel decides nothing by itself, so that each connection is a decision of its own */
        bool inbound_protection;
        int deny_errno; /* ECONNREFUSED, EPERM or ENETUNREACH */
        char log_file[CONFIG_LOG_FILE_MAX];
};

struct config config_default(void);
/* `on_failure` with the mode's default applied: true means open. */
bool config_fails_open(const struct config *c);
/* Whether the factory rule `id` is switched on by the configuration; true for ids that it does not switch. It switches
 * "factory:loopback", "factory:lan", "factory:root" and "factory:systemd-network". */
bool config_enables_factory_rule(const struct config *c, const char *id);
/* It is one of those four; the others are on or off as their file has them. */
bool config_switches_factory_rule(const struct config *c, const char *id);
const char *mode_name(enum mode mode); /* "learning", "enforcement" */
bool mode_parse(const char *word, enum mode *ret);
