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
#include "core/criterion.h"
#include "core/lifetime.h"

enum action { ACTION_ALLOW, ACTION_DENY, ACTION_ASK };

enum rule_origin {
        ORIGIN_FLAT,    /* a "<subject>:<port>" entry of rules.json */
        ORIGIN_LIST,    /* an element of its "rules" list */
        ORIGIN_FACTORY, /* shipped, low priority */
        ORIGIN_FILE,    /* a line of the administrator's rules.d/NAME.rules; its id is "NAME.rules:LINE" */
        ORIGIN_SESSION, /* in memory: session answers and what "once" leaves for 5 s */
};

enum rule_subject {
        RULE_ANYONE,
        RULE_PATH,     /* `program` is an absolute path */
        RULE_PROGRAMS, /* several paths, or patterns for them, or all but these: CRITERION_PROGRAM */
        RULE_NAME,     /* `program` is a comm: weak, counts only where no RULE_PATH rule of that program matches */
        RULE_UNKNOWN,  /* only where no program was found (flat "unknown" and "@dest:…") */
        RULE_KERNEL,
};

#define RULE_HAS_EVERYTHING (~0u)

/* Priorities of the origins; within one, see ruleset.h. */
enum { PRIORITY_FACTORY = -1000, PRIORITY_DEFAULT = 0, PRIORITY_MAX = 1000000 }; /* -PRIORITY_MAX..PRIORITY_MAX */

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

        unsigned has;               /* CRITERION_BIT() of each kind below */
        unsigned n_criteria;
        struct criterion *criteria; /* all of them hold; in the order of their kinds, at most one of each */

        struct boottime expires; /* BOOTTIME_NEVER unless bounded in time and in force */
        struct ending ending;    /* LIFETIME_UNTIL, LIFETIME_REBOOT; else zero */
        int64_t created, changed; /* seconds since 1970, 0 unknown; for people */
        char *note;              /* NULL or at most LIMIT_RULE_NOTE bytes of UTF-8 */
        uint64_t n_hits;         /* decisions it made; with `unsaved` the only field that changes in a rule set */
};

struct rule *rule_new(enum action action);
struct rule *rule_free(struct rule *r); /* takes NULL, returns NULL */
DEFINE_FREEP(struct rule, rule_free)
struct rule *rule_copy(const struct rule *r); /* NULL on -ENOMEM */

/* Its criterion of this kind, or NULL. */
const struct criterion *rule_criterion(const struct rule *r, enum criterion_kind kind);
/*
 * One more value for a criterion, which comes with its first: 0, -ENOMEM, -E2BIG (LIMIT_RULE_VALUES), or -EINVAL for what is none: a text that
 * pattern_check() refuses, an empty one, a file's path that is not absolute or has LIMIT_LIST_PATH bytes, a port 0, bits beyond a prefix. Scopes are joined into one mask.
 */
int rule_add_text(struct rule *r, enum criterion_kind kind, const char *text);
int rule_add_host(struct rule *r, const char *host, bool below); /* `below`: and all names below it */
int rule_add_number(struct rule *r, enum criterion_kind kind, uint32_t number);
int rule_add_network(struct rule *r, const struct addr *addr, uint8_t prefix);
int rule_add_ports(struct rule *r, uint16_t first, uint16_t last);
int rule_set_process(struct rule *r, const struct process *process);
const struct process *rule_process(const struct rule *r); /* that it is bound to, or NULL */
/* The criterion, which is there, is meant the other way round. */
void rule_negate(struct rule *r, enum criterion_kind kind);
void rule_drop_criterion(struct rule *r, enum criterion_kind kind);
/* A RULE_PROGRAMS rule about one path, and no pattern, is a RULE_PATH rule: made one where it is. 0 or -ENOMEM. */
int rule_settle_subject(struct rule *r);

/*
 * The door through which a rule with a lifetime comes into force: one that was just made begins (a duration counts from now on, a date is put on
 * CLOCK_BOOTTIME), one from a file goes on. False: it has ended already, and nothing was changed. Again is no different. The others: true.
 */
bool rule_begin(struct rule *r, const struct clocks *now);

/* Every criterion that is present is satisfied, the rule is enabled and not expired. Pure, no allocation. */
bool rule_matches(const struct rule *r, const struct facts *facts, struct boottime now);
/* The same where only the kinds of criteria in the mask `known` can be told of a connection: what is not known may be satisfied. */
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
const char *rule_origin_name(enum rule_origin origin); /* "flat", "list", "factory", "file", "session" */
bool rule_origin_parse(const char *word, enum rule_origin *ret);
