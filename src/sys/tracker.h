/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel side of identity: the BPF programs (bpf/) loaded, attached, pinned, and their maps. Knows tags and track records, turns
 * them into processes and subjects; knows nothing of rules. One network namespace: the one the caller is in.
 *
 * Life: tracker_open() loads, pins under the given directory, attaches to the cgroup v2 root; the hooks then tag every socket of the
 * namespace. tracker_adopt() writes tags for sockets that are older. Only then is the gate put to use (sys/hook.h).
 * A daemon that was killed leaves its maps; they are taken over when they are of the same ABI and namespace: what it decided stays with the
 * sockets, at a generation that is over. tracker_commit() begins the new one, when the rule uses the new gate and the queue is ours.
 * Subjects live in a table bounded by LIMIT_SUBJECTS, oldest use first out; what is evicted is forgotten in the kernel too, so the next
 * connect brings the record again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "core/flow.h"
#include "core/ruleset.h"
#include "core/subject.h"
#include "sys/answers.h"
#include "sys/tallies.h"
#include "wire/packet.h"

struct tracker;

/*
 * `pins` is a directory on a bpffs; it is created, and must not hold pins of a living daemon (the caller knows: there is one queue). On
 * failure returns a negative errno and appends to `why` what could not be done, errno's meaning and the verifier's last lines: text for status and doctor.
 */
int tracker_open(const char *pins, struct tracker **ret, struct buf *why);
/* The rule is in place: the new programs take the old ones' names, and what a daemon before decided is judged again. Negative errno: the
 * generation could not be raised, and what that daemon allowed goes on. */
int tracker_commit(struct tracker *t);
/* Some tags are those of a daemon before. */
bool tracker_took_over(const struct tracker *t);
/* Detaches, unpins, frees; before the commit what a dead daemon left stays as it was. */
struct tracker *tracker_close(struct tracker *t);
DEFINE_FREEP(struct tracker, tracker_close)

const char *tracker_gate_pin(const struct tracker *t);

/* Drains the track ring, then the answers' ring; cheap when empty. To be called after a batch was received and before its first packet is attributed. */
void tracker_drain(struct tracker *t);
/* Who is told of DNS answers (sys/answers.h), from tracker_drain(): the records of who asked are in the table then, as far as there are any. */
void tracker_on_answer(struct tracker *t, answer_fn fn, void *userdata);
/* Readable, level-triggered: many answers wait, and tracker_drain() is to be called though no packet has come. */
int tracker_answers_fd(const struct tracker *t);

/* Drains the answers' ring for a decision about this subject that may stand on names. True: every answer that it can have read by now has been told, and
 * *ret_heard is the kernel's count of these, which rises with the next one. False: one may be missing. */
bool tracker_take_answers(struct tracker *t, const struct subject *subject, uint64_t *ret_heard);

enum tag_state { TAG_NONE, TAG_UNDECIDED, TAG_ALLOWED, TAG_KEPT, TAG_ADOPTED, TAG_DENIED };

/* One possible owner of a queued packet. */
struct owner {
        struct subject *subject; /* borrowed from the tracker's table, valid until the next tracker_drain(); never NULL */
        uint64_t cookie;         /* 0: the packet had no socket */
        enum tag_state state;    /* what was decided for this socket (UDP: for this peer) before */
        enum direction direction;
        uint32_t generation;     /* at which */
        uint16_t mode_epoch;
};

/*
 * Who sent the queued packet: takes (removes) the tags that the gate left under its flow. Returns how many owners, 1..LIMIT_OWNERS.
 * Never fails: where the gate left nothing, the socket is looked up by tuple, and at last the owner is subject_unknown().
 * `all` is set false when there were more tags than could be kept.
 */
unsigned tracker_owners(struct tracker *t, const struct packet *packet, struct owner ret[LIMIT_OWNERS], bool *all);

/* What is written for the flow of one socket. */
struct tag_change {
        enum tag_state state;
        uint16_t mode_epoch;
        uint32_t tally; /* of tracker_tally(): whose bytes these are, 0: nobody's */
        bool late;      /* the packet that it is about was held: its socket may have connected elsewhere since, and what it is now stays */
};

/* Writes a decision: TCP and connected UDP into the socket's tag, other UDP per peer. Never resurrects the tag of a closed socket (0 then too). A
 * denied state makes the gate queue again: a denied socket is judged anew each time. */
int tracker_set(struct tracker *t, uint64_t cookie, const struct flow *flow, const struct tag_change *change);

/*
 * The number that tags are compared with. A new one is begun, by which the verdicts of tracker_remember() end: it is what tracker_set() writes from then
 * on, and the gate takes it for current already. When it is published, every decided flow whose tag was not written since is undecided at its
 * next packet. Negative errno: the kernel goes on with the old one.
 */
