/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. sys/programs.c has the objects, sys/processes.c the subjects; here is what the maps mean.
 *
 * A packet's owners, best source first: the tags that the gate left under its flow, each naming a process whose record is in the table;
 * for a record that was lost, /proc/PID when it began at the very moment that the tag says; where the gate knew no tag, the socket by
 * its tuple and whoever holds it. Several packets can share one key until it is read: what the first reader takes is kept for the
 * others, for as long as a packet can be under way.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/boottime.h"
#include "base/log.h"
#include "bpf/abi.h"
#include "sys/executables.h"
#include "sys/clock.h"
#include "sys/processes.h"
#include "sys/procread.h"
#include "sys/programs.h"
#include "sys/sockets.h"
#include "sys/tracker.h"
#include "wire/track.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

_Static_assert(ABI_PACKET_BYTES == PACKET_BYTES && ABI_PACKET_EXTENSIONS == PACKET_MAX_EXTENSIONS,
               "gate and daemon look equally far into a packet");

enum { LEFTOVERS = 64, FIRST_GENERATION = 1, FORGET_MAX = 65536 };

/* Tags read with the first of several packets that shared a key. */
struct leftover {
        struct abi_flow flow;
        struct abi_queued queued; /* n_packets: how many are still to come */
};

struct tracker {
        struct programs programs;
        struct ring_buffer *ring;
        struct answers *answers;
        struct processes processes;
        struct executables *executables;
        struct sockets *sockets;
        struct tallies *tallies;
        bool tallies_full;
        struct abi_config config;
        uint32_t generation; /* that tags are written with; ahead of the config's while a sweep is under way */
        uint32_t own_mount_namespace;
        uint64_t ticks_ns; /* length of /proc's clock tick */
        struct leftover leftovers[LEFTOVERS];
        unsigned next_leftover;
        uint64_t opened_ns, purged_ns;
        uint64_t n_unlabelled;
};

static struct abi_process to_abi(const struct process *p)
{
        return (struct abi_process){ .start_ns = p->start_ns, .pid = p->pid, .exec_id = p->exec_id };
}

static struct process from_abi(const struct abi_process *p)
{
        return (struct process){ .start_ns = p->start_ns, .pid = p->pid, .exec_id = p->exec_id };
}

/* The process that a tick count of /proc means is the one of the tag. */
static bool is_still(const struct tracker *t, const struct process *p)
{
        uint64_t ticks;

        return procread_start_ticks(p->pid, &ticks) && ticks == p->start_ns / t->ticks_ns;
}

/* A path seen in another mount namespace is the host's file only when it can be shown to be. */
static bool is_foreign(const struct tracker *t, const struct subject *s, const struct track_file *file)
{
        if (file->mount_namespace == t->own_mount_namespace || executables_has_path(t->executables, file, s->path))
                return false;
        return !(procread_exe_is(s->process.pid, s->path) && is_still(t, &s->process));
}

/* What the path is worth. What the file was found to be before stays with it. */
static void judge_path(struct tracker *t, struct subject *s, const struct track_file *file)
{
        if (s->path[0] != '/')
                return;
        if (s->path_deleted) {
                s->path_foreign = file->mount_namespace != 0 && file->mount_namespace != t->own_mount_namespace; /* a file in memory: in none */
                s->path_deleted = s->path_foreign || !executables_had_path(t->executables, file, s->path);
                return;
        }
        s->path_foreign = is_foreign(t, s, file);
        if (!s->path_foreign)
                executables_remember(t->executables, file, s->path);
}

/* An ancestor that sees other mounts than we do may run the host's file all the same, as many services do. It is asked for by number: the line
 * from the process up to it must still be the one that was told. */
static void judge_ancestors(const struct tracker *t, struct subject *s, uint8_t foreign)
{
        bool line = foreign != 0 && is_still(t, &s->process);
        uint32_t child = s->process.pid;

        for (unsigned i = 0; foreign >> i != 0; i++) {
                struct ancestor *a = &s->ancestors[i];
                bool is_foreign = foreign >> i & 1, same = is_foreign && line && procread_exe_is(a->pid, a->path);

                line = line && procread_is_parent(a->pid, child); /* asked last: so it was the parent all the time */
                child = a->pid;
                if (!is_foreign || (same && line))
                        continue;
                free(a->path);
                a->path = NULL;
        }
        if (foreign != 0 && s->key_covers & SUBJECT_ANCESTORS)
                s->program_key = 0; /* what lies at such a path is not in the key */
}

/* Its record cannot be read: the kernel shall send another. */
static void forget_record(struct tracker *t, const void *data, size_t n)
{
        struct abi_track track;

        if (n < sizeof(track))
                return;
        memcpy(&track, data, sizeof(track));
        bpf_map_delete_elem(t->programs.map_fds[MAP_SEEN], &track.process);
}

static int on_track(void *userdata, void *data, size_t n)
{
        struct subject *subject;
        struct tracker *t = userdata;
        struct track_file file;
        int r;

        r = track_parse(data, n, &subject, &file);
        if (r != 0) {
                log_warn("a process record of %zu bytes cannot be read (%d); its next connection brings another", n, r);
                forget_record(t, data, n);
                return 0;
        }
        judge_path(t, subject, &file);
        judge_ancestors(t, subject, file.foreign_ancestors);
        if (processes_put(&t->processes, &subject->process, subject) < 0)
                log_warn("out of memory for a process record; /proc will name it");
        return 0;
}

/* A process that the table lost shall be reported again by its next connect. */
static void on_forgotten(void *userdata, const struct process *process)
{
        struct abi_process key = to_abi(process);
        struct tracker *t = userdata;

        bpf_map_delete_elem(t->programs.map_fds[MAP_SEEN], &key);
}

