/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/page-settings.h"

#include "client/words.h"
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/setting-row.h"

#define BASTION_TYPE_PAGE_SETTINGS (bastion_page_settings_get_type())
G_DECLARE_FINAL_TYPE(BastionPageSettings, bastion_page_settings, BASTION, PAGE_SETTINGS, AdwBin)

struct _BastionPageSettings {
        AdwBin parent;
        BastionLink *link;
        GPtrArray *rows; /* of BastionSettingRow; borrowed, they live as long as the page */
        AdwPreferencesPage *page;
        AdwActionRow *file;
};

static void page_interface_init(_unused_ BastionPageInterface *interface)
{
}

G_DEFINE_FINAL_TYPE_WITH_CODE(BastionPageSettings, bastion_page_settings, ADW_TYPE_BIN, G_IMPLEMENT_INTERFACE(BASTION_TYPE_PAGE, page_interface_init))

static void show_config(BastionPageSettings *page, const struct event *event)
{
        g_autofree char *file = panel_config_file(event->config_file, event->config_problem);
        bool may = bastion_link_is_up(page->link);

        for (guint i = 0; i < page->rows->len; i++) {
                BastionSettingRow *row = page->rows->pdata[i];

                bastion_setting_row_show(row, &event->config, &event->config_defaults);
                gtk_widget_set_sensitive(GTK_WIDGET(row), may);
        }
        adw_action_row_set_subtitle(page->file, file);
        (event->config_problem ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(GTK_WIDGET(page->file), "setting-problem");
}

static void on_config(gpointer owner, struct event *reply)
{
        if (reply && reply->has_config)
                show_config(owner, reply);
}

static void ask(BastionPageSettings *page)
{
        bastion_link_ask(page->link, MESSAGE_CONFIG, page, on_config);
}

static void on_event(_unused_ BastionLink *link, struct event *event, BastionPageSettings *page)
{
        if (event->type == EVENT_CONFIG_CHANGED && event->has_config)
                show_config(page, event);
}

/* ---- one change ------------------------------------------------------------------------------------------------------------ */

static void on_set(gpointer owner, struct event *reply)
{
        BastionSettingRow *row = owner;
        BastionPageSettings *page = BASTION_PAGE_SETTINGS(gtk_widget_get_ancestor(owner, BASTION_TYPE_PAGE_SETTINGS));
        g_autofree char *text = NULL;

        if (reply && reply->type == EVENT_REPLY) {
                bastion_setting_row_show_problem(row, NULL);
                text = g_strdup_printf(_("%s: changed"), _(bastion_setting_row_get_setting(row)->title));
                panel_say(GTK_WIDGET(row), text);
                return;
        }
        bastion_setting_row_show_problem(row, bastion_reply_error(reply));
        if (page) /* the value that holds */
                ask(page);
}

static void on_chosen(BastionSettingRow *row, const char *key, const char *json, BastionPageSettings *page)
{
        int64_t id;
        struct buf *out = bastion_link_request(page->link, row, on_set, &id);

        if (out)
                message_format_request_config_set(out, id, key, json);
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void add_group(BastionPageSettings *page, const struct setting_group *group)
{
        AdwPreferencesGroup *widget = ADW_PREFERENCES_GROUP(adw_preferences_group_new());

        adw_preferences_group_set_title(widget, _(group->title));
        if (group->explanation)
                adw_preferences_group_set_description(widget, _(group->explanation));
        for (const struct setting *setting = group->settings; setting->key; setting++) {
                GtkWidget *row = bastion_setting_row_new(setting);

                g_signal_connect(row, "chosen", G_CALLBACK(on_chosen), page);
                g_ptr_array_add(page->rows, row);
                adw_preferences_group_add(widget, row);
        }
        adw_preferences_page_add(page->page, widget);
}

static void bastion_page_settings_map(GtkWidget *widget)
{
        GTK_WIDGET_CLASS(bastion_page_settings_parent_class)->map(widget);
        ask(BASTION_PAGE_SETTINGS(widget));
}

static void bastion_page_settings_dispose(GObject *object)
{
        BastionPageSettings *page = BASTION_PAGE_SETTINGS(object);

        g_clear_object(&page->link);
        g_clear_pointer(&page->rows, g_ptr_array_unref);
        G_OBJECT_CLASS(bastion_page_settings_parent_class)->dispose(object);
}

static void bastion_page_settings_class_init(BastionPageSettingsClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_page_settings_dispose;
        widget_class->map = bastion_page_settings_map;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/page-settings.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionPageSettings, page);
        gtk_widget_class_bind_template_child(widget_class, BastionPageSettings, file);
}

static void bastion_page_settings_init(BastionPageSettings *page)
{
        page->rows = g_ptr_array_new();
        gtk_widget_init_template(GTK_WIDGET(page));
        for (const struct setting_group *group = setting_groups; group->title; group++)
                add_group(page, group);
}

GtkWidget *page_settings_new(BastionLink *link)
{
        BastionPageSettings *page = g_object_new(BASTION_TYPE_PAGE_SETTINGS, NULL);

        page->link = g_object_ref(link);
        g_signal_connect_object(link, "event", G_CALLBACK(on_event), page, 0);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(ask), page, G_CONNECT_SWAPPED);
        return GTK_WIDGET(page);
}
