/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon as a service of systemd: whether this machine has it, and starting, stopping and restarting it. systemd asks for a password where it wants one.
 * Everything is a call on the system bus and its reply, later.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* `on_known(has_it, userdata)`: once, when it is known. */
void service_probe(void (*on_known)(bool has_it, gpointer userdata), gpointer userdata);

enum service_verb { SERVICE_START, SERVICE_STOP, SERVICE_RESTART };
/* `on_failed(words, userdata)` is called when it did not work. */
void service_do(enum service_verb verb, void (*on_failed)(const char *words, gpointer userdata), gpointer userdata);
