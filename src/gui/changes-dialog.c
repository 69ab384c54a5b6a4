/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The journal holds 1,000 changes: they come PAGE at a time, when somebody asks for older ones. One request is out at a time: what is
 * wanted meanwhile is asked for after its reply. */
#include "gui/changes-dialog.h"

#include <adwaita.h>

#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"

enum { PAGE = 50 };

#define BASTION_TYPE_CHANGES_DIALOG (bastion_changes_dialog_get_type())
G_DECLARE_FINAL_TYPE(BastionChangesDialog, bastion_changes_dialog, BASTION, CHANGES_DIALOG, AdwWindow)

struct _BastionChangesDialog {
        AdwWindow parent;
        BastionLink *link;
        uint64_t next; /* ask for changes before this number */
        bool asking;   /* a reply is awaited: */
        bool fresh;    /* of the newest ones: what is shown goes */
        bool stale;    /* and they have changed since it was asked for */
        GtkListBox *list; /* of the template */
        GtkWidget *older;
        GtkStack *stack;
};

G_DEFINE_FINAL_TYPE(BastionChangesDialog, bastion_changes_dialog, ADW_TYPE_WINDOW)

static void refresh(BastionChangesDialog *dialog);

/* ---- taking one back -------------------------------------------------------------------------------------------------------- */

static void on_undone(gpointer owner, struct event *reply)
{
        BastionChangesDialog *dialog = owner;

        if (panel_say_if_error(GTK_WIDGET(dialog->list), reply))
                panel_say(GTK_WIDGET(dialog->list), _("Taken back"));
        refresh(dialog);
}

static void on_undo(GtkButton *button, BastionChangesDialog *dialog)
{
        const uint64_t *change = g_object_get_data(G_OBJECT(button), "change");
        int64_t id;
        struct buf *out = bastion_link_request(dialog->link, dialog, on_undone, &id);

        if (out)
                message_format_request_undo(out, id, *change);
        else
                panel_say(GTK_WIDGET(dialog->list), bastion_reply_error(NULL));
}

/* ---- the list -------------------------------------------------------------------------------------------------------------- */

static void add_undo(BastionChangesDialog *dialog, AdwActionRow *row, const struct journal_entry *entry, const char *title)
{
        GtkWidget *button = gtk_button_new_with_label(_("Undo"));
        g_autofree char *label = g_strdup_printf(_("Undo: %s"), title);

        gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
        gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
        g_object_set_data_full(G_OBJECT(button), "change", g_memdup2(&entry->number, sizeof(entry->number)), g_free);
        g_signal_connect_object(button, "clicked", G_CALLBACK(on_undo), dialog, 0);
        adw_action_row_add_suffix(row, button);
}

static void add_row(BastionChangesDialog *dialog, const struct journal_entry *entry)
{
        g_autofree char *title = panel_change_title(entry), *rules = panel_change_rules(entry);
        AdwActionRow *row = g_object_new(ADW_TYPE_ACTION_ROW, "use-markup", FALSE, "title", title, "subtitle", rules, "subtitle-lines", 6, NULL);

        if (entry->undone_by)
                adw_action_row_add_suffix(row, gtk_label_new(_("taken back")));
        else if (entry->n_changes > 0)
                add_undo(dialog, row, entry, title);
        gtk_list_box_append(dialog->list, GTK_WIDGET(row));
}

static void on_changes(gpointer owner, struct event *reply)
{
        BastionChangesDialog *dialog = owner;
        GtkWidget *child;

        dialog->asking = false;
        if (dialog->stale)
                refresh(dialog);
        if (dialog->asking || !panel_say_if_error(GTK_WIDGET(dialog->list), reply))
                return;
        while (dialog->fresh && (child = gtk_widget_get_first_child(GTK_WIDGET(dialog->list))))
                gtk_list_box_remove(dialog->list, child);
        for (size_t i = 0; i < reply->n_changes; i++)
                add_row(dialog, &reply->changes[i]);
        dialog->next = reply->older;
        gtk_widget_set_visible(dialog->older, reply->older > 0);
        panel_stack_show(dialog->stack, gtk_widget_get_first_child(GTK_WIDGET(dialog->list)) ? "list" : "empty");
}

static void ask(BastionChangesDialog *dialog, uint64_t before)
{
        const struct history_page page = { .before = before, .limit = PAGE };
        int64_t id;
        struct buf *out = bastion_link_request(dialog->link, dialog, on_changes, &id);

        dialog->asking = out != NULL;
        dialog->fresh = before == 0;
        dialog->stale = false;
        if (out)
                message_format_request_history(out, id, &page);
}

static void refresh(BastionChangesDialog *dialog)
{
        if (dialog->asking)
                dialog->stale = true;
        else
                ask(dialog, 0);
}

static void on_older(BastionChangesDialog *dialog)
{
        if (dialog->asking)
                return;
        gtk_widget_set_visible(dialog->older, FALSE); /* until the reply says that there are more */
        ask(dialog, dialog->next);
}

static void on_event(_unused_ BastionLink *link, struct event *event, BastionChangesDialog *dialog)
{
        if (event->type == EVENT_RULES_CHANGED)
                refresh(dialog);
}

/* What the daemon said before it went is no more than that. */
static void on_state(BastionChangesDialog *dialog)
{
        bool is_up = bastion_link_is_up(dialog->link);

        gtk_widget_set_sensitive(GTK_WIDGET(dialog->stack), is_up);
        if (is_up)
                refresh(dialog);
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void bastion_changes_dialog_dispose(GObject *object)
{
        g_clear_object(&BASTION_CHANGES_DIALOG(object)->link);
        G_OBJECT_CLASS(bastion_changes_dialog_parent_class)->dispose(object);
}

static void bastion_changes_dialog_class_init(BastionChangesDialogClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_changes_dialog_dispose;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/changes-dialog.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionChangesDialog, list);
        gtk_widget_class_bind_template_child(widget_class, BastionChangesDialog, older);
        gtk_widget_class_bind_template_child(widget_class, BastionChangesDialog, stack);
        gtk_widget_class_bind_template_callback(widget_class, on_older);
        gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void bastion_changes_dialog_init(BastionChangesDialog *dialog)
{
        gtk_widget_init_template(GTK_WIDGET(dialog));
        panel_stack_show(dialog->stack, "wait");
}

void changes_dialog_present(GtkWidget *from, BastionLink *link)
{
        BastionChangesDialog *dialog = g_object_new(BASTION_TYPE_CHANGES_DIALOG, "transient-for", gtk_widget_get_root(from), NULL);

        dialog->link = g_object_ref(link);
        g_signal_connect_object(link, "event", G_CALLBACK(on_event), dialog, 0);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_state), dialog, G_CONNECT_SWAPPED);
        on_state(dialog);
        gtk_window_present(GTK_WINDOW(dialog));
}
