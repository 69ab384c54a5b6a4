/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/proposal-row.h"

#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/text-label.h"
#include "wire/sentence.h"

struct _BastionProposalRow {
        GtkListBoxRow parent;
        GtkLabel *sentence, *amounts, *surprises, *error;
        GtkStack *stack;
        GtkEntry *entry;
        GtkWidget *buttons;
        char *text; /* the sentence, exactly */
        gboolean is_surprising;
};

static guint signal_accepted, signal_refused;

G_DEFINE_FINAL_TYPE(BastionProposalRow, bastion_proposal_row, GTK_TYPE_LIST_BOX_ROW)

const char *bastion_proposal_row_get_sentence(BastionProposalRow *row)
{
        return row->text;
}

gboolean bastion_proposal_row_is_surprising(BastionProposalRow *row)
{
        return row->is_surprising;
}

void bastion_proposal_row_set_busy(BastionProposalRow *row, gboolean busy)
{
        gtk_widget_set_sensitive(row->buttons, !busy);
        gtk_widget_set_sensitive(GTK_WIDGET(row->entry), !busy);
}

void bastion_proposal_row_show_error(BastionProposalRow *row, const char *error)
{
        gtk_label_set_text(row->error, error);
        gtk_widget_set_visible(GTK_WIDGET(row->error), *error != '\0');
        gtk_stack_set_visible_child_name(row->stack, "edit");
        gtk_widget_grab_focus(GTK_WIDGET(row->entry));
}

static void on_accept(BastionProposalRow *row)
{
        const bool edits = strcmp(gtk_stack_get_visible_child_name(row->stack), "edit") == 0;

        g_signal_emit(row, signal_accepted, 0, edits ? gtk_editable_get_text(GTK_EDITABLE(row->entry)) : row->text);
}

static void on_edit(BastionProposalRow *row)
{
        gtk_editable_set_text(GTK_EDITABLE(row->entry), row->text);
        gtk_stack_set_visible_child_name(row->stack, "edit");
        gtk_widget_grab_focus(GTK_WIDGET(row->entry));
}

static void on_refuse(BastionProposalRow *row)
{
        g_signal_emit(row, signal_refused, 0);
}

static void bastion_proposal_row_finalize(GObject *object)
{
        g_free(BASTION_PROPOSAL_ROW(object)->text);
        G_OBJECT_CLASS(bastion_proposal_row_parent_class)->finalize(object);
}

static void bastion_proposal_row_class_init(BastionProposalRowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->finalize = bastion_proposal_row_finalize;
        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/proposal-row.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, sentence);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, amounts);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, surprises);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, error);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, entry);
        gtk_widget_class_bind_template_child(widget_class, BastionProposalRow, buttons);
        gtk_widget_class_bind_template_callback(widget_class, on_accept);
        gtk_widget_class_bind_template_callback(widget_class, on_edit);
        gtk_widget_class_bind_template_callback(widget_class, on_refuse);
        signal_accepted = g_signal_new("accepted", BASTION_TYPE_PROPOSAL_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        signal_refused = g_signal_new("refused", BASTION_TYPE_PROPOSAL_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_proposal_row_init(BastionProposalRow *row)
{
        gtk_widget_init_template(GTK_WIDGET(row));
}

BastionProposalRow *bastion_proposal_row_new(const struct proposal *proposal, gint64 now_us)
{
        BastionProposalRow *row = g_object_new(BASTION_TYPE_PROPOSAL_ROW, NULL);
        _cleanup_(buf_deinit) struct buf text = { 0 };

        sentence_format(proposal->rule, &text);
        row->text = g_strdup(text.n > 0 && !buf_error(&text) ? text.data : "");
        buf_reset(&text);
        row->is_surprising = proposal->surprises != 0;
        history_text_rule(&text, proposal->rule);
        label_take(row->sentence, &text);
        history_text_proposal(&text, proposal, now_us);
        label_take(row->amounts, &text);
        history_text_surprises(&text, proposal->surprises);
        gtk_widget_set_visible(GTK_WIDGET(row->surprises), text.n > 0);
        label_take(row->surprises, &text);
        return row;
}
