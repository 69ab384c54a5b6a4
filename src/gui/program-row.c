/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/program-row.h"

#include "gui/history-text.h"
#include "gui/panel-text.h"
#include "gui/text-label.h"

struct _BastionProgramRow {
        GtkBox parent;
        GtkLabel *name, *path, *amounts, *last;
};

G_DEFINE_FINAL_TYPE(BastionProgramRow, bastion_program_row, GTK_TYPE_BOX)

void bastion_program_row_set(BastionProgramRow *row, BastionProgram *program, gint64 now_us)
{
        const struct program_amounts *amounts = bastion_program_get_amounts(program);
        const struct subject *subject = bastion_program_get_subject(program);
        g_autofree char *name = panel_program_name(subject), *path = panel_program_path(subject);
        _cleanup_(buf_deinit) struct buf text = { 0 };

        gtk_label_set_text(row->name, name);
        gtk_label_set_text(row->path, path);
        history_text_sum(&text, amounts->n_allowed, amounts->n_denied, amounts->n_bytes);
        label_take(row->amounts, &text);
        history_text_time(&text, amounts->last_us, now_us);
        label_take(row->last, &text);
}

static void bastion_program_row_class_init(BastionProgramRowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/program-row.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionProgramRow, name);
        gtk_widget_class_bind_template_child(widget_class, BastionProgramRow, path);
        gtk_widget_class_bind_template_child(widget_class, BastionProgramRow, amounts);
        gtk_widget_class_bind_template_child(widget_class, BastionProgramRow, last);
}

static void bastion_program_row_init(BastionProgramRow *row)
{
        gtk_widget_init_template(GTK_WIDGET(row));
}
