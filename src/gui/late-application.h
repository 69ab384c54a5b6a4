/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An AdwApplication whose GTK starts later than itself. Opening the display and reading the style take longer than all that an icon in the tray needs, which is
 * GLib and a bus: "startup" comes without them, and they come when somebody needs a display. Whoever calls from outside finds them.
 */
#pragma once

#include <adwaita.h>

#define BASTION_TYPE_LATE_APPLICATION (bastion_late_application_get_type())
G_DECLARE_FINAL_TYPE(BastionLateApplication, bastion_late_application, BASTION, LATE_APPLICATION, AdwApplication)

/* The display, from now on GDK's default. After "startup"; ends the program where there is no display, as GTK does. */
GdkDisplay *bastion_late_application_display(BastionLateApplication *app);
