/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/decision-row.h"

#include "gui/history-text.h"
#include "gui/panel-text.h"
#include "gui/text-label.h"

struct _BastionDecisionRow {
        GtkBox parent;
        GtkImage *verdict;
        GtkLabel *program, *place, *line, *time;
};

G_DEFINE_FINAL_TYPE(BastionDecisionRow, bastion_decision_row, GTK_TYPE_BOX)

static void set_verdict(BastionDecisionRow *row, const struct record *r)
{
        const bool denied = r && r->verdict == VERDICT_DENY, would = r && r->would_deny;

        gtk_image_set_from_icon_name(row->verdict, !r ? NULL : denied ? "action-unavailable-symbolic" : would ? "dialog-warning-symbolic" : "object-select-symbolic");
        gtk_widget_remove_css_class(GTK_WIDGET(row->verdict), "error");
        gtk_widget_remove_css_class(GTK_WIDGET(row->verdict), "warning");
        gtk_widget_remove_css_class(GTK_WIDGET(row->verdict), "success");
        if (r)
                gtk_widget_add_css_class(GTK_WIDGET(row->verdict), denied ? "error" : would ? "warning" : "success");
}

void bastion_decision_row_set(BastionDecisionRow *row, const struct record *record, gint64 now_us)
{
        g_autofree char *program = record ? panel_program_name(record->subject) : g_strdup("");
        g_autofree char *place = record ? panel_place(&record->flow, hosts_first(&record->hosts)) : g_strdup("");
        _cleanup_(buf_deinit) struct buf text = { 0 };

        set_verdict(row, record);
        gtk_label_set_text(row->program, program);
        gtk_label_set_text(row->place, place);
        if (record)
                history_text_time(&text, record->time_us, now_us);
        label_take(row->time, &text);
        if (record)
                history_text_line(&text, record);
        label_take(row->line, &text);
        if (record)
                history_text_spoken(&text, record, now_us);
        gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, text.n > 0 && !buf_error(&text) ? text.data : "", -1);
}

static void bastion_decision_row_class_init(BastionDecisionRowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP); /* others have no name of their own */
        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/decision-row.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionRow, verdict);
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionRow, program);
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionRow, place);
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionRow, line);
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionRow, time);
}

static void bastion_decision_row_init(BastionDecisionRow *row)
{
        gtk_widget_init_template(GTK_WIDGET(row));
}
