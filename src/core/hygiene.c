/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To compare each rule with each would take hours for 100,000. Instead some connections are made up that the rule at hand matches, as
 * odd as it allows, so that hardly any other rule matches them; whoever decides one of them comes before the rule and is looked at:
 * does it cover all of it? A rule that covers it matches every such connection, so it is what decides them, or something still
 * narrower hides it, and then nothing is said. What is said rests on rule_covers() and rule_compare() alone.
 */
#include "core/hygiene.h"

#include <string.h>

#include "core/pattern.h"

enum { SAMPLES = 4 };

/* Covering: like rule_matches(), with a rule in place of the facts. */

static bool covers_subject(const struct rule *a, const struct rule *b)
{
        if (a->subject == RULE_ANYONE)
                return true;
        if (a->subject == RULE_PROGRAMS && b->subject == RULE_PATH)
                return true; /* its criterion says which: covers_program() */
        if (a->subject != b->subject)
                return false;
        if (a->subject != RULE_PATH && a->subject != RULE_NAME)
                return true;
        return a->program && b->program && strcmp(a->program, b->program) == 0;
}

/* The one path of `b` is as good as a criterion about it. */
static bool covers_program(const struct criterion *a, const struct rule *b)
{
        struct subject subject = { .kind = SUBJECT_PROGRAM, .path = b->program };
        const struct facts facts = { .subject = &subject };

        return b->subject == RULE_PATH && b->program && criterion_test(a, &facts) == CRITERION_TRUE;
}

static const struct addr *one_address(const struct rule *r)
{
        const struct criterion *c = rule_criterion(r, CRITERION_NETWORK);

        return c && !c->negated && c->n == 1 && c->one.network.prefix == 128 ? &c->one.network.addr : NULL;
}

/* What an address is by itself it is on every machine, but for "internet": a broadcast address may look like one. */
static bool covers_scopes(const struct criterion *a, const struct rule *b)
{
        const struct addr *addr = one_address(b);

        return !a->negated && addr && (addr_scopes(addr, NULL) & ~(unsigned)SCOPE_INTERNET & a->one.number);
}

bool rule_covers(const struct rule *a, const struct rule *b)
{
        if (!covers_subject(a, b))
                return false;
        for (unsigned i = 0; i < a->n_criteria; i++) {
                const struct criterion *c = &a->criteria[i], *other = rule_criterion(b, (enum criterion_kind)c->kind);

                if (other && criterion_covers(c, other))
                        continue;
                if (c->kind == CRITERION_PROGRAM ? covers_program(c, b) : c->kind == CRITERION_SCOPE && covers_scopes(c, b))
                        continue;
                return false;
        }
        return true;
}

/* Connections that are made up. */

struct sample {
        struct subject subject; /* borrows the rule's program */
        struct flow flow;
        struct facts facts;
};

static char nothing[1];

/* One of the criterion's values, NULL where it says only what must not be. */
static const union criterion_value *sample_value(const struct rule *r, enum criterion_kind kind, unsigned number)
{
        const struct criterion *c = rule_criterion(r, kind);

        return c && !c->negated ? &criterion_values(c)[number % c->n] : NULL;
}

static void sample_subject(const struct rule *r, unsigned number, struct subject *s)
{
        const union criterion_value *user = sample_value(r, CRITERION_USER, number), *group = sample_value(r, CRITERION_GROUP, number);
        const union criterion_value *process = sample_value(r, CRITERION_PROCESS, number);
        const union criterion_value *program = sample_value(r, CRITERION_PROGRAM, number);

        s->kind = r->subject == RULE_KERNEL ? SUBJECT_KERNEL : r->subject == RULE_UNKNOWN ? SUBJECT_UNKNOWN : SUBJECT_PROGRAM;
        s->path = r->subject == RULE_PATH && r->program ? r->program : program && pattern_is_literal(program->text) ? program->text : nothing;
        s->name = r->subject == RULE_NAME && r->program ? r->program : nothing;
        s->uid = user ? user->number : UINT32_MAX;
        s->gid = group ? group->number : UINT32_MAX;
        if (process)
                s->process = process->process;
}