void tracker_drain(struct tracker *t)
{
        processes_bury(&t->processes);
        ring_buffer__consume(t->ring);
        answers_drain(t->answers);
}

void tracker_on_answer(struct tracker *t, answer_fn fn, void *userdata)
{
        answers_set_handler(t->answers, fn, userdata);
}

bool tracker_take_answers(struct tracker *t, const struct subject *subject, uint64_t *ret_heard)
{
        const uint32_t index = ABI_HEARD_INDEX(subject->program_key, subject->uid);

        if (bpf_map_lookup_elem(t->programs.map_fds[MAP_HEARD], &index, ret_heard) < 0)
                return false;
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the number first, then the ring, which has all that it counts (bpf/dns.h) */
        answers_drain(t->answers);
        return answers_is_empty(t->answers);
}

int tracker_answers_fd(const struct tracker *t)
{
        return answers_fd(t->answers);
}

static int write_config(const struct tracker *t, const struct programs *p)
{
        uint32_t zero = 0;

        return bpf_map_update_elem(p->map_fds[MAP_CONFIG], &zero, &t->config, BPF_ANY) < 0 ? -errno : 0;
}

static int configure(void *userdata, const struct programs *p)
{
        return write_config(userdata, p);
}

/* Another namespace's maps can lie under our name: inode numbers of namespaces are used again. */
static bool may_take_over(void *userdata, const struct programs *p)
{
        struct tracker *t = userdata;
        struct abi_config theirs;
        uint32_t zero = 0;

        if (bpf_map_lookup_elem(p->map_fds[MAP_CONFIG], &zero, &theirs) < 0)
                return false;
        if (theirs.abi != BASTION_ABI || theirs.netns_cookie != t->config.netns_cookie)
                return false;
        t->config.generation = theirs.generation;
        t->config.epoch = theirs.epoch;
        memcpy(t->config.secret, theirs.secret, sizeof(t->config.secret)); /* their tags and verdicts have keys made with it */
        return true;
}

/* Entries of packets that the queue lost, or that came while no daemon lived, are never read: those from before `before_ns` go. */
static void purge_queued(const struct tracker *t, uint64_t before_ns)
{
        const int fd = t->programs.map_fds[MAP_QUEUED];
        struct abi_flow key, next;
        struct abi_queued queued;
        bool more;

        more = bpf_map_get_next_key(fd, NULL, &next) == 0;
        while (more) {
                key = next;
                more = bpf_map_get_next_key(fd, &key, &next) == 0;
                if (bpf_map_lookup_elem(fd, &key, &queued) == 0 && queued.since_ns < before_ns)
                        bpf_map_delete_elem(fd, &key);
        }
}

/* The daemon before knew the processes that it was told of; we do not. Their next connect tells us. */
static void forget_seen(struct tracker *t)
{
        const int fd = t->programs.map_fds[MAP_SEEN];
        struct abi_process key;

        /* Bounded, because programs that connect meanwhile come in again. */
        for (unsigned i = 0; i < FORGET_MAX && bpf_map_get_next_key(fd, NULL, &key) == 0; i++)
                if (bpf_map_delete_elem(fd, &key) < 0 && errno != ENOENT)
                        return;
}

static int read_netns_cookie(uint64_t *ret)
{
        socklen_t n = sizeof(*ret);
        int fd, r = 0;

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &n) < 0)
                r = -errno;
        close(fd);
        return r;
}

