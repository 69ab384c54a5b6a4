/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One packet, from the queue to its verdict. Each station is a function, in the order in which a packet meets them:
 *
 *      parse ──▶ attribute ──▶ decide ──▶ precedents ──▶ act
 *
 * A packet leaves by one exit: carry_out(), or prompts_hold(), which ends in packet_path_finish() later. Nothing here waits: a packet whose program was
 * told something that is not parsed yet is put aside between attribute and decide (daemon/naming.c). And nothing here knows what a mode or a failure
 * does to a verdict: that is core/decision.c.
 *
 * Bounds: at most BATCH packets before the loop looks at its other sources, so that a flood does not starve the socket; LIMIT_ASIDE packets aside, more
 * are decided by the names that are known.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/procread.h"
#include "wire/packet.h"

enum { BATCH = 64 };

/* A packet on its way. */
struct transit {
        struct daemon *d;
        const struct nfqueue_packet *queued; /* NULL: a live flow is judged, no packet */
        struct boottime arrived, now;
        struct packet packet;
        struct owner owners[LIMIT_OWNERS];
        struct facts facts[LIMIT_OWNERS];
        struct hosts hosts[LIMIT_OWNERS];
        uint64_t heard; /* answers that the first owner had got, by the kernel's count */
        bool all_heard; /* all these are under way to the parser */
        unsigned n;
        enum owners certainty;
        struct subject *references[LIMIT_OWNERS]; /* queue rung: subjects made for this packet alone; aside: its owners */
        unsigned n_references;
};

/* ---- attribute: whose is it --------------------------------------------------------------------------------------- */

static void add_owner(struct transit *t, struct subject *subject, uint64_t cookie)
{
        for (unsigned i = 0; i < t->n; i++)
                if (subject_same_program(t->owners[i].subject, subject) &&
                    process_equal(&t->owners[i].subject->process, &subject->process))
                        return;
        if (t->n < LIMIT_OWNERS)
                t->owners[t->n++] = (struct owner){ .subject = subject, .cookie = cookie };
}

/* A socket whose flow was looked at before: its owners, and what was decided. */
static bool recall(struct transit *t, const struct sockdiag_socket *socket)
{
        const struct remembered *known = flowmem_find(t->d->flows, socket->cookie, &t->packet.flow);

        for (unsigned i = 0; known && i < known->n_subjects; i++) {
                const unsigned n = t->n;

                add_owner(t, known->subjects[i], socket->cookie);
                if (t->n > n) {
                        t->owners[n].state = known->state;
                        t->owners[n].generation = known->generation;
                        t->owners[n].mode_epoch = known->mode_epoch;
                }
        }
        return known != NULL;
}

/* Whoever holds the socket now. */
static void look_up_holders(struct transit *t, const struct sockdiag_socket *socket)
{
        const unsigned first = t->n_references;
        uint32_t pids[LIMIT_OWNERS];
        unsigned n_pids = socket->inode ? procread_socket_owners(socket->inode, pids) : 0;

        for (unsigned i = 0; i < n_pids && t->n_references < LIMIT_OWNERS; i++) {
                struct subject *subject = procread_subject(pids[i], IDENTITY_SOCK_DIAG);

                if (!subject)
                        continue;
                t->references[t->n_references++] = subject;
                add_owner(t, subject, socket->cookie);
        }
        if (t->n_references > first &&
            flowmem_put(t->d->flows, socket->cookie, &t->packet.flow, t->references + first, t->n_references - first) < 0)
                log_debug("no memory to remember a flow: its next packet is looked up again");
}

/* Queue rung: the socket by its tuple, then whoever holds it. */
static void attribute_by_socket(struct transit *t)
{
        struct sockdiag_socket found[LIMIT_OWNERS];
        int n = sockets_find_all(t->d->sockets, &t->packet.flow, found, LIMIT_OWNERS);

        for (int i = 0; i < n; i++)
                if (!recall(t, &found[i]))
                        look_up_holders(t, &found[i]);
        if (n > 0 && found[0].raw && t->n > 0 && !raw_sender_is_sure(t->d, t->owners[0].subject->process.pid, t->now))
                add_owner(t, subject_unknown(), 0);
        if (t->n == 0)
                add_owner(t, subject_unknown(), n > 0 ? found[0].cookie : 0);
        if (t->n > 1)
                t->certainty = OWNERS_AMBIGUOUS;
}

