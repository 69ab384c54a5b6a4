/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Spin buttons and paths are not sent with every letter: a number after a pause, a path on Enter. */
#include "gui/setting-row.h"

#include "client/words.h"
#include "gui/i18n.h"
#include "wire/conffile.h"

enum { SPIN_PAUSE_MS = 700 };

struct _BastionSettingRow {
        AdwActionRow parent;
        const struct setting *setting;
        GtkWidget *value, *reset;
        bool showing; /* the daemon's value is being put in: no choice of a person's */
        guint pause;  /* a timeout of the main loop, or 0 */
        char *problem; /* what the daemon said of the last choice, or NULL */
};

static guint signal_chosen;

G_DEFINE_FINAL_TYPE(BastionSettingRow, bastion_setting_row, ADW_TYPE_ACTION_ROW)

const struct setting *bastion_setting_row_get_setting(BastionSettingRow *row)
{
        return row->setting;
}

static void choose(BastionSettingRow *row, const char *word)
{
        _cleanup_(buf_deinit) struct buf json = { 0 };

        if (row->showing)
                return;
        conffile_format_word(&json, word);
        if (!buf_error(&json))
                g_signal_emit(row, signal_chosen, 0, row->setting->key, json.data);
}

static void on_switched(BastionSettingRow *row)
{
        choose(row, gtk_switch_get_active(GTK_SWITCH(row->value)) ? "true" : "false");
}

static void on_selected(BastionSettingRow *row)
{
        const guint selected = gtk_drop_down_get_selected(GTK_DROP_DOWN(row->value));
        const char *value;

        if (selected == GTK_INVALID_LIST_POSITION) /* the daemon has a value that this table does not know */
                return;
        value = row->setting->choices[selected].value;
        choose(row, value ? value : "null");
}

static gboolean on_pause_over(gpointer userdata)
{
        BastionSettingRow *row = userdata;
        g_autofree char *word = g_strdup_printf("%d", gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(row->value)));

        row->pause = 0;
        choose(row, word);
        return G_SOURCE_REMOVE;
}

static void on_spun(BastionSettingRow *row)
{
        if (row->showing)
                return;
        g_clear_handle_id(&row->pause, g_source_remove);
        row->pause = g_timeout_add(SPIN_PAUSE_MS, on_pause_over, row);
}

static void on_entered(BastionSettingRow *row)
{
        choose(row, gtk_editable_get_text(GTK_EDITABLE(row->value)));
}

static void on_reset(BastionSettingRow *row)
{
        choose(row, "null");
}

/* ---- what is shown --------------------------------------------------------------------------------------------------------- */

