/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The sentence is the truth: the form writes it, and is filled from it when it is looked at and the sentence can be read. Replies
 * to questions about an older text are of no interest; the number of the last question tells them apart.
 */
#include "gui/rule-dialog.h"

#include <adwaita.h>

#include "client/words.h"
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"
#include "gui/rule-form.h"
#include "wire/sentence.h"

enum { CHECK_PAUSE_MS = 150 };

#define BASTION_TYPE_RULE_DIALOG (bastion_rule_dialog_get_type())
G_DECLARE_FINAL_TYPE(BastionRuleDialog, bastion_rule_dialog, BASTION, RULE_DIALOG, AdwWindow)

struct _BastionRuleDialog {
        AdwWindow parent;
        BastionLink *link;
        GWeakRef from;
        char *replaces; /* the id of a rule, or NULL */
        bool filling;   /* form or sentence is being written by the other */
        guint pause;    /* a timeout of the main loop, or 0 */
        bool is_wrong;  /* what stands there cannot be read */
        unsigned n_asked, n_answered;
        GtkTextTag *wrong;
        GtkWidget *save, *text, *verdict, *verdict_icon, *verdict_text, *stack; /* of the template */
        AdwComboRow *action;
        GtkEditable *subject, *to, *ports, *protocol, *lifetime, *more, *note;
        GtkTextBuffer *sentence;
};

G_DEFINE_FINAL_TYPE(BastionRuleDialog, bastion_rule_dialog, ADW_TYPE_WINDOW)

/* ---- what is thought of it -------------------------------------------------------------------------------------------------- */

static void show_verdict(BastionRuleDialog *dialog, bool good, const char *text)
{
        g_autofree char *plain = panel_plain(text);

        gtk_image_set_from_icon_name(GTK_IMAGE(dialog->verdict_icon), good ? "object-select-symbolic" : "dialog-warning-symbolic");
        (good ? gtk_widget_remove_css_class : gtk_widget_add_css_class)(dialog->verdict, "wrong");
        gtk_label_set_text(GTK_LABEL(dialog->verdict_text), plain);
        gtk_widget_set_sensitive(dialog->save, good);
}

static char *get_sentence(BastionRuleDialog *dialog)
{
        GtkTextIter start, end;

        gtk_text_buffer_get_bounds(dialog->sentence, &start, &end);
        return gtk_text_buffer_get_text(dialog->sentence, &start, &end, FALSE);
}

/* `at`, `length`: bytes. */
static void underline(BastionRuleDialog *dialog, const char *sentence, size_t at, size_t length)
{
        size_t n = strlen(sentence);
        GtkTextIter start, end;

        at = MIN(at, n);
        length = MIN(length, n - at);
        gtk_text_buffer_get_iter_at_offset(dialog->sentence, &start, (int)g_utf8_strlen(sentence, (gssize)at));
        gtk_text_buffer_get_iter_at_offset(dialog->sentence, &end, (int)g_utf8_strlen(sentence, (gssize)(at + length)));
        gtk_text_buffer_apply_tag(dialog->sentence, dialog->wrong, &start, &end);
}

static void remove_underline(BastionRuleDialog *dialog)
{
        GtkTextIter start, end;

        gtk_text_buffer_get_bounds(dialog->sentence, &start, &end);
        gtk_text_buffer_remove_tag(dialog->sentence, dialog->wrong, &start, &end);
}

static void on_checked(gpointer owner, struct event *reply)
{
        BastionRuleDialog *dialog = owner;
        _cleanup_(buf_deinit) struct buf words = { 0 };

        if (++dialog->n_answered != dialog->n_asked || dialog->pause || dialog->is_wrong)
                return; /* about another text than the one that stands there now */
        if (!reply || reply->type != EVENT_REPLY || reply->n_rules != 1) {
                show_verdict(dialog, false, bastion_reply_error(reply));
                return;
        }
        sentence_format(reply->rules[0], &words);
        show_verdict(dialog, true, buf_error(&words) ? "" : words.data);
}

