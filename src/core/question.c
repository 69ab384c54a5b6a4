/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two indexes over the open questions: by class, to join what asks the same, and by id, to find what a client answers. A
 * program that has open questions has a record of its own here, which counts what it holds and remembers the question that
 * all its further destinations are folded into; the record goes when its last question closes. Closed questions leave
 * their state in a ring, so that memory is bounded and a late answer still gets its reason. Missed ones are few: a list, and
 * whoever looks for one walks it. Nothing here is chosen by a stranger without a cap from limits.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/question.h"

enum { FOLDED_REMEMBERED = 64 }; /* destinations of a folded question that are told apart */

#define ONCE_NS (5 * NS_PER_SEC)

/* One program that has open questions, in one mode. */
struct asker {
        struct hashmap_node by_program;
        struct subject *subject;
        bool learning;
        unsigned n_questions, n_held;
        struct question *whole; /* the folded question, or NULL */
};

/* A question with what only this file needs. */
struct entry {
        struct question question;
        struct asker *asker;
        uint64_t folded[FOLDED_REMEMBERED]; /* class hashes; the first is the question's own */
        unsigned n_folded;
};

struct closed {
        uint64_t id;
        enum question_state state;
};

struct question_table {
        uint64_t seed;
        uint32_t instance;
        uint64_t last_id;
        struct list open; /* oldest first */
        struct hashmap by_class, by_id, by_program;
        unsigned n_open, n_held;
        host_domain_fn domain;
        struct list missed; /* oldest first */
        unsigned n_missed;
        struct closed closed[LIMIT_QUESTIONS_CLOSED]; /* a ring; id 0: unused */
        unsigned next_closed;
};

/* What makes two connections one question. */
struct class {
        const struct facts *facts;
        unsigned n_facts;
        bool learning;
};

static struct entry *entry_of(const struct question *question)
{
        return CONTAINER_OF(question, struct entry, question);
}

struct question_table *question_table_new(uint64_t seed, uint32_t instance, host_domain_fn domain)
{
        struct question_table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->seed = seed;
        table->instance = instance;
        table->domain = domain;
        list_init(&table->open);
        list_init(&table->missed);
        hashmap_init(&table->by_class, seed);
        hashmap_init(&table->by_id, seed);
        hashmap_init(&table->by_program, seed);
        return table;
}

static bool is_missed(enum question_state state)
{
        return state == QUESTION_EXPIRED || state == QUESTION_ABANDONED;
}

static void drop_oldest_missed(struct question_table *table)
{
        struct question *oldest = CONTAINER_OF(table->missed.next, struct question, link);

        list_unlink(&oldest->link);
        table->n_missed--;
        question_forget(table, oldest);
}

struct question_table *question_table_free(struct question_table *table)
{
        if (!table)
                return NULL;
        list_for_each_safe(pos, next, &table->open) {
                struct question *question = CONTAINER_OF(pos, struct question, link);

                question_close(table, question, QUESTION_ABANDONED);
                question_forget(table, question);
        }
        while (table->n_missed > 0)
                drop_oldest_missed(table);
        hashmap_deinit(&table->by_class);
        hashmap_deinit(&table->by_id);
        hashmap_deinit(&table->by_program);
        free(table);
        return NULL;
}

/* Classes. */

static bool same_destination(const struct question *question, const struct facts *facts)
{
        const struct flow *a = &question->flow, *b = facts->flow;
        const char *host = hosts_first(&question->hosts);

        if (a->protocol != b->protocol || a->remote_port != b->remote_port)
                return false;
        if (host || facts->host)
                return host && facts->host && strcmp(host, facts->host) == 0;
        return addr_equal(&a->remote, &b->remote);
}

/* The same programs, the same destination. */
static bool same_connection(const struct question *question, const struct facts *facts, unsigned n_facts)
{
        if (question->n_subjects != n_facts || !same_destination(question, facts))
                return false;
        for (unsigned i = 0; i < n_facts; i++)
                if (!subject_same_program(question->subjects[i], facts[i].subject))
                        return false;
        return true;
}

static bool class_equal(const struct hashmap_node *node, const void *wanted)
{
        const struct question *question = CONTAINER_OF(node, struct question, by_class);
        const struct class *class = wanted;

        return question->learning == class->learning && same_connection(question, class->facts, class->n_facts);
}

