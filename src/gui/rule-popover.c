/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/rule-popover.h"

#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"

struct _BastionRulePopover {
        GtkPopover parent;
        BastionLink *link;
        char *sentences[2][REACH_COUNT]; /* allow, deny; NULL: there is no such rule */
        GtkWidget *buttons[REACH_COUNT];
        GtkToggleButton *deny; /* of the template */
        GtkBox *reaches;
        GtkLabel *sentence;
        GtkWidget *add;
};

G_DEFINE_FINAL_TYPE(BastionRulePopover, bastion_rule_popover, GTK_TYPE_POPOVER)

/* The one that is chosen, or NULL: no rule can be made of this connection. */
static const char *chosen(BastionRulePopover *popover)
{
        enum action action = gtk_toggle_button_get_active(popover->deny) ? ACTION_DENY : ACTION_ALLOW;

        for (unsigned i = 0; i < REACH_COUNT; i++)
                if (popover->buttons[i] && gtk_check_button_get_active(GTK_CHECK_BUTTON(popover->buttons[i])))
                        return popover->sentences[action][i];
        return NULL;
}

static void on_toggled(BastionRulePopover *popover)
{
        const char *sentence = chosen(popover);
        g_autofree char *plain = panel_plain(sentence ? sentence : _("No rule can name this program."));

        gtk_label_set_text(popover->sentence, plain);
        gtk_widget_set_sensitive(popover->add, sentence != NULL);
}

static void on_added(gpointer owner, struct event *reply)
{
        BastionRulePopover *popover = owner;

        if (!panel_say_if_error(GTK_WIDGET(popover), reply) || reply->n_rules != 1)
                return;
        panel_say_changed(GTK_WIDGET(popover), popover->link, _("Rule added"), reply->rules[0]->id);
        gtk_popover_popdown(GTK_POPOVER(popover));
}

static void on_add(BastionRulePopover *popover)
{
        const char *sentence = chosen(popover);
        int64_t id;
        struct buf *out = sentence ? bastion_link_request(popover->link, popover, on_added, &id) : NULL;

        if (out)
                message_format_request_rule_add(out, id, sentence, NULL);
        else
                panel_say(GTK_WIDGET(popover), bastion_reply_error(NULL));
}

static void bastion_rule_popover_dispose(GObject *object)
{
        g_clear_object(&BASTION_RULE_POPOVER(object)->link);
        G_OBJECT_CLASS(bastion_rule_popover_parent_class)->dispose(object);
}

static void bastion_rule_popover_finalize(GObject *object)
{
        BastionRulePopover *popover = BASTION_RULE_POPOVER(object);

        for (unsigned i = 0; i < REACH_COUNT; i++) {
                g_free(popover->sentences[ACTION_ALLOW][i]);
                g_free(popover->sentences[ACTION_DENY][i]);
        }
        G_OBJECT_CLASS(bastion_rule_popover_parent_class)->finalize(object);
}

static void bastion_rule_popover_class_init(BastionRulePopoverClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_rule_popover_dispose;
        G_OBJECT_CLASS(class)->finalize = bastion_rule_popover_finalize;
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/panel/rule-popover.ui");
        gtk_widget_class_bind_template_child(widget_class, BastionRulePopover, deny);
        gtk_widget_class_bind_template_child(widget_class, BastionRulePopover, reaches);
        gtk_widget_class_bind_template_child(widget_class, BastionRulePopover, sentence);
        gtk_widget_class_bind_template_child(widget_class, BastionRulePopover, add);
        gtk_widget_class_bind_template_callback(widget_class, on_toggled);
        gtk_widget_class_bind_template_callback(widget_class, on_add);
}

static void bastion_rule_popover_init(BastionRulePopover *popover)
{
        gtk_widget_init_template(GTK_WIDGET(popover));
}

static void add_reach(BastionRulePopover *popover, enum panel_reach reach)
{
        GtkWidget *button = gtk_check_button_new_with_label(panel_reach_title(reach)), *group = NULL;

        for (unsigned i = 0; i < REACH_COUNT && !group; i++)
                group = popover->buttons[i];
        popover->buttons[reach] = button;
        gtk_check_button_set_group(GTK_CHECK_BUTTON(button), GTK_CHECK_BUTTON(group));
        if (!group)
                gtk_check_button_set_active(GTK_CHECK_BUTTON(button), TRUE);
        g_signal_connect_swapped(button, "toggled", G_CALLBACK(on_toggled), popover);
        gtk_box_append(popover->reaches, button);
}

GtkWidget *bastion_rule_popover_new(BastionLink *link, const struct connection *connection, bool whole_program)
{
        BastionRulePopover *popover = g_object_new(BASTION_TYPE_RULE_POPOVER, NULL);
        const char *host = hosts_first(&connection->hosts);

        popover->link = g_object_ref(link);
        for (unsigned i = 0; i < REACH_COUNT; i++) {
                if (whole_program && i != REACH_PROGRAM)
                        continue;
                popover->sentences[ACTION_ALLOW][i] = panel_flow_sentence(connection->subject, &connection->flow, host, ACTION_ALLOW, i);
                popover->sentences[ACTION_DENY][i] = panel_flow_sentence(connection->subject, &connection->flow, host, ACTION_DENY, i);
                if (popover->sentences[ACTION_DENY][i])
                        add_reach(popover, i);
        }
        on_toggled(popover);
        return GTK_WIDGET(popover);
}
