/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule is data; this file says when it matches, when two mean the same connections, which of two comes first, and how the
 * old flat form spells one. The flat form is older than typed rules and ambiguous for IPv6 ("@dest:fe80::1:2:*"), so there is
 * one reading order (port before address) and the written form always ends in ":*", which that order reads back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/str.h"
#include "core/ruleset.h"

#define FLAT_NAME    "@name:"
#define FLAT_DEST    "@dest:"
#define FLAT_UNKNOWN "unknown"

struct rule *rule_new(enum action action)
{
        struct rule *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        r->action = action;
        r->lifetime = LIFETIME_ALWAYS;
        r->origin = ORIGIN_LIST;
        r->priority = PRIORITY_DEFAULT;
        r->subject = RULE_ANYONE;
        r->expires = BOOTTIME_NEVER;
        return r;
}

struct rule *rule_free(struct rule *r)
{
        if (!r)
                return NULL;
        free(r->id);
        free(r->program);
        free(r->note);
        free(r);
        return NULL;
}

/* False only when memory ran out; the copy of NULL is NULL. */
static bool copy_text(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

struct rule *rule_copy(const struct rule *r)
{
        _cleanup_(rule_freep) struct rule *copy = malloc(sizeof(*copy));

        if (!copy)
                return NULL;
        *copy = *r;
        copy->id = copy->program = copy->note = NULL;
        if (!copy_text(&copy->id, r->id) || !copy_text(&copy->program, r->program) || !copy_text(&copy->note, r->note))
                return NULL;
        return TAKE_PTR(copy);
}

static bool matches_subject(const struct rule *r, const struct subject *s)
{
        const char *path;

        switch (r->subject) {
        case RULE_ANYONE:
                return true;
        case RULE_PATH:
                path = subject_rule_path(s);
                return path && r->program && strcmp(path, r->program) == 0;
        case RULE_NAME:
                return s->kind == SUBJECT_PROGRAM && r->program && strcmp(s->name, r->program) == 0;
        case RULE_UNKNOWN:
                return s->kind == SUBJECT_UNKNOWN;
        case RULE_KERNEL:
                return s->kind == SUBJECT_KERNEL;
        }
        return false;
}

static bool matches_ports(const struct rule *r, const struct flow *flow)
{
        if (!protocol_has_ports(flow->protocol))
                return false;
        for (unsigned i = 0; i < r->n_ports; i++)
                if (flow->remote_port >= r->ports[i].first && flow->remote_port <= r->ports[i].last)
                        return true;
        return false;
}

/* (uid_t)-1 is nobody's number: it stands for "not known" in a subject and must not match a rule that says it too. */
static bool matches_number(uint32_t wanted, uint32_t actual)
{
        return actual != UINT32_MAX && wanted == actual;
}

bool rule_may_match(const struct rule *r, const struct facts *facts, unsigned known, struct boottime now)
{
        const struct subject *s = facts->subject;
        const struct flow *flow = facts->flow;
        unsigned has = r->has & known;

        if (r->disabled || boottime_reached(r->expires, now))
                return false;

        if (!matches_subject(r, s))
                return false;

        if ((has & RULE_HAS_PROCESS) && !process_equal(&r->process, &s->process))
                return false;

        if ((has & RULE_HAS_NETWORK) && !addr_in_prefix(&flow->remote, &r->network, r->prefix))
                return false;

        if ((has & RULE_HAS_SCOPES) && !(r->scopes & facts->scopes))
                return false;

        if ((has & RULE_HAS_PORTS) && !matches_ports(r, flow))
                return false;

        if ((has & RULE_HAS_PROTOCOL) && r->protocol != flow->protocol)
                return false;

        if ((has & RULE_HAS_UID) && !matches_number(r->uid, s->uid))
                return false;

        if ((has & RULE_HAS_GID) && !matches_number(r->gid, s->gid))
                return false;

        return true;
}

bool rule_matches(const struct rule *r, const struct facts *facts, struct boottime now)
{
        return rule_may_match(r, facts, RULE_HAS_EVERYTHING, now);
}

static bool same_text(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool has_program(const struct rule *r)
{
        return r->subject == RULE_PATH || r->subject == RULE_NAME;
}

static bool same_ports(const struct rule *a, const struct rule *b)
{
        if (a->n_ports != b->n_ports)
                return false;
        for (unsigned i = 0; i < a->n_ports; i++)
                if (a->ports[i].first != b->ports[i].first || a->ports[i].last != b->ports[i].last)
                        return false;
        return true;
}

bool rule_same_criteria(const struct rule *a, const struct rule *b)
{
        if (a->subject != b->subject || a->has != b->has || a->priority != b->priority)
                return false;
        if (has_program(a) && !same_text(a->program, b->program))
                return false;
        if ((a->has & RULE_HAS_PORTS) && !same_ports(a, b))
                return false;
        if ((a->has & RULE_HAS_PROTOCOL) && a->protocol != b->protocol)
                return false;
        if ((a->has & RULE_HAS_NETWORK) && (a->prefix != b->prefix || !addr_in_prefix(&a->network, &b->network, a->prefix)))
                return false;
        if ((a->has & RULE_HAS_SCOPES) && a->scopes != b->scopes)
                return false;
        if ((a->has & RULE_HAS_UID) && a->uid != b->uid)
                return false;
        if ((a->has & RULE_HAS_GID) && a->gid != b->gid)
                return false;
        return !(a->has & RULE_HAS_PROCESS) || process_equal(&a->process, &b->process);
}

uint64_t rule_criteria_hash(const struct rule *r, uint64_t seed)
{
        struct addr network = r->has & RULE_HAS_NETWORK ? addr_masked(&r->network, r->prefix) : (struct addr){ 0 };
        uint64_t words[] = {
                (uint64_t)r->subject << 32 | r->has,
                r->has & RULE_HAS_NETWORK ? r->prefix : 0,
                (uint64_t)(uint32_t)r->priority << 32 | (r->has & RULE_HAS_PROTOCOL ? r->protocol : 0),
                (uint64_t)(r->has & RULE_HAS_UID ? r->uid : 0) << 32 | (r->has & RULE_HAS_GID ? r->gid : 0),
                r->has & RULE_HAS_SCOPES ? r->scopes : 0,
                r->has & RULE_HAS_PROCESS ? r->process.pid : 0,
        };
        uint64_t hash = hash_bytes(seed, words, sizeof(words)) ^ hash_bytes(seed, &network, sizeof(network));

        if (r->has & RULE_HAS_PORTS)
                hash = hash_bytes(seed ^ hash, r->ports, r->n_ports * sizeof(r->ports[0]));
        if (has_program(r) && r->program)
                hash = hash_bytes(seed ^ hash, r->program, strlen(r->program));
        return hash;
}

/* Smaller is earlier, for each step of the order in ruleset.h. */
static int subject_rank(enum rule_subject subject)
{
        switch (subject) {
        case RULE_PATH:
                return 0;
        case RULE_KERNEL:
        case RULE_UNKNOWN:
        case RULE_NAME:
                return 1;
        case RULE_ANYONE:
                break;
        }
        return 2;
}

static int action_rank(enum action action)
{
        switch (action) {
        case ACTION_DENY:
                return 0;
        case ACTION_ASK:
                return 1;
        case ACTION_ALLOW:
                break;
        }
        return 2;
}

/* How many ports a rule names; "any" is more than every list. */
static unsigned port_span(const struct rule *r)
{
        unsigned span = 0;

        if (!(r->has & RULE_HAS_PORTS))
                return UINT32_MAX;
        for (unsigned i = 0; i < r->n_ports; i++)
                span += (unsigned)r->ports[i].last - r->ports[i].first + 1;
        return span;
}

/* -1: `a` has the criterion and `b` has not; 1: the reverse. */
static int compare_presence(const struct rule *a, const struct rule *b, unsigned criterion)
{
        return !(a->has & criterion) - !(b->has & criterion);
}

/* A longer prefix first, none last. */
static int compare_network(const struct rule *a, const struct rule *b)
{
        int a_bits = a->has & RULE_HAS_NETWORK ? a->prefix : -1;
        int b_bits = b->has & RULE_HAS_NETWORK ? b->prefix : -1;

        return (a_bits < b_bits) - (a_bits > b_bits);
}

static int compare_ports(const struct rule *a, const struct rule *b)
{
        unsigned a_span = port_span(a), b_span = port_span(b);

        return (a_span > b_span) - (a_span < b_span);
}

static int compare_priority(const struct rule *a, const struct rule *b)
{
        return (a->priority < b->priority) - (a->priority > b->priority);
}

static int compare_subject(const struct rule *a, const struct rule *b)
{
        return subject_rank(a->subject) - subject_rank(b->subject);
}

static int compare_action(const struct rule *a, const struct rule *b)
{
        return action_rank(a->action) - action_rank(b->action);
}

/* Inlined into each of its two callers: decisions compare often and ask for no step, which then costs nothing. */
static inline __attribute__((always_inline)) int compare(const struct rule *a, const struct rule *b, enum order_step *step)
{
        int order;

        *step = ORDER_PRIORITY;
        order = compare_priority(a, b);
        if (order != 0)
                return order;

        *step = ORDER_SUBJECT;
        order = compare_subject(a, b);
        if (order != 0)
                return order;

        *step = ORDER_PROCESS;
        order = compare_presence(a, b, RULE_HAS_PROCESS);
        if (order != 0)
                return order;

        *step = ORDER_NETWORK;
        order = compare_network(a, b);
        if (order != 0)
                return order;

        *step = ORDER_SCOPES;
        order = compare_presence(a, b, RULE_HAS_SCOPES);
        if (order != 0)
                return order;

        *step = ORDER_PORTS;
        order = compare_ports(a, b);
        if (order != 0)
                return order;

        *step = ORDER_PROTOCOL;
        order = compare_presence(a, b, RULE_HAS_PROTOCOL);
        if (order != 0)
                return order;

        *step = ORDER_UID;
        order = compare_presence(a, b, RULE_HAS_UID);
        if (order != 0)
                return order;

        *step = ORDER_GID;
        order = compare_presence(a, b, RULE_HAS_GID);
        if (order != 0)
                return order;

        *step = ORDER_ACTION;
        order = compare_action(a, b);
        if (order != 0)
                return order;

        *step = ORDER_ID;
        return strcmp(a->id ? a->id : "", b->id ? b->id : "");
}

int rule_compare_step(const struct rule *a, const struct rule *b, enum order_step *ret_step)
{
        return compare(a, b, ret_step);
}

int rule_compare(const struct rule *a, const struct rule *b)
{
        enum order_step step;

        return compare(a, b, &step);
}

/* Canonical flat spelling, without a look at the rule's id. False: it cannot be said that way. */
static bool put_flat_key(const struct rule *r, struct buf *out)
{
        bool one_port = r->n_ports == 1 && r->ports[0].first == r->ports[0].last;
        char port[8] = "*", text[ADDR_TEXT_MAX];

        if (r->has & RULE_HAS_PORTS) {
                if (!one_port)
                        return false;
                snprintf(port, sizeof(port), "%u", r->ports[0].first);
        }
        if (r->has & RULE_HAS_NETWORK) {
                if (r->subject != RULE_UNKNOWN || r->prefix != 128)
                        return false;
                buf_printf(out, FLAT_DEST "%s:%s:*", addr_format(&r->network, text), port);
                return true;
        }
        if (r->subject == RULE_UNKNOWN)
                buf_printf(out, FLAT_UNKNOWN ":%s", port);
        else if (r->subject == RULE_PATH && r->program && r->program[0] == '/')
                buf_printf(out, "%s:%s", r->program, port);
        else if (r->subject == RULE_NAME && r->program && r->program[0])
                buf_printf(out, FLAT_NAME "%s:%s", r->program, port);
        else
                return false;
        return true;
}

static bool is_flat(const struct rule *r)
{
        const unsigned flat_criteria = RULE_HAS_PORTS | RULE_HAS_NETWORK;

        return !(r->has & ~flat_criteria) && r->action != ACTION_ASK && r->lifetime == LIFETIME_ALWAYS &&
               r->expires.ns == BOOTTIME_NEVER.ns && !r->disabled && r->priority == PRIORITY_DEFAULT && !r->note;
}

/* True when the rule's id is itself a flat key for the same connections: people's own spelling is kept. */
static bool id_is_flat_key(const struct rule *r)
{
        _cleanup_(rule_freep) struct rule *spelled = NULL;
        const char *expected;

        return r->id && rule_from_flat_key(r->id, true, &spelled, &expected) == 0 && rule_same_criteria(r, spelled);
}

char *rule_flat_key(const struct rule *r)
{
        _cleanup_(buf_deinit) struct buf key = { .max = LIMIT_RULE_ID - 1 };
        char *text;

        errno = 0;
        if (!is_flat(r) || !put_flat_key(r, &key) || buf_error(&key) == -E2BIG) {
                errno = 0;
                return NULL;
        }
        text = id_is_flat_key(r) ? strdup(r->id) : buf_take(&key);
        errno = text ? 0 : ENOMEM;
        return text;
}

/* Reads a port or "*" (also spelled "0"). */
static bool parse_port(const char *text, struct rule *r)
{
        uint64_t port;

        if (strcmp(text, "*") == 0)
                port = 0;
        else if (!str_parse_u64(text, UINT16_MAX, &port))
                return false;
        if (port == 0)
                return true;
        r->has |= RULE_HAS_PORTS;
        r->ports[0] = (struct port_range){ (uint16_t)port, (uint16_t)port };
        r->n_ports = 1;
        return true;
}

static bool parse_address(const char *text, struct rule *r)
{
        if (!addr_parse(text, &r->network))
                return false;
        r->has |= RULE_HAS_NETWORK;
        r->prefix = 128;
        return true;
}

/* Cuts `text` at its last colon and returns what follows, or NULL. */
static char *cut_last_colon(char *text)
{
        char *colon = strrchr(text, ':');

        if (!colon)
                return NULL;
        *colon = '\0';
        return colon + 1;
}

/* `dest` is what stands between "@dest:" and the last colon, `port` what follows that. With "*" there, the address's own
 * port may come before it: "<ip>:<port>:*". */
static bool parse_dest(char *dest, const char *port, struct rule *r)
{
        bool any_port = strcmp(port, "*") == 0 || strcmp(port, "0") == 0;
        char *inner = any_port ? cut_last_colon(dest) : NULL;

        if (inner) {
                if (parse_port(inner, r) && parse_address(dest, r))
                        return true;
                inner[-1] = ':'; /* it was part of the address */
                r->has = 0;
                r->n_ports = 0;
        }
        return parse_address(dest, r) && parse_port(port, r);
}

/* The subject's words, `text` being cut from its port already. 0, -ENOMEM or -EINVAL. */
static int parse_subject(const char *text, struct rule *r)
{
        const char *program = NULL;

        if (text[0] == '/') {
                r->subject = RULE_PATH;
                program = text;
        } else if (str_has_prefix(text, FLAT_NAME) && text[strlen(FLAT_NAME)]) {
                r->subject = RULE_NAME;
                program = text + strlen(FLAT_NAME);
        } else if (strcmp(text, FLAT_UNKNOWN) == 0) {
                r->subject = RULE_UNKNOWN;
        } else {
                return -EINVAL;
        }
        return copy_text(&r->program, program) ? 0 : -ENOMEM;
}

/* Fills the criteria from `text`, which it cuts up. */
static int parse_flat(char *text, struct rule *r, const char **ret_expected)
{
        char *port = cut_last_colon(text);

        if (port && str_has_prefix(text, FLAT_DEST)) {
                r->subject = RULE_UNKNOWN;
                if (parse_dest(text + strlen(FLAT_DEST), port, r))
                        return 0;
                *ret_expected = "@dest:<address>:<port>, the address without brackets, the port 1..65535 or *";
                return -EINVAL;
        }
        if (!port || !parse_port(port, r)) {
                *ret_expected = "a colon and a port 1..65535 or * at the end";
                return -EINVAL;
        }
        *ret_expected = "an absolute path, @name:<name>, @dest:<address>:<port> or unknown before the port";
        return parse_subject(text, r);
}

int rule_from_flat_key(const char *key, bool allow, struct rule **ret, const char **ret_expected)
{
        _cleanup_(rule_freep) struct rule *r = NULL;
        _cleanup_(freep) char *text = NULL;
        int error;

        *ret_expected = NULL;
        if (strlen(key) >= LIMIT_RULE_ID) {
                *ret_expected = "a key shorter than 4352 bytes";
                return -EINVAL;
        }
        r = rule_new(allow ? ACTION_ALLOW : ACTION_DENY);
        text = strdup(key);
        if (!r || !text || !copy_text(&r->id, key))
                return -ENOMEM;
        r->origin = ORIGIN_FLAT;
        error = parse_flat(text, r, ret_expected);
        if (error < 0)
                return error;
        *ret_expected = NULL;
        *ret = TAKE_PTR(r);
        return 0;
}

static const char *const action_names[] = { [ACTION_ALLOW] = "allow", [ACTION_DENY] = "deny", [ACTION_ASK] = "ask" };

static const char *const lifetime_names[] = {
        [LIFETIME_ONCE] = "once",
        [LIFETIME_SESSION] = "session",
        [LIFETIME_ALWAYS] = "always",
};

static const char *const origin_names[] = {
        [ORIGIN_FLAT] = "flat",
        [ORIGIN_LIST] = "list",
        [ORIGIN_FACTORY] = "factory",
        [ORIGIN_FILE] = "file",
        [ORIGIN_SESSION] = "session",
};

/* Index of `word` in `names`, or -1. */
static int find_word(const char *const *names, size_t n, const char *word)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], word) == 0)
                        return (int)i;
        return -1;
}

const char *action_name(enum action action)
{
        return action_names[action];
}

bool action_parse(const char *word, enum action *ret)
{
        int i = find_word(action_names, ARRAY_SIZE(action_names), word);

        if (i >= 0)
                *ret = (enum action)i;
        return i >= 0;
}

const char *lifetime_name(enum lifetime lifetime)
{
        return lifetime_names[lifetime];
}

bool lifetime_parse(const char *word, enum lifetime *ret)
{
        int i = find_word(lifetime_names, ARRAY_SIZE(lifetime_names), word);

        if (i >= 0)
                *ret = (enum lifetime)i;
        return i >= 0;
}

const char *rule_origin_name(enum rule_origin origin)
{
        return origin_names[origin];
}

bool rule_origin_parse(const char *word, enum rule_origin *ret)
{
        int i = find_word(origin_names, ARRAY_SIZE(origin_names), word);

        if (i >= 0)
                *ret = (enum rule_origin)i;
        return i >= 0;
}
