/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One key of config.json as a row: what it is called, what it does, its value; a button that takes it back to its default; and, when the daemon would
 * not have a value, what it said. The value that is shown is always the daemon's: what a person chooses is asked for, and comes back with its answer.
 */
#pragma once

#include <adwaita.h>

#include "gui/settings-table.h"

#define BASTION_TYPE_SETTING_ROW (bastion_setting_row_get_type())
G_DECLARE_FINAL_TYPE(BastionSettingRow, bastion_setting_row, BASTION, SETTING_ROW, AdwActionRow)

/*
 * Signal: chosen(const char *key, const char *json)   "null": its default
 */
GtkWidget *bastion_setting_row_new(const struct setting *setting);
const struct setting *bastion_setting_row_get_setting(BastionSettingRow *row);
void bastion_setting_row_show(BastionSettingRow *row, const struct config *config, const struct config *defaults);
/* What was wrong with the last choice, or NULL: the daemon took it. */
void bastion_setting_row_show_problem(BastionSettingRow *row, const char *text);
