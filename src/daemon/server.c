/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients and their bytes. Each has its own bounded buffers, so that one that is slow, hostile or gone touches nobody else: a line over
 * LIMIT_LINE or unread output over LIMIT_CLIENT_OUTPUT ends that client's connection and nothing more.
 *
 * One line may be longer than that: the `rules_list` of many rules, which old-style clients know as one line only. It has a buffer of its own, is
 * made in pieces, a turn of the loop each, and goes out as its client reads it; what comes after it waits behind it in the bounded buffer. A client
 * has one such line at a time: what it asks for meanwhile is made when that one is written.
 *
 * A connection starts without a style. Saying `hello` makes it new-style: it gets what it subscribes to. Any other line, or silence for
 * STYLE_MS, makes it old-style: it gets questions and statistics unasked, as such clients always did. Until then it counts as somebody who
 * may answer, so that a tray program that connects while a question arises is not overlooked.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/listener.h"

enum {
        STYLE_MS = 250,
        STATS_MS = 2000,
        READ_CHUNK = 16 << 10,
        READS_A_TURN = 4,
        LIST_RULES_A_TURN = 4000,            /* rules that are put into a rules_list before the loop looks at others */
        LIST_BYTES_A_TURN = 256 << 10,       /* of it that are sent before */
        LIST_LONG = LIMIT_CLIENT_OUTPUT / 4, /* a shorter one is a line like any other */
        RESERVED_FDS = 32, /* descriptors that no client gets: files, /proc and netlink need some to decide at all */
};

enum style { STYLE_UNKNOWN, STYLE_OLD, STYLE_NEW };

enum list_state { LIST_NONE, LIST_MADE_NOW, LIST_WRITTEN };

/* A reply that waits until what it promises is on disk. */
struct pending {
        struct list link;
        int64_t ticket, id;
        struct buf line;
};

struct client {
        struct list link;
        struct server *server;
        int fd;
        sd_event_source *io, *style_timer;
        struct peer peer;
        enum style style;
        unsigned events; /* enum subscription */
        struct buf in, out;
        enum list_state list_state;
        struct buf list; /* a rules_list, which goes out when the first `n_before` bytes of `out` have */
        struct rules_list_at list_at;
        size_t n_before, n_list_sent;
        unsigned n_lists_due; /* asked for while there is one */
        struct list pending;
        uint64_t n_ignored;
        bool closing; /* to be freed when the loop has returned from its source */
};

struct server {
        struct daemon *d;
        struct list clients;
        unsigned n_clients;
        int listen_fd, spare_fd;
        int fds_max; /* a client's descriptor is below that */
        char path[PATH_MAX];
        sd_event_source *io, *stats_timer, *reaper, *lister;
};

static struct client *client_of(struct list *link)
{
        return CONTAINER_OF(link, struct client, link);
}

/* ---- output ------------------------------------------------------------------------------------------------------------- */

/* Clients are freed by the reaper, never in the middle of a broadcast or of their own handler. */
static void client_close(struct client *c, const char *why)
{
        if (c->closing)
                return;
        log_debug("client pid %d: %s", (int)c->peer.pid, why);
        c->closing = true;
        sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
        sd_event_source_set_enabled(c->server->reaper, SD_EVENT_ONESHOT);
}

