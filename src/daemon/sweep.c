/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change of rules, mode or configuration reaches the flows that live, also those that only receive. Every one that a program of ours opened
 * is decided again as its next packet would be (packet_path_judge), and then
 *
 *      allowed   stays as it is: on the gate rung its tag gets the new generation, which the gate takes for current before it is
 *                published, so that no packet of it is queued, lost or overtaken
 *      denied    ends: SOCK_DESTROY, by which the program and a TCP peer are told at once. A datagram socket that has other destinations
 *                keeps its port and its life: what it sends to this one is queued and refused. Told as a decision
 *      ask       is left behind the new generation: its next packet is held, and somebody is asked; also where the rules look at what only a
 *                packet tells, such as its interface: then that packet is decided
 *
 * Then the generation is published, and a second pass looks at what a hook let pass by the old rules while the first one ran. Whatever is missed
 * by both meets the queue. Connections that are still being opened are left to the queue, where their first packet is.
 *
 * The queue rung has no tags: there the kernel's list of sockets is walked, owners are who was remembered (flowmem) or who holds the socket now, and
 * conntrack forgets what ended, so that a packet of it would be new. Nobody can be asked there about a TCP connection that a rule allowed before:
 * `default_action`.
 *
 * By the same means one flow ends at a person's word (sweep_end), whoever opened it and whatever the rules say of it.
 *
 * Bounds: many changes make one sweep, which comes before the loop looks at any other source; where sweeps take long, they take at most half of
 * the time. Of many flows to end the first END_AT_ONCE end within the sweep, the others by as many in later turns of the loop; until then
 * their packets are refused.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/walk.h"
#include "sys/clock.h"
#include "sys/conntrack.h"
#include "sys/procread.h"

enum {
        END_AT_ONCE = 256,
        KNOWN_PROCESSES = 64, /* of the queue rung's walk; the others are read again */
        SHORT_US = 10000,     /* sweeps that take less may follow one another at once */
        STATE_SYN_SENT = 2,
};

/* A live flow that is to end. */
struct denied {
        struct flow flow; /* as it was judged */
        uint64_t cookie;
        enum tag_state state; /* before */
        struct decision decision; /* its rule only until the loop turns, then `rule_id` */
        char *rule_id;            /* NULL: no rule */
        struct subject *subject;  /* referenced */
        enum direction direction;
        struct sockdiag_socket socket;
        bool found;      /* `socket` is known */
        bool has_it;     /* a datagram socket with this destination */
        bool has_others; /* with other ones */
};

struct sweep {
        sd_event_source *source; /* of requests and of endings that wait */
        bool requested;
        uint64_t not_before_us;
        bool ran;       /* the first one ends older flows too that were found denied (adopt.c) */
        bool used_once; /* some flow lives by what an answer "once" left behind */
        bool complained;
        struct denied *endings; /* what is still to end: from `n_ended` on */
        size_t n_endings, n_ended;
};

/* What one sweep finds. */
struct pass {
        struct daemon *d;
        struct boottime now;
        struct denied *denied;
        size_t n, size;
        unsigned n_seen, n_renewed, n_failed;
};

/* ---- what was found ---------------------------------------------------------------------------------------------------- */

static struct denied *add_denied(struct pass *p, uint64_t cookie, const struct flow *flow, enum tag_state state, const struct decision *decision)
{
        struct denied *more;

        if (p->n == p->size) {
                p->size = p->size ? p->size * 2 : 64;
                more = reallocarray(p->denied, p->size, sizeof(*more));
                if (!more) {
                        p->size = p->n;
                        p->n_failed++;
                        return NULL;
                }
                p->denied = more;
        }
        p->denied[p->n] = (struct denied){
                .flow = *flow,
                .cookie = cookie,
                .state = state,
                .decision = *decision,
                .subject = subject_ref((struct subject *)(uintptr_t)decision->subject), /* its count changes, nothing else */
        };
        p->denied[p->n].decision.subject = p->denied[p->n].subject;
        return &p->denied[p->n++];
}

static int by_cookie(const void *a, const void *b)
{
        uint64_t x = ((const struct denied *)a)->cookie, y = ((const struct denied *)b)->cookie;

        return x < y ? -1 : x > y;
}

static struct denied *find_denied(struct pass *p, uint64_t cookie)
{
        const struct denied key = { .cookie = cookie };

