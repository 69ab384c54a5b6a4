/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/tray-state.h"

#include <stddef.h>

struct trouble trouble_of(const struct status *status, const struct status *before)
{
        return (struct trouble){
                .fails = before && before->pid == status->pid &&
                         (status->n_queue_overruns > before->n_queue_overruns || status->n_tag_failed > before->n_tag_failed),
                .has_problems = status->problems || status->rung_reason || status->n_log_lost > 0,
        };
}

enum tray_state tray_state_of(bool is_up, bool is_permitted, enum mode mode, struct trouble trouble)
{
        if (!is_permitted || (is_up && trouble.fails))
                return TRAY_ERROR;
        if (!is_up)
                return TRAY_DISCONNECTED;
        if (trouble.has_problems)
                return TRAY_WARNING;
        return mode == MODE_LEARNING ? TRAY_LEARNING : TRAY_CONNECTED;
}

const char *tray_state_icon(enum tray_state state)
{
        switch (state) {
        case TRAY_ERROR:
                return "bastion-error";
        case TRAY_WARNING:
                return "bastion-warning";
        case TRAY_DISCONNECTED:
                return "bastion-disconnected";
        case TRAY_LEARNING:
                return "bastion-learning";
        case TRAY_CONNECTED:
                break;
        }
        return "bastion-connected";
}
