/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values are kept sorted and each once, so that two criteria mean the same exactly when they are equal. One value, which is what most rules
 * have, lies in the criterion itself: 100,000 rules are a matter of memory.
 */
#include "core/criterion.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/str.h"
#include "core/pattern.h"

static const struct {
        const char *name;
        enum criterion_shape shape;
        enum pattern_kind pattern;
} kinds[CRITERION_KIND_COUNT] = {
        [CRITERION_PROGRAM] = { "programs", SHAPE_PATTERN, PATTERN_PATH },
        [CRITERION_PROCESS] = { "process", SHAPE_PROCESS, PATTERN_TEXT },
        [CRITERION_ARGUMENT] = { "arguments", SHAPE_PATTERN, PATTERN_TEXT },
        [CRITERION_PARENT] = { "parents", SHAPE_PATTERN, PATTERN_PATH },
        [CRITERION_ANCESTOR] = { "ancestors", SHAPE_PATTERN, PATTERN_PATH },
        [CRITERION_UNIT] = { "units", SHAPE_PATTERN, PATTERN_TEXT },
        [CRITERION_CGROUP] = { "cgroups", SHAPE_PATTERN, PATTERN_PATH },
        [CRITERION_HOST] = { "hosts", SHAPE_HOST, PATTERN_TEXT },
        [CRITERION_LIST] = { "lists", SHAPE_FILE, PATTERN_TEXT },
        [CRITERION_NETWORK] = { "network", SHAPE_NETWORK, PATTERN_TEXT },
        [CRITERION_SCOPE] = { "scopes", SHAPE_SCOPES, PATTERN_TEXT },
        [CRITERION_PORT] = { "ports", SHAPE_PORTS, PATTERN_TEXT },
        [CRITERION_PROTOCOL] = { "protocol", SHAPE_PROTOCOL, PATTERN_TEXT },
        [CRITERION_USER] = { "uid", SHAPE_ID, PATTERN_TEXT },
        [CRITERION_GROUP] = { "gid", SHAPE_ID, PATTERN_TEXT },
        [CRITERION_INTERFACE] = { "interfaces", SHAPE_PATTERN, PATTERN_TEXT },
};

enum criterion_shape criterion_shape(enum criterion_kind kind)
{
        return kinds[kind].shape;
}

bool criterion_is_text(enum criterion_kind kind)
{
        return kinds[kind].shape == SHAPE_PATTERN || kinds[kind].shape == SHAPE_HOST || kinds[kind].shape == SHAPE_FILE;
}

bool criterion_is_path(enum criterion_kind kind)
{
        return kinds[kind].shape == SHAPE_PATTERN && kinds[kind].pattern == PATTERN_PATH;
}

const char *criterion_name(enum criterion_kind kind)
{
        return kinds[kind].name;
}

bool criterion_parse(const char *word, enum criterion_kind *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i].name, word) == 0) {
                        *ret = (enum criterion_kind)i;
                        return true;
                }
        return false;
}

/* Values. */

static int compare_numbers(uint64_t a, uint64_t b)
{
        return (a > b) - (a < b);
}

static int compare_networks(const struct network *a, const struct network *b)
{
        int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

        return order ? order : compare_numbers(a->prefix, b->prefix);
}

static int compare_ports(const struct port_range *a, const struct port_range *b)
{
        int order = compare_numbers(a->first, b->first);

        return order ? order : compare_numbers(a->last, b->last);
}

static int compare_values(enum criterion_kind kind, const union criterion_value *a, const union criterion_value *b)
{
        switch (kinds[kind].shape) {
        case SHAPE_PROCESS:
                return process_equal(&a->process, &b->process) ? 0 : 1;
        case SHAPE_PATTERN:
        case SHAPE_HOST:
        case SHAPE_FILE:
                return strcmp(a->text, b->text);
        case SHAPE_NETWORK:
                return compare_networks(&a->network, &b->network);
        case SHAPE_PORTS:
                return compare_ports(&a->ports, &b->ports);
        case SHAPE_SCOPES:
        case SHAPE_PROTOCOL:
        case SHAPE_ID:
                break;
        }
        return compare_numbers(a->number, b->number);
}

/* 0 or -ENOMEM. */
static int copy_value(enum criterion_kind kind, const union criterion_value *value, union criterion_value *ret)
{
        *ret = *value;
        if (criterion_is_text(kind))
                ret->text = strdup(value->text);
        return criterion_is_text(kind) && !ret->text ? -ENOMEM : 0;
}

