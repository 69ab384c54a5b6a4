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
#include "core/pattern.h"
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
        for (unsigned i = 0; i < r->n_criteria; i++)
                criterion_deinit(&r->criteria[i]);
        free(r->criteria);
        free(r);
        return NULL;
}

/* False only when memory ran out; the copy of NULL is NULL. */
static bool copy_text(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

/* 0 or -ENOMEM; `to` has none yet. */
static int copy_criteria(const struct rule *from, struct rule *to)
{
        to->criteria = from->n_criteria ? calloc(from->n_criteria, sizeof(*to->criteria)) : NULL;
        if (from->n_criteria && !to->criteria)
                return -ENOMEM;
        for (; to->n_criteria < from->n_criteria; to->n_criteria++)
                if (criterion_copy(&from->criteria[to->n_criteria], &to->criteria[to->n_criteria]) < 0)
                        return -ENOMEM;
        return 0;
}

struct rule *rule_copy(const struct rule *r)
{
        _cleanup_(rule_freep) struct rule *copy = malloc(sizeof(*copy));

        if (!copy)
                return NULL;
        *copy = *r;
        copy->id = copy->program = copy->note = NULL;
        copy->criteria = NULL;
        copy->n_criteria = 0;
        if (copy_criteria(r, copy) < 0)
                return NULL;
        if (!copy_text(&copy->id, r->id) || !copy_text(&copy->program, r->program) || !copy_text(&copy->note, r->note))
                return NULL;
        return TAKE_PTR(copy);
}

/* Criteria. */

const struct criterion *rule_criterion(const struct rule *r, enum criterion_kind kind)
{
        if (!(r->has & CRITERION_BIT(kind)))
                return NULL;
        for (unsigned i = 0; i < r->n_criteria; i++)
                if (r->criteria[i].kind == kind)
                        return &r->criteria[i];
        return NULL;
}

/* The place of a kind, whether or not it is there. */
static unsigned place_of(const struct rule *r, enum criterion_kind kind)
{
        unsigned at = 0;

        while (at < r->n_criteria && r->criteria[at].kind < kind)
                at++;
        return at;
}

static int add_value(struct rule *r, enum criterion_kind kind, const union criterion_value *value)
{
        unsigned at = place_of(r, kind);
        struct criterion fresh = { .kind = (uint8_t)kind }, *grown;
        int error;

        if (r->has & CRITERION_BIT(kind))
                return criterion_add(&r->criteria[at], value);
        error = criterion_add(&fresh, value);
        if (error < 0)
                return error;
        grown = realloc(r->criteria, (r->n_criteria + 1) * sizeof(*grown));
        if (!grown) {
                criterion_deinit(&fresh);
                return -ENOMEM;
        }
        memmove(&grown[at + 1], &grown[at], (r->n_criteria - at) * sizeof(*grown));
        grown[at] = fresh;
        r->criteria = grown;
        r->n_criteria++;
        r->has |= CRITERION_BIT(kind);
        return 0;
}

static bool is_list_path(const char *text)
{
        return text[0] == '/' && strlen(text) < LIMIT_LIST_PATH;
}

int rule_add_text(struct rule *r, enum criterion_kind kind, const char *text)
{
        const union criterion_value value = { .text = (char *)text }; /* copied */

        if (!*text || (criterion_shape(kind) == SHAPE_PATTERN && pattern_check(text)) || (criterion_shape(kind) == SHAPE_FILE && !is_list_path(text)))
                return -EINVAL;
        return add_value(r, kind, &value);
}

int rule_add_host(struct rule *r, const char *host, bool below)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        buf_puts(&text, below ? "." : "");
        buf_puts(&text, host);
        return buf_error(&text) ? buf_error(&text) : rule_add_text(r, CRITERION_HOST, text.data);
}

int rule_add_number(struct rule *r, enum criterion_kind kind, uint32_t number)
{
        const union criterion_value value = { .number = number };

        if (kind == CRITERION_SCOPE && (r->has & CRITERION_BIT(kind))) {
                r->criteria[place_of(r, kind)].one.number |= number;
                return 0;
        }
        return add_value(r, kind, &value);
}

