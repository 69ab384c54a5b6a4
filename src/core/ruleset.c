/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules live in slots. A slot is named by what can be looked up exactly: the subject, its program, one whole address or none,
 * one single port or none. So a rule lives in exactly one slot, and a connection has to look into four slots for each of the
 * subjects it may match (its path, its name, its kind, anyone), however many rules there are. What cannot be looked up
 * (ranges, networks, scopes, users) is tried in the slot's order. A slot is a skip list in the order of rule_compare(): the
 * first match is the slot's answer, and 100,000 rules of one slot load without sorting or moving anything.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/list.h"
#include "base/str.h"
#include "core/ruleset.h"

enum { SKIP_LEVELS = 8 }; /* a fourth of each level is on the next: good for 4^8 rules of one slot */

struct slot_key {
        enum rule_subject subject;
        const char *program; /* "" where the subject has none */
        bool has_address, has_port;
        struct addr address;
        uint16_t port;
};

struct entry;

struct slot {
        struct hashmap_node by_key;
        struct slot_key key; /* program is owned */
        size_t n;
        struct entry *first[SKIP_LEVELS];
};

struct entry {
        struct rule *rule;
        struct list link;     /* in order of insertion */
        struct list expiring; /* among those that expire, else alone */
        struct hashmap_node by_id, by_criteria;
        struct slot *slot;
        unsigned n_levels;
        struct entry *next[]; /* in the slot, by level */
};

struct ruleset {
        uint64_t seed;
        struct hashmap slots, ids, criteria;
        struct list entries, expiring;
        size_t n;
        uint64_t last_number[2]; /* the highest number used so far in "r<n>" and "s<n>" */
};

struct ruleset *ruleset_new(uint64_t seed)
{
        struct ruleset *set = calloc(1, sizeof(*set));

        if (!set)
                return NULL;
        set->seed = seed;
        hashmap_init(&set->slots, seed);
        hashmap_init(&set->ids, seed);
        hashmap_init(&set->criteria, seed);
        list_init(&set->entries);
        list_init(&set->expiring);
        return set;
}

static void slot_free(struct slot *slot)
{
        free((char *)slot->key.program);
        free(slot);
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
        for (struct hashmap_node *node = hashmap_next(&set->slots, NULL), *next; node; node = next) {
                next = hashmap_next(&set->slots, node);
                slot_free(CONTAINER_OF(node, struct slot, by_key));
        }
        hashmap_deinit(&set->slots);
        hashmap_deinit(&set->ids);
        hashmap_deinit(&set->criteria);
        free(set);
        return NULL;
}

/* Slots. */

static struct slot_key rule_slot_key(const struct rule *r)
{
        bool named = r->subject == RULE_PATH || r->subject == RULE_NAME;
        struct slot_key key = {
                .subject = r->subject,
                .program = named && r->program ? r->program : "",
                .has_address = (r->has & RULE_HAS_NETWORK) && r->prefix == 128,
                .has_port = (r->has & RULE_HAS_PORTS) && r->n_ports == 1 && r->ports[0].first == r->ports[0].last,
        };

        if (key.has_address)
                key.address = r->network;
        if (key.has_port)
                key.port = r->ports[0].first;
        return key;
}

static uint64_t program_hash(uint64_t seed, enum rule_subject subject, const char *program)
{
        return hash_bytes(seed ^ subject, program, strlen(program));
}

/* `program` is program_hash() of the key, so that a decision reads each name only once. */
static uint64_t slot_hash(uint64_t program, const struct slot_key *key)
{
        uint8_t bytes[sizeof(key->address.bytes) + 4] = { 0 };

        if (key->has_address)
                memcpy(bytes, key->address.bytes, sizeof(key->address.bytes));
        bytes[16] = key->has_address;
        bytes[17] = key->has_port;
        bytes[18] = (uint8_t)(key->port >> 8);
        bytes[19] = (uint8_t)key->port;
        return hash_bytes(program, bytes, sizeof(bytes));
}

static bool slot_equal(const struct hashmap_node *node, const void *wanted)
{
        const struct slot_key *a = &CONTAINER_OF(node, struct slot, by_key)->key, *b = wanted;

        return a->subject == b->subject && a->has_address == b->has_address && a->has_port == b->has_port &&
               a->port == b->port && addr_equal(&a->address, &b->address) && strcmp(a->program, b->program) == 0;
}

static struct slot *slot_find(const struct ruleset *set, const struct slot_key *key, uint64_t hash)
{
        struct hashmap_node *node = hashmap_find(&set->slots, hash, slot_equal, key);

        return node ? CONTAINER_OF(node, struct slot, by_key) : NULL;
}