static void attribute(struct transit *t)
{
        bool all = true;

        t->certainty = OWNERS_ALL;
        if (t->d->tracker)
                t->n = tracker_owners(t->d->tracker, &t->packet, t->owners, &all);
        else
                attribute_by_socket(t);
        if (!all)
                t->certainty = OWNERS_AMBIGUOUS; /* some could not be named: nobody may be allowed on behalf of them */
}

/* ---- precedents: what was decided for this very connection before -------------------------------------------------- */

/* Older than us: adopted when we started, or let out by a daemon that was killed, whose answers nobody remembers. A TCP segment that opens
 * nothing belongs to such a connection too, unless the queue rung remembers what rule allowed it; one without a TCP socket is the kernel's, if it is a
 * reset, and else made by hand. */
static bool is_older(const struct transit *t)
{
        const struct owner *owner = &t->owners[0];

        if (t->n == 1 && owner->state == TAG_ADOPTED)
                return true;
        if (t->n == 1 && (owner->state == TAG_ALLOWED || owner->state == TAG_KEPT) && owner->generation < t->d->first_generation)
                return true;
        return t->packet.flow.protocol == IPPROTO_TCP && !t->packet.tcp_syn && (owner->cookie != 0 || t->packet.tcp_rst) &&
               (t->d->tracker ? owner->state == TAG_NONE : owner->state != TAG_ALLOWED);
}

/* Answered before, in this mode: nobody is asked twice about one connection. */
static bool was_answered(const struct transit *t)
{
        return t->n == 1 && t->owners[0].state == TAG_KEPT && t->owners[0].mode_epoch == t->d->mode_epoch;
}

/* Allowed before, and its program has closed it since: what is left in its buffers goes out, and nobody can be asked what it should have been. */
static bool is_closing(const struct transit *t)
{
        const struct owner *owner = &t->owners[0];
        struct sockdiag_socket socket;
        int r;

        if (!t->queued) /* of a live flow, not of a packet: it may never send one */
                return false;
        if (t->n != 1 || t->packet.flow.protocol != IPPROTO_TCP || t->packet.tcp_syn || (owner->state != TAG_ALLOWED && owner->state != TAG_KEPT))
                return false;
        r = sockets_find(t->d->sockets, &t->packet.flow, &socket);
        return r == -ENOENT || (r == 0 && (socket.cookie != owner->cookie || socket.inode == 0));
}

/*
 * A rule that denies ends what was allowed before. Anything less leaves the precedent in force, with its own reason; that there is nobody to
 * ask is less.
 */
static void apply_precedents(const struct transit *t, struct decision *decision)
{
        enum reason reason;

        if (t->n == 1 && t->owners[0].subject->process.pid == t->d->pid)
                reason = REASON_SELF; /* probe.c; we send nothing else */
        else if (decision->rule && (decision->verdict == VERDICT_DENY || decision->would_deny))
                return;
        else if (t->n == 1 && t->owners[0].direction == DIRECTION_IN)
                reason = REASON_INBOUND;
        else if (decision->verdict == VERDICT_ALLOW && !decision->would_ask)
                return;
        else if (is_older(t))
                reason = REASON_ADOPTED;
        else if (was_answered(t))
                reason = REASON_KEPT;
        else if (is_closing(t))
                reason = REASON_CLOSING;
        else
                return;
        *decision = (struct decision){ .verdict = VERDICT_ALLOW, .reason = reason, .subject = t->owners[0].subject };
}

/* ---- decide: the rules and the mode, then the precedents ------------------------------------------------------------ */

static struct decision judge(struct transit *t)
{
        const unsigned scopes = addr_scopes(&t->packet.flow.remote, &t->d->net);
        const char *interface = netinfo_interface(&t->d->net, t->packet.flow.interface);
        struct decision decision;

        for (unsigned i = 0; i < t->n; i++) {
                naming_find(t->d, t->owners[i].subject, &t->packet.flow.remote, t->now, &t->hosts[i]);
                t->facts[i] = (struct facts){
                        .subject = t->owners[i].subject,
                        .flow = &t->packet.flow,
                        .scopes = scopes,
                        .host = t->hosts[i].n > 0 ? t->hosts[i].names[0] : NULL,
                        .hosts = &t->hosts[i],
                        .lists = &t->d->hostsets,
                        .interface = interface,
                };
        }
        decision = decide(t->d->rules, &t->d->config, t->facts, t->n, t->certainty, t->now);
        apply_precedents(t, &decision);
        if (!decision.subject)
                decision.subject = t->owners[0].subject;
        return decision;
}

