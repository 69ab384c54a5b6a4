/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-gui: the firewall in a person's session. It keeps the connection, the tray's icon and the question's window together and decides nothing itself. Who
 * asks is one of two: the window where it can come without taking the focus and a tray shows that somebody is there; else a notification, as long as a server shows it.
 * The icon comes first: GTK and the window are made when the tray has taken it and has had a moment to ask what it looks like.
 */
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/late-application.h"
#include "gui/notifier.h"
#include "gui/question-window.h"
#include "gui/service.h"
#include "gui/tray.h"
#include "gui/unfocused.h"
#include "gui/watch.h"

#include "base/log.h"
#include "client/programs.h"

enum {
        PAUSE_MINUTE = 60,
        ICON_MS = 200, /* for the tray to fetch the icon */
};

static struct {
        AdwApplication *app;
        BastionLink *link;
        BastionInbox *inbox;
        BastionWatch *watch;
        BastionTray *tray;         /* NULL: there is no session bus */
        BastionNotifier *notifier; /* with the tray */
        BastionQuestionWindow *window; /* made when it is needed; the application's */
        bool has_service, is_ready; /* to ask */
        guint preparing;            /* a timeout of the main loop, else 0 */
} gui;

/* ---- what is told -------------------------------------------------------------------------------------------------------- */

static void tell(const char *text)
{
        if (gui.notifier)
                bastion_notifier_tell(gui.notifier, text);
        else
                log_warn("%s", text);
}

static void tell_if_failed(_unused_ gpointer owner, struct event *reply)
{
        if (!reply || reply->type != EVENT_REPLY)
                tell(bastion_reply_error(reply));
}

static void on_service_failed(const char *words, _unused_ gpointer userdata)
{
        tell(words);
}

static unsigned n_items(GListModel *model)
{
        return g_list_model_get_n_items(model);
}

static struct tray_facts facts_for_tray(_unused_ gpointer userdata)
{
        struct boottime end = bastion_link_get_try_end(gui.link);
        bool is_up = bastion_link_get_state(gui.link) == BASTION_LINK_UP;

        return (struct tray_facts){
                .state = bastion_watch_get_state(gui.watch),
                .is_up = is_up,
                .mode = bastion_link_get_mode(gui.link),
                .is_tried = is_up && end.ns != BOOTTIME_NEVER.ns,
                .left_seconds = is_up && end.ns != BOOTTIME_NEVER.ns ? (unsigned)((boottime_left(end, client_now()) + NS_PER_SEC - 1) / NS_PER_SEC) : 0,
                .n_open = n_items(bastion_inbox_get_open(gui.inbox)),
                .n_missed = n_items(bastion_inbox_get_missed(gui.inbox)),
                .has_service = gui.has_service,
                .problems = bastion_watch_get_problems(gui.watch),
        };
}

static void tell_tray(void)
{
        if (gui.tray)
                bastion_tray_changed(gui.tray);
}

static void on_service_known(bool has_it, _unused_ gpointer userdata)
{
        gui.has_service = has_it;
        tell_tray();
}

/* ---- who asks -------------------------------------------------------------------------------------------------------------- */

static GdkDisplay *display(void)
{
        return bastion_late_application_display(BASTION_LATE_APPLICATION(gui.app));
}

static BastionQuestionWindow *window(void)
{
        display();
        if (!gui.window)
                gui.window = bastion_question_window_new(gui.app, gui.link, gui.inbox);
        return gui.window;
}

static bool notifier_asks(void)
{
        return gui.notifier && !bastion_notifier_is_refused(gui.notifier) &&
               !(unfocused_is_kept(display()) && bastion_tray_get_has_host(gui.tray));
}

/* A question that is there already is asked by whoever has to ask now. */
static void route(void)
{
        bool notifies;

        if (!gui.is_ready)
                return;
        notifies = notifier_asks();
        if (gui.notifier)
                bastion_notifier_set_asks(gui.notifier, notifies);
        if (!notifies && n_items(bastion_inbox_get_open(gui.inbox)) > 0)
                bastion_question_window_offer(window());
}

/* The first question should not wait for a window to be made. */
static gboolean on_prepare(_unused_ gpointer userdata)
{
        gui.preparing = 0;
        window();
        gui.is_ready = true;
        route();
        return G_SOURCE_REMOVE;
}

