/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the desktop's programs have in common at their start: language, options, one instance for each session, style and icons, and whom they
 * connect to. A second start activates the first one and ends; its --socket is not looked at. Options that ask the first one for something are actions
 * of the application: "handle-local-options" registers and activates them.
 *
 * Resources of both stand below APP_RESOURCES: style.css and icons/ are shared (shared.gresource.xml) and loaded by AdwApplication itself; each
 * program has its .ui files in a .gresource.xml of its own.
 */
#pragma once

#include <adwaita.h>

#include "gui/link.h"

#define APP_ID        "com.bastion.firewall"
#define APP_PANEL_ID  "com.bastion.firewall.control-panel"
#define APP_RESOURCES "/com/bastion/firewall"

struct app_program {
        const char *id;              /* APP_ID… */
        const char *client;          /* what it calls itself to the daemon: its file's name */
        const char *summary;         /* for --help, marked by N_() */
        const GOptionEntry *options; /* beyond --socket and --version, marked by N_(); ends with zeros; or NULL */
};

/* `type`: ADW_TYPE_APPLICATION or one made of it. `program` stays the caller's and has to live as long. To be run by g_application_run(), connected to "startup" and
 * "activate" before. */
AdwApplication *app_new(GType type, const struct app_program *program);

/* The daemon that --socket names; it connects when the main loop runs. From "startup" on. `events`: a mask of enum subscription. */
BastionLink *app_link_new(AdwApplication *app, unsigned events);
/* Where that daemon listens. Borrowed. */
const char *app_socket(AdwApplication *app);
