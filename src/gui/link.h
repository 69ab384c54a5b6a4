/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The desktop's connection to the daemon: the client library (client/client.h) as a source of GLib's main loop, and what only a program that
 * stays knows to do about a lost connection: it comes back by itself. States:
 *
 *      NO_DAEMON ──▶ GREETING (hello is on its way) ──▶ UP ──▶ NO_DAEMON | …
 *      NOT_PERMITTED, from the connect or from the answer to hello, until it is answered otherwise
 *
 * It connects when the socket appears, and tries every RETRY seconds besides; while it is up nothing wakes it but the daemon. Nothing blocks: a
 * request is text in a buffer, its reply a call of a function, later. A reply that cannot come any more (the connection is lost) is a call with NULL;
 * an owner that is gone is not called. One thread, GLib's default context.
 *
 * Signals:
 *      event(struct event *)   everything from the daemon that is no reply; borrowed, what a handler takes out of it it leaves zero there
 *      notify::state
 *      notify::mode            mode or its try has changed, also on coming up
 */
#pragma once

#include <glib-object.h>

#include "base/boottime.h"
#include "client/client.h"

typedef enum {
        BASTION_LINK_NO_DAEMON,     /* nobody listens; where it started */
        BASTION_LINK_NOT_PERMITTED, /* this user may not connect, or no more than say hello: neither root nor in group bastion */
        BASTION_LINK_GREETING,
        BASTION_LINK_UP,
} BastionLinkState;

#define BASTION_TYPE_LINK (bastion_link_get_type())
G_DECLARE_FINAL_TYPE(BastionLink, bastion_link, BASTION, LINK, GObject)

/* `client` is what it calls itself, `events` a mask of enum subscription. It connects when the main loop runs. */
BastionLink *bastion_link_new(const char *socket_path, const char *client, unsigned events);

const char *bastion_link_get_path(BastionLink *link); /* where it connects to */
BastionLinkState bastion_link_get_state(BastionLink *link);
/* The daemon is there, and this user may look, and try to change what there is: where polkit says no, a reply says so. */
bool bastion_link_is_up(BastionLink *link);
/* While UP: the daemon's mode; when a mode that is tried ends (BOOTTIME_NEVER: none is). */
enum mode bastion_link_get_mode(BastionLink *link);
struct boottime bastion_link_get_try_end(BastionLink *link);

/* A reply (EVENT_REPLY or EVENT_ERROR), or NULL: the connection was lost first. Borrowed, like that of the signal. */
typedef void (*BastionReplyFunc)(gpointer owner, struct event *reply);

/*
 * Where one request is to be formatted, with the id in *ret_id: `message_format_request_…(bastion_link_request(…, &id), id, …)`. `func` is called
 * once, unless `owner` (a GObject) is gone by then. NULL where the link is not UP: then nothing is to be formatted, and `func` is not called.
 */
struct buf *bastion_link_request(BastionLink *link, gpointer owner, BastionReplyFunc func, int64_t *ret_id);
/* A request that has no fields. False where the link is not UP. */
bool bastion_link_ask(BastionLink *link, enum message_type type, gpointer owner, BastionReplyFunc func);

/* What a reply that is no success says, for a person. NULL for the lost connection too. */
const char *bastion_reply_error(const struct event *reply);
