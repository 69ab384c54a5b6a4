/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules live in groups, one for each subject and program: a connection concerns at most its path's group, its name's (or its
 * kind's) and that of no program at all, however many others there are.
 *
 * Within a group a rule has a place: the network and the single port that it names, each of them or none. All places are in one
 * hash table, and a group knows which prefix lengths its rules use, so that a connection looks up its own address cut to each of
 * these lengths, with and without its port. What is no place (lists of ports, scopes, protocols, users) is tried rule by rule
 * among those of one place.
 *
 * A group is a skip list too, in the order of rule_compare(). Its first rule tells that a whole group comes after a rule already
 * found; and what comes before a rule is what can narrow a decision (ruleset_breadth()). 100,000 rules of one group load without
 * sorting or moving anything.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/str.h"
#include "core/ruleset.h"

enum {
        SKIP_LEVELS = 8,    /* a fourth of each level is on the next: good for 4^8 rules of one group */
        BREADTH_STEPS = 64, /* rules of one group that are looked at before a decision counts as narrow */
};

struct entry;

struct group {
        struct hashmap_node by_key;
        enum rule_subject subject;
        char *program; /* "" where the subject has none */
        size_t n;
        uint64_t prefixes[2][3]; /* without and with a port: bit n where a place has n bits; never cleared, one too many costs a look */
        struct entry *first[SKIP_LEVELS];
};

/* What a rule's place is looked up by. No network is a network of 0 bits. */
struct place {
        const struct group *group;
        struct addr network; /* masked */
        uint8_t prefix;
        bool has_port;
        uint16_t port;
};

struct entry {
        struct rule *rule;
        uint64_t number;
        struct list link;     /* in order of insertion */
        struct heap_node expiring;
        struct hashmap_node by_id, by_criteria;
        struct hashmap_node by_place; /* of one entry only among those of a place */
        struct list same_place;       /* all of them, in a ring without a head */
        struct group *group;
        struct entry *next[]; /* in the group, by level: draw_levels() of them */
};

struct ruleset {
        uint64_t seed;
        struct hashmap groups, ids, criteria, places;
        struct list entries;
        struct heap expiring; /* by rule->expires, those that expire */
        size_t n;
        size_t n_of_kind[CRITERION_KIND_COUNT];
        uint64_t last_entry;     /* the highest number of an entry so far */
        uint64_t last_number[2]; /* the highest number used so far in "r<n>" and "s<n>" */
};

struct ruleset *ruleset_new(uint64_t seed)
{
        struct ruleset *set = calloc(1, sizeof(*set));

        if (!set)
                return NULL;
        set->seed = seed;
        hashmap_init(&set->groups, seed);
        hashmap_init(&set->ids, seed);
        hashmap_init(&set->criteria, seed);
        hashmap_init(&set->places, seed);
        list_init(&set->entries);
        return set;
}

static void group_free(struct group *group)
{
        free(group->program);
        free(group);
}

static void entry_free(struct entry *entry)
{
        if (!entry)
                return;
        rule_free(entry->rule);
        free(entry);
}

static void entry_freep(struct entry **entry)
{
        entry_free(*entry);
}

struct ruleset *ruleset_free(struct ruleset *set)
{
        if (!set)
                return NULL;
        list_for_each_safe(pos, next, &set->entries)
                entry_free(CONTAINER_OF(pos, struct entry, link));
        for (struct hashmap_node *node = hashmap_next(&set->groups, NULL), *next; node; node = next) {
                next = hashmap_next(&set->groups, node);
                group_free(CONTAINER_OF(node, struct group, by_key));
        }
        hashmap_deinit(&set->groups);
        hashmap_deinit(&set->ids);
        hashmap_deinit(&set->criteria);
        hashmap_deinit(&set->places);
        free(set);
        return NULL;
}

/* Groups. */

struct group_key {
        enum rule_subject subject;
        const char *program;
};

static uint64_t group_hash(const struct ruleset *set, const struct group_key *key)
{
        return hash_bytes(set->seed ^ key->subject, key->program, strlen(key->program));
}

static bool group_equal(const struct hashmap_node *node, const void *wanted)
{
        const struct group *group = CONTAINER_OF(node, struct group, by_key);
        const struct group_key *key = wanted;

        return group->subject == key->subject && strcmp(group->program, key->program) == 0;
}

static struct group *group_find(const struct ruleset *set, enum rule_subject subject, const char *program)
{
        struct group_key key = { .subject = subject, .program = program };
        struct hashmap_node *node = hashmap_find(&set->groups, group_hash(set, &key), group_equal, &key);

        return node ? CONTAINER_OF(node, struct group, by_key) : NULL;
}

static struct group *group_get(struct ruleset *set, const struct rule *r)
{
        bool named = r->subject == RULE_PATH || r->subject == RULE_NAME;
        struct group_key key = { .subject = r->subject, .program = named && r->program ? r->program : "" };
        struct group *group = group_find(set, key.subject, key.program);

        if (group)
                return group;
        group = calloc(1, sizeof(*group));
        if (!group)
                return NULL;
        group->subject = key.subject;
        group->program = strdup(key.program);
        if (!group->program || hashmap_insert(&set->groups, &group->by_key, group_hash(set, &key)) < 0) {
                group_free(group);
                return NULL;
        }
        return group;
}

static void group_drop_if_empty(struct ruleset *set, struct group *group)
{
        if (group->n > 0)
                return;
        hashmap_remove(&set->groups, &group->by_key);
        group_free(group);
}

/* Points `links[level]` at the pointer that leads to the first entry not before `rule`. */
static void group_seek(struct group *group, const struct rule *rule, struct entry **links[SKIP_LEVELS])
{
        struct entry *at = NULL; /* the last entry known to be before `rule`; it has every level still to come */

        for (unsigned level = SKIP_LEVELS; level-- > 0;) {
                struct entry **link = at ? &at->next[level] : &group->first[level];

                while (*link && rule_compare((*link)->rule, rule) < 0) {
                        at = *link;
                        link = &at->next[level];
                }
                links[level] = link;
        }
}

/* Levels are drawn from the id, so that the same rules build the same lists and nobody need keep their number. */
static unsigned draw_levels(const struct ruleset *set, const char *id)
{
        uint64_t bits = hash_bytes(~set->seed, id, strlen(id));
        unsigned n = 1;

        for (; n < SKIP_LEVELS && (bits & 3) == 0; bits >>= 2)
                n++;
        return n;
}

static void group_insert(struct group *group, struct entry *entry, unsigned n_levels)
{
        struct entry **links[SKIP_LEVELS];

        group_seek(group, entry->rule, links);
        for (unsigned level = 0; level < n_levels; level++) {
                entry->next[level] = *links[level];
                *links[level] = entry;
        }
        group->n++;
}

static void group_remove(struct entry *entry, unsigned n_levels)
{
        struct entry **links[SKIP_LEVELS];

        group_seek(entry->group, entry->rule, links);
        for (unsigned level = 0; level < n_levels; level++) {
                assert(*links[level] == entry);
                *links[level] = entry->next[level];
        }
        entry->group->n--;
}

/* Places. */

static struct place rule_place(const struct group *group, const struct rule *r)
{
        const struct criterion *network = rule_criterion(r, CRITERION_NETWORK), *ports = rule_criterion(r, CRITERION_PORT);
        struct place place = { .group = group };

        if (network && network->n == 1 && !network->negated) {
                place.prefix = network->one.network.prefix;
                place.network = network->one.network.addr;
        }
        if (ports && ports->n == 1 && !ports->negated && ports->one.ports.first == ports->one.ports.last) {
                place.has_port = true;
                place.port = ports->one.ports.first;
        }
        return place;
}

static uint64_t place_hash(const struct place *place)
{
        uint64_t words[3];

        memcpy(words, place->network.bytes, sizeof(place->network.bytes));
        words[2] = (uint64_t)place->prefix << 32 | (uint64_t)place->has_port << 16 | place->port;
        return hash_bytes(place->group->by_key.hash, words, sizeof(words));
}

static bool place_equal(const struct hashmap_node *node, const void *wanted)
{
        const struct entry *entry = CONTAINER_OF(node, struct entry, by_place);
        const struct place *b = wanted;
        struct place a;

        if (entry->group != b->group)
                return false;
        a = rule_place(entry->group, entry->rule);
        return a.prefix == b->prefix && a.has_port == b->has_port && a.port == b->port && addr_equal(&a.network, &b->network);
}

static struct entry *place_find(const struct ruleset *set, const struct place *place)
{
        struct hashmap_node *node = hashmap_find(&set->places, place_hash(place), place_equal, place);

        return node ? CONTAINER_OF(node, struct entry, by_place) : NULL;
}

/* 0 or -ENOMEM. */
static int place_insert(struct ruleset *set, struct entry *entry)
{
        struct place place = rule_place(entry->group, entry->rule);
        struct entry *first = place_find(set, &place);

        if (first)
                list_append(&first->same_place, &entry->same_place);
        else if (hashmap_insert(&set->places, &entry->by_place, place_hash(&place)) < 0)
                return -ENOMEM;
        entry->group->prefixes[place.has_port][place.prefix / 64] |= UINT64_C(1) << place.prefix % 64;
        return 0;
}

static void place_remove(struct ruleset *set, struct entry *entry)
{
        struct place place = rule_place(entry->group, entry->rule);
        struct list *other = entry->same_place.next;

        if (place_find(set, &place) == entry) {
                hashmap_remove(&set->places, &entry->by_place);
                if (other != &entry->same_place) /* which cannot fail: the table has buckets */
                        hashmap_insert(&set->places, &CONTAINER_OF(other, struct entry, same_place)->by_place, place_hash(&place));
        }
        list_unlink(&entry->same_place);
}

/* Identifiers. */

static bool id_equal(const struct hashmap_node *node, const void *id)
{
        return strcmp(CONTAINER_OF(node, struct entry, by_id)->rule->id, id) == 0;
}

static struct entry *find_id(const struct ruleset *set, const char *id)
{
        struct hashmap_node *node = hashmap_find(&set->ids, hash_bytes(set->seed, id, strlen(id)), id_equal, id);

        return node ? CONTAINER_OF(node, struct entry, by_id) : NULL;
}

/* Keeps "r7" from being given again once it was used, even after its rule is gone. */
static void note_number(struct ruleset *set, const char *id)
{
        uint64_t number;

        if ((id[0] == 'r' || id[0] == 's') && str_parse_u64(id + 1, UINT32_MAX, &number))
                set->last_number[id[0] == 's'] = MAX(set->last_number[id[0] == 's'], number);
}

static char *next_number(const struct ruleset *set, bool session)
{
        uint64_t number = set->last_number[session];
        char id[24];

        do
                snprintf(id, sizeof(id), "%c%llu", session ? 's' : 'r', (unsigned long long)++number);
        while (find_id(set, id));
        return strdup(id);
}

/* A name for a rule that came without one; NULL on -ENOMEM. */
static char *make_id(const struct ruleset *set, const struct rule *rule)
{
        _cleanup_(freep) char *key = rule_flat_key(rule);

        if (!key && errno == ENOMEM)
                return NULL;
        if (key && !find_id(set, key))
                return TAKE_PTR(key);
        return next_number(set, rule->origin == ORIGIN_SESSION);
}

/* Adding and removing. */

static bool criteria_equal(const struct hashmap_node *node, const void *rule)
{
        const struct rule *a = CONTAINER_OF(node, struct entry, by_criteria)->rule, *b = rule;

        return a->origin == b->origin && rule_same_criteria(a, b);
}

static struct entry *find_same(const struct ruleset *set, const struct rule *rule)
{
        struct hashmap_node *node =
                hashmap_find(&set->criteria, rule_criteria_hash(rule, set->seed), criteria_equal, rule);

        return node ? CONTAINER_OF(node, struct entry, by_criteria) : NULL;
}

static void count_kinds(struct ruleset *set, const struct rule *rule, bool more)
{
        for (unsigned i = 0; i < rule->n_criteria; i++)
                set->n_of_kind[rule->criteria[i].kind] += more ? 1 : (size_t)-1;
}

unsigned ruleset_kinds(const struct ruleset *set)
{
        unsigned kinds = 0;

        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++)
                if (set->n_of_kind[kind])
                        kinds |= CRITERION_BIT(kind);
        return kinds;
}

