/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The interface is libdbusmenu's (com.canonical.dbusmenu, version 3); ids of items are enum tray_item. */
#include "gui/tray-menu.h"

#include <stdlib.h>
#include <string.h>

#include "gui/i18n.h"

static const char interface_xml[] =
        "<node><interface name='com.canonical.dbusmenu'>"
        "<property name='Version' type='u' access='read'/><property name='Status' type='s' access='read'/>"
        "<property name='TextDirection' type='s' access='read'/><property name='IconThemePath' type='as' access='read'/>"
        "<method name='GetLayout'><arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='as' direction='in'/>"
        "<arg type='u' direction='out'/><arg type='(ia{sv}av)' direction='out'/></method>"
        "<method name='GetGroupProperties'><arg type='ai' direction='in'/><arg type='as' direction='in'/><arg type='a(ia{sv})' direction='out'/></method>"
        "<method name='GetProperty'><arg type='i' direction='in'/><arg type='s' direction='in'/><arg type='v' direction='out'/></method>"
        "<method name='Event'><arg type='i' direction='in'/><arg type='s' direction='in'/><arg type='v' direction='in'/><arg type='u' direction='in'/></method>"
        "<method name='EventGroup'><arg type='a(isvu)' direction='in'/><arg type='ai' direction='out'/></method>"
        "<method name='AboutToShow'><arg type='i' direction='in'/><arg type='b' direction='out'/></method>"
        "<method name='AboutToShowGroup'><arg type='ai' direction='in'/><arg type='ai' direction='out'/><arg type='ai' direction='out'/></method>"
        "<signal name='ItemsPropertiesUpdated'><arg type='a(ia{sv})'/><arg type='a(ias)'/></signal>"
        "<signal name='LayoutUpdated'><arg type='u'/><arg type='i'/></signal>"
        "</interface></node>";

struct tray_menu {
        GDBusConnection *bus;
        guint registration, revision;
        guint tick; /* a timeout of the main loop while the menu is open, else 0 */
        struct tray_facts (*facts)(gpointer userdata);
        void (*on_item)(enum tray_item item, gpointer userdata);
        gpointer userdata;
};

/* ---- what an item looks like --------------------------------------------------------------------------------------------- */

struct look {
        char *label; /* owned; NULL: a line between items */
        bool hidden, disabled, is_radio, is_on;
};

static const enum tray_item parents[TRAY_ITEMS] = {
        [TRAY_ITEM_PAUSE_5] = TRAY_ITEM_PAUSE, [TRAY_ITEM_PAUSE_15] = TRAY_ITEM_PAUSE,  [TRAY_ITEM_PAUSE_60] = TRAY_ITEM_PAUSE,
        [TRAY_ITEM_START] = TRAY_ITEM_SERVICE, [TRAY_ITEM_STOP] = TRAY_ITEM_SERVICE, [TRAY_ITEM_RESTART] = TRAY_ITEM_SERVICE,
};

static struct look look_of(enum tray_item item, const struct tray_facts *f)
{
        bool may = f->is_up, pauses = f->is_up && f->is_tried && f->mode == MODE_LEARNING;