int criterion_add(struct criterion *c, const union criterion_value *value)
{
        const union criterion_value *old = criterion_values(c);
        union criterion_value copy, *grown;
        unsigned at = 0;

        assert(c->n == 0 || (kinds[c->kind].shape != SHAPE_PROCESS && kinds[c->kind].shape != SHAPE_SCOPES));
        while (at < c->n && compare_values(c->kind, &old[at], value) < 0)
                at++;
        if (at < c->n && compare_values(c->kind, &old[at], value) == 0)
                return 0;
        if (c->n >= LIMIT_RULE_VALUES)
                return -E2BIG;
        if (copy_value(c->kind, value, &copy) < 0)
                return -ENOMEM;
        if (c->n == 0) {
                c->one = copy;
                c->n = 1;
                return 0;
        }
        grown = malloc((c->n + 1u) * sizeof(*grown));
        if (!grown) {
                if (criterion_is_text(c->kind))
                        free(copy.text);
                return -ENOMEM;
        }
        memcpy(grown, old, at * sizeof(*grown));
        grown[at] = copy;
        memcpy(&grown[at + 1], &old[at], (c->n - at) * sizeof(*grown));
        if (c->n > 1)
                free(c->many);
        c->many = grown;
        c->n++;
        return 0;
}

void criterion_deinit(struct criterion *c)
{
        const union criterion_value *values = criterion_values(c);

        if (criterion_is_text(c->kind))
                for (unsigned i = 0; i < c->n; i++)
                        free(values[i].text);
        if (c->n > 1)
                free(c->many);
        c->n = 0;
}

int criterion_copy(const struct criterion *c, struct criterion *ret)
{
        const union criterion_value *values = criterion_values(c);
        struct criterion copy = { .kind = c->kind, .negated = c->negated };

        for (unsigned i = 0; i < c->n; i++)
                if (criterion_add(&copy, &values[i]) < 0) {
                        criterion_deinit(&copy);
                        return -ENOMEM;
                }
        *ret = copy;
        return 0;
}

bool criterion_equal(const struct criterion *a, const struct criterion *b)
{
        const union criterion_value *of_a = criterion_values(a), *of_b = criterion_values(b);

        if (a->kind != b->kind || a->negated != b->negated || a->n != b->n)
                return false;
        for (unsigned i = 0; i < a->n; i++)
                if (compare_values(a->kind, &of_a[i], &of_b[i]) != 0)
                        return false;
        return true;
}

static uint64_t hash_value(enum criterion_kind kind, const union criterion_value *value, uint64_t seed)
{
        switch (kinds[kind].shape) {
        case SHAPE_PROCESS:
                return hash_bytes(seed, &value->process.pid, sizeof(value->process.pid));
        case SHAPE_PATTERN:
        case SHAPE_HOST:
        case SHAPE_FILE:
                return hash_bytes(seed, value->text, strlen(value->text));
        case SHAPE_NETWORK:
                return hash_bytes(seed ^ value->network.prefix, &value->network.addr, sizeof(value->network.addr));
        case SHAPE_PORTS:
                return hash_bytes(seed, &value->ports, sizeof(value->ports));
        case SHAPE_SCOPES:
        case SHAPE_PROTOCOL:
        case SHAPE_ID:
                break;
        }
        return hash_bytes(seed, &value->number, sizeof(value->number));
}

uint64_t criterion_hash(const struct criterion *c, uint64_t seed)
{
        const union criterion_value *values = criterion_values(c);
        uint64_t hash = seed ^ (uint64_t)c->kind << 1 ^ c->negated;

        for (unsigned i = 0; i < c->n; i++)
                hash = hash_value(c->kind, &values[i], hash);
        return hash;
}

/* Matching. */

/* True when one of the values, which are patterns, matches. */
static bool any_pattern(const struct criterion *c, const char *text, size_t n)
{
        const union criterion_value *values = criterion_values(c);

        for (unsigned i = 0; i < c->n; i++)
                if (pattern_matches(values[i].text, kinds[c->kind].pattern, text, n))
                        return true;
        return false;
}

static enum criterion_truth test_path(const struct criterion *c, const char *path)
{
        return path ? any_pattern(c, path, strlen(path)) : CRITERION_NOT_KNOWN;
}

/* argv[0] is what the caller calls the program: no argument. What was cut off may be anything. */
static enum criterion_truth test_arguments(const struct criterion *c, const struct subject *s)
{
        const char *at = s->arguments, *end;

