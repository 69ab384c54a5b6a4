/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The interface is KDE's (org.kde.StatusNotifierItem), which is what trays speak; a host takes the icon by its name where its theme
 * has it, else as pixels, which are made when somebody asks for them.
 */
#include "gui/tray.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "gui/app.h"
#include "gui/i18n.h"

#define ITEM_PATH "/StatusNotifierItem"
#define ITEM      "org.kde.StatusNotifierItem"
#define WATCHER   "org.kde.StatusNotifierWatcher"

static const char interface_xml[] =
        "<node><interface name='org.kde.StatusNotifierItem'>"
        "<property name='Category' type='s' access='read'/><property name='Id' type='s' access='read'/><property name='Title' type='s' access='read'/>"
        "<property name='Status' type='s' access='read'/><property name='WindowId' type='i' access='read'/><property name='IconName' type='s' access='read'/>"
        "<property name='IconPixmap' type='a(iiay)' access='read'/><property name='OverlayIconName' type='s' access='read'/>"
        "<property name='AttentionIconName' type='s' access='read'/><property name='AttentionIconPixmap' type='a(iiay)' access='read'/>"
        "<property name='ToolTip' type='(sa(iiay)ss)' access='read'/><property name='ItemIsMenu' type='b' access='read'/>"
        "<property name='Menu' type='o' access='read'/>"
        "<method name='ContextMenu'><arg type='i' direction='in'/><arg type='i' direction='in'/></method>"
        "<method name='Activate'><arg type='i' direction='in'/><arg type='i' direction='in'/></method>"
        "<method name='SecondaryActivate'><arg type='i' direction='in'/><arg type='i' direction='in'/></method>"
        "<method name='Scroll'><arg type='i' direction='in'/><arg type='s' direction='in'/></method>"
        "<signal name='NewTitle'/><signal name='NewIcon'/><signal name='NewAttentionIcon'/><signal name='NewToolTip'/>"
        "<signal name='NewStatus'><arg type='s'/></signal>"
        "</interface></node>";

struct _BastionTray {
        GObject parent;
        GDBusConnection *bus;
        char *name; /* that it owns on the bus, for the watcher */
        guint owner, registration, watcher;
        guint telling; /* an idle source of the main loop while hosts are to be told, else 0 */
        struct tray_menu *menu;
        gboolean has_host, knows_host; /* the first answer is told, whatever it is */
        struct tray_facts (*facts)(gpointer userdata);
        gpointer userdata;
};

enum { PROP_HAS_HOST = 1, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint signal_item, signal_activated;

G_DEFINE_FINAL_TYPE(BastionTray, bastion_tray, G_TYPE_OBJECT)

/* ---- the icon -------------------------------------------------------------------------------------------------------- */

/* ARGB, each pixel a big-endian word. */
static void add_pixmap(GVariantBuilder *pixmaps, const char *icon, int size)
{
        g_autofree char *path = g_strdup_printf(APP_RESOURCES "/icons/scalable/status/%s.svg", icon);
        g_autoptr(GdkPixbuf) image = gdk_pixbuf_new_from_resource_at_scale(path, size, size, TRUE, NULL);
        g_autofree guchar *pixels = NULL;
        const guchar *data;

        if (!image || !gdk_pixbuf_get_has_alpha(image)) /* no loader for SVG here: the name has to do */
                return;
        pixels = g_malloc((gsize)size * (gsize)size * 4);
        data = gdk_pixbuf_read_pixels(image);
        for (int y = 0; y < size; y++)
                for (int x = 0; x < size; x++) {
                        const guchar *from = data + y * gdk_pixbuf_get_rowstride(image) + x * 4;
                        guchar *to = pixels + (y * size + x) * 4;

                        to[0] = from[3];
                        memcpy(to + 1, from, 3);
                }
        g_variant_builder_add(pixmaps, "(ii@ay)", size, size, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, pixels, (gsize)size * (gsize)size * 4, 1));
}

static GVariant *pixmaps_of(const char *icon)
{
        GVariantBuilder pixmaps = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(iiay)"));

        add_pixmap(&pixmaps, icon, 22);
        add_pixmap(&pixmaps, icon, 48);
        return g_variant_builder_end(&pixmaps);
}

