/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The popover is made when it is asked for, of what the connection is then. */
#include "gui/connection-row.h"

#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/rule-popover.h"

struct _BastionConnectionRow {
        GtkBox parent;
        BastionLink *link;
        BastionTalk *talk; /* or NULL */
        gulong changed;
        GtkWidget *title, *details, *rates, *rule, *end; /* of the template */
};

static guint signal_end;

G_DEFINE_FINAL_TYPE(BastionConnectionRow, bastion_connection_row, GTK_TYPE_BOX)

/* Takes the text. False: it was there already. */
static bool set_text(GtkWidget *label, char *text)
{
        bool differs = strcmp(gtk_label_get_text(GTK_LABEL(label)), text) != 0;

        if (differs)
                gtk_label_set_text(GTK_LABEL(label), text);
        g_free(text);
        return differs;
}

static char *program_details(BastionTalk *talk, const struct subject *subject)
{
        g_autofree char *count = panel_connections_count(g_list_model_get_n_items(bastion_talk_get_children(talk))), *path = panel_program_path(subject);

        return g_strdup_printf("%s · %s", count, path);
}

static void label(GtkWidget *widget, const char *what, GtkWidget *whom)
{
        g_autofree char *text = g_strdup_printf("%s: %s", what, gtk_label_get_text(GTK_LABEL(whom)));

        gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

static void update(BastionConnectionRow *row)
{
        const struct connection *c = bastion_talk_get_connection(row->talk);
        bool is_program = bastion_talk_get_children(row->talk), may = bastion_link_is_up(row->link);
        uint64_t in = bastion_talk_get_rate_in(row->talk), out = bastion_talk_get_rate_out(row->talk);

        if (set_text(row->title, is_program ? panel_program_name(c->subject) : panel_place(&c->flow, hosts_first(&c->hosts)))) {
                label(row->rule, _("Allow or deny"), row->title);
                label(row->end, _("End"), row->title);
        }
        set_text(row->details, is_program ? program_details(row->talk, c->subject) : panel_flow_details(c));
        set_text(row->rates, in > 0 || out > 0 ? panel_rates(in, out) : g_strdup(""));
        (is_program ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(row->title, "heading");
        gtk_widget_set_visible(row->rule, may);
        gtk_widget_set_visible(row->end, may && !is_program);
}

void bastion_connection_row_show(BastionConnectionRow *row, BastionTalk *talk)
{
        g_clear_signal_handler(&row->changed, row->talk);
        g_set_object(&row->talk, talk);
        if (!talk)
                return;
        row->changed = g_signal_connect_swapped(talk, "changed", G_CALLBACK(update), row);
        update(row);
}

static void on_end(BastionConnectionRow *row)
{
        if (row->talk)
                g_signal_emit(row, signal_end, 0, row->talk);
}

static void make_popover(GtkMenuButton *button, gpointer userdata)
{
        BastionConnectionRow *row = userdata;

        if (row->talk)
                gtk_menu_button_set_popover(button, bastion_rule_popover_new(row->link, bastion_talk_get_connection(row->talk), bastion_talk_get_children(row->talk)));
}

static void bastion_connection_row_dispose(GObject *object)
{
        BastionConnectionRow *row = BASTION_CONNECTION_ROW(object);

        if (row->talk)
                bastion_connection_row_show(row, NULL);
        g_clear_object(&row->link);
        G_OBJECT_CLASS(bastion_connection_row_parent_class)->dispose(object);
}

static void bastion_connection_row_class_init(BastionConnectionRowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_connection_row_dispose;
        signal_end = g_signal_new("end", BASTION_TYPE_CONNECTION_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, BASTION_TYPE_TALK);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/connection-row.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionConnectionRow, title);
        gtk_widget_class_bind_template_child(widget_class, BastionConnectionRow, details);
        gtk_widget_class_bind_template_child(widget_class, BastionConnectionRow, rates);
        gtk_widget_class_bind_template_child(widget_class, BastionConnectionRow, rule);
        gtk_widget_class_bind_template_child(widget_class, BastionConnectionRow, end);
        gtk_widget_class_bind_template_callback(widget_class, on_end);
}

static void bastion_connection_row_init(BastionConnectionRow *row)
{
        gtk_widget_init_template(GTK_WIDGET(row));
        gtk_menu_button_set_create_popup_func(GTK_MENU_BUTTON(row->rule), make_popover, row, NULL);
}

GtkWidget *bastion_connection_row_new(BastionLink *link)
{
        BastionConnectionRow *row = g_object_new(BASTION_TYPE_CONNECTION_ROW, NULL);

        row->link = g_object_ref(link);
        return GTK_WIDGET(row);
}