static void prepare_in(guint ms)
{
        if (!gui.preparing)
                gui.preparing = g_timeout_add(ms, on_prepare, NULL);
}

static void on_host(void)
{
        if (gui.is_ready)
                route();
        else
                prepare_in(ICON_MS);
}

static void on_open_changed(_unused_ GListModel *model, _unused_ guint at, _unused_ guint removed, guint added)
{
        tell_tray();
        if (added > 0)
                route();
}

static void on_details(_unused_ BastionNotifier *notifier, BastionQuestion *question)
{
        bastion_question_window_open(window());
        bastion_question_window_select(window(), question);
}

/* ---- what a person wants ----------------------------------------------------------------------------------------------------- */

static void open_panel(void)
{
        g_autoptr(GdkAppLaunchContext) context = gdk_display_get_app_launch_context(display());
        g_autofree char *socket = g_shell_quote(app_socket(gui.app));
        g_autoptr(GString) line = g_string_new(NULL);
        g_autoptr(GAppInfo) panel = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *quoted = NULL;
        char path[PATH_MAX];

        if (!program_find(PROGRAM_PANEL, path)) {
                g_autofree char *text = g_strdup_printf(_("The control panel was not found %s"), program_places(PROGRAM_PANEL));

                tell(text);
                return;
        }
        quoted = g_shell_quote(path);
        g_string_append_printf(line, "%s --socket=%s", quoted, socket);
        g_string_replace(line, "%", "%%", 0); /* or it would stand for files */
        panel = g_app_info_create_from_commandline(line->str, _("Bastion Control Panel"), G_APP_INFO_CREATE_SUPPORTS_STARTUP_NOTIFICATION, &error);
        if (!panel || !g_app_info_launch(panel, NULL, G_APP_LAUNCH_CONTEXT(context), &error))
                tell(error->message);
}

static void request_mode(enum mode mode, unsigned try_seconds, bool keep)
{
        int64_t id;
        struct buf *out = bastion_link_request(gui.link, NULL, tell_if_failed, &id);

        if (out)
                message_format_request_mode(out, id, mode, try_seconds, keep);
}

/* A pause ends early; a trial of enforcement is kept. */
static void end_try(void)
{
        request_mode(MODE_ENFORCEMENT, 0, bastion_link_get_mode(gui.link) == MODE_ENFORCEMENT);
}

static void on_item(_unused_ BastionTray *tray, int item)
{
        switch ((enum tray_item)item) {
        case TRAY_ITEM_PANEL:
                open_panel();
                break;
        case TRAY_ITEM_QUESTIONS:
                bastion_question_window_open(window());
                break;
        case TRAY_ITEM_LEARNING:
                request_mode(MODE_LEARNING, 0, false);
                break;
        case TRAY_ITEM_ENFORCEMENT:
                request_mode(MODE_ENFORCEMENT, 0, false);
                break;
        case TRAY_ITEM_TRY:
                end_try();
                break;
        case TRAY_ITEM_PAUSE_5:
                request_mode(MODE_LEARNING, 5 * PAUSE_MINUTE, false);
                break;
        case TRAY_ITEM_PAUSE_15:
                request_mode(MODE_LEARNING, 15 * PAUSE_MINUTE, false);
                break;
        case TRAY_ITEM_PAUSE_60:
                request_mode(MODE_LEARNING, 60 * PAUSE_MINUTE, false);
                break;
        case TRAY_ITEM_START:
                service_do(SERVICE_START, on_service_failed, NULL);
                break;
        case TRAY_ITEM_STOP:
                service_do(SERVICE_STOP, on_service_failed, NULL);
                break;
        case TRAY_ITEM_RESTART:
                service_do(SERVICE_RESTART, on_service_failed, NULL);
                break;
        case TRAY_ITEM_QUIT:
                g_application_quit(G_APPLICATION(gui.app));
                break;
        case TRAY_ITEM_ROOT:
        case TRAY_ITEM_STATE:
        case TRAY_ITEM_LINE_1:
        case TRAY_ITEM_LINE_2:
        case TRAY_ITEM_PAUSE:
        case TRAY_ITEM_SERVICE:
        case TRAY_ITEMS:
                break;
        }
}