        if (!at || s->n_arguments == 0)
                return CRITERION_NOT_KNOWN;
        end = at + s->n_arguments;
        for (at += strlen(at) + 1; at < end; at += strlen(at) + 1) {
                size_t n = strlen(at);

                if (s->arguments_cut && at + n + 1 >= end)
                        break;
                if (any_pattern(c, at, n))
                        return CRITERION_TRUE;
        }
        return s->arguments_cut ? CRITERION_NOT_KNOWN : CRITERION_FALSE;
}

/* The first process has no parent: a chain that ends with it is whole. */
static bool knows_ancestors(const struct subject *s)
{
        for (unsigned i = 0; i < s->n_ancestors; i++)
                if (!s->ancestors[i].path)
                        return false;
        return s->n_ancestors > 0 && s->ancestors[s->n_ancestors - 1].pid == 1;
}

static enum criterion_truth test_ancestors(const struct criterion *c, const struct subject *s)
{
        for (unsigned i = 0; i < s->n_ancestors; i++)
                if (s->ancestors[i].path && any_pattern(c, s->ancestors[i].path, strlen(s->ancestors[i].path)))
                        return CRITERION_TRUE;
        return knows_ancestors(s) ? CRITERION_FALSE : CRITERION_NOT_KNOWN;
}

static enum criterion_truth test_unit(const struct criterion *c, const char *cgroup)
{
        if (!cgroup)
                return CRITERION_NOT_KNOWN;
        while (*cgroup) {
                size_t n = strcspn(cgroup, "/");

                if (n > 0 && any_pattern(c, cgroup, n))
                        return CRITERION_TRUE;
                cgroup += n + (cgroup[n] == '/');
        }
        return CRITERION_FALSE;
}

/* `wanted` is a name, or ".name" for it and all below it. */
static bool host_matches(const char *wanted, const char *host)
{
        size_t n_wanted = strlen(wanted), n_host = strlen(host);

        if (wanted[0] != '.')
                return strcmp(wanted, host) == 0;
        if (strcmp(wanted + 1, host) == 0)
                return true;
        return n_host > n_wanted && strcmp(host + n_host - n_wanted, wanted) == 0;
}

static bool any_host(const struct criterion *c, const char *host)
{
        const union criterion_value *values = criterion_values(c);

        for (unsigned i = 0; i < c->n; i++)
                if (host_matches(values[i].text, host))
                        return true;
        return false;
}

/* An address with several names is each of them; `host` is the first. */
static enum criterion_truth test_host(const struct criterion *c, const struct facts *facts)
{
        if (!facts->host)
                return CRITERION_NOT_KNOWN;
        if (any_host(c, facts->host))
                return CRITERION_TRUE;
        for (unsigned i = 1; facts->hosts && i < facts->hosts->n; i++)
                if (any_host(c, facts->hosts->names[i]))
                        return CRITERION_TRUE;
        return CRITERION_FALSE;
}

/* The entry, or NULL. */
static const char *find_in_list(const struct hostset *set, const struct facts *facts, bool *ret_below)
{
        const char *entry = hostset_find(set, facts->host, ret_below);

        for (unsigned i = 1; !entry && facts->hosts && i < facts->hosts->n; i++)
                entry = hostset_find(set, facts->hosts->names[i], ret_below);
        return entry;
}

bool criterion_find_listed(const struct criterion *c, const struct facts *facts, struct listed *ret)
{
        const union criterion_value *values = criterion_values(c);

        for (unsigned i = 0; i < c->n && facts->host; i++) {
                const struct hostset *set = hostsets_find(facts->lists, values[i].text);

                ret->path = values[i].text;
                ret->name = set ? find_in_list(set, facts, &ret->below) : NULL;
                if (ret->name)
                        return true;
        }
        return false;
}

/* What a list says that could not be read nobody knows. */
static enum criterion_truth test_list(const struct criterion *c, const struct facts *facts)
{
        const union criterion_value *values = criterion_values(c);
        struct listed listed;

        if (!facts->host)
                return CRITERION_NOT_KNOWN;
        if (criterion_find_listed(c, facts, &listed))
                return CRITERION_TRUE;
        for (unsigned i = 0; i < c->n; i++)
                if (!hostsets_find(facts->lists, values[i].text))
                        return CRITERION_NOT_KNOWN;
        return CRITERION_FALSE;
}

static enum criterion_truth test_network(const struct criterion *c, const struct addr *remote)
{
        const union criterion_value *values = criterion_values(c);

        for (unsigned i = 0; i < c->n; i++)
                if (addr_in_prefix(remote, &values[i].network.addr, values[i].network.prefix))
                        return CRITERION_TRUE;
        return CRITERION_FALSE;
}

static enum criterion_truth test_port(const struct criterion *c, const struct flow *flow)
{
        const union criterion_value *values = criterion_values(c);

