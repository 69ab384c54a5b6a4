/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To compare each rule with each would take hours for 100,000. Instead some connections are made up that the rule at hand matches, as
 * odd as it allows, so that hardly any other rule matches them; whoever decides one of them comes before the rule and is looked at:
 * does it cover all of it? A rule that covers it matches every such connection, so it is what decides them, or something still
 * narrower hides it, and then nothing is said. What is said rests on rule_covers() and rule_compare() alone.
 */
#include "core/hygiene.h"

#include <string.h>

enum { SAMPLES = 4 };

/* Covering: a staircase like rule_matches(), with a rule in place of the facts. */

static bool covers_subject(const struct rule *a, const struct rule *b)
{
        if (a->subject == RULE_ANYONE)
                return true;
        if (a->subject != b->subject)
                return false;
        if (a->subject != RULE_PATH && a->subject != RULE_NAME)
                return true;
        return a->program && b->program && strcmp(a->program, b->program) == 0;
}

/* What an address is by itself it is on every machine, but for "internet": a broadcast address may look like one. */
static bool covers_scopes(const struct rule *a, const struct rule *b)
{
        if ((b->has & RULE_HAS_SCOPES) && (b->scopes & ~a->scopes) == 0)
                return true;
        return (b->has & RULE_HAS_NETWORK) && b->prefix == 128 &&
               (addr_scopes(&b->network, NULL) & ~(unsigned)SCOPE_INTERNET & a->scopes);
}

static bool covers_range(const struct rule *a, const struct port_range *range)
{
        for (unsigned i = 0; i < a->n_ports; i++)
                if (a->ports[i].first <= range->first && range->last <= a->ports[i].last)
                        return true;
        return false;
}

static bool covers_ports(const struct rule *a, const struct rule *b)
{
        if (!(b->has & RULE_HAS_PORTS))
                return false;
        for (unsigned i = 0; i < b->n_ports; i++)
                if (!covers_range(a, &b->ports[i]))
                        return false;
        return true;
}

bool rule_covers(const struct rule *a, const struct rule *b)
{
        /* What a single value restricts has to be restricted in `b` too. */
        const unsigned single = RULE_HAS_PROCESS | RULE_HAS_NETWORK | RULE_HAS_PROTOCOL | RULE_HAS_UID | RULE_HAS_GID;

        if (a->has & single & ~b->has)
                return false;

        if (!covers_subject(a, b))
                return false;

        if ((a->has & RULE_HAS_PROCESS) && !process_equal(&a->process, &b->process))
                return false;

        if ((a->has & RULE_HAS_NETWORK) && (a->prefix > b->prefix || !addr_in_prefix(&b->network, &a->network, a->prefix)))
                return false;

        if ((a->has & RULE_HAS_SCOPES) && !covers_scopes(a, b))
                return false;

        if ((a->has & RULE_HAS_PORTS) && !covers_ports(a, b))
                return false;

        if ((a->has & RULE_HAS_PROTOCOL) && a->protocol != b->protocol)
                return false;

        if ((a->has & RULE_HAS_UID) && a->uid != b->uid)
                return false;

        if ((a->has & RULE_HAS_GID) && a->gid != b->gid)
                return false;

        return true;
}

/* Connections that are made up. */

struct sample {
        struct subject subject; /* borrows the rule's program */
        struct flow flow;
        struct facts facts;
};

static char nothing[1];

static void sample_subject(const struct rule *r, struct subject *s)
{
        s->kind = r->subject == RULE_KERNEL ? SUBJECT_KERNEL : r->subject == RULE_UNKNOWN ? SUBJECT_UNKNOWN : SUBJECT_PROGRAM;
        s->path = r->subject == RULE_PATH && r->program ? r->program : nothing;
        s->name = r->subject == RULE_NAME && r->program ? r->program : nothing;
        s->uid = r->has & RULE_HAS_UID ? r->uid : UINT32_MAX;
        s->gid = r->has & RULE_HAS_GID ? r->gid : UINT32_MAX;
        if (r->has & RULE_HAS_PROCESS)
                s->process = r->process;
}