static uint64_t class_hash(const struct question_table *table, const struct class *class)
{
        const struct flow *flow = class->facts->flow;
        const char *host = class->facts->host;
        uint32_t numbers[2] = { flow->protocol, flow->remote_port };
        uint64_t hash = subject_program_hash(class->facts->subject, table->seed);

        hash = hash_bytes(hash, numbers, sizeof(numbers));
        return host ? hash_bytes(hash, host, strlen(host)) : hash_bytes(hash, &flow->remote, sizeof(flow->remote));
}

/* Askers. */

static bool asker_equal(const struct hashmap_node *node, const void *wanted)
{
        const struct asker *asker = CONTAINER_OF(node, struct asker, by_program);
        const struct class *class = wanted;

        return asker->learning == class->learning && subject_same_program(asker->subject, class->facts->subject);
}

static struct asker *asker_find(const struct question_table *table, const struct class *class)
{
        uint64_t hash = subject_program_hash(class->facts->subject, table->seed);
        struct hashmap_node *node = hashmap_find(&table->by_program, hash, asker_equal, class);

        return node ? CONTAINER_OF(node, struct asker, by_program) : NULL;
}

static struct asker *asker_new(struct question_table *table, const struct class *class)
{
        struct subject *subject = (struct subject *)class->facts->subject; /* its count changes, nothing else */
        struct asker *asker = calloc(1, sizeof(*asker));

        if (!asker)
                return NULL;
        if (hashmap_insert(&table->by_program, &asker->by_program, subject_program_hash(subject, table->seed)) < 0) {
                free(asker);
                return NULL;
        }
        asker->subject = subject_ref(subject);
        asker->learning = class->learning;
        return asker;
}

static void asker_drop_if_idle(struct question_table *table, struct asker *asker)
{
        if (asker->n_questions > 0)
                return;
        hashmap_remove(&table->by_program, &asker->by_program);
        subject_unref(asker->subject);
        free(asker);
}

static unsigned count_of_uid(const struct question_table *table, uint32_t uid)
{
        unsigned n = 0;

        list_for_each(pos, &table->open)
                if (CONTAINER_OF(pos, struct question, link)->subjects[0]->uid == uid)
                        n++;
        return n;
}

/* Opening. */

/* What joins the folded question would have been questions of their own: only the program's cap bounds it. */
static unsigned held_max(const struct question *question)
{
        return question->whole_program ? LIMIT_HELD_PROGRAM : LIMIT_HELD_QUESTION;
}

static void drop_held(struct question *question)
{
        for (unsigned i = 0; i < question->n_held; i++)
                subject_unref(question->held[i].subject);
        free(question->held);
        question->held = NULL;
        question->n_held = 0;
}

static void entry_free(struct entry *entry)
{
        if (!entry)
                return;
        for (unsigned i = 0; i < entry->question.n_subjects; i++)
                subject_unref(entry->question.subjects[i]);
        drop_held(&entry->question);
        hosts_deinit(&entry->question.hosts);
        free(entry);
}

static void entry_freep(struct entry **entry)
{
        entry_free(*entry);
}

static struct entry *entry_new(const struct class *class, bool whole_program, host_domain_fn domain)
{
        const struct hosts hosts = facts_hosts(class->facts);
        _cleanup_(entry_freep) struct entry *entry = calloc(1, sizeof(*entry));
        struct question *question;

        if (!entry)
                return NULL;
        question = &entry->question;
        list_init(&question->link);
        question->flow = *class->facts->flow;
        question->learning = class->learning;
        question->whole_program = whole_program;
        if (hosts_copy(&question->hosts, &hosts) < 0)
                return NULL;
        if (hosts_first(&question->hosts))
                question->domain = domain(hosts_first(&question->hosts));
        if (!class->learning) {
                question->held = calloc(held_max(question), sizeof(*question->held));
                if (!question->held)
                        return NULL;
        }
        for (unsigned i = 0; i < class->n_facts; i++)
                question->subjects[i] = subject_ref((struct subject *)class->facts[i].subject);
        question->n_subjects = class->n_facts;
        return TAKE_PTR(entry);
}

static bool may_open(const struct question_table *table, const struct class *class)
{
        return table->n_open < LIMIT_QUESTIONS && count_of_uid(table, class->facts->subject->uid) < LIMIT_QUESTIONS_UID;
}

