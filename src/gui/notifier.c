/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Some servers read the body as markup, some do not, and say which: it is escaped for those that do. */
#include "gui/notifier.h"

#include <string.h>

#include "base/log.h"
#include "gui/app.h"
#include "gui/ask-guard.h"
#include "gui/ask-text.h"
#include "gui/i18n.h"

#define SERVER "org.freedesktop.Notifications"

enum { URGENCY_NORMAL = 1, URGENCY_CRITICAL = 2, WORDS_MAX = 8 };

struct _BastionNotifier {
        GObject parent;
        GDBusConnection *bus;
        BastionLink *link;
        BastionInbox *inbox;
        guint subscription;
        bool asks, is_refused, knows_markup, has_markup;
        BastionQuestion *shown; /* a reference, or NULL */
        GPtrArray *words;       /* to be told when it is known how */
        guint32 id;             /* of its notification, 0: none, or not known yet */
        bool is_showing;        /* a call to show it is under way */
        struct ask_guard guard;
};

enum { PROP_REFUSED = 1, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint signal_details;

G_DEFINE_FINAL_TYPE(BastionNotifier, bastion_notifier, G_TYPE_OBJECT)

static void update(BastionNotifier *notifier);

static void call(BastionNotifier *notifier, const char *method, GVariant *parameters, const char *reply, GAsyncReadyCallback callback)
{
        g_dbus_connection_call(notifier->bus, SERVER, "/org/freedesktop/Notifications", SERVER, method, parameters, reply ? G_VARIANT_TYPE(reply) : NULL,
                               G_DBUS_CALL_FLAGS_NONE, -1, NULL, callback, callback ? g_object_ref(notifier) : NULL);
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

static void withdraw(BastionNotifier *notifier)
{
        if (notifier->id)
                call(notifier, "CloseNotification", g_variant_new("(u)", notifier->id), NULL, NULL);
        notifier->id = 0;
        g_clear_object(&notifier->shown);
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
        if (!notifier->shown) /* it was withdrawn meanwhile */
                withdraw(notifier);
        else
                update(notifier);
}

static void show(BastionNotifier *notifier)
{
        const char *const actions[] = { "allow", _("Allow once"), "deny", _("Deny once"), "default", _("Details"), "details", _("Details"), NULL };
        const char *const none[] = { "default", _("Details"), NULL };
        const struct prompt *prompt = bastion_question_get_prompt(notifier->shown);
        unsigned others = g_list_model_get_n_items(bastion_inbox_get_open(notifier->inbox)) - 1;
        g_autofree char *title = ask_text_title(prompt), *started_by = ask_text_started_by_short(prompt->subject), *path = ask_text_path(prompt->subject),
                        *more = ask_text_waiting(others), *text = g_strjoin("\n", path ? path : "", started_by ? started_by : more, started_by ? more : NULL, NULL);

        notifier->is_showing = true;
        ask_guard_disturb(&notifier->guard, client_now());
        call(notifier, "Notify",
             notification_of(notifier, notifier->id, title ? title : "", text, bastion_link_is_up(notifier->link) ? actions : none, URGENCY_CRITICAL), "(u)",
             on_shown);
}

static void tell_words(BastionNotifier *notifier)
{
        const char *const none[] = { NULL };

        for (guint i = 0; i < notifier->words->len; i++)
                call(notifier, "Notify", notification_of(notifier, 0, _("Bastion Firewall"), notifier->words->pdata[i], none, URGENCY_NORMAL), "(u)", NULL);
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

/* The oldest that waits is shown, and nothing where none does. */
static void update(BastionNotifier *notifier)
{
        g_autoptr(BastionQuestion) first = notifier->asks ? g_list_model_get_item(bastion_inbox_get_open(notifier->inbox), 0) : NULL;

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
        g_set_object(&notifier->shown, first);
        show(notifier);
}

static void answer(BastionNotifier *notifier, bool allow)
{
        const struct prompt *prompt = bastion_question_get_prompt(notifier->shown);
        struct choice choice = choice_default(prompt);
        struct answer given = choice_answer(&choice, prompt, allow);
        int64_t id;
        struct buf *out = bastion_link_request(notifier->link, NULL, NULL, &id);

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
        if (is_answer)
                answer(notifier, *action == 'a');
        else
                g_signal_emit(notifier, signal_details, 0, notifier->shown);
}

static void on_signal(_unused_ GDBusConnection *bus, _unused_ const char *sender, _unused_ const char *path, _unused_ const char *interface, const char *name,
                      GVariant *parameters, gpointer userdata)
{
        BastionNotifier *notifier = userdata;
        const char *action;
        guint32 id;

        if (strcmp(name, "ActionInvoked") != 0 || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(us)")))
                return;
        g_variant_get(parameters, "(u&s)", &id, &action);
        if (id != 0 && id == notifier->id && notifier->shown)
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
