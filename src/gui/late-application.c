/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. GApplication's own startup only notes that it was there, and may be called twice: first alone, then through AdwApplication and
 * GtkApplication. What these do in other virtual functions needs their startup.
 */
#include "gui/late-application.h"

#include "base/macros.h"

struct _BastionLateApplication {
        AdwApplication parent;
        bool has_display;
};

G_DEFINE_FINAL_TYPE(BastionLateApplication, bastion_late_application, ADW_TYPE_APPLICATION)

static GApplicationClass *plain_class(void)
{
        return g_type_class_peek(G_TYPE_APPLICATION);
}

static GApplicationClass *parent_class(void)
{
        return G_APPLICATION_CLASS(bastion_late_application_parent_class);
}

GdkDisplay *bastion_late_application_display(BastionLateApplication *app)
{
        if (!app->has_display) {
                app->has_display = true;
                parent_class()->startup(G_APPLICATION(app));
        }
        return gdk_display_get_default();
}

static void bastion_late_application_startup(GApplication *app)
{
        plain_class()->startup(app);
}

static void bastion_late_application_shutdown(GApplication *app)
{
        (BASTION_LATE_APPLICATION(app)->has_display ? parent_class() : plain_class())->shutdown(app);
}

/* A second start hands over who may have the focus: that is the display's. */
static void bastion_late_application_before_emit(GApplication *app, GVariant *platform_data)
{
        bastion_late_application_display(BASTION_LATE_APPLICATION(app));
        parent_class()->before_emit(app, platform_data);
}

static void bastion_late_application_class_init(BastionLateApplicationClass *class)
{
        G_APPLICATION_CLASS(class)->startup = bastion_late_application_startup;
        G_APPLICATION_CLASS(class)->shutdown = bastion_late_application_shutdown;
        G_APPLICATION_CLASS(class)->before_emit = bastion_late_application_before_emit;
}

static void bastion_late_application_init(_unused_ BastionLateApplication *app)
{
}
