/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random rules and connections of universes so small that rules meet: every subject, every criterion, every origin, disabled and
 * expired ones. BASTION_TEST_SEED repeats a run, BASTION_TEST_ROUNDS makes it longer, and so does BASTION_TEST_FULL=1.
 */
#pragma once

#include <time.h>

#include "lists.h"
#include "unit.h"

#include "core/ruleset.h"

static const struct boottime random_now = { 100 };

static uint64_t random_state;

static inline uint64_t random_number_from(const char *variable, uint64_t otherwise)
{
        const char *text = getenv(variable);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

/* How many rounds: fewer in the ordinary run than in the full one (test.sh). */
static inline uint64_t random_rounds(uint64_t ordinary, uint64_t full)
{
        const char *text = getenv("BASTION_TEST_FULL");

        return random_number_from("BASTION_TEST_ROUNDS", text && strcmp(text, "1") == 0 ? full : ordinary);
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

static const char *const random_paths[] = { "/bin/a", "/bin/b", "/bin/c d", "/bin/x/a" };
static const char *const random_names[] = { "a", "b", "/bin/a" };
static const char *const random_addresses[] = { "10.0.0.1", "10.0.0.2", "10.0.1.1", "127.0.0.1", "::1", "2001:db8::1", "2001:db8::2" };
static const uint8_t random_protocols[] = { 6, 17, 1 };
static const char *const random_hosts[] = { "example.com", "www.example.com", "a.www.example.com", "badexample.com", "example.org", "nas" };
static const char *const random_words[] = { "x", "-v", "a/b", "", "--output=[x]" };
static const char *const random_interfaces[] = { "eth0", "wg0", "lo" };
static const char *const random_cgroups[] = { "/", "/system.slice/a.service", "/user.slice/x", "/user.slice/user-1.slice/a.scope" };

/* Made once, and never freed. */
static inline const struct hostsets *random_lists(void)
{
        static struct hostsets sets;

        for (size_t i = 0; sets.n == 0 && i < ARRAY_SIZE(test_lists); i++) {
                struct hostset *set = hostset_new(1, 16);

                assert_non_null(set);
                for (const char *const *name = test_lists[i].names; *name; name++)
                        assert_int_equal(hostset_add(set, *name + (**name == '.'), **name == '.'), 0);
                sets.of[i].path = test_lists[i].path;
                sets.of[i].set = set;
        }
        sets.n = ARRAY_SIZE(test_lists) - 1;
        return &sets;
}

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

#define random_of(list) ((list)[random_below(ARRAY_SIZE(list))])

static inline void random_ports(struct rule *r)
{
        for (unsigned n = 1 + random_below(3); n > 0; n--) {
                unsigned first = 1 + random_below(4);

                assert_int_equal(rule_add_ports(r, (uint16_t)first, (uint16_t)(first + random_below(2) * random_below(4))), 0);
        }
}

static inline void random_networks(struct rule *r)
{
        static const uint8_t prefixes[] = { 0, 32, 96, 96 + 8, 96 + 24, 127, 128, 128, 128 };

        for (unsigned n = random_below(3) ? 1 : 3; n > 0; n--) {
                uint8_t prefix = random_of(prefixes);
                struct addr whole = random_address(), network = addr_masked(&whole, prefix);

                assert_int_equal(rule_add_network(r, &network, prefix), 0);
        }
}

/* Things as they are, and patterns for them. */
static inline void random_patterns(struct rule *r, enum criterion_kind kind)
{
        static const char *const paths[] = { "/bin/a", "/bin/b",   "/bin/?", "/bin/[b-z]", "/bin/[!a]*", "/bin/c *",
                                             "/*/*",   "/bin/*/a", "/usr/*", "/**",        "/**/a",      "/bin[.-0]?" };
        static const char *const words[] = { "x", "-*", "*b", "?", "a/b", "--output=\\[x]", "a*b", "[x-z]", "*" };
        static const char *const units[] = { "a.service", "*.slice", "x", "user-?.slice", "*.s[ce]*" };
        static const char *const cgroups[] = { "/", "/system.slice/*", "/**/a.scope", "/user.slice/**", "/user.slice/x" };
        static const char *const interfaces[] = { "eth0", "wg*", "?o", "lo", "eth[0-9]" };

        for (unsigned n = 1 + random_below(3); n > 0; n--) {
                const char *text = kind == CRITERION_ARGUMENT  ? random_of(words)
                                   : kind == CRITERION_UNIT      ? random_of(units)
                                   : kind == CRITERION_CGROUP    ? random_of(cgroups)
                                   : kind == CRITERION_INTERFACE ? random_of(interfaces)
                                                                 : random_of(paths);

                assert_int_equal(rule_add_text(r, kind, text), 0);
        }
}

static inline void random_criterion(struct rule *r, enum criterion_kind kind)
{
        static const char *const hosts[] = { "example.com", ".example.com", ".com", "www.example.com", ".www.example.com", "nas", ".org" };
        struct process process = { .pid = random_below(2), .start_ns = random_below(8) == 0, .exec_id = random_below(8) == 0 };

        rule_drop_criterion(r, kind);
        switch (criterion_shape(kind)) {
        case SHAPE_PROCESS:
                assert_int_equal(rule_set_process(r, &process), 0);
                return; /* never negated */
        case SHAPE_PATTERN:
                random_patterns(r, kind);
                break;
        case SHAPE_HOST:
                for (unsigned n = 1 + random_below(3); n > 0; n--)
                        assert_int_equal(rule_add_text(r, kind, random_of(hosts)), 0);
                break;
        case SHAPE_FILE:
                for (unsigned n = 1 + random_below(2); n > 0; n--)
                        assert_int_equal(rule_add_text(r, kind, test_lists[random_below(ARRAY_SIZE(test_lists))].path), 0);
                break;
        case SHAPE_NETWORK:
                random_networks(r);
                break;
        case SHAPE_SCOPES:
                assert_int_equal(rule_add_number(r, kind, 1 + random_below(127)), 0);
                break;
        case SHAPE_PORTS:
                random_ports(r);
                break;
        case SHAPE_PROTOCOL:
                for (unsigned n = 1 + random_below(2); n > 0; n--)
                        assert_int_equal(rule_add_number(r, kind, random_of(random_protocols)), 0);
                break;
        case SHAPE_ID:
                for (unsigned n = 1 + random_below(2); n > 0; n--)
                        assert_int_equal(rule_add_number(r, kind, random_below(16) ? random_below(3) : UINT32_MAX), 0);
                break;
        }
        if (random_below(4) == 0)
                rule_negate(r, kind);
}

static inline struct rule *random_rule(void)
{
        struct rule *r = rule_new((enum action)random_below(3));

        assert_non_null(r);
        r->origin = (enum rule_origin)random_below(ORIGIN_SESSION + 1);
        r->priority = random_below(4) == 0 ? (int)random_below(3) - 1 : 0;
        r->disabled = random_below(16) == 0;
        r->subject = (enum rule_subject)random_below(6);
        if (r->subject == RULE_PATH)
                r->program = strdup(random_paths[random_below(ARRAY_SIZE(random_paths))]);
        if (r->subject == RULE_NAME)
                r->program = strdup(random_names[random_below(ARRAY_SIZE(random_names))]);
        if (r->subject == RULE_PROGRAMS)
                random_criterion(r, CRITERION_PROGRAM);
        for (unsigned kind = CRITERION_PROGRAM + 1; kind < CRITERION_KIND_COUNT; kind++)
                if (random_below(kind == CRITERION_PORT || kind == CRITERION_NETWORK ? 2 : 12) == 0)
                        random_criterion(r, (enum criterion_kind)kind);
        if (random_below(8) == 0)
                r->expires = (struct boottime){ random_now.ns - 1 + random_below(3) };
        return r;
}

/* The same rule but for one thing, and without an id. */
static inline struct rule *random_variant(const struct rule *of)
{
        const unsigned n_kinds = CRITERION_KIND_COUNT - (CRITERION_PROGRAM + 1);
        enum criterion_kind kind = (enum criterion_kind)(CRITERION_PROGRAM + 1 + random_below(n_kinds));
        struct rule *r = rule_copy(of);

        assert_non_null(r);
        free(r->id);
        r->id = NULL;
        switch (random_below(6)) {
        case 0:
                r->action = (enum action)random_below(3);
                r->origin = (enum rule_origin)random_below(ORIGIN_SESSION + 1);
                break;
        case 1:
                r->priority = (int)random_below(3) - 1;
                break;
        case 2:
                if (r->subject == RULE_PROGRAMS)
                        random_criterion(r, CRITERION_PROGRAM);
                else
                        rule_drop_criterion(r, kind);
                break;
        case 3:
                if (r->n_criteria > 0) {
                        kind = (enum criterion_kind)r->criteria[random_below(r->n_criteria)].kind;
                        if (kind != CRITERION_PROGRAM)
                                rule_drop_criterion(r, kind);
                }
                break;
        default:
                random_criterion(r, kind);
                break;
        }
        return r;
}

/* argv: the name, and up to three words; the last may be cut, or the name itself. */
static inline void random_arguments(struct subject *s)
{
        char text[64];
        size_t n = 0;

        text[n++] = 'a';
        text[n++] = 0;
        for (unsigned left = random_below(4); left > 0; left--) {
                const char *word = random_of(random_words);

                memcpy(text + n, word, strlen(word) + 1);
                n += strlen(word) + 1;
        }
        s->arguments = malloc(n);
        assert_non_null(s->arguments);
        memcpy(s->arguments, text, n);
        s->n_arguments = n;
        s->arguments_cut = random_below(4) == 0;
}

/* Up to process 1, or not so far. */
static inline void random_ancestors(struct subject *s)
{
        bool whole = random_below(2);

        s->n_ancestors = random_below(4);
        for (unsigned i = 0; i < s->n_ancestors; i++) {
                s->ancestors[i].pid = s->n_ancestors - i + !whole;
                s->ancestors[i].path = random_below(6) ? strdup(random_of(random_paths)) : NULL;
        }
}

static inline void random_surroundings(struct subject *s)
{
        if (random_below(3))
                random_arguments(s);
        if (random_below(3))
                s->cgroup = strdup(random_of(random_cgroups));
        random_ancestors(s);
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
        s->uid = random_below(8) ? random_below(3) : UINT32_MAX;
        s->gid = random_below(8) ? random_below(3) : UINT32_MAX;
        s->process = (struct process){ .pid = random_below(2), .start_ns = random_below(8) == 0, .exec_id = random_below(8) == 0 };
        random_surroundings(s);
        return s;
}

/* Besides what the address says, the machine may have something to say of it. */
static inline struct facts random_facts(const struct subject *s, const struct flow *flow)
{
        return (struct facts){
                .subject = s,
                .flow = flow,
                .scopes = addr_scopes(&flow->remote, NULL) | (random_below(6) ? 0u : SCOPE_RESOLVER) |
                          (random_below(8) ? 0u : SCOPE_BROADCAST),
                .host = random_below(3) ? random_of(random_hosts) : NULL,
                .lists = random_lists(),
                .interface = random_below(3) ? random_of(random_interfaces) : NULL,
        };
}
