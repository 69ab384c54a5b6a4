/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rule: optional criteria, an action, a lifetime. Absent means "any", and `has` says what is present; there are no
 * magic values. A rule's id is a string that a person can read and type: the flat key itself for a flat entry
 * ("/usr/bin/curl:443"), "r7" for one of the list, "factory:loopback", "s3" for a session answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/boottime.h"
#include "base/macros.h"
#include "core/addr.h"
#include "core/flow.h"
#include "core/subject.h"

enum action { ACTION_ALLOW, ACTION_DENY, ACTION_ASK };

enum lifetime {
        LIFETIME_ONCE,    /* the connections that a question holds, and 5 s more of the same process */
        LIFETIME_SESSION, /* until the daemon restarts */
        LIFETIME_ALWAYS,  /* until somebody deletes it */
};

enum rule_origin {
        ORIGIN_FLAT,    /* a "<subject>:<port>" entry of rules.json */
        ORIGIN_LIST,    /* an element of its "rules" list */
        ORIGIN_FACTORY, /* shipped, low priority */
        ORIGIN_FILE,    /* a line of the administrator's rules.d/NAME.rules; its id is "NAME.rules:LINE" */
        ORIGIN_SESSION, /* in memory: session answers and what "once" leaves for 5 s */
};

enum rule_subject {
        RULE_ANYONE,
        RULE_PATH,    /* `program` is an absolute path */
        RULE_NAME,    /* `program` is a comm: weak, counts only where no path rule of that program matches */
        RULE_UNKNOWN, /* only where no program was found (flat "unknown" and "@dest:…") */
        RULE_KERNEL,
};

enum {
        RULE_HAS_PORTS = 1 << 0,
        RULE_HAS_PROTOCOL = 1 << 1,
        RULE_HAS_NETWORK = 1 << 2, /* address and prefix */
        RULE_HAS_SCOPES = 1 << 3,
        RULE_HAS_UID = 1 << 4,
        RULE_HAS_GID = 1 << 5,
        RULE_HAS_PROCESS = 1 << 6, /* bound to one process: what "once" leaves behind */
};

#define RULE_HAS_EVERYTHING (~0u)

struct port_range {
        uint16_t first, last; /* host order, first <= last, never 0 */
};

/* Priorities of the origins; within one, see ruleset.h. */
enum { PRIORITY_FACTORY = -1000, PRIORITY_DEFAULT = 0 };

struct rule {
        char *id; /* never NULL in a rule set; ruleset_add() names a rule that has none */
        enum action action;
        enum lifetime lifetime;
        enum rule_origin origin;
        bool disabled;
        bool unsaved; /* not on disk yet: a reload must not lose it */
        int priority;

        enum rule_subject subject;
        char *program; /* RULE_PATH, RULE_NAME */

        unsigned has;
        struct port_range ports[LIMIT_RULE_PORTS];
        unsigned n_ports;
        uint8_t protocol;
        struct addr network;
        uint8_t prefix;  /* bits of the 16-byte form: 128 for one address, 96 + n for an IPv4 network */
        unsigned scopes; /* mask of enum scope, any of them */
        uint32_t uid, gid;
        struct process process;

        struct boottime expires; /* BOOTTIME_NEVER unless bounded in time */
        int64_t created;         /* seconds since 1970, 0 unknown; for people */
        char *note;              /* NULL or at most LIMIT_RULE_NOTE bytes of UTF-8 */
        uint64_t n_hits;         /* decisions it made; with `unsaved` the only field that changes in a rule set */
};

struct rule *rule_new(enum action action);
struct rule *rule_free(struct rule *r); /* takes NULL, returns NULL */
DEFINE_FREEP(struct rule, rule_free)
struct rule *rule_copy(const struct rule *r); /* NULL on -ENOMEM */

/* What a connection offers to the criteria. `host` may be NULL. */
struct facts {
        const struct subject *subject;
        const struct flow *flow;
        unsigned scopes; /* of flow->remote, from addr_scopes() */
        const char *host;
};

/* Every criterion that is present is satisfied, the rule is enabled and not expired. Pure, no allocation. */
bool rule_matches(const struct rule *r, const struct facts *facts, struct boottime now);
/* The same where only the criteria in the mask `known` can be told of a connection: what is not known may be satisfied. */
bool rule_may_match(const struct rule *r, const struct facts *facts, unsigned known, struct boottime now);

/* Same criteria and priority (not action, lifetime, note, id): the second of two such rules replaces the first. */
bool rule_same_criteria(const struct rule *a, const struct rule *b);
/* Equal for rules of the same criteria. */
uint64_t rule_criteria_hash(const struct rule *r, uint64_t seed);

/*
 * The flat form (interface.md, "rules.json"): "<subject>:<port>" with true or false.
 * rule_flat_key() returns a new string when this rule can be said that way (no note, no list-only criterion; ASK cannot), else
 * NULL with errno 0, or NULL with errno ENOMEM. rule_from_flat_key() is its inverse; on bad input it returns -EINVAL and points `ret_expected` at
 * words that say what was expected ("a port 1..65535 or *").
 */
char *rule_flat_key(const struct rule *r);
int rule_from_flat_key(const char *key, bool allow, struct rule **ret, const char **ret_expected);

const char *action_name(enum action action); /* "allow", "deny", "ask" */
bool action_parse(const char *word, enum action *ret);
const char *lifetime_name(enum lifetime lifetime); /* "once", "session", "always" */
bool lifetime_parse(const char *word, enum lifetime *ret);
const char *rule_origin_name(enum rule_origin origin); /* "flat", "list", "factory", "file", "session" */
bool rule_origin_parse(const char *word, enum rule_origin *ret);
