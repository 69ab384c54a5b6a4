/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets that are older than the daemon. They are never held and never asked about: each gets a tag that says so, with its owner where /proc
 * still knows one. So a first start is not forty questions, and starting Bastion over SSH does not cut the hand that starts it. The same walk
 * answers "who is talking now".
 *
 * Two kinds are not adopted. What a rule denies: it ends with the first sweep (sweep.c), because a rule ends older connections too. And what has not
 * been decided, which is judged by its next packet: where a daemon that was killed left its rule, a socket that has no tag of its and is not established is one whose packets that
 * rule kept back; to adopt it would let it slip past.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/walk.h"
#include "sys/clock.h"

enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2 };

/* By a rule. */
static bool is_denied(const struct daemon *d, const struct sockdiag_socket *s, const struct subject *subject)
{
        const struct facts facts = {
                .subject = subject,
                .flow = &s->flow,
                .scopes = addr_scopes(&s->flow.remote, &d->net),
                .interface = netinfo_interface(&d->net, s->flow.interface),
        };
        struct decision decision;

        if (addr_is_zero(&s->flow.remote))
                return false;
        decision = decide(d->rules, &d->config, &facts, 1, OWNERS_ALL, clock_boottime());
        return decision.verdict == VERDICT_DENY && decision.rule; /* that nobody is there to ask denies nothing here */
}

static bool is_decided(const struct daemon *d, const struct sockdiag_socket *s)
{
        return !d->was_guarded || (s->flow.protocol == IPPROTO_TCP && s->state != STATE_SYN_SENT);
}

static enum tag_state state_for(const struct daemon *d, const struct sockdiag_socket *s, enum direction direction, const struct subject *subject)
{
        if (direction == DIRECTION_IN)
                return TAG_ADOPTED;
        if (!is_decided(d, s))
                return TAG_UNDECIDED;
        return is_denied(d, s, subject) ? TAG_DENIED : TAG_ADOPTED;
}

/* Every socket there is, with its holders. */
static int walk_all(struct daemon *d, struct walk *w)
{
        int r = walk_sockets(w, d->sockets);

        if (w->lost)
                log_warn("more than %d sockets: those beyond it are not adopted, their next packet is judged", WALK_MAX);
        if (r >= 0)
                walk_find_holders(w);
        return r;
}

int adopt_sockets(struct daemon *d)
{
        _cleanup_(walk_deinit) struct walk w = { 0 };
        unsigned n_failed = 0;
        int r = walk_all(d, &w);

        for (size_t i = 0; r >= 0 && d->tracker && i < w.n; i++) {
                const struct sockdiag_socket *s = &w.found[i].socket;
                enum direction direction = walk_direction(&w, s);
                _cleanup_(subject_unrefp) struct subject *subject = NULL;

                if (s->flow.protocol == IPPROTO_TCP && !walk_is_connection(s))
                        continue;
                subject = walk_subject(&w.found[i]);
                if (tracker_adopt(d->tracker, s->cookie, &s->flow, direction, subject, state_for(d, s, direction, subject)) < 0)
                        n_failed++;
        }
        if (n_failed)
                log_warn("%u older sockets could not be tagged: their next packet is judged", n_failed);
        return r;
}

static enum connection_state connection_state(const struct sockdiag_socket *s)
{
        if (s->flow.protocol != IPPROTO_TCP)
                return CONNECTION_STATELESS;
        if (s->state == STATE_SYN_SENT)
                return CONNECTION_CONNECTING;
        return s->state == STATE_ESTABLISHED ? CONNECTION_ESTABLISHED : CONNECTION_CLOSING;
}

/* A bound interface tells apart what is the same by addresses: link-local ones are of their link. */
static struct flow flow_of(const struct sockdiag_socket *s)
{
        struct flow flow = s->flow;

        flow.interface = s->interface;
        return flow;
}

/* Who opened the socket resolved its address, if anybody did; whoever holds it now may be another. */
static void find_names(const struct daemon *d, const struct sockdiag_socket *s, struct subject *subject, struct boottime now, struct hosts *ret)
{
        struct opener opener;

        *ret = (struct hosts){ .n = 0 };
        if (!d->tracker || subject->kind != SUBJECT_PROGRAM || !tracker_find_opener(d->tracker, s->cookie, &opener) || opener.process.pid != subject->process.pid)
                return;
        subject->process = opener.process;
        subject->program_key = opener.program_key;
        naming_find(d, subject, &s->flow.remote, now, ret);
}

static int fill_connection(const struct daemon *d, const struct walk *w, const struct walked *found, struct boottime now, struct connection *ret)
{
        const struct sockdiag_socket *s = &found->socket;
        struct hosts hosts;

        *ret = (struct connection){
                .subject = walk_subject(found),
                .flow = flow_of(s),
                .direction = walk_direction(w, s),
                .state = connection_state(s),
                .has_bytes = s->has_bytes,
                .bytes_out = s->bytes_out,
                .bytes_in = s->bytes_in,
        };
        find_names(d, &found->socket, ret->subject, now, &hosts);
        return hosts_copy(&ret->hosts, &hosts);
}

static void connections_free(struct connection *connections, size_t n)
{
        for (size_t i = 0; i < n; i++)
                connection_deinit(&connections[i]);
        free(connections);
}

int adopt_list(struct daemon *d, struct connection **ret, size_t *ret_n)
{
        _cleanup_(walk_deinit) struct walk w = { .bytes = true };
        struct connection *connections;
        const struct boottime now = clock_boottime();
        size_t n = 0;
        int r = walk_all(d, &w);

        connections = calloc(w.n ? w.n : 1, sizeof(*connections));
        if (!connections)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && i < w.n; i++)
                if (walk_is_connection(&w.found[i].socket))
                        r = fill_connection(d, &w, &w.found[i], now, &connections[n++]);
        if (r < 0) {
                connections_free(connections, n);
                return r;
        }
        *ret = connections;
        *ret_n = n;
        return 0;
}
