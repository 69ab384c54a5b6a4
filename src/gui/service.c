/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/service.h"

#include "base/macros.h"

#define UNIT "bastion-firewall.service"

enum { PASSWORD_WAIT_MS = 120 * 1000 }; /* somebody types one meanwhile */

struct probe {
        void (*on_known)(bool has_it, gpointer userdata);
        gpointer userdata;
};

struct deed {
        enum service_verb verb;
        void (*on_failed)(const char *words, gpointer userdata);
        gpointer userdata;
};

static void call(GDBusConnection *bus, const char *method, GVariant *parameters, const char *reply, int timeout_ms, GAsyncReadyCallback callback, gpointer userdata)
{
        g_dbus_connection_call(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method, parameters,
                               G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, timeout_ms, NULL, callback, userdata);
}

/* ---- is there one ---------------------------------------------------------------------------------------------------- */

static void know(struct probe *probe, bool has_it)
{
        probe->on_known(has_it, probe->userdata);
        g_free(probe);
}

static void on_unit_file(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

        know(userdata, reply != NULL);
}

static void on_bus_for_probe(_unused_ GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GDBusConnection) bus = g_bus_get_finish(result, NULL);

        if (bus)
                call(bus, "GetUnitFileState", g_variant_new("(s)", UNIT), "(s)", -1, on_unit_file, userdata);
        else
                know(userdata, false);
}

void service_probe(void (*on_known)(bool has_it, gpointer userdata), gpointer userdata)
{
        struct probe *probe = g_new0(struct probe, 1);

        probe->on_known = on_known;
        probe->userdata = userdata;
        g_bus_get(G_BUS_TYPE_SYSTEM, NULL, on_bus_for_probe, probe);
}

/* ---- doing something with it ------------------------------------------------------------------------------------------- */

static void fail(struct deed *deed, GError *error)
{
        g_dbus_error_strip_remote_error(error);
        deed->on_failed(error->message, deed->userdata);
        g_free(deed);
}

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        if (reply)
                g_free(userdata);
        else
                fail(userdata, error);
}

static void on_bus_for_deed(_unused_ GObject *source, GAsyncResult *result, gpointer userdata)
{
        static const char *const methods[] = { [SERVICE_START] = "StartUnit", [SERVICE_STOP] = "StopUnit", [SERVICE_RESTART] = "RestartUnit" };
        g_autoptr(GError) error = NULL;
        g_autoptr(GDBusConnection) bus = g_bus_get_finish(result, &error);
        struct deed *deed = userdata;

        if (bus)
                call(bus, methods[deed->verb], g_variant_new("(ss)", UNIT, "replace"), "(o)", PASSWORD_WAIT_MS, on_done, deed);
        else
                fail(deed, error);
}

void service_do(enum service_verb verb, void (*on_failed)(const char *words, gpointer userdata), gpointer userdata)
{
        struct deed *deed = g_new0(struct deed, 1);

        deed->verb = verb;
        deed->on_failed = on_failed;
        deed->userdata = userdata;
        g_bus_get(G_BUS_TYPE_SYSTEM, NULL, on_bus_for_deed, deed);
}