/* Most rules ask for nothing that is unknown here: then nothing is decided a second time. */
static bool is_sure(const struct transit *t, const struct facts *facts)
{
        const unsigned unknown = facts_unknown(facts) & ruleset_kinds(t->d->rules);

        return unknown == 0 || ruleset_is_sure(t->d->rules, facts, unknown, ruleset_decide(t->d->rules, facts, t->now), t->now);
}

struct decision packet_path_judge(struct daemon *d, const struct owner *owners, unsigned n, const struct flow *flow, enum owners certainty,
                                  struct boottime now)
{
        struct transit t = { .d = d, .now = now, .n = n, .certainty = certainty, .packet.flow = *flow };

        struct decision decision;

        memcpy(t.owners, owners, n * sizeof(*owners));
        decision = judge(&t);
        for (unsigned i = 0; i < n && decision.reason != REASON_SELF; i++)
                if (!is_sure(&t, &t.facts[i])) {
                        decision.verdict = VERDICT_ASK;
                        decision.needs_packet = true;
                }
        return decision;
}

/* ---- act ---------------------------------------------------------------------------------------------------------- */

/* What the tag of the packet's socket says from now on. */
enum tag_state packet_path_tag_for(const struct decision *decision)
{
        if (decision->verdict == VERDICT_DENY)
                return TAG_DENIED;
        if (decision->reason == REASON_ADOPTED)
                return TAG_ADOPTED;
        /* Only a rule speaks for the next generation too; everything else is a fact about this socket. */
        return decision->rule && decision->rule->lifetime != LIFETIME_ONCE ? TAG_ALLOWED : TAG_KEPT;
}

/* The answer to a denied packet for a link-local address would have to name the interface to find its way back. The socket is ended instead. */
static void end_link_local(struct daemon *d, uint64_t cookie, const struct flow *flow)
{
        struct sockdiag_socket socket;
        int r;

        if (flow->protocol != IPPROTO_TCP || addr_is_v4(&flow->remote) || !(addr_scopes(&flow->remote, NULL) & SCOPE_LINK))
                return;
        r = sockets_find(d->sockets, flow, &socket);
        if (r == 0 && (cookie == 0 || socket.cookie == cookie))
                r = sockets_destroy(d->sockets, &socket);
        if (r < 0 && r != -ENOENT)
                log_debug("cannot end a denied connection to a link-local address: %s; its program waits for its own timeout", strerror(-r));
}

static void carry_out(struct daemon *d, uint32_t packet_id, uint64_t cookie, const struct flow *flow, const struct decision *decision,
                      uint32_t tally, bool late)
{
        const struct tag_change change = { .state = packet_path_tag_for(decision), .mode_epoch = d->mode_epoch, .tally = tally, .late = late };
        int r = 0;

        if (!d->tracker)
                flowmem_decide(d->flows, cookie, flow, change.state, 0, d->mode_epoch);
        else if (cookie)
                r = tracker_set(d->tracker, cookie, flow, &change);
        if (r < 0)
                log_debug("cannot write the verdict into a socket's tag: %s; its next packet is queued again", strerror(-r));
        r = decision->verdict == VERDICT_ALLOW ? queue_verdict(d->queue, packet_id, true) : queue_reject(d->queue, packet_id);
        if (r < 0)
                log_warn("cannot send a verdict to the kernel: %s; the packet stays held until its question or the queue ends", strerror(-r));
        if (decision->verdict == VERDICT_DENY)
                end_link_local(d, cookie, flow);
}

/* The rules alone decided, without regard to a mode, a person or what was before: so they will the next time. */
static bool is_for_the_kernel(const struct transit *t, const struct decision *decision)
{
        return t->d->tracker && !t->d->config.log_every_connection && t->n == 1 && t->owners[0].direction == DIRECTION_OUT && decision->rule &&
               decision->rule->lifetime != LIFETIME_ONCE && (decision->reason == REASON_RULE || decision->reason == REASON_SESSION) &&
               decision->verdict != VERDICT_ASK && !decision->would_deny && !decision->would_ask;
}

