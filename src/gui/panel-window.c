/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. `status` is asked for when the link comes up and every minute while the window is seen: its problems are told by nothing else.
 * A window that is minimised stays mapped: what is in it is unmapped then, so that pages, which ask for something only while they are mapped, are still.
 */
#include "gui/panel-window.h"

#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/mode-button.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"
#include "gui/service.h"

enum { STATUS_SECONDS = 60 };

struct _BastionPanelWindow {
        AdwApplicationWindow parent;
        BastionLink *link;
        bool was_up;    /* there is something to show */
        char *problems; /* of the last status, or NULL */
        guint status;   /* a timeout of the main loop while mapped, else 0 */
        /* of the template */
        AdwLeaflet *leaflet;
        GtkWidget *sidebar, *content, *sidebar_header, *content_header, *back, *bar, *bar_box, *bar_label, *bar_button, *lost_button;
        GtkListBox *list;
        AdwWindowTitle *page_title;
        AdwStatusPage *lost;
        GtkStack *cover, *stack;
        BastionModeButton *mode_button;
};

G_DEFINE_FINAL_TYPE(BastionPanelWindow, bastion_panel_window, ADW_TYPE_APPLICATION_WINDOW)

/* ---- pages ----------------------------------------------------------------------------------------------------------------- */

static const struct panel_page *find_page(const char *name)
{
        for (const struct panel_page *page = panel_pages; page->name; page++)
                if (strcmp(page->name, name) == 0)
                        return page;
        return NULL;
}

bool bastion_panel_window_show_page(BastionPanelWindow *window, const char *name)
{
        const struct panel_page *page = find_page(name);

        if (!page)
                return false;
        if (!gtk_stack_get_child_by_name(window->stack, name))
                gtk_stack_add_named(window->stack, page->new(window->link), name);
        panel_stack_show(window->stack, name);
        adw_window_title_set_title(window->page_title, _(page->title));
        gtk_list_box_select_row(window->list, gtk_list_box_get_row_at_index(window->list, (int)(page - panel_pages)));
        adw_leaflet_set_visible_child(window->leaflet, window->content);
        return true;
}

void bastion_panel_window_show_first_page(BastionPanelWindow *window)
{
        if (!gtk_stack_get_visible_child(window->stack))
                bastion_panel_window_show_page(window, panel_pages[0].name);
}

static GtkWidget *new_row(const struct panel_page *page)
{
        GtkWidget *row = gtk_list_box_row_new(), *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12), *label = gtk_label_new(_(page->title));

        gtk_box_append(GTK_BOX(box), gtk_image_new_from_icon_name(page->icon));
        gtk_box_append(GTK_BOX(box), label);
        gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), box);
        gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, _(page->title), -1);
        return row;
}

static void on_row_activated(_unused_ GtkListBox *list, GtkListBoxRow *row, BastionPanelWindow *window)
{
        bastion_panel_window_show_page(window, panel_pages[gtk_list_box_row_get_index(row)].name);
}

static void on_back_clicked(BastionPanelWindow *window)
{
        adw_leaflet_set_visible_child(window->leaflet, window->sidebar);
}

static void on_folded(BastionPanelWindow *window)
{
        bool folded = adw_leaflet_get_folded(window->leaflet);

        gtk_widget_set_visible(window->back, folded);
        adw_header_bar_set_show_end_title_buttons(ADW_HEADER_BAR(window->sidebar_header), folded);
        adw_header_bar_set_show_start_title_buttons(ADW_HEADER_BAR(window->content_header), folded);
        /* The mode has to be readable in 360 pixels; the other two buttons have their keys. */
        adw_header_bar_set_decoration_layout(ADW_HEADER_BAR(window->content_header), folded ? ":close" : NULL);
}

/* ---- the state of the whole ------------------------------------------------------------------------------------------------ */