static int table_link(struct question_table *table, struct question *question, uint64_t class)
{
        uint64_t id = table->last_id + 1;

        if (hashmap_insert(&table->by_class, &question->by_class, class) < 0)
                return -ENOMEM;
        if (hashmap_insert(&table->by_id, &question->by_id, hash_bytes(table->seed, &id, sizeof(id))) < 0) {
                hashmap_remove(&table->by_class, &question->by_class);
                return -ENOMEM;
        }
        question->id = table->last_id = id;
        snprintf(question->ref, sizeof(question->ref), "q%llu-%08x", (unsigned long long)id, table->instance);
        list_append(&table->open, &question->link);
        table->n_open++;
        return 0;
}

/* Opens a question for `class`; `asker` is its program's record or NULL. -ENOMEM or QUESTION_IS_NEW. */
static int question_open(struct question_table *table, const struct class *class, uint64_t hash, struct asker *asker,
                         struct question **ret)
{
        const bool whole_program = asker && asker->n_questions >= LIMIT_QUESTIONS_PROGRAM;
        _cleanup_(entry_freep) struct entry *entry = entry_new(class, whole_program, table->domain);

        if (!entry)
                return -ENOMEM;
        if (!asker)
                asker = asker_new(table, class);
        if (!asker)
                return -ENOMEM;
        if (table_link(table, &entry->question, hash) < 0) {
                asker_drop_if_idle(table, asker);
                return -ENOMEM;
        }
        entry->asker = asker;
        entry->folded[entry->n_folded++] = hash;
        asker->n_questions++;
        if (whole_program)
                asker->whole = &entry->question;
        *ret = &TAKE_PTR(entry)->question;
        return QUESTION_IS_NEW;
}

/* Joining. */

/* The open question that this connection belongs to, or NULL. */
static struct question *find_open(const struct question_table *table, const struct class *class, uint64_t hash,
                                  const struct asker *asker)
{
        struct hashmap_node *node = hashmap_find(&table->by_class, hash, class_equal, class);

        if (node)
                return CONTAINER_OF(node, struct question, by_class);
        return asker ? asker->whole : NULL;
}

static bool may_hold(const struct question_table *table, const struct question *question, const struct asker *asker)
{
        if (question && question->n_held >= held_max(question))
                return false;
        if (asker && asker->n_held >= LIMIT_HELD_PROGRAM)
                return false;
        return table->n_held < LIMIT_HELD;
}

static void hold(struct question_table *table, struct question *question, const struct held *held, const struct subject *subject)
{
        struct held *kept = &question->held[question->n_held++];

        assert(!question->learning); /* it has no room for any */
        *kept = *held;
        kept->subject = subject_ref((struct subject *)(uintptr_t)subject); /* its count changes, nothing else */
        entry_of(question)->asker->n_held++;
        table->n_held++;
}

/* Counts a destination that a folded question has not seen; beyond what it remembers each counts as new. */
static void fold(struct question *question, uint64_t class)
{
        struct entry *entry = entry_of(question);

        for (unsigned i = 0; i < entry->n_folded; i++)
                if (entry->folded[i] == class)
                        return;
        if (entry->n_folded < FOLDED_REMEMBERED)
                entry->folded[entry->n_folded++] = class;
        question->n_more++;
}

/* Learning says only that it let the packet through; the question is about why it would have asked. */
static enum reason asking_reason(enum reason reason, const struct subject *subject)
{
        if (reason != REASON_LEARNING)
                return reason;
        return subject->kind == SUBJECT_UNKNOWN ? REASON_OWNER_UNKNOWN : REASON_NO_RULE;
}

int question_ask(struct question_table *table, const struct facts *facts, unsigned n_facts, enum reason reason, bool learning,
                 const struct held *held, struct boottime now, struct boottime deadline, struct question **ret)
{
        struct class class = { .facts = facts, .n_facts = MIN(n_facts, (unsigned)LIMIT_OWNERS), .learning = learning };
        uint64_t hash = class_hash(table, &class);
        struct asker *asker = asker_find(table, &class);
        struct question *question = find_open(table, &class, hash, asker);
        int result = QUESTION_JOINED;

        *ret = NULL;
        if (held && !may_hold(table, question, asker))
                return QUESTION_CAP;
        if (!question) {
                if (!may_open(table, &class))
                        return QUESTION_CAP;
                result = question_open(table, &class, hash, asker, &question);
                if (result < 0)
                        return result;
                question->reason = asking_reason(reason, facts->subject);
                question->opened = now;
                question->deadline = deadline;
        }
        if (question->whole_program)
                fold(question, hash);
        if (held)
                hold(table, question, held, facts->subject);
        question->n_connections++;
        *ret = question;
        return result;
}

