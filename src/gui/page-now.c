/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. What was not answered yet is not asked for again: a slow daemon gets no more work. */
#include "gui/page-now.h"

#include "gui/app.h"
#include "gui/connection-row.h"
#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/talk.h"
#include "gui/text-label.h"
#include "gui/traffic-graph.h"

enum {
        ASK_SECONDS = 1,
        DECISIONS_EVERY = 3, /* of these: each makes the daemon put its sums together */
        DECISIONS = 4,
};

#define BASTION_TYPE_PAGE_NOW (bastion_page_now_get_type())
G_DECLARE_FINAL_TYPE(BastionPageNow, bastion_page_now, BASTION, PAGE_NOW, AdwBin)

struct _BastionPageNow {
        AdwBin parent;
        BastionLink *link;
        BastionTalks *talks;
        GtkFilter *filter;
        GListModel *shown; /* programs that pass the filter */
        char *words;
        int64_t newest_us; /* of the decisions that are shown; 0: none */
        bool told, waiting_connections, waiting_traffic, waiting_decisions;
        unsigned turn;
        guint timer; /* a timeout of the main loop while mapped, else 0 */
        GtkWidget *search, *recent; /* of the template */
        GtkLabel *rate_in, *rate_out, *count;
        BastionTrafficGraph *graph;
        GtkStack *stack;
        GtkListView *view;
        GtkBox *decisions;
};

static void page_interface_init(BastionPageInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPageNow, bastion_page_now, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_interface_init))

/* ---- what is shown --------------------------------------------------------------------------------------------------------- */

static void update(BastionPageNow *page)
{
        unsigned n = bastion_talks_get_n_connections(page->talks);
        g_autofree char *count = panel_connections_count(n);

        gtk_label_set_text(page->count, count);
        panel_stack_show(page->stack, !page->told ? "wait" : n == 0 ? "empty" : g_list_model_get_n_items(page->shown) == 0 ? "nothing" : "list");
}

static gboolean passes(gpointer item, gpointer userdata)
{
        BastionPageNow *page = userdata;

        return !*page->words || bastion_talk_has_words(item, page->words);
}

static void on_search_changed(BastionPageNow *page)
{
        g_free(page->words);
        page->words = g_utf8_strdown(gtk_editable_get_text(GTK_EDITABLE(page->search)), -1);
        gtk_filter_changed(page->filter, GTK_FILTER_CHANGE_DIFFERENT);
        update(page);
}

static void search(BastionPage *page)
{
        gtk_widget_grab_focus(BASTION_PAGE_NOW(page)->search);
}

static void page_interface_init(BastionPageInterface *interface)
{
        interface->search = search;
}

/* ---- what the daemon says -------------------------------------------------------------------------------------------------- */

static void on_connections(gpointer owner, struct event *reply)
{
        BastionPageNow *page = owner;

        page->waiting_connections = false;
        if (!reply || reply->type != EVENT_REPLY)
                return;
        page->told = true;
        bastion_talks_update(page->talks, reply->connections, reply->n_connections, client_now());
        if (*page->words)
                gtk_filter_changed(page->filter, GTK_FILTER_CHANGE_DIFFERENT);
        update(page);
}

static void on_traffic(gpointer owner, struct event *reply)
{
        BastionPageNow *page = owner;
        g_autofree char *in = NULL, *out = NULL, *text_in = NULL, *text_out = NULL;

        page->waiting_traffic = false;
        if (!reply || !reply->has_traffic)
                return;
        bastion_traffic_graph_add(page->graph, &reply->traffic);
        in = panel_rate(bastion_traffic_graph_get_in(page->graph));
        out = panel_rate(bastion_traffic_graph_get_out(page->graph));
        text_in = g_strdup_printf(_("↓ in %s"), in);
        text_out = g_strdup_printf(_("↑ out %s"), out);
        gtk_label_set_text(page->rate_in, text_in);
        gtk_label_set_text(page->rate_out, text_out);
}

static GtkWidget *new_label(struct buf *text, const char *style, bool expand)
{
        GtkWidget *label = gtk_label_new("");

        label_take(GTK_LABEL(label), text);
        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_widget_set_hexpand(label, expand);
        gtk_widget_add_css_class(label, "caption");
        if (style)
                gtk_widget_add_css_class(label, style);
        return label;
}