        switch (item) {
        case TRAY_ITEM_STATE:
                return (struct look){ .label = strdup(tray_text_state(f)), .disabled = true };
        case TRAY_ITEM_PANEL:
                return (struct look){ .label = strdup(_("Open Control Panel")) };
        case TRAY_ITEM_QUESTIONS:
                return (struct look){ .label = tray_text_questions(f), .disabled = f->n_open + f->n_missed == 0 };
        case TRAY_ITEM_LEARNING:
                return (struct look){ .label = strdup(_("Learning")), .disabled = !may, .is_radio = true, .is_on = f->is_up && f->mode == MODE_LEARNING };
        case TRAY_ITEM_ENFORCEMENT:
                return (struct look){ .label = strdup(_("Enforcement")), .disabled = !may, .is_radio = true, .is_on = f->is_up && f->mode == MODE_ENFORCEMENT };
        case TRAY_ITEM_TRY:
                return (struct look){ .label = tray_text_try(f), .hidden = !f->is_up || !f->is_tried, .disabled = !may };
        case TRAY_ITEM_PAUSE:
                return (struct look){ .label = strdup(_("Pause")), .disabled = !may || (f->mode == MODE_LEARNING && !pauses) };
        case TRAY_ITEM_PAUSE_5:
                return (struct look){ .label = strdup(_("For 5 Minutes")), .disabled = !may };
        case TRAY_ITEM_PAUSE_15:
                return (struct look){ .label = strdup(_("For 15 Minutes")), .disabled = !may };
        case TRAY_ITEM_PAUSE_60:
                return (struct look){ .label = strdup(_("For 1 Hour")), .disabled = !may };
        case TRAY_ITEM_SERVICE:
                return (struct look){ .label = strdup(_("Service")), .disabled = !f->has_service };
        case TRAY_ITEM_START:
                return (struct look){ .label = strdup(_("Start")), .disabled = !f->has_service || f->is_up };
        case TRAY_ITEM_STOP:
                return (struct look){ .label = strdup(_("Stop")), .disabled = !f->has_service || !f->is_up };
        case TRAY_ITEM_RESTART:
                return (struct look){ .label = strdup(_("Restart")), .disabled = !f->has_service };
        case TRAY_ITEM_QUIT:
                return (struct look){ .label = strdup(_("Quit")) };
        case TRAY_ITEM_ROOT:
        case TRAY_ITEM_LINE_1:
        case TRAY_ITEM_LINE_2:
        case TRAY_ITEMS:
                break;
        }
        return (struct look){ 0 };
}

static bool is_parent(int item)
{
        return item == TRAY_ITEM_ROOT || item == TRAY_ITEM_PAUSE || item == TRAY_ITEM_SERVICE;
}

/* All its properties: few enough not to choose among them. An underscore in a label would be a mnemonic: doubled, it is itself. */
static GVariant *properties_of(int item, const struct tray_facts *facts)
{
        GVariantBuilder properties = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        struct look look = look_of((enum tray_item)item, facts);

        if (is_parent(item))
                g_variant_builder_add(&properties, "{sv}", "children-display", g_variant_new_string("submenu"));
        if (look.label) {
                g_auto(GStrv) parts = g_strsplit(look.label, "_", -1);
                g_autofree char *label = g_strjoinv("__", parts);

                g_variant_builder_add(&properties, "{sv}", "label", g_variant_new_string(label));
        } else if (item != TRAY_ITEM_ROOT) {
                g_variant_builder_add(&properties, "{sv}", "type", g_variant_new_string("separator"));
        }
        g_variant_builder_add(&properties, "{sv}", "enabled", g_variant_new_boolean(!look.disabled));
        g_variant_builder_add(&properties, "{sv}", "visible", g_variant_new_boolean(!look.hidden));
        if (look.is_radio) {
                g_variant_builder_add(&properties, "{sv}", "toggle-type", g_variant_new_string("radio"));
                g_variant_builder_add(&properties, "{sv}", "toggle-state", g_variant_new_int32(look.is_on));
        }
        free(look.label);
        return g_variant_builder_end(&properties);
}

/* `depth` of levels below it; a negative one: all, as in the protocol. */
static GVariant *layout_of(int item, int depth, const struct tray_facts *facts)
{
        const int below = depth < 0 ? depth : depth - 1;
        GVariantBuilder children = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

        for (int i = TRAY_ITEM_ROOT + 1; depth != 0 && is_parent(item) && i < TRAY_ITEMS; i++)
                if ((int)parents[i] == item)
                        g_variant_builder_add(&children, "v", layout_of(i, below, facts));
        return g_variant_new("(i@a{sv}@av)", item, properties_of(item, facts), g_variant_builder_end(&children));
}

