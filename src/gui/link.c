/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The client's socket is watched by a GSource whose prepare() asks the client what it waits for, so a request needs no more
 * than to be formatted. The client is freed outside of its own callbacks only: when dispatch() has returned.
 */
#include "gui/link.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gui/view-text.h"

enum { RETRY_SECONDS = 5, RETRY_SOON_MS = 100 };

struct request {
        GWeakRef owner;
        bool has_owner;
        BastionReplyFunc func;
};

/* The watch of one connection. */
struct watch {
        GSource source;
        BastionLink *link; /* borrowed: the link destroys the source before it goes */
        gpointer tag;
        short events; /* that it waits for, of poll() */
};

struct _BastionLink {
        GObject parent;
        char *path, *name;
        unsigned events;
        BastionLinkState state;
        enum mode mode;
        BastionLinkState left_as; /* what the answer to hello makes of it, when it was dispatched; UP: it is not left */
        struct boottime try_end;
        struct client *client; /* GREETING, UP */
        GSource *watch;
        GHashTable *requests; /* id → struct request, owned */
        GFileMonitor *monitor;
        guint retry; /* a timeout of the main loop, 0: none */
};

enum { PROP_STATE = 1, PROP_MODE, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint signal_event;

G_DEFINE_FINAL_TYPE(BastionLink, bastion_link, G_TYPE_OBJECT)

static void link_connect(BastionLink *link);

/* ---- requests ------------------------------------------------------------------------------------------------------ */

static void request_free(gpointer data)
{
        struct request *request = data;

        g_weak_ref_clear(&request->owner);
        g_free(request);
}

static void request_answer(struct request *request, struct event *reply)
{
        gpointer owner = g_weak_ref_get(&request->owner);

        if (request->func && (owner || !request->has_owner))
                request->func(owner, reply);
        g_clear_object(&owner);
}

static int64_t add_request(BastionLink *link, gpointer owner, BastionReplyFunc func)
{
        struct request *request = g_new0(struct request, 1);
        int64_t id = client_next_id(link->client);

        g_weak_ref_init(&request->owner, owner);
        request->has_owner = owner;
        request->func = func;
        g_hash_table_insert(link->requests, g_memdup2(&id, sizeof(id)), request);
        return id;
}

struct buf *bastion_link_request(BastionLink *link, gpointer owner, BastionReplyFunc func, int64_t *ret_id)
{
        if (link->state != BASTION_LINK_UP)
                return NULL;
        *ret_id = add_request(link, owner, func);
        return client_output(link->client);
}

bool bastion_link_ask(BastionLink *link, enum message_type type, gpointer owner, BastionReplyFunc func)
{
        int64_t id;
        struct buf *out = bastion_link_request(link, owner, func, &id);

        if (out)
                message_format_request(out, type, id);
        return out;
}

/* Taken out before it is called: its function may ask something else. */
static struct request *take_request(BastionLink *link, int64_t id)
{
        gpointer key, value;

        if (!g_hash_table_steal_extended(link->requests, &id, &key, &value))
                return NULL;
        g_free(key);
        return value;
}

/* ---- state --------------------------------------------------------------------------------------------------------- */

static void set_state(BastionLink *link, BastionLinkState state)
{
        if (link->state == state)
                return;
        link->state = state;
        g_object_notify_by_pspec(G_OBJECT(link), props[PROP_STATE]);
}

static void set_mode(BastionLink *link, enum mode mode, unsigned try_left_seconds)
{
        link->mode = mode;
        link->try_end = try_left_seconds ? boottime_add(client_now(), try_left_seconds * NS_PER_SEC) : BOOTTIME_NEVER;
        g_object_notify_by_pspec(G_OBJECT(link), props[PROP_MODE]);
}

static gboolean on_retry(gpointer userdata)
{
        BastionLink *link = userdata;

        link->retry = 0;
        link_connect(link);
        return G_SOURCE_REMOVE;
}

static void retry_in(BastionLink *link, unsigned ms)
{
        g_clear_handle_id(&link->retry, g_source_remove);
        link->retry = ms % 1000 ? g_timeout_add(ms, on_retry, link) : g_timeout_add_seconds(ms / 1000, on_retry, link);
}

static void lose(BastionLink *link, BastionLinkState state)
{
        g_autoptr(GHashTable) requests = TAKE_PTR(link->requests);
        GHashTableIter iter;
        gpointer value;

        link->requests = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, request_free);
        link->left_as = BASTION_LINK_UP;
        if (link->watch)
                g_source_destroy(link->watch);
        g_clear_pointer(&link->watch, g_source_unref);
        link->client = client_free(link->client);
        retry_in(link, RETRY_SECONDS * 1000);
        set_state(link, state);
        g_hash_table_iter_init(&iter, requests);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                request_answer(value, NULL);
}