static const char *status_of(const struct tray_facts *facts)
{
        return facts->n_open > 0 ? "NeedsAttention" : "Active";
}

static GVariant *tooltip_of(const struct tray_facts *facts, const char *icon)
{
        g_autofree char *text = tray_text_tooltip(facts), *escaped = g_markup_escape_text(text ? text : "", -1);

        /* Hosts read the last part as markup. */
        return g_variant_new("(sa(iiay)ss)", icon, NULL, _("Bastion Firewall"), escaped);
}

static GVariant *on_get_property(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface,
                                 const char *name, GError **error, gpointer userdata)
{
        BastionTray *tray = userdata;
        struct tray_facts facts = tray->facts(tray->userdata);
        const char *icon = tray_state_icon(facts.state);

        if (strcmp(name, "Category") == 0)
                return g_variant_new_string("SystemServices");
        if (strcmp(name, "Id") == 0)
                return g_variant_new_string(APP_ID);
        if (strcmp(name, "Title") == 0)
                return g_variant_new_string(_("Bastion Firewall"));
        if (strcmp(name, "Status") == 0)
                return g_variant_new_string(status_of(&facts));
        if (strcmp(name, "WindowId") == 0)
                return g_variant_new_int32(0);
        if (strcmp(name, "IconName") == 0 || strcmp(name, "AttentionIconName") == 0)
                return g_variant_new_string(icon);
        if (strcmp(name, "OverlayIconName") == 0)
                return g_variant_new_string("");
        if (strcmp(name, "IconPixmap") == 0 || strcmp(name, "AttentionIconPixmap") == 0)
                return pixmaps_of(icon);
        if (strcmp(name, "ToolTip") == 0)
                return tooltip_of(&facts, icon);
        if (strcmp(name, "ItemIsMenu") == 0)
                return g_variant_new_boolean(FALSE);
        if (strcmp(name, "Menu") == 0)
                return g_variant_new_object_path(TRAY_MENU_PATH);
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "no property %s", name);
        return NULL;
}

static void on_call(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface, const char *method,
                    _unused_ GVariant *parameters, GDBusMethodInvocation *invocation, gpointer userdata)
{
        g_dbus_method_invocation_return_value(invocation, NULL);
        if (strcmp(method, "Activate") == 0 || strcmp(method, "SecondaryActivate") == 0)
                g_signal_emit(userdata, signal_activated, 0);
}

static const GDBusInterfaceVTable vtable = { .method_call = on_call, .get_property = on_get_property };

/* Hosts answer each of these by asking for the properties again. */
static gboolean on_telling(gpointer userdata)
{
        static const char *const signals[] = { "NewIcon", "NewAttentionIcon", "NewToolTip" };
        BastionTray *tray = userdata;
        struct tray_facts facts = tray->facts(tray->userdata);

        tray->telling = 0;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                g_dbus_connection_emit_signal(tray->bus, NULL, ITEM_PATH, ITEM, signals[i], NULL, NULL);
        g_dbus_connection_emit_signal(tray->bus, NULL, ITEM_PATH, ITEM, "NewStatus", g_variant_new("(s)", status_of(&facts)), NULL);
        if (tray->menu)
                tray_menu_changed(tray->menu);
        return G_SOURCE_REMOVE;
}

/* Once for all that the daemon said in one go: a hundred questions may end at once. */
void bastion_tray_changed(BastionTray *tray)
{
        if (!tray->telling)
                tray->telling = g_idle_add_full(G_PRIORITY_DEFAULT, on_telling, tray, NULL);
}

/* ---- who shows it ------------------------------------------------------------------------------------------------------- */

static void set_has_host(BastionTray *tray, gboolean has_host)
{
        if (tray->has_host == has_host && tray->knows_host)
                return;
        tray->has_host = has_host;
        tray->knows_host = TRUE;
        g_object_notify_by_pspec(G_OBJECT(tray), props[PROP_HAS_HOST]);
}

static void on_registered(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(BastionTray) tray = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        if (!reply)
                log_warn("the tray does not take the icon: %s", error->message);
        set_has_host(tray, reply != NULL);
}