/* Takes the rule out of every index; the entry and its group stay. */
static void entry_unlink(struct ruleset *set, struct entry *entry)
{
        group_remove(entry, draw_levels(set, entry->rule->id));
        hashmap_remove(&set->ids, &entry->by_id);
        hashmap_remove(&set->criteria, &entry->by_criteria);
        place_remove(set, entry);
        list_unlink(&entry->link);
        if (entry->rule->expires.ns != BOOTTIME_NEVER.ns)
                heap_remove(&set->expiring, &entry->expiring);
        count_kinds(set, entry->rule, false);
        set->n--;
}

/* Puts an entry whose rule has its id into every index, before `at` in the order of insertion. */
static int entry_link(struct ruleset *set, struct entry *entry, struct group *group, struct list *at)
{
        const struct rule *rule = entry->rule;

        entry->group = group;
        if (hashmap_insert(&set->ids, &entry->by_id, hash_bytes(set->seed, rule->id, strlen(rule->id))) < 0)
                return -ENOMEM;
        if (hashmap_insert(&set->criteria, &entry->by_criteria, rule_criteria_hash(rule, set->seed)) < 0) {
                hashmap_remove(&set->ids, &entry->by_id);
                return -ENOMEM;
        }
        if (place_insert(set, entry) < 0) {
                hashmap_remove(&set->criteria, &entry->by_criteria);
                hashmap_remove(&set->ids, &entry->by_id);
                return -ENOMEM;
        }
        group_insert(group, entry, draw_levels(set, rule->id));
        list_append(at, &entry->link);
        if (rule->expires.ns != BOOTTIME_NEVER.ns)
                heap_insert(&set->expiring, &entry->expiring, rule->expires.ns);
        count_kinds(set, rule, true);
        set->n++;
        return 0;
}