/* What holds for more than this connection the kernel shall know. Returns the tally that its bytes belong to, 0: none. */
static uint32_t remember(const struct transit *t, const struct decision *decision)
{
        const struct tally tally = {
                .subject = t->owners[0].subject,
                .rule = decision->rule ? decision->rule->id : NULL,
                .verdict = decision->verdict,
                .reason = decision->reason,
        };
        struct known_verdict known = { .verdict = decision->verdict, .heard = t->heard };
        int r;

        if (!is_for_the_kernel(t, decision))
                return 0;
        known.tally = tracker_tally(t->d->tracker, &tally);
        if (known.tally == 0 && tracker_tallies_full(t->d->tracker))
                summaries_due(t->d);
        if (known.tally == 0)
                return 0;
        known.breadth = ruleset_breadth(t->d->rules, &t->facts[0], decision->rule, t->now);
        if (known.breadth != BREADTH_PROGRAM && !protocol_has_ports(t->packet.flow.protocol))
                return known.tally; /* no hook asks for these */
        if (known.breadth == BREADTH_NAMES && !(t->all_heard && naming_knows_all(t->d, tally.subject)))
                return known.tally; /* one may be missing */
        known.expires = boottime_earlier(decision->rule->expires, known.breadth == BREADTH_NAMES ? t->hosts[0].ends : BOOTTIME_NEVER);
        r = tracker_remember(t->d->tracker, tally.subject, &t->packet.flow, &known);
        if (r < 0)
                log_debug("the kernel cannot take a verdict: %s; such connections go on being decided here", strerror(-r));
        return known.tally;
}

/* A live connection that is judged again, and allowed again, is no news. */
static bool is_no_news(const struct transit *t, const struct decision *decision)
{
        if (decision->verdict != VERDICT_ALLOW)
                return false;
        for (unsigned i = 0; i < t->n; i++)
                if (t->owners[i].state != TAG_ALLOWED && t->owners[i].state != TAG_KEPT && t->owners[i].state != TAG_ADOPTED)
                        return false;
        return true;
}

static void tell(struct transit *t, const struct decision *decision)
{
        struct subject *subject = subject_ref((struct subject *)(uintptr_t)decision->subject); /* its count changes, nothing else */

        if (decision->reason == REASON_SELF)
                t->d->counters.by_reason[REASON_SELF]++; /* doctor tells of it */
        else if (!is_no_news(t, decision))
                history_add(t->d, decision, subject, &t->packet.flow, t->owners[0].direction, &t->hosts[0],
                            boottime_left(clock_boottime(), t->arrived));
        subject_unref(subject);
}

static void act(struct transit *t, struct decision decision)
{
        struct held held = {
                .packet_id = t->queued->id,
                .cookie = t->owners[0].cookie,
                .flow = t->packet.flow,
                .process = t->owners[0].subject->process,
        };
        struct tag_change change;

        if (decision.verdict == VERDICT_ASK &&
            prompts_hold(t->d, t->facts, t->n, decision.reason, &held, t->now, &decision))
                return;
        if (decision.rule && !is_no_news(t, &decision))
                decision.rule->n_hits++;
        change = (struct tag_change){ .state = packet_path_tag_for(&decision), .mode_epoch = t->d->mode_epoch };
        for (unsigned i = 1; i < t->n; i++)
                if (t->d->tracker && t->owners[i].cookie)
                        tracker_set(t->d->tracker, t->owners[i].cookie, &t->packet.flow, &change);
        carry_out(t->d, held.packet_id, held.cookie, &held.flow, &decision, remember(t, &decision), false);
        raw_on_verdict(t->d, &held.flow, held.process.pid, t->now);
        tell(t, &decision);
        if (decision.would_ask)
                prompts_mention(t->d, t->facts, t->n, decision.reason, t->now);
}

void packet_path_finish(struct daemon *d, const struct held *held, const struct hosts *hosts, const struct decision *decision, struct boottime opened)
{
        carry_out(d, held->packet_id, held->cookie, &held->flow, decision, 0, true);
        raw_on_verdict(d, &held->flow, held->process.pid, clock_boottime());
        history_add(d, decision, held->subject, &held->flow, DIRECTION_OUT, hosts, boottime_left(clock_boottime(), opened));
}

/* ---- the path ------------------------------------------------------------------------------------------------------ */

static void refuse_unparsable(struct transit *t, int error)
{
        struct decision decision = decide_failure(FAILURE_UNPARSABLE, &t->d->config);

        log_debug("packet %u cannot be parsed (error %d, %zu bytes)", t->queued->id, error, t->queued->n);
        decision.subject = subject_unknown();
        carry_out(t->d, t->queued->id, 0, &t->packet.flow, &decision, 0, false);
        history_add(t->d, &decision, subject_unknown(), &t->packet.flow, DIRECTION_OUT, NULL, 0);
}

/* Decides by what is known now. */
static void conclude(struct transit *t)
{
        act(t, judge(t));
        for (unsigned i = 0; i < t->n_references; i++)
                subject_unref(t->references[i]);
}