/* Finding and closing. */

static bool id_equal(const struct hashmap_node *node, const void *id)
{
        return CONTAINER_OF(node, struct question, by_id)->id == *(const uint64_t *)id;
}

/* Reads "q<id>-<instance>" of this daemon; another daemon's questions were never asked here. */
static bool parse_ref(const struct question_table *table, const char *ref, uint64_t *ret)
{
        char expected[QUESTION_REF_MAX], digits[QUESTION_REF_MAX];
        size_t n = strcspn(ref, "-");
        uint64_t id;

        if (ref[0] != 'q' || n < 2 || n >= sizeof(digits))
                return false;
        memcpy(digits, ref + 1, n - 1);
        digits[n - 1] = '\0';
        if (!str_parse_u64(digits, UINT64_MAX, &id))
                return false;
        snprintf(expected, sizeof(expected), "q%llu-%08x", (unsigned long long)id, table->instance);
        if (strcmp(expected, ref) != 0)
                return false;
        *ret = id;
        return true;
}

struct question *question_find(const struct question_table *table, const char *ref)
{
        struct hashmap_node *node;
        uint64_t id;

        if (!parse_ref(table, ref, &id))
                return NULL;
        node = hashmap_find(&table->by_id, hash_bytes(table->seed, &id, sizeof(id)), id_equal, &id);
        return node ? CONTAINER_OF(node, struct question, by_id) : NULL;
}

bool question_was(const struct question_table *table, const char *ref, enum question_state *ret)
{
        const struct question *missed;
        uint64_t id;

        if (!parse_ref(table, ref, &id) || id == 0)
                return false;
        for (unsigned i = 0; i < LIMIT_QUESTIONS_CLOSED; i++)
                if (table->closed[i].id == id) {
                        *ret = table->closed[i].state;
                        return true;
                }
        missed = question_find_missed(table, ref);
        if (missed)
                *ret = missed->state;
        return missed;
}

/* One entry a question: how it ended last. */
static void remember(struct question_table *table, const struct question *question)
{
        unsigned at = 0;

        while (at < LIMIT_QUESTIONS_CLOSED && table->closed[at].id != question->id)
                at++;
        if (at == LIMIT_QUESTIONS_CLOSED) {
                at = table->next_closed;
                table->next_closed = (table->next_closed + 1) % LIMIT_QUESTIONS_CLOSED;
        }
        table->closed[at] = (struct closed){ .id = question->id, .state = question->state };
}

void question_close(struct question_table *table, struct question *question, enum question_state state)
{
        struct asker *asker = entry_of(question)->asker;

        assert(question->state == QUESTION_OPEN);
        assert(state != QUESTION_OPEN);

        question->state = state;
        list_unlink(&question->link);
        hashmap_remove(&table->by_class, &question->by_class);
        hashmap_remove(&table->by_id, &question->by_id);
        table->n_open--;
        table->n_held -= question->n_held;
        remember(table, question);

        asker->n_questions--;
        asker->n_held -= question->n_held;
        if (asker->whole == question)
                asker->whole = NULL;
        entry_of(question)->asker = NULL;
        asker_drop_if_idle(table, asker);
}

void question_forget(_unused_ struct question_table *table, struct question *question)
{
        assert(question->state != QUESTION_OPEN);
        entry_free(entry_of(question));
}

/* Missed ones. */

void question_miss(struct question_table *table, struct question *question, enum verdict verdict, int64_t now_us)
{
        assert(is_missed(question->state));

        drop_held(question);
        question->verdict = verdict;
        question->ended_us = now_us;
        if (table->n_missed == LIMIT_QUESTIONS_MISSED)
                drop_oldest_missed(table);
        list_append(&table->missed, &question->link);
        table->n_missed++;
}

struct question *question_next_missed(const struct question_table *table, const struct question *question)
{
        const struct list *at = question ? question->link.prev : table->missed.prev;

        return at == &table->missed ? NULL : CONTAINER_OF(at, struct question, link);
}

struct question *question_find_missed(const struct question_table *table, const char *ref)
{
        struct question *missed = question_next_missed(table, NULL);