        if (!protocol_has_ports(flow->protocol))
                return CRITERION_NOT_KNOWN;
        for (unsigned i = 0; i < c->n; i++)
                if (flow->remote_port >= values[i].ports.first && flow->remote_port <= values[i].ports.last)
                        return CRITERION_TRUE;
        return CRITERION_FALSE;
}

static enum criterion_truth test_number(const struct criterion *c, uint32_t number)
{
        const union criterion_value *values = criterion_values(c);

        for (unsigned i = 0; i < c->n; i++)
                if (values[i].number == number)
                        return CRITERION_TRUE;
        return CRITERION_FALSE;
}

/* (uid_t)-1 is nobody's number: it stands for "not known" in a subject and must not match a rule that says it too. There it stands for a
 * name that this machine does not know: all but nobody would be all. Values are in order, and it is the greatest. */
static enum criterion_truth test_id(const struct criterion *c, uint32_t id)
{
        bool nobody = c->negated && criterion_values(c)[c->n - 1].number == UINT32_MAX;

        return id == UINT32_MAX || nobody ? CRITERION_NOT_KNOWN : test_number(c, id);
}

static enum criterion_truth test_values(const struct criterion *c, const struct facts *facts)
{
        const struct subject *s = facts->subject;

        switch ((enum criterion_kind)c->kind) {
        case CRITERION_PROCESS:
                return process_equal(&c->one.process, &s->process);
        case CRITERION_PROGRAM:
                return test_path(c, subject_rule_path(s));
        case CRITERION_ARGUMENT:
                return test_arguments(c, s);
        case CRITERION_PARENT:
                return test_path(c, s->n_ancestors > 0 ? s->ancestors[0].path : NULL);
        case CRITERION_ANCESTOR:
                return test_ancestors(c, s);
        case CRITERION_UNIT:
                return test_unit(c, s->cgroup);
        case CRITERION_CGROUP:
                return test_path(c, s->cgroup);
        case CRITERION_HOST:
                return test_host(c, facts);
        case CRITERION_LIST:
                return test_list(c, facts);
        case CRITERION_NETWORK:
                return test_network(c, &facts->flow->remote);
        case CRITERION_SCOPE:
                return (c->one.number & facts->scopes) != 0;
        case CRITERION_PORT:
                return test_port(c, facts->flow);
        case CRITERION_PROTOCOL:
                return test_number(c, facts->flow->protocol);
        case CRITERION_USER:
                return test_id(c, s->uid);
        case CRITERION_GROUP:
                return test_id(c, s->gid);
        case CRITERION_INTERFACE:
                return facts->interface ? any_pattern(c, facts->interface, strlen(facts->interface)) : CRITERION_NOT_KNOWN;
        case CRITERION_KIND_COUNT:
                break;
        }
        return CRITERION_NOT_KNOWN;
}

enum criterion_truth criterion_test(const struct criterion *c, const struct facts *facts)
{
        enum criterion_truth truth = test_values(c, facts);

        if (!c->negated || truth == CRITERION_NOT_KNOWN)
                return truth;
        return truth == CRITERION_TRUE ? CRITERION_FALSE : CRITERION_TRUE;
}

static const struct {
        unsigned fact, kinds;
} asked[] = {
        { SUBJECT_ARGUMENTS, CRITERION_BIT(CRITERION_ARGUMENT) },
        { SUBJECT_ANCESTORS, CRITERION_BIT(CRITERION_PARENT) | CRITERION_BIT(CRITERION_ANCESTOR) },
        { SUBJECT_CGROUP, CRITERION_BIT(CRITERION_UNIT) | CRITERION_BIT(CRITERION_CGROUP) },
};

unsigned criteria_of_facts(unsigned subject_facts)
{
        unsigned answered = 0;

        for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
                answered |= subject_facts & asked[i].fact ? asked[i].kinds : 0;
        return answered;
}

unsigned facts_of_criteria(unsigned criteria)
{
        unsigned subject_facts = 0;

        for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
                subject_facts |= criteria & asked[i].kinds ? asked[i].fact : 0;
        return subject_facts;
}

unsigned facts_unknown(const struct facts *facts)
{
        const struct subject *s = facts->subject;
        unsigned unknown = 0;

        if (!s->arguments || s->arguments_cut)
                unknown |= CRITERION_BIT(CRITERION_ARGUMENT);
        if (s->n_ancestors == 0 || !s->ancestors[0].path)
                unknown |= CRITERION_BIT(CRITERION_PARENT);
        if (!knows_ancestors(s))
                unknown |= CRITERION_BIT(CRITERION_ANCESTOR);
        if (!s->cgroup)
                unknown |= CRITERION_BIT(CRITERION_UNIT) | CRITERION_BIT(CRITERION_CGROUP);
        if (!facts->host)
                unknown |= CRITERIA_OF_NAMES;
        if (!facts->interface)
                unknown |= CRITERION_BIT(CRITERION_INTERFACE);
        return unknown;
}