/* Bits that a network leaves free: others in each sample. */
static void sample_address(const struct rule *r, unsigned number, struct addr *a)
{
        unsigned prefix = r->has & RULE_HAS_NETWORK ? r->prefix : 0;

        *a = addr_masked(&r->network, prefix);
        for (unsigned bit = prefix; bit < 128; bit++)
                if ((bit * 5 + number * 3) % 7 < 3)
                        a->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static uint16_t sample_port(const struct rule *r, unsigned number)
{
        const struct port_range *range = &r->ports[number / 2 % MAX(r->n_ports, 1u)];

        if (r->has & RULE_HAS_PORTS)
                return number % 2 ? range->last : range->first;
        return 0;
}

/* The lowest of the kinds that the rule names, and in the next sample the next; else those that its address has on any machine. */
static unsigned sample_scopes(const struct rule *r, unsigned number)
{
        unsigned scopes = r->scopes;

        if (!(r->has & RULE_HAS_SCOPES))
                return (r->has & RULE_HAS_NETWORK) && r->prefix == 128 ? addr_scopes(&r->network, NULL) & ~(unsigned)SCOPE_INTERNET : 0;
        for (; number > 0 && (scopes & (scopes - 1)); number--)
                scopes &= scopes - 1;
        return scopes & -scopes;
}

/* The protocol 253 is for experiments and has no ports (RFC 3692). */
static void sample_make(const struct rule *r, unsigned number, struct sample *ret)
{
        *ret = (struct sample){ .facts = { .scopes = sample_scopes(r, number) } };
        sample_subject(r, &ret->subject);
        sample_address(r, number, &ret->flow.remote);
        ret->flow.remote_port = sample_port(r, number);
        ret->flow.protocol = r->has & RULE_HAS_PROTOCOL ? r->protocol : r->has & RULE_HAS_PORTS ? 6 : 253;
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

/* Words for criteria of which one excludes the other, or NULL. */
static const char *contradiction(const struct rule *r)
{
        const unsigned of_this_machine = SCOPE_BROADCAST | SCOPE_RESOLVER;

        if ((r->has & RULE_HAS_PORTS) && (r->has & RULE_HAS_PROTOCOL) && !protocol_has_ports(r->protocol))
                return "its protocol has no ports";
        if ((r->has & RULE_HAS_NETWORK) && (r->has & RULE_HAS_SCOPES) && r->prefix == 128 && !(r->scopes & of_this_machine) &&
            !(r->scopes & addr_scopes(&r->network, NULL)))
                return "its address is none of these kinds of destination";
        if (((r->has & RULE_HAS_UID) && r->uid == UINT32_MAX) || ((r->has & RULE_HAS_GID) && r->gid == UINT32_MAX))
                return "its user or group is nobody's number";
        return NULL;
}

static enum finding_kind kind_of_shadow(const struct rule *shadow, const struct rule *rule)
{
        if (is_for_session(shadow) && !is_for_session(rule))
                return FINDING_OVERRULED;
        return shadow->action == rule->action && rule_covers(rule, shadow) ? FINDING_DUPLICATE : FINDING_SHADOWED;
}

static bool judge(const struct ruleset *rules, const struct rule *rule, const struct hygiene *h, struct boottime now)
{
        struct finding f = { .kind = FINDING_NEVER, .rule = rule, .why = contradiction(rule) };

        if (!f.why) {
                f.other = find_shadow(rules, rule, now);
                f.kind = f.other ? kind_of_shadow(f.other, rule) : FINDING_NO_FILE;
        }
        if (f.kind == FINDING_NO_FILE && (rule->subject != RULE_PATH || !rule->program || h->exists(h->userdata, rule->program)))
                return false;
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
        [FINDING_NEVER] = "never",       [FINDING_NO_FILE] = "no-file",
};

const char *finding_word(enum finding_kind kind)
{
        return finding_words[kind];
}