        while (missed && strcmp(missed->ref, ref) != 0)
                missed = question_next_missed(table, missed);
        return missed;
}

struct question *question_find_missed_like(const struct question_table *table, const struct question *question)
{
        struct facts facts[LIMIT_OWNERS];
        struct question *missed = question_next_missed(table, NULL);

        for (unsigned i = 0; i < question->n_subjects; i++)
                facts[i] = (struct facts){ .subject = question->subjects[i], .flow = &question->flow, .host = hosts_first(&question->hosts) };
        while (missed && (missed->whole_program != question->whole_program || !same_connection(missed, facts, question->n_subjects)))
                missed = question_next_missed(table, missed);
        return missed;
}

void question_settle(struct question_table *table, struct question *question, enum question_state state)
{
        assert(is_missed(question->state));
        assert(state == QUESTION_ANSWERED || state == QUESTION_SUPERSEDED);

        question->state = state;
        list_unlink(&question->link);
        table->n_missed--;
        remember(table, question);
}

struct question *question_next(const struct question_table *table, const struct question *question)
{
        const struct list *at = question ? question->link.next : table->open.next;

        return at == &table->open ? NULL : CONTAINER_OF(at, struct question, link);
}

unsigned question_count(const struct question_table *table)
{
        return table->n_open;
}

unsigned question_held_count(const struct question_table *table)
{
        return table->n_held;
}

struct boottime question_next_deadline(const struct question_table *table)
{
        struct boottime first = BOOTTIME_NEVER;

        list_for_each(pos, &table->open) {
                const struct question *question = CONTAINER_OF(pos, struct question, link);

                if (question->deadline.ns < first.ns)
                        first = question->deadline;
        }
        return first;
}

/* The rule that an answer writes. */

static bool answer_subject(struct rule *r, const struct subject *s)
{
        const char *path = subject_rule_path(s);

        switch (s->kind) {
        case SUBJECT_UNKNOWN:
                r->subject = RULE_UNKNOWN;
                return true;
        case SUBJECT_KERNEL:
                r->subject = RULE_KERNEL;
                return true;
        case SUBJECT_PROGRAM:
                break;
        }
        r->subject = path ? RULE_PATH : RULE_NAME;
        r->program = strdup(path ? path : s->name);
        return r->program;
}

/* What the words of an answer cover. */
static const struct {
        const char *word;
        bool anywhere, any_port;
} scopes[] = {
        [ANSWER_PORT] = { "port", .anywhere = true },
        [ANSWER_ALL_PORTS] = { "all-ports", .anywhere = true, .any_port = true },
        [ANSWER_DESTINATION] = { "destination" },
        [ANSWER_ADDRESS] = { "address" },
        [ANSWER_HOST] = { "host", .any_port = true },
        [ANSWER_DOMAIN] = { "domain", .any_port = true },
};

/* The name that the program asked for; an unknown program asked for none. */
static const char *asked_host(const struct question *question)
{
        return question->subjects[0]->kind == SUBJECT_UNKNOWN ? NULL : hosts_first(&question->hosts);
}

/* Where the program asked for a name, that is its destination, and the address may be another the next time. */
static bool answer_where(struct rule *r, const struct question *question, enum answer_scope scope)
{
        const char *host = asked_host(question);

        if (!host || scope == ANSWER_ADDRESS)
                return rule_add_network(r, &question->flow.remote, 128) == 0;
        return scope == ANSWER_DOMAIN ? rule_add_host(r, question->domain, true) == 0 : rule_add_host(r, host, false) == 0;
}

/* "This port" of a protocol without ports is the protocol. */
static bool answer_port(struct rule *r, const struct flow *flow)
{
        if (protocol_has_ports(flow->protocol) && flow->remote_port != 0)
                return rule_add_ports(r, flow->remote_port, flow->remote_port) == 0;
        return rule_add_number(r, CRITERION_PROTOCOL, flow->protocol) == 0;
}

static bool answer_destination(struct rule *r, const struct question *question, enum answer_scope scope)
{
        /* Of an unknown program only the destination is known, whatever was asked for. */
        if ((!scopes[scope].anywhere || r->subject == RULE_UNKNOWN) && !answer_where(r, question, scope))
                return false;
        return scopes[scope].any_port || answer_port(r, &question->flow);
}

