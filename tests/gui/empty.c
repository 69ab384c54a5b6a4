/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A window with nothing in it: what GTK and libadwaita themselves take. It says when it was shown, in microseconds of the monotonic clock. */
#include <adwaita.h>

static void on_map(void)
{
        g_print("%lld\n", (long long)g_get_monotonic_time());
}

static void on_activate(GtkApplication *app)
{
        GtkWidget *window = adw_application_window_new(app);

        gtk_window_set_title(GTK_WINDOW(window), "Empty");
        g_signal_connect_after(window, "map", G_CALLBACK(on_map), NULL);
        gtk_window_present(GTK_WINDOW(window));
}

int main(int argc, char **argv)
{
        AdwApplication *app = adw_application_new("com.bastion.firewall.empty", G_APPLICATION_DEFAULT_FLAGS);

        g_signal_connect(app, "activate", G_CALLBACK(on_activate), NULL);
        return g_application_run(G_APPLICATION(app), argc, argv);
}