uint32_t tracker_generation(const struct tracker *t);
int tracker_begin_generation(struct tracker *t);
int tracker_publish_generation(struct tracker *t);

/* A verdict that the kernel shall know (bpf/verdict.h). */
struct known_verdict {
        enum verdict verdict;
        enum breadth breadth;    /* how widely it holds; BREADTH_NONE: it is not remembered */
        struct boottime expires; /* of BREADTH_NAMES: no later than the first of the names */
        uint64_t heard;          /* of BREADTH_NAMES: tracker_take_answers(), before it was decided */
        uint32_t tally;          /* in which the connections that it decides are counted; 0: it is not remembered */
};

/* A decision that holds for more than this connection is remembered, until it expires or the next tracker_forget_verdicts(); one by names until the subject
 * gets another answer, too. 0 also where the program has no key to be remembered by; negative errno. */
int tracker_remember(struct tracker *t, const struct subject *subject, const struct flow *flow, const struct known_verdict *known);
/* The rules have changed. */
int tracker_forget_verdicts(struct tracker *t);
/* The rules speak of these (mask of enum subject_fact): from now on a program's key covers them, so that what depends on them may be remembered. With
 * another mask every process is told of anew with its next connection, and what was remembered is forgotten; for flows that live /proc is asked once. To
 * be called before the first decision by such rules. Negative errno: nothing has changed. */
int tracker_set_wants(struct tracker *t, unsigned facts);
/* The errno that connect() and sendmsg() give where the verdict is known to be no. */
int tracker_set_deny_errno(struct tracker *t, int deny_errno);

/* The tally for a program and the rule that decided; 0: there is none to be had, and nothing may be remembered that would count nowhere. */
uint32_t tracker_tally(struct tracker *t, const struct tally *tally);
/* What the kernel decided since the last call. Makes room when the tallies were used up; verdicts are forgotten then. */
void tracker_tell_tallies(struct tracker *t, tallies_fn fn, void *userdata);
/* There is no room for another tally until tracker_tell_tallies(). */
bool tracker_tallies_full(const struct tracker *t);

/* Who opened a socket, as it was told with the tag. */
struct opener {
        struct process process;
        uint64_t program_key; /* core/subject.h, 0: not known */
};
/* False: the socket has no tag. */
bool tracker_find_opener(const struct tracker *t, uint64_t cookie, struct opener *ret);

/* Writes an ADOPTED, DENIED or UNDECIDED tag (direction `in` for accepted connections) for a socket that has none yet. */
int tracker_adopt(struct tracker *t, uint64_t cookie, const struct flow *flow, enum direction direction, const struct subject *subject,
                  enum tag_state state);

struct tracker_stats {
        uint64_t n_tagged, n_tag_failed, n_tracked, n_track_lost, n_passed, n_queued, n_queued_full;
        uint64_t n_known; /* connections that a known verdict decided */
        uint64_t n_questions, n_answers; /* DNS, by UDP: asked, and answers to them that were copied */
        uint64_t n_answer_lost;          /* there was no room for them */
        uint64_t n_unlabelled; /* packets whose process had no record: named by /proc or not at all */
};
void tracker_stats(const struct tracker *t, struct tracker_stats *ret);

/*
 * The proof that hooks run: reads every link back from the kernel (program name, attach type) and uses probe sockets in this namespace: a
 * sendmsg (a broadcast that is refused after the hook) and two connects, whose tags must appear with this process's pid. No packet is
 * sent. True when all holds; appends a line per check to `report` ("connect4: attached, program bastion_conn4, id 12").
 */
bool tracker_prove(struct tracker *t, struct buf *report);

/* A live flow that a program of ours opened. */
struct tracked {
        struct owner owner; /* its subject is borrowed for the call */
        struct flow flow;   /* local address and interface are unknown, the local port mostly */
        uint32_t tally;     /* that its bytes belong to */
        bool one_of_several; /* of a datagram or raw socket that may have other destinations */
};

typedef void (*tracker_flow_fn)(void *userdata, const struct tracked *flow);
/* Calls `fn` for each of them that was allowed before the generation begun last; with `denied` also for those that were denied. `fn` may write
 * tags. Subjects that were borrowed before end. What nothing was decided of is in the queue or on its way there. 0 or negative errno. */
int tracker_each_behind(struct tracker *t, bool denied, tracker_flow_fn fn, void *userdata);
typedef void (*tracker_peer_fn)(void *userdata, uint64_t cookie, const struct flow *flow);
/* Every destination that a datagram or raw socket was judged for by itself, or was written to from. 0 or negative errno. */
int tracker_each_peer(struct tracker *t, tracker_peer_fn fn, void *userdata);

/* Removes whatever pins lie in `pins` (rescue); 0 also when there were none. */
int tracker_remove_pins(const char *pins);