        return bsearch(&key, p->denied, p->n, sizeof(key), by_cookie);
}

static void on_destination(void *userdata, uint64_t cookie, const struct flow *flow)
{
        struct denied *denied = find_denied(userdata, cookie);

        if (!denied)
                return;
        if (flow->remote_port == denied->flow.remote_port && addr_equal(&flow->remote, &denied->flow.remote))
                denied->has_it = true;
        else
                denied->has_others = true;
}

static void denied_deinit(struct denied *denied)
{
        free(denied->rule_id);
        subject_unref(denied->subject);
}

static void pass_deinit(struct pass *p)
{
        for (size_t i = 0; i < p->n; i++)
                denied_deinit(&p->denied[i]);
        free(p->denied);
}

static void note(struct pass *p, const struct decision *decision)
{
        p->n_seen++;
        if (decision->rule && decision->rule->lifetime == LIFETIME_ONCE)
                p->d->sweep->used_once = true;
}

static bool can_be_destroyed(uint8_t protocol)
{
        return protocol == IPPROTO_TCP || protocol_is_datagram(protocol);
}

/* ---- the end of a flow --------------------------------------------------------------------------------------------------- */

/* From here on its packets are queued, and judged there. */
static void refuse_packets(struct daemon *d, uint64_t cookie, const struct flow *flow)
{
        const struct tag_change change = { .state = TAG_DENIED, .mode_epoch = d->mode_epoch, .late = true };
        int r = d->tracker ? tracker_set(d->tracker, cookie, flow, &change) : 0;

        if (r < 0)
                log_debug("cannot write a denial into a socket's tag: %s; its next packet is queued for its old generation", strerror(-r));
}

static void complain(struct daemon *d, const char *what, int r)
{
        d->counters.n_not_ended++;
        if (!d->sweep->complained)
                log_warn("%s: %s; what such flows send is refused, what they receive is not; counted in status from now on", what, strerror(-r));
        d->sweep->complained = true;
}

/* The socket knows its own end, and the other one where it is connected. */
static struct flow told_flow(const struct denied *denied)
{
        struct flow flow = denied->flow;

        if (denied->found && !addr_is_zero(&denied->socket.flow.remote))
                return denied->socket.flow;
        if (denied->found)
                flow.local_port = denied->socket.flow.local_port;
        return flow;
}

/* Why a connection broke: for log and watch. The rule may have gone since. */
static void tell(struct daemon *d, const struct denied *denied)
{
        struct decision decision = denied->decision;
        const struct flow flow = told_flow(denied);

        decision.rule = denied->rule_id ? ruleset_find(d->rules, denied->rule_id) : NULL;
        if (decision.rule)
                decision.rule->n_hits++;
        history_add(d, &decision, denied->subject, &flow, denied->direction, NULL, 0);
}

/* Conntrack knows the flow while its reset is on the way, so it is asked to forget last. */
static void forget_flow(struct daemon *d, struct conntrack *conntrack, const struct denied *denied)
{
        int r;

        flowmem_forget(d->flows, denied->cookie, &denied->flow);
        r = conntrack ? conntrack_forget(conntrack, &denied->socket.flow) : 0;
        if (r < 0 && r != -ENOENT)
                log_debug("conntrack keeps a flow that has ended: %s", strerror(-r));
}

static bool is_to_be_destroyed(const struct denied *denied)
{
        return denied->found && !denied->has_others;
}

/* After its socket was destroyed with this result, where it was to be. */
static void settle_end(struct daemon *d, struct conntrack *conntrack, const struct denied *denied, int r)
{
        /* A TCP tag has gone with its socket; a datagram socket may still be told the same destination. */
        if (r < 0 || !is_to_be_destroyed(denied) || denied->flow.protocol != IPPROTO_TCP)
                refuse_packets(d, denied->cookie, &denied->flow);
        if (!d->tracker)
                forget_flow(d, conntrack, denied);
        tell(d, denied);
}

static void end_flow(struct daemon *d, struct conntrack *conntrack, const struct denied *denied)
{
        int r = is_to_be_destroyed(denied) ? sockets_destroy(d->sockets, &denied->socket) : 0;

        if (r < 0 && r != -ENOENT)
                complain(d, "cannot end a live flow that a rule denies", r);
        settle_end(d, conntrack, denied, r);
}

