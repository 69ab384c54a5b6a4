/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A search is three things at once: the daemon is asked for its newest decision (so that history is waited for to have it, and
 * where history is), the list begins anew (history-model.h), and the picture is counted (timeline=, recorder/timeline.h). Words are searched for a
 * moment after the last key. What is decided later makes the button "Show New Decisions" appear; a list that moves under the pointer helps nobody. The
 * daemon is asked for its newest every LOOK_SECONDS while the page is seen: being told of each would be much for a button.
 */
#include "gui/page-history.h"

#include "core/limits.h"
#include "gui/decision-dialog.h"
#include "gui/decision-row.h"
#include "gui/history-model.h"
#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/text-label.h"
#include "gui/timeline-graph.h"

enum { NEAR_THE_END = 50, LOOK_SECONDS = 3 };

struct _BastionPageHistory {
        AdwBin parent;
        BastionLink *link;
        GtkSearchEntry *program, *host;
        GtkDropDown *verdict, *period;
        GtkButton *stretch, *refresh;
        BastionTimelineGraph *graph;
        GtkStack *stack;
        AdwStatusPage *nothing;
        GtkListView *list;
        BastionHistoryModel *model;
        BastionHistoryQuery *timeline;
        gint64 since_us, until_us;               /* of the search */
        guint64 newest_seq;                      /* that the daemon had decided then */
        guint look;                              /* a timeout of the main loop while mapped, else 0 */
        gint64 stretch_since_us, stretch_until_us; /* picked in the picture; 0: none */
};

static void page_init(BastionPageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPageHistory, bastion_page_history, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_init))

/* As the drop-down has them; the last is all that is kept. */
static const gint64 period_hours[] = { 1, 24, 7 * 24, LIMIT_HISTORY_DAYS * 24 };

/* ---- what is searched for -------------------------------------------------------------------------------------------- */

static void add_text(GPtrArray *words, const char *key, GtkSearchEntry *entry)
{
        g_autofree char *text = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(entry))));

        if (*text && !strpbrk(text, "*?[/"))
                g_ptr_array_add(words, g_strdup_printf("%s=*%s*", key, text));
        else if (*text)
                g_ptr_array_add(words, g_strdup_printf("%s=%s", key, text));
}

/* An address is searched for as it is; anything else as a part of a name. */
static void add_host(GPtrArray *words, GtkSearchEntry *entry)
{
        g_autofree char *text = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(entry))));
        struct addr addr;

        if (addr_parse(text, &addr))
                g_ptr_array_add(words, g_strdup_printf("host=%s", text));
        else
                add_text(words, "host", entry);
}

static GPtrArray *search_words(BastionPageHistory *page)
{
        GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
        const guint verdict = gtk_drop_down_get_selected(page->verdict);

        add_text(words, "program", page->program);
        add_host(words, page->host);
        if (verdict == 1 || verdict == 2)
                g_ptr_array_add(words, g_strdup_printf("verdict=%s", verdict_name(verdict == 1 ? VERDICT_ALLOW : VERDICT_DENY)));
        g_ptr_array_add(words, g_strdup_printf("since=%" G_GINT64_FORMAT, page->since_us));
        if (page->until_us != G_MAXINT64)
                g_ptr_array_add(words, g_strdup_printf("until=%" G_GINT64_FORMAT, page->until_us));
        return words;
}

/* ---- the picture ----------------------------------------------------------------------------------------------------- */

static void on_sum(struct record *record, gpointer userdata)
{
        BastionPageHistory *page = userdata;
        const bool denied = record->verdict == VERDICT_DENY;

        bastion_timeline_graph_add(page->graph, record->since_us, denied ? 0 : record->n_connections, denied ? record->n_connections : 0);
        record_deinit(record);
}

/* That there is no history the list says. */
static void on_sums_end(_unused_ BastionHistoryResult result, _unused_ const char *words, gpointer userdata)
{
        BASTION_PAGE_HISTORY(userdata)->timeline = NULL;
}

static void count_timeline(BastionPageHistory *page, const char *folder)
{
        const gint64 until_us = page->until_us == G_MAXINT64 ? g_get_real_time() : page->until_us;
        g_autoptr(GPtrArray) words = search_words(page);

        g_ptr_array_insert(words, 0, g_strdup_printf("timeline=%d", TIMELINE_GRAPH_BARS));
        if (page->until_us == G_MAXINT64)
                g_ptr_array_add(words, g_strdup_printf("until=%" G_GINT64_FORMAT, until_us));
        g_ptr_array_add(words, NULL);
        bastion_history_query_cancel(page->timeline);
        bastion_timeline_graph_begin(page->graph, page->since_us, until_us);
        page->timeline = bastion_history_query_start(folder, LIMIT_HISTORY_ROWS, (const char *const *)words->pdata, on_sum, on_sums_end, page);
}

/* ---- searching ------------------------------------------------------------------------------------------------------- */

