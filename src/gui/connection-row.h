/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row of the page *Now*: a program, or one of its connections.
 *
 * Signal: end(BastionTalk *)   this connection is to be ended
 */
#pragma once

#include <gtk/gtk.h>

#include "gui/link.h"
#include "gui/talk.h"

#define BASTION_TYPE_CONNECTION_ROW (bastion_connection_row_get_type())
G_DECLARE_FINAL_TYPE(BastionConnectionRow, bastion_connection_row, BASTION, CONNECTION_ROW, GtkBox)

GtkWidget *bastion_connection_row_new(BastionLink *link);
void bastion_connection_row_show(BastionConnectionRow *row, BastionTalk *talk); /* NULL: nothing any more */