/* As many as one turn of the loop may. */
static void end_some(struct daemon *d)
{
        _cleanup_(conntrack_closep) struct conntrack *conntrack = NULL;
        struct sweep *s = d->sweep;
        const size_t last = MIN(s->n_endings, s->n_ended + END_AT_ONCE);
        int r;

        if (s->n_ended == last)
                return;
        r = d->tracker ? 0 : conntrack_open(&conntrack);
        if (r < 0)
                log_debug("no conntrack: %s; what it knows of flows that end stays known", strerror(-r));
        for (; s->n_ended < last; s->n_ended++) {
                end_flow(d, conntrack, &s->endings[s->n_ended]);
                denied_deinit(&s->endings[s->n_ended]);
        }
        if (s->n_ended < s->n_endings)
                return;
        free(s->endings);
        s->endings = NULL;
        s->n_endings = s->n_ended = 0;
}

/* What has closed meanwhile. A first packet that waits in a question or in the queue is refused there. What a closed program left in its
 * buffers goes out unless a rule, and not the want of somebody to ask, denies it. */
static bool is_to_be_left(const struct denied *denied)
{
        if (!denied->found)
                return can_be_destroyed(denied->flow.protocol);
        if (denied->flow.protocol != IPPROTO_TCP)
                return false;
        if (denied->socket.inode == 0 && !denied->decision.rule)
                return true;
        return denied->socket.state == STATE_SYN_SENT && denied->state <= TAG_UNDECIDED;
}

/* Some may be waiting still, from a sweep before. */
static int make_room(struct sweep *s, size_t n)
{
        struct denied *more = reallocarray(s->endings, s->n_endings + n, sizeof(*more));

        if (!more)
                return -ENOMEM;
        s->endings = more;
        return 0;
}

static int keep_rule_id(struct denied *denied)
{
        const struct rule *rule = denied->decision.rule;

        denied->rule_id = rule ? strdup(rule->id) : NULL;
        return rule && !denied->rule_id ? -ENOMEM : 0;
}

static void end_denied(struct pass *p)
{
        struct daemon *d = p->d;
        struct sweep *s = d->sweep;
        const bool has_room = make_room(s, p->n) >= 0;

        for (size_t i = 0; i < p->n; i++) {
                struct denied *denied = &p->denied[i];

                if (is_to_be_left(denied)) {
                        denied_deinit(denied);
                } else if (has_room && keep_rule_id(denied) >= 0) {
                        s->endings[s->n_endings++] = *denied;
                } else {
                        refuse_packets(d, denied->cookie, &denied->flow);
                        denied_deinit(denied);
                        complain(d, "cannot end a live flow that a rule denies", -ENOMEM);
                }
        }
        p->n = 0;
        end_some(d);
        for (size_t i = s->n_ended; i < s->n_endings; i++)
                refuse_packets(d, s->endings[i].cookie, &s->endings[i].flow);
}

/* ---- the gate rung: tags ------------------------------------------------------------------------------------------------- */

/* A tag keeps what it says, with the new number. One of a daemon before says what ours would: its answers are not ours. */
static void renew(struct pass *p, const struct tracked *flow, const struct decision *decision)
{
        const bool ours = flow->owner.generation >= p->d->first_generation;
        const struct tag_change change = {
                .state = ours ? flow->owner.state : packet_path_tag_for(decision),
                .mode_epoch = ours ? flow->owner.mode_epoch : p->d->mode_epoch,
                .tally = flow->tally,
                .late = true,
        };

        if (tracker_set(p->d->tracker, flow->owner.cookie, &flow->flow, &change) < 0)
                p->n_failed++;
        else
                p->n_renewed++;
}

static void on_flow(void *userdata, const struct tracked *flow)
{
        struct pass *p = userdata;
        const struct decision decision = packet_path_judge(p->d, &flow->owner, 1, &flow->flow, OWNERS_ALL, p->now);

        note(p, &decision);
        switch (decision.verdict) {
        case VERDICT_ALLOW:
                if (!decision.would_ask && flow->owner.state != TAG_DENIED)
                        renew(p, flow, &decision);
                break;
        case VERDICT_DENY:
                if (flow->one_of_several)
                        refuse_packets(p->d, flow->owner.cookie, &flow->flow); /* told when there is one */
                else
                        add_denied(p, flow->owner.cookie, &flow->flow, flow->owner.state, &decision);
                break;
        case VERDICT_ASK:
                break;
        }
}