static struct slot *slot_get(struct ruleset *set, const struct rule *r)
{
        struct slot_key key = rule_slot_key(r);
        uint64_t hash = slot_hash(program_hash(set->seed, key.subject, key.program), &key);
        struct slot *slot = slot_find(set, &key, hash);

        if (slot)
                return slot;
        slot = calloc(1, sizeof(*slot));
        if (!slot)
                return NULL;
        slot->key = key;
        slot->key.program = strdup(key.program);
        if (!slot->key.program || hashmap_insert(&set->slots, &slot->by_key, hash) < 0) {
                slot_free(slot);
                return NULL;
        }
        return slot;
}

static void slot_drop_if_empty(struct ruleset *set, struct slot *slot)
{
        if (slot->n > 0)
                return;
        hashmap_remove(&set->slots, &slot->by_key);
        slot_free(slot);
}

/* Points `links[level]` at the pointer that leads to the first entry not before `rule`. */
static void slot_seek(struct slot *slot, const struct rule *rule, struct entry **links[SKIP_LEVELS])
{
        struct entry *at = NULL; /* the last entry known to be before `rule`; it has every level still to come */

        for (unsigned level = SKIP_LEVELS; level-- > 0;) {
                struct entry **link = at ? &at->next[level] : &slot->first[level];

                while (*link && rule_compare((*link)->rule, rule) < 0) {
                        at = *link;
                        link = &at->next[level];
                }
                links[level] = link;
        }
}

static void slot_insert(struct slot *slot, struct entry *entry)
{
        struct entry **links[SKIP_LEVELS];

        slot_seek(slot, entry->rule, links);
        for (unsigned level = 0; level < entry->n_levels; level++) {
                entry->next[level] = *links[level];
                *links[level] = entry;
        }
        entry->slot = slot;
        slot->n++;
}

