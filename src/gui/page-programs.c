/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Two leaves: the list, and one program. What history tells comes whole (programs-model.h), so the page searches when it is
 * mapped and when it is asked to, and filters what is there by the words typed. The rules about a program come from the daemon when it is looked at.
 */
#include "gui/page-programs.h"

#include "core/limits.h"
#include "gui/history-text.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/program-row.h"
#include "gui/programs-model.h"
#include "gui/text-label.h"

enum { RULES_PAGE = 2000, PLACES_SHOWN = 100, RULES_SHOWN = 100 };

struct _BastionPagePrograms {
        AdwBin parent;
        BastionLink *link;
        GtkSearchEntry *search;
        GtkStack *stack;
        AdwStatusPage *nothing;
        GtkListView *list;
        AdwLeaflet *leaflet;
        GtkLabel *title, *subtitle, *seen, *left_out;
        AdwPreferencesGroup *places, *rules;
        GPtrArray *rows; /* of the two groups, borrowed from them */
        BastionProgramsModel *model;
        GtkFilterListModel *filtered;
        GtkCustomFilter *filter;
        BastionProgram *shown; /* NULL: the list is */
        guint n_rules;
        int64_t rules_request; /* the last one: what answers an older is about another program, or told twice */
};

static void page_init(BastionPageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPagePrograms, bastion_page_programs, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_init))

/* ---- one program ----------------------------------------------------------------------------------------------------- */

static void add_row(BastionPagePrograms *page, AdwPreferencesGroup *group, struct buf *title, struct buf *subtitle)
{
        GtkWidget *row = adw_action_row_new();

        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title->n > 0 && !buf_error(title) ? title->data : "");
        adw_action_row_set_subtitle(ADW_ACTION_ROW(row), subtitle->n > 0 && !buf_error(subtitle) ? subtitle->data : "");
        adw_action_row_set_title_lines(ADW_ACTION_ROW(row), 3);
        adw_preferences_group_add(group, row);
        g_object_set_data(G_OBJECT(row), "group", group);
        g_ptr_array_add(page->rows, row);
        buf_reset(title);
        buf_reset(subtitle);
}

static void clear_rows(BastionPagePrograms *page)
{
        for (guint i = 0; i < page->rows->len; i++)
                adw_preferences_group_remove(g_object_get_data(page->rows->pdata[i], "group"), page->rows->pdata[i]);
        g_ptr_array_set_size(page->rows, 0);
}

static void add_places(BastionPagePrograms *page)
{
        guint n;
        guint64 n_more;
        const struct program_destination *const *places = bastion_program_get_destinations(page->shown, &n, &n_more);
        _cleanup_(buf_deinit) struct buf title = { 0 }, subtitle = { 0 };
        const gint64 now_us = g_get_real_time();

        for (guint i = 0; i < n && i < PLACES_SHOWN; i++) {
                g_autofree char *place = panel_place(&places[i]->flow, places[i]->host);

                buf_puts(&title, place);
                history_text_sum(&subtitle, places[i]->amounts.n_allowed, places[i]->amounts.n_denied, places[i]->amounts.n_bytes);
                buf_puts(&subtitle, " · ");
                history_text_time(&subtitle, places[i]->amounts.last_us, now_us);
                add_row(page, page->places, &title, &subtitle);
        }
        for (guint i = PLACES_SHOWN; i < n; i++)
                n_more += places[i]->amounts.n_allowed + places[i]->amounts.n_denied;
        if (n_more > 0)
                history_text_elsewhere(&title, n_more);
        adw_preferences_group_set_description(page->places, title.n > 0 && !buf_error(&title) ? title.data : NULL);
}

/* Whether it is about this program by its path; what is about anyone is no news here. */
static bool is_about(const struct rule *rule, const struct subject *s)
{
        const char *path = subject_rule_path(s);

        return (rule->subject == RULE_PATH && path && strcmp(rule->program, path) == 0) ||
               (rule->subject == RULE_NAME && strcmp(rule->program, s->name) == 0);
}

static void ask_rules(BastionPagePrograms *page, const struct rules_mark *after);

