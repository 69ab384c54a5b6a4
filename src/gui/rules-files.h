/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules from files and into files. Both are the work of the program `bastion` (`import`, `export`), which is run for it: what it reads and writes, and
 * what it says about that, is the same in a terminal. An import is shown first, as what it would do, and done when a person says so.
 */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"

/* `format`: "sentences", "flat", "opensnitch". Asks for the file. */
void rules_files_import(GtkWidget *from, BastionLink *link, const char *format);
void rules_files_export(GtkWidget *from, BastionLink *link);
