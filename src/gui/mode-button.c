/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. A pause is learning that is tried: it ends by itself, at the daemon, whoever is still there. */
#include "gui/mode-button.h"

#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"

enum { TRY_SECONDS = 600 };

struct _BastionModeButton {
        AdwBin parent;
        BastionLink *link;
        GtkWidget *button, *label; /* of the template */
        GSimpleActionGroup *actions;
        guint countdown; /* a timeout of the main loop while a try runs, else 0 */
};

G_DEFINE_FINAL_TYPE(BastionModeButton, bastion_mode_button, ADW_TYPE_BIN)

static const char *const styles[] = { [PANEL_MODE_LOST] = "lost", [PANEL_MODE_LEARNING] = "learning", [PANEL_MODE_ENFORCEMENT] = "enforcement", [PANEL_MODE_PAUSED] = "paused" };

static bool is_tried(BastionModeButton *button)
{
        return bastion_link_get_try_end(button->link).ns != BOOTTIME_NEVER.ns;
}

static void set_enabled(BastionModeButton *button, const char *name, bool enabled)
{
        g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(button->actions), name)), enabled);
}

static gboolean on_countdown(gpointer userdata);

static void update(BastionModeButton *button)
{
        bool is_up = bastion_link_is_up(button->link), tried = is_up && is_tried(button);
        enum mode mode = bastion_link_get_mode(button->link);
        enum panel_mode shown = panel_mode(is_up, mode, tried);
        uint64_t left = tried ? boottime_left(bastion_link_get_try_end(button->link), client_now()) / NS_PER_SEC : 0;
        g_autofree char *text = panel_mode_text(shown, tried, left), *accessible = NULL;

        gtk_label_set_text(GTK_LABEL(button->label), text);
        for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
                (i == shown ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(button->button, styles[i]);
        accessible = g_strdup_printf(_("Mode: %s"), text);
        gtk_accessible_update_property(GTK_ACCESSIBLE(button->button), GTK_ACCESSIBLE_PROPERTY_LABEL, accessible, -1);
        gtk_widget_set_sensitive(button->button, is_up);
        set_enabled(button, "set", is_up);
        set_enabled(button, "pause", is_up && (mode == MODE_ENFORCEMENT || tried));
        set_enabled(button, "try", is_up && mode == MODE_LEARNING && !tried);
        set_enabled(button, "keep", tried);
        g_simple_action_set_state(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(button->actions), "set")),
                                  g_variant_new_string(is_up && !tried ? mode_name(mode) : ""));
        if (tried && !button->countdown)
                button->countdown = g_timeout_add_seconds(1, on_countdown, button);
        else if (!tried)
                g_clear_handle_id(&button->countdown, g_source_remove);
}

static gboolean on_countdown(gpointer userdata)
{
        BastionModeButton *button = userdata;

        update(button);
        return button->countdown ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- changing it ----------------------------------------------------------------------------------------------------------- */

static void on_reply(gpointer owner, struct event *reply)
{
        panel_say_if_error(owner, reply);
}

static void request(BastionModeButton *button, enum mode mode, unsigned try_seconds, bool keep)
{
        int64_t id;
        struct buf *out = bastion_link_request(button->link, button, on_reply, &id);

        if (out)
                message_format_request_mode(out, id, mode, try_seconds, keep);
}

static void on_set(_unused_ GSimpleAction *action, GVariant *target, gpointer userdata)
{
        enum mode mode;

        if (mode_parse(g_variant_get_string(target, NULL), &mode))
                request(userdata, mode, 0, false);
}

/* A try that runs goes back to the mode before it, which is what a longer pause has to go back to as well: the daemon sees to that. */
static void on_pause(_unused_ GSimpleAction *action, GVariant *target, gpointer userdata)
{
        request(userdata, MODE_LEARNING, g_variant_get_uint32(target) * 60, false);
}

static void on_try(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        request(userdata, MODE_ENFORCEMENT, TRY_SECONDS, false);
}

static void on_keep(_unused_ GSimpleAction *action, _unused_ GVariant *target, gpointer userdata)
{
        BastionModeButton *button = userdata;

        request(button, bastion_link_get_mode(button->link), 0, true);
}

static const GActionEntry actions[] = {
        { "set", on_set, "s", "''", NULL, { 0 } },
        { "pause", on_pause, "u", NULL, NULL, { 0 } },
        { "try", on_try, NULL, NULL, NULL, { 0 } },
        { "keep", on_keep, NULL, NULL, NULL, { 0 } },
};

/* ---- the widget -------------------------------------------------------------------------------------------------------------- */

void bastion_mode_button_set_link(BastionModeButton *button, BastionLink *link)
{
        button->link = g_object_ref(link);
        g_signal_connect_object(link, "notify", G_CALLBACK(update), button, G_CONNECT_SWAPPED);
        update(button);
}

static void bastion_mode_button_dispose(GObject *object)
{
        BastionModeButton *button = BASTION_MODE_BUTTON(object);

        g_clear_handle_id(&button->countdown, g_source_remove);
        g_clear_object(&button->link);
        g_clear_object(&button->actions);
        G_OBJECT_CLASS(bastion_mode_button_parent_class)->dispose(object);
}

static void bastion_mode_button_class_init(BastionModeButtonClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_mode_button_dispose;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/mode-button.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionModeButton, button);
        gtk_widget_class_bind_template_child(widget_class, BastionModeButton, label);
}

static void bastion_mode_button_init(BastionModeButton *button)
{
        button->actions = g_simple_action_group_new();
        g_action_map_add_action_entries(G_ACTION_MAP(button->actions), actions, ARRAY_SIZE(actions), button);
        gtk_widget_insert_action_group(GTK_WIDGET(button), "mode", G_ACTION_GROUP(button->actions));
        gtk_widget_init_template(GTK_WIDGET(button));
}