/* ---- what the daemon says ------------------------------------------------------------------------------------------ */

static void on_hello(gpointer owner, struct event *reply)
{
        BastionLink *link = owner;

        if (!reply)
                return;
        if (reply->type != EVENT_REPLY) {
                log_warn("the daemon refused the greeting: %s", bastion_reply_error(reply));
                link->left_as = BASTION_LINK_NO_DAEMON;
                return;
        }
        if (reply->authority == AUTHORITY_NONE) { /* nothing else is answered */
                link->left_as = BASTION_LINK_NOT_PERMITTED;
                return;
        }
        set_mode(link, reply->mode, reply->try_left_seconds);
        set_state(link, BASTION_LINK_UP);
        /* How long a try still runs is told here only. */
        bastion_link_ask(link, MESSAGE_MODE, link, NULL);
}

static void on_event(_unused_ struct client *c, struct event *event, _unused_ const char *raw, _unused_ size_t n, void *userdata)
{
        BastionLink *link = userdata;
        struct request *request;

        if (event->type == EVENT_REPLY || event->type == EVENT_ERROR) {
                if (event->type == EVENT_REPLY && event->has_mode && link->state == BASTION_LINK_UP)
                        set_mode(link, event->mode, event->try_left_seconds);
                request = take_request(link, event->id);
                if (!request)
                        return;
                request_answer(request, event);
                request_free(request);
                return;
        }
        if (event->type == EVENT_MODE_CHANGED)
                set_mode(link, event->mode, event->try_left_seconds);
        g_signal_emit(link, signal_event, 0, event);
}

const char *bastion_reply_error(const struct event *reply)
{
        if (!reply)
                return view_lost();
        return reply->type == EVENT_ERROR && reply->text ? reply->text : "";
}

/* ---- the main loop's source ---------------------------------------------------------------------------------------- */

/* Only what is another: GLib wakes the loop for what it is told, and prepares again. */
static void watch_set_events(struct watch *watch, short events)
{
        if (events == watch->events)
                return;
        watch->events = events;
        g_source_modify_unix_fd(&watch->source, watch->tag, (GIOCondition)events | G_IO_HUP | G_IO_ERR);
}

static gboolean watch_prepare(GSource *source, gint *timeout)
{
        struct watch *watch = (struct watch *)source;

        *timeout = -1;
        watch_set_events(watch, client_poll_events(watch->link->client));
        return FALSE;
}

static gboolean watch_check(GSource *source)
{
        return g_source_query_unix_fd(source, ((struct watch *)source)->tag) != 0;
}

static gboolean watch_dispatch(GSource *source, _unused_ GSourceFunc callback, _unused_ gpointer userdata)
{
        g_autoptr(BastionLink) link = g_object_ref(((struct watch *)source)->link);
        int r = client_dispatch(link->client);

        if (g_source_is_destroyed(source)) /* a handler has dropped the link */
                return G_SOURCE_REMOVE;
        if (r == 0 && link->left_as == BASTION_LINK_UP)
                return G_SOURCE_CONTINUE;
        if (link->left_as != BASTION_LINK_UP) {
                lose(link, link->left_as);
                return G_SOURCE_REMOVE;
        }
        if (r == CLIENT_E_TOO_LONG)
                log_error("who listens at %s is no daemon of Bastion: it sent a line without an end", link->path);
        else if (r < 0)
                log_warn("lost the daemon: %s", strerror(-r));
        lose(link, BASTION_LINK_NO_DAEMON);
        return G_SOURCE_REMOVE;
}

static GSourceFuncs watch_funcs = { .prepare = watch_prepare, .check = watch_check, .dispatch = watch_dispatch };

