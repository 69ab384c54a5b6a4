/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rule, to be made or changed: as a form and as its sentence, two views of the same words. Each keystroke is read here, so that the word that is
 * wrong is underlined; what can be read the daemon is asked about (`rule_check`), and only what it takes can be saved.
 */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"
#include "gui/rule-line.h"

/* `line`: the rule to be replaced, or NULL: a new one. `from`: the page that is told. */
void bastion_rule_dialog_present(GtkWidget *from, BastionLink *link, const struct rule_line *line);