/* The order of decision. */

static unsigned labels(const char *host)
{
        unsigned n = 1;

        for (; *host; host++)
                n += *host == '.';
        return n;
}

/* One host is narrower than any domain, and a domain the more names it is below. */
static unsigned host_width(const char *host)
{
        return host[0] == '.' ? 256 - MIN(labels(host + 1), 255u) : 0;
}

static unsigned value_width(enum criterion_kind kind, const union criterion_value *value)
{
        switch (kinds[kind].shape) {
        case SHAPE_HOST:
                return host_width(value->text);
        case SHAPE_NETWORK:
                return 128 - value->network.prefix;
        case SHAPE_PATTERN:
                return pattern_is_literal(value->text) ? 0 : LIMIT_PATTERN + 1 - (unsigned)strlen(value->text);
        case SHAPE_PORTS: /* count_ports() */
        case SHAPE_FILE:
        case SHAPE_SCOPES:
        case SHAPE_PROCESS:
        case SHAPE_PROTOCOL:
        case SHAPE_ID:
                break;
        }
        return 0;
}

/* Each port once: ranges are kept in the order of their first ports, and may overlap. */
static unsigned count_ports(const struct criterion *c)
{
        const union criterion_value *values = criterion_values(c);
        unsigned n = 0, next = 0; /* the first port that is not counted yet */

        for (unsigned i = 0; i < c->n; i++) {
                const struct port_range *range = &values[i].ports;

                if (range->last < next)
                        continue;
                n += range->last + 1u - MAX(next, range->first);
                next = range->last + 1u;
        }
        return n;
}

/* Ports are counted; of networks, hosts and patterns the widest tells. */
unsigned criterion_width(const struct criterion *c)
{
        const union criterion_value *values = criterion_values(c);
        unsigned widest = 0;

        if (c->negated)
                return UINT32_MAX;
        if (kinds[c->kind].shape == SHAPE_PORTS)
                return count_ports(c);
        for (unsigned i = 0; i < c->n; i++) {
                unsigned width = value_width(c->kind, &values[i]);

                widest = MAX(widest, width);
        }
        return widest;
}

/* Covering. */

static bool value_covers(enum criterion_kind kind, const union criterion_value *a, const union criterion_value *b)
{
        switch (kinds[kind].shape) {
        case SHAPE_HOST:
                if (strcmp(a->text, b->text) == 0)
                        return true;
                return a->text[0] == '.' && host_matches(a->text, b->text[0] == '.' ? b->text + 1 : b->text);
        case SHAPE_NETWORK:
                return a->network.prefix <= b->network.prefix && addr_in_prefix(&b->network.addr, &a->network.addr, a->network.prefix);
        case SHAPE_PORTS:
                return a->ports.first <= b->ports.first && b->ports.last <= a->ports.last;
        case SHAPE_SCOPES:
                return (b->number & ~a->number) == 0;
        case SHAPE_PATTERN:
                if (strcmp(a->text, b->text) == 0)
                        return true;
                /* A literal with a backslash in it is rare enough to be left alone. */
                return pattern_is_literal(b->text) && !strchr(b->text, '\\') &&
                       pattern_matches(a->text, kinds[kind].pattern, b->text, strlen(b->text));
        case SHAPE_FILE:
        case SHAPE_PROCESS:
        case SHAPE_PROTOCOL:
        case SHAPE_ID:
                break;
        }
        return compare_values(kind, a, b) == 0;
}

static bool any_value_covers(const struct criterion *a, const union criterion_value *b)
{
        const union criterion_value *values = criterion_values(a);

        for (unsigned i = 0; i < a->n; i++)
                if (value_covers(a->kind, &values[i], b))
                        return true;
        return false;
}

/* Each value of `b` lies in one of `a`. */
static bool values_cover(const struct criterion *a, const struct criterion *b)
{
        const union criterion_value *values = criterion_values(b);

        for (unsigned i = 0; i < b->n; i++)
                if (!any_value_covers(a, &values[i]))
                        return false;
        return true;
}

bool criterion_covers(const struct criterion *a, const struct criterion *b)
{
        if (a->negated != b->negated)
                return false;
        return a->negated ? values_cover(b, a) : values_cover(a, b);
}
