/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-control-panel: a window on the daemon. It is told of changed rules; of questions it is not, for who subscribes to them counts as somebody to
 * ask: they are the tray's (bastion-gui), whatever the panel shows.
 */
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-resources.h" /* made from panel.gresource.xml */
#include "gui/panel-window.h"

static BastionPanelWindow *window;

static void on_startup(GApplication *app)
{
        g_autoptr(GtkCssProvider) style = gtk_css_provider_new();
        g_autoptr(BastionLink) link = app_link_new(ADW_APPLICATION(app), SUBSCRIBE_RULES);

        gtk_css_provider_load_from_resource(style, APP_RESOURCES "/panel/panel.css");
        gtk_style_context_add_provider_for_display(gdk_display_get_default(), GTK_STYLE_PROVIDER(style), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
        window = bastion_panel_window_new(ADW_APPLICATION(app), link);
}

static void on_activate(_unused_ GApplication *app)
{
        gtk_window_present(GTK_WINDOW(window));
}

static void on_page(_unused_ GSimpleAction *action, GVariant *name, gpointer app)
{
        if (!bastion_panel_window_show_page(window, g_variant_get_string(name, NULL)))
                g_printerr(_("There is no page “%s”.\n"), g_variant_get_string(name, NULL));
        g_application_activate(app);
}

static void on_quit(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer app)
{
        g_application_quit(app);
}

/* --page=NAME, in the first instance or in one that runs already. */
static int on_local_options(GApplication *app, GVariantDict *options, _unused_ gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        const char *page;

        if (!g_variant_dict_lookup(options, "page", "&s", &page))
                return -1;
        if (!g_application_register(app, NULL, &error)) {
                g_printerr("%s\n", error->message);
                return 1;
        }
        g_action_group_activate_action(G_ACTION_GROUP(app), "page", g_variant_new_string(page));
        return -1;
}

int main(int argc, char **argv)
{
        static const GOptionEntry options[] = {
                { "page", 'p', 0, G_OPTION_ARG_STRING, NULL, N_("Begin with this page: now, programs, rules, history, learning, settings"), N_("NAME") },
                { 0 },
        };
        static const struct app_program program = { .id = APP_PANEL_ID, .client = "bastion-control-panel", .summary = N_("Shows what the firewall does, and changes it."), .options = options };
        static const GActionEntry actions[] = {
                { "page", on_page, "s", NULL, NULL, { 0 } },
                { "quit", on_quit, NULL, NULL, NULL, { 0 } },
        };
        g_autoptr(AdwApplication) app = app_new(&program);

        panel_register_resource();
        g_action_map_add_action_entries(G_ACTION_MAP(app), actions, ARRAY_SIZE(actions), app);
        g_signal_connect(app, "startup", G_CALLBACK(on_startup), NULL);
        g_signal_connect(app, "activate", G_CALLBACK(on_activate), NULL);
        g_signal_connect(app, "handle-local-options", G_CALLBACK(on_local_options), NULL);
        return g_application_run(G_APPLICATION(app), argc, argv);
}
