/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rule about a connection, in two choices: allow or deny, and how far. Its sentence is shown before it is written. */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"

#define BASTION_TYPE_RULE_POPOVER (bastion_rule_popover_get_type())
G_DECLARE_FINAL_TYPE(BastionRulePopover, bastion_rule_popover, BASTION, RULE_POPOVER, GtkPopover)

/* `whole_program`: begins with everything of the program, not with this connection. Copies what it needs. */
GtkWidget *bastion_rule_popover_new(BastionLink *link, const struct connection *connection, bool whole_program);