static gboolean on_pause_over(gpointer userdata)
{
        BastionRuleDialog *dialog = userdata;
        g_autofree char *sentence = get_sentence(dialog);
        int64_t id;
        struct buf *out = bastion_link_request(dialog->link, dialog, on_checked, &id);

        dialog->pause = 0;
        if (out) {
                dialog->n_asked++;
                message_format_request_rule_check(out, id, sentence);
        } else {
                show_verdict(dialog, false, bastion_reply_error(NULL));
        }
        return G_SOURCE_REMOVE;
}

static void ask_soon(BastionRuleDialog *dialog)
{
        g_clear_handle_id(&dialog->pause, g_source_remove);
        dialog->pause = g_timeout_add(CHECK_PAUSE_MS, on_pause_over, dialog);
        gtk_widget_set_sensitive(dialog->save, FALSE);
}

/* ---- form and sentence ---------------------------------------------------------------------------------------------------- */

static void fill_form(BastionRuleDialog *dialog, const struct rule *rule)
{
        _cleanup_(rule_form_deinit) struct rule_form form = { 0 };

        if (rule_form_parse(rule, &form) < 0)
                return;
        dialog->filling = true;
        adw_combo_row_set_selected(dialog->action, form.action);
        gtk_editable_set_text(dialog->subject, form.subject);
        gtk_editable_set_text(dialog->to, form.to);
        gtk_editable_set_text(dialog->ports, form.ports);
        gtk_editable_set_text(dialog->protocol, form.protocol);
        gtk_editable_set_text(dialog->lifetime, form.lifetime);
        gtk_editable_set_text(dialog->more, form.more);
        gtk_editable_set_text(dialog->note, form.note);
        dialog->filling = false;
}

/* Reads what stands there: underlines what is wrong, or asks the daemon. `fill`: the form follows. */
static void read_sentence(BastionRuleDialog *dialog, bool fill)
{
        g_autofree char *sentence = get_sentence(dialog);
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct sentence_error error;
        int r;

        remove_underline(dialog);
        g_clear_handle_id(&dialog->pause, g_source_remove);
        r = sentence_parse(sentence, strlen(sentence), &rule, &error);
        dialog->is_wrong = r != 0;
        if (r != 0) {
                g_autofree char *text = r < 0 ? g_strdup(_("Out of memory")) : g_strdup_printf(_("%s, at byte %zu"), error.expected, error.at + 1);

                if (r > 0)
                        underline(dialog, sentence, error.at, error.length);
                show_verdict(dialog, false, text);
                return;
        }
        if (fill)
                fill_form(dialog, rule);
        ask_soon(dialog);
}

static void on_sentence_changed(BastionRuleDialog *dialog)
{
        if (!dialog->filling)
                read_sentence(dialog, true);
}

static void set_sentence(BastionRuleDialog *dialog, const char *sentence)
{
        dialog->filling = true;
        gtk_text_buffer_set_text(dialog->sentence, sentence, -1);
        dialog->filling = false;
}

static void on_form_changed(BastionRuleDialog *dialog)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };
        const struct rule_form form = {
                .action = (enum action)adw_combo_row_get_selected(dialog->action),
                .subject = (char *)gtk_editable_get_text(dialog->subject),
                .to = (char *)gtk_editable_get_text(dialog->to),
                .ports = (char *)gtk_editable_get_text(dialog->ports),
                .protocol = (char *)gtk_editable_get_text(dialog->protocol),
                .lifetime = (char *)gtk_editable_get_text(dialog->lifetime),
                .more = (char *)gtk_editable_get_text(dialog->more),
                .note = (char *)gtk_editable_get_text(dialog->note),
        };

        if (dialog->filling)
                return;
        rule_form_format(&form, &sentence);
        if (buf_error(&sentence))
                return;
        set_sentence(dialog, sentence.data);
        read_sentence(dialog, false);
}

/* ---- choosing a program ---------------------------------------------------------------------------------------------------- */

