/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Composed text into widgets: plain, never markup. The buffer is emptied; where it has an error (memory) the widget shows nothing. */
#pragma once

#include <gtk/gtk.h>

#include "base/buf.h"

static inline void label_take(GtkLabel *label, struct buf *text)
{
        gtk_label_set_text(label, text->n > 0 && !buf_error(text) ? text->data : "");
        buf_reset(text);
}
