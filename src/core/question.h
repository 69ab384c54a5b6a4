/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open questions. A question is one (program, destination class) waiting for a person; it holds packets by id. States:
 *
 *      OPEN ──▶ ANSWERED | EXPIRED | ABANDONED (nobody left to ask) | SUPERSEDED (a rule now decides)
 *
 * question_close() is the one door; a closed question stays known for a while so that a late answer gets a reason instead of
 * being taken for the next question's. Pure: no clock, no packets, no clients; the caller carries out what is said here.
 * Bounds: limits.h. From a program's fourth open question on, what follows joins one question for the whole program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/hashmap.h"
#include "base/list.h"
#include "core/decision.h"
#include "core/flow.h"
#include "core/rule.h"
#include "core/subject.h"

enum question_state { QUESTION_OPEN, QUESTION_ANSWERED, QUESTION_EXPIRED, QUESTION_ABANDONED, QUESTION_SUPERSEDED };

/* One packet waiting in the kernel. */
struct held {
        uint32_t packet_id;
        uint64_t cookie; /* the socket's, 0 unknown */
        struct flow flow;
        struct process process;
        struct subject *subject; /* whose it is: another process than the question shows, when it joined. The question's reference. */
};

enum { QUESTION_REF_MAX = 40 };

struct question {
        struct list link;          /* in the table's order of age */
        struct hashmap_node by_class, by_id;
        uint64_t id;
        char ref[QUESTION_REF_MAX]; /* `request_id` on the wire: "q<id>-<random of this daemon>" */
        enum question_state state;
        struct subject *subjects[LIMIT_OWNERS]; /* referenced; [0] is the one shown first */
        unsigned n_subjects;
        struct flow flow;      /* the first connection; its protocol, remote address and port are the class */
        char *host;            /* or NULL */
        bool whole_program;    /* folded: more destinations than one */
        unsigned n_more;       /* destinations folded in beyond the first */
        bool learning;         /* asked after the packet went */
        enum reason reason;    /* why it is asked: NO_RULE, OWNER_UNKNOWN, OWNER_AMBIGUOUS or RULE (action ask) */
        struct boottime opened, deadline;
        struct held held[LIMIT_HELD_PROGRAM]; /* a folded question stands for the whole program; another holds LIMIT_HELD_QUESTION */
        unsigned n_held;
        uint64_t n_connections; /* all that joined, held or not */
};

enum answer_scope { ANSWER_PORT, ANSWER_ALL_PORTS, ANSWER_DESTINATION };

struct answer {
        bool allow;
        enum lifetime lifetime;
        enum answer_scope scope;
        struct ending ending; /* LIFETIME_UNTIL: `lasts` or `until`; else zero */
};

struct question_table;

struct question_table *question_table_new(uint64_t seed, uint32_t instance);
struct question_table *question_table_free(struct question_table *table);
DEFINE_FREEP(struct question_table, question_table_free)

enum question_result {
        QUESTION_IS_NEW = 1, /* opened: show it */
        QUESTION_JOINED = 2, /* an open one holds it now */
        QUESTION_CAP = 3,    /* a cap is reached: decide_failure(FAILURE_CAP); *ret is NULL */
};

/*
 * Asks about a connection: finds the open question of its class or opens one, and holds `held` in it (NULL: holds nothing, as in
 * learning mode, and as for a closed flow). -ENOMEM or a question_result.
 */
int question_ask(struct question_table *table, const struct facts *facts, unsigned n_facts, enum reason reason, bool learning,
                 const struct held *held, struct boottime now, struct boottime deadline, struct question **ret);

/* Open question by request id; NULL when it is not open (see question_was()). */
struct question *question_find(const struct question_table *table, const char *ref);
/* How the question that `ref` names ended; false when it never was, or is too long ago. */
bool question_was(const struct question_table *table, const char *ref, enum question_state *ret);
/* The one door out of OPEN. The question stays valid (and its packets listed) until question_forget(). */
void question_close(struct question_table *table, struct question *question, enum question_state state);
/* Frees a closed question. */
void question_forget(struct question_table *table, struct question *question);

/* Oldest first; NULL starts and ends. */
struct question *question_next(const struct question_table *table, const struct question *question);
unsigned question_count(const struct question_table *table);
unsigned question_held_count(const struct question_table *table);
struct boottime question_next_deadline(const struct question_table *table);

/*
 * The rule that an answer writes (origin FLAT, LIST or SESSION as its lifetime and criteria say): by path where known; @dest:<ip>:<port>
 * for an unknown program; else @name. ONCE yields a rule of 5 s bound to the process of the question's first packet, and so does PROCESS where no
 * process is known; else that is bound to it for as long as it lives. Not begun yet: rule_begin(). ANSWER_DESTINATION: this address (or host) and
 * port. NULL only on -ENOMEM.
 */
struct rule *question_answer_rule(const struct question *question, const struct answer *answer, struct boottime now);

const char *question_state_name(enum question_state state); /* "open", "answered", … */
const char *answer_scope_name(enum answer_scope scope); /* "port", "all-ports", "destination" */
bool answer_scope_parse(const char *word, enum answer_scope *ret);
