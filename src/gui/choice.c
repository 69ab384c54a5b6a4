/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/choice.h"

enum { HOUR_SECONDS = 3600 };

static bool is_over(const struct prompt *prompt)
{
        return prompt->state != QUESTION_OPEN;
}

struct choice choice_default(const struct prompt *prompt)
{
        return (struct choice){
                .time = is_over(prompt) ? CHOICE_SESSION : CHOICE_ONCE,
                .scope = prompt->whole_program ? ANSWER_ALL_PORTS : ANSWER_DESTINATION,
        };
}

bool choice_offers_time(const struct prompt *prompt, enum choice_time time)
{
        /* Neither these connections nor, most likely, the process is there any more. */
        return !is_over(prompt) || (time != CHOICE_ONCE && time != CHOICE_PROCESS);
}

unsigned choice_scopes(const struct prompt *prompt, enum answer_scope ret[CHOICE_SCOPES_MAX])
{
        bool has_host = hosts_first(&prompt->hosts);
        unsigned n = 0;

        ret[n++] = ANSWER_DESTINATION;
        if (has_host) {
                ret[n++] = ANSWER_ADDRESS;
                ret[n++] = ANSWER_HOST;
        }
        if (prompt->domain)
                ret[n++] = ANSWER_DOMAIN;
        if (protocol_has_ports(prompt->flow.protocol))
                ret[n++] = ANSWER_PORT;
        ret[n++] = ANSWER_ALL_PORTS;
        return n;
}

struct answer choice_answer(const struct choice *choice, const struct prompt *prompt, bool allow)
{
        static const enum lifetime lifetimes[CHOICE_TIMES] = {
                [CHOICE_ONCE] = LIFETIME_ONCE,       [CHOICE_PROCESS] = LIFETIME_PROCESS, [CHOICE_HOUR] = LIFETIME_UNTIL,
                [CHOICE_SESSION] = LIFETIME_SESSION, [CHOICE_ALWAYS] = LIFETIME_ALWAYS,
        };

        return (struct answer){
                .allow = allow,
                .lifetime = lifetimes[choice->time],
                .ending.lasts = choice->time == CHOICE_HOUR ? HOUR_SECONDS : 0,
                .scope = choice->scope,
                .late = is_over(prompt),
        };
}
