/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random rules and connections of universes so small that rules meet: every subject, every criterion, every origin, disabled and
 * expired ones. BASTION_TEST_SEED repeats a run, BASTION_TEST_ROUNDS makes it longer.
 */
#pragma once

#include <time.h>

#include "unit.h"

#include "core/ruleset.h"

static const struct boottime random_now = { 100 };

static uint64_t random_state;

static inline uint64_t random_number_from(const char *variable, uint64_t otherwise)
{
        const char *text = getenv(variable);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

static inline void random_start(uint64_t seed, uint64_t rounds)
{
        print_message("BASTION_TEST_SEED=%llu, %llu rounds\n", (unsigned long long)seed, (unsigned long long)rounds);
        random_state = seed * 2654435761u + 88172645463325252u;
}

static inline unsigned random_below(unsigned n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (unsigned)((random_state >> 16) % n);
}

static const char *const random_paths[] = { "/bin/a", "/bin/b", "/bin/c d" };
static const char *const random_names[] = { "a", "b", "/bin/a" };
static const char *const random_addresses[] = { "10.0.0.1", "10.0.0.2", "10.0.1.1", "127.0.0.1", "::1", "2001:db8::1", "2001:db8::2" };
static const uint8_t random_protocols[] = { 6, 17, 1 };

/* Parsed once: the tests ask for millions. */
static inline struct addr random_address_number(size_t i)
{
        static struct addr parsed[ARRAY_SIZE(random_addresses)];
        static bool ready;

        for (size_t n = 0; !ready && n < ARRAY_SIZE(parsed); n++)
                parsed[n] = address(random_addresses[n]);
        ready = true;
        return parsed[i];
}

static inline struct addr random_address(void)
{
        return random_address_number(random_below(ARRAY_SIZE(random_addresses)));
}

/* To one of the addresses, port 1 to 8. */
static inline struct flow random_flow(void)
{
        struct flow flow = { .remote = random_address(), .protocol = random_protocols[random_below(ARRAY_SIZE(random_protocols))] };

        flow.local_port = (uint16_t)(40000 + random_below(100));
        flow.remote_port = protocol_has_ports(flow.protocol) ? (uint16_t)(1 + random_below(8)) : 0;
        return flow;
}

static inline void random_ports(struct rule *r)
{
        r->n_ports = 1 + random_below(3);
        for (unsigned i = 0; i < r->n_ports; i++) {
                r->ports[i].first = (uint16_t)(1 + random_below(4));
                r->ports[i].last = (uint16_t)(r->ports[i].first + random_below(2) * random_below(4));
        }
}

static inline struct rule *random_rule(void)
{
        static const uint8_t prefixes[] = { 0, 32, 96, 96 + 8, 96 + 24, 127, 128, 128, 128 };
        struct rule *r = rule_new((enum action)random_below(3));

        r->origin = (enum rule_origin)random_below(4);
        r->priority = random_below(4) == 0 ? (int)random_below(3) - 1 : 0;
        r->disabled = random_below(16) == 0;
        r->subject = (enum rule_subject)random_below(5);
        if (r->subject == RULE_PATH)
                r->program = strdup(random_paths[random_below(ARRAY_SIZE(random_paths))]);
        if (r->subject == RULE_NAME)
                r->program = strdup(random_names[random_below(ARRAY_SIZE(random_names))]);
        for (unsigned bit = RULE_HAS_PORTS; bit <= RULE_HAS_PROCESS; bit <<= 1)
                if (random_below(bit <= RULE_HAS_NETWORK ? 2 : 6) == 0)
                        r->has |= bit;
        random_ports(r);
        r->protocol = random_protocols[random_below(ARRAY_SIZE(random_protocols))];
        r->network = random_address();
        r->prefix = prefixes[random_below(ARRAY_SIZE(prefixes))];
        r->scopes = 1 + random_below(127);
        r->uid = random_below(2);
        r->gid = random_below(2);
        r->process.pid = random_below(2);
        if (random_below(8) == 0)
                r->expires = (struct boottime){ random_now.ns - 1 + random_below(3) };
        return r;
}

static inline struct subject *random_subject(void)
{
        struct subject *s;

        if (random_below(8) == 0)
                return random_below(2) ? subject_unknown() : subject_kernel();
        s = subject_new(SUBJECT_PROGRAM, random_below(4) ? random_paths[random_below(ARRAY_SIZE(random_paths))] : "",
                        random_names[random_below(ARRAY_SIZE(random_names))]);
        assert_non_null(s);
        s->path_deleted = random_below(8) == 0;
        s->path_foreign = random_below(8) == 0;
        s->uid = random_below(2);
        s->gid = random_below(2);
        s->process.pid = random_below(2);
        return s;
}
