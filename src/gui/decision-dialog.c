/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/decision-dialog.h"

#include "client/words.h"
#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"
#include "gui/text-label.h"
#include "wire/expect.h"

enum { RULES_SHOWN = 6 };

struct _BastionDecisionDialog {
        AdwWindow parent;
        AdwPreferencesGroup *facts, *why;
};

G_DEFINE_FINAL_TYPE(BastionDecisionDialog, bastion_decision_dialog, ADW_TYPE_WINDOW)

/* Takes the content of `value`; a row without one is left out. */
static void add_row(AdwPreferencesGroup *group, const char *title, struct buf *value)
{
        GtkWidget *row, *label;

        if (value->n == 0 || buf_error(value))
                return;
        row = adw_action_row_new();
        label = gtk_label_new(NULL);
        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
        label_take(GTK_LABEL(label), value);
        gtk_label_set_wrap(GTK_LABEL(label), TRUE);
        gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
        gtk_label_set_selectable(GTK_LABEL(label), TRUE);
        gtk_label_set_xalign(GTK_LABEL(label), 1);
        gtk_label_set_max_width_chars(GTK_LABEL(label), 44);
        gtk_widget_set_margin_top(label, 8);
        gtk_widget_set_margin_bottom(label, 8);
        adw_action_row_add_suffix(ADW_ACTION_ROW(row), label);
        gtk_accessible_update_relation(GTK_ACCESSIBLE(label), GTK_ACCESSIBLE_RELATION_LABELLED_BY, row, NULL, -1);
        adw_preferences_group_add(group, row);
}

static void add_facts(BastionDecisionDialog *dialog, const struct record *r)
{
        g_autofree char *program = panel_program_path(r->subject);
        const gint64 now_us = g_get_real_time();
        _cleanup_(buf_deinit) struct buf text = { 0 };
        char address[ADDR_TEXT_MAX], scratch[4];

        history_text_verdict(&text, r);
        add_row(dialog->facts, _("Verdict"), &text);
        history_text_why(&text, r);
        add_row(dialog->facts, _("Because"), &text);
        history_text_time(&text, r->time_us, now_us);
        add_row(dialog->facts, _("When"), &text);
        buf_puts(&text, program);
        add_row(dialog->facts, _("Program"), &text);
        if (r->subject->process.pid != 0)
                buf_printf(&text, "%u", r->subject->process.pid);
        add_row(dialog->facts, _("Process"), &text);
        if (r->subject->uid != UINT32_MAX)
                words_user(&text, r->subject->uid);
        add_row(dialog->facts, _("User"), &text);
        for (unsigned i = 0; i < r->hosts.n; i++) {
                buf_puts(&text, i > 0 ? ", " : "");
                words_plain(&text, r->hosts.names[i], strlen(r->hosts.names[i]));
        }
        add_row(dialog->facts, _("Host"), &text);
        buf_puts(&text, addr_format(&r->flow.remote, address));
        add_row(dialog->facts, _("Address"), &text);
        if (r->flow.remote_port != 0)
                buf_printf(&text, "%u ", r->flow.remote_port);
        buf_puts(&text, protocol_name(r->flow.protocol, scratch));
        add_row(dialog->facts, _("Port"), &text);
        history_text_amounts(&text, r);
        add_row(dialog->facts, _("Amount"), &text);
}

static void add_candidate(BastionDecisionDialog *dialog, const struct why_candidate *c)
{
        GtkWidget *row = adw_action_row_new();
        _cleanup_(buf_deinit) struct buf sentence = { 0 }, fate = { 0 };

        history_text_rule(&sentence, c->rule);
        history_text_fate(&fate, c);
        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), sentence.n > 0 && !buf_error(&sentence) ? sentence.data : "");
        adw_action_row_set_subtitle(ADW_ACTION_ROW(row), fate.n > 0 && !buf_error(&fate) ? fate.data : "");
        adw_preferences_group_add(dialog->why, row);
}

static void on_why(gpointer owner, struct event *reply)
{
        BastionDecisionDialog *dialog = owner;
        _cleanup_(buf_deinit) struct buf text = { 0 };

        if (!reply || reply->type != EVENT_REPLY || !reply->why) {
                g_autofree char *error = panel_markup_of(bastion_reply_error(reply));

                adw_preferences_group_set_description(dialog->why, error);
                return;
        }
        history_text_verdict_today(&text, reply->why);
        adw_preferences_group_set_description(dialog->why, text.n > 0 && !buf_error(&text) ? text.data : "");
        for (unsigned i = 0; i < reply->why->n_candidates && i < RULES_SHOWN; i++)
                add_candidate(dialog, &reply->why->candidates[i]);
}

static void ask_why(BastionDecisionDialog *dialog, BastionLink *link, const struct record *r)
{
        const struct supposed supposed = { .subject = r->subject, .flow = r->flow, .host = (char *)hosts_first(&r->hosts) };
        _cleanup_(buf_deinit) struct buf words = { 0 };
        struct buf *out;
        int64_t id;

        supposed_format(&supposed, &words);
        if (buf_error(&words))
                return;
        out = bastion_link_request(link, dialog, on_why, &id);
        if (out)
                message_format_request_why(out, id, words.data);
        else
                adw_preferences_group_set_description(dialog->why, _("The firewall is not running: nobody can say what the rules do today."));
}

void bastion_decision_dialog_present(GtkWindow *parent, BastionLink *link, const struct record *record)
{
        BastionDecisionDialog *dialog = g_object_new(BASTION_TYPE_DECISION_DIALOG, "transient-for", parent, "modal", TRUE, NULL);

        add_facts(dialog, record);
        ask_why(dialog, link, record);
        gtk_window_present(GTK_WINDOW(dialog));
}

static void bastion_decision_dialog_class_init(BastionDecisionDialogClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/decision-dialog.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionDialog, facts);
        gtk_widget_class_bind_template_child(widget_class, BastionDecisionDialog, why);
        gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void bastion_decision_dialog_init(BastionDecisionDialog *dialog)
{
        gtk_widget_init_template(GTK_WIDGET(dialog));
}
