/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All rules in force, indexed so that a decision looks only at the rules of the program at hand and at those bound to no
 * program. Load builds a new set privately and swaps it; add and remove change the set in force between two packets, which is safe
 * because one thread owns it.
 *
 * Order of decision, total: (1) higher priority; (2) subject: path, then several programs or patterns, then kernel/unknown/name, then
 * anyone; (3) the criteria in the order of enum criterion_kind, the first that tells the two apart: present before absent, then the
 * narrower, negated last; (4) deny, then ask, then allow; (5) smaller id, bytewise.
 * Narrower is: of networks the longer prefix; fewer ports, each counted once; a host before a domain, and of domains the one with more
 * labels; a literal before a pattern, and a longer pattern before a shorter. Of several networks, hosts or patterns the widest counts. How
 * many kinds of destination, protocols, users or groups there are tells nothing apart.
 * A disabled, expired or weak (RULE_NAME beside a matching RULE_PATH) rule is never chosen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rule.h"

struct ruleset;

struct ruleset *ruleset_new(uint64_t seed);
struct ruleset *ruleset_free(struct ruleset *set); /* takes NULL, returns NULL; frees the rules */
DEFINE_FREEP(struct ruleset, ruleset_free)

enum { RULESET_E_FULL = 1, RULESET_E_EXISTS = 2 }; /* 3 is daemon/daemon.h's */

/* Takes `rule` on success. A rule without an id gets the flat key where it has one, else "r<n>" (session: "s<n>"), unused so
 * far. A rule with the same criteria and origin is replaced (its id is kept when `rule` has none). 0, -ENOMEM, RULESET_E_FULL
 * (LIMIT_RULES), RULESET_E_EXISTS (the id is taken by a rule with other criteria). */
int ruleset_add(struct ruleset *set, struct rule *rule);
/* The id that it would give to `rule`, which has none. The caller frees; NULL on -ENOMEM. */
char *ruleset_choose_id(const struct ruleset *set, const struct rule *rule);
/* Unlinks and returns the rule, which is then the caller's; NULL when there is none of that id. */
struct rule *ruleset_remove(struct ruleset *set, const char *id);
struct rule *ruleset_find(const struct ruleset *set, const char *id);
/* The rule of the same criteria and origin, which ruleset_add() would replace by `rule`, or NULL. */
struct rule *ruleset_find_same(const struct ruleset *set, const struct rule *rule);
size_t ruleset_count(const struct ruleset *set);

/* Every rule, in order of id's insertion; NULL starts and ends. */
struct rule *ruleset_next(const struct ruleset *set, const struct rule *rule);

/* For a walk with changes of the set in between. A rule's number, from 1, grows in the order of ruleset_next() and is not given again; a rule that
 * replaces another has its number. The first rule of a higher number, or NULL: `id` is the rule that had `number`; where it has gone or moved, the
 * set is searched from its first rule on. */
uint64_t ruleset_number(const struct ruleset *set, const struct rule *rule);
uint64_t ruleset_last_number(const struct ruleset *set); /* the highest given so far */
struct rule *ruleset_next_after(const struct ruleset *set, uint64_t number, const char *id);

/* The rule that decides, or NULL. Pure: no allocation, no clock, changes nothing. */
struct rule *ruleset_decide(const struct ruleset *set, const struct facts *facts, struct boottime now);

/* CRITERION_BIT() of each kind that some rule has. */
unsigned ruleset_kinds(const struct ruleset *set);
/* `rule` (NULL: none), which ruleset_decide() chose for these facts, is what it would choose whatever were known of the kinds in the mask
 * `unknown`. */
bool ruleset_is_sure(const struct ruleset *set, const struct facts *facts, unsigned unknown, const struct rule *rule, struct boottime now);

/* Sets of flows of one subject (kind, path as rules may compare it, name, uid and gid, and what its key covers), each within the next. */
enum breadth {
        BREADTH_NONE,        /* none: the process or something else that no such set fixes decides */
        BREADTH_DESTINATION, /* of one protocol to one remote address and port (0 where the protocol has none) */
        BREADTH_PORT,        /* of one protocol to one remote port, at whatever address */
        BREADTH_PROGRAM,     /* every flow */
};

/* How widely a decision holds: the widest set around these facts for all of which ruleset_decide() chooses `rule`, and goes on choosing
 * it until the set of rules or the machine's own networks change, or `rule` expires. `rule` is what ruleset_decide() chose for these
 * facts (NULL: BREADTH_NONE), whatever its action. Never wider than true; narrower where finding out would cost more than a decision
 * or two. */
enum breadth ruleset_breadth(const struct ruleset *set, const struct facts *facts, const struct rule *rule, struct boottime now);

/* < 0 when `a` comes before (wins over) `b`; never 0 for rules with different ids. */
int rule_compare(const struct rule *a, const struct rule *b);

/* The steps of the order of decision, one by one. */
enum order_step {
        ORDER_PRIORITY,
        ORDER_SUBJECT,
        ORDER_CRITERION, /* + enum criterion_kind */
        ORDER_CRITERION_LAST = ORDER_CRITERION + CRITERION_KIND_COUNT - 1,
        ORDER_ACTION,
        ORDER_ID,
        ORDER_STEP_COUNT,
};
/* The same as rule_compare(), and the step that told them apart. */
int rule_compare_step(const struct rule *a, const struct rule *b, enum order_step *ret_step);

/* Calls `visit` for each rule that a decision about `subject` can choose from (of its program or kind, of its name, of anyone), in the
 * order of decision, until it returns false. Returns how many such rules there are, visited or not. */
typedef bool (*ruleset_visit_fn)(void *userdata, const struct rule *rule);
size_t ruleset_visit(const struct ruleset *set, const struct subject *subject, ruleset_visit_fn visit, void *userdata);
/* A rule of the subject's own path matches, so that none by name counts. */
bool ruleset_silences_names(const struct ruleset *set, const struct facts *facts, struct boottime now);

/* The earliest expiry of any rule, BOOTTIME_NEVER when none expires. */
struct boottime ruleset_next_expiry(const struct ruleset *set);
/* Unlinks and returns one that has expired, which is then the caller's, the earliest first; NULL when there is none. */
struct rule *ruleset_take_expired(struct ruleset *set, struct boottime now);