/* ---- the object on the bus --------------------------------------------------------------------------------------------------- */

void tray_menu_changed(struct tray_menu *menu)
{
        g_dbus_connection_emit_signal(menu->bus, NULL, TRAY_MENU_PATH, "com.canonical.dbusmenu", "LayoutUpdated",
                                      g_variant_new("(ui)", ++menu->revision, TRAY_ITEM_ROOT), NULL);
}

/* The one line that time alone changes. */
static gboolean on_tick(gpointer userdata)
{
        struct tray_menu *menu = userdata;
        struct tray_facts facts = menu->facts(menu->userdata);
        GVariantBuilder updated = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ia{sv})"));

        if (!facts.is_tried)
                return G_SOURCE_CONTINUE;
        g_variant_builder_add(&updated, "(i@a{sv})", TRAY_ITEM_TRY, properties_of(TRAY_ITEM_TRY, &facts));
        g_dbus_connection_emit_signal(menu->bus, NULL, TRAY_MENU_PATH, "com.canonical.dbusmenu", "ItemsPropertiesUpdated",
                                      g_variant_new("(a(ia{sv})a(ias))", &updated, NULL), NULL);
        return G_SOURCE_CONTINUE;
}

static void on_menu_event(struct tray_menu *menu, int item, const char *event)
{
        struct tray_facts facts = menu->facts(menu->userdata);
        struct look look;

        if (item == TRAY_ITEM_ROOT && strcmp(event, "opened") == 0 && !menu->tick)
                menu->tick = g_timeout_add_seconds(1, on_tick, menu);
        if (item == TRAY_ITEM_ROOT && strcmp(event, "closed") == 0)
                g_clear_handle_id(&menu->tick, g_source_remove);
        if (item <= TRAY_ITEM_ROOT || item >= TRAY_ITEMS || strcmp(event, "clicked") != 0)
                return;
        look = look_of((enum tray_item)item, &facts);
        if (look.label && !look.disabled && !look.hidden && !is_parent(item))
                menu->on_item((enum tray_item)item, menu->userdata);
        free(look.label);
}

static GVariant *on_get_layout(struct tray_menu *menu, GVariant *parameters)
{
        struct tray_facts facts = menu->facts(menu->userdata);
        int item, depth;

        g_variant_get(parameters, "(ii@as)", &item, &depth, NULL);
        if (item < TRAY_ITEM_ROOT || item >= TRAY_ITEMS)
                item = TRAY_ITEM_ROOT;
        return g_variant_new("(u@(ia{sv}av))", menu->revision, layout_of(item, depth, &facts));
}

static GVariant *on_get_group(struct tray_menu *menu, GVariant *parameters)
{
        struct tray_facts facts = menu->facts(menu->userdata);
        GVariantBuilder items = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ia{sv})"));
        g_autoptr(GVariantIter) ids = NULL;
        bool wanted[TRAY_ITEMS] = { false }, all;
        int item;

        g_variant_get(parameters, "(aias)", &ids, NULL);
        all = g_variant_iter_n_children(ids) == 0; /* in the protocol nothing means all */
        while (g_variant_iter_next(ids, "i", &item))
                if (item >= TRAY_ITEM_ROOT && item < TRAY_ITEMS)
                        wanted[item] = true;
        for (item = TRAY_ITEM_ROOT; item < TRAY_ITEMS; item++)
                if (all || wanted[item])
                        g_variant_builder_add(&items, "(i@a{sv})", item, properties_of(item, &facts));
        return g_variant_new("(a(ia{sv}))", &items);
}