int rule_add_network(struct rule *r, const struct addr *addr, uint8_t prefix)
{
        const union criterion_value value = { .network = { .addr = *addr, .prefix = prefix } };
        struct addr masked;

        if (prefix > 128)
                return -EINVAL;
        masked = addr_masked(addr, prefix);
        return addr_equal(addr, &masked) ? add_value(r, CRITERION_NETWORK, &value) : -EINVAL;
}

int rule_add_ports(struct rule *r, uint16_t first, uint16_t last)
{
        const union criterion_value value = { .ports = { first, last } };

        return first == 0 || first > last ? -EINVAL : add_value(r, CRITERION_PORT, &value);
}

int rule_set_process(struct rule *r, const struct process *process)
{
        const union criterion_value value = { .process = *process };

        rule_drop_criterion(r, CRITERION_PROCESS);
        return add_value(r, CRITERION_PROCESS, &value);
}

const struct process *rule_process(const struct rule *r)
{
        const struct criterion *c = rule_criterion(r, CRITERION_PROCESS);

        return c ? &c->one.process : NULL;
}

void rule_negate(struct rule *r, enum criterion_kind kind)
{
        r->criteria[place_of(r, kind)].negated = true;
}

void rule_drop_criterion(struct rule *r, enum criterion_kind kind)
{
        unsigned at = place_of(r, kind);

        if (!(r->has & CRITERION_BIT(kind)))
                return;
        criterion_deinit(&r->criteria[at]);
        r->n_criteria--;
        memmove(&r->criteria[at], &r->criteria[at + 1], (r->n_criteria - at) * sizeof(*r->criteria));
        r->has &= ~CRITERION_BIT(kind);
}

int rule_settle_subject(struct rule *r)
{
        const struct criterion *programs = rule_criterion(r, CRITERION_PROGRAM);

        if (!programs || programs->negated || programs->n != 1 || !pattern_is_literal(programs->one.text))
                return 0;
        if (!copy_text(&r->program, programs->one.text))
                return -ENOMEM;
        pattern_unescape(r->program);
        r->subject = RULE_PATH;
        rule_drop_criterion(r, CRITERION_PROGRAM);
        return 0;
}

bool rule_begin(struct rule *r, const struct clocks *now)
{
        switch (r->lifetime) {
        case LIFETIME_UNTIL:
                return ending_begin(&r->ending, now, &r->expires);
        case LIFETIME_REBOOT:
                return ending_begin_boot(&r->ending, now);
        case LIFETIME_ONCE:
        case LIFETIME_PROCESS:
        case LIFETIME_SESSION:
        case LIFETIME_ALWAYS:
                break;
        }
        return true;
}

