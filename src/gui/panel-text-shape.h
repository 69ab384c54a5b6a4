/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of panel-text.h share. */
#pragma once

#include "base/buf.h"

/* The text, never NULL. */
char *panel_take(struct buf *text);