static void on_socket(void *userdata, const struct sockdiag_socket *socket)
{
        struct denied *denied = find_denied(userdata, socket->cookie);

        if (!denied)
                return;
        denied->socket = *socket;
        denied->found = true;
}

/* The kernel destroys by cookie, but wants to be told the whole tuple. */
static void find_sockets(struct pass *p)
{
        static const uint8_t PROTOCOLS[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE };
        bool wanted[ARRAY_SIZE(PROTOCOLS)] = { 0 };
        int r;

        qsort(p->denied, p->n, sizeof(*p->denied), by_cookie);
        for (size_t i = 0; i < p->n; i++)
                for (size_t k = 0; k < ARRAY_SIZE(PROTOCOLS); k++)
                        wanted[k] |= p->denied[i].flow.protocol == PROTOCOLS[k];
        for (size_t k = 0; k < ARRAY_SIZE(PROTOCOLS); k++) {
                r = wanted[k] ? sockets_each(p->d->sockets, PROTOCOLS[k], false, on_socket, p) : 0;
                if (r < 0 && r != -ENOENT)
                        complain(p->d, "cannot list sockets to end those that a rule denies", r);
        }
        r = wanted[1] || wanted[2] ? tracker_each_peer(p->d->tracker, on_destination, p) : 0;
        for (size_t i = 0; r < 0 && i < p->n; i++)
                p->denied[i].has_others = protocol_is_datagram(p->denied[i].flow.protocol); /* not known: its port is not put at risk */
}

static void sweep_tags(struct pass *p, bool denied)
{
        int r = tracker_each_behind(p->d->tracker, denied, on_flow, p);

        if (r < 0)
                log_error("cannot read the tags of live flows: %s; each is judged at its next packet", strerror(-r));
        if (p->n == 0)
                return;
        find_sockets(p);
        end_denied(p);
}

static void sweep_gate(struct pass *p)
{
        int r = tracker_begin_generation(p->d->tracker);

        sweep_tags(p, !p->d->sweep->ran);
        if (r >= 0)
                r = tracker_publish_generation(p->d->tracker);
        if (r < 0)
                log_error("cannot change the generation: %s; flows that the sweep missed keep their verdict", strerror(-r));
        sweep_tags(p, false);
}

/* ---- the queue rung: sockets ---------------------------------------------------------------------------------------------- */

/* Few programs hold most sockets: their subjects, by pid. */
struct known_processes {
        struct subject *subjects[KNOWN_PROCESSES]; /* referenced */
};

static struct subject *know(struct known_processes *known, uint32_t pid)
{
        struct subject **slot = &known->subjects[pid % KNOWN_PROCESSES];

        if (*slot && (*slot)->process.pid == pid)
                return *slot;
        subject_unref(*slot);
        *slot = procread_subject(pid, IDENTITY_SOCK_DIAG);
        return *slot;
}

static unsigned owners_of(struct daemon *d, const struct walked *walked, struct known_processes *known, struct owner ret[LIMIT_OWNERS])
{
        const struct sockdiag_socket *socket = &walked->socket;
        const struct remembered *remembered = flowmem_find(d->flows, socket->cookie, &socket->flow);
        unsigned n = 0;

        for (unsigned i = 0; remembered && i < remembered->n_subjects; i++)
                ret[n++] = (struct owner){
                        .subject = subject_ref(remembered->subjects[i]),
                        .cookie = socket->cookie,
                        .state = remembered->state,
                        .generation = remembered->generation,
                        .mode_epoch = remembered->mode_epoch,
                };
        for (unsigned i = 0; !remembered && i < walked->n_pids; i++) {
                struct subject *subject = know(known, walked->pids[i]);

                if (subject)
                        ret[n++] = (struct owner){ .subject = subject_ref(subject), .cookie = socket->cookie };
        }
        if (n == 0)
                ret[n++] = (struct owner){ .subject = subject_ref(subject_unknown()), .cookie = socket->cookie };
        return n;
}

/*
 * A rule allowed it, and none knows it any more. Its next packet would have to be held; but conntrack hands a TCP connection over to us only when it
 * is made to forget it, and a segment of the peer is enough for it to know it again. So nobody can be asked about it; who opens it anew is.
 */
