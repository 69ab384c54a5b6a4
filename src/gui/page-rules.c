/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/page-rules.h"

#include "gui/app.h"
#include "gui/changes-dialog.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/rule-dialog.h"
#include "gui/rule-loader.h"
#include "gui/rule-row.h"
#include "gui/rules-files.h"

#define BASTION_TYPE_PAGE_RULES (bastion_page_rules_get_type())
G_DECLARE_FINAL_TYPE(BastionPageRules, bastion_page_rules, BASTION, PAGE_RULES, AdwBin)

struct _BastionPageRules {
        AdwBin parent;
        BastionLink *link;
        BastionRuleList *list;
        BastionRuleLoader *loader;
        GPtrArray *rows; /* that exist, borrowed */
        GQueue wanted;   /* struct wanted, owned: what was asked for and not answered yet, in that order */
        GSimpleActionGroup *actions;
        GtkWidget *search; /* of the template */
        GtkDropDown *filter, *grouping;
        GtkLabel *count;
        GtkStack *stack;
        GtkListView *view;
};

static void page_interface_init(BastionPageInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPageRules, bastion_page_rules, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_interface_init))

/* ---- what is shown --------------------------------------------------------------------------------------------------------- */

static void update(BastionPageRules *page)
{
        size_t n = bastion_rule_list_get_lines(page->list)->len, n_shown = bastion_rule_list_get_n_shown(page->list);
        bool loaded = page->loader && bastion_rule_loader_is_loaded(page->loader);
        g_autofree char *count = panel_rules_count(n_shown, n, bastion_rule_list_get_n_findings(page->list));

        gtk_label_set_text(page->count, loaded ? count : "");
        panel_stack_show(page->stack, !loaded ? "loading" : n == 0 ? "empty" : n_shown == 0 ? "nothing" : "list");
}

static void on_filter_changed(BastionPageRules *page)
{
        bastion_rule_list_set_filter(page->list, (enum rule_filter)gtk_drop_down_get_selected(page->filter), gtk_editable_get_text(GTK_EDITABLE(page->search)));
        update(page);
}

static void on_stop_search(BastionPageRules *page)
{
        gtk_editable_set_text(GTK_EDITABLE(page->search), "");
        gtk_widget_grab_focus(GTK_WIDGET(page->view));
}

static void on_grouping_changed(BastionPageRules *page)
{
        bastion_rule_list_set_grouping(page->list, (enum rule_grouping)gtk_drop_down_get_selected(page->grouping));
}

static void search(BastionPage *page)
{
        gtk_widget_grab_focus(BASTION_PAGE_RULES(page)->search);
}

static void page_interface_init(BastionPageInterface *interface)
{
        interface->search = search;
}

/* ---- changing a rule ------------------------------------------------------------------------------------------------------- */

/* What one request was about. */
struct wanted {
        char *id;
        const char *words; /* for the toast */
};

static void wanted_free(gpointer data)
{
        struct wanted *wanted = data;

        g_free(wanted->id);
        g_free(wanted);
}

static void show_rows(BastionPageRules *page)
{
        for (guint i = 0; i < page->rows->len; i++)
                bastion_rule_row_set_may_change(page->rows->pdata[i], bastion_link_is_up(page->link));
}

static void on_changed(gpointer owner, struct event *reply)
{
        BastionPageRules *page = owner;
        struct wanted *wanted = g_queue_pop_head(&page->wanted);

        if (panel_say_if_error(owner, reply))
                panel_say_changed(owner, page->link, wanted->words, wanted->id);
        else
                show_rows(page); /* the switch that was moved goes back */
        wanted_free(wanted);
}

static struct buf *request(BastionPageRules *page, const char *id, const char *words, int64_t *ret_request)
{
        struct buf *out = bastion_link_request(page->link, page, on_changed, ret_request);
        struct wanted *wanted;

        if (!out)
                return NULL;
        wanted = g_new0(struct wanted, 1);
        wanted->id = g_strdup(id);
        wanted->words = words;
        g_queue_push_tail(&page->wanted, wanted);
        return out;
}

static void on_switched(_unused_ BastionRuleRow *row, const char *id, gboolean enabled, BastionPageRules *page)
{
        int64_t number;
        struct buf *out = request(page, id, enabled ? _("Switched on") : _("Switched off"), &number);

        if (out)
                message_format_request_rule_enable(out, number, id, enabled);
}

static void on_delete(_unused_ BastionRuleRow *row, const char *id, BastionPageRules *page)
{
        int64_t number;
        struct buf *out = request(page, id, _("Rule deleted"), &number);

        if (out)
                message_format_request_rule_delete(out, number, id);
}

