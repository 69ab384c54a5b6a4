/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets that are older than the daemon. They are never held and never asked about: each gets a tag that says so, with its owner where /proc
 * still knows one. So a first start is not forty questions, and starting Bastion over SSH does not cut the hand that starts it. The same walk
 * answers "who is talking now".
 *
 * Two kinds are not adopted, but judged by their next packet. What a rule denies, because a rule ends older connections too. And what has not
 * been decided: where a daemon that was killed left its rule, a socket that has no tag of its and is not established is one whose packets that
 * rule kept back; to adopt it would let it slip past.
 *
 * One pass over the kernel's sockets, one over /proc/PID/fd, joined by inode.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/procread.h"

enum { ADOPT_MAX = 65536, STATE_SYN_SENT = 2, STATE_LISTEN = 10, STATE_CLOSE = 7, STATE_TIME_WAIT = 6, STATE_SYN_RECV = 3, STATE_NEW_SYN_RECV = 12 };

struct found {
        struct sockdiag_socket socket;
        uint32_t pid; /* lowest of those who hold it, 0: nobody */
};

struct walk {
        struct found *found;
        size_t n, size;
        bool lost;
        uint8_t listening[(UINT16_MAX + 1) / 8]; /* TCP ports, a bit each */
};

static void on_socket(void *userdata, const struct sockdiag_socket *socket)
{
        struct walk *w = userdata;

        if (w->n == w->size) {
                size_t size = w->size ? w->size * 2 : 256;
                struct found *more = size <= ADOPT_MAX ? realloc(w->found, size * sizeof(*more)) : NULL;

                if (!more) {
                        w->lost = true;
                        return;
                }
                w->found = more;
                w->size = size;
        }
        w->found[w->n++] = (struct found){ .socket = *socket };
        if (socket->flow.protocol == IPPROTO_TCP && socket->state == STATE_LISTEN)
                w->listening[socket->flow.local_port / 8] |= (uint8_t)(1 << socket->flow.local_port % 8);
}

static int by_inode(const void *a, const void *b)
{
        uint64_t x = ((const struct found *)a)->socket.inode, y = ((const struct found *)b)->socket.inode;

        return x < y ? -1 : x > y;
}

static void on_holder(void *userdata, uint64_t inode, uint32_t pid)
{
        struct walk *w = userdata;
        struct found key = { .socket.inode = inode };
        struct found *f = w->n ? bsearch(&key, w->found, w->n, sizeof(*f), by_inode) : NULL;

        if (f && (f->pid == 0 || pid < f->pid))
                f->pid = pid;
}

static int walk_sockets(struct daemon *d, struct walk *w)
{
        static const uint8_t PROTOCOLS[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(PROTOCOLS) && r >= 0; i++) {
                r = sockets_each(d->sockets, PROTOCOLS[i], on_socket, w);
                if (r == -ENOENT)
                        r = 0; /* a kernel without that protocol's diag module has none of its sockets listed */
        }
        if (w->lost)
                log_warn("more than %d sockets: those beyond it are not adopted, their next packet is judged", ADOPT_MAX);
        if (w->n)
                qsort(w->found, w->n, sizeof(*w->found), by_inode);
        if (w->n && r >= 0)
                procread_each_socket(on_holder, w);
        return r;
}

static bool is_connection(const struct sockdiag_socket *s)
{
        return s->flow.protocol == IPPROTO_TCP ?
                       s->state != STATE_LISTEN && s->state != STATE_CLOSE && s->state != STATE_TIME_WAIT && s->state != STATE_SYN_RECV &&
                               s->state != STATE_NEW_SYN_RECV :
                       !addr_is_zero(&s->flow.remote);
}

/* Direction in when somebody listens at its local port. */
static enum direction direction_of(const struct walk *w, const struct sockdiag_socket *s)
{
        uint16_t port = s->flow.local_port;

        return s->flow.protocol == IPPROTO_TCP && (w->listening[port / 8] & 1 << port % 8) ? DIRECTION_IN : DIRECTION_OUT;
}

static struct subject *subject_of(const struct found *f)
{
        struct subject *subject = f->pid ? procread_subject(f->pid, IDENTITY_PROC) : NULL;

        return subject ? subject : subject_ref(subject_unknown());
}

static bool is_denied(const struct daemon *d, const struct sockdiag_socket *s, const struct subject *subject)
{
        const struct facts facts = { .subject = subject, .flow = &s->flow, .scopes = addr_scopes(&s->flow.remote, &d->net) };

        return !addr_is_zero(&s->flow.remote) &&
               decide(d->rules, &d->config, &facts, 1, OWNERS_ALL, clock_boottime()).verdict == VERDICT_DENY;
}

static bool is_decided(const struct daemon *d, const struct sockdiag_socket *s)
{
        return !d->was_guarded || (s->flow.protocol == IPPROTO_TCP && s->state != STATE_SYN_SENT);
}

static enum tag_state state_for(const struct daemon *d, const struct sockdiag_socket *s, enum direction direction, const struct subject *subject)
{
        if (direction == DIRECTION_OUT && (!is_decided(d, s) || is_denied(d, s, subject)))
                return TAG_UNDECIDED;
        return TAG_ADOPTED;
}

int adopt_sockets(struct daemon *d)
{
        struct walk w = { 0 };
        unsigned n_failed = 0;
        int r = walk_sockets(d, &w);

        for (size_t i = 0; r >= 0 && d->tracker && i < w.n; i++) {
                const struct sockdiag_socket *s = &w.found[i].socket;
                enum direction direction = direction_of(&w, s);
                _cleanup_(subject_unrefp) struct subject *subject = NULL;

                if (s->flow.protocol == IPPROTO_TCP && !is_connection(s))
                        continue;
                subject = subject_of(&w.found[i]);
                if (tracker_adopt(d->tracker, s->cookie, &s->flow, direction, subject, state_for(d, s, direction, subject)) < 0)
                        n_failed++;
        }
        if (n_failed)
                log_warn("%u older sockets could not be tagged: their next packet is judged", n_failed);
        free(w.found);
        return r;
}

int adopt_list(struct daemon *d, struct connection **ret, size_t *ret_n)
{
        struct walk w = { 0 };
        struct connection *connections;
        size_t n = 0;
        int r = walk_sockets(d, &w);

        connections = calloc(w.n ? w.n : 1, sizeof(*connections));
        if (!connections || r < 0) {
                free(connections);
                free(w.found);
                return r < 0 ? r : -ENOMEM;
        }
        for (size_t i = 0; i < w.n; i++)
                if (is_connection(&w.found[i].socket))
                        connections[n++] = (struct connection){
                                .subject = subject_of(&w.found[i]),
                                .flow = w.found[i].socket.flow,
                                .direction = direction_of(&w, &w.found[i].socket),
                        };
        free(w.found);
        *ret = connections;
        *ret_n = n;
        return 0;
}