/* The place in the order of insertion goes from `old` to `entry`; the criteria are the same, so their group is too. The maps have
 * buckets already, so that nothing can fail any more. */
static int entry_replace(struct ruleset *set, struct entry *old, struct entry *entry)
{
        struct list *at = old->link.next;
        struct group *group = old->group;
        int error;

        entry->number = old->number;
        entry_unlink(set, old);
        error = entry_link(set, entry, group, at);
        entry_free(old);
        return error;
}

/* A new entry without its rule, or NULL. */
static struct entry *entry_new(const struct ruleset *set, const char *id)
{
        unsigned n_levels = draw_levels(set, id);
        struct entry *entry = calloc(1, sizeof(*entry) + n_levels * sizeof(entry->next[0]));

        if (!entry)
                return NULL;
        list_init(&entry->link);
        list_init(&entry->same_place);
        return entry;
}

char *ruleset_choose_id(const struct ruleset *set, const struct rule *rule)
{
        const struct entry *same = find_same(set, rule);

        return same ? strdup(same->rule->id) : make_id(set, rule);
}

int ruleset_add(struct ruleset *set, struct rule *rule)
{
        _cleanup_(entry_freep) struct entry *entry = NULL;
        _cleanup_(freep) char *id = NULL;
        struct entry *same = find_same(set, rule), *taken = rule->id ? find_id(set, rule->id) : NULL;
        struct group *group;
        int error;

        if (taken && taken != same)
                return RULESET_E_EXISTS;
        if (!same && set->n >= LIMIT_RULES)
                return RULESET_E_FULL;
        if (!rule->id) {
                id = ruleset_choose_id(set, rule);
                if (!id)
                        return -ENOMEM;
        }
        entry = entry_new(set, rule->id ? rule->id : id);
        group = group_get(set, rule);
        if (!entry || !group) {
                if (group)
                        group_drop_if_empty(set, group);
                return -ENOMEM;
        }
        if (!rule->id)
                rule->id = TAKE_PTR(id);
        entry->rule = rule;
        entry->number = set->last_entry + 1;
        error = same ? entry_replace(set, same, entry) : entry_link(set, entry, group, &set->entries);
        if (error < 0) {
                entry->rule = NULL; /* the caller's still */
                group_drop_if_empty(set, group);
                return error;
        }
        note_number(set, rule->id);
        set->last_entry = MAX(set->last_entry, entry->number);
        entry = NULL; /* the set's now */
        return 0;
}