int tracker_open(const char *pins, struct tracker **ret, struct buf *why)
{
        _cleanup_(tracker_closep) struct tracker *t = NULL;
        struct programs_owner owner = { .may_take_over = may_take_over, .configure = configure };
        int r;

        t = owner.userdata = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->opened_ns = clock_boottime().ns;
        processes_init(&t->processes, on_forgotten, t);
        t->executables = executables_new();
        if (!t->executables)
                return -ENOMEM;
        t->own_mount_namespace = procread_own_mount_namespace();
        t->ticks_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
        t->config = (struct abi_config){
                .generation = FIRST_GENERATION,
                .enabled = 1,
                .abi = BASTION_ABI,
                .deny_errno = ECONNREFUSED,
                .mnt_ns = t->own_mount_namespace,
        };
        if (getrandom(t->config.secret, sizeof(t->config.secret), 0) != (ssize_t)sizeof(t->config.secret)) {
                buf_printf(why, "no random numbers: %s", strerror(errno));
                return -EIO;
        }
        r = read_netns_cookie(&t->config.netns_cookie);
        if (r < 0) {
                buf_printf(why, "no network namespace cookie: %s", strerror(-r));
                return r;
        }
        r = sockets_open(&t->sockets);
        if (r < 0) {
                buf_printf(why, "no sock_diag: %s", strerror(-r));
                return r;
        }
        r = programs_open(&t->programs, pins, &owner, why);
        if (r < 0)
                return r;
        t->generation = t->config.generation;
        t->tallies = tallies_new(t->programs.map_fds[MAP_TALLIES]);
        if (!t->tallies)
                return -ENOMEM;
        t->ring = ring_buffer__new(t->programs.map_fds[MAP_TRACKS], on_track, t, NULL);
        if (!t->ring) {
                r = -errno;
                buf_printf(why, "mapping the track ring: %s", strerror(-r));
                return r;
        }
        r = answers_new(t->programs.map_fds[MAP_ANSWERS], &t->answers);
        if (r < 0) {
                buf_printf(why, "mapping the answers' ring: %s", strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(t);
        return 0;
}

bool tracker_took_over(const struct tracker *t)
{
        return t->programs.taken_over;
}

int tracker_commit(struct tracker *t)
{
        int r = programs_commit(&t->programs);

        if (r < 0)
                log_warn("some pins of the kernel programs could not get their names: %s; the hooks run", strerror(-r));
        if (!t->programs.taken_over)
                return 0;
        purge_queued(t, t->opened_ns);
        forget_seen(t);
        /* Two: the daemon before may have been killed in the middle of a sweep, whose tags are one ahead. */
        t->generation = t->config.generation + 1;
        r = tracker_begin_generation(t);
        return r < 0 ? r : tracker_publish_generation(t);
}

struct tracker *tracker_close(struct tracker *t)
{
        if (!t)
                return NULL;
        answers_free(t->answers);
        ring_buffer__free(t->ring);
        tallies_free(t->tallies);
        programs_close(&t->programs);
        sockets_close(t->sockets);
        processes_deinit(&t->processes);
        executables_free(t->executables);
        free(t);
        return NULL;
}

const char *tracker_gate_pin(const struct tracker *t)
{
        return t->programs.gate_pin;
}

/* The key as the gate made it (bpf/gate.h). */
static struct abi_flow key_of(const struct packet *packet)
{
        const struct flow *flow = &packet->flow;
        struct abi_flow key = {
                .local_port = flow->icmp_id ? flow->icmp_id : flow->local_port,
                .remote_port = flow->remote_port,
                .ip_id = packet->ip_id,
                .protocol = flow->protocol,
        };

        memcpy(key.local, flow->local.bytes, sizeof(key.local));
        memcpy(key.remote, flow->remote.bytes, sizeof(key.remote));
        return key;
}

static struct abi_peer_key peer_key_of(uint64_t cookie, const struct flow *flow)
{
        struct abi_peer_key key = { .cookie = cookie, .remote_port = flow->remote_port, .protocol = flow->protocol };

        memcpy(key.remote, flow->remote.bytes, sizeof(key.remote));
        return key;
}

static void put_flow(struct abi_tag *tag, const struct flow *flow)
{
        tag->protocol = flow->protocol;
        tag->raw = !protocol_has_ports(flow->protocol);
        tag->connected = !tag->raw && flow->remote_port != 0;
        tag->local_port = flow->local_port;
        tag->remote_port = flow->remote_port;
        memcpy(tag->remote, flow->remote.bytes, sizeof(tag->remote));
}

/* The gate's tag_applies(): what is decided for this flow stands in the tag itself, not in `peers`. */
static bool tag_applies(const struct abi_tag *tag, const struct flow *flow)
{
        if (tag->raw || tag->protocol != flow->protocol)
                return false;
        if (tag->protocol == IPPROTO_TCP && tag->remote_port == 0)
                return true;
        return tag->connected && tag->remote_port == flow->remote_port && memcmp(tag->remote, flow->remote.bytes, sizeof(tag->remote)) == 0;
}

static bool find_tag(const struct tracker *t, uint64_t cookie, struct abi_tag *ret)
{
        return bpf_map_lookup_elem(t->programs.map_fds[MAP_SOCKETS], &cookie, ret) == 0;
}

bool tracker_find_opener(const struct tracker *t, uint64_t cookie, struct opener *ret)
{
        struct abi_tag tag;

        if (!find_tag(t, cookie, &tag))
                return false;
        *ret = (struct opener){ .process = from_abi(&tag.process), .program_key = tag.program };
        return true;
}

/* Adds what was left later under the same key; tags of a cookie that is there already are the same socket's. */
static void merge_queued(const struct tracker *t, struct abi_queued *into, const struct abi_queued *later)
{
        unsigned n = MIN(later->n_tags, (unsigned)ABI_QUEUED_TAGS), known;
        struct abi_tag tag;

        into->n_packets += later->n_packets;
        into->shared |= later->shared;
        for (unsigned i = 0; i < n; i++) {
                for (known = 0; known < MIN(into->n_tags, (unsigned)ABI_QUEUED_TAGS); known++) {
                        if (into->tags[known].cookie == later->tags[i].cookie)
                                break;
                        into->shared |= find_tag(t, into->tags[known].cookie, &tag);
                }
                if (known < MIN(into->n_tags, (unsigned)ABI_QUEUED_TAGS)) {
                        into->tags[known].n_packets += later->tags[i].n_packets;
                        continue;
                }
                if (into->n_tags < ABI_QUEUED_TAGS)
                        into->tags[into->n_tags] = later->tags[i];
                into->n_tags++;
        }
}

/* A packet was read. Where the sockets had the port one after the other, it was the first one's; the packets of those before it are gone. */
static void consume(struct abi_queued *q)
{
        q->n_packets--;
        if (q->shared || q->n_tags > ABI_QUEUED_TAGS || q->n_tags < 2 || --q->tags[0].n_packets > 0)
                return;
        q->n_tags--;
        memmove(q->tags, q->tags + 1, q->n_tags * sizeof(q->tags[0]));
}

static struct leftover *find_leftover(struct tracker *t, const struct abi_flow *key)
{
        for (unsigned i = 0; i < LEFTOVERS; i++)
                if (t->leftovers[i].queued.n_packets > 0 && memcmp(&t->leftovers[i].flow, key, sizeof(*key)) == 0)
                        return &t->leftovers[i];
        return NULL;
}

/* Takes the tags that were left under the key; false when there are none. */
static bool take_queued(struct tracker *t, const struct abi_flow *key, struct abi_queued *ret)
{
        struct leftover *left = find_leftover(t, key);
        bool fresh;

        fresh = bpf_map_lookup_and_delete_elem(t->programs.map_fds[MAP_QUEUED], key, ret) == 0;
        if (left && clock_boottime().ns - left->queued.since_ns > ABI_QUEUED_STALE_NS) {
                left->queued.n_packets = 0;
                left = NULL;
        }
        if (left && fresh)
                merge_queued(t, &left->queued, ret);
        if (left)
                *ret = left->queued;
        else if (!fresh)
                return false;
        if (left)
                left->queued.n_packets = 0;
        if (ret->n_packets > 1) {
                if (!left)
                        left = &t->leftovers[t->next_leftover++ % LEFTOVERS];
                *left = (struct leftover){ .flow = *key, .queued = *ret };
                consume(&left->queued);
        }
        return true;
}

/* Once in the lifetime of an entry that nobody reads. */
static void purge_stale(struct tracker *t)
{
        const uint64_t now = clock_boottime().ns;

        if (now - t->purged_ns < ABI_QUEUED_STALE_NS)
                return;
        t->purged_ns = now;
        purge_queued(t, now - ABI_QUEUED_STALE_NS);
}

/* All that it did so far was decided in the kernel, and its record never sent: it is another process of a program that is known. If rules speak of more
 * now than they did then, /proc has to say it. */
static struct subject *subject_from_tally(struct tracker *t, const struct abi_tag *tag, const struct process *process)
{
        struct subject *s = NULL;
        struct tally tally;

        if (tag->tally == 0 || !tallies_find(t->tallies, tag->tally, &tally) || tally.subject->program_key != tag->program)
                return NULL;
        if (t->config.wants & ~tally.subject->key_covers && is_still(t, process))
                s = procread_subject(process->pid, IDENTITY_PROC);
        if (!s)
                s = subject_as_process(tally.subject, process);
        return s && processes_put(&t->processes, process, s) == 0 ? s : NULL;
}

/* It was told of before a rule spoke of ancestors. What they run now is all that can be known; its key goes on to cover what it did. */
static struct subject *ask_for_ancestors(struct tracker *t, struct subject *s, const struct process *process)
{
        _cleanup_(subject_unrefp) struct subject *now = NULL, *copy = NULL;

        if (s->ancestors_asked || !(t->config.wants & SUBJECT_ANCESTORS) || !is_still(t, process))
                return s;
        now = procread_subject(process->pid, IDENTITY_PROC);
        copy = now ? subject_as_user(s, s->uid, s->gid) : NULL;
        if (!copy)
                return s;
        subject_swap_ancestors(copy, now);
        s = copy;
        return processes_put(&t->processes, process, TAKE_PTR(copy)) == 0 ? s : subject_unknown();
}

/* The record did not come. The process may still be there, if it began when the tag says. */
static struct subject *subject_from_proc(struct tracker *t, const struct process *process)
{
        struct subject *s;

        t->n_unlabelled++;
        if (process->start_ns != 0 && !is_still(t, process))
                return subject_unknown();
        s = procread_subject(process->pid, IDENTITY_PROC);
        if (!s || processes_put(&t->processes, process, s) < 0)
                return subject_unknown();
        return s;
}

static struct subject *subject_of_process(struct tracker *t, const struct abi_tag *tag, const struct process *process)
{
        struct subject *s = processes_find(&t->processes, process);

        if (s)
                return ask_for_ancestors(t, s, process);
        ring_buffer__consume(t->ring); /* queued after the batch's drain: its record is in the ring by now */
        s = processes_find(&t->processes, process);
        if (!s)
                s = subject_from_tally(t, tag, process);
        return s ? s : subject_from_proc(t, process);
}

static struct subject *subject_of(struct tracker *t, const struct abi_tag *tag)
{
        const struct process process = from_abi(&tag->process);
        struct subject *s, *other;

        if (process.pid == 0)
                return subject_kernel();
        s = subject_of_process(t, tag, &process);
        if (s->kind != SUBJECT_PROGRAM || (s->uid == tag->uid && s->gid == tag->gid))
                return s;
        /* The record has the user of the first connection; the tag has the user of this one. */
        other = subject_as_user(s, tag->uid, tag->gid);
        if (!other || processes_put(&t->processes, &process, other) < 0)
                return subject_unknown();
        return other;
}

/* What was decided for this flow of the socket before. */
static void fill_state(const struct tracker *t, const struct abi_tag *tag, const struct flow *flow, struct owner *owner)
{
        const struct abi_peer_key key = peer_key_of(owner->cookie, flow);
        struct abi_peer peer;

        if (tag_applies(tag, flow)) {
                owner->state = (enum tag_state)(TAG_UNDECIDED + tag->state);
                owner->direction = tag->direction == ABI_DIRECTION_IN ? DIRECTION_IN : DIRECTION_OUT;
                owner->generation = tag->generation;
                owner->mode_epoch = tag->mode_epoch;
                return;
        }
        owner->state = TAG_UNDECIDED;
        if (bpf_map_lookup_elem(t->programs.map_fds[MAP_PEERS], &key, &peer) < 0)
                return;
        if (peer.direction == ABI_DIRECTION_IN && peer.expires_ns < clock_boottime().ns)
                return;
        owner->state = (enum tag_state)(TAG_UNDECIDED + peer.state);
        owner->direction = peer.direction == ABI_DIRECTION_IN ? DIRECTION_IN : DIRECTION_OUT;
        owner->generation = peer.generation;
        owner->mode_epoch = peer.mode_epoch;
}

/* A socket without a tag: whoever holds it, by tuple and inode. The tag is written so that the next packet has one; a socket that closed in
 * between takes it along again. */
static void tag_found_socket(struct tracker *t, const struct sockdiag_socket *socket, const struct flow *flow, const struct subject *s)
{
        struct abi_tag tag = { .process.pid = s->process.pid, .uid = s->uid, .gid = s->gid };
        struct sockdiag_socket again;

        put_flow(&tag, flow);
        if (flow->protocol != IPPROTO_TCP)
                tag.connected = socket->flow.remote_port != 0;
        if (bpf_map_update_elem(t->programs.map_fds[MAP_SOCKETS], &socket->cookie, &tag, BPF_NOEXIST) < 0)
                return;
        if (sockets_find(t->sockets, flow, &again) == -ENOENT)
                bpf_map_delete_elem(t->programs.map_fds[MAP_SOCKETS], &socket->cookie);
}

static unsigned owners_of_socket(struct tracker *t, const struct sockdiag_socket *socket, const struct flow *flow,
                                 struct owner *ret, unsigned max)
{
        uint32_t pids[LIMIT_OWNERS];
        unsigned n_pids = socket->inode ? procread_socket_owners(socket->inode, pids) : 0, n = 0;
        struct subject *s;

        for (unsigned i = 0; i < n_pids && n < max; i++) {
                const struct process key = { .pid = pids[i] };

                s = procread_subject(pids[i], IDENTITY_SOCK_DIAG);
                if (!s || processes_put(&t->processes, &key, s) < 0)
                        continue;
                ret[n++] = (struct owner){ .subject = s, .cookie = socket->cookie, .state = TAG_NONE };
        }
        if (n > 0)
                tag_found_socket(t, socket, flow, ret[0].subject);
        return n;
}

/* `cookie` 0: any socket that could have sent it. Returns 0 when nobody is found. */
static unsigned owners_by_tuple(struct tracker *t, const struct flow *flow, uint64_t cookie, struct owner *ret, unsigned max, bool *all)
{
        struct sockdiag_socket found[LIMIT_OWNERS];
        unsigned n = 0;
        int n_found;

        t->n_unlabelled++;
        n_found = sockets_find_all(t->sockets, flow, found, LIMIT_OWNERS);
        for (int i = 0; i < n_found; i++) {
                if (cookie != 0 && found[i].cookie != cookie)
                        continue;
                if (n == max) {
                        *all = false;
                        break;
                }
                n += owners_of_socket(t, &found[i], flow, ret + n, max - n);
        }
        return n;
}

static unsigned owners_of_tag(struct tracker *t, const struct abi_queued_tag *queued, const struct flow *flow, struct owner *ret,
                              unsigned max, bool *all)
{
        struct owner owner = { .cookie = queued->cookie, .state = TAG_NONE };
        struct abi_tag tag = queued->tag, current;
        unsigned n;

        /* The newer state counts; the older name does, when the socket has closed since. */
        if (find_tag(t, queued->cookie, &current)) {
                if (tag.protocol == 0)
                        tag = current;
                fill_state(t, &current, flow, &owner);
        } else if (tag.protocol != 0) {
                fill_state(t, &tag, flow, &owner);
        }
        if (tag.protocol == 0 || (tag.process.pid == 0 && tag.direction == ABI_DIRECTION_IN)) {
                n = owners_by_tuple(t, flow, queued->cookie, ret, max, all);
                for (unsigned i = 0; i < n && owner.state != TAG_NONE; i++) {
                        owner.subject = ret[i].subject;
                        ret[i] = owner;
                }
                if (n > 0)
                        return n;
                owner.subject = subject_unknown();
        } else {
                owner.subject = subject_of(t, &tag);
        }
        ret[0] = owner;
        return 1;
}

unsigned tracker_owners(struct tracker *t, const struct packet *packet, struct owner ret[LIMIT_OWNERS], bool *all)
{
        const struct abi_flow key = key_of(packet);
        struct abi_queued queued = { 0 };
        unsigned n = 0;

        *all = true;
        if (take_queued(t, &key, &queued)) {
                *all = queued.n_tags <= ABI_QUEUED_TAGS;
                for (unsigned i = 0; i < MIN(queued.n_tags, (unsigned)ABI_QUEUED_TAGS) && n < LIMIT_OWNERS; i++) {
                        if (queued.tags[i].cookie == 0)
                                *all = false; /* its writer was not finished */
                        else
                                n += owners_of_tag(t, &queued.tags[i], &packet->flow, ret + n, LIMIT_OWNERS - n, all);
                }
        } else {
                purge_stale(t);
                n = owners_by_tuple(t, &packet->flow, 0, ret, LIMIT_OWNERS, all);
        }
        if (n == 0)
                ret[n++] = (struct owner){ .subject = subject_unknown() };
        return n;
}

static bool is_any(const uint8_t address[16])
{
        struct addr a;

        memcpy(a.bytes, address, sizeof(a.bytes));
        return addr_is_zero(&a);
}

/* A TCP socket can fail, connect elsewhere and keep its cookie while somebody thinks about the first destination: that answer is not about the
 * second. A connect to "any" reaches the loopback address; tags of accepted and adopted sockets may not know their peer. */
static bool is_about_another(const struct abi_tag *tag, const struct flow *flow)
{
        if (tag->protocol != IPPROTO_TCP || tag->remote_port == 0)
                return false;
        if (tag->remote_port != flow->remote_port)
                return true;
        return !is_any(tag->remote) && memcmp(tag->remote, flow->remote.bytes, sizeof(tag->remote)) != 0;
}

static int set_tag(struct tracker *t, uint64_t cookie, struct abi_tag *tag, const struct tag_change *change)
{
        tag->state = (uint8_t)(change->state - TAG_UNDECIDED);
        tag->generation = t->generation;
        tag->mode_epoch = change->mode_epoch;
        tag->tally = change->tally;
        if (!change->late)
                tag->uncounted = 0; /* the packet at hand is told of by itself */
        if (bpf_map_update_elem(t->programs.map_fds[MAP_SOCKETS], &cookie, tag, BPF_EXIST) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static int set_peer(struct tracker *t, uint64_t cookie, const struct flow *flow, const struct tag_change *change)
{
        const struct abi_peer_key key = peer_key_of(cookie, flow);
        const struct abi_peer peer = {
                .key = key,
                .mode_epoch = change->mode_epoch,
                .generation = t->generation,
                .tally = change->tally,
                .state = (uint8_t)(change->state - TAG_UNDECIDED),
        };

        return bpf_map_update_elem(t->programs.map_fds[MAP_PEERS], &key, &peer, BPF_ANY) < 0 ? -errno : 0;
}

int tracker_set(struct tracker *t, uint64_t cookie, const struct flow *flow, const struct tag_change *change)
{
        struct abi_tag tag;

        if (change->state == TAG_NONE)
                return -EINVAL;
        if (!find_tag(t, cookie, &tag))
                return 0;
        if (tag_applies(&tag, flow))
                return set_tag(t, cookie, &tag, change);
        if (tag.protocol != IPPROTO_TCP || tag.raw)
                return set_peer(t, cookie, flow, change);
        if (change->late && is_about_another(&tag, flow))
                return 0;
        /* A connect to "any", or one that somebody's program in the kernel sent elsewhere: the packet says where it goes. */
        if (flow->protocol == IPPROTO_TCP)
                put_flow(&tag, flow);
        return set_tag(t, cookie, &tag, change);
}

uint32_t tracker_generation(const struct tracker *t)
{
        return t->generation;
}

/* A hook reads the generation before it looks for a verdict: with the verdicts gone first, none of the old rules is written into a tag of
 * the new generation. */
int tracker_begin_generation(struct tracker *t)
{
        t->generation++;
        return tracker_forget_verdicts(t);
}

int tracker_publish_generation(struct tracker *t)
{
        t->config.generation = t->generation;
        return write_config(t, &t->programs);
}

int tracker_forget_verdicts(struct tracker *t)
{
        t->config.epoch++;
        return write_config(t, &t->programs);
}

int tracker_set_wants(struct tracker *t, unsigned facts)
{
        const struct abi_config before = t->config;
        int r;

        if (t->config.wants == facts)
                return 0;
        t->config.wants = facts;
        r = tracker_forget_verdicts(t);
        if (r < 0)
                t->config = before;
        return r;
}

int tracker_set_deny_errno(struct tracker *t, int deny_errno)
{
        t->config.deny_errno = (uint32_t)deny_errno;
        return write_config(t, &t->programs);
}

static struct abi_verdict_key verdict_key_of(const struct subject *subject, const struct flow *flow, enum breadth breadth)
{
        struct abi_verdict_key key = { .program = subject->program_key, .uid = subject->uid, .gid = subject->gid };

        if (breadth == BREADTH_PROGRAM) {
                key.breadth = ABI_BREADTH_PROGRAM;
                return key;
        }
        key.protocol = flow->protocol;
        key.remote_port = flow->remote_port;
        key.breadth = ABI_BREADTH_PORT;
        if (breadth <= BREADTH_DESTINATION) {
                key.breadth = ABI_BREADTH_DESTINATION;
                memcpy(key.remote, flow->remote.bytes, sizeof(key.remote));
        }
        return key;
}

/* A path that is not the host's, or no more, was judged for this one process. A key that was made for other rules tells too little apart, or too much. */
static bool has_key(const struct tracker *t, const struct subject *s)
{
        return s->kind == SUBJECT_PROGRAM && s->identity == IDENTITY_TASK && s->program_key != 0 && s->key_covers == t->config.wants &&
               !s->path_foreign && !s->path_deleted;
}

int tracker_remember(struct tracker *t, const struct subject *subject, const struct flow *flow, const struct known_verdict *known)
{
        const struct abi_verdict_key key = verdict_key_of(subject, flow, known->breadth);
        const struct abi_verdict value = {
                .key = key,
                .expires_ns = known->expires.ns == BOOTTIME_NEVER.ns ? UINT64_MAX : known->expires.ns,
                .heard = known->heard,
                .epoch = t->config.epoch,
                .tally = known->tally,
                .state = known->verdict == VERDICT_ALLOW ? ABI_TAG_ALLOWED : ABI_TAG_DENIED,
                .names = known->breadth == BREADTH_NAMES,
        };

        if (known->breadth == BREADTH_NONE || known->tally == 0 || !has_key(t, subject))
                return 0;
        /* The same link-local address is another machine on another interface, and the hooks do not know which. */
        if (known->breadth <= BREADTH_DESTINATION && addr_scopes(&flow->remote, NULL) & SCOPE_LINK)
                return 0;
        return bpf_map_update_elem(t->programs.map_fds[MAP_VERDICTS], &key, &value, BPF_ANY) < 0 ? -errno : 0;
}

uint32_t tracker_tally(struct tracker *t, const struct tally *tally)
{
        int64_t id = has_key(t, tally->subject) ? tallies_get(t->tallies, tally) : 0;

        if (id == -ENOSPC)
                t->tallies_full = true;
        else if (id < 0)
                log_debug("no tally: %s; these connections are decided one by one", strerror((int)-id));
        return id > 0 ? (uint32_t)id : 0;
}

bool tracker_tallies_full(const struct tracker *t)
{
        return t->tallies_full;
}

void tracker_tell_tallies(struct tracker *t, tallies_fn fn, void *userdata)
{
        tallies_tell(t->tallies, fn, userdata);
        if (!t->tallies_full)
                return;
        if (tracker_forget_verdicts(t) < 0)
                return; /* their tallies are in use */
        tallies_tell(t->tallies, fn, userdata);
        tallies_reset(t->tallies);
        t->tallies_full = false;
}

int tracker_adopt(struct tracker *t, uint64_t cookie, const struct flow *flow, enum direction direction, const struct subject *subject,
                  enum tag_state state)
{
        const struct process process = { .pid = subject->process.pid };
        struct abi_tag tag = {
                .process = to_abi(&process),
                .uid = subject->uid,
                .gid = subject->gid,
                .generation = t->generation,
                .state = (uint8_t)(state - TAG_UNDECIDED),
                .direction = direction == DIRECTION_IN ? ABI_DIRECTION_IN : ABI_DIRECTION_OUT,
        };
        struct sockdiag_socket again;

        put_flow(&tag, flow);
        if (bpf_map_update_elem(t->programs.map_fds[MAP_SOCKETS], &cookie, &tag, BPF_NOEXIST) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (sockets_find(t->sockets, flow, &again) == -ENOENT) {
                bpf_map_delete_elem(t->programs.map_fds[MAP_SOCKETS], &cookie);
                return 0;
        }
        if (process.pid == 0)
                return 0;
        return processes_put(&t->processes, &process, subject_ref((struct subject *)subject));
}

static uint64_t read_counter(const struct tracker *t, uint32_t which, uint64_t *values, int n_cpus)
{
        uint64_t sum = 0;

        if (bpf_map_lookup_elem(t->programs.map_fds[MAP_COUNTERS], &which, values) < 0)
                return 0;
        for (int i = 0; i < n_cpus; i++)
                sum += values[i];
        return sum;
}

void tracker_stats(const struct tracker *t, struct tracker_stats *ret)
{
        const int n_cpus = libbpf_num_possible_cpus();
        _cleanup_(freep) uint64_t *values = n_cpus > 0 ? calloc((size_t)n_cpus, sizeof(*values)) : NULL;

        *ret = (struct tracker_stats){ .n_unlabelled = t->n_unlabelled };
        if (!values)
                return;
        ret->n_tagged = read_counter(t, ABI_COUNT_TAGGED, values, n_cpus);
        ret->n_tag_failed = read_counter(t, ABI_COUNT_TAG_FAILED, values, n_cpus);
        ret->n_tracked = read_counter(t, ABI_COUNT_TRACKED, values, n_cpus);
        ret->n_track_lost = read_counter(t, ABI_COUNT_TRACK_LOST, values, n_cpus);
        ret->n_passed = read_counter(t, ABI_COUNT_GATE_PASSED, values, n_cpus);
        ret->n_queued = read_counter(t, ABI_COUNT_GATE_QUEUED, values, n_cpus);
        ret->n_queued_full = read_counter(t, ABI_COUNT_QUEUED_FULL, values, n_cpus);
        ret->n_known = read_counter(t, ABI_COUNT_KNOWN, values, n_cpus);
        ret->n_questions = read_counter(t, ABI_COUNT_QUESTIONS, values, n_cpus);
        ret->n_answers = read_counter(t, ABI_COUNT_ANSWERS, values, n_cpus);
        ret->n_answer_lost = read_counter(t, ABI_COUNT_ANSWER_LOST, values, n_cpus);
}

/* The probe socket's tag names this very process. */
static bool is_tagged(const struct tracker *t, int fd)
{
        socklen_t n = sizeof(uint64_t);
        struct abi_tag tag;
        uint64_t cookie;

        if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) < 0)
                return false;
        return find_tag(t, cookie, &tag) && tag.process.pid == (uint32_t)getpid();
}

/* Both ways reach their hook and neither lets a packet out: connect() of a datagram socket sends none, and a broadcast without SO_BROADCAST is
 * refused, but after the hook. A packet would wait in a dead daemon's queue rule and come back as somebody's question. */
static bool probe(const struct tracker *t, int family, bool by_connect)
{
        const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(by_connect ? INADDR_LOOPBACK : INADDR_BROADCAST) };
        const struct sockaddr *to = family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
        const socklen_t to_n = family == AF_INET ? sizeof(v4) : sizeof(v6);
        bool tagged;
        int fd;

        fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return family == AF_INET6 && errno == EAFNOSUPPORT; /* no IPv6: nothing to prove */
        if (by_connect)
                (void)connect(fd, to, to_n);
        else
                (void)!sendto(fd, "", 1, MSG_NOSIGNAL, to, to_n);
        tagged = is_tagged(t, fd);
        close(fd);
        return tagged;
}

bool tracker_prove(struct tracker *t, struct buf *report)
{
        static const struct {
                const char *name;
                int family;
                bool by_connect;
        } probes[] = { { "sendmsg4", AF_INET, false }, { "connect4", AF_INET, true }, { "connect6", AF_INET6, true } };
        bool good = programs_check(&t->programs, report), ran;

        for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
                ran = probe(t, probes[i].family, probes[i].by_connect);
                buf_printf(report, "%s: %s\n", probes[i].name, ran ? "ran, and named the probe's process" : "did not run for a probe socket");
                good &= ran;
        }
        return good;
}

/* ---- all live flows ------------------------------------------------------------------------------------------------ */

enum { BATCH_ENTRIES = 1024 };

typedef void (*entry_fn)(struct tracker *t, const void *key, const void *value, void *userdata);

/* Bounded by the map's buckets, which the kernel walks once. What `fn` borrows is good for the batch. Whoever has bpf_loop() (5.17), which
 * our programs need, has batches (5.6). */
static int each_entry(struct tracker *t, enum map map, size_t key_size, size_t value_size, entry_fn fn, void *userdata)
{
        _cleanup_(freep) uint8_t *keys = calloc(BATCH_ENTRIES, key_size);
        _cleanup_(freep) uint8_t *values = calloc(BATCH_ENTRIES, value_size);
        uint32_t bucket, n;
        bool first = true;
        int r;

        if (!keys || !values)
                return -ENOMEM;
        do {
                n = BATCH_ENTRIES;
                r = bpf_map_lookup_batch(t->programs.map_fds[map], first ? NULL : &bucket, &bucket, keys, values, &n, NULL);
                if (r < 0 && errno != ENOENT)
                        return -errno;
                for (uint32_t i = 0; i < n; i++)
                        fn(t, keys + i * key_size, values + i * value_size, userdata);
                processes_bury(&t->processes);
                first = false;
        } while (r == 0);
        return 0;
}

struct behind {
        bool denied;
        tracker_flow_fn fn;
        void *userdata;
};

static bool is_behind(const struct tracker *t, uint8_t state, uint8_t direction, uint32_t generation)
{
        return direction == ABI_DIRECTION_OUT && (state == ABI_TAG_ALLOWED || state == ABI_TAG_KEPT || state == ABI_TAG_ADOPTED) &&
               (int32_t)(generation - t->generation) < 0;
}

/* A connect to "any" reaches the loopback address. */
static struct addr remote_of(const uint8_t bytes[16])
{
        struct addr a;

        memcpy(a.bytes, bytes, sizeof(a.bytes));
        if (addr_is_zero(&a))
                addr_parse(addr_is_v4(&a) ? "127.0.0.1" : "::1", &a);
        return a;
}

static void on_tag(struct tracker *t, const void *key, const void *value, void *userdata)
{
        const struct behind *b = userdata;
        struct tracked flow = { 0 };
        struct abi_tag tag;

        memcpy(&tag, value, sizeof(tag));
        if (tag.remote_port == 0 || tag.raw) /* no destination, or a different one for each packet */
                return;
        if (!is_behind(t, tag.state, tag.direction, tag.generation) && !(b->denied && tag.state == ABI_TAG_DENIED))
                return;
        memcpy(&flow.owner.cookie, key, sizeof(flow.owner.cookie));
        flow.flow.protocol = tag.protocol;
        flow.flow.local_port = tag.local_port;
        flow.flow.remote_port = tag.remote_port;
        flow.flow.remote = remote_of(tag.remote);
        flow.owner.subject = subject_of(t, &tag);
        flow.owner.state = (enum tag_state)(TAG_UNDECIDED + tag.state);
        flow.owner.generation = tag.generation;
        flow.owner.mode_epoch = tag.mode_epoch;
        flow.tally = tag.tally;
        b->fn(b->userdata, &flow);
}

static struct flow flow_of_peer(const struct abi_peer_key *key)
{
        return (struct flow){ .protocol = key->protocol, .remote = remote_of(key->remote), .remote_port = key->remote_port };
}

/* An entry names no process: it is the socket's, as far as is known here. A packet that another one sends through it is judged as its own. */
static void on_peer_behind(struct tracker *t, const void *key_bytes, const void *value, void *userdata)
{
        const struct behind *b = userdata;
        struct tracked flow = { .one_of_several = true };
        struct abi_peer_key key;
        struct abi_peer peer;
        struct abi_tag tag;

        memcpy(&key, key_bytes, sizeof(key));
        memcpy(&peer, value, sizeof(peer));
        if (!is_behind(t, peer.state, peer.direction, peer.generation) || !find_tag(t, key.cookie, &tag))
                return; /* without a tag the socket has closed */
        flow.flow = flow_of_peer(&key);
        flow.tally = peer.tally;
        flow.owner = (struct owner){
                .subject = subject_of(t, &tag),
                .cookie = key.cookie,
                .state = (enum tag_state)(TAG_UNDECIDED + peer.state),
                .generation = peer.generation,
                .mode_epoch = peer.mode_epoch,
        };
        b->fn(b->userdata, &flow);
}

int tracker_each_behind(struct tracker *t, bool denied, tracker_flow_fn fn, void *userdata)
{
        struct behind behind = { .denied = denied, .fn = fn, .userdata = userdata };
        int r;

        tracker_drain(t);
        r = each_entry(t, MAP_SOCKETS, sizeof(uint64_t), sizeof(struct abi_tag), on_tag, &behind);
        if (r < 0)
                return r;
        return each_entry(t, MAP_PEERS, sizeof(struct abi_peer_key), sizeof(struct abi_peer), on_peer_behind, &behind);
}

struct peers {
        tracker_peer_fn fn;
        void *userdata;
};

static void on_peer(_unused_ struct tracker *t, const void *key_bytes, _unused_ const void *value, void *userdata)
{
        const struct peers *p = userdata;
        struct abi_peer_key key;
        struct flow flow;

        memcpy(&key, key_bytes, sizeof(key));
        flow = flow_of_peer(&key);
        p->fn(p->userdata, key.cookie, &flow);
}

int tracker_each_peer(struct tracker *t, tracker_peer_fn fn, void *userdata)
{
        struct peers peers = { .fn = fn, .userdata = userdata };

        return each_entry(t, MAP_PEERS, sizeof(struct abi_peer_key), sizeof(struct abi_peer), on_peer, &peers);
}

int tracker_remove_pins(const char *pins)
{
        return programs_remove_pins(pins);
}