static const struct rule_line *find_line(BastionPageRules *page, const char *id)
{
        GPtrArray *lines = bastion_rule_list_get_lines(page->list);

        for (guint i = 0; i < lines->len; i++)
                if (strcmp(rule_line_id(lines->pdata[i]), id) == 0)
                        return lines->pdata[i];
        return NULL;
}

static void open_dialog(BastionPageRules *page, const struct rule_line *line)
{
        bastion_rule_dialog_present(GTK_WIDGET(page), page->link, line);
}

static void on_edit(_unused_ BastionRuleRow *row, const char *id, BastionPageRules *page)
{
        const struct rule_line *line = find_line(page, id);

        if (line)
                open_dialog(page, line);
}

static void on_activated(GtkListView *view, guint i, BastionPageRules *page)
{
        g_autoptr(BastionRuleItem) item = g_list_model_get_item(G_LIST_MODEL(gtk_list_view_get_model(view)), i);
        g_autofree char *locked = NULL;

        if (!item || bastion_rule_item_get_count(item) > 0 || !bastion_link_is_up(page->link))
                return;
        locked = panel_rule_locked(bastion_rule_item_get_line(item));
        if (locked)
                panel_say(GTK_WIDGET(page), locked);
        else
                open_dialog(page, bastion_rule_item_get_line(item));
}

/* Del on a row that is selected. */
static gboolean on_delete_key(_unused_ GtkWidget *widget, _unused_ GVariant *arguments, gpointer userdata)
{
        BastionPageRules *page = userdata;
        g_autofree char *locked = NULL;
        BastionRuleItem *item = gtk_single_selection_get_selected_item(GTK_SINGLE_SELECTION(gtk_list_view_get_model(page->view)));

        if (!item || bastion_rule_item_get_count(item) > 0 || !bastion_link_is_up(page->link))
                return FALSE;
        locked = panel_rule_locked(bastion_rule_item_get_line(item));
        if (locked)
                panel_say(GTK_WIDGET(page), locked);
        else
                on_delete(NULL, rule_line_id(bastion_rule_item_get_line(item)), page);
        return TRUE;
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static void on_add(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        open_dialog(userdata, NULL);
}

static void on_changes(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        BastionPageRules *page = userdata;

        changes_dialog_present(GTK_WIDGET(page), page->link);
}

static void on_import(_unused_ GSimpleAction *action, GVariant *target, gpointer userdata)
{
        BastionPageRules *page = userdata;

        rules_files_import(GTK_WIDGET(page), page->link, g_variant_get_string(target, NULL));
}

static void on_export(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        BastionPageRules *page = userdata;

        rules_files_export(GTK_WIDGET(page), page->link);
}

static const GActionEntry actions[] = {
        { "add", on_add, NULL, NULL, NULL, { 0 } },
        { "changes", on_changes, NULL, NULL, NULL, { 0 } },
        { "import", on_import, "s", NULL, NULL, { 0 } },
        { "export", on_export, NULL, NULL, NULL, { 0 } },
};

static void on_link_changed(BastionPageRules *page)
{
        bool may = bastion_link_is_up(page->link);

        g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(page->actions), "add")), may);
        g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(page->actions), "import")), may);
        show_rows(page);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------ */

static void on_row_gone(gpointer rows, GObject *row)
{
        g_ptr_array_remove_fast(rows, row);
}

static void on_setup(_unused_ GtkListItemFactory *factory, GtkListItem *item, BastionPageRules *page)
{
        GtkWidget *row = bastion_rule_row_new(page->list);

        bastion_rule_row_set_may_change(BASTION_RULE_ROW(row), bastion_link_is_up(page->link));
        g_signal_connect_object(row, "switched", G_CALLBACK(on_switched), page, 0);
        g_signal_connect_object(row, "edit", G_CALLBACK(on_edit), page, 0);
        g_signal_connect_object(row, "delete", G_CALLBACK(on_delete), page, 0);
        g_ptr_array_add(page->rows, row);
        g_object_weak_ref(G_OBJECT(row), on_row_gone, page->rows);
        gtk_list_item_set_child(item, row);
}

static void on_bind(_unused_ GtkListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        BastionRuleItem *of = gtk_list_item_get_item(item);

        gtk_list_item_set_selectable(item, bastion_rule_item_get_count(of) == 0);
        gtk_list_item_set_activatable(item, bastion_rule_item_get_count(of) == 0);
        bastion_rule_row_show(BASTION_RULE_ROW(gtk_list_item_get_child(item)), of);
}

