/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The switch shows what the daemon has: it moves when the rules are told anew, not when it is clicked. */
#include "gui/rule-row.h"

#include "client/client.h"
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"

struct _BastionRuleRow {
        GtkBox parent;
        BastionRuleList *list;
        BastionRuleItem *item; /* or NULL */
        bool may_change, showing;
        GtkWidget *heading, *title, *title_details, *rule, *icon, *sentence, *details, *note, *finding, *lock, *buttons, *edit, *delete, *enabled; /* of the template */
};

static guint signal_switched, signal_edit, signal_delete;

G_DEFINE_FINAL_TYPE(BastionRuleRow, bastion_rule_row, GTK_TYPE_BOX)

static void set_label(GtkWidget *label, char *text)
{
        gtk_label_set_text(GTK_LABEL(label), text);
        gtk_widget_set_visible(label, *text);
        g_free(text);
}

/* ---- what is shown --------------------------------------------------------------------------------------------------------- */

static void show_heading(BastionRuleRow *row, const struct rule_line *line)
{
        bool by_origin = bastion_rule_list_get_grouping(row->list) == GROUP_BY_ORIGIN;

        set_label(row->title, panel_group_title(line, by_origin));
        set_label(row->title_details, panel_group_details(line, by_origin, bastion_rule_item_get_count(row->item)));
}

static void show_icon(BastionRuleRow *row, enum action action)
{
        static const struct {
                const char *icon, *style, *words;
        } looks[] = { [ACTION_ALLOW] = { "object-select-symbolic", "success", N_("Allows") }, [ACTION_DENY] = { "action-unavailable-symbolic", "error", N_("Denies") },
                      [ACTION_ASK] = { "dialog-question-symbolic", "accent", N_("Asks") } };

        gtk_image_set_from_icon_name(GTK_IMAGE(row->icon), looks[action].icon);
        gtk_widget_set_tooltip_text(row->icon, _(looks[action].words));
        for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
                (i == action ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(row->icon, looks[i].style);
}

static void label_button(GtkWidget *widget, const char *what, const char *sentence)
{
        g_autofree char *text = g_strdup_printf("%s: %s", what, sentence);

        gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

static void show_rule(BastionRuleRow *row, const struct rule_line *line)
{
        g_autofree char *sentence = panel_rule_sentence(line), *locked = panel_rule_locked(line), *note = panel_rule_note(line);
        const char *finding = bastion_rule_list_get_finding(row->list, rule_line_id(line));

        show_icon(row, line->action);
        gtk_label_set_text(GTK_LABEL(row->sentence), sentence);
        gtk_widget_set_tooltip_text(row->sentence, strlen(sentence) > 60 ? sentence : NULL);
        (line->disabled ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(row->sentence, "dim-label");
        set_label(row->details, panel_rule_details(line, client_now(), g_get_real_time() / G_USEC_PER_SEC));
        set_label(row->note, g_strdup(note ? note : ""));
        set_label(row->finding, finding ? g_strdup_printf("⚠ %s", finding) : g_strdup(""));
        gtk_widget_set_visible(row->lock, locked != NULL);
        gtk_widget_set_tooltip_text(row->lock, locked);
        if (locked)
                gtk_accessible_update_property(GTK_ACCESSIBLE(row->lock), GTK_ACCESSIBLE_PROPERTY_LABEL, locked, -1);
        gtk_widget_set_visible(row->buttons, !locked && row->may_change);
        gtk_widget_set_visible(row->enabled, !locked && line->origin != ORIGIN_SESSION);
        gtk_widget_set_sensitive(row->enabled, row->may_change);
        label_button(row->edit, _("Edit"), sentence);
        label_button(row->delete, _("Delete"), sentence);
        label_button(row->enabled, _("In force"), sentence);
        row->showing = true;
        gtk_switch_set_active(GTK_SWITCH(row->enabled), !line->disabled);
        gtk_switch_set_state(GTK_SWITCH(row->enabled), !line->disabled);
        row->showing = false;
}

static void update(BastionRuleRow *row)
{
        bool is_heading = row->item && bastion_rule_item_get_count(row->item) > 0;

        gtk_widget_set_visible(row->heading, row->item && is_heading);
        gtk_widget_set_visible(row->rule, row->item && !is_heading);
        if (row->item)
                (is_heading ? show_heading : show_rule)(row, bastion_rule_item_get_line(row->item));
}

void bastion_rule_row_show(BastionRuleRow *row, BastionRuleItem *item)
{
        g_set_object(&row->item, item);
        update(row);
}

void bastion_rule_row_set_may_change(BastionRuleRow *row, bool may)
{
        row->may_change = may;
        update(row);
}

/* ---- what is wanted -------------------------------------------------------------------------------------------------------- */

static void on_edit(BastionRuleRow *row)
{
        g_signal_emit(row, signal_edit, 0, rule_line_id(bastion_rule_item_get_line(row->item)));
}

static void on_delete(BastionRuleRow *row)
{
        g_signal_emit(row, signal_delete, 0, rule_line_id(bastion_rule_item_get_line(row->item)));
}

static gboolean on_state_set(_unused_ GtkSwitch *widget, gboolean state, BastionRuleRow *row)
{
        if (!row->showing && row->item)
                g_signal_emit(row, signal_switched, 0, rule_line_id(bastion_rule_item_get_line(row->item)), state);
        return !row->showing;
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void bastion_rule_row_dispose(GObject *object)
{
        BastionRuleRow *row = BASTION_RULE_ROW(object);

        g_clear_object(&row->item);
        g_clear_object(&row->list);
        G_OBJECT_CLASS(bastion_rule_row_parent_class)->dispose(object);
}

static void bastion_rule_row_class_init(BastionRuleRowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_rule_row_dispose;
        signal_switched = g_signal_new("switched", BASTION_TYPE_RULE_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
        signal_edit = g_signal_new("edit", BASTION_TYPE_RULE_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        signal_delete = g_signal_new("delete", BASTION_TYPE_RULE_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/rule-row.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, heading);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, title);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, title_details);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, rule);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, icon);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, sentence);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, details);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, finding);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, note);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, lock);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, buttons);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, edit);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, delete);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleRow, enabled);
        gtk_widget_class_bind_template_callback(widget_class, on_edit);
        gtk_widget_class_bind_template_callback(widget_class, on_delete);
        gtk_widget_class_bind_template_callback(widget_class, on_state_set);
}

static void bastion_rule_row_init(BastionRuleRow *row)
{
        gtk_widget_init_template(GTK_WIDGET(row));
}

GtkWidget *bastion_rule_row_new(BastionRuleList *list)
{
        BastionRuleRow *row = g_object_new(BASTION_TYPE_RULE_ROW, NULL);

        row->list = g_object_ref(list);
        g_signal_connect_object(list, "findings-changed", G_CALLBACK(update), row, G_CONNECT_SWAPPED);
        update(row);
        return GTK_WIDGET(row);
}
