/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Toasts get a label of their own: their title would be read as markup. */
#include "gui/panel-page.h"

#include <unistd.h>

#include "client/words.h"
#include "gui/i18n.h"
#include "gui/page-history.h"
#include "gui/page-learning.h"
#include "gui/page-now.h"
#include "gui/page-programs.h"
#include "gui/page-rules.h"
#include "gui/page-settings.h"

enum {
        LOOKED_THROUGH = 20, /* changes of others that may have come in between */
        UNDO_SECONDS = 10,
};

G_DEFINE_INTERFACE(BastionPage, bastion_page, GTK_TYPE_WIDGET)

const struct panel_page panel_pages[] = {
        { "now", N_("Now"), "network-workgroup-symbolic", page_now_new },
        { "programs", N_("Programs"), "application-x-executable-symbolic", page_programs_new },
        { "rules", N_("Rules"), "view-list-symbolic", page_rules_new },
        { "history", N_("History"), "document-open-recent-symbolic", page_history_new },
        { "learning", N_("Learning"), "emblem-ok-symbolic", page_learning_new },
        { "settings", N_("Settings"), "emblem-system-symbolic", page_settings_new },
        { 0 },
};

static void bastion_page_default_init(_unused_ BastionPageInterface *interface)
{
}

void bastion_page_search(BastionPage *page)
{
        BastionPageInterface *interface = BASTION_PAGE_GET_IFACE(page);

        if (interface->search)
                interface->search(page);
}

void panel_stack_show(GtkStack *stack, const char *name)
{
        GtkWidget *shown = gtk_stack_get_child_by_name(stack, name);

        if (shown == gtk_stack_get_visible_child(stack) && gtk_widget_get_visible(shown))
                return;
        gtk_widget_set_visible(shown, TRUE);
        gtk_stack_set_visible_child(stack, shown);
        for (GtkWidget *child = gtk_widget_get_first_child(GTK_WIDGET(stack)); child; child = gtk_widget_get_next_sibling(child))
                gtk_widget_set_visible(child, child == shown);
}

char *panel_markup_of(const char *text)
{
        _cleanup_(buf_deinit) struct buf plain = {0};

        words_lines(&plain, text);
        return g_markup_escape_text(buf_error(&plain) || plain.n == 0 ? "" : plain.data, -1);
}

/* ---- toasts ------------------------------------------------------------------------------------------------------------ */

static AdwToast *new_toast(const char *text)
{
        _cleanup_(buf_deinit) struct buf plain = {0};
        AdwToast *toast = adw_toast_new("");
        GtkWidget *label;

        words_plain(&plain, text, strlen(text));
        label = gtk_label_new(buf_error(&plain) || !plain.data ? "" : plain.data);
        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
        gtk_label_set_lines(GTK_LABEL(label), 3);
        gtk_label_set_wrap(GTK_LABEL(label), TRUE);
        gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        adw_toast_set_custom_title(toast, label);
        return toast;
}

/* A page that was just taken out of its window has nobody to tell: false, and the toast is gone. */
static bool add_toast(GtkWidget *from, AdwToast *toast)
{
        GtkWidget *overlay = gtk_widget_get_ancestor(from, ADW_TYPE_TOAST_OVERLAY);

        if (overlay)
                adw_toast_overlay_add_toast(ADW_TOAST_OVERLAY(overlay), toast);
        else
                g_object_unref(g_object_ref_sink(toast));
        return overlay;
}

void panel_say(GtkWidget *from, const char *text)
{
        add_toast(from, new_toast(text));
}

bool panel_say_if_error(GtkWidget *from, const struct event *reply)
{
        if (reply && reply->type == EVENT_REPLY)
                return true;
        panel_say(from, bastion_reply_error(reply));
        return false;
}

/* ---- a change and its undoing ----------------------------------------------------------------------------------------------- */

/* What a toast knows of the change that it is about. */
struct undo {
        GWeakRef from;
        BastionLink *link;
        char *id;
        uint64_t change; /* 0: not known yet */
};

static void undo_free(gpointer data)
{
        struct undo *undo = data;

        g_weak_ref_clear(&undo->from);
        g_object_unref(undo->link);
        g_free(undo->id);
        g_free(undo);
}

static void on_undone(gpointer from, struct event *reply)
{
        if (panel_say_if_error(from, reply))
                panel_say(from, _("Taken back"));
}

static void on_undo_clicked(_unused_ AdwToast *toast, struct undo *undo)
{
        g_autoptr(GtkWidget) from = g_weak_ref_get(&undo->from);
        int64_t id;
        struct buf *out = from ? bastion_link_request(undo->link, from, on_undone, &id) : NULL;

        if (out)
                message_format_request_undo(out, id, undo->change);
        else if (from)
                panel_say(from, bastion_reply_error(NULL));
}

static bool is_about(const struct journal_entry *entry, const char *id)
{
        if (entry->by_file || entry->pid != (uint32_t)getpid() || entry->undoes || entry->undone_by)
                return false;
        for (size_t i = 0; i < entry->n_changes; i++) {
                const struct journal_change *change = &entry->changes[i];

                if ((change->before && strcmp(change->before->id, id) == 0) || (change->after && strcmp(change->after->id, id) == 0))
                        return true;
        }
        return false;
}

/* The button comes when the journal has told what there is to be taken back. */
static void on_changes(gpointer owner, struct event *reply)
{
        struct undo *undo = g_object_get_data(owner, "undo");

        for (size_t i = 0; reply && i < reply->n_changes && !undo->change; i++)
                if (is_about(&reply->changes[i], undo->id))
                        undo->change = reply->changes[i].number;
        if (!undo->change)
                return;
        adw_toast_set_button_label(owner, _("Undo"));
        g_signal_connect(owner, "button-clicked", G_CALLBACK(on_undo_clicked), undo);
}

void panel_say_changed(GtkWidget *from, BastionLink *link, const char *text, const char *id)
{
        const struct history_page page = { .limit = LOOKED_THROUGH };
        AdwToast *toast = new_toast(text);
        struct undo *undo = g_new0(struct undo, 1);
        struct buf *out;
        int64_t request;

        g_weak_ref_init(&undo->from, from);
        undo->link = g_object_ref(link);
        undo->id = g_strdup(id);
        g_object_set_data_full(G_OBJECT(toast), "undo", undo, undo_free);
        adw_toast_set_timeout(toast, UNDO_SECONDS);
        if (!add_toast(from, toast))
                return;
        out = bastion_link_request(link, toast, on_changes, &request);
        if (out)
                message_format_request_history(out, request, &page);
}