struct rule *ruleset_remove(struct ruleset *set, const char *id)
{
        struct entry *entry = find_id(set, id);
        struct rule *rule;

        if (!entry)
                return NULL;
        entry_unlink(set, entry);
        group_drop_if_empty(set, entry->group);
        rule = TAKE_PTR(entry->rule);
        entry_free(entry);
        return rule;
}

struct rule *ruleset_find(const struct ruleset *set, const char *id)
{
        struct entry *entry = find_id(set, id);

        return entry ? entry->rule : NULL;
}

struct rule *ruleset_find_same(const struct ruleset *set, const struct rule *rule)
{
        struct entry *same = find_same(set, rule);

        return same ? same->rule : NULL;
}

size_t ruleset_count(const struct ruleset *set)
{
        return set->n;
}

struct rule *ruleset_next(const struct ruleset *set, const struct rule *rule)
{
        const struct list *at = rule ? find_id(set, rule->id)->link.next : set->entries.next;

        return at == &set->entries ? NULL : CONTAINER_OF(at, struct entry, link)->rule;
}

uint64_t ruleset_number(const struct ruleset *set, const struct rule *rule)
{
        return find_id(set, rule->id)->number;
}

uint64_t ruleset_last_number(const struct ruleset *set)
{
        return set->last_entry;
}