static bool cannot_be_asked_about(const struct owner *owner, const struct sockdiag_socket *socket, const struct decision *decision)
{
        return decision->verdict == VERDICT_ASK && !decision->needs_packet && owner->state == TAG_ALLOWED && socket->flow.protocol == IPPROTO_TCP;
}

static void judge_socket(struct pass *p, const struct walked *walked, struct known_processes *known)
{
        const struct sockdiag_socket *socket = &walked->socket;
        struct owner owners[LIMIT_OWNERS];
        const unsigned n = owners_of(p->d, walked, known, owners);
        struct decision decision;
        struct denied *denied;

        decision = packet_path_judge(p->d, owners, n, &socket->flow, n > 1 ? OWNERS_AMBIGUOUS : OWNERS_ALL, p->now);
        note(p, &decision);
        if (cannot_be_asked_about(&owners[0], socket, &decision)) {
                decision = decide_failure(FAILURE_NOBODY, &p->d->config);
                decision.subject = owners[0].subject;
        }
        if (decision.verdict == VERDICT_DENY) {
                denied = add_denied(p, socket->cookie, &socket->flow, owners[0].state, &decision);
                if (denied) {
                        denied->socket = *socket;
                        denied->found = true;
                }
        }
        for (unsigned i = 0; i < n; i++)
                subject_unref(owners[i].subject);
}

static bool is_live(const struct walk *w, const struct sockdiag_socket *s)
{
        return walk_is_connection(s) && walk_direction(w, s) == DIRECTION_OUT;
}

static void sweep_queue(struct pass *p)
{
        struct known_processes known = { 0 };
        _cleanup_(walk_deinit) struct walk w = { 0 };
        bool all_known = true;
        int r;

        r = walk_sockets(&w, p->d->sockets);
        if (r < 0)
                log_error("cannot list the live flows: %s; each is judged when it opens anew", strerror(-r));
        for (size_t i = 0; i < w.n && all_known; i++)
                all_known = !is_live(&w, &w.found[i].socket) || flowmem_find(p->d->flows, w.found[i].socket.cookie, &w.found[i].socket.flow);
        if (!all_known)
                walk_find_holders(&w);
        for (size_t i = 0; i < w.n; i++)
                if (is_live(&w, &w.found[i].socket))
                        judge_socket(p, &w.found[i], &known);
        for (size_t i = 0; i < KNOWN_PROCESSES; i++)
                subject_unref(known.subjects[i]);
        if (p->n == 0)
                return;
        qsort(p->denied, p->n, sizeof(*p->denied), by_cookie);
        flowmem_each(p->d->flows, on_destination, p);
        end_denied(p);
}

/* ---- at a person's word --------------------------------------------------------------------------------------------------- */

/* The socket may carry the flow: it is connected so, or is a datagram socket that names its destinations each time. */
static bool may_carry(const struct sockdiag_socket *s, const struct flow *flow)
{
        if (s->flow.protocol != flow->protocol || s->flow.local_port != flow->local_port || (flow->interface && s->interface != flow->interface))
                return false;
        if (walk_is_connection(s))
                return addr_equal(&s->flow.local, &flow->local) && s->flow.remote_port == flow->remote_port &&
                       addr_equal(&s->flow.remote, &flow->remote);
        return protocol_is_datagram(flow->protocol) && (addr_is_zero(&s->flow.local) || addr_equal(&s->flow.local, &flow->local));
}

static int add_ending(struct pass *p, const struct walk *w, const struct walked *walked, const struct flow *flow)
{
        _cleanup_(subject_unrefp) struct subject *subject = walk_subject(walked);
        const struct decision decision = { .verdict = VERDICT_DENY, .reason = REASON_USER, .subject = subject };
        struct denied *denied = add_denied(p, walked->socket.cookie, flow, TAG_ALLOWED, &decision);

        if (!denied)
                return -ENOMEM;
        denied->socket = walked->socket;
        denied->found = true;
        denied->direction = walk_direction(w, &walked->socket);
        return 0;
}