static void on_unbind(_unused_ GtkListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        bastion_rule_row_show(BASTION_RULE_ROW(gtk_list_item_get_child(item)), NULL);
}

static void add_view(BastionPageRules *page)
{
        GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
        GtkSingleSelection *selection = gtk_single_selection_new(g_object_ref(G_LIST_MODEL(page->list)));

        gtk_single_selection_set_autoselect(selection, FALSE);
        gtk_single_selection_set_can_unselect(selection, TRUE);
        gtk_single_selection_set_selected(selection, GTK_INVALID_LIST_POSITION);
        g_signal_connect_object(factory, "setup", G_CALLBACK(on_setup), page, 0);
        g_signal_connect(factory, "bind", G_CALLBACK(on_bind), NULL);
        g_signal_connect(factory, "unbind", G_CALLBACK(on_unbind), NULL);
        gtk_list_view_set_factory(page->view, factory);
        gtk_list_view_set_model(page->view, GTK_SELECTION_MODEL(selection));
        g_object_unref(factory);
        g_object_unref(selection);
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void add_shortcut(GtkWidget *widget, guint key, GdkModifierType modifiers, GtkShortcutAction *action)
{
        GtkEventController *controller = gtk_shortcut_controller_new();

        gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(controller), gtk_shortcut_new(gtk_keyval_trigger_new(key, modifiers), action));
        gtk_widget_add_controller(widget, controller);
}

static void bastion_page_rules_map(GtkWidget *widget)
{
        GTK_WIDGET_CLASS(bastion_page_rules_parent_class)->map(widget);
        bastion_rule_loader_set_active(BASTION_PAGE_RULES(widget)->loader, true);
}

static void bastion_page_rules_unmap(GtkWidget *widget)
{
        bastion_rule_loader_set_active(BASTION_PAGE_RULES(widget)->loader, false);
        GTK_WIDGET_CLASS(bastion_page_rules_parent_class)->unmap(widget);
}

static void bastion_page_rules_dispose(GObject *object)
{
        BastionPageRules *page = BASTION_PAGE_RULES(object);

        g_clear_object(&page->loader);
        g_clear_object(&page->link);
        g_clear_object(&page->actions);
        G_OBJECT_CLASS(bastion_page_rules_parent_class)->dispose(object);
}

static void bastion_page_rules_finalize(GObject *object)
{
        BastionPageRules *page = BASTION_PAGE_RULES(object);

        for (guint i = 0; i < page->rows->len; i++) /* that outlive the page */
                g_object_weak_unref(page->rows->pdata[i], on_row_gone, page->rows);
        g_ptr_array_unref(page->rows);
        g_queue_clear_full(&page->wanted, wanted_free);
        g_object_unref(page->list);
        G_OBJECT_CLASS(bastion_page_rules_parent_class)->finalize(object);
}

static void bastion_page_rules_class_init(BastionPageRulesClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_rules_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_page_rules_finalize;
        widget_class->map = bastion_page_rules_map;
        widget_class->unmap = bastion_page_rules_unmap;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/page-rules.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, search);
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, filter);
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, grouping);
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, count);
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPageRules, view);
        gtk_widget_class_bind_template_callback(widget_class, on_filter_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_stop_search);
        gtk_widget_class_bind_template_callback(widget_class, on_grouping_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_activated);
}

static void bastion_page_rules_init(BastionPageRules *page)
{
        page->list = bastion_rule_list_new();
        page->rows = g_ptr_array_new();
        page->actions = g_simple_action_group_new();
        g_action_map_add_action_entries(G_ACTION_MAP(page->actions), actions, ARRAY_SIZE(actions), page);
        gtk_widget_insert_action_group(GTK_WIDGET(page), "rules", G_ACTION_GROUP(page->actions));
        gtk_widget_init_template(GTK_WIDGET(page));
        add_shortcut(GTK_WIDGET(page), GDK_KEY_n, GDK_CONTROL_MASK, gtk_named_action_new("rules.add"));
        add_shortcut(GTK_WIDGET(page->view), GDK_KEY_Delete, 0, gtk_callback_action_new(on_delete_key, page, NULL));
}

GtkWidget *page_rules_new(BastionLink *link)
{
        BastionPageRules *page = g_object_new(BASTION_TYPE_PAGE_RULES, NULL);

        page->link = g_object_ref(link);
        page->loader = bastion_rule_loader_new(link, page->list);
        add_view(page);
        g_signal_connect_object(page->loader, "progress", G_CALLBACK(update), page, G_CONNECT_SWAPPED);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_link_changed), page, G_CONNECT_SWAPPED);
        on_link_changed(page);
        update(page);
        return GTK_WIDGET(page);
}
