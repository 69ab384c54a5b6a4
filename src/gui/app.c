/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/app.h"

#include <locale.h>
#include <stdio.h>

#include "gui/i18n.h"
#include "gui/shared-resources.h" /* made from shared.gresource.xml */

#define SOCKET_KEY  "bastion-socket"
#define PROGRAM_KEY "bastion-program"

static const GOptionEntry common_options[] = {
        { "socket", 0, 0, G_OPTION_ARG_FILENAME, NULL, N_("Where the daemon listens"), N_("PATH") },
        { "version", 'V', 0, G_OPTION_ARG_NONE, NULL, N_("Show the version of this program"), NULL },
        { 0 },
};

static void init_language(void)
{
        setlocale(LC_ALL, "");
        bindtextdomain(BASTION_GETTEXT, BASTION_LOCALEDIR);
        bind_textdomain_codeset(BASTION_GETTEXT, "UTF-8");
        textdomain(BASTION_GETTEXT);
}

/* -1: go on; else the exit code. */
static int on_local_options(GApplication *app, GVariantDict *options, const struct app_program *program)
{
        char *path = NULL;

        if (g_variant_dict_contains(options, "version")) {
                printf("%s %s\n", program->client, BASTION_VERSION);
                return 0;
        }
        if (g_variant_dict_lookup(options, "socket", "^ay", &path))
                g_object_set_data_full(G_OBJECT(app), SOCKET_KEY, path, g_free);
        /* Windows are told apart by it (WM_CLASS); the help, which is over by now, wants the file's name. */
        g_set_prgname(program->id);
        return -1;
}

AdwApplication *app_new(GType type, const struct app_program *program)
{
        AdwApplication *app;

        init_language();
        shared_register_resource();
        app = g_object_new(type, "application-id", program->id, "resource-base-path", APP_RESOURCES, NULL);
        g_object_set_data(G_OBJECT(app), PROGRAM_KEY, (gpointer)program);
        g_application_set_option_context_summary(G_APPLICATION(app), _(program->summary));
        g_application_add_main_option_entries(G_APPLICATION(app), common_options);
        if (program->options)
                g_application_add_main_option_entries(G_APPLICATION(app), program->options);
        g_signal_connect(app, "handle-local-options", G_CALLBACK(on_local_options), (gpointer)program);
        return app;
}

const char *app_socket(AdwApplication *app)
{
        const char *path = g_object_get_data(G_OBJECT(app), SOCKET_KEY);

        return path ? path : CLIENT_SOCKET;
}

BastionLink *app_link_new(AdwApplication *app, unsigned events)
{
        const struct app_program *program = g_object_get_data(G_OBJECT(app), PROGRAM_KEY);
        g_autofree char *name = g_strdup_printf("%s %s", program->client, BASTION_VERSION);

        return bastion_link_new(app_socket(app), name, events);
}
