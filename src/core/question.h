/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open questions. A question is one (program, destination class) waiting for a person; it holds packets by id. States:
 *
 *      OPEN ──▶ ANSWERED | EXPIRED | ABANDONED (nobody left to ask) | SUPERSEDED (a rule now decides)
 *
 * question_close() is the one door; a closed question stays known for a while so that a late answer gets a reason instead of
 * being taken for the next question's. What EXPIRED or was ABANDONED was decided without a person: it is *missed*, and kept whole, but for its
 * packets, so that it can be answered for the future. question_settle() is the one door out of that.
 * Pure: no clock, no packets, no clients; the caller carries out what is said here.
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
        struct hosts hosts;    /* of the first connection's address, a copy */
        const char *domain;    /* the registrable one of its first name, a part of it; or NULL */
        bool whole_program;    /* folded: more destinations than one */
        unsigned n_more;       /* destinations folded in beyond the first */
        bool learning;         /* asked after the packet went */
        enum reason reason;    /* why it is asked: NO_RULE, OWNER_UNKNOWN, OWNER_AMBIGUOUS or RULE (action ask) */
        struct boottime opened, deadline;
        struct held *held;     /* room for LIMIT_HELD_PROGRAM where it stands for the whole program, else LIMIT_HELD_QUESTION; in learning none */
        unsigned n_held;
        uint64_t n_connections; /* all that joined, held or not */
        enum verdict verdict;   /* missed: what became of them */
        int64_t ended_us;       /* missed: when, CLOCK_REALTIME */
};

enum answer_scope {
        ANSWER_PORT,        /* this port anywhere */
        ANSWER_ALL_PORTS,   /* everything of this program */
        ANSWER_DESTINATION, /* this port of this host, or of this address where no host is known */
        ANSWER_ADDRESS,     /* this port of this address, whatever its name */
        ANSWER_HOST,        /* any port of this host */
        ANSWER_DOMAIN,      /* any port of all that is in its domain */
};

struct answer {
        bool allow;
        enum lifetime lifetime;
        enum answer_scope scope;
        struct ending ending; /* LIFETIME_UNTIL: `lasts` or `until`; else zero */
        bool late;            /* for the future: the question may be a missed one */
        bool preview;         /* nothing is done: which rule would it write? */
};

struct question_table;

/* `domain` tells what a question's domain is. NULL on -ENOMEM. */
struct question_table *question_table_new(uint64_t seed, uint32_t instance, host_domain_fn domain);
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
/* The one door out of OPEN. The question stays valid (and its packets listed) until question_forget() or question_miss(). */
void question_close(struct question_table *table, struct question *question, enum question_state state);
/* Frees a closed question, or one that was settled. */
void question_forget(struct question_table *table, struct question *question);

/* Keeps one that EXPIRED or was ABANDONED among the LIMIT_QUESTIONS_MISSED latest; what it held is listed no more. */
void question_miss(struct question_table *table, struct question *question, enum verdict verdict, int64_t now_us);
/* Newest first; NULL starts and ends. */
struct question *question_next_missed(const struct question_table *table, const struct question *question);
struct question *question_find_missed(const struct question_table *table, const char *ref);
/* The one that asked the same as `question`, of whatever mode; or NULL. */
struct question *question_find_missed_like(const struct question_table *table, const struct question *question);
/* A missed question is ANSWERED late, or SUPERSEDED by what was decided since: it is missed no more. question_forget() follows. */
void question_settle(struct question_table *table, struct question *question, enum question_state state);

/* Oldest first; NULL starts and ends. */
struct question *question_next(const struct question_table *table, const struct question *question);
unsigned question_count(const struct question_table *table);
unsigned question_held_count(const struct question_table *table);
struct boottime question_next_deadline(const struct question_table *table);

/*
 * The rule that an answer writes (origin FLAT, LIST or SESSION as its lifetime and criteria say): by path where known; @dest:<ip>:<port>
 * for an unknown program; else @name. ONCE yields a rule of 5 s bound to the process of the question's first packet, and so does PROCESS where no
 * process is known; else that is bound to it for as long as it lives. Not begun yet: rule_begin(). 0, -ENOMEM, or a QUESTION_E_….
 */
enum {
        QUESTION_E_NO_HOST = 1,   /* no name is known for ANSWER_HOST */
        QUESTION_E_NO_DOMAIN = 2, /* its name, if there is one, is in nobody's domain */
};
int question_answer_rule(const struct question *question, const struct answer *answer, struct boottime now, struct rule **ret);

const char *question_state_name(enum question_state state); /* "open", "answered", … */
bool question_state_parse(const char *word, enum question_state *ret);
const char *answer_scope_name(enum answer_scope scope); /* "port", "all-ports", … */
bool answer_scope_parse(const char *word, enum answer_scope *ret);