static void add_decision(BastionPageNow *page, const struct record *record)
{
        bool denied = record->verdict == VERDICT_DENY;
        _cleanup_(buf_deinit) struct buf title = { 0 }, line = { 0 };
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8), *icon = gtk_image_new_from_icon_name(denied ? "action-unavailable-symbolic" : "object-select-symbolic");

        gtk_widget_add_css_class(icon, denied ? "error" : "success");
        gtk_accessible_update_property(GTK_ACCESSIBLE(icon), GTK_ACCESSIBLE_PROPERTY_LABEL, denied ? _("denied") : _("allowed"), -1);
        gtk_box_append(GTK_BOX(row), icon);
        history_text_title(&title, record);
        history_text_line(&line, record);
        gtk_box_append(GTK_BOX(row), new_label(&title, NULL, true));
        gtk_box_append(GTK_BOX(row), new_label(&line, "dim-label", false));
        gtk_box_append(page->decisions, row);
}

static void on_decisions(gpointer owner, struct event *reply)
{
        BastionPageNow *page = owner;
        int64_t newest_us;
        GtkWidget *child;

        page->waiting_decisions = false;
        if (!reply || reply->type != EVENT_REPLY)
                return;
        newest_us = reply->n_records > 0 ? reply->records[reply->n_records - 1].time_us : 0;
        if (newest_us == page->newest_us)
                return; /* new widgets cost a layout of the window */
        page->newest_us = newest_us;
        while ((child = gtk_widget_get_first_child(GTK_WIDGET(page->decisions))))
                gtk_box_remove(page->decisions, child);
        for (size_t i = reply->n_records; i-- > 0;) /* the newest first */
                add_decision(page, &reply->records[i]);
        gtk_widget_set_visible(page->recent, reply->n_records > 0);
}

static gboolean ask(gpointer userdata)
{
        BastionPageNow *page = userdata;
        int64_t id;

        if (bastion_link_get_state(page->link) != BASTION_LINK_UP) {
                page->waiting_connections = page->waiting_traffic = page->waiting_decisions = false;
                return G_SOURCE_CONTINUE;
        }
        if (!page->waiting_connections)
                page->waiting_connections = bastion_link_ask(page->link, MESSAGE_CONNECTIONS, page, on_connections);
        if (!page->waiting_traffic)
                page->waiting_traffic = bastion_link_ask(page->link, MESSAGE_TRAFFIC, page, on_traffic);
        if (page->turn++ % DECISIONS_EVERY == 0 && !page->waiting_decisions) {
                struct buf *out = bastion_link_request(page->link, page, on_decisions, &id);

                page->waiting_decisions = out;
                if (out)
                        message_format_request_decisions(out, id, DECISIONS);
        }
        return G_SOURCE_CONTINUE;
}

static void on_state(BastionPageNow *page)
{
        if (page->timer)
                ask(page);
}

/* ---- ending a connection --------------------------------------------------------------------------------------------------- */

static void on_ended(gpointer owner, struct event *reply)
{
        if (panel_say_if_error(owner, reply))
                panel_say(owner, _("Connection ended"));
}

static void on_end(_unused_ BastionConnectionRow *row, BastionTalk *talk, BastionPageNow *page)
{
        int64_t id;
        struct buf *out = bastion_link_request(page->link, page, on_ended, &id);

        if (out)
                message_format_request_connection_end(out, id, &bastion_talk_get_connection(talk)->flow);
}

/* ---- the list -------------------------------------------------------------------------------------------------------------- */

static GListModel *children_of(gpointer item, _unused_ gpointer userdata)
{
        GListModel *children = bastion_talk_get_children(item);

        return children ? g_object_ref(children) : NULL;
}

static void on_activated(GtkListView *view, guint i, _unused_ BastionPageNow *page)
{
        g_autoptr(GtkTreeListRow) row = g_list_model_get_item(G_LIST_MODEL(gtk_list_view_get_model(view)), i);

        if (row && gtk_tree_list_row_is_expandable(row))
                gtk_tree_list_row_set_expanded(row, !gtk_tree_list_row_get_expanded(row));
}

static void on_setup(_unused_ GtkListItemFactory *factory, GtkListItem *item, BastionPageNow *page)
{
        GtkWidget *expander = gtk_tree_expander_new(), *row = bastion_connection_row_new(page->link);

        g_signal_connect_object(row, "end", G_CALLBACK(on_end), page, 0);
        gtk_tree_expander_set_child(GTK_TREE_EXPANDER(expander), row);
        gtk_list_item_set_child(item, expander);
}