static void on_watcher(GDBusConnection *bus, _unused_ const char *name, _unused_ const char *owner, gpointer userdata)
{
        BastionTray *tray = userdata;

        g_dbus_connection_call(bus, WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisterStatusNotifierItem", g_variant_new("(s)", tray->name), NULL,
                               G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_registered, g_object_ref(tray));
}

static void on_watcher_gone(_unused_ GDBusConnection *bus, _unused_ const char *name, gpointer userdata)
{
        set_has_host(userdata, FALSE);
}

static struct tray_facts facts_for_menu(gpointer userdata)
{
        BastionTray *tray = userdata;

        return tray->facts(tray->userdata);
}

static void on_item(enum tray_item item, gpointer userdata)
{
        g_signal_emit(userdata, signal_item, 0, (int)item);
}

gboolean bastion_tray_get_has_host(BastionTray *tray)
{
        return tray->has_host;
}

/* No bus that gives it away (a sandbox): nobody will see the icon. */
static void on_no_name(_unused_ GDBusConnection *bus, const char *name, gpointer userdata)
{
        log_warn("the bus does not give the name %s: no icon", name);
        set_has_host(userdata, FALSE);
}

/* The name is ours before the watcher is told it. */
static void on_name(_unused_ GDBusConnection *bus, _unused_ const char *name, gpointer userdata)
{
        BastionTray *tray = userdata;

        if (!tray->watcher)
                tray->watcher = g_bus_watch_name_on_connection(tray->bus, WATCHER, G_BUS_NAME_WATCHER_FLAGS_NONE, on_watcher, on_watcher_gone, tray, NULL);
}

BastionTray *bastion_tray_new(GDBusConnection *bus, struct tray_facts (*facts)(gpointer userdata), gpointer userdata)
{
        g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(interface_xml, NULL);
        BastionTray *tray = g_object_new(BASTION_TYPE_TRAY, NULL);

        tray->bus = g_object_ref(bus);
        tray->facts = facts;
        tray->userdata = userdata;
        tray->name = g_strdup_printf(ITEM "-%d-1", (int)getpid());
        tray->registration = g_dbus_connection_register_object(bus, ITEM_PATH, node->interfaces[0], &vtable, tray, NULL, NULL);
        tray->menu = tray_menu_new(bus, facts_for_menu, on_item, tray);
        tray->owner = g_bus_own_name_on_connection(bus, tray->name, G_BUS_NAME_OWNER_FLAGS_NONE, on_name, on_no_name, tray, NULL);
        return tray;
}

/* ---- the object ------------------------------------------------------------------------------------------------------------ */

static void bastion_tray_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
        if (id == PROP_HAS_HOST)
                g_value_set_boolean(value, BASTION_TRAY(object)->has_host);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void bastion_tray_dispose(GObject *object)
{
        BastionTray *tray = BASTION_TRAY(object);

        g_clear_handle_id(&tray->telling, g_source_remove);
        if (tray->watcher)
                g_bus_unwatch_name(tray->watcher);
        if (tray->owner)
                g_bus_unown_name(tray->owner);
        if (tray->registration)
                g_dbus_connection_unregister_object(tray->bus, tray->registration);
        tray->watcher = tray->owner = tray->registration = 0;
        tray->menu = tray_menu_free(tray->menu);
        g_clear_object(&tray->bus);
        g_clear_pointer(&tray->name, g_free);
        G_OBJECT_CLASS(bastion_tray_parent_class)->dispose(object);
}

static void bastion_tray_class_init(BastionTrayClass *class)
{
        GObjectClass *object_class = G_OBJECT_CLASS(class);

        object_class->get_property = bastion_tray_get_property;
        object_class->dispose = bastion_tray_dispose;
        props[PROP_HAS_HOST] = g_param_spec_boolean("has-host", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(object_class, N_PROPS, props);
        signal_item = g_signal_new("item", BASTION_TYPE_TRAY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
        signal_activated = g_signal_new("activated", BASTION_TYPE_TRAY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_tray_init(_unused_ BastionTray *tray)
{
}
