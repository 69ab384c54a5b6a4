/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Some servers read the body as markup, some do not, and say which: it is escaped for those that do. */
#include "gui/notifier.h"

#include <string.h>

#include "base/log.h"
#include "gui/app.h"
#include "gui/ask-guard.h"
#include "gui/ask-text.h"
#include "gui/i18n.h"

#define SERVER   "org.freedesktop.Notifications"
#define PUT_AWAY "bastion-put-away" /* of a question: it was shown, and its notification is gone without an answer */

enum { URGENCY_NORMAL = 1, URGENCY_CRITICAL = 2, WORDS_MAX = 8 };

struct _BastionNotifier {
        GObject parent;
        GDBusConnection *bus;
        BastionLink *link;
        BastionInbox *inbox;
        guint subscription;
        bool asks, is_refused, knows_markup, has_markup;
        BastionQuestion *shown; /* a reference, or NULL */
        gulong changed;         /* the handler of its signal */
        GPtrArray *words;       /* to be told when it is known how */
        guint32 id;             /* of its notification, 0: none, or not known yet */
        bool is_showing;        /* a call to show it is under way: what is clicked now was another text */
        bool is_stale;          /* it has changed since that call */
        bool is_opened;         /* its details are looked at */
        struct ask_guard guard;
};

enum { PROP_REFUSED = 1, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint signal_details;

G_DEFINE_FINAL_TYPE(BastionNotifier, bastion_notifier, G_TYPE_OBJECT)

static void update(BastionNotifier *notifier);

static void call_for(BastionNotifier *notifier, const char *method, GVariant *parameters, const char *reply, GAsyncReadyCallback callback, gpointer userdata)
{
        g_dbus_connection_call(notifier->bus, SERVER, "/org/freedesktop/Notifications", SERVER, method, parameters, reply ? G_VARIANT_TYPE(reply) : NULL,
                               G_DBUS_CALL_FLAGS_NONE, -1, NULL, callback, userdata);
}

/* `callback` is given a reference to the notifier. */
static void call(BastionNotifier *notifier, const char *method, GVariant *parameters, const char *reply, GAsyncReadyCallback callback)
{
        call_for(notifier, method, parameters, reply, callback, callback ? g_object_ref(notifier) : NULL);
}

static void set_refused(BastionNotifier *notifier, bool refused)
{
        if (notifier->is_refused == refused)
                return;
        notifier->is_refused = refused;
        g_object_notify_by_pspec(G_OBJECT(notifier), props[PROP_REFUSED]);
}

/* `actions`: names and labels, ends with NULL. */
static GVariant *notification_of(BastionNotifier *notifier, guint32 replaces, const char *title, const char *text, const char *const *actions, int urgency)
{
        g_autofree char *body = notifier->has_markup ? g_markup_escape_text(text, -1) : g_strdup(text);
        GVariantBuilder hints = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&hints, "{sv}", "urgency", g_variant_new_byte((guchar)urgency));
        g_variant_builder_add(&hints, "{sv}", "desktop-entry", g_variant_new_string(APP_ID));
        return g_variant_new("(susss^asa{sv}i)", _("Bastion Firewall"), replaces, APP_ID, title, body, actions, &hints, urgency == URGENCY_CRITICAL ? 0 : -1);
}

/* ---- the question's ---------------------------------------------------------------------------------------------------- */

static void show(BastionNotifier *notifier);

/* What an answer would mean is another than what can be read there. */
static void on_changed(BastionNotifier *notifier, gboolean substance)
{
        if (substance && notifier->is_showing)
                notifier->is_stale = true;
        else if (substance)
                show(notifier);
}

static void set_shown(BastionNotifier *notifier, BastionQuestion *question)
{
        if (notifier->shown)
                g_clear_signal_handler(&notifier->changed, notifier->shown);
        g_set_object(&notifier->shown, question);
        notifier->is_opened = false;
        if (question)
                notifier->changed = g_signal_connect_swapped(question, "changed", G_CALLBACK(on_changed), notifier);
}

static void withdraw(BastionNotifier *notifier)
{
        if (notifier->id)
                call(notifier, "CloseNotification", g_variant_new("(u)", notifier->id), NULL, NULL);
        notifier->id = 0;
        set_shown(notifier, NULL);
}