static void search(BastionPageHistory *page, const char *folder, guint64 newest_seq, gint64 newest_us)
{
        g_autoptr(GPtrArray) words = search_words(page);

        gtk_widget_set_visible(GTK_WIDGET(page->refresh), FALSE);
        g_ptr_array_add(words, NULL);
        bastion_history_model_search(page->model, folder, (const char *const *)words->pdata, newest_seq, newest_us);
        count_timeline(page, folder);
}

static const struct record *newest_of(const struct event *reply)
{
        return reply->n_records > 0 ? &reply->records[reply->n_records - 1] : NULL;
}

static void on_newest(gpointer owner, struct event *reply)
{
        BastionPageHistory *page = owner;
        const bool known = reply && reply->type == EVENT_REPLY;
        const struct record *newest = known ? newest_of(reply) : NULL;

        page->newest_seq = newest ? newest->seq : 0;
        search(page, known && reply->history ? reply->history : BASTION_HISTORY_FOLDER, newest ? newest->seq : 0, newest ? newest->time_us : 0);
}

static void search_anew(BastionPageHistory *page)
{
        const guint period = gtk_drop_down_get_selected(page->period);
        struct buf *out;
        int64_t id;

        gtk_widget_set_visible(GTK_WIDGET(page->stretch), page->stretch_since_us != 0);
        page->since_us = page->stretch_since_us;
        page->until_us = page->stretch_until_us;
        if (page->stretch_since_us == 0) {
                page->since_us = g_get_real_time() - period_hours[MIN(period, G_N_ELEMENTS(period_hours) - 1)] * 3600 * G_USEC_PER_SEC;
                page->until_us = G_MAXINT64;
        }
        out = bastion_link_request(page->link, page, on_newest, &id);
        if (out)
                message_format_request_decisions(out, id, 1);
        else
                search(page, BASTION_HISTORY_FOLDER, 0, 0);
}

static void on_changed(BastionPageHistory *page)
{
        if (gtk_widget_get_mapped(GTK_WIDGET(page)))
                search_anew(page);
}

/* The period is another: what was picked in the picture of the last one is no part of it. */
static void on_period_changed(BastionPageHistory *page)
{
        page->stretch_since_us = page->stretch_until_us = 0;
        on_changed(page);
}

static void on_picked(_unused_ BastionTimelineGraph *graph, gint64 since_us, gint64 until_us, BastionPageHistory *page)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        page->stretch_since_us = since_us;
        page->stretch_until_us = until_us;
        history_text_span(&text, since_us, until_us, g_get_real_time());
        gtk_button_set_label(page->stretch, text.n > 0 && !buf_error(&text) ? text.data : "");
        search_anew(page);
}

/* ---- what comes later ------------------------------------------------------------------------------------------------ */

static void on_looked(gpointer owner, struct event *reply)
{
        BastionPageHistory *page = owner;
        const struct record *newest = reply && reply->type == EVENT_REPLY ? newest_of(reply) : NULL;

        if (newest && newest->seq != page->newest_seq && page->stretch_since_us == 0)
                gtk_widget_set_visible(GTK_WIDGET(page->refresh), TRUE);
}

static gboolean look(gpointer userdata)
{
        BastionPageHistory *page = userdata;
        struct buf *out;
        int64_t id;

        if (gtk_widget_get_visible(GTK_WIDGET(page->refresh)) || page->stretch_since_us != 0)
                return G_SOURCE_CONTINUE;
        out = bastion_link_request(page->link, page, on_looked, &id);
        if (out)
                message_format_request_decisions(out, id, 1);
        return G_SOURCE_CONTINUE;
}

/* ---- the list -------------------------------------------------------------------------------------------------------- */

static const char *nothing_icon(BastionHistoryResult result)
{
        return result == BASTION_HISTORY_FINE ? "edit-find-symbolic" : result == BASTION_HISTORY_DENIED ? "dialog-password-symbolic" : "document-open-recent-symbolic";
}

static void show_nothing(BastionPageHistory *page)
{
        static const enum history_nothing nothing[] = {
                [BASTION_HISTORY_FINE] = HISTORY_NOTHING_FOUND,
                [BASTION_HISTORY_MISSING] = HISTORY_NOTHING_THERE,
                [BASTION_HISTORY_DENIED] = HISTORY_NOTHING_DENIED,
                [BASTION_HISTORY_FAILED] = HISTORY_NOTHING_READ,
        };
        g_autofree char *escaped = NULL;
        const char *words;
        const BastionHistoryResult result = bastion_history_model_get_result(page->model, &words);

        adw_status_page_set_icon_name(page->nothing, nothing_icon(result));
        adw_status_page_set_title(page->nothing, result == BASTION_HISTORY_FINE ? _("Nothing Found") : _("No History"));
        escaped = panel_markup_of(result == BASTION_HISTORY_FAILED && *words ? words : history_text_nothing(nothing[result]));
        adw_status_page_set_description(page->nothing, escaped);
}

