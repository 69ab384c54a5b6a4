/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/tray-text.h"

#include "client/words.h"
#include "gui/i18n.h"

char *tray_text_problems(const struct status *status, struct trouble trouble)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (trouble.fails)
                words_lines(&out, _("Packets are being dropped, or judged without knowing their program."));
        if (status->problems)
                words_lines(&out, status->problems);
        if (status->rung_reason)
                words_lines(&out, status->rung_reason);
        if (status->n_log_lost > 0)
                words_lines(&out, _("Decisions are missing in the log or in history."));
        return out.n > 0 ? buf_take(&out) : NULL;
}

const char *tray_text_silent(void)
{
        return _("The firewall's daemon does not answer: new connections wait.");
}

const char *tray_text_state(const struct tray_facts *facts)
{
        switch (facts->state) {
        case TRAY_ERROR:
                return facts->is_up ? _("The firewall has a failure") : _("You may not talk to the firewall");
        case TRAY_DISCONNECTED:
                return _("The firewall does not run");
        case TRAY_WARNING:
                return facts->mode == MODE_LEARNING ? _("Learning, with problems") : _("Protected, with problems");
        case TRAY_LEARNING:
                return facts->is_tried ? _("Paused: everything is let through") : _("Learning: everything is let through");
        case TRAY_CONNECTED:
                break;
        }
        return _("Protected: what no rule knows is asked");
}

char *tray_text_questions(const struct tray_facts *facts)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (facts->n_open > 0)
                buf_printf(&out, _("Questions waiting (%u)"), facts->n_open);
        else if (facts->n_missed > 0)
                buf_printf(&out, _("Decided without you (%u)"), facts->n_missed);
        else
                buf_puts(&out, _("No questions"));
        return buf_take(&out);
}

char *tray_text_try(const struct tray_facts *facts)
{
        unsigned minutes = facts->left_seconds / 60, seconds = facts->left_seconds % 60;
        _cleanup_(buf_deinit) struct buf out = {0};

        if (facts->mode == MODE_LEARNING)
                buf_printf(&out, _("Paused: %u:%02u left — resume"), minutes, seconds);
        else
                buf_printf(&out, _("Trying enforcement: %u:%02u left — keep it"), minutes, seconds);
        return buf_take(&out);
}

char *tray_text_tooltip(const struct tray_facts *facts)
{
        _cleanup_(freep) char *questions = facts->n_open > 0 ? tray_text_questions(facts) : NULL;
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_puts(&out, tray_text_state(facts));
        if (questions)
                buf_printf(&out, "\n%s", questions);
        if (facts->is_up && facts->problems)
                buf_printf(&out, "\n%s", facts->problems);
        return buf_take(&out);
}
