/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A draft is a rule in the making: the places that it is about, and the ports. Endpoints are sorted so that what belongs
 * together is adjacent; each run of one protocol and port makes a draft for its hosts and one for its bare addresses.
 */
#include <errno.h>
#include <string.h>

#include "core/propose.h"

enum { TCP = 6, HTTP = 80, HTTPS = 443, V4_NETWORK = 96 + 24, V6_NETWORK = 64 };

/* Where to: hosts, networks, or a kind of destination. None of these is any destination. */
struct places {
        const char *hosts[PROPOSE_VALUES]; /* ".example.com": with all below it; sorted */
        bool below[PROPOSE_VALUES];
        unsigned n_hosts;
        struct network networks[PROPOSE_VALUES]; /* sorted */
        unsigned n_networks;
        unsigned scope; /* one bit, or 0 */
};

struct draft {
        uint8_t protocol;
        uint16_t ports[PROPOSE_PORTS];
        unsigned n_ports; /* 0: any */
        struct places places;
        struct amounts amounts;
        struct addr example;
        bool bare; /* the internet by address */
};

struct drafts {
        struct draft *list;
        size_t n, size;
        host_domain_fn domain;
};

static void drafts_deinit(struct drafts *d)
{
        free(d->list);
}

void proposals_deinit(struct proposals *p)
{
        for (size_t i = 0; i < p->n; i++)
                proposal_deinit(&p->list[i]);
        free(p->list);
        *p = (struct proposals){ 0 };
}

void amounts_add(struct amounts *to, const struct amounts *more)
{
        to->n_connections += more->n_connections;
        to->n_denied += more->n_denied;
        to->first_us = MIN(to->first_us, more->first_us);
        to->last_us = MAX(to->last_us, more->last_us);
}

/* ---- order ------------------------------------------------------------------------------------------------------------------ */

/* Ports that are one thing to a person have one number. */
static unsigned port_class(const struct endpoint *e)
{
        return e->protocol == TCP && e->port == HTTP ? HTTPS : e->port;
}

static int compare_protocols(const void *a, const void *b)
{
        const struct endpoint *e = *(const struct endpoint *const *)a, *f = *(const struct endpoint *const *)b;

        if (e->protocol != f->protocol)
                return e->protocol < f->protocol ? -1 : 1;
        return port_class(e) == port_class(f) ? 0 : port_class(e) < port_class(f) ? -1 : 1;
}

static int compare_addresses(const void *a, const void *b)
{
        const struct endpoint *e = *(const struct endpoint *const *)a, *f = *(const struct endpoint *const *)b;

        return memcmp(e->addr.bytes, f->addr.bytes, sizeof(e->addr.bytes));
}

/* Hosts by what stands last in them, so that what is below one domain is adjacent. Addresses without a host come first. */
static int compare_hosts(const void *a, const void *b)
{
        const struct endpoint *e = *(const struct endpoint *const *)a, *f = *(const struct endpoint *const *)b;
        size_t n, m;

        if (!e->host || !f->host)
                return e->host ? 1 : f->host ? -1 : compare_addresses(a, b);
        n = strlen(e->host);
        m = strlen(f->host);
        while (n > 0 && m > 0 && e->host[n - 1] == f->host[m - 1])
                n--, m--;
        if (n == 0 || m == 0)
                return n == m ? compare_addresses(a, b) : n < m ? -1 : 1;
        return (unsigned char)e->host[n - 1] < (unsigned char)f->host[m - 1] ? -1 : 1;
}

/* ---- where to ---------------------------------------------------------------------------------------------------------------- */

/* The domain whose hosts one may take together; of what is below none the host itself. */
static const char *domain_of(const char *host, host_domain_fn domain)
{
        const char *found = domain(host);

        return found ? found : host;
}

/* False when there are too many for a list. */
static bool list_hosts(const struct endpoint **e, size_t n, host_domain_fn domain_fn, struct places *to)
{
        for (size_t i = 0, next; i < n; i = next) {
                const char *domain = domain_of(e[i]->host, domain_fn);
                unsigned n_distinct = 1;

                for (next = i + 1; next < n && strcmp(domain_of(e[next]->host, domain_fn), domain) == 0; next++)
                        n_distinct += strcmp(e[next]->host, e[next - 1]->host) != 0;
                if (to->n_hosts == PROPOSE_VALUES)
                        return false;
                to->below[to->n_hosts] = n_distinct >= PROPOSE_DOMAIN;
                to->hosts[to->n_hosts++] = n_distinct >= PROPOSE_DOMAIN ? domain : e[i]->host;
        }
        return true;
}