static void slot_remove(struct entry *entry)
{
        struct entry **links[SKIP_LEVELS];

        slot_seek(entry->slot, entry->rule, links);
        for (unsigned level = 0; level < entry->n_levels; level++) {
                assert(*links[level] == entry);
                *links[level] = entry->next[level];
        }
        entry->slot->n--;
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

static char *next_number(struct ruleset *set, bool session)
{
        char id[24];

        do
                snprintf(id, sizeof(id), "%c%llu", session ? 's' : 'r', (unsigned long long)++set->last_number[session]);
        while (find_id(set, id));
        return strdup(id);
}

/* A name for a rule that came without one; NULL on -ENOMEM. */
static char *make_id(struct ruleset *set, const struct rule *rule)
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

/* Levels are drawn from the id, so that the same rules build the same lists. */
static unsigned draw_levels(const struct ruleset *set, const char *id)
{
        uint64_t bits = hash_bytes(~set->seed, id, strlen(id));
        unsigned n = 1;

        for (; n < SKIP_LEVELS && (bits & 3) == 0; bits >>= 2)
                n++;
        return n;
}

/* Takes the rule out of every index; the entry and its slot stay. */
static void entry_unlink(struct ruleset *set, struct entry *entry)
{
        slot_remove(entry);
        hashmap_remove(&set->ids, &entry->by_id);
        hashmap_remove(&set->criteria, &entry->by_criteria);
        list_unlink(&entry->link);
        list_unlink(&entry->expiring);
        set->n--;
}

/* Puts an entry whose rule has its id into every index, before `at` in the order of insertion. */
static int entry_link(struct ruleset *set, struct entry *entry, struct slot *slot, struct list *at)
{
        const struct rule *rule = entry->rule;

        if (hashmap_insert(&set->ids, &entry->by_id, hash_bytes(set->seed, rule->id, strlen(rule->id))) < 0)
                return -ENOMEM;
        if (hashmap_insert(&set->criteria, &entry->by_criteria, rule_criteria_hash(rule, set->seed)) < 0) {
                hashmap_remove(&set->ids, &entry->by_id);
                return -ENOMEM;
        }
        slot_insert(slot, entry);
        list_append(at, &entry->link);
        if (rule->expires.ns != BOOTTIME_NEVER.ns)
                list_append(&set->expiring, &entry->expiring);
        set->n++;
        return 0;
}

/* The place of `old` goes to `entry`. The maps have buckets already, so that nothing can fail any more. */
static int entry_replace(struct ruleset *set, struct entry *old, struct entry *entry, struct slot *slot)
{
        struct list *at = old->link.next;
        int error;

        entry_unlink(set, old);
        error = entry_link(set, entry, slot, at);
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
        entry->n_levels = n_levels;
        list_init(&entry->link);
        list_init(&entry->expiring);
        return entry;
}

int ruleset_add(struct ruleset *set, struct rule *rule)
{
        _cleanup_(entry_freep) struct entry *entry = NULL;
        _cleanup_(freep) char *id = NULL;
        struct entry *same = find_same(set, rule), *taken = rule->id ? find_id(set, rule->id) : NULL;
        struct slot *slot;
        int error;

        if (taken && taken != same)
                return RULESET_E_EXISTS;
        if (!same && set->n >= LIMIT_RULES)
                return RULESET_E_FULL;
        if (!rule->id) {
                id = same ? strdup(same->rule->id) : make_id(set, rule);
                if (!id)
                        return -ENOMEM;
        }
        entry = entry_new(set, rule->id ? rule->id : id);
        slot = slot_get(set, rule);
        if (!entry || !slot) {
                if (slot)
                        slot_drop_if_empty(set, slot);
                return -ENOMEM;
        }
        if (!rule->id)
                rule->id = TAKE_PTR(id);
        entry->rule = rule;
        error = same ? entry_replace(set, same, entry, slot) : entry_link(set, entry, slot, &set->entries);
        if (error < 0) {
                entry->rule = NULL; /* the caller's still */
                slot_drop_if_empty(set, slot);
                return error;
        }
        note_number(set, rule->id);
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
        slot_drop_if_empty(set, entry->slot);
        rule = TAKE_PTR(entry->rule);
        entry_free(entry);
        return rule;
}

struct rule *ruleset_find(const struct ruleset *set, const char *id)
{
        struct entry *entry = find_id(set, id);

        return entry ? entry->rule : NULL;
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

/* Deciding. */

static struct rule *slot_decide(const struct slot *slot, const struct facts *facts, struct boottime now)
{
        for (const struct entry *entry = slot->first[0]; entry; entry = entry->next[0])
                if (rule_matches(entry->rule, facts, now))
                        return entry->rule;
        return NULL;
}

static struct rule *better(struct rule *a, struct rule *b)
{
        if (!a || !b)
                return a ? a : b;
        return rule_compare(a, b) < 0 ? a : b;
}

/* The best rule among those for one subject word: with and without the address, with and without the port. */
static struct rule *decide_subject(const struct ruleset *set, enum rule_subject subject, const char *program,
                                   const struct facts *facts, struct boottime now)
{
        uint64_t hash = program_hash(set->seed, subject, program);
        struct rule *best = NULL;

        for (unsigned combination = 0; combination < 4; combination++) {
                struct slot_key key = { .subject = subject, .program = program };
                const struct slot *slot;

                key.has_address = combination & 1;
                if (key.has_address)
                        key.address = facts->flow->remote;
                key.has_port = combination & 2;
                if (key.has_port)
                        key.port = facts->flow->remote_port;
                slot = slot_find(set, &key, slot_hash(hash, &key));
                if (slot)
                        best = better(best, slot_decide(slot, facts, now));
        }
        return best;
}

/* The best rule for the program itself: by path, and by name only where no rule knows the path. */
static struct rule *decide_program(const struct ruleset *set, const struct facts *facts, struct boottime now)
{
        const char *path = subject_rule_path(facts->subject);
        struct rule *rule = path ? decide_subject(set, RULE_PATH, path, facts, now) : NULL;

        return rule ? rule : decide_subject(set, RULE_NAME, facts->subject->name, facts, now);
}

struct rule *ruleset_decide(const struct ruleset *set, const struct facts *facts, struct boottime now)
{
        struct rule *rule = NULL;

        switch (facts->subject->kind) {
        case SUBJECT_PROGRAM:
                rule = decide_program(set, facts, now);
                break;
        case SUBJECT_KERNEL:
                rule = decide_subject(set, RULE_KERNEL, "", facts, now);
                break;
        case SUBJECT_UNKNOWN:
                rule = decide_subject(set, RULE_UNKNOWN, "", facts, now);
                break;
        }
        return better(rule, decide_subject(set, RULE_ANYONE, "", facts, now));
}

/* Expiry. */

struct boottime ruleset_next_expiry(const struct ruleset *set)
{
        struct boottime first = BOOTTIME_NEVER;

        list_for_each(pos, &set->expiring) {
                const struct rule *rule = CONTAINER_OF(pos, struct entry, expiring)->rule;

                if (rule->expires.ns < first.ns)
                        first = rule->expires;
        }
        return first;
}

size_t ruleset_expire(struct ruleset *set, struct boottime now)
{
        size_t n = 0;

        list_for_each_safe(pos, next, &set->expiring) {
                struct entry *entry = CONTAINER_OF(pos, struct entry, expiring);

                if (!boottime_reached(entry->rule->expires, now))
                        continue;
                entry_unlink(set, entry);
                slot_drop_if_empty(set, entry->slot);
                entry_free(entry);
                n++;
        }
        return n;
}
