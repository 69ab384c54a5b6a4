/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/watch.h"

#include <string.h>

#include "gui/tray-text.h"

enum { STATUS_SECONDS = 10, SILENCE_SECONDS = 10 };

struct _BastionWatch {
        GObject parent;
        BastionLink *link;
        struct status status; /* the last one */
        bool has_status;
        struct trouble trouble;
        struct boottime asked;
        char *problems;
        guint silence; /* a timeout of the main loop, else 0: it is silent, or not connected */
        bool is_silent;
};

G_DEFINE_FINAL_TYPE(BastionWatch, bastion_watch, G_TYPE_OBJECT)

static guint signal_changed;

static void forget_status(BastionWatch *watch)
{
        status_deinit(&watch->status);
        watch->status = (struct status){ 0 };
        watch->has_status = false;
        watch->trouble = (struct trouble){ 0 };
        g_clear_pointer(&watch->problems, free);
}

static void on_status(gpointer owner, struct event *reply)
{
        BastionWatch *watch = owner;
        struct trouble trouble;
        char *problems;
        bool changed;

        if (!reply || !reply->has_status)
                return;
        trouble = trouble_of(&reply->status, watch->has_status ? &watch->status : NULL);
        problems = tray_text_problems(&reply->status, trouble);
        changed = trouble.fails != watch->trouble.fails || trouble.has_problems != watch->trouble.has_problems || g_strcmp0(problems, watch->problems) != 0;
        forget_status(watch);
        watch->status = reply->status;
        reply->status = (struct status){ 0 };
        watch->has_status = true;
        watch->trouble = trouble;
        watch->problems = problems;
        if (changed)
                g_signal_emit(watch, signal_changed, 0);
}

static void ask(BastionWatch *watch)
{
        watch->asked = client_now();
        bastion_link_ask(watch->link, MESSAGE_STATUS, watch, on_status);
}

static gboolean on_silence(gpointer userdata)
{
        BastionWatch *watch = userdata;

        watch->silence = 0;
        watch->is_silent = true;
        g_signal_emit(watch, signal_changed, 0);
        return G_SOURCE_REMOVE;
}

/* It has said something, or has begun to be there; or it is not there, and is not waited for. */
static void on_heard(BastionWatch *watch)
{
        const bool was_silent = watch->is_silent, is_up = bastion_link_get_state(watch->link) == BASTION_LINK_UP;

        watch->is_silent = false;
        g_clear_handle_id(&watch->silence, g_source_remove);
        if (is_up)
                watch->silence = g_timeout_add_seconds(SILENCE_SECONDS, on_silence, watch);
        if (was_silent)
                g_signal_emit(watch, signal_changed, 0);
}

static void on_event(BastionWatch *watch, struct event *event)
{
        on_heard(watch);
        if (event->type == EVENT_NOTIFICATION ||
            (event->type == EVENT_STATS && boottime_reached(boottime_add(watch->asked, STATUS_SECONDS * NS_PER_SEC), client_now())))
                ask(watch);
}

static void on_link(BastionWatch *watch, GParamSpec *spec)
{
        if (strcmp(spec->name, "state") == 0) {
                forget_status(watch);
                on_heard(watch);
                ask(watch);
        }
        g_signal_emit(watch, signal_changed, 0);
}

enum tray_state bastion_watch_get_state(BastionWatch *watch)
{
        BastionLinkState state = bastion_link_get_state(watch->link);
        struct trouble trouble = watch->trouble;

        trouble.fails |= watch->is_silent;
        return tray_state_of(state == BASTION_LINK_UP, state != BASTION_LINK_NOT_PERMITTED, bastion_link_get_mode(watch->link), trouble);
}

const char *bastion_watch_get_problems(BastionWatch *watch)
{
        return watch->is_silent ? tray_text_silent() : watch->problems;
}

BastionWatch *bastion_watch_new(BastionLink *link)
{
        BastionWatch *watch = g_object_new(BASTION_TYPE_WATCH, NULL);

        watch->link = g_object_ref(link);
        g_signal_connect_object(link, "event", G_CALLBACK(on_event), watch, G_CONNECT_SWAPPED);
        g_signal_connect_object(link, "notify", G_CALLBACK(on_link), watch, G_CONNECT_SWAPPED);
        return watch;
}

static void bastion_watch_dispose(GObject *object)
{
        BastionWatch *watch = BASTION_WATCH(object);

        g_clear_handle_id(&watch->silence, g_source_remove);
        forget_status(watch);
        g_clear_object(&watch->link);
        G_OBJECT_CLASS(bastion_watch_parent_class)->dispose(object);
}

static void bastion_watch_class_init(BastionWatchClass *class)
{
        G_OBJECT_CLASS(class)->dispose = bastion_watch_dispose;
        signal_changed = g_signal_new("changed", BASTION_TYPE_WATCH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_watch_init(_unused_ BastionWatch *watch)
{
}