static unsigned network_prefix(const struct addr *a)
{
        return addr_is_v4(a) ? V4_NETWORK : V6_NETWORK;
}

/* `e` is sorted by address. False when there are too many for a list. */
static bool list_networks(const struct endpoint **e, size_t n, struct places *to)
{
        for (size_t i = 0, next; i < n; i = next) {
                const unsigned prefix = network_prefix(&e[i]->addr);
                unsigned n_distinct = 1;

                for (next = i + 1; next < n && network_prefix(&e[next]->addr) == prefix && addr_in_prefix(&e[next]->addr, &e[i]->addr, prefix); next++)
                        n_distinct += !addr_equal(&e[next]->addr, &e[next - 1]->addr);
                if (n_distinct >= PROPOSE_NETWORK) {
                        if (to->n_networks == PROPOSE_VALUES)
                                return false;
                        to->networks[to->n_networks++] = (struct network){ addr_masked(&e[i]->addr, prefix), (uint8_t)prefix };
                        continue;
                }
                for (size_t k = i; k < next; k++) {
                        if (k > i && addr_equal(&e[k]->addr, &e[k - 1]->addr))
                                continue;
                        if (to->n_networks == PROPOSE_VALUES)
                                return false;
                        to->networks[to->n_networks++] = (struct network){ e[k]->addr, 128 };
                }
        }
        return true;
}

/* The kind of destination that all of them are, the narrowest first; 0: none. */
static unsigned common_scope(const struct endpoint **e, size_t n)
{
        unsigned scopes = ~(unsigned)SCOPE_RESOLVER;

        for (size_t i = 0; i < n; i++)
                scopes &= addr_scopes(&e[i]->addr, NULL);
        return scopes & -scopes;
}

static bool places_equal(const struct places *a, const struct places *b)
{
        if (a->n_hosts != b->n_hosts || a->n_networks != b->n_networks || a->scope != b->scope)
                return false;
        for (unsigned i = 0; i < a->n_hosts; i++)
                if (a->below[i] != b->below[i] || strcmp(a->hosts[i], b->hosts[i]) != 0)
                        return false;
        for (unsigned i = 0; i < a->n_networks; i++)
                if (a->networks[i].prefix != b->networks[i].prefix || !addr_equal(&a->networks[i].addr, &b->networks[i].addr))
                        return false;
        return true;
}

/* ---- drafts ------------------------------------------------------------------------------------------------------------------ */

static bool add_port(struct draft *d, uint16_t port)
{
        unsigned at = 0;

        while (at < d->n_ports && d->ports[at] < port)
                at++;
        if (at < d->n_ports && d->ports[at] == port)
                return true;
        if (d->n_ports == PROPOSE_PORTS)
                return false;
        memmove(&d->ports[at + 1], &d->ports[at], (d->n_ports - at) * sizeof(d->ports[0]));
        d->ports[at] = port;
        d->n_ports++;
        return true;
}

/* Makes one of two that go to the same places. */
static bool join(struct draft *to, const struct draft *more)
{
        struct draft joined = *to;

        if (to->protocol != more->protocol || !to->n_ports != !more->n_ports || !places_equal(&to->places, &more->places))
                return false;
        for (unsigned i = 0; i < more->n_ports; i++)
                if (!add_port(&joined, more->ports[i]))
                        return false;
        amounts_add(&joined.amounts, &more->amounts);
        joined.bare |= more->bare;
        *to = joined;
        return true;
}

static int add_draft(struct drafts *to, const struct draft *d)
{
        for (size_t i = 0; i < to->n; i++)
                if (join(&to->list[i], d))
                        return 0;
        if (to->n == to->size) {
                const size_t size = to->size ? 2 * to->size : 8;
                struct draft *grown = realloc(to->list, size * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                to->list = grown;
                to->size = size;
        }
        to->list[to->n++] = *d;
        return 0;
}

/* What the endpoints have in common but their places. `any_port`: there are too many for a list. */
static void begin_draft(struct draft *d, const struct endpoint **e, size_t n, bool any_port)
{
        *d = (struct draft){ .protocol = e[0]->protocol, .amounts = e[0]->amounts, .example = e[0]->addr };
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        amounts_add(&d->amounts, &e[i]->amounts);
                if (!any_port && e[i]->port)
                        add_port(d, e[i]->port); /* a run has two at most */
                d->bare |= !e[i]->host && (addr_scopes(&e[i]->addr, NULL) & SCOPE_INTERNET);
        }
}

