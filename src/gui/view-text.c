/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/view-text.h"

#include "gui/i18n.h"

const char *view_lost(void)
{
        return _("The firewall's daemon went away before it answered.");
}

const char *view_history_garbled(void)
{
        return _("The program that reads history said something that this one does not understand.");
}