/* ---- aside: between attribute and decide, oldest first --------------------------------------------------------------- */

struct aside {
        struct list link;
        struct nfqueue_packet queued; /* without its bytes: they are parsed */
        struct transit transit;
};

static bool awaits_name(const struct transit *t)
{
        for (unsigned i = 0; i < t->n; i++)
                if (naming_awaits(t->d, t->owners[i].subject, t->arrived, t->now))
                        return true;
        return false;
}

static void set_alarm(struct daemon *d, struct boottime at)
{
        sd_event_source_set_time(d->aside_timer, at.ns / NS_PER_USEC + 1);
        sd_event_source_set_enabled(d->aside_timer, SD_EVENT_ONESHOT);
}

/* False: there is no room, and the packet is decided at once. */
static bool put_aside(const struct transit *t)
{
        struct aside *aside = t->d->n_aside < LIMIT_ASIDE ? malloc(sizeof(*aside)) : NULL;

        if (!aside)
                return false;
        *aside = (struct aside){ .queued = *t->queued, .transit = *t };
        aside->queued.data = NULL;
        aside->queued.n = 0;
        aside->transit.queued = &aside->queued;
        aside->transit.n_references = t->n;
        for (unsigned i = 0; i < t->n; i++)
                aside->transit.references[i] = subject_ref(t->owners[i].subject);
        if (list_is_empty(&t->d->aside))
                set_alarm(t->d, naming_deadline(t->arrived));
        list_append(&t->d->aside, &aside->link);
        t->d->n_aside++;
        return true;
}

static void take_up(struct aside *aside)
{
        list_unlink(&aside->link);
        aside->transit.d->n_aside--;
        conclude(&aside->transit);
        free(aside);
}

void packet_path_resume(struct daemon *d)
{
        const struct boottime now = clock_boottime();

        list_for_each_safe(at, next, &d->aside) {
                struct aside *aside = CONTAINER_OF(at, struct aside, link);

                aside->transit.now = now;
                if (!awaits_name(&aside->transit))
                        take_up(aside);
        }
        if (!list_is_empty(&d->aside))
                set_alarm(d, naming_deadline(CONTAINER_OF(d->aside.next, struct aside, link)->transit.arrived));
}

static int on_alarm(_unused_ sd_event_source *source, _unused_ uint64_t us, void *userdata)
{
        packet_path_resume(userdata);
        return 0;
}

int packet_path_start(struct daemon *d)
{
        int r;

        list_init(&d->aside);
        r = sd_event_add_time(d->loop, &d->aside_timer, CLOCK_BOOTTIME, 0, 1000, on_alarm, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->aside_timer, SD_EVENT_OFF);
}

void packet_path_stop(struct daemon *d)
{
        if (!d->aside_timer)
                return;
        list_for_each_safe(at, next, &d->aside)
                take_up(CONTAINER_OF(at, struct aside, link));
        d->aside_timer = sd_event_source_disable_unref(d->aside_timer);
}

/* ---- the queue ------------------------------------------------------------------------------------------------------- */

static void on_packet(void *userdata, const struct nfqueue_packet *queued)
{
        const struct boottime now = clock_boottime();
        struct daemon *d = userdata;
        struct transit t = { .d = d, .queued = queued, .arrived = now, .now = now };
        int r;

        r = packet_parse(queued->data, queued->n, &t.packet);
        if (r != 0) {
                refuse_unparsable(&t, r);
                return;
        }
        t.packet.flow.interface = queued->out_interface;
        attribute(&t);
        t.all_heard = naming_take(d, t.owners[0].subject, &t.heard);
        if (!awaits_name(&t) || !put_aside(&t))
                conclude(&t);
}

int packet_path_on_readable(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct daemon *d = userdata;
        int r = queue_receive(d->queue, BATCH);

        if (r == -ENOBUFS) {
                if (d->counters.n_queue_overruns++ == 0)
                        log_warn("the kernel dropped queued packets: more arrived than could be received; counted in status");
                return 0;
        }
        if (r < 0 && r != -EAGAIN)
                log_error("cannot receive from the packet queue: %s; trying again", strerror(-r));
        if (r <= 0)
                return 0;
        /* The kernel sends a track record before it queues the packet: whatever names these packets is in the ring by now. */
        if (d->tracker)
                tracker_drain(d->tracker);
        queue_dispatch(d->queue, on_packet, d);
        return 0;
}