/* Sends some of these bytes, at least one. How many; 0: not now, or no more. */
static size_t send_some(struct client *c, const char *data, size_t n)
{
        ssize_t sent;

        do
                sent = send(c->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
                client_close(c, strerror(errno));
        return sent > 0 ? (size_t)sent : 0;
}

/* The first `n` bytes of `out`. False: they are not all gone. */
static bool flush_out(struct client *c, size_t n)
{
        while (n > 0) {
                size_t sent = send_some(c, c->out.data, n);

                if (sent == 0)
                        return false;
                buf_consume(&c->out, sent);
                c->n_before -= MIN(c->n_before, sent);
                n -= sent;
        }
        return true;
}

/* What is due of the list. False: it is not all gone. */
static bool flush_list(struct client *c)
{
        const size_t stop = MIN(c->list.n, c->n_list_sent + LIST_BYTES_A_TURN);

        while (c->n_list_sent < stop) {
                size_t sent = send_some(c, c->list.data + c->n_list_sent, stop - c->n_list_sent);

                if (sent == 0)
                        return false;
                c->n_list_sent += sent;
        }
        return c->n_list_sent == c->list.n;
}

static void list_reset(struct client *c)
{
        const bool was_long = c->list.n > LIST_LONG;

        rules_mark_deinit(&c->list_at.mark);
        buf_deinit(&c->list);
        c->list_at.stop = 0;
        c->n_list_sent = 0;
        c->list_state = LIST_NONE;
        if (was_long && c->n_lists_due == 0)
                malloc_trim(0); /* megabytes that the C library would keep for the next one */
}

/* Whole, or not to be made: then the client hears that. A short one goes the way of all lines. */
static void list_finish(struct client *c)
{
        struct buf *line = &c->list;

        if (buf_error(line) < 0) {
                const char *why = buf_error(line) == -E2BIG ? "it is too long for one line" : strerror(-buf_error(line));
                char words[128];

                snprintf(words, sizeof(words), "the list of rules cannot be told: %s", why);
                log_warn("client pid %d: %s", (int)c->peer.pid, words);
                buf_deinit(line);
                message_format_notification(line, "Rules", words, NOTIFICATION_ERROR);
        }
        c->list_state = LIST_WRITTEN;
        if (line->n > LIST_LONG || c->out.n > c->n_before)
                return;
        buf_append(&c->out, line->data, line->n);
        list_reset(c);
}

/* The next piece of a list. Rules that were loaded anew are another set, which is listed from its first rule. */
static void list_make(struct client *c)
{
        struct daemon *d = c->server->d;

        if (c->list_state == LIST_NONE)
                c->n_before = c->out.n;
        if (c->list_state == LIST_NONE || c->list_at.mark.load != d->rules_load) {
                list_reset(c);
                c->list.max = LIMIT_RULE_FILE;
                c->list_at.mark.load = d->rules_load;
        }
        c->list_state = LIST_MADE_NOW;
        if (message_format_rules_list(&c->list, d->rules, &c->list_at, LIST_RULES_A_TURN) || buf_error(&c->list) < 0)
                list_finish(c);
        else
                sd_event_source_set_enabled(c->server->lister, SD_EVENT_ONESHOT);
}

/* Something was put into `out`, and perhaps too much. */
static bool client_keeps_up(struct client *c)
{
        if (buf_error(&c->out) == 0)
                return true;
        log_warn("client pid %d does not read what it asked for: disconnected", (int)c->peer.pid);
        client_close(c, "too slow");
        return false;
}

static void client_flush(struct client *c)
{
        bool waits;

        if (c->list_state == LIST_NONE)
                flush_out(c, c->out.n);
        else if (flush_out(c, c->n_before) && c->list_state == LIST_WRITTEN && flush_list(c))
                list_reset(c);
        for (; c->list_state == LIST_NONE && c->n_lists_due > 0 && client_keeps_up(c); c->n_lists_due--)
                list_make(c);
        if (c->closing || !client_keeps_up(c))
                return;
        waits = c->list_state == LIST_WRITTEN || (c->list_state == LIST_MADE_NOW ? c->n_before : c->out.n) > 0;
        sd_event_source_set_io_events(c->io, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* A timer that is always due, not a deferred source: that one stays pending, is the oldest among equals, and everybody would wait. */
static int on_list(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct server *s = userdata;

        list_for_each(link, &s->clients) {
                struct client *c = client_of(link);

                if (c->closing || c->list_state != LIST_MADE_NOW)
                        continue;
                list_make(c);
                if (c->list_state != LIST_MADE_NOW)
                        client_flush(c);
        }
        return 0;
}

void server_send(struct client *c, const struct buf *line)
{
        if (c->closing || buf_error(line) < 0)
                return;
        buf_append(&c->out, line->data, line->n);
        if (client_keeps_up(c))
                client_flush(c);
}

void server_send_rules_list(struct client *c)
{
        if (c->closing)
                return;
        if (c->list_state != LIST_NONE) {
                c->n_lists_due++;
                return;
        }
        list_make(c);
        if (client_keeps_up(c))
                client_flush(c);
}

void server_send_error(struct client *c, int64_t id, enum message_error_code code, const char *format, ...)
{
        struct message_error error = { .code = code, .has_id = true, .id = id };
        _cleanup_(buf_deinit) struct buf line = { 0 };
        va_list args;

        va_start(args, format);
        vsnprintf(error.text, sizeof(error.text), format, args);
        va_end(args);
        message_format_error(&line, &error);
        server_send(c, &line);
}

static bool wants(const struct client *c, bool old, unsigned events)
{
        if (c->closing || c->peer.authority == AUTHORITY_NONE)
                return false;
        return (old && c->style == STYLE_OLD) || (events && c->style == STYLE_NEW && (c->events & events));
}

bool server_has_subscribers(const struct daemon *d, bool old, unsigned events)
{
        if (!d->server)
                return false;
        list_for_each(link, &d->server->clients)
                if (wants(client_of(link), old, events))
                        return true;
        return false;
}

void server_broadcast(struct daemon *d, const struct buf *line, bool old, unsigned events)
{
        if (!d->server)
                return;
        list_for_each(link, &d->server->clients)
                if (wants(client_of(link), old, events))
                        server_send(client_of(link), line);
}

void server_broadcast_new_style(struct daemon *d, const struct buf *line)
{
        if (!d->server)
                return;
        list_for_each(link, &d->server->clients) {
                struct client *c = client_of(link);

                if (c->style == STYLE_NEW && c->peer.authority != AUTHORITY_NONE)
                        server_send(c, line);
        }
}

void server_notify(struct daemon *d, const char *title, enum notification_level level, const char *format, ...)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        char text[1024];
        va_list args;

        if (!d->config.notifications_enabled)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        message_format_notification(&line, title, text, level);
        server_broadcast(d, &line, true, SUBSCRIBE_NOTIFICATIONS);
}

void server_reply_after(struct client *c, int64_t ticket, int64_t id, struct buf *line)
{
        struct pending *p;

        if (ticket < 0) {
                server_send_error(c, id, MESSAGE_ERROR_INTERNAL, "in force, but not saved: %s",
                                  policy_save_error(c->server->d, (int)ticket));
                return;
        }
        p = ticket > 0 ? calloc(1, sizeof(*p)) : NULL;
        if (!p) {
                server_send(c, line);
                return;
        }
        p->ticket = ticket;
        p->id = id;
        p->line = *line;
        *line = (struct buf){ 0 };
        list_append(&c->pending, &p->link);
}

static void pending_free(struct pending *p)
{
        list_unlink(&p->link);
        buf_deinit(&p->line);
        free(p);
}

void server_on_saved(struct daemon *d, int64_t ticket, int error)
{
        if (!d->server)
                return;
        list_for_each(link, &d->server->clients) {
                struct client *c = client_of(link);

                list_for_each_safe(at, next, &c->pending) {
                        struct pending *p = CONTAINER_OF(at, struct pending, link);

                        if (!saver_covers(ticket, p->ticket))
                                continue;
                        if (error < 0)
                                server_send_error(c, p->id, MESSAGE_ERROR_INTERNAL, "in force, but not saved: %s", policy_save_error(d, error));
                        else
                                server_send(c, &p->line);
                        pending_free(p);
                }
        }
}

/* ---- who can be asked ------------------------------------------------------------------------------------------------------ */

bool server_can_ask(const struct daemon *d)
{
        if (!d->server || !d->config.popup_enabled)
                return false;
        list_for_each(link, &d->server->clients) {
                const struct client *c = client_of(link);

                if (c->closing || c->peer.authority == AUTHORITY_NONE)
                        continue;
                if (c->style != STYLE_NEW || (c->events & SUBSCRIBE_QUESTIONS))
                        return true;
        }
        return false;
}

unsigned server_client_count(const struct daemon *d)
{
        return d->server ? d->server->n_clients : 0;
}

const struct peer *server_peer(const struct client *c)
{
        return &c->peer;
}

/* Statistics tick only while somebody gets them: an idle daemon sleeps. */
static void arm_stats(struct server *s)
{
        bool needed = server_has_subscribers(s->d, true, SUBSCRIBE_STATS);

        if (needed)
                sd_event_source_set_time(s->stats_timer, clock_monotonic_us() + STATS_MS * 1000);
        sd_event_source_set_enabled(s->stats_timer, needed ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void send_stats(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        message_format_stats_update(&line, d->counters.n_allowed + d->counters.n_denied, d->counters.n_allowed, d->counters.n_denied,
                                    d->config.mode == MODE_LEARNING);
        server_broadcast(d, &line, true, SUBSCRIBE_STATS);
}

static int on_stats(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct server *s = userdata;

        summaries_tell(s->d);
        send_stats(s->d);
        arm_stats(s);
        return 0;
}

/* It said something that is no hello, or nothing: an old-style client. It sees what is open already. */
static void set_old_style(struct client *c)
{
        struct daemon *d = c->server->d;

        c->style = STYLE_OLD;
        sd_event_source_set_enabled(c->style_timer, SD_EVENT_OFF);
        if (c->peer.authority == AUTHORITY_NONE)
                return;
        for (const struct question *q = question_next(d->questions, NULL); q; q = question_next(d->questions, q)) {
                _cleanup_(buf_deinit) struct buf line = { 0 };

                message_format_connection_request(&line, q);
                server_send(c, &line);
        }
        arm_stats(c->server);
}

void server_set_new_style(struct client *c)
{
        c->style = STYLE_NEW;
        sd_event_source_set_enabled(c->style_timer, SD_EVENT_OFF);
        prompts_askers_changed(c->server->d);
        arm_stats(c->server);
}

void server_subscribe(struct client *c, unsigned events)
{
        c->events = events;
        /* Who says what it wants to see has said which generation it is of, hello or not. */
        if (c->style != STYLE_NEW)
                server_set_new_style(c);
        prompts_askers_changed(c->server->d);
        arm_stats(c->server);
        if (events & SUBSCRIBE_DECISIONS)
                summaries_due(c->server->d);
}

static int on_style_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct client *c = userdata;

        if (c->style == STYLE_UNKNOWN && !c->closing)
                set_old_style(c);
        return 0;
}

/* ---- input --------------------------------------------------------------------------------------------------------------------- */

static void on_line(struct client *c, const char *line, size_t n)
{
        struct daemon *d = c->server->d;
        _cleanup_(message_freep) struct message *message = NULL;
        struct message_error error = { 0 };
        int r;

        if (n == 0)
                return;
        r = message_parse(line, n, &message, &error);
        if (r < 0) {
                log_error("no memory for a client's message: ignored");
                return;
        }
        if (c->style == STYLE_UNKNOWN && (r != 0 ? !error.has_id : !message->has_id))
                set_old_style(c);
        if (r == 0) {
                requests_handle(d, c, TAKE_PTR(message));
                return;
        }
        d->counters.n_ignored_messages++;
        c->n_ignored++;
        if (error.has_id) {
                _cleanup_(buf_deinit) struct buf reply = { 0 };

                message_format_error(&reply, &error);
                server_send(c, &reply);
        } else {
                log_debug("client pid %d: ignored a line: %s", (int)c->peer.pid, error.text);
        }
}

/* Hands out whole lines; what is left is the beginning of the next. */
static void take_lines(struct client *c)
{
        size_t done = 0;

        while (!c->closing && done < c->in.n) {
                const char *start = c->in.data + done;
                const char *end = memchr(start, '\n', c->in.n - done);

                if (!end)
                        break;
                on_line(c, start, (size_t)(end - start));
                done += (size_t)(end - start) + 1;
        }
        buf_consume(&c->in, done);
        if (c->in.n > LIMIT_LINE && !c->closing) {
                log_warn("client pid %d sent a line of more than %d bytes: disconnected", (int)c->peer.pid, LIMIT_LINE);
                client_close(c, "line too long");
        }
}

static int on_client(_unused_ sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct client *c = userdata;
        char chunk[READ_CHUNK];

        if (c->closing)
                return 0;
        if (events & EPOLLOUT)
                client_flush(c);
        /* A few chunks a turn: who floods us waits for the others. */
        for (int i = 0; i < READS_A_TURN && !c->closing && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)); i++) {
                ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n <= 0) {
                        client_close(c, n == 0 ? "left" : strerror(errno));
                        break;
                }
                buf_append(&c->in, chunk, (size_t)n);
                take_lines(c);
        }
        return 0;
}

