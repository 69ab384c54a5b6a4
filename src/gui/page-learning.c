/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A review is a session (learn-session.h), looked at as long as the page lives or until the person begins a new one. Rules are
 * added one by one, as anybody adds them; "accept all" is that, one after the other, and leaves out what deserves a second look. Widgets are made for
 * the first PROPOSALS_SHOWN; what is dealt with makes room.
 */
#include "gui/page-learning.h"

#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/learn-session.h"
#include "gui/proposal-row.h"
#include "gui/text-label.h"

enum { PROPOSALS_SHOWN = 100, TRY_SECONDS = 300 };

struct _BastionPageLearning {
        AdwBin parent;
        BastionLink *link;
        GtkStack *stack;
        GtkListBox *list;
        GtkLabel *counts, *remark;
        GtkButton *accept_all, *enforce;
        AdwStatusPage *nothing;
        BastionLearnSession *session;
        size_t next;    /* the first proposal that has no row yet */
        guint n_rows;
        gboolean all;   /* "accept all" goes on with each that is added */
};

static void page_init(BastionPageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPageLearning, bastion_page_learning, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_init))

static void accept(BastionPageLearning *page, BastionProposalRow *row, const char *sentence);

static void set_all(BastionPageLearning *page, gboolean all)
{
        page->all = all;
        gtk_widget_set_sensitive(GTK_WIDGET(page->accept_all), !all);
}

/* ---- what is shown --------------------------------------------------------------------------------------------------- */

static void show_nothing(BastionPageLearning *page, const char *title, const char *words)
{
        g_autofree char *escaped = panel_markup_of(words);

        adw_status_page_set_title(page->nothing, title);
        adw_status_page_set_description(page->nothing, escaped);
        panel_stack_show(page->stack, "nothing");
}

static void update_enforce(BastionPageLearning *page)
{
        gtk_widget_set_visible(GTK_WIDGET(page->enforce),
                               bastion_link_get_state(page->link) == BASTION_LINK_UP && bastion_link_get_mode(page->link) == MODE_LEARNING);
}

static void on_accepted(BastionProposalRow *row, const char *sentence, BastionPageLearning *page)
{
        accept(page, row, sentence);
}

static void remove_row(BastionPageLearning *page, BastionProposalRow *row);

static void on_refused(BastionProposalRow *row, BastionPageLearning *page)
{
        remove_row(page, row);
}

static void add_rows(BastionPageLearning *page)
{
        const gint64 now_us = g_get_real_time();
        size_t n;
        const struct proposal *proposals = bastion_learn_session_get_proposals(page->session, &n);

        for (; page->next < n && page->n_rows < PROPOSALS_SHOWN; page->next++, page->n_rows++) {
                BastionProposalRow *row = bastion_proposal_row_new(&proposals[page->next], now_us);

                g_signal_connect(row, "accepted", G_CALLBACK(on_accepted), page);
                g_signal_connect(row, "refused", G_CALLBACK(on_refused), page);
                gtk_list_box_append(page->list, GTK_WIDGET(row));
        }
        if (page->n_rows == 0)
                show_nothing(page, _("Nothing Left to Review"),
                             _("Every program that was seen has its rules. Try enforcement: what no rule decides is asked about."));
}

static void remove_row(BastionPageLearning *page, BastionProposalRow *row)
{
        gtk_list_box_remove(page->list, GTK_WIDGET(row));
        page->n_rows--;
        add_rows(page);
}

static void clear_rows(BastionPageLearning *page)
{
        GtkListBoxRow *row;

        while ((row = gtk_list_box_get_row_at_index(page->list, 0)))
                gtk_list_box_remove(page->list, GTK_WIDGET(row));
        page->n_rows = 0;
        page->next = 0;
}

static void on_done(BastionLearnSession *session, BastionPageLearning *page)
{
        const struct learn_counts counts = bastion_learn_session_get_counts(session);
        const char *trouble = bastion_learn_session_get_trouble(session), *remark = bastion_learn_session_get_remark(session);
        _cleanup_(buf_deinit) struct buf text = { 0 };

        if (trouble) {
                show_nothing(page, _("No Review"), trouble);
                return;
        }
        history_text_learned(&text, &counts);
        label_take(page->counts, &text);
        gtk_label_set_text(page->remark, remark ? remark : "");
        gtk_widget_set_visible(GTK_WIDGET(page->remark), remark != NULL);
        panel_stack_show(page->stack, "review");
        add_rows(page);
}

static void begin(BastionPageLearning *page)
{
        if (page->session)
                g_signal_handlers_disconnect_by_data(page->session, page);
        g_clear_object(&page->session);
        clear_rows(page);
        set_all(page, FALSE);
        update_enforce(page);
        page->session = bastion_learn_session_start(page->link);
        if (!page->session) {
                show_nothing(page, _("No Review"), _("The firewall is not running."));
                return;
        }
        g_signal_connect(page->session, "done", G_CALLBACK(on_done), page);
        panel_stack_show(page->stack, "loading");
}