static int find_endings(struct pass *p, const struct flow *flow)
{
        _cleanup_(walk_deinit) struct walk w = { 0 };
        int r = walk_sockets(&w, p->d->sockets);

        walk_find_holders(&w);
        for (size_t i = 0; r >= 0 && i < w.n; i++)
                if (may_carry(&w.found[i].socket, flow))
                        r = add_ending(p, &w, &w.found[i], flow);
        if (r < 0 || p->n == 0 || !protocol_is_datagram(flow->protocol))
                return r;
        qsort(p->denied, p->n, sizeof(*p->denied), by_cookie);
        if (p->d->tracker)
                return tracker_each_peer(p->d->tracker, on_destination, p);
        flowmem_each(p->d->flows, on_destination, p);
        return 0;
}

int sweep_end(struct daemon *d, const struct flow *flow)
{
        _cleanup_(conntrack_closep) struct conntrack *conntrack = NULL;
        _cleanup_(pass_deinit) struct pass p = { .d = d };
        bool any = false;
        int r;

        if (!can_be_destroyed(flow->protocol))
                return -EPROTONOSUPPORT;
        r = find_endings(&p, flow);
        if (r < 0)
                return r;
        if (!d->tracker && conntrack_open(&conntrack) < 0)
                log_debug("no conntrack: what it knows of a flow that ends stays known");
        for (size_t i = 0; i < p.n; i++) {
                struct denied *denied = &p.denied[i];

                if (!walk_is_connection(&denied->socket) && !denied->has_it)
                        continue; /* it talks to others */
                r = is_to_be_destroyed(denied) ? sockets_destroy(d->sockets, &denied->socket) : 0;
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                settle_end(d, conntrack, denied, 0);
                any = true;
        }
        return any ? 0 : -ENOENT;
}

/* ---- when ------------------------------------------------------------------------------------------------------------------ */

static void arm(struct sweep *s, uint64_t at_us)
{
        sd_event_source_set_time(s->source, at_us);
        sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
}

static void run(struct daemon *d)
{
        _cleanup_(pass_deinit) struct pass p = { .d = d, .now = clock_boottime() };
        const uint64_t began = clock_monotonic_us();
        uint64_t took;

        d->sweep->used_once = false;
        if (d->tracker)
                sweep_gate(&p);
        else
                sweep_queue(&p);
        d->sweep->ran = true;
        took = clock_monotonic_us() - began;
        d->sweep->not_before_us = began + took + (took > SHORT_US ? took : 0);
        if (p.n_failed)
                log_warn("%u live flows could not be decided again: their next packet is judged", p.n_failed);
        log_debug("sweep: %u live flows decided again, %u renewed, in %llu us", p.n_seen, p.n_renewed, (unsigned long long)took);
}

static int on_due(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;
        struct sweep *s = d->sweep;

        end_some(d);
        if (s->requested && clock_monotonic_us() >= s->not_before_us) {
                s->requested = false;
                run(d);
        }
        if (s->n_endings > 0)
                arm(s, 0);
        else if (s->requested)
                arm(s, s->not_before_us);
        /* Who waits in the queue, or with an answer, has his turn between two lots of endings. */
        sd_event_source_set_priority(s->source, s->n_endings > 0 ? SD_EVENT_PRIORITY_NORMAL : SD_EVENT_PRIORITY_IMPORTANT);
        return 0;
}

void sweep_request(struct daemon *d)
{
        struct sweep *s = d->sweep;

        if (!s) /* rules can still change while the last save is under way; no flow is ours any more */
                return;
        s->requested = true;
        sd_event_source_set_priority(s->source, SD_EVENT_PRIORITY_IMPORTANT);
        arm(s, s->n_endings > 0 ? 0 : s->not_before_us);
}

bool sweep_used_once(const struct daemon *d)
{
        return d->sweep->used_once;
}

int sweep_start(struct daemon *d)
{
        struct sweep *s = d->sweep = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = sd_event_add_time(d->loop, &s->source, CLOCK_MONOTONIC, 0, 1, on_due, d);
        if (r >= 0)
                r = sd_event_source_set_priority(s->source, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? r : sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
}

void sweep_stop(struct daemon *d)
{
        if (!d->sweep)
                return;
        sd_event_source_unref(d->sweep->source);
        for (size_t i = d->sweep->n_ended; i < d->sweep->n_endings; i++)
                denied_deinit(&d->sweep->endings[i]);
        free(d->sweep->endings);
        free(d->sweep);
        d->sweep = NULL;
}
