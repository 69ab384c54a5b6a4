/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One criterion of a rule: what a connection is asked for, and the values it may have, any of them; or, negated, none of them. What is not
 * known of a connection satisfies no criterion, negated or not: a rule must not be wider than what is known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/flow.h"
#include "core/hosts.h"
#include "core/hostset.h"
#include "core/subject.h"

/* In the order of decision (ruleset.h): who first, then where, then how. */
enum criterion_kind {
        CRITERION_PROGRAM,   /* path patterns over the executable's path: what a RULE_PROGRAMS rule is about */
        CRITERION_PROCESS,   /* one process: what "once" and "for process" leave behind; never negated, one value */
        CRITERION_ARGUMENT,  /* patterns over each argument but argv[0] */
        CRITERION_PARENT,    /* patterns over the path of the parent's executable */
        CRITERION_ANCESTOR,  /* the same of any ancestor */
        CRITERION_UNIT,      /* patterns over each component of the cgroup's path: a systemd unit is one */
        CRITERION_CGROUP,    /* path patterns over the cgroup's path */
        CRITERION_HOST,      /* a host's name, or ".name": that host and all below it */
        CRITERION_LIST,      /* a file with names of hosts (core/hostset.h), by its absolute path: one of them */
        CRITERION_NETWORK,
        CRITERION_SCOPE,     /* one value: a mask of enum scope */
        CRITERION_PORT,      /* the remote one */
        CRITERION_PROTOCOL,
        CRITERION_USER,
        CRITERION_GROUP,     /* the process's group, not those that its user is in besides */
        CRITERION_INTERFACE, /* names, patterns */
        CRITERION_KIND_COUNT,
};

/* What the values of a kind are. */
enum criterion_shape { SHAPE_PROCESS, SHAPE_PATTERN, SHAPE_HOST, SHAPE_FILE, SHAPE_NETWORK, SHAPE_SCOPES, SHAPE_PORTS, SHAPE_PROTOCOL, SHAPE_ID };

/* CRITERION_BIT() of each kind that these facts about a process (mask of enum subject_fact) answer; and the facts that these kinds ask for. */
unsigned criteria_of_facts(unsigned subject_facts);
unsigned facts_of_criteria(unsigned criteria);

#define CRITERION_BIT(kind) (1u << (kind))

/* What is asked of the names by which a program knows an address. */
enum { CRITERIA_OF_NAMES = CRITERION_BIT(CRITERION_HOST) | CRITERION_BIT(CRITERION_LIST) };

struct network {
        struct addr addr; /* no bits beyond the prefix */
        uint8_t prefix;   /* bits of the 16-byte form: 128 for one address, 96 + n for an IPv4 network */
};

struct port_range {
        uint16_t first, last; /* host order, first <= last, never 0 */
};

union criterion_value {
        struct network network;
        struct port_range ports;
        uint32_t number; /* uid, gid, protocol; mask of scopes */
        char *text;      /* pattern, host in lower case, or path of a file */
        struct process process;
};

struct criterion {
        uint8_t kind; /* enum criterion_kind */
        bool negated;
        uint16_t n; /* values, 1..LIMIT_RULE_VALUES */
        union {
                union criterion_value one; /* n == 1 */
                union criterion_value *many;
        };
};

/* What a connection offers to the criteria. */
struct facts {
        const struct subject *subject;
        const struct flow *flow;
        unsigned scopes; /* of flow->remote, from addr_scopes() */
        const char *host; /* in lower case, or NULL: what people are told */
        const struct hosts *hosts; /* all of them, borrowed, `host` being the first; NULL: there is no other */
        const struct hostsets *lists; /* those that were read, or NULL: there is none */
        const char *interface; /* the outgoing one's name, or NULL */
};

/* All the names, borrowed. One that stands alone is supposed. */
static inline struct hosts facts_hosts(const struct facts *facts)
{
        return facts->hosts ? *facts->hosts : hosts_one(facts->host, HOST_SOURCE_NONE);
}

static inline const union criterion_value *criterion_values(const struct criterion *c)
{
        return c->n == 1 ? &c->one : c->many;
}

enum criterion_shape criterion_shape(enum criterion_kind kind);
/* The kind's values are texts. */
bool criterion_is_text(enum criterion_kind kind);
/* What a pattern of this kind is matched as. */
bool criterion_is_path(enum criterion_kind kind);

/*
 * Adds a value, which is copied; values are kept in order, each once. 0, -ENOMEM, or -E2BIG beyond LIMIT_RULE_VALUES. `c` has its kind, and n 0
 * where it has no value yet.
 */
int criterion_add(struct criterion *c, const union criterion_value *value);
/* Frees the values. */
void criterion_deinit(struct criterion *c);
/* 0 or -ENOMEM. */
int criterion_copy(const struct criterion *c, struct criterion *ret);

/* CRITERION_BIT() of each kind of which these facts do not hold what it takes. */
unsigned facts_unknown(const struct facts *facts);

enum criterion_truth { CRITERION_FALSE, CRITERION_TRUE, CRITERION_NOT_KNOWN };

/* Pure, no allocation. A negated criterion is TRUE where none of its values holds. */
enum criterion_truth criterion_test(const struct criterion *c, const struct facts *facts);

/* Where one of the connection's names is listed. */
struct listed {
        const char *path, *name; /* the list's, and the entry: the end of a name in `facts` */
        bool below;              /* the entry is a domain */
};
/* Of a CRITERION_LIST; false: in none of its lists that were read. */
bool criterion_find_listed(const struct criterion *c, const struct facts *facts, struct listed *ret);

/* Same kind, sense and values. */
bool criterion_equal(const struct criterion *a, const struct criterion *b);
uint64_t criterion_hash(const struct criterion *c, uint64_t seed);
/* How much of the world it lets through, for the order of decision (ruleset.h): less is narrower. A negated one is wider than all others. */
unsigned criterion_width(const struct criterion *c);
/* Every connection that satisfies `b` satisfies `a`, which is of the same kind. May be false where it is hard to tell. */
bool criterion_covers(const struct criterion *a, const struct criterion *b);

/* The word that JSON has for it: "arguments", "network", "uid", … (PROTOCOL.md, "Rules"). */
const char *criterion_name(enum criterion_kind kind);
bool criterion_parse(const char *word, enum criterion_kind *ret);
