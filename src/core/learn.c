/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/hashmap.h"
#include "core/propose.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035, 2.3.4, without the dot of the root */

struct program {
        struct hashmap_node node;
        char *path; /* NULL: the kernel */
        int64_t first_us;
        uint64_t n_connections; /* of its endpoints */
        struct known **endpoints;
        size_t n_endpoints, size;
};

/* An endpoint and whose it is. */
struct known {
        struct hashmap_node node;
        const struct program *program;
        struct endpoint endpoint;
};

struct learn {
        const struct ruleset *rules;
        const struct hostsets *lists;
        struct boottime now;
        struct hashmap programs, endpoints;
        struct learn_counts counts;
        int64_t oldest_us;
        bool names_known;
};

static const struct {
        const char *word, *sentence;
} surprises[] = {
        { "writable-file", "its file can be changed by others than root" },
        { "bare-address", "an address on the internet that nobody asked a name for" },
        { "new-today", "first seen today" },
        { "denied", "some of it was denied: nobody answered" },
        { "no-file", "its file is not there now" },
};
_Static_assert(SURPRISE_LAST == 1 << (ARRAY_SIZE(surprises) - 1), "each surprise has its words");

const char *surprise_word(unsigned surprise)
{
        return surprises[__builtin_ctz(surprise)].word;
}

const char *surprise_sentence(unsigned surprise)
{
        return surprises[__builtin_ctz(surprise)].sentence;
}

void proposal_deinit(struct proposal *p)
{
        rule_free(p->rule);
        *p = (struct proposal){ 0 };
}

struct learn *learn_new(const struct ruleset *rules, const struct hostsets *lists, struct boottime now, uint64_t seed)
{
        struct learn *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        l->rules = rules;
        l->lists = lists;
        l->now = now;
        l->oldest_us = INT64_MAX;
        hashmap_init(&l->programs, seed);
        hashmap_init(&l->endpoints, seed);
        return l;
}

static void program_free(struct program *p)
{
        for (size_t i = 0; i < p->n_endpoints; i++) {
                free(p->endpoints[i]->endpoint.host);
                free(p->endpoints[i]);
        }
        free(p->endpoints);
        free(p->path);
        free(p);
}

struct learn *learn_free(struct learn *l)
{
        struct hashmap_node *node, *next;

        if (!l)
                return NULL;
        for (node = hashmap_next(&l->programs, NULL); node; node = next) {
                next = hashmap_next(&l->programs, node);
                program_free(CONTAINER_OF(node, struct program, node));
        }
        hashmap_deinit(&l->programs);
        hashmap_deinit(&l->endpoints);
        free(l);
        return NULL;
}

/* ---- which records count --------------------------------------------------------------------------------------------------- */

/* Nobody said anything about it: no rule, no answer. */
static bool is_undecided(const struct record *r)
{
        if (r->rule || r->would_deny || r->direction != DIRECTION_OUT)
                return false;
        switch (r->reason) {
        case REASON_LEARNING:
        case REASON_NOBODY:
        case REASON_TIMEOUT:
        case REASON_CAP:
        case REASON_NO_RULE:
                return true;
        case REASON_RULE:
        case REASON_SESSION:
        case REASON_USER:
        case REASON_ADOPTED:
        case REASON_INBOUND:
        case REASON_KEPT:
        case REASON_CLOSING:
        case REASON_SELF:
        case REASON_UNPARSABLE:
        case REASON_OWNER_UNKNOWN:
        case REASON_OWNER_AMBIGUOUS:
        case REASON_FAILURE:
        case REASON_COUNT:
                break;
        }
        return false;
}