static void on_state(BastionPageHistory *page)
{
        const BastionHistoryModelState state = bastion_history_model_get_state(page->model);
        const bool empty = g_list_model_get_n_items(G_LIST_MODEL(page->model)) == 0;
        const char *words;

        if (state == BASTION_HISTORY_MODEL_NONE)
                show_nothing(page);
        else if (state == BASTION_HISTORY_MODEL_END && bastion_history_model_get_result(page->model, &words) != BASTION_HISTORY_FINE)
                panel_say(GTK_WIDGET(page), *words ? words : history_text_nothing(HISTORY_NOTHING_READ)); /* what is older is there, and cannot be read */
        panel_stack_show(page->stack, state == BASTION_HISTORY_MODEL_NONE ? "nothing" : empty ? "loading" : "list");
}

static void on_bind(_unused_ GtkSignalListItemFactory *factory, GtkListItem *item, BastionPageHistory *page)
{
        BastionDecision *decision = gtk_list_item_get_item(item);

        bastion_decision_row_set(BASTION_DECISION_ROW(gtk_list_item_get_child(item)), bastion_decision_get_record(decision), g_get_real_time());
        if (gtk_list_item_get_position(item) + NEAR_THE_END >= g_list_model_get_n_items(G_LIST_MODEL(page->model)))
                bastion_history_model_load_more(page->model);
}

static void on_setup(_unused_ GtkSignalListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        gtk_list_item_set_child(item, g_object_new(BASTION_TYPE_DECISION_ROW, NULL));
}

static void on_activate(_unused_ GtkListView *list, guint position, BastionPageHistory *page)
{
        g_autoptr(BastionDecision) decision = g_list_model_get_item(G_LIST_MODEL(page->model), position);
        const struct record *record = decision ? bastion_decision_get_record(decision) : NULL;

        if (record)
                bastion_decision_dialog_present(GTK_WINDOW(gtk_widget_get_root(GTK_WIDGET(page))), page->link, record);
}

/* ---- the object ------------------------------------------------------------------------------------------------------ */

static void on_map(BastionPageHistory *page)
{
        page->look = g_timeout_add_seconds(LOOK_SECONDS, look, page);
        if (!page->timeline && g_list_model_get_n_items(G_LIST_MODEL(page->model)) == 0)
                search_anew(page);
}

static void on_unmap(BastionPageHistory *page)
{
        g_clear_handle_id(&page->look, g_source_remove);
}

static void page_search(BastionPage *page)
{
        gtk_widget_grab_focus(GTK_WIDGET(BASTION_PAGE_HISTORY(page)->program));
}

static void page_init(BastionPageInterface *iface)
{
        iface->search = page_search;
}

static void bastion_page_history_dispose(GObject *object)
{
        BastionPageHistory *page = BASTION_PAGE_HISTORY(object);

        g_clear_handle_id(&page->look, g_source_remove);
        bastion_history_query_cancel(page->timeline);
        page->timeline = NULL;
        if (page->link)
                g_signal_handlers_disconnect_by_data(page->link, page);
        if (page->model)
                g_signal_handlers_disconnect_by_data(page->model, page);
        g_clear_object(&page->link);
        g_clear_object(&page->model);
        G_OBJECT_CLASS(bastion_page_history_parent_class)->dispose(object);
}

static void bastion_page_history_class_init(BastionPageHistoryClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_history_dispose;
        g_type_ensure(BASTION_TYPE_TIMELINE_GRAPH);
        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/page-history.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, program);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, host);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, verdict);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, period);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, stretch);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, refresh);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, graph);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, nothing);
        gtk_widget_class_bind_template_child(widget_class, BastionPageHistory, list);
        gtk_widget_class_bind_template_callback(widget_class, on_map);
        gtk_widget_class_bind_template_callback(widget_class, on_unmap);
        gtk_widget_class_bind_template_callback(widget_class, on_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_period_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_picked);
        gtk_widget_class_bind_template_callback(widget_class, search_anew);
}

static void bastion_page_history_init(BastionPageHistory *page)
{
        g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
        g_autoptr(GtkSelectionModel) selection = NULL;

        gtk_widget_init_template(GTK_WIDGET(page));
        page->model = bastion_history_model_new();
        g_signal_connect_swapped(page->model, "notify::state", G_CALLBACK(on_state), page);
        g_signal_connect(factory, "setup", G_CALLBACK(on_setup), NULL);
        g_signal_connect(factory, "bind", G_CALLBACK(on_bind), page);
        selection = GTK_SELECTION_MODEL(gtk_single_selection_new(g_object_ref(G_LIST_MODEL(page->model))));
        gtk_list_view_set_factory(page->list, factory);
        gtk_list_view_set_model(page->list, selection);
}

GtkWidget *page_history_new(BastionLink *link)
{
        BastionPageHistory *page = g_object_new(BASTION_TYPE_PAGE_HISTORY, NULL);

        page->link = g_object_ref(link);
        g_signal_connect_swapped(link, "notify::state", G_CALLBACK(on_changed), page);
        return GTK_WIDGET(page);
}