/* ---- coming and going ---------------------------------------------------------------------------------------------------------- */

static void client_free(struct client *c)
{
        authority_forget(c->server->d, c);
        list_for_each_safe(at, next, &c->pending)
                pending_free(CONTAINER_OF(at, struct pending, link));
        list_unlink(&c->link);
        c->server->n_clients--;
        sd_event_source_unref(c->io);
        sd_event_source_unref(c->style_timer);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        list_reset(c);
        close(c->fd);
        free(c);
}

static int on_reap(_unused_ sd_event_source *source, void *userdata)
{
        struct server *s = userdata;

        list_for_each_safe(link, next, &s->clients)
                if (client_of(link)->closing)
                        client_free(client_of(link));
        prompts_askers_changed(s->d);
        arm_stats(s);
        return 0;
}

static int client_start(struct server *s, struct client *c)
{
        int r;

        r = peer_identify(c->fd, s->d->owner, &c->peer);
        if (r < 0)
                return r;
        r = sd_event_add_io(s->d->loop, &c->io, c->fd, EPOLLIN, on_client, c);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(s->d->loop, &c->style_timer, CLOCK_MONOTONIC, STYLE_MS * 1000, 1000, on_style_timeout, c);
}

static void add_client(struct server *s, int fd)
{
        struct client *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                close(fd);
                return;
        }
        *c = (struct client){ .server = s, .fd = fd, .out = { .max = LIMIT_CLIENT_OUTPUT }, .in = { .max = LIMIT_LINE + 2 * READ_CHUNK } };
        list_init(&c->pending);
        list_append(&s->clients, &c->link);
        s->n_clients++;
        r = client_start(s, c);
        if (r < 0) {
                log_warn("cannot serve a client: %s; its connection is closed", strerror(-r));
                client_free(c);
        }
}