/* Endpoints of one protocol and port, or of all its ports: one draft, or one for bare addresses and one for hosts. */
static int draft_run(struct drafts *to, const struct endpoint **e, size_t n, bool any_port)
{
        struct draft addresses, hosts;
        size_t n_bare = 0;
        int error;

        qsort(e, n, sizeof(*e), compare_hosts);
        while (n_bare < n && !e[n_bare]->host)
                n_bare++;
        if (n_bare < n) {
                begin_draft(&hosts, e + n_bare, n - n_bare, any_port);
                if (!list_hosts(e + n_bare, n - n_bare, to->domain, &hosts.places)) { /* too many names: where their addresses are */
                        qsort(e, n, sizeof(*e), compare_addresses);
                        begin_draft(&addresses, e, n, any_port);
                        addresses.places.scope = common_scope(e, n);
                        return add_draft(to, &addresses);
                }
                error = add_draft(to, &hosts);
                if (error)
                        return error;
        }
        if (n_bare == 0)
                return 0;
        begin_draft(&addresses, e, n_bare, any_port);
        if (!list_networks(e, n_bare, &addresses.places))
                addresses.places = (struct places){ .scope = common_scope(e, n_bare) };
        return add_draft(to, &addresses);
}

static unsigned count_ports(const struct endpoint **e, size_t n)
{
        unsigned count = 0;

        for (size_t i = 0; i < n; i++)
                count += i == 0 || port_class(e[i]) != port_class(e[i - 1]);
        return count;
}

static int draft_protocol(struct drafts *to, const struct endpoint **e, size_t n)
{
        int error = 0;

        if (count_ports(e, n) > PROPOSE_PORTS)
                return draft_run(to, e, n, true);
        for (size_t i = 0, next; i < n && error == 0; i = next) {
                const unsigned port = port_class(e[i]);

                for (next = i + 1; next < n && port_class(e[next]) == port; next++)
                        ;
                error = draft_run(to, e + i, next - i, false);
        }
        return error;
}

/* ---- rules ------------------------------------------------------------------------------------------------------------------- */

static int add_places(struct rule *r, const struct places *p)
{
        int error = 0;

        for (unsigned i = 0; i < p->n_hosts && error == 0; i++)
                error = rule_add_host(r, p->hosts[i], p->below[i]);
        for (unsigned i = 0; i < p->n_networks && error == 0; i++)
                error = rule_add_network(r, &p->networks[i].addr, p->networks[i].prefix);
        if (p->scope && error == 0)
                error = rule_add_number(r, CRITERION_SCOPE, p->scope);
        return error;
}

static int build_rule(const char *path, const struct draft *d, struct rule **ret)
{
        _cleanup_(rule_freep) struct rule *r = rule_new(ACTION_ALLOW);
        int error;

        if (!r)
                return -ENOMEM;
        r->origin = ORIGIN_LIST;
        r->lifetime = LIFETIME_ALWAYS;
        r->subject = path ? RULE_PATH : RULE_KERNEL;
        r->program = path ? strdup(path) : NULL;
        if (path && !r->program)
                return -ENOMEM;
        error = add_places(r, &d->places);
        for (unsigned i = 0; i < d->n_ports && error == 0; i++)
                error = rule_add_ports(r, d->ports[i], d->ports[i]);
        if (error == 0)
                error = rule_add_number(r, CRITERION_PROTOCOL, d->protocol);
        if (error)
                return error;
        *ret = TAKE_PTR(r);
        return 0;
}

static int add_proposal(struct proposals *to, const char *path, const struct draft *d, bool names_known)
{
        struct proposal p = { .amounts = d->amounts, .example = d->example, .surprises = names_known && d->bare ? SURPRISE_ADDRESS : 0 };
        int error;

        if (to->n == to->size) {
                const size_t size = to->size ? 2 * to->size : 16;
                struct proposal *grown = realloc(to->list, size * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                to->list = grown;
                to->size = size;
        }
        error = build_rule(path, d, &p.rule);
        if (error == 0)
                to->list[to->n++] = p;
        return error;
}

int propose(struct proposals *to, const char *path, const struct endpoint **endpoints, size_t n, bool names_known, host_domain_fn domain)
{
        _cleanup_(drafts_deinit) struct drafts drafts = { .domain = domain };
        int error = 0;

        qsort(endpoints, n, sizeof(*endpoints), compare_protocols);
        for (size_t i = 0, next; i < n && error == 0; i = next) {
                for (next = i + 1; next < n && endpoints[next]->protocol == endpoints[i]->protocol; next++)
                        ;
                error = draft_protocol(&drafts, endpoints + i, next - i);
        }
        for (size_t i = 0; i < drafts.n && error == 0; i++)
                error = add_proposal(to, path, &drafts.list[i], names_known);
        return error;
}
