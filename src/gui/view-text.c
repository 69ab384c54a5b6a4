/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/view-text.h"

#include "gui/i18n.h"

const char *view_lost(void)
{
        return _("The firewall's daemon went away before it answered.");
}