static void show_bar(BastionPanelWindow *window, const char *text, bool startable, bool severe)
{
        gtk_revealer_set_reveal_child(GTK_REVEALER(window->bar), text != NULL);
        if (!text)
                return;
        gtk_label_set_text(GTK_LABEL(window->bar_label), text);
        gtk_widget_set_tooltip_text(window->bar_label, text);
        gtk_widget_set_visible(window->bar_button, startable);
        (severe ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(window->bar_box, "severe");
}

static void update_bar(BastionPanelWindow *window)
{
        BastionLinkState state = bastion_link_get_state(window->link);

        if (!window->was_up)
                show_bar(window, NULL, false, false);
        else if (state == BASTION_LINK_NO_DAEMON)
                show_bar(window, _("The firewall is not running. What is shown is what it said last."), true, true);
        else if (state == BASTION_LINK_NOT_PERMITTED)
                show_bar(window, panel_not_permitted(), false, true);
        else if (state == BASTION_LINK_UP && window->problems)
                show_bar(window, window->problems, false, true);
        else
                show_bar(window, NULL, false, false);
}

static void on_state(BastionPanelWindow *window)
{
        BastionLinkState state = bastion_link_get_state(window->link);
        bool permitted = state != BASTION_LINK_NOT_PERMITTED;

        if (state == BASTION_LINK_UP)
                window->was_up = true;
        panel_stack_show(window->cover, window->was_up ? "pages" : state == BASTION_LINK_GREETING ? "wait" : "lost");
        gtk_widget_set_sensitive(GTK_WIDGET(window->stack), state == BASTION_LINK_UP);
        adw_status_page_set_title(window->lost, permitted ? _("The firewall is not running") : _("You may not look"));
        adw_status_page_set_description(window->lost, permitted ? _("No program is held back, and nobody is asked.") : panel_not_permitted());
        gtk_widget_set_visible(window->lost_button, permitted);
        update_bar(window);
}

static void on_status(gpointer owner, struct event *reply)
{
        BastionPanelWindow *window = owner;

        if (!reply || !reply->has_status)
                return;
        g_clear_pointer(&window->problems, g_free);
        window->problems = panel_problems(&reply->status);
        update_bar(window);
}

static gboolean ask_status(gpointer userdata)
{
        BastionPanelWindow *window = userdata;

        if (gtk_widget_get_child_visible(GTK_WIDGET(window->cover)))
                bastion_link_ask(window->link, MESSAGE_STATUS, window, on_status);
        return G_SOURCE_CONTINUE;
}

static void on_link_state(BastionPanelWindow *window)
{
        on_state(window);
        ask_status(window);
}

static void on_start_failed(const char *words, gpointer userdata)
{
        panel_say(userdata, words);
}

static void on_start_clicked(BastionPanelWindow *window)
{
        service_do(SERVICE_START, on_start_failed, window->stack);
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static void on_page(_unused_ GSimpleAction *action, GVariant *target, gpointer userdata)
{
        bastion_panel_window_show_page(userdata, g_variant_get_string(target, NULL));
}

static void on_search(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        BastionPanelWindow *window = userdata;
        GtkWidget *page = gtk_stack_get_visible_child(window->stack);

        if (page && gtk_widget_get_mapped(page))
                bastion_page_search(BASTION_PAGE(page));
}

static void on_shortcuts(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        g_autoptr(GtkBuilder) builder = gtk_builder_new_from_resource(APP_RESOURCES "/panel/shortcuts.ui");
        GtkWindow *shortcuts = GTK_WINDOW(gtk_builder_get_object(builder, "shortcuts"));

        gtk_window_set_transient_for(shortcuts, userdata);
        gtk_window_present(shortcuts);
}

static void on_about(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        adw_show_about_window(userdata, "application-name", _("Bastion Firewall"), "application-icon", APP_ID, "version", BASTION_VERSION,
                              "comments", _("Asks before a program reaches the network, and remembers what you said."), "license-type", GTK_LICENSE_GPL_3_0, NULL);
}

static const GActionEntry actions[] = {
        { "page", on_page, "s", NULL, NULL, { 0 } },
        { "search", on_search, NULL, NULL, NULL, { 0 } },
        { "shortcuts", on_shortcuts, NULL, NULL, NULL, { 0 } },
        { "about", on_about, NULL, NULL, NULL, { 0 } },
};

static void add_shortcuts(AdwApplication *app)
{
        static const struct {
                const char *action, *keys[2];
        } shortcuts[] = { { "win.search", { "<Control>f" } }, { "win.shortcuts", { "<Control>question" } }, { "window.close", { "<Control>w" } }, { "app.quit", { "<Control>q" } } };

        for (size_t i = 0; i < ARRAY_SIZE(shortcuts); i++)
                gtk_application_set_accels_for_action(GTK_APPLICATION(app), shortcuts[i].action, shortcuts[i].keys);
        for (size_t i = 0; panel_pages[i].name; i++) {
                g_autofree char *action = g_strdup_printf("win.page::%s", panel_pages[i].name), *key = g_strdup_printf("<Control>%zu", i + 1);

                gtk_application_set_accels_for_action(GTK_APPLICATION(app), action, (const char *const[]){ key, NULL });
        }
}

/* ---- the window ------------------------------------------------------------------------------------------------------------ */

static void on_surface_state(BastionPanelWindow *window, _unused_ GParamSpec *spec, GdkToplevel *surface)
{
        gtk_widget_set_child_visible(GTK_WIDGET(window->cover), !(gdk_toplevel_get_state(surface) & GDK_TOPLEVEL_STATE_MINIMIZED));
}

static void bastion_panel_window_realize(GtkWidget *widget)
{
        GTK_WIDGET_CLASS(bastion_panel_window_parent_class)->realize(widget);
        g_signal_connect_object(gtk_native_get_surface(GTK_NATIVE(widget)), "notify::state", G_CALLBACK(on_surface_state), widget, G_CONNECT_SWAPPED);
}

static void bastion_panel_window_map(GtkWidget *widget)
{
        BastionPanelWindow *window = BASTION_PANEL_WINDOW(widget);

        GTK_WIDGET_CLASS(bastion_panel_window_parent_class)->map(widget);
        window->status = g_timeout_add_seconds(STATUS_SECONDS, ask_status, window);
}

static void bastion_panel_window_unmap(GtkWidget *widget)
{
        g_clear_handle_id(&BASTION_PANEL_WINDOW(widget)->status, g_source_remove);
        GTK_WIDGET_CLASS(bastion_panel_window_parent_class)->unmap(widget);
}

static void bastion_panel_window_dispose(GObject *object)
{
        BastionPanelWindow *window = BASTION_PANEL_WINDOW(object);

        g_clear_handle_id(&window->status, g_source_remove);
        g_clear_object(&window->link);
        g_clear_pointer(&window->problems, g_free);
        G_OBJECT_CLASS(bastion_panel_window_parent_class)->dispose(object);
}

static void bastion_panel_window_class_init(BastionPanelWindowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_panel_window_dispose;
        widget_class->realize = bastion_panel_window_realize;
        widget_class->map = bastion_panel_window_map;
        widget_class->unmap = bastion_panel_window_unmap;
        g_type_ensure(BASTION_TYPE_MODE_BUTTON);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/panel-window.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, leaflet);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, sidebar);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, content);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, sidebar_header);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, content_header);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, back);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, bar);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, bar_box);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, bar_label);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, bar_button);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, lost);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, lost_button);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, list);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, page_title);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, cover);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, stack);
        gtk_widget_class_bind_template_child(widget_class, BastionPanelWindow, mode_button);
        gtk_widget_class_bind_template_callback(widget_class, on_row_activated);
        gtk_widget_class_bind_template_callback(widget_class, on_back_clicked);
        gtk_widget_class_bind_template_callback(widget_class, on_start_clicked);
}

static void bastion_panel_window_init(BastionPanelWindow *window)
{
        gtk_widget_init_template(GTK_WIDGET(window));
        g_action_map_add_action_entries(G_ACTION_MAP(window), actions, ARRAY_SIZE(actions), window);
        for (const struct panel_page *page = panel_pages; page->name; page++)
                gtk_list_box_append(window->list, new_row(page));
        g_signal_connect_object(window->leaflet, "notify::folded", G_CALLBACK(on_folded), window, G_CONNECT_SWAPPED);
        on_folded(window);
}

BastionPanelWindow *bastion_panel_window_new(AdwApplication *app, BastionLink *link)
{
        BastionPanelWindow *window = g_object_new(BASTION_TYPE_PANEL_WINDOW, "application", app, NULL);

        window->link = g_object_ref(link);
        add_shortcuts(app);
        bastion_mode_button_set_link(window->mode_button, link);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_link_state), window, G_CONNECT_SWAPPED);
        on_link_state(window);
        return window;
}