static void on_shown(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(BastionNotifier) notifier = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        notifier->is_showing = false;
        if (!reply) {
                log_warn("nobody shows notifications here: %s", error->message);
                set_refused(notifier, true);
                return;
        }
        set_refused(notifier, false);
        g_variant_get(reply, "(u)", &notifier->id);
        ask_guard_disturb(&notifier->guard, client_now());
        update(notifier);
        if (notifier->is_stale && notifier->shown && !notifier->is_showing)
                show(notifier);
}

static void show(BastionNotifier *notifier)
{
        const char *const actions[] = { "allow", _("Allow once"), "deny", _("Deny once"), "default", _("Details"), "details", _("Details"), NULL };
        const char *const none[] = { "default", _("Details"), NULL };
        const struct prompt *prompt = bastion_question_get_prompt(notifier->shown);
        unsigned others = g_list_model_get_n_items(bastion_inbox_get_open(notifier->inbox)) - 1;
        g_autofree char *title = ask_text_title(prompt), *started_by = ask_text_started_by_short(prompt->subject), *path = ask_text_path(prompt->subject),
                        *more = ask_text_waiting(others), *text = NULL;
        g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
        g_auto(GStrv) body = NULL;

        g_strv_builder_add(lines, path ? path : "");
        if (started_by)
                g_strv_builder_add(lines, started_by);
        if (prompt->whole_program)
                g_strv_builder_add(lines, _("The answer is for everything that this program does."));
        if (more)
                g_strv_builder_add(lines, more);
        body = g_strv_builder_end(lines);
        text = g_strjoinv("\n", body);
        notifier->is_showing = true;
        notifier->is_stale = false;
        ask_guard_disturb(&notifier->guard, client_now());
        call(notifier, "Notify",
             notification_of(notifier, notifier->id, title ? title : "", text, bastion_link_is_up(notifier->link) ? actions : none, URGENCY_CRITICAL), "(u)",
             on_shown);
}

/* Words that nobody shows are said where words without a person go. */
static void on_told(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autofree char *words = userdata;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

        if (!reply)
                log_warn("%s", words);
}

static void tell_words(BastionNotifier *notifier)
{
        const char *const none[] = { NULL };

        for (guint i = 0; i < notifier->words->len; i++)
                call_for(notifier, "Notify", notification_of(notifier, 0, _("Bastion Firewall"), notifier->words->pdata[i], none, URGENCY_NORMAL), "(u)", on_told,
                         g_strdup(notifier->words->pdata[i]));
        g_ptr_array_set_size(notifier->words, 0);
}

static void on_capabilities(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(BastionNotifier) notifier = userdata;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
        g_autofree const char **words = NULL;

        if (reply)
                g_variant_get(reply, "(^a&s)", &words);
        notifier->has_markup = words && g_strv_contains(words, "body-markup");
        notifier->knows_markup = true;
        tell_words(notifier);
        update(notifier);
}

/* The oldest that waits and was not put away: a reference, or NULL. */
static BastionQuestion *first_to_ask(BastionNotifier *notifier)
{
        GListModel *open = bastion_inbox_get_open(notifier->inbox);

        for (guint i = 0; notifier->asks && i < g_list_model_get_n_items(open); i++) {
                g_autoptr(BastionQuestion) question = g_list_model_get_item(open, i);

                if (!g_object_get_data(G_OBJECT(question), PUT_AWAY))
                        return g_steal_pointer(&question);
        }
        return NULL;
}

static void update(BastionNotifier *notifier)
{
        g_autoptr(BastionQuestion) first = first_to_ask(notifier);

        if (notifier->is_showing || first == notifier->shown)
                return;
        if (!first) {
                withdraw(notifier);
                return;
        }
        if (!notifier->knows_markup) {
                call(notifier, "GetCapabilities", NULL, "(as)", on_capabilities);
                return;
        }
        set_shown(notifier, first);
        show(notifier);
}

static void on_answered(gpointer notifier, struct event *reply)
{
        if (!reply || reply->type != EVENT_REPLY)
                bastion_notifier_tell(notifier, bastion_reply_error(reply));
}

static void answer(BastionNotifier *notifier, bool allow)
{
        const struct prompt *prompt = bastion_question_get_prompt(notifier->shown);
        struct choice choice = choice_default(prompt);
        struct answer given = choice_answer(&choice, prompt, allow);
        int64_t id;
        struct buf *out = bastion_link_request(notifier->link, notifier, on_answered, &id);

        if (out)
                message_format_request_answer(out, id, prompt->ref, &given);
}