static void on_rules(gpointer owner, struct event *reply)
{
        BastionPagePrograms *page = owner;
        _cleanup_(buf_deinit) struct buf title = { 0 }, subtitle = { 0 };

        if (!page->shown || (reply && reply->id != page->rules_request))
                return;
        if (!reply || reply->type != EVENT_REPLY) {
                g_autofree char *error = panel_markup_of(bastion_reply_error(reply));

                adw_preferences_group_set_description(page->rules, error);
                return;
        }
        for (size_t i = 0; i < reply->n_rules && page->n_rules < RULES_SHOWN; i++) {
                if (!is_about(reply->rules[i], bastion_program_get_subject(page->shown)))
                        continue;
                history_text_rule(&title, reply->rules[i]);
                history_text_origin(&subtitle, reply->rules[i]);
                add_row(page, page->rules, &title, &subtitle);
                page->n_rules++;
        }
        if (reply->has_next && page->n_rules < RULES_SHOWN)
                ask_rules(page, &reply->next);
        else if (page->n_rules == 0)
                adw_preferences_group_set_description(page->rules, _("No rule is about this program alone."));
}

static void ask_rules(BastionPagePrograms *page, const struct rules_mark *after)
{
        struct rules_page wanted = { .limit = RULES_PAGE, .has_after = after };
        struct buf *out;

        if (after)
                wanted.after = *after;
        out = bastion_link_request(page->link, page, on_rules, &page->rules_request);
        if (out)
                message_format_request_rules(out, page->rules_request, &wanted);
        else
                adw_preferences_group_set_description(page->rules, _("The firewall is not running."));
}

