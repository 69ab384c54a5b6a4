/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/settings-table.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "gui/i18n.h"

static const struct setting_choice default_actions[] = {
        { "deny", N_("Deny") },
        { "allow", N_("Allow") },
        { 0 },
};

static const struct setting_choice failures[] = {
        { NULL, N_("As the mode says") },
        { "closed", N_("Hold everything back") },
        { "open", N_("Let everything pass") },
        { 0 },
};

static const struct setting_choice errnos[] = {
        { "ECONNREFUSED", N_("Connection refused") },
        { "EPERM", N_("Not permitted") },
        { "ENETUNREACH", N_("Network unreachable") },
        { 0 },
};

static const struct setting questions[] = {
        { .key = "popup_enabled", .kind = SETTING_SWITCH, .title = N_("Ask"),
          .explanation = N_("Where no rule decides, you are asked. Off: nobody is, and the answer below holds at once.") },
        { .key = "timeout_seconds", .kind = SETTING_SECONDS, .title = N_("A question waits"), .min = CONFIG_TIMEOUT_MIN, .max = CONFIG_TIMEOUT_MAX,
          .explanation = N_("Seconds, 5 to 300. The program waits as long. Questions that are open keep their time.") },
        { .key = "default_action", .kind = SETTING_CHOICE, .title = N_("Without an answer"), .choices = default_actions,
          .explanation = N_("In enforcement, when nobody is there to ask, nobody answers in time, or too much waits already.") },
        { .key = "notifications_enabled", .kind = SETTING_SWITCH, .title = N_("Notifications"),
          .explanation = N_("Whether the tray is told of what goes wrong, such as a rules file with a mistake in it.") },
        { 0 },
};

static const struct setting passes[] = {
        { .key = "allow_localhost", .kind = SETTING_SWITCH, .title = N_("This machine with itself"),
          .explanation = N_("Connections that never leave the machine (loopback).") },
        { .key = "allow_lan", .kind = SETTING_SWITCH, .title = N_("The local network"),
          .explanation = N_("Private and link-local addresses, and multicast: printers, file servers, the router.") },
        { .key = "allow_root_bypass", .kind = SETTING_SWITCH, .title = N_("Everything that root runs"),
          .explanation = N_("So that a machine never locks itself out: updates, remote logins, repair."),
          .danger = N_("A hole: whoever becomes root is not asked. Your own rules that deny still hold.") },
        { .key = "allow_systemd_bypass", .kind = SETTING_SWITCH, .title = N_("Programs of the group systemd-network"),
          .explanation = N_("So that the machine gets its address and its routes before anybody has logged in."),
          .danger = N_("A hole, a small one: few programs are of that group.") },
        { 0 },
};

static const struct setting verdicts[] = {
        { .key = "on_failure", .kind = SETTING_CHOICE, .title = N_("After a crash"), .choices = failures,
          .explanation = N_("What happens to new connections while no firewall runs although it should. By the mode: learning lets them pass, enforcement does not.") },
        { .key = "deny_errno", .kind = SETTING_CHOICE, .title = N_("A denied program is told"), .choices = errnos,
          .explanation = N_("Most programs give up at once on “connection refused”, and say so in words that people know.") },
        { .key = "cache_decisions", .kind = SETTING_SWITCH, .title = N_("Remember verdicts"),
          .explanation = N_("Off: every connection is decided anew, and “for this session” holds for its own connections only. Slower.") },
        { .key = "inbound_protection", .kind = SETTING_SWITCH, .title = N_("Inbound protection"),
          .explanation = N_("Kept for later: it has no effect yet. What others open to this machine is not filtered by this version.") },
        { 0 },
};

static const struct setting logs[] = {
        { .key = "log_decisions", .kind = SETTING_SWITCH, .title = N_("Write decisions to the log file"),
          .explanation = N_("History is kept in any case, for 30 days.") },
        { .key = "log_every_connection", .kind = SETTING_SWITCH, .title = N_("Every connection on a line of its own"),
          .explanation = N_("Off: what the kernel decides by itself is told as sums. On: each costs its program a little time.") },
        { .key = "log_file", .kind = SETTING_PATH, .title = N_("Log file"), .explanation = N_("A path below /var/log.") },
        { 0 },
};

const struct setting_group setting_groups[] = {
        { N_("Questions"), NULL, questions },
        { N_("Passes without a question"), N_("Shipped rules, switched as a whole. Your own rules come before them."), passes },
        { N_("Verdicts"), NULL, verdicts },
        { N_("Log"), NULL, logs },
        { 0 },
};

static bool is(const struct setting *setting, const char *key)
{
        return strcmp(setting->key, key) == 0;
}

bool setting_get_switch(const struct setting *setting, const struct config *config)
{
        const struct {
                const char *key;
                bool value;
        } values[] = {
                { "popup_enabled", config->popup_enabled },
                { "notifications_enabled", config->notifications_enabled },
                { "allow_localhost", config->allow_localhost },
                { "allow_lan", config->allow_lan },
                { "allow_root_bypass", config->allow_root_bypass },
                { "allow_systemd_bypass", config->allow_systemd_bypass },
                { "cache_decisions", config->cache_decisions },
                { "log_decisions", config->log_decisions },
                { "log_every_connection", config->log_every_connection },
                { "inbound_protection", config->inbound_protection },
        };

        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (is(setting, values[i].key))
                        return values[i].value;
        abort(); /* a row of the table that is no switch of struct config */
}

unsigned setting_get_seconds(_unused_ const struct setting *setting, const struct config *config)
{
        return config->timeout_seconds;
}

/* As config.json has it; NULL: absent. */
static const char *get_word(const struct setting *setting, const struct config *config)
{
        if (is(setting, "default_action"))
                return action_name(config->default_action);
        if (is(setting, "on_failure"))
                return config->on_failure == ON_FAILURE_BY_MODE ? NULL : config->on_failure == ON_FAILURE_OPEN ? "open" : "closed";
        return config->deny_errno == EPERM ? "EPERM" : config->deny_errno == ENETUNREACH ? "ENETUNREACH" : "ECONNREFUSED";
}

unsigned setting_get_choice(const struct setting *setting, const struct config *config)
{
        const char *word = get_word(setting, config);
        unsigned i = 0;

        while (setting->choices[i].title && (!word || !setting->choices[i].value ? word != setting->choices[i].value : strcmp(word, setting->choices[i].value) != 0))
                i++;
        return i;
}

const char *setting_get_path(_unused_ const struct setting *setting, const struct config *config)
{
        return config->log_file;
}

bool setting_same(const struct setting *setting, const struct config *a, const struct config *b)
{
        switch (setting->kind) {
        case SETTING_SWITCH:
                return setting_get_switch(setting, a) == setting_get_switch(setting, b);
        case SETTING_SECONDS:
                return setting_get_seconds(setting, a) == setting_get_seconds(setting, b);
        case SETTING_CHOICE:
                return setting_get_choice(setting, a) == setting_get_choice(setting, b);
        case SETTING_PATH:
                return strcmp(setting_get_path(setting, a), setting_get_path(setting, b)) == 0;
        }
        return false;
}