static const struct process *asking_process(const struct question *question)
{
        return question->n_held > 0 ? &question->held[0].process : &question->subjects[0]->process;
}

static bool answer_process(struct rule *r, const struct question *question)
{
        const struct process *process = asking_process(question);

        return process->pid == 0 || rule_set_process(r, process) == 0;
}

/* "Once" goes on for what the same process asks of the same class in the next seconds, and not an address further. */
static bool answer_once(struct rule *r, const struct question *question, enum answer_scope scope, struct boottime now)
{
        r->expires = boottime_add(now, ONCE_NS);
        if (question->whole_program && r->subject != RULE_UNKNOWN)
                return true; /* its class is the program */
        if (!answer_where(r, question, scope))
                return false;
        if (scopes[scope].any_port)
                return true;
        return answer_port(r, &question->flow) && rule_add_number(r, CRITERION_PROTOCOL, question->flow.protocol) == 0;
}

/* A program without path and name cannot be recognised again: what is said about it must not outlive this run. */
static bool is_nameless(const struct rule *r)
{
        return r->subject == RULE_NAME && !r->program[0];
}

/* Never longer than was said: where that cannot be done, shorter. */
static enum lifetime answer_lifetime(const struct rule *r, const struct question *question, enum lifetime lifetime)
{
        if (lifetime == LIFETIME_PROCESS && asking_process(question)->pid == 0)
                return LIFETIME_ONCE;
        return is_nameless(r) && (lifetime == LIFETIME_ALWAYS || lifetime == LIFETIME_REBOOT) ? LIFETIME_SESSION : lifetime;
}

/* 0 or a QUESTION_E_…: an answer about a name needs one. */
static int check_scope(const struct question *question, enum answer_scope scope)
{
        if (scope == ANSWER_HOST && !asked_host(question))
                return QUESTION_E_NO_HOST;
        return scope == ANSWER_DOMAIN && !(asked_host(question) && question->domain) ? QUESTION_E_NO_DOMAIN : 0;
}

int question_answer_rule(const struct question *question, const struct answer *answer, struct boottime now, struct rule **ret)
{
        _cleanup_(rule_freep) struct rule *r = rule_new(answer->allow ? ACTION_ALLOW : ACTION_DENY);
        _cleanup_(freep) char *key = NULL;
        const int refused = check_scope(question, answer->scope);

        if (refused)
                return refused;
        if (!r || !answer_subject(r, question->subjects[0]))
                return -ENOMEM;
        r->lifetime = answer_lifetime(r, question, answer->lifetime);
        if (r->lifetime == LIFETIME_UNTIL)
                r->ending = answer->ending;
        if ((r->lifetime == LIFETIME_ONCE || r->lifetime == LIFETIME_PROCESS) && !answer_process(r, question))
                return -ENOMEM;
        if (!(r->lifetime == LIFETIME_ONCE ? answer_once(r, question, answer->scope, now) : answer_destination(r, question, answer->scope)))
                return -ENOMEM;
        if (r->lifetime != LIFETIME_ALWAYS) {
                r->origin = lifetime_is_kept(r->lifetime) && !is_nameless(r) ? ORIGIN_LIST : ORIGIN_SESSION;
                *ret = TAKE_PTR(r);
                return 0;
        }
        key = rule_flat_key(r);
        if (!key && errno == ENOMEM)
                return -ENOMEM;
        r->origin = key ? ORIGIN_FLAT : ORIGIN_LIST;
        *ret = TAKE_PTR(r);
        return 0;
}

static const char *const state_names[] = {
        [QUESTION_OPEN] = "open",
        [QUESTION_ANSWERED] = "answered",
        [QUESTION_EXPIRED] = "expired",
        [QUESTION_ABANDONED] = "abandoned",
        [QUESTION_SUPERSEDED] = "superseded",
};

const char *question_state_name(enum question_state state)
{
        return state_names[state];
}

bool question_state_parse(const char *word, enum question_state *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
                if (strcmp(state_names[i], word) == 0) {
                        *ret = (enum question_state)i;
                        return true;
                }
        return false;
}

const char *answer_scope_name(enum answer_scope scope)
{
        return scopes[scope].word;
}

bool answer_scope_parse(const char *word, enum answer_scope *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
                if (strcmp(scopes[i].word, word) == 0) {
                        *ret = (enum answer_scope)i;
                        return true;
                }
        return false;
}