static bool matches_subject(const struct rule *r, const struct subject *s)
{
        const char *path;

        switch (r->subject) {
        case RULE_ANYONE:
                return true;
        case RULE_PROGRAMS: /* the criterion says which */
                return s->kind == SUBJECT_PROGRAM;
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

bool rule_may_match(const struct rule *r, const struct facts *facts, unsigned known, struct boottime now)
{
        if (r->disabled || boottime_reached(r->expires, now) || !matches_subject(r, facts->subject))
                return false;
        for (unsigned i = 0; i < r->n_criteria; i++)
                if ((known & CRITERION_BIT(r->criteria[i].kind)) && criterion_test(&r->criteria[i], facts) != CRITERION_TRUE)
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

bool rule_same_criteria(const struct rule *a, const struct rule *b)
{
        if (a->subject != b->subject || a->has != b->has || a->priority != b->priority)
                return false;
        if (has_program(a) && !same_text(a->program, b->program))
                return false;
        for (unsigned i = 0; i < a->n_criteria; i++)
                if (!criterion_equal(&a->criteria[i], &b->criteria[i]))
                        return false;
        return true;
}

uint64_t rule_criteria_hash(const struct rule *r, uint64_t seed)
{
        uint64_t words[] = { (uint64_t)r->subject << 32 | r->has, (uint32_t)r->priority };
        uint64_t hash = hash_bytes(seed, words, sizeof(words));

        for (unsigned i = 0; i < r->n_criteria; i++)
                hash = criterion_hash(&r->criteria[i], hash);
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
        case RULE_PROGRAMS:
                return 1;
        case RULE_KERNEL:
        case RULE_UNKNOWN:
        case RULE_NAME:
                return 2;
        case RULE_ANYONE:
                break;
        }
        return 3;
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

/*
 * Criterion by criterion, in the order of their kinds: who has one comes before who has none, the narrower before the wider. Where both lists agree
 * so far, the first place in which they differ is a kind that the one with the smaller number has and the other has not.
 */
static inline __attribute__((always_inline)) int compare_criteria(const struct rule *a, const struct rule *b, enum order_step *step)
{
        for (unsigned i = 0; i < a->n_criteria || i < b->n_criteria; i++) {
                unsigned a_kind = i < a->n_criteria ? a->criteria[i].kind : CRITERION_KIND_COUNT;
                unsigned b_kind = i < b->n_criteria ? b->criteria[i].kind : CRITERION_KIND_COUNT;
                unsigned a_width, b_width;

                *step = (enum order_step)(ORDER_CRITERION + MIN(a_kind, b_kind));
                if (a_kind != b_kind)
                        return a_kind < b_kind ? -1 : 1;
                a_width = criterion_width(&a->criteria[i]);
                b_width = criterion_width(&b->criteria[i]);
                if (a_width != b_width)
                        return a_width < b_width ? -1 : 1;
        }
        return 0;
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

        order = compare_criteria(a, b, step);
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
        const struct criterion *ports = rule_criterion(r, CRITERION_PORT), *network = rule_criterion(r, CRITERION_NETWORK);
        char port[8] = "*", text[ADDR_TEXT_MAX];

        if ((ports && ports->negated) || (network && network->negated))
                return false;
        if (ports) {
                if (ports->n != 1 || ports->one.ports.first != ports->one.ports.last)
                        return false;
                snprintf(port, sizeof(port), "%u", ports->one.ports.first);
        }
        if (network) {
                if (r->subject != RULE_UNKNOWN || network->n != 1 || network->one.network.prefix != 128)
                        return false;
                buf_printf(out, FLAT_DEST "%s:%s:*", addr_format(&network->one.network.addr, text), port);
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
        const unsigned flat_criteria = CRITERION_BIT(CRITERION_PORT) | CRITERION_BIT(CRITERION_NETWORK);

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
static bool parse_port(const char *text, uint16_t *ret)
{
        uint64_t port = 0;

        if (strcmp(text, "*") != 0 && !str_parse_u64(text, UINT16_MAX, &port))
                return false;
        *ret = (uint16_t)port;
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
static bool parse_dest(char *dest, const char *port, struct addr *ret_addr, uint16_t *ret_port)
{
        bool any_port = strcmp(port, "*") == 0 || strcmp(port, "0") == 0;
        char *inner = any_port ? cut_last_colon(dest) : NULL;

        if (inner) {
                if (parse_port(inner, ret_port) && addr_parse(dest, ret_addr))
                        return true;
                inner[-1] = ':'; /* it was part of the address */
        }
        return addr_parse(dest, ret_addr) && parse_port(port, ret_port);
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
        char *port_text = cut_last_colon(text);
        struct addr addr;
        uint16_t port;
        int error;

        if (port_text && str_has_prefix(text, FLAT_DEST)) {
                r->subject = RULE_UNKNOWN;
                *ret_expected = "@dest:<address>:<port>, the address without brackets, the port 1..65535 or *";
                if (!parse_dest(text + strlen(FLAT_DEST), port_text, &addr, &port))
                        return -EINVAL;
                error = rule_add_network(r, &addr, 128);
        } else {
                *ret_expected = "a colon and a port 1..65535 or * at the end";
                if (!port_text || !parse_port(port_text, &port))
                        return -EINVAL;
                *ret_expected = "an absolute path, @name:<name>, @dest:<address>:<port> or unknown before the port";
                error = parse_subject(text, r);
        }
        return error < 0 || port == 0 ? error : rule_add_ports(r, port, port);
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
