/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program in a list: its name and path, what it did in all, and when it was seen last. */
#pragma once

#include <gtk/gtk.h>

#include "gui/programs-model.h"

#define BASTION_TYPE_PROGRAM_ROW (bastion_program_row_get_type())
G_DECLARE_FINAL_TYPE(BastionProgramRow, bastion_program_row, BASTION, PROGRAM_ROW, GtkBox)

void bastion_program_row_set(BastionProgramRow *row, BastionProgram *program, gint64 now_us);
