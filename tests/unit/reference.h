/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules' meaning once more, as plainly as it can be said: from what ruleset.h, criterion.h, pattern.h and bastion-rules(5) promise,
 * and without a function of core/: no index, no sorted values, no arithmetic on words. Every rule is asked, every value is tried, bits
 * are compared one by one, and patterns try every way. Slow, and right where it can be read; what core/ says must be the same.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/ruleset.h"
#include "lists.h"

enum reference_truth { REFERENCE_NO, REFERENCE_YES, REFERENCE_UNKNOWN };

/* Patterns. */

/* [a-z0], [!a-z], [^a-z]: what stands behind the set, and whether it has `c`. A ] that stands first is of the set. */
static inline const char *reference_set(const char *at, unsigned char c, bool *ret_has)
{
        bool negated = at[1] == '!' || at[1] == '^', has = false, first = true;

        for (at += negated ? 2 : 1; first || *at != ']'; first = false) {
                unsigned char low = (unsigned char)at[0], high = low;

                if (at[1] == '-' && at[2] != ']') {
                        high = (unsigned char)at[2];
                        at += 3;
                } else {
                        at++;
                }
                if (low <= c && c <= high)
                        has = true;
        }
        *ret_has = has != negated;
        return at + 1;
}

static inline bool reference_pattern(const char *pattern, bool path, const char *text, size_t n)
{
        bool slash = n > 0 && path && text[0] == '/', has;
        const char *behind;

        switch (*pattern) {
        case 0:
                return n == 0;
        case '*':
                if (pattern[1] == '*') {
                        if (reference_pattern(pattern + 2, path, text, n))
                                return true;
                        return n > 0 && reference_pattern(pattern, path, text + 1, n - 1);
                }
                if (reference_pattern(pattern + 1, path, text, n))
                        return true;
                return n > 0 && !slash && reference_pattern(pattern, path, text + 1, n - 1);
        case '?':
                return n > 0 && !slash && reference_pattern(pattern + 1, path, text + 1, n - 1);
        case '[':
                if (n == 0 || slash)
                        return false;
                behind = reference_set(pattern, (unsigned char)text[0], &has);
                return has && reference_pattern(behind, path, text + 1, n - 1);
        case '\\':
                pattern++;
                break;
        default:
                break;
        }
        return n > 0 && *pattern == *text && reference_pattern(pattern + 1, path, text + 1, n - 1);
}

/* No byte of it stands for any other. */
static inline bool reference_is_plain(const char *pattern)
{
        for (; *pattern; pattern++) {
                if (*pattern == '\\')
                        pattern++;
                else if (*pattern == '*' || *pattern == '?' || *pattern == '[')
                        return false;
        }
        return true;
}

/* Values. */

static inline const union criterion_value *reference_value(const struct criterion *c, unsigned i)
{
        return c->n == 1 ? &c->one : &c->many[i];
}

static inline const struct criterion *reference_find(const struct rule *r, unsigned kind)
{
        for (unsigned i = 0; i < r->n_criteria; i++)
                if (r->criteria[i].kind == kind)
                        return &r->criteria[i];
        return NULL;
}

static inline bool reference_is_pattern(unsigned kind)
{
        return kind == CRITERION_PROGRAM || kind == CRITERION_ARGUMENT || kind == CRITERION_PARENT || kind == CRITERION_ANCESTOR ||
               kind == CRITERION_UNIT || kind == CRITERION_CGROUP || kind == CRITERION_INTERFACE;
}

static inline bool reference_is_path(unsigned kind)
{
        return kind == CRITERION_PROGRAM || kind == CRITERION_PARENT || kind == CRITERION_ANCESTOR || kind == CRITERION_CGROUP;
}

static inline bool reference_any_pattern(const struct criterion *c, const char *text, size_t n)
{
        for (unsigned i = 0; i < c->n; i++)
                if (reference_pattern(reference_value(c, i)->text, reference_is_path(c->kind), text, n))
                        return true;
        return false;
}

