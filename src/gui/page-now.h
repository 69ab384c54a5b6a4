/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page *Now*: who is talking with whom, how fast, and what was decided last. It asks once a second, and only while it can be seen. */
#pragma once

#include "gui/panel-page.h"

GtkWidget *page_now_new(BastionLink *link);