/* Bits that a network leaves free: others in each sample. */
static void sample_address(const struct rule *r, unsigned number, struct addr *a)
{
        const union criterion_value *value = sample_value(r, CRITERION_NETWORK, number);
        unsigned prefix = value ? value->network.prefix : 0;

        *a = value ? value->network.addr : (struct addr){ .bytes = { 0 } };
        for (unsigned bit = prefix; bit < 128; bit++)
                if ((bit * 5 + number * 3) % 7 < 3)
                        a->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static uint16_t sample_port(const struct rule *r, unsigned number)
{
        const union criterion_value *value = sample_value(r, CRITERION_PORT, number / 2);

        if (!value)
                return 0;
        return number % 2 ? value->ports.last : value->ports.first;
}

/* The lowest of the kinds that the rule names, and in the next sample the next; else those that its address has on any machine. */
static unsigned sample_scopes(const struct rule *r, unsigned number)
{
        const union criterion_value *value = sample_value(r, CRITERION_SCOPE, 0);
        const struct addr *addr = one_address(r);
        unsigned scopes;

        if (!value)
                return addr ? addr_scopes(addr, NULL) & ~(unsigned)SCOPE_INTERNET : 0;
        for (scopes = value->number; number > 0 && (scopes & (scopes - 1)); number--)
                scopes &= scopes - 1;
        return scopes & -scopes;
}

/* The protocol 253 is for experiments and has no ports (RFC 3692). */
static void sample_make(const struct rule *r, unsigned number, struct sample *ret)
{
        const union criterion_value *protocol = sample_value(r, CRITERION_PROTOCOL, number);

        *ret = (struct sample){ .facts = { .scopes = sample_scopes(r, number) } };
        sample_subject(r, number, &ret->subject);
        sample_address(r, number, &ret->flow.remote);
        ret->flow.remote_port = sample_port(r, number);
        ret->flow.protocol = protocol ? (uint8_t)protocol->number : rule_criterion(r, CRITERION_PORT) ? 6 : 253;
        ret->facts.subject = &ret->subject;
        ret->facts.flow = &ret->flow;
}

/* Judging. */

static bool is_for_session(const struct rule *r)
{
        return r->origin == ORIGIN_SESSION;
}

/* `a` keeps `b` from ever deciding, or as long as `a` is there, which is a session. */
static bool shadows(const struct rule *a, const struct rule *b)
{
        return a != b && a->expires.ns >= b->expires.ns && rule_compare(a, b) < 0 && rule_covers(a, b);
}

static const struct rule *find_shadow(const struct ruleset *rules, const struct rule *rule, struct boottime now)
{
        for (unsigned i = 0; i < SAMPLES; i++) {
                struct sample sample;
                const struct rule *winner;

                sample_make(rule, i, &sample);
                winner = ruleset_decide(rules, &sample.facts, now);
                if (winner == rule)
                        return NULL;
                if (winner && shadows(winner, rule))
                        return winner;
        }
        return NULL;
}

static bool any_protocol_has_ports(const struct criterion *protocols)
{
        const union criterion_value *values = criterion_values(protocols);

        for (unsigned i = 0; i < protocols->n; i++)
                if (protocol_has_ports((uint8_t)values[i].number))
                        return true;
        return protocols->negated;
}

/* A name that this machine does not know. */
static bool names_nobody(const struct rule *r, enum criterion_kind kind)
{
        const struct criterion *c = rule_criterion(r, kind);

        return c && !c->negated && c->n == 1 && c->one.number == UINT32_MAX;
}

/* Words for criteria of which one excludes the other, or NULL. */
static const char *contradiction(const struct rule *r)
{
        const unsigned of_this_machine = SCOPE_BROADCAST | SCOPE_RESOLVER;
        const struct criterion *protocols = rule_criterion(r, CRITERION_PROTOCOL), *scopes = rule_criterion(r, CRITERION_SCOPE);
        const struct addr *addr = one_address(r);

        if (rule_criterion(r, CRITERION_PORT) && protocols && !any_protocol_has_ports(protocols))
                return "its protocol has no ports";
        if (addr && scopes && !scopes->negated && !(scopes->one.number & of_this_machine) && !(scopes->one.number & addr_scopes(addr, NULL)))
                return "its address is none of these kinds of destination";
        if (names_nobody(r, CRITERION_USER) || names_nobody(r, CRITERION_GROUP))
                return "its user or group is nobody's number";
        return NULL;
}

static enum finding_kind kind_of_shadow(const struct rule *shadow, const struct rule *rule)
{
        if (is_for_session(shadow) && !is_for_session(rule))
                return FINDING_OVERRULED;
        return shadow->action == rule->action && rule_covers(rule, shadow) ? FINDING_DUPLICATE : FINDING_SHADOWED;
}

/* The first of its lists that is not there, or NULL. */
static const char *missing_list(const struct rule *rule, const struct hygiene *h)
{
        const struct criterion *c = rule_criterion(rule, CRITERION_LIST);

        for (unsigned i = 0; c && i < c->n; i++)
                if (!h->exists(h->userdata, criterion_values(c)[i].text))
                        return criterion_values(c)[i].text;
        return NULL;
}

static bool has_program(const struct rule *rule, const struct hygiene *h)
{
        return rule->subject != RULE_PATH || !rule->program || h->exists(h->userdata, rule->program);
}

static bool judge(const struct ruleset *rules, const struct rule *rule, const struct hygiene *h, struct boottime now)
{
        struct finding f = { .kind = FINDING_NEVER, .rule = rule, .why = contradiction(rule) };

        if (!f.why) {
                f.other = find_shadow(rules, rule, now);
                f.kind = f.other ? kind_of_shadow(f.other, rule) : FINDING_NO_FILE;
        }
        if (f.kind == FINDING_NO_FILE && has_program(rule, h)) {
                f.kind = FINDING_NO_LIST;
                f.why = missing_list(rule, h);
                if (!f.why)
                        return false;
        }
        h->found(h->userdata, &f);
        return true;
}

size_t hygiene_check(const struct ruleset *rules, const struct hygiene *h, struct boottime now)
{
        size_t n = 0;

        for (const struct rule *r = ruleset_next(rules, NULL); r; r = ruleset_next(rules, r))
                if (!r->disabled && r->origin != ORIGIN_FACTORY && !boottime_reached(r->expires, now))
                        n += judge(rules, r, h, now);
        return n;
}

static const char *const finding_words[FINDING_KIND_COUNT] = {
        [FINDING_SHADOWED] = "shadowed", [FINDING_DUPLICATE] = "duplicate", [FINDING_OVERRULED] = "overruled",
        [FINDING_NEVER] = "never",       [FINDING_NO_FILE] = "no-file", [FINDING_NO_LIST] = "no-list",
};

const char *finding_word(enum finding_kind kind)
{
        return finding_words[kind];
}