static void show_explanation(BastionSettingRow *row, bool is_on)
{
        g_autoptr(GString) text = g_string_new(_(row->setting->explanation));
        _cleanup_(buf_deinit) struct buf plain = { 0 };

        if (is_on && row->setting->danger)
                g_string_append_printf(text, "\n%s", _(row->setting->danger));
        if (row->problem) {
                words_plain(&plain, row->problem, strlen(row->problem));
                g_string_append_printf(text, "\n%s", buf_error(&plain) || !plain.data ? "" : plain.data);
        }
        adw_action_row_set_subtitle(ADW_ACTION_ROW(row), text->str);
        (row->problem ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(GTK_WIDGET(row), "setting-problem");
}

static bool is_on(BastionSettingRow *row)
{
        return row->setting->kind == SETTING_SWITCH && gtk_switch_get_active(GTK_SWITCH(row->value));
}

void bastion_setting_row_show_problem(BastionSettingRow *row, const char *text)
{
        g_free(row->problem);
        row->problem = g_strdup(text);
        show_explanation(row, is_on(row));
}

void bastion_setting_row_show(BastionSettingRow *row, const struct config *config, const struct config *defaults)
{
        row->showing = true;
        switch (row->setting->kind) {
        case SETTING_SWITCH:
                gtk_switch_set_active(GTK_SWITCH(row->value), setting_get_switch(row->setting, config));
                break;
        case SETTING_SECONDS:
                if (!row->pause)
                        gtk_spin_button_set_value(GTK_SPIN_BUTTON(row->value), setting_get_seconds(row->setting, config));
                break;
        case SETTING_CHOICE:
                gtk_drop_down_set_selected(GTK_DROP_DOWN(row->value), setting_get_choice(row->setting, config));
                break;
        case SETTING_PATH:
                gtk_editable_set_text(GTK_EDITABLE(row->value), setting_get_path(row->setting, config));
                break;
        }
        row->showing = false;
        gtk_widget_set_visible(row->reset, !setting_same(row->setting, config, defaults));
        show_explanation(row, is_on(row));
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static GtkWidget *new_drop_down(const struct setting *setting)
{
        g_autoptr(GtkStringList) titles = gtk_string_list_new(NULL);

        for (const struct setting_choice *choice = setting->choices; choice->title; choice++)
                gtk_string_list_append(titles, _(choice->title));
        return gtk_drop_down_new(G_LIST_MODEL(g_steal_pointer(&titles)), NULL);
}

static GtkWidget *new_value(BastionSettingRow *row)
{
        GtkWidget *value = NULL;

        switch (row->setting->kind) {
        case SETTING_SWITCH:
                value = gtk_switch_new();
                g_signal_connect_swapped(value, "notify::active", G_CALLBACK(on_switched), row);
                break;
        case SETTING_SECONDS:
                value = gtk_spin_button_new_with_range(row->setting->min, row->setting->max, 5);
                g_signal_connect_swapped(value, "value-changed", G_CALLBACK(on_spun), row);
                break;
        case SETTING_CHOICE:
                value = new_drop_down(row->setting);
                g_signal_connect_swapped(value, "notify::selected", G_CALLBACK(on_selected), row);
                break;
        case SETTING_PATH:
                value = gtk_entry_new();
                gtk_editable_set_width_chars(GTK_EDITABLE(value), 12);
                gtk_editable_set_max_width_chars(GTK_EDITABLE(value), 32);
                g_signal_connect_swapped(value, "activate", G_CALLBACK(on_entered), row);
                break;
        }
        gtk_widget_set_valign(value, GTK_ALIGN_CENTER);
        if (row->setting->kind != SETTING_SWITCH) /* the row's title is its label: it activates it */
                gtk_accessible_update_property(GTK_ACCESSIBLE(value), GTK_ACCESSIBLE_PROPERTY_LABEL, _(row->setting->title), -1);
        return value;
}

static GtkWidget *new_reset(BastionSettingRow *row)
{
        GtkWidget *reset = gtk_button_new_from_icon_name("edit-clear-symbolic");
        g_autofree char *label = g_strdup_printf(_("%s: back to the default"), _(row->setting->title));

        gtk_widget_set_valign(reset, GTK_ALIGN_CENTER);
        gtk_widget_set_visible(reset, FALSE);
        gtk_widget_add_css_class(reset, "flat");
        gtk_widget_set_tooltip_text(reset, _("Back to the default"));
        gtk_accessible_update_property(GTK_ACCESSIBLE(reset), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
        g_signal_connect_swapped(reset, "clicked", G_CALLBACK(on_reset), row);
        return reset;
}

static void bastion_setting_row_dispose(GObject *object)
{
        g_clear_handle_id(&BASTION_SETTING_ROW(object)->pause, g_source_remove);
        G_OBJECT_CLASS(bastion_setting_row_parent_class)->dispose(object);
}

static void bastion_setting_row_finalize(GObject *object)
{
        g_free(BASTION_SETTING_ROW(object)->problem);
        G_OBJECT_CLASS(bastion_setting_row_parent_class)->finalize(object);
}

static void bastion_setting_row_class_init(BastionSettingRowClass *class)
{
        G_OBJECT_CLASS(class)->dispose = bastion_setting_row_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_setting_row_finalize;
        signal_chosen = g_signal_new("chosen", BASTION_TYPE_SETTING_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
}

static void bastion_setting_row_init(_unused_ BastionSettingRow *row)
{
}

GtkWidget *bastion_setting_row_new(const struct setting *setting)
{
        BastionSettingRow *row = g_object_new(BASTION_TYPE_SETTING_ROW, "use-markup", FALSE, NULL);

        row->setting = setting;
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), _(setting->title));
        row->reset = new_reset(row);
        row->value = new_value(row);
        adw_action_row_add_suffix(ADW_ACTION_ROW(row), row->reset);
        adw_action_row_add_suffix(ADW_ACTION_ROW(row), row->value);
        if (setting->kind == SETTING_SWITCH)
                adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), row->value);
        show_explanation(row, false);
        return GTK_WIDGET(row);
}