static void on_bind(_unused_ GtkListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        GtkTreeExpander *expander = GTK_TREE_EXPANDER(gtk_list_item_get_child(item));
        GtkTreeListRow *row = gtk_list_item_get_item(item);
        g_autoptr(BastionTalk) talk = gtk_tree_list_row_get_item(row);

        gtk_tree_expander_set_list_row(expander, row);
        bastion_connection_row_show(BASTION_CONNECTION_ROW(gtk_tree_expander_get_child(expander)), talk);
}

static void on_unbind(_unused_ GtkListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        GtkTreeExpander *expander = GTK_TREE_EXPANDER(gtk_list_item_get_child(item));

        gtk_tree_expander_set_list_row(expander, NULL);
        bastion_connection_row_show(BASTION_CONNECTION_ROW(gtk_tree_expander_get_child(expander)), NULL);
}

static void add_view(BastionPageNow *page)
{
        g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
        g_autoptr(GtkSingleSelection) selection = NULL;
        GtkTreeListModel *tree;

        page->filter = GTK_FILTER(gtk_custom_filter_new(passes, page, NULL));
        page->shown = G_LIST_MODEL(gtk_filter_list_model_new(g_object_ref(bastion_talks_get_programs(page->talks)), g_object_ref(page->filter)));
        tree = gtk_tree_list_model_new(g_object_ref(page->shown), FALSE, FALSE, children_of, NULL, NULL);
        selection = gtk_single_selection_new(G_LIST_MODEL(tree));
        gtk_single_selection_set_autoselect(selection, FALSE);
        gtk_single_selection_set_can_unselect(selection, TRUE);
        g_signal_connect_object(factory, "setup", G_CALLBACK(on_setup), page, 0);
        g_signal_connect(factory, "bind", G_CALLBACK(on_bind), NULL);
        g_signal_connect(factory, "unbind", G_CALLBACK(on_unbind), NULL);
        gtk_list_view_set_factory(page->view, factory);
        gtk_list_view_set_model(page->view, GTK_SELECTION_MODEL(selection));
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void bastion_page_now_map(GtkWidget *widget)
{
        BastionPageNow *page = BASTION_PAGE_NOW(widget);

        GTK_WIDGET_CLASS(bastion_page_now_parent_class)->map(widget);
        page->timer = g_timeout_add_seconds(ASK_SECONDS, ask, page);
        ask(page);
}

static void bastion_page_now_unmap(GtkWidget *widget)
{
        g_clear_handle_id(&BASTION_PAGE_NOW(widget)->timer, g_source_remove);
        GTK_WIDGET_CLASS(bastion_page_now_parent_class)->unmap(widget);
}

static void bastion_page_now_dispose(GObject *object)
{
        BastionPageNow *page = BASTION_PAGE_NOW(object);

        g_clear_handle_id(&page->timer, g_source_remove);
        g_clear_object(&page->link);
        G_OBJECT_CLASS(bastion_page_now_parent_class)->dispose(object);
}

static void bastion_page_now_finalize(GObject *object)
{
        BastionPageNow *page = BASTION_PAGE_NOW(object);

        g_clear_object(&page->shown);
        g_clear_object(&page->filter);
        g_clear_object(&page->talks);
        g_free(page->words);
        G_OBJECT_CLASS(bastion_page_now_parent_class)->finalize(object);
}

static void bastion_page_now_class_init(BastionPageNowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_now_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_page_now_finalize;
        widget_class->map = bastion_page_now_map;
        widget_class->unmap = bastion_page_now_unmap;
        g_type_ensure(BASTION_TYPE_TRAFFIC_GRAPH);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/page-now.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, search);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, recent);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, rate_in);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, rate_out);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, count);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, graph);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, view);
        gtk_widget_class_bind_template_child(widget_class, BastionPageNow, decisions);
        gtk_widget_class_bind_template_callback(widget_class, on_search_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_activated);
}

static void bastion_page_now_init(BastionPageNow *page)
{
        page->words = g_strdup("");
        page->talks = bastion_talks_new();
        gtk_widget_init_template(GTK_WIDGET(page));
}

GtkWidget *page_now_new(BastionLink *link)
{
        BastionPageNow *page = g_object_new(BASTION_TYPE_PAGE_NOW, NULL);

        page->link = g_object_ref(link);
        add_view(page);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_state), page, G_CONNECT_SWAPPED);
        update(page);
        return GTK_WIDGET(page);
}