static void link_connect(BastionLink *link)
{
        struct watch *watch;
        int64_t id;
        int r;

        if (link->client)
                return;
        r = client_connect(link->path, on_event, link, &link->client);
        if (r != 0) {
                if (r < 0 && r != -EAGAIN)
                        log_warn("cannot connect to %s: %s", link->path, strerror(-r));
                retry_in(link, RETRY_SECONDS * 1000);
                set_state(link, r == CLIENT_E_NOT_PERMITTED ? BASTION_LINK_NOT_PERMITTED : BASTION_LINK_NO_DAEMON);
                return;
        }
        g_clear_handle_id(&link->retry, g_source_remove);
        link->watch = g_source_new(&watch_funcs, sizeof(struct watch));
        watch = (struct watch *)link->watch;
        watch->link = link;
        watch->tag = g_source_add_unix_fd(link->watch, client_fd(link->client), 0);
        watch_set_events(watch, client_poll_events(link->client));
        g_source_set_static_name(link->watch, "daemon");
        g_source_attach(link->watch, NULL);
        id = add_request(link, link, on_hello);
        message_format_request_hello(client_output(link->client), id, link->name);
        id = add_request(link, NULL, NULL);
        message_format_request_subscribe(client_output(link->client), id, link->events);
        if (link->state != BASTION_LINK_NOT_PERMITTED)
                set_state(link, BASTION_LINK_GREETING);
}

/* The daemon makes its socket and listens a moment later. */
static void on_socket_changed(_unused_ GFileMonitor *monitor, _unused_ GFile *file, _unused_ GFile *other, GFileMonitorEvent event, gpointer userdata)
{
        BastionLink *link = userdata;

        if (!link->client && event != G_FILE_MONITOR_EVENT_DELETED)
                retry_in(link, RETRY_SOON_MS);
}

/* ---- the object ---------------------------------------------------------------------------------------------------- */

const char *bastion_link_get_path(BastionLink *link)
{
        return link->path;
}

BastionLinkState bastion_link_get_state(BastionLink *link)
{
        return link->state;
}

enum mode bastion_link_get_mode(BastionLink *link)
{
        return link->mode;
}

bool bastion_link_is_up(BastionLink *link)
{
        return link->state == BASTION_LINK_UP;
}

struct boottime bastion_link_get_try_end(BastionLink *link)
{
        return link->try_end;
}

static void bastion_link_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
        BastionLink *link = BASTION_LINK(object);

        switch (id) {
        case PROP_STATE:
                g_value_set_uint(value, link->state);
                break;
        case PROP_MODE:
                g_value_set_uint(value, link->mode);
                break;
        default:
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
}

static void bastion_link_dispose(GObject *object)
{
        BastionLink *link = BASTION_LINK(object);

        if (link->watch)
                g_source_destroy(link->watch);
        g_clear_pointer(&link->watch, g_source_unref);
        g_clear_handle_id(&link->retry, g_source_remove);
        if (link->monitor)
                g_signal_handlers_disconnect_by_data(link->monitor, link);
        g_clear_object(&link->monitor);
        G_OBJECT_CLASS(bastion_link_parent_class)->dispose(object);
}

static void bastion_link_finalize(GObject *object)
{
        BastionLink *link = BASTION_LINK(object);

        client_free(link->client);
        g_hash_table_unref(link->requests);
        g_free(link->path);
        g_free(link->name);
        G_OBJECT_CLASS(bastion_link_parent_class)->finalize(object);
}

static void bastion_link_class_init(BastionLinkClass *class)
{
        GObjectClass *object_class = G_OBJECT_CLASS(class);
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

        object_class->get_property = bastion_link_get_property;
        object_class->dispose = bastion_link_dispose;
        object_class->finalize = bastion_link_finalize;
        props[PROP_STATE] = g_param_spec_uint("state", NULL, NULL, 0, BASTION_LINK_UP, BASTION_LINK_NO_DAEMON, flags);
        props[PROP_MODE] = g_param_spec_uint("mode", NULL, NULL, 0, G_MAXUINT, MODE_LEARNING, flags);
        g_object_class_install_properties(object_class, N_PROPS, props);
        signal_event = g_signal_new("event", BASTION_TYPE_LINK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void bastion_link_init(BastionLink *link)
{
        link->try_end = BOOTTIME_NEVER;
        link->left_as = BASTION_LINK_UP;
        link->requests = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, request_free);
}

BastionLink *bastion_link_new(const char *socket_path, const char *client, unsigned events)
{
        BastionLink *link = g_object_new(BASTION_TYPE_LINK, NULL);
        g_autoptr(GFile) file = g_file_new_for_path(socket_path);

        link->path = g_strdup(socket_path);
        link->name = g_strdup(client);
        link->events = events;
        link->monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);
        if (link->monitor) /* without one every retry still comes */
                g_signal_connect(link->monitor, "changed", G_CALLBACK(on_socket_changed), link);
        link->retry = g_idle_add(on_retry, link);
        return link;
}