static void show_program(BastionPagePrograms *page, BastionProgram *program)
{
        const struct program_amounts *amounts = bastion_program_get_amounts(program);
        const struct subject *subject = bastion_program_get_subject(program);
        g_autofree char *name = panel_program_name(subject), *path = panel_program_path(subject);
        _cleanup_(buf_deinit) struct buf text = { 0 };

        g_set_object(&page->shown, program);
        clear_rows(page);
        page->n_rules = 0;
        gtk_label_set_text(page->title, name);
        gtk_label_set_text(page->subtitle, path);
        history_text_seen(&text, amounts->first_us, amounts->last_us, subject->uid, g_get_real_time());
        label_take(page->seen, &text);
        adw_preferences_group_set_description(page->rules, NULL);
        add_places(page);
        ask_rules(page, NULL);
        adw_leaflet_navigate(page->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

static void on_back(BastionPagePrograms *page)
{
        adw_leaflet_navigate(page->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
        g_clear_object(&page->shown);
}

/* ---- the list -------------------------------------------------------------------------------------------------------- */

static gboolean is_wanted(gpointer item, gpointer userdata)
{
        BastionPagePrograms *page = userdata;
        const struct subject *s = bastion_program_get_subject(item);
        g_autofree char *name = panel_program_name(s), *path = panel_program_path(s), *both = g_strconcat(name, " ", path, NULL);
        g_autofree char *needle = g_utf8_casefold(gtk_editable_get_text(GTK_EDITABLE(page->search)), -1), *hay = g_utf8_casefold(both, -1);

        return strstr(hay, needle) != NULL;
}

/* No list is shortened without a word. */
static void show_left_out(BastionPagePrograms *page)
{
        const guint64 n = bastion_programs_model_get_n_left_out(page->model);
        g_autofree char *text = g_strdup_printf(ngettext_("%llu connection was of a program for which there is no room here.",
                                                          "%llu connections were of programs for which there is no room here.", n), (unsigned long long)n);

        gtk_label_set_text(page->left_out, text);
        gtk_widget_set_visible(GTK_WIDGET(page->left_out), n > 0);
}

static void update_stack(BastionPagePrograms *page)
{
        const bool empty = g_list_model_get_n_items(G_LIST_MODEL(page->model)) == 0;
        const char *words;
        const BastionHistoryResult result = bastion_programs_model_get_result(page->model, &words);
        g_autofree char *escaped = NULL;

        show_left_out(page);
        if (!empty && g_list_model_get_n_items(G_LIST_MODEL(page->filtered)) > 0) {
                panel_stack_show(page->stack, "list");
                return;
        }
        if (empty && bastion_programs_model_is_loading(page->model)) {
                panel_stack_show(page->stack, "loading");
                return;
        }
        escaped = panel_markup_of(result == BASTION_HISTORY_FAILED && *words ? words
                                  : result == BASTION_HISTORY_DENIED         ? history_text_nothing(HISTORY_NOTHING_DENIED)
                                  : empty                                    ? history_text_nothing(HISTORY_NOTHING_THERE)
                                                                             : _("No program has this in its name."));
        adw_status_page_set_description(page->nothing, escaped);
        panel_stack_show(page->stack, "nothing");
}

static void search(BastionPagePrograms *page, const char *folder)
{
        bastion_programs_model_search(page->model, folder, g_get_real_time() - LIMIT_HISTORY_DAYS * INT64_C(86400) * G_USEC_PER_SEC);
        update_stack(page);
}

static void on_newest(gpointer owner, struct event *reply)
{
        search(owner, reply && reply->type == EVENT_REPLY && reply->history ? reply->history : BASTION_HISTORY_FOLDER);
}

/* Where history is, the daemon knows. */
static void refresh(BastionPagePrograms *page)
{
        struct buf *out;
        int64_t id;

        if (bastion_programs_model_is_loading(page->model))
                return;
        out = bastion_link_request(page->link, page, on_newest, &id);
        if (out)
                message_format_request_decisions(out, id, 1);
        else
                search(page, BASTION_HISTORY_FOLDER);
}

static void on_search_changed(BastionPagePrograms *page)
{
        gtk_filter_changed(GTK_FILTER(page->filter), GTK_FILTER_CHANGE_DIFFERENT);
        update_stack(page);
}

static void on_setup(_unused_ GtkSignalListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        gtk_list_item_set_child(item, g_object_new(BASTION_TYPE_PROGRAM_ROW, NULL));
}

static void on_bind(_unused_ GtkSignalListItemFactory *factory, GtkListItem *item, _unused_ gpointer userdata)
{
        bastion_program_row_set(BASTION_PROGRAM_ROW(gtk_list_item_get_child(item)), BASTION_PROGRAM(gtk_list_item_get_item(item)), g_get_real_time());
}

static void on_activate(_unused_ GtkListView *list, guint position, BastionPagePrograms *page)
{
        g_autoptr(BastionProgram) program = g_list_model_get_item(G_LIST_MODEL(page->filtered), position);

        if (program)
                show_program(page, program);
}

/* ---- the object ------------------------------------------------------------------------------------------------------ */

static void page_search(BastionPage *page)
{
        gtk_widget_grab_focus(GTK_WIDGET(BASTION_PAGE_PROGRAMS(page)->search));
}

static void page_init(BastionPageInterface *iface)
{
        iface->search = page_search;
}

static void bastion_page_programs_dispose(GObject *object)
{
        BastionPagePrograms *page = BASTION_PAGE_PROGRAMS(object);

        if (page->model)
                g_signal_handlers_disconnect_by_data(page->model, page);
        if (page->filter)
                gtk_custom_filter_set_filter_func(page->filter, NULL, NULL, NULL);
        g_clear_object(&page->link);
        g_clear_object(&page->model);
        g_clear_object(&page->filtered);
        g_clear_object(&page->filter);
        g_clear_object(&page->shown);
        G_OBJECT_CLASS(bastion_page_programs_parent_class)->dispose(object);
}

static void bastion_page_programs_finalize(GObject *object)
{
        g_ptr_array_unref(BASTION_PAGE_PROGRAMS(object)->rows);
        G_OBJECT_CLASS(bastion_page_programs_parent_class)->finalize(object);
}

static void bastion_page_programs_class_init(BastionPageProgramsClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_programs_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_page_programs_finalize;
        gtk_widget_class_set_template_from_resource(widget_class, "/com/bastion/firewall/panel/page-programs.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, search);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, nothing);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, list);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, leaflet);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, title);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, subtitle);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, seen);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, left_out);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, places);
        gtk_widget_class_bind_template_child(widget_class, BastionPagePrograms, rules);
        gtk_widget_class_bind_template_callback(widget_class, refresh);
        gtk_widget_class_bind_template_callback(widget_class, on_search_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_back);
}

static void bastion_page_programs_init(BastionPagePrograms *page)
{
        g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
        g_autoptr(GtkSelectionModel) selection = NULL;

        gtk_widget_init_template(GTK_WIDGET(page));
        page->rows = g_ptr_array_new();
        page->model = bastion_programs_model_new();
        page->filter = gtk_custom_filter_new(is_wanted, page, NULL);
        page->filtered = gtk_filter_list_model_new(g_object_ref(G_LIST_MODEL(page->model)), g_object_ref(GTK_FILTER(page->filter)));
        g_signal_connect_swapped(page->model, "notify::loading", G_CALLBACK(update_stack), page);
        g_signal_connect(factory, "setup", G_CALLBACK(on_setup), NULL);
        g_signal_connect(factory, "bind", G_CALLBACK(on_bind), NULL);
        selection = GTK_SELECTION_MODEL(gtk_single_selection_new(g_object_ref(G_LIST_MODEL(page->filtered))));
        gtk_list_view_set_factory(page->list, factory);
        gtk_list_view_set_model(page->list, selection);
}

GtkWidget *page_programs_new(BastionLink *link)
{
        BastionPagePrograms *page = g_object_new(BASTION_TYPE_PAGE_PROGRAMS, NULL);

        page->link = g_object_ref(link);
        return GTK_WIDGET(page);
}
