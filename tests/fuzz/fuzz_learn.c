/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of whatever sort: each that was undecided and can be ruled is allowed by what is proposed, which says no rule twice and can be read back.
 *
 * A record is: flags, protocol, port (2 bytes), address (4 bytes or 16), and, where the flags say so, a length and a host's name.
 */
#include <string.h>

#include "base/cursor.h"
#include "core/learn.h"
#include "tests/fuzz/fuzz.h"
#include "wire/hostname.h"
#include "wire/sentence.h"

enum { IS_V6 = 1 << 0, HAS_HOST = 1 << 1, IS_DENIED = 1 << 2, IS_IN = 1 << 3, KIND_SHIFT = 4, PATH_SHIFT = 6, RECORDS_MAX = 256 };

static const struct boottime now = { 1 };

static bool read_addr(struct cursor *c, bool v6, struct addr *ret)
{
        const uint8_t *bytes = c->at;

        if (!cursor_skip(c, v6 ? 16 : 4))
                return false;
        if (v6)
                memcpy(ret->bytes, bytes, sizeof(ret->bytes));
        else
                *ret = addr_from_v4(bytes);
        return true;
}

static bool read_host(struct cursor *c, char ret[256])
{
        uint8_t n;
        const uint8_t *bytes;

        if (!cursor_u8(c, &n))
                return false;
        bytes = c->at;
        if (!cursor_skip(c, n))
                return false;
        memcpy(ret, bytes, n);
        ret[n] = '\0';
        return true;
}

static bool read_record(struct cursor *c, struct record *ret)
{
        static const char *const paths[] = { "/usr/bin/curl", "/opt/a b/*", "", "/opt/\xff\"" };
        struct flow flow = { 0 };
        char host[256] = "";
        uint8_t flags, protocol;

        if (!cursor_u8(c, &flags) || !cursor_u8(c, &protocol) || !cursor_be16(c, &flow.remote_port))
                return false;
        flow.protocol = protocol;
        if (!read_addr(c, flags & IS_V6, &flow.remote) || ((flags & HAS_HOST) && !read_host(c, host)))
                return false;
        const struct decision decision = { flags & IS_DENIED ? VERDICT_DENY : VERDICT_ALLOW, flags & IS_DENIED ? REASON_TIMEOUT : REASON_LEARNING };
        const enum subject_kind kind = (flags >> KIND_SHIFT & 3) == 3 ? SUBJECT_PROGRAM : (enum subject_kind)(flags >> KIND_SHIFT & 3);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(kind, kind == SUBJECT_PROGRAM ? paths[flags >> PATH_SHIFT] : "", "comm");
        const struct hosts hosts = hosts_one(flags & HAS_HOST ? host : NULL, HOST_SOURCE_DNS);

        fuzz_check(s && record_init(ret, &decision, s, &flow, &hosts) == 0);
        ret->direction = flags & IS_IN ? DIRECTION_IN : DIRECTION_OUT;
        return true;
}

/* As a rule's criterion sees it: in lower case, without a dot at its end. */
static bool is_allowed(const struct record *r, const struct proposal *proposals, size_t n)
{
        struct facts facts = { .subject = r->subject, .flow = &r->flow, .scopes = addr_scopes(&r->flow.remote, NULL) };
        const char *name = hosts_first(&r->hosts);
        char host[256] = "";

        for (size_t i = 0; name && name[i]; i++)
                host[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
        if (*host && host[strlen(host) - 1] == '.')
                host[strlen(host) - 1] = '\0';
        facts.host = *host ? host : NULL;
        for (size_t i = 0; i < n; i++)
                if (rule_matches(proposals[i].rule, &facts, now))
                        return true;
        return false;
}

static void check_readable(const struct rule *rule)
{
        _cleanup_(rule_freep) struct rule *again = NULL;
        _cleanup_(buf_deinit) struct buf sentence = { 0 };
        struct sentence_error error;

        sentence_format(rule, &sentence);
        fuzz_check(buf_error(&sentence) == 0 && sentence_parse(sentence.data, sentence.n, &again, &error) == 0);
        fuzz_check(rule_same_criteria(rule, again) && again->action == ACTION_ALLOW);
}

static void check_proposals(const struct learn *l, const struct record *records, size_t n_records)
{
        struct proposal *proposals;
        uint64_t n_connections = 0;
        size_t n;

        fuzz_check(learn_propose(l, 0, hostname_domain, &proposals, &n) == 0);
        for (size_t i = 0; i < n; i++) {
                check_readable(proposals[i].rule);
                n_connections += proposals[i].amounts.n_connections;
                for (size_t k = 0; k < i; k++)
                        fuzz_check(!rule_same_criteria(proposals[i].rule, proposals[k].rule));
        }
        fuzz_check(n_connections == learn_counts(l).n_undecided - learn_counts(l).n_nobody);
        for (size_t i = 0; i < n_records; i++) {
                const struct record *r = &records[i];
                const bool ports = protocol_has_ports(r->flow.protocol);

                if (r->direction == DIRECTION_OUT && !addr_is_zero(&r->flow.remote) && (!ports || r->flow.remote_port) &&
                    (r->subject->kind == SUBJECT_KERNEL || subject_rule_path(r->subject)))
                        fuzz_check(is_allowed(r, proposals, n));
        }
        for (size_t i = 0; i < n; i++)
                proposal_deinit(&proposals[i]);
        free(proposals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(1);
        _cleanup_(learn_freep) struct learn *l = learn_new(rules, NULL, now, 2);
        struct cursor c = cursor_of(data, size);
        struct record records[RECORDS_MAX];
        size_t n = 0;

        fuzz_check(rules && l);
        while (n < RECORDS_MAX && read_record(&c, &records[n]))
                fuzz_check(learn_add(l, &records[n++]) == 0);
        check_proposals(l, records, n);
        for (size_t i = 0; i < n; i++)
                record_deinit(&records[i]);
        return 0;
}