static inline bool reference_bit(const struct addr *a, unsigned bit)
{
        return a->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static inline bool reference_in_network(const struct addr *a, const struct network *network)
{
        for (unsigned bit = 0; bit < network->prefix; bit++)
                if (reference_bit(a, bit) != reference_bit(&network->addr, bit))
                        return false;
        return true;
}

/* "example.com" is itself; ".example.com" is example.com and whatever ends in ".example.com". */
static inline bool reference_is_host(const char *wanted, const char *host)
{
        const char *dot = host;

        if (wanted[0] != '.')
                return strcmp(wanted, host) == 0;
        if (strcmp(wanted + 1, host) == 0)
                return true;
        while ((dot = strchr(dot, '.'))) {
                if (dot != host && strcmp(dot, wanted) == 0)
                        return true;
                dot++;
        }
        return false;
}

/* Each line of the list is read. */
static inline enum reference_truth reference_is_listed(const char *path, const char *host)
{
        for (size_t i = 0; i < sizeof(test_lists) / sizeof(test_lists[0]); i++) {
                if (strcmp(test_lists[i].path, path) != 0 || !test_lists[i].names[0])
                        continue;
                for (const char *const *name = test_lists[i].names; *name; name++)
                        if (reference_is_host(*name, host))
                                return REFERENCE_YES;
                return REFERENCE_NO;
        }
        return REFERENCE_UNKNOWN;
}

/* A list that could not be read may hold any name. */
static inline enum reference_truth reference_lists(const struct criterion *c, const char *host)
{
        enum reference_truth truth = REFERENCE_NO;

        if (!host)
                return REFERENCE_UNKNOWN;
        for (unsigned i = 0; i < c->n; i++) {
                enum reference_truth listed = reference_is_listed(reference_value(c, i)->text, host);

                if (listed == REFERENCE_YES)
                        return REFERENCE_YES;
                if (listed == REFERENCE_UNKNOWN)
                        truth = REFERENCE_UNKNOWN;
        }
        return truth;
}

/* Facts. */

static inline const char *reference_path(const struct subject *s)
{
        return s->kind == SUBJECT_PROGRAM && s->path[0] == '/' && !s->path_deleted && !s->path_foreign ? s->path : NULL;
}

static inline enum reference_truth reference_text(const struct criterion *c, const char *text)
{
        if (!text)
                return REFERENCE_UNKNOWN;
        return reference_any_pattern(c, text, strlen(text)) ? REFERENCE_YES : REFERENCE_NO;
}

/* The first is what the program was called as; what was cut, and so the last where something was, may be anything. */
static inline enum reference_truth reference_arguments(const struct criterion *c, const struct subject *s)
{
        unsigned n_all = 0, number = 0;

        if (!s->arguments || s->n_arguments == 0)
                return REFERENCE_UNKNOWN;
        for (size_t i = 0; i < s->n_arguments; i++)
                n_all += s->arguments[i] == 0;
        for (size_t i = 0; i < s->n_arguments; i += strlen(s->arguments + i) + 1, number++) {
                bool whole = !s->arguments_cut || number + 1 < n_all;

                if (number > 0 && whole && reference_any_pattern(c, s->arguments + i, strlen(s->arguments + i)))
                        return REFERENCE_YES;
        }
        return s->arguments_cut ? REFERENCE_UNKNOWN : REFERENCE_NO;
}

/* The chain is whole when it goes up to process 1 and each of it is known. */
static inline enum reference_truth reference_ancestors(const struct criterion *c, const struct subject *s)
{
        bool whole = false;

        for (unsigned i = 0; i < s->n_ancestors; i++)
                if (s->ancestors[i].path && reference_any_pattern(c, s->ancestors[i].path, strlen(s->ancestors[i].path)))
                        return REFERENCE_YES;
        if (s->n_ancestors > 0)
                whole = s->ancestors[s->n_ancestors - 1].pid == 1;
        for (unsigned i = 0; i < s->n_ancestors; i++)
                whole = whole && s->ancestors[i].path;
        return whole ? REFERENCE_NO : REFERENCE_UNKNOWN;
}

/* Each component of the cgroup's path. */
static inline enum reference_truth reference_unit(const struct criterion *c, const char *cgroup)
{
        size_t start = 0;

        if (!cgroup)
                return REFERENCE_UNKNOWN;
        for (size_t i = 0;; i++) {
                if (cgroup[i] && cgroup[i] != '/')
                        continue;
                if (i > start && reference_any_pattern(c, cgroup + start, i - start))
                        return REFERENCE_YES;
                start = i + 1;
                if (!cgroup[i])
                        return REFERENCE_NO;
        }
}

/* TCP, UDP, UDP-Lite, SCTP, DCCP. */
static inline bool reference_has_ports(unsigned protocol)
{
        return protocol == 6 || protocol == 17 || protocol == 136 || protocol == 132 || protocol == 33;
}

/* What each value of a kind that has one fact is compared with: true, it is that. */
static inline bool reference_holds(unsigned kind, const union criterion_value *value, const struct facts *facts)
{
        const struct subject *s = facts->subject;

        switch (kind) {
        case CRITERION_PROCESS:
                return value->process.pid == s->process.pid && value->process.start_ns == s->process.start_ns &&
                       value->process.exec_id == s->process.exec_id;
        case CRITERION_HOST:
                return reference_is_host(value->text, facts->host);
        case CRITERION_NETWORK:
                return reference_in_network(&facts->flow->remote, &value->network);
        case CRITERION_SCOPE:
                return (value->number & facts->scopes) != 0;
        case CRITERION_PORT:
                return value->ports.first <= facts->flow->remote_port && facts->flow->remote_port <= value->ports.last;
        case CRITERION_PROTOCOL:
                return value->number == facts->flow->protocol;
        case CRITERION_USER:
                return value->number == s->uid;
        default: /* CRITERION_GROUP */
                return value->number == s->gid;
        }
}

/* 4294967295 is nobody's number: a rule for a user whom this machine does not know has it, and a process of unknown user. */
static inline bool reference_names_nobody(const struct criterion *c)
{
        for (unsigned i = 0; i < c->n; i++)
                if (reference_value(c, i)->number == 4294967295u)
                        return true;
        return false;
}

static inline bool reference_is_known(const struct criterion *c, const struct facts *facts)
{
        switch (c->kind) {
        case CRITERION_HOST:
                return facts->host;
        case CRITERION_PORT:
                return reference_has_ports(facts->flow->protocol);
        case CRITERION_USER:
                return facts->subject->uid != 4294967295u && !(c->negated && reference_names_nobody(c));
        case CRITERION_GROUP:
                return facts->subject->gid != 4294967295u && !(c->negated && reference_names_nobody(c));
        default:
                return true;
        }
}

/* Of the criterion as if it were not negated. */
static inline enum reference_truth reference_plain_truth(const struct criterion *c, const struct facts *facts)
{
        const struct subject *s = facts->subject;

        switch (c->kind) {
        case CRITERION_PROGRAM:
                return reference_text(c, reference_path(s));
        case CRITERION_ARGUMENT:
                return reference_arguments(c, s);
        case CRITERION_PARENT:
                return reference_text(c, s->n_ancestors > 0 ? s->ancestors[0].path : NULL);
        case CRITERION_ANCESTOR:
                return reference_ancestors(c, s);
        case CRITERION_UNIT:
                return reference_unit(c, s->cgroup);
        case CRITERION_CGROUP:
                return reference_text(c, s->cgroup);
        case CRITERION_INTERFACE:
                return reference_text(c, facts->interface);
        case CRITERION_LIST:
                return reference_lists(c, facts->host);
        default:
                break;
        }
        if (!reference_is_known(c, facts))
                return REFERENCE_UNKNOWN;
        for (unsigned i = 0; i < c->n; i++)
                if (reference_holds(c->kind, reference_value(c, i), facts))
                        return REFERENCE_YES;
        return REFERENCE_NO;
}

static inline enum reference_truth reference_truth(const struct criterion *c, const struct facts *facts)
{
        enum reference_truth truth = reference_plain_truth(c, facts);

        if (c->negated && truth != REFERENCE_UNKNOWN)
                return truth == REFERENCE_YES ? REFERENCE_NO : REFERENCE_YES;
        return truth;
}

/* Rules. */

static inline bool reference_is_about(const struct rule *r, const struct subject *s)
{
        const char *path = reference_path(s);

        switch (r->subject) {
        case RULE_PATH:
                return path && strcmp(path, r->program) == 0;
        case RULE_NAME:
                return s->kind == SUBJECT_PROGRAM && strcmp(s->name, r->program) == 0;
        case RULE_UNKNOWN:
                return s->kind == SUBJECT_UNKNOWN;
        case RULE_KERNEL:
                return s->kind == SUBJECT_KERNEL;
        case RULE_PROGRAMS: /* only those whose path is known, which the criterion finds out */
        case RULE_ANYONE:
                break;
        }
        return true;
}

static inline bool reference_matches(const struct rule *r, const struct facts *facts, struct boottime now)
{
        if (r->disabled || now.ns >= r->expires.ns)
                return false;
        if (!reference_is_about(r, facts->subject))
                return false;
        for (unsigned i = 0; i < r->n_criteria; i++)
                if (reference_truth(&r->criteria[i], facts) != REFERENCE_YES)
                        return false;
        return true;
}

/* The order of decision: < 0, `a` comes before `b`. */

static inline int reference_subject_rank(const struct rule *r)
{
        if (r->subject == RULE_PATH)
                return 1;
        if (r->subject == RULE_PROGRAMS)
                return 2;
        return r->subject == RULE_ANYONE ? 4 : 3;
}

/* How many ports there are in all ranges together, each counted once. */
static inline unsigned reference_count_ports(const struct criterion *c)
{
        unsigned n = 0;

        for (unsigned port = reference_value(c, 0)->ports.first; port <= 65535; port++) {
                unsigned last = 0;
                bool in = false;

                for (unsigned i = 0; i < c->n; i++) {
                        const struct port_range *range = &reference_value(c, i)->ports;

                        in = in || (range->first <= port && port <= range->last);
                        last = range->last > last ? range->last : last;
                }
                n += in;
                if (port >= last)
                        break;
        }
        return n;
}

static inline unsigned reference_count_names(const char *host)
{
        unsigned n = 1;

        for (host += *host == '.'; *host; host++)
                n += *host == '.';
        return n;
}

/* The wider of two values of one kind: > 0 when it is `a`. Only of patterns, hosts and networks. */
static inline int reference_wider(unsigned kind, const union criterion_value *a, const union criterion_value *b)
{
        bool a_plain, b_plain;

        if (kind == CRITERION_NETWORK)
                return (int)b->network.prefix - (int)a->network.prefix;
        if (kind == CRITERION_HOST) {
                if (a->text[0] != '.' || b->text[0] != '.')
                        return (a->text[0] == '.') - (b->text[0] == '.');
                return (int)reference_count_names(b->text) - (int)reference_count_names(a->text);
        }
        a_plain = reference_is_plain(a->text);
        b_plain = reference_is_plain(b->text);
        if (a_plain || b_plain)
                return b_plain - a_plain;
        return (int)strlen(b->text) - (int)strlen(a->text);
}

static inline const union criterion_value *reference_widest(const struct criterion *c)
{
        const union criterion_value *widest = reference_value(c, 0);

        for (unsigned i = 1; i < c->n; i++)
                if (reference_wider(c->kind, reference_value(c, i), widest) > 0)
                        widest = reference_value(c, i);
        return widest;
}

static inline int reference_compare_criteria(const struct criterion *a, const struct criterion *b)
{
        if (!a || !b)
                return (b != NULL) - (a != NULL);
        if (a->negated || b->negated)
                return a->negated - b->negated;
        if (a->kind == CRITERION_PORT)
                return (int)reference_count_ports(a) - (int)reference_count_ports(b);
        if (a->kind == CRITERION_NETWORK || a->kind == CRITERION_HOST || reference_is_pattern(a->kind))
                return reference_wider(a->kind, reference_widest(a), reference_widest(b));
        return 0; /* the process, lists, kinds of destination, protocols, users, groups: how many does not matter */
}

static inline int reference_action_rank(const struct rule *r)
{
        return r->action == ACTION_DENY ? 1 : r->action == ACTION_ASK ? 2 : 3;
}

static inline int reference_compare(const struct rule *a, const struct rule *b)
{
        int order = 0;

        if (a->priority != b->priority)
                return a->priority > b->priority ? -1 : 1;
        if (reference_subject_rank(a) != reference_subject_rank(b))
                return reference_subject_rank(a) - reference_subject_rank(b);
        for (unsigned kind = CRITERION_PROGRAM; kind <= CRITERION_INTERFACE && order == 0; kind++)
                order = reference_compare_criteria(reference_find(a, kind), reference_find(b, kind));
        if (order == 0)
                order = reference_action_rank(a) - reference_action_rank(b);
        for (size_t i = 0; order == 0 && (a->id[i] || b->id[i]); i++)
                order = (int)(unsigned char)a->id[i] - (int)(unsigned char)b->id[i];
        return order;
}

/* Of `n` rules the one that decides, or NULL. */
static inline struct rule *reference_decide(struct rule *const *rules, size_t n, const struct facts *facts, struct boottime now)
{
        struct rule *best = NULL;
        bool path_matches = false;

        for (size_t i = 0; i < n; i++)
                path_matches = path_matches || (rules[i]->subject == RULE_PATH && reference_matches(rules[i], facts, now));
        for (size_t i = 0; i < n; i++) {
                if (rules[i]->subject == RULE_NAME && path_matches)
                        continue;
                if (reference_matches(rules[i], facts, now) && (!best || reference_compare(rules[i], best) < 0))
                        best = rules[i];
        }
        return best;
}