static GVariant *on_get_one(struct tray_menu *menu, GVariant *parameters)
{
        struct tray_facts facts = menu->facts(menu->userdata);
        g_autoptr(GVariant) properties = NULL, value = NULL;
        const char *name;
        int item;

        g_variant_get(parameters, "(i&s)", &item, &name);
        if (item < TRAY_ITEM_ROOT || item >= TRAY_ITEMS)
                return NULL;
        properties = g_variant_ref_sink(properties_of(item, &facts));
        value = g_variant_lookup_value(properties, name, NULL);
        return value ? g_variant_new("(v)", value) : NULL;
}

static void on_event_group(struct tray_menu *menu, GVariant *parameters)
{
        g_autoptr(GVariantIter) events = NULL;
        const char *event;
        int item;

        g_variant_get(parameters, "(a(isvu))", &events);
        while (g_variant_iter_next(events, "(i&svu)", &item, &event, NULL, NULL))
                on_menu_event(menu, item, event);
}

static void on_call(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface, const char *method,
                    GVariant *parameters, GDBusMethodInvocation *invocation, gpointer userdata)
{
        struct tray_menu *menu = userdata;
        GVariant *reply = NULL;

        if (strcmp(method, "GetLayout") == 0) {
                reply = on_get_layout(menu, parameters);
        } else if (strcmp(method, "GetGroupProperties") == 0) {
                reply = on_get_group(menu, parameters);
        } else if (strcmp(method, "GetProperty") == 0) {
                reply = on_get_one(menu, parameters);
        } else if (strcmp(method, "AboutToShow") == 0) {
                reply = g_variant_new("(b)", TRUE);
        } else if (strcmp(method, "AboutToShowGroup") == 0) {
                g_autoptr(GVariant) ids = g_variant_get_child_value(parameters, 0);

                reply = g_variant_new("(@aiai)", ids, NULL);
        } else if (strcmp(method, "Event") == 0) {
                const char *event;
                int item;

                g_variant_get(parameters, "(i&svu)", &item, &event, NULL, NULL);
                g_dbus_method_invocation_return_value(invocation, NULL);
                on_menu_event(menu, item, event); /* which may end this menu */
                return;
        } else if (strcmp(method, "EventGroup") == 0) {
                g_dbus_method_invocation_return_value(invocation, g_variant_new("(ai)", NULL));
                on_event_group(menu, parameters);
                return;
        }
        if (reply)
                g_dbus_method_invocation_return_value(invocation, reply);
        else
                g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, "no such item or property");
}

static GVariant *on_get_property(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface,
                                 const char *name, _unused_ GError **error, _unused_ gpointer userdata)
{
        if (strcmp(name, "Version") == 0)
                return g_variant_new_uint32(3);
        if (strcmp(name, "Status") == 0)
                return g_variant_new_string("normal");
        if (strcmp(name, "TextDirection") == 0)
                return g_variant_new_string("ltr");
        return g_variant_new_strv(NULL, 0);
}

static const GDBusInterfaceVTable vtable = { .method_call = on_call, .get_property = on_get_property };

struct tray_menu *tray_menu_new(GDBusConnection *bus, struct tray_facts (*facts)(gpointer userdata), void (*on_item)(enum tray_item item, gpointer userdata),
                                gpointer userdata)
{
        g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(interface_xml, NULL);
        struct tray_menu *menu = g_new0(struct tray_menu, 1);

        menu->bus = g_object_ref(bus);
        menu->facts = facts;
        menu->on_item = on_item;
        menu->userdata = userdata;
        menu->registration = g_dbus_connection_register_object(bus, TRAY_MENU_PATH, node->interfaces[0], &vtable, menu, NULL, NULL);
        return menu->registration ? menu : tray_menu_free(menu);
}

struct tray_menu *tray_menu_free(struct tray_menu *menu)
{
        if (!menu)
                return NULL;
        g_clear_handle_id(&menu->tick, g_source_remove);
        if (menu->registration)
                g_dbus_connection_unregister_object(menu->bus, menu->registration);
        g_object_unref(menu->bus);
        g_free(menu);
        return NULL;
}