struct rule *ruleset_next_after(const struct ruleset *set, uint64_t number, const char *id)
{
        const struct entry *entry = find_id(set, id);

        if (entry && entry->number == number)
                return ruleset_next(set, entry->rule);
        list_for_each(at, &set->entries)
                if (CONTAINER_OF(at, struct entry, link)->number > number)
                        return CONTAINER_OF(at, struct entry, link)->rule;
        return NULL;
}

/* Deciding. What is `known` of the facts is RULE_HAS_EVERYTHING for a decision, and less for its breadth. */

struct query {
        const struct ruleset *set;
        const struct facts *facts;
        unsigned known;
        struct boottime now;
};

static struct rule *better(struct rule *a, struct rule *b)
{
        if (!a || !b)
                return a ? a : b;
        return rule_compare(a, b) < 0 ? a : b;
}

/* `best`, or what is better in one place. */
static struct rule *place_decide(const struct query *q, const struct place *place, struct rule *best)
{
        struct entry *first = place_find(q->set, place), *entry = first;

        if (!first)
                return best;
        do {
                if (rule_may_match(entry->rule, q->facts, q->known, q->now))
                        best = better(best, entry->rule);
                entry = CONTAINER_OF(entry->same_place.next, struct entry, same_place);
        } while (entry != first);
        return best;
}

/* `best`, or what is better in one group, which may be NULL. */
static struct rule *group_decide(const struct query *q, const struct group *group, struct rule *best)
{
        const struct flow *flow = q->facts->flow;

