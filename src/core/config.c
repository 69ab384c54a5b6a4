/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The defaults of a machine that never had a file, in one place, so that conffile, the tests and the manual cannot disagree.
 * A factory rule that the configuration can switch is named here once; every other factory rule is switched by its own
 * `disabled`.
 */
#include <errno.h>
#include <string.h>

#include "core/config.h"

struct config config_default(void)
{
        return (struct config){
                .mode = MODE_LEARNING,
                .timeout_seconds = 30,
                .default_action = ACTION_DENY,
                .on_failure = ON_FAILURE_BY_MODE,
                .popup_enabled = true,
                .notifications_enabled = true,
                .allow_localhost = true,
                .allow_lan = false,
                .allow_root_bypass = true,
                .allow_systemd_bypass = true,
                .cache_decisions = true,
                .log_decisions = true,
                .inbound_protection = true,
                .deny_errno = ECONNREFUSED,
                .log_file = "/var/log/bastion-daemon.log",
        };
}

bool config_fails_open(const struct config *c)
{
        switch (c->on_failure) {
        case ON_FAILURE_OPEN:
                return true;
        case ON_FAILURE_CLOSED:
                return false;
        case ON_FAILURE_BY_MODE:
                break;
        }
        return c->mode == MODE_LEARNING;
}

/* The switch of a factory rule, or NULL: it has none. */
static const bool *find_switch(const struct config *c, const char *id)
{
        const struct {
                const char *id;
                const bool *enabled;
        } switches[] = {
                { "factory:loopback", &c->allow_localhost },
                { "factory:lan", &c->allow_lan },
                { "factory:root", &c->allow_root_bypass },
                { "factory:systemd-network", &c->allow_systemd_bypass },
        };

        for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
                if (strcmp(switches[i].id, id) == 0)
                        return switches[i].enabled;
        return NULL;
}

bool config_enables_factory_rule(const struct config *c, const char *id)
{
        const bool *enabled = find_switch(c, id);

        return !enabled || *enabled;
}

bool config_switches_factory_rule(const struct config *c, const char *id)
{
        return find_switch(c, id) != NULL;
}

static const char *const mode_names[] = { [MODE_LEARNING] = "learning", [MODE_ENFORCEMENT] = "enforcement" };

const char *mode_name(enum mode mode)
{
        return mode_names[mode];
}

bool mode_parse(const char *word, enum mode *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++)
                if (strcmp(mode_names[i], word) == 0) {
                        *ret = (enum mode)i;
                        return true;
                }
        return false;
}