/* Labels that a rule may name, and not an address. */
static bool is_host(const char *text, size_t n)
{
        size_t label = 0;

        for (size_t i = 0; i < n; i++) {
                label = text[i] == '.' ? 0 : label + 1;
                if (label > LABEL_MAX || (label == 0 && (i == 0 || text[i - 1] == '.')))
                        return false;
                if (label > 0 && !isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
                        return false;
        }
        return label > 0 && n <= HOST_MAX && strspn(text, "0123456789.") < n;
}

/* A host's name in lower case and without a dot at its end, NULL for what is none; or -ENOMEM. */
static int copy_host(const char *host, char **ret)
{
        size_t n = host ? strlen(host) : 0;

        *ret = NULL;
        if (n > 0 && host[n - 1] == '.')
                n--;
        if (!is_host(host, n))
                return 0;
        *ret = strndup(host, n);
        if (!*ret)
                return -ENOMEM;
        for (char *c = *ret; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return 0;
}

static bool is_decided_today(const struct learn *l, const struct record *r, const char *host)
{
        const struct facts facts = {
                .subject = r->subject,
                .flow = &r->flow,
                .scopes = addr_scopes(&r->flow.remote, NULL),
                .host = host,
                .lists = l->lists,
        };

        return ruleset_decide(l->rules, &facts, l->now) != NULL;
}

/* A rule can be about this program, and there is somewhere that it went. */
static bool can_be_ruled(const struct record *r)
{
        const struct subject *s = r->subject;

        if (addr_is_zero(&r->flow.remote) || (protocol_has_ports(r->flow.protocol) && r->flow.remote_port == 0))
                return false;
        return s->kind == SUBJECT_KERNEL || subject_rule_path(s);
}

/* ---- programs and endpoints ------------------------------------------------------------------------------------------------ */

static bool program_has_path(const struct hashmap_node *node, const void *key)
{
        const struct program *p = CONTAINER_OF(node, struct program, node);
        const char *path = key;

        return !p->path || !path ? p->path == path : strcmp(p->path, path) == 0;
}

/* 0 with *ret, which is NULL where there is no room; or -ENOMEM. */
static int intern_program(struct learn *l, const char *path, struct program **ret)
{
        const uint64_t hash = path ? hash_bytes(l->programs.seed, path, strlen(path)) : 0;
        struct hashmap_node *node = hashmap_find(&l->programs, hash, program_has_path, path);
        struct program *p;

        if (node || l->programs.n >= LIMIT_LEARN_PROGRAMS) {
                *ret = node ? CONTAINER_OF(node, struct program, node) : NULL;
                return 0;
        }
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->path = path ? strdup(path) : NULL;
        p->first_us = INT64_MAX;
        if ((path && !p->path) || hashmap_insert(&l->programs, &p->node, hash) < 0) {
                program_free(p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

static bool known_equal(const struct hashmap_node *node, const void *key)
{
        const struct known *a = CONTAINER_OF(node, struct known, node), *b = key;
        const char *host_a = a->endpoint.host, *host_b = b->endpoint.host;

        if (a->program != b->program || a->endpoint.protocol != b->endpoint.protocol || a->endpoint.port != b->endpoint.port)
                return false;
        if (!addr_equal(&a->endpoint.addr, &b->endpoint.addr))
                return false;
        return !host_a || !host_b ? host_a == host_b : strcmp(host_a, host_b) == 0;
}

static uint64_t known_hash(const struct learn *l, const struct known *k)
{
        const uint64_t numbers[] = { (uint64_t)(uintptr_t)k->program, k->endpoint.protocol, k->endpoint.port };
        uint64_t hash = hash_bytes(l->endpoints.seed, numbers, sizeof(numbers));

        hash = hash_bytes(hash, k->endpoint.addr.bytes, sizeof(k->endpoint.addr.bytes));
        return k->endpoint.host ? hash_bytes(hash, k->endpoint.host, strlen(k->endpoint.host)) : hash;
}

/* Takes `key` with its host: 0, or -ENOMEM when it is still the caller's. */
static int insert_endpoint(struct learn *l, struct program *p, struct known *key, uint64_t hash)
{
        struct known *k;

        if (p->n_endpoints == p->size) {
                const size_t size = p->size ? 2 * p->size : 8;
                struct known **grown = realloc(p->endpoints, size * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                p->endpoints = grown;
                p->size = size;
        }
        k = malloc(sizeof(*k));
        if (!k)
                return -ENOMEM;
        *k = *key;
        if (hashmap_insert(&l->endpoints, &k->node, hash) < 0) {
                free(k);
                return -ENOMEM;
        }
        p->endpoints[p->n_endpoints++] = k;
        return 0;
}

static int64_t first_time(const struct record *r)
{
        return r->is_summary ? r->since_us : r->time_us;
}

/* `host` is taken where it is kept. */
static int add_endpoint(struct learn *l, struct program *p, const struct record *r, char **host)
{
        struct known key = {
                .program = p,
                .endpoint = { .protocol = r->flow.protocol,
                              .port = protocol_has_ports(r->flow.protocol) ? r->flow.remote_port : 0,
                              .addr = r->flow.remote,
                              .host = *host,
                              .amounts = { r->n_connections, r->verdict == VERDICT_DENY ? r->n_connections : 0, first_time(r), r->time_us } },
        };
        const uint64_t hash = known_hash(l, &key);
        struct hashmap_node *node = hashmap_find(&l->endpoints, hash, known_equal, &key);
        int error;

        l->names_known |= *host != NULL;
        if (node) {
                amounts_add(&CONTAINER_OF(node, struct known, node)->endpoint.amounts, &key.endpoint.amounts);
        } else if (l->endpoints.n >= LIMIT_LEARN_ENDPOINTS || p->n_endpoints >= LIMIT_LEARN_ENDPOINTS_PROGRAM) {
                l->counts.n_left_out += r->n_connections;
                return 0;
        } else {
                error = insert_endpoint(l, p, &key, hash);
                if (error)
                        return error;
                *host = NULL;
        }
        p->n_connections += r->n_connections;
        return 0;
}

int learn_add(struct learn *l, const struct record *r)
{
        const char *path = r->subject->kind == SUBJECT_KERNEL ? NULL : subject_rule_path(r->subject);
        _cleanup_(freep) char *host = NULL;
        struct program *p = NULL;
        int error;

        l->counts.n_records += r->n_connections;
        l->oldest_us = MIN(l->oldest_us, first_time(r));
        error = copy_host(hosts_first(&r->hosts), &host);
        if (error == 0 && (path || r->subject->kind == SUBJECT_KERNEL))
                error = intern_program(l, path, &p);
        if (error)
                return error;
        if (p) /* whatever decided about it, it was seen */
                p->first_us = MIN(p->first_us, first_time(r));
        if (!is_undecided(r) || is_decided_today(l, r, host))
                return 0;
        l->counts.n_undecided += r->n_connections;
        if (!can_be_ruled(r)) {
                l->counts.n_nobody += r->n_connections;
                return 0;
        }
        if (p)
                return add_endpoint(l, p, r, &host);
        l->counts.n_left_out += r->n_connections;
        return 0;
}

struct learn_counts learn_counts(const struct learn *l)
{
        return l->counts;
}

/* ---- proposals ------------------------------------------------------------------------------------------------------------- */

static int compare_programs(const void *a, const void *b)
{
        const struct program *p = *(const struct program *const *)a, *q = *(const struct program *const *)b;

        if (p->n_connections != q->n_connections)
                return p->n_connections > q->n_connections ? -1 : 1;
        return strcmp(p->path ? p->path : "", q->path ? q->path : "");
}

static int propose_program(const struct learn *l, const struct program *p, int64_t today_us, host_domain_fn domain, struct proposals *to)
{
        const struct endpoint **endpoints = calloc(p->n_endpoints, sizeof(*endpoints));
        const bool is_new = p->first_us >= today_us && l->oldest_us < today_us;
        const size_t n_before = to->n;
        int error;

        if (!endpoints)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_endpoints; i++)
                endpoints[i] = &p->endpoints[i]->endpoint;
        error = propose(to, p->path, endpoints, p->n_endpoints, l->names_known, domain);
        free(endpoints);
        for (size_t i = n_before; i < to->n; i++)
                to->list[i].surprises |= (is_new ? SURPRISE_NEW : 0) | (to->list[i].amounts.n_denied > 0 ? SURPRISE_DENIED : 0);
        return error;
}

int learn_propose(const struct learn *l, int64_t today_us, host_domain_fn domain, struct proposal **ret, size_t *ret_n)
{
        _cleanup_(proposals_deinit) struct proposals proposals = { 0 };
        _cleanup_(freep) const struct program **programs = calloc(l->programs.n + 1, sizeof(*programs));
        struct hashmap_node *node;
        size_t n = 0;
        int error = 0;

        if (!programs)
                return -ENOMEM;
        for (node = hashmap_next(&l->programs, NULL); node; node = hashmap_next(&l->programs, node)) {
                const struct program *p = CONTAINER_OF(node, struct program, node);

                if (p->n_endpoints > 0)
                        programs[n++] = p;
        }
        if (n > 0)
                qsort(programs, n, sizeof(*programs), compare_programs);
        for (size_t i = 0; i < n && error == 0; i++)
                error = propose_program(l, programs[i], today_us, domain, &proposals);
        if (error)
                return error;
        *ret = proposals.list;
        *ret_n = proposals.n;
        proposals = (struct proposals){ 0 };
        return 0;
}