        if (!group || (best && rule_compare(best, group->first[0]->rule) < 0))
                return best;
        for (unsigned has_port = 0; has_port < 2; has_port++)
                for (unsigned word = 0; word < ARRAY_SIZE(group->prefixes[0]); word++)
                        for (uint64_t bits = group->prefixes[has_port][word]; bits; bits &= bits - 1) {
                                uint8_t prefix = (uint8_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
                                struct place place = {
                                        .group = group,
                                        .network = addr_masked(&flow->remote, prefix),
                                        .prefix = prefix,
                                        .has_port = has_port,
                                        .port = has_port ? flow->remote_port : 0,
                                };

                                best = place_decide(q, &place, best);
                        }
        return best;
}

/* Those groups that a subject's rules can be in, each NULL where there is none. A name counts only where no path rule matches. */
struct groups {
        const struct group *own, *programs, *name, *anyone;
};

static struct groups groups_of(const struct ruleset *set, const struct subject *subject)
{
        struct groups groups = { .anyone = group_find(set, RULE_ANYONE, "") };
        const char *path;

        switch (subject->kind) {
        case SUBJECT_PROGRAM:
                path = subject_rule_path(subject);
                groups.own = path ? group_find(set, RULE_PATH, path) : NULL;
                groups.programs = path ? group_find(set, RULE_PROGRAMS, "") : NULL;
                groups.name = group_find(set, RULE_NAME, subject->name);
                break;
        case SUBJECT_KERNEL:
                groups.own = group_find(set, RULE_KERNEL, "");
                break;
        case SUBJECT_UNKNOWN:
                groups.own = group_find(set, RULE_UNKNOWN, "");
                break;
        }
        return groups;
}

/* The best of all groups; rules by name count where `names` says so. */
static struct rule *decide_among(const struct query *q, const struct groups *groups, bool names)
{
        struct rule *rule = group_decide(q, groups->own, NULL);

        if (names)
                rule = group_decide(q, groups->name, rule);
        rule = group_decide(q, groups->programs, rule);
        return group_decide(q, groups->anyone, rule);
}

struct rule *ruleset_decide(const struct ruleset *set, const struct facts *facts, struct boottime now)
{
        const struct query q = { .set = set, .facts = facts, .known = RULE_HAS_EVERYTHING, .now = now };
        struct groups groups = groups_of(set, facts->subject);
        struct rule *rule = group_decide(&q, groups.own, NULL);

        if (!rule)
                rule = group_decide(&q, groups.name, NULL);
        rule = group_decide(&q, groups.programs, rule);
        return group_decide(&q, groups.anyone, rule);
}

bool ruleset_is_sure(const struct ruleset *set, const struct facts *facts, unsigned unknown, const struct rule *rule, struct boottime now)
{
        const struct query strict = { .set = set, .facts = facts, .known = RULE_HAS_EVERYTHING, .now = now };
        const struct query q = { .set = set, .facts = facts, .known = ~unknown, .now = now };
        struct groups groups;

        if ((unknown & ruleset_kinds(set)) == 0)
                return true;
        groups = groups_of(set, facts->subject);
        /* A rule of the program's path silences names, and one of which it is not known whether it matches may. */
        if (!group_decide(&strict, groups.own, NULL) && decide_among(&q, &groups, true) != rule)
                return false;
        return !group_decide(&q, groups.own, NULL) || decide_among(&q, &groups, false) == rule;
}

/*
 * Breadth. A set of flows is the facts with only some criteria known: a rule matches all of them when it matches by these and has no
 * other criterion, and some of them when it may match by these. So a criterion that is not named here makes every decision narrow.
 */

static unsigned known_criteria(enum breadth breadth)
{
        const unsigned subject = CRITERION_BIT(CRITERION_PROGRAM) | CRITERION_BIT(CRITERION_USER) | CRITERION_BIT(CRITERION_GROUP);
        const unsigned port = CRITERION_BIT(CRITERION_PROTOCOL) | CRITERION_BIT(CRITERION_PORT);
        const unsigned address = CRITERION_BIT(CRITERION_NETWORK) | CRITERION_BIT(CRITERION_SCOPE);

        switch (breadth) {
        case BREADTH_NONE:
                break;
        case BREADTH_DESTINATION:
                return subject | port | address;
        case BREADTH_PORT:
                return subject | port;
        case BREADTH_PROGRAM:
                return subject;
        }
        return RULE_HAS_EVERYTHING;
}

/* A rule of the group may come before `rule` (NULL: may match at all) for one of the flows, or there are too many to be sure. Where
 * the destination is known the index says so; else the group's first rules, the only ones that come before, are tried. */
static bool group_disturbs(const struct query *q, const struct group *group, const struct rule *rule)
{
        const struct rule *best;
        unsigned n = 0;

        if (!group)
                return false;
        if (q->known & CRITERION_BIT(CRITERION_NETWORK)) {
                best = group_decide(q, group, NULL);
                return best && (!rule || rule_compare(best, rule) < 0);
        }
        for (const struct entry *entry = group->first[0]; entry; entry = entry->next[0]) {
                if (rule && rule_compare(entry->rule, rule) >= 0)
                        return false;
                if (++n > BREADTH_STEPS || rule_may_match(entry->rule, q->facts, q->known, q->now))
                        return true;
        }
        return false;
}

static bool holds(const struct query *q, const struct groups *groups, const struct rule *rule)
{
        if ((rule->has & ~q->known) || !rule_may_match(rule, q->facts, q->known, q->now))
                return false;
        /* A name is silent wherever a path rule matches: `rule` must not be silenced, and silences the names if it is one. */
        if (group_disturbs(q, groups->own, rule->subject == RULE_NAME ? NULL : rule))
                return false;
        if (rule->subject != RULE_PATH && group_disturbs(q, groups->name, rule))
                return false;
        if (group_disturbs(q, groups->programs, rule))
                return false;
        return !group_disturbs(q, groups->anyone, rule);
}

enum breadth ruleset_breadth(const struct ruleset *set, const struct facts *facts, const struct rule *rule, struct boottime now)
{
        struct groups groups = groups_of(set, facts->subject);
        enum breadth breadth = rule ? BREADTH_PROGRAM : BREADTH_NONE;