static void on_activated(void)
{
        if (n_items(bastion_inbox_get_open(gui.inbox)) + n_items(bastion_inbox_get_missed(gui.inbox)) > 0)
                bastion_question_window_open(window());
        else
                open_panel();
}

/* ---- the application ----------------------------------------------------------------------------------------------------------- */

static void on_show(_unused_ GSimpleAction *action, _unused_ GVariant *target, _unused_ gpointer userdata)
{
        bastion_question_window_open(window());
}

static const GActionEntry actions[] = { { "show", on_show, NULL, NULL, NULL, { 0 } } };

static void start_tray(GDBusConnection *bus)
{
        gui.notifier = bastion_notifier_new(bus, gui.link, gui.inbox);
        g_signal_connect(gui.notifier, "details", G_CALLBACK(on_details), NULL);
        g_signal_connect(gui.notifier, "notify::refused", G_CALLBACK(route), NULL);
        gui.tray = bastion_tray_new(bus, facts_for_tray, NULL);
        g_signal_connect(gui.tray, "item", G_CALLBACK(on_item), NULL);
        g_signal_connect(gui.tray, "activated", G_CALLBACK(on_activated), NULL);
        g_signal_connect(gui.tray, "notify::has-host", G_CALLBACK(on_host), NULL);
        g_signal_connect(gui.watch, "changed", G_CALLBACK(tell_tray), NULL);
        service_probe(on_service_known, NULL);
}

static void on_startup(GApplication *app)
{
        GDBusConnection *bus = g_application_get_dbus_connection(app);

        g_action_map_add_action_entries(G_ACTION_MAP(app), actions, ARRAY_SIZE(actions), NULL);
        gui.link = app_link_new(gui.app, SUBSCRIBE_QUESTIONS | SUBSCRIBE_STATS | SUBSCRIBE_NOTIFICATIONS);
        gui.inbox = bastion_inbox_new(gui.link);
        gui.watch = bastion_watch_new(gui.link);
        g_signal_connect(bastion_inbox_get_open(gui.inbox), "items-changed", G_CALLBACK(on_open_changed), NULL);
        g_signal_connect(bastion_inbox_get_missed(gui.inbox), "items-changed", G_CALLBACK(tell_tray), NULL);
        if (bus)
                start_tray(bus);
        else
                prepare_in(0);
        g_application_hold(app);
}

static void on_shutdown(_unused_ GApplication *app)
{
        g_clear_handle_id(&gui.preparing, g_source_remove);
        g_clear_object(&gui.tray);
        g_clear_object(&gui.notifier);
        g_clear_object(&gui.watch);
        g_clear_object(&gui.inbox);
        g_clear_object(&gui.link);
}

/* The first start shows nothing but the icon, a second one only tells the first that it was not needed. */
static void on_activate(_unused_ GApplication *app)
{
}

/* -1: go on; else the exit code. */
static int on_local_options(GApplication *app, GVariantDict *options)
{
        g_autoptr(GError) error = NULL;

        if (!g_variant_dict_contains(options, "show"))
                return -1;
        if (!g_application_register(app, NULL, &error)) {
                log_error("cannot start: %s", error->message);
                return 1;
        }
        g_action_group_activate_action(G_ACTION_GROUP(app), "show", NULL);
        return -1;
}

static const GOptionEntry options[] = {
        { "show", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Show the window with the questions, also where there are none"), NULL },
        { 0 },
};

static const struct app_program program = {
        .id = APP_ID,
        .client = "bastion-gui",
        .summary = N_("The firewall's icon in the tray, and the window in which it asks."),
        .options = options,
};

int main(int argc, char **argv)
{
        g_autoptr(AdwApplication) app = app_new(BASTION_TYPE_LATE_APPLICATION, &program);

        gui.app = app;
        g_signal_connect(app, "handle-local-options", G_CALLBACK(on_local_options), NULL);
        g_signal_connect(app, "startup", G_CALLBACK(on_startup), NULL);
        g_signal_connect(app, "activate", G_CALLBACK(on_activate), NULL);
        g_signal_connect(app, "shutdown", G_CALLBACK(on_shutdown), NULL);
        return g_application_run(G_APPLICATION(app), argc, argv);
}