static void on_chosen(GtkNativeDialog *chooser, int response, BastionRuleDialog *dialog)
{
        g_autoptr(GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file(GTK_FILE_CHOOSER(chooser)) : NULL;
        g_autofree char *path = file ? g_file_get_path(file) : NULL;
        _cleanup_(rule_freep) struct rule *rule = rule_new(ACTION_ALLOW);
        _cleanup_(rule_form_deinit) struct rule_form form = { 0 };

        g_object_unref(chooser);
        if (!path || !rule)
                return;
        rule->subject = RULE_PATH;
        rule->program = strdup(path);
        if (rule->program && rule_form_parse(rule, &form) == 0) /* in quotes where it needs them */
                gtk_editable_set_text(dialog->subject, form.subject);
}

static void on_choose(BastionRuleDialog *dialog)
{
        GtkFileChooserNative *chooser = gtk_file_chooser_native_new(_("Choose a program"), GTK_WINDOW(dialog), GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);

        gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(chooser), TRUE);
        g_signal_connect_object(chooser, "response", G_CALLBACK(on_chosen), dialog, 0);
        gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

/* ---- saving ---------------------------------------------------------------------------------------------------------------- */

static void on_saved(gpointer owner, struct event *reply)
{
        BastionRuleDialog *dialog = owner;
        g_autoptr(GtkWidget) from = g_weak_ref_get(&dialog->from);

        if (!reply || reply->type != EVENT_REPLY) {
                show_verdict(dialog, false, bastion_reply_error(reply));
                return;
        }
        if (from && reply->n_rules == 1)
                panel_say_changed(from, dialog->link, dialog->replaces ? _("Rule changed") : _("Rule added"), reply->rules[0]->id);
        gtk_window_close(GTK_WINDOW(dialog));
}

static void on_save(BastionRuleDialog *dialog)
{
        g_autofree char *sentence = get_sentence(dialog);
        int64_t id;
        struct buf *out = bastion_link_request(dialog->link, dialog, on_saved, &id);

        gtk_widget_set_sensitive(dialog->save, FALSE);
        if (out)
                message_format_request_rule_add(out, id, sentence, dialog->replaces);
        else
                show_verdict(dialog, false, bastion_reply_error(NULL));
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void bastion_rule_dialog_dispose(GObject *object)
{
        BastionRuleDialog *dialog = BASTION_RULE_DIALOG(object);

        g_clear_handle_id(&dialog->pause, g_source_remove);
        g_clear_object(&dialog->link);
        g_weak_ref_set(&dialog->from, NULL);
        g_clear_pointer(&dialog->replaces, g_free);
        G_OBJECT_CLASS(bastion_rule_dialog_parent_class)->dispose(object);
}

static void bastion_rule_dialog_finalize(GObject *object)
{
        g_weak_ref_clear(&BASTION_RULE_DIALOG(object)->from);
        G_OBJECT_CLASS(bastion_rule_dialog_parent_class)->finalize(object);
}

static void bastion_rule_dialog_class_init(BastionRuleDialogClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_rule_dialog_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_rule_dialog_finalize;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/rule-dialog.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, save);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, text);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, verdict);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, verdict_icon);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, verdict_text);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, action);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, subject);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, to);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, ports);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, protocol);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, lifetime);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, more);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, note);
        gtk_widget_class_bind_template_child(widget_class, BastionRuleDialog, sentence);
        gtk_widget_class_bind_template_callback(widget_class, on_form_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_sentence_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_choose);
        gtk_widget_class_bind_template_callback(widget_class, on_save);
        gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void bastion_rule_dialog_init(BastionRuleDialog *dialog)
{
        g_weak_ref_init(&dialog->from, NULL);
        dialog->filling = true; /* the template's own values are no change */
        gtk_widget_init_template(GTK_WIDGET(dialog));
        dialog->filling = false;
        dialog->wrong = gtk_text_buffer_create_tag(dialog->sentence, NULL, "underline", PANGO_UNDERLINE_ERROR, NULL);
}

void bastion_rule_dialog_present(GtkWidget *from, BastionLink *link, const struct rule_line *line)
{
        BastionRuleDialog *dialog = g_object_new(BASTION_TYPE_RULE_DIALOG, "transient-for", gtk_widget_get_root(from), "title", line ? _("Edit rule") : _("Add a rule"), NULL);
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        dialog->link = g_object_ref(link);
        g_weak_ref_set(&dialog->from, from);
        dialog->replaces = line ? g_strdup(rule_line_id(line)) : NULL;
        if (line)
                rule_line_sentence(line, &sentence);
        else
                buf_puts(&sentence, "allow anyone");
        if (!buf_error(&sentence))
                gtk_text_buffer_set_text(dialog->sentence, sentence.data, (int)sentence.n); /* and the form follows */
        gtk_window_present(GTK_WINDOW(dialog));
}