        for (; breadth > BREADTH_NONE; breadth--) {
                const unsigned known = known_criteria(breadth) | criteria_of_facts(facts->subject->key_covers);
                struct query q = { .set = set, .facts = facts, .known = known, .now = now };

                if (holds(&q, &groups, rule))
                        break;
        }
        return breadth;
}

/* Explaining. */

/* The one of the four that comes first; NULL when all are at their end. */
static const struct entry **first_of(const struct entry *at[4])
{
        const struct entry **first = NULL;

        for (size_t i = 0; i < 4; i++)
                if (at[i] && (!first || rule_compare(at[i]->rule, (*first)->rule) < 0))
                        first = &at[i];
        return first;
}

size_t ruleset_visit(const struct ruleset *set, const struct subject *subject, ruleset_visit_fn visit, void *userdata)
{
        struct groups groups = groups_of(set, subject);
        const struct group *group[4] = { groups.own, groups.programs, groups.name, groups.anyone };
        const struct entry *at[4] = { NULL }, **first;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(group); i++) {
                at[i] = group[i] ? group[i]->first[0] : NULL;
                n += group[i] ? group[i]->n : 0;
        }
        while ((first = first_of(at)) && visit(userdata, (*first)->rule))
                *first = (*first)->next[0];
        return n;
}

bool ruleset_silences_names(const struct ruleset *set, const struct facts *facts, struct boottime now)
{
        struct query q = { .set = set, .facts = facts, .known = RULE_HAS_EVERYTHING, .now = now };

        return group_decide(&q, groups_of(set, facts->subject).own, NULL) != NULL;
}

/* Expiry. */

struct boottime ruleset_next_expiry(const struct ruleset *set)
{
        return set->expiring.first ? (struct boottime){ set->expiring.first->key } : BOOTTIME_NEVER;
}

struct rule *ruleset_take_expired(struct ruleset *set, struct boottime now)
{
        if (!boottime_reached(ruleset_next_expiry(set), now))
                return NULL;
        return ruleset_remove(set, CONTAINER_OF(set->expiring.first, struct entry, expiring)->rule->id);
}