static void on_action(BastionNotifier *notifier, const char *action)
{
        bool is_answer = strcmp(action, "allow") == 0 || strcmp(action, "deny") == 0;

        if (is_answer && !ask_guard_buttons(&notifier->guard, client_now())) {
                notifier->id = 0; /* servers take away what was clicked */
                show(notifier);
                return;
        }
        if (is_answer) {
                answer(notifier, *action == 'a');
                return;
        }
        notifier->is_opened = true;
        g_signal_emit(notifier, signal_details, 0, notifier->shown);
}

/* The person, or the server by itself, has put it away: no answer. What waits besides is asked; this one is in the window. */
static void on_closed(BastionNotifier *notifier)
{
        notifier->id = 0;
        if (notifier->is_opened)
                return;
        g_object_set_data(G_OBJECT(notifier->shown), PUT_AWAY, GINT_TO_POINTER(TRUE));
        set_shown(notifier, NULL);
        update(notifier);
}

static void on_signal(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface, const char *name,
                      GVariant *parameters, gpointer userdata)
{
        BastionNotifier *notifier = userdata;
        const bool is_action = strcmp(name, "ActionInvoked") == 0 && g_variant_is_of_type(parameters, G_VARIANT_TYPE("(us)"));
        const bool is_closed = strcmp(name, "NotificationClosed") == 0 && g_variant_is_of_type(parameters, G_VARIANT_TYPE("(uu)"));
        const char *action;
        guint32 id;

        if (!is_action && !is_closed)
                return;
        g_variant_get_child(parameters, 0, "u", &id);
        if (id == 0 || id != notifier->id || !notifier->shown || notifier->is_showing)
                return;
        if (is_closed) {
                on_closed(notifier);
                return;
        }
        g_variant_get_child(parameters, 1, "&s", &action);
        on_action(notifier, action);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------- */

void bastion_notifier_set_asks(BastionNotifier *notifier, bool asks)
{
        notifier->asks = asks;
        update(notifier);
}

bool bastion_notifier_is_refused(BastionNotifier *notifier)
{
        return notifier->is_refused;
}

void bastion_notifier_tell(BastionNotifier *notifier, const char *text)
{
        if (notifier->words->len < WORDS_MAX)
                g_ptr_array_add(notifier->words, g_strdup(text));
        if (notifier->knows_markup)
                tell_words(notifier);
        else
                call(notifier, "GetCapabilities", NULL, "(as)", on_capabilities);
}

BastionNotifier *bastion_notifier_new(GDBusConnection *bus, BastionLink *link, BastionInbox *inbox)
{
        BastionNotifier *notifier = g_object_new(BASTION_TYPE_NOTIFIER, NULL);

        notifier->bus = g_object_ref(bus);
        notifier->link = g_object_ref(link);
        notifier->inbox = g_object_ref(inbox);
        notifier->subscription = g_dbus_connection_signal_subscribe(bus, SERVER, SERVER, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, notifier, NULL);
        g_signal_connect_object(bastion_inbox_get_open(inbox), "items-changed", G_CALLBACK(update), notifier, G_CONNECT_SWAPPED);
        return notifier;
}

static void bastion_notifier_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
        if (id == PROP_REFUSED)
                g_value_set_boolean(value, BASTION_NOTIFIER(object)->is_refused);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void bastion_notifier_dispose(GObject *object)
{
        BastionNotifier *notifier = BASTION_NOTIFIER(object);

        if (notifier->subscription)
                g_dbus_connection_signal_unsubscribe(notifier->bus, notifier->subscription);
        notifier->subscription = 0;
        if (notifier->bus)
                withdraw(notifier);
        g_clear_pointer(&notifier->words, g_ptr_array_unref);
        g_clear_object(&notifier->inbox);
        g_clear_object(&notifier->link);
        g_clear_object(&notifier->bus);
        G_OBJECT_CLASS(bastion_notifier_parent_class)->dispose(object);
}

static void bastion_notifier_class_init(BastionNotifierClass *class)
{
        GObjectClass *object_class = G_OBJECT_CLASS(class);

        object_class->get_property = bastion_notifier_get_property;
        object_class->dispose = bastion_notifier_dispose;
        props[PROP_REFUSED] = g_param_spec_boolean("refused", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(object_class, N_PROPS, props);
        signal_details = g_signal_new("details", BASTION_TYPE_NOTIFIER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, BASTION_TYPE_QUESTION);
}

static void bastion_notifier_init(BastionNotifier *notifier)
{
        notifier->words = g_ptr_array_new_with_free_func(g_free);
}