/* ---- accepting ------------------------------------------------------------------------------------------------------- */

static void accept_next(BastionPageLearning *page)
{
        for (int i = 0; page->all; i++) {
                GtkListBoxRow *row = gtk_list_box_get_row_at_index(page->list, i);

                if (!row) {
                        set_all(page, FALSE);
                } else if (!bastion_proposal_row_is_surprising(BASTION_PROPOSAL_ROW(row))) {
                        accept(page, BASTION_PROPOSAL_ROW(row), bastion_proposal_row_get_sentence(BASTION_PROPOSAL_ROW(row)));
                        return;
                }
        }
}

static BastionPageLearning *page_of(BastionProposalRow *row)
{
        return BASTION_PAGE_LEARNING(gtk_widget_get_ancestor(GTK_WIDGET(row), BASTION_TYPE_PAGE_LEARNING));
}

/* The row is the reply's owner: what was begun anew meanwhile has no row for it. */
static void on_added(gpointer owner, struct event *reply)
{
        BastionProposalRow *row = owner;
        BastionPageLearning *page = page_of(row);

        if (!page)
                return;
        bastion_proposal_row_set_busy(row, FALSE);
        if (!reply || reply->type != EVENT_REPLY) {
                set_all(page, FALSE);
                bastion_proposal_row_show_error(row, bastion_reply_error(reply));
                return;
        }
        if (!page->all)
                panel_say_changed(GTK_WIDGET(page), page->link, _("Rule added"), reply->n_rules > 0 && reply->rules[0]->id ? reply->rules[0]->id : "");
        remove_row(page, row);
        accept_next(page);
}

static void accept(BastionPageLearning *page, BastionProposalRow *row, const char *sentence)
{
        int64_t id;
        struct buf *out = bastion_link_request(page->link, row, on_added, &id);

        if (!out) {
                set_all(page, FALSE);
                bastion_proposal_row_show_error(row, bastion_reply_error(NULL));
                return;
        }
        bastion_proposal_row_set_busy(row, TRUE);
        message_format_request_rule_add(out, id, sentence, NULL);
}

static void on_accept_all(BastionPageLearning *page)
{
        set_all(page, TRUE);
        accept_next(page);
}

static void on_mode_reply(gpointer owner, struct event *reply)
{
        if (panel_say_if_error(owner, reply))
                panel_say(owner, _("Enforcement for 5 minutes; it goes back by itself unless you keep it."));
}

static void on_enforce(BastionPageLearning *page)
{
        int64_t id;
        struct buf *out = bastion_link_request(page->link, page, on_mode_reply, &id);

        if (out)
                message_format_request_mode(out, id, MODE_ENFORCEMENT, TRY_SECONDS, false);
}

/* ---- the object ------------------------------------------------------------------------------------------------------ */

static void on_map(BastionPageLearning *page)
{
        if (!page->session)
                begin(page);
}

static void on_link_changed(BastionPageLearning *page)
{
        update_enforce(page);
        if (!page->session && gtk_widget_get_mapped(GTK_WIDGET(page)))
                begin(page);
}

static void page_init(_unused_ BastionPageInterface *iface)
{
}

static void bastion_page_learning_dispose(GObject *object)
{
        BastionPageLearning *page = BASTION_PAGE_LEARNING(object);

        if (page->session)
                g_signal_handlers_disconnect_by_data(page->session, page);
        if (page->link)
                g_signal_handlers_disconnect_by_data(page->link, page);
        g_clear_object(&page->session);
        g_clear_object(&page->link);
        G_OBJECT_CLASS(bastion_page_learning_parent_class)->dispose(object);
}

static void bastion_page_learning_class_init(BastionPageLearningClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_learning_dispose;
        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/page-learning.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, list);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, counts);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, remark);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, accept_all);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, enforce);
        gtk_widget_class_bind_template_child(widget_class, BastionPageLearning, nothing);
        gtk_widget_class_bind_template_callback(widget_class, begin);
        gtk_widget_class_bind_template_callback(widget_class, on_map);
        gtk_widget_class_bind_template_callback(widget_class, on_accept_all);
        gtk_widget_class_bind_template_callback(widget_class, on_enforce);
}

static void bastion_page_learning_init(BastionPageLearning *page)
{
        gtk_widget_init_template(GTK_WIDGET(page));
}

GtkWidget *page_learning_new(BastionLink *link)
{
        BastionPageLearning *page = g_object_new(BASTION_TYPE_PAGE_LEARNING, NULL);

        page->link = g_object_ref(link);
        g_signal_connect_swapped(link, "notify::state", G_CALLBACK(on_link_changed), page);
        g_signal_connect_swapped(link, "notify::mode", G_CALLBACK(update_enforce), page);
        return GTK_WIDGET(page);
}