/* Out of descriptors: a listening socket that stays readable would spin the loop. The spare one lets us accept and close. */
static void shed_client(struct server *s)
{
        int fd;

        log_warn("no file descriptors left: a client is turned away");
        if (s->spare_fd >= 0)
                close(s->spare_fd);
        fd = listener_accept(s->listen_fd);
        if (fd >= 0)
                close(fd);
        s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Takes the next client that waits; false when none does. */
static bool take_client(struct server *s)
{
        int fd = listener_accept(s->listen_fd);

        if (fd == -EMFILE || fd == -ENFILE) {
                shed_client(s);
                return true;
        }
        if (fd < 0)
                return false; /* or it left already */
        if (s->n_clients >= LIMIT_CLIENTS || fd >= s->fds_max) {
                log_warn("%u clients are connected%s: one more is turned away", s->n_clients, fd >= s->fds_max ? ", and few file descriptors left" : "");
                close(fd);
                return true;
        }
        add_client(s, fd);
        return true;
}

static int on_connect(_unused_ sd_event_source *source, _unused_ int listen_fd, _unused_ uint32_t events, void *userdata)
{
        take_client(userdata);
        return 0;
}

void server_take_waiting(struct daemon *d)
{
        for (int i = 0; d->server && i < LIMIT_CLIENTS && take_client(d->server); i++)
                ;
}

static int read_fds_max(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
                return INT_MAX;
        return MAX((int)limit.rlim_cur - RESERVED_FDS, 0);
}

int server_start(struct daemon *d)
{
        struct server *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->d = d;
        s->fds_max = read_fds_max();
        list_init(&s->clients);
        s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        snprintf(s->path, sizeof(s->path), "%s/bastion-daemon.sock", d->options.run);
        s->listen_fd = r = listener_open(s->path, d->owner);
        if (r >= 0)
                r = sd_event_add_io(d->loop, &s->io, s->listen_fd, EPOLLIN, on_connect, s);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &s->stats_timer, CLOCK_MONOTONIC, 0, 100000, on_stats, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->stats_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(d->loop, &s->reaper, on_reap, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->reaper, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &s->lister, CLOCK_MONOTONIC, 0, 1, on_list, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->lister, SD_EVENT_OFF);
        if (r >= 0)
                d->server = s;
        if (r < 0)
                log_error("cannot listen at %s: %s", s->path, strerror(-r));
        return r;
}

void server_stop(struct daemon *d)
{
        struct server *s = d->server;

        if (!s)
                return;
        list_for_each_safe(link, next, &s->clients)
                client_free(client_of(link));
        sd_event_source_unref(s->io);
        sd_event_source_unref(s->stats_timer);
        sd_event_source_unref(s->reaper);
        sd_event_source_unref(s->lister);
        close(s->listen_fd);
        if (s->spare_fd >= 0)
                close(s->spare_fd);
        unlink(s->path);
        free(s);
        d->server = NULL;
}
