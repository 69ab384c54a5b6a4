/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each condition of theirs ("operand", "data" and how they are compared) becomes one criterion: the data as patterns of whole texts first
 * (regexp-simple.h; what is compared as it stands is one literal pattern), then these as values of the criterion. Theory in the header.
 */
#include "wire/import-opensnitch.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "core/limits.h"
#include "core/pattern.h"
#include "core/ruleset.h"
#include "wire/jsonread.h"
#include "wire/regexp-simple.h"
#include "wire/ruletext.h"

enum { V4_PREFIX = 96, PORTS = 65536 };

enum { REFUSED = 1 }; /* reader.import->reason says why */

/* Families of addresses, as their names of protocols tell them apart. */
enum { FAMILY_V4 = 1 << 0, FAMILY_V6 = 1 << 1 };

struct reader {
        struct import_opensnitch *import;
        struct rule *rule;
        sentence_name_fn names;
        void *userdata;
        unsigned seen;     /* CRITERION_BIT() of what there is a condition on */
        unsigned families; /* FAMILY_…, 0: any */
};

void import_opensnitch_deinit(struct import_opensnitch *import)
{
        rule_free(import->rule);
        free(import->name);
        free(import->words);
        *import = (struct import_opensnitch){ .rule = NULL };
}

static int _printf_(2, 3) refuse(struct import_opensnitch *import, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(import->reason, sizeof(import->reason), format, ap);
        va_end(ap);
        return REFUSED;
}

/* What a setter of core/rule.h has to say. */
static int added(struct reader *r, int error, const char *operand)
{
        switch (error) {
        case -EINVAL:
                return refuse(r->import, "%s: this value is none here", operand);
        case -E2BIG:
                return refuse(r->import, "%s: more than %d values", operand, LIMIT_RULE_VALUES);
        default:
                return error;
        }
}

/* The text of a literal pattern. */
static int unescaped(const char *pattern, char **ret)
{
        *ret = strdup(pattern);
        if (!*ret)
                return -ENOMEM;
        pattern_unescape(*ret);
        return 0;
}

/* Paths. */

static int add_pattern(struct reader *r, enum criterion_kind kind, const char *pattern, const char *operand)
{
        if (strlen(pattern) > LIMIT_PATTERN)
                return refuse(r->import, "%s: a pattern of more than %d bytes", operand, LIMIT_PATTERN);
        return added(r, rule_add_text(r->rule, kind, pattern), operand);
}

/* Paths are absolute: what ends in "/curl" is "/curl" itself, or has more before it. */
static int add_path(struct reader *r, enum criterion_kind kind, const char *pattern, const char *operand)
{
        _cleanup_(buf_deinit) struct buf open = { 0 };
        const char *rest = pattern;
        int error;

        if (pattern[0] == '/')
                return add_pattern(r, kind, pattern, operand);
        while (*rest == '*')
                rest++;
        if (rest == pattern)
                return refuse(r->import, "%s: it matches no absolute path", operand);
        error = rest[0] == '/' ? add_pattern(r, kind, rest, operand) : 0;
        if (error)
                return error;
        buf_printf(&open, "/**%s", rest);
        return buf_error(&open) ? -ENOMEM : add_pattern(r, kind, open.data, operand);
}

static int take_paths(struct reader *r, enum criterion_kind kind, const struct regexp_patterns *p, const char *operand)
{
        int error = 0;

        for (unsigned i = 0; !error && i < p->n; i++)
                error = add_path(r, kind, p->patterns[i], operand);
        return error;
}

/* A path that is one, however long: the rule's subject. */
static int take_program(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        size_t n;
        int error;

        if (p->n == 1 && p->patterns[0][0] == '/' && pattern_is_literal(p->patterns[0])) {
                error = unescaped(p->patterns[0], &r->rule->program);
                if (error)
                        return error;
                n = strlen(r->rule->program);
                r->rule->subject = RULE_PATH;
                return n < LIMIT_PATH ? 0 : refuse(r->import, "%s: a path of more than %d bytes", operand, LIMIT_PATH - 1);
        }
        r->rule->subject = RULE_PROGRAMS;
        error = take_paths(r, CRITERION_PROGRAM, p, operand);
        return error ? error : rule_settle_subject(r->rule);
}

/* Destinations. */

static bool is_bare(const char *pattern)
{
        return !strpbrk(pattern, "*?[\\");
}

static bool has_pattern(const struct regexp_patterns *p, const char *text)
{
        for (unsigned i = 0; i < p->n; i++)
                if (strcasecmp(p->patterns[i], text) == 0)
                        return true;
        return false;
}

static bool is_below(const char *pattern)
{
        return pattern[0] == '*' && pattern[1] == '.' && is_bare(pattern + 1);
}

/* "example.com", or "*.example.com" where "example.com" stands beside it: together they are ".example.com". */
static int take_host(struct reader *r, const struct regexp_patterns *p, const char *pattern, const char *operand)
{
        char host[RULETEXT_HOST_MAX];
        const char *expected, *name = pattern;

        if (is_below(pattern)) {
                if (!has_pattern(p, pattern + 2))
                        return refuse(r->import, "%s: names below %.120s, but not that name itself", operand, pattern + 2);
                name = pattern + 1;
        }
        if (name[strspn(name, "0123456789.")] == 0)
                return refuse(r->import, "%s: an address is no name", operand);
        if (!ruletext_parse_host(name, host, &expected) || !ruletext_check_domain(host, &expected))
                return refuse(r->import, "%s: expected %s", operand, expected);
        return added(r, rule_add_text(r->rule, CRITERION_HOST, host), operand);
}

/* A name that is within another value as well is left out. */
static int take_hosts(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        char below[RULETEXT_HOST_MAX + 2];
        int error = 0;

        for (unsigned i = 0; i < p->n; i++)
                if (!is_bare(p->patterns[i]) && !is_below(p->patterns[i]))
                        return refuse(r->import, "%s: not whole names: that needs ^ and $, and a name with those below it ^(.*\\.)?name$", operand);
        for (unsigned i = 0; !error && i < p->n; i++) {
                snprintf(below, sizeof(below), "*.%s", p->patterns[i]);
                if (!has_pattern(p, below))
                        error = take_host(r, p, p->patterns[i], operand);
        }
        return error;
}

static int add_network(struct reader *r, const struct addr *addr, unsigned prefix, const char *operand)
{
        struct addr masked = addr_masked(addr, prefix);

        return added(r, rule_add_network(r->rule, &masked, (uint8_t)prefix), operand);
}

/* "192.168." is what all addresses of 192.168.0.0/16 begin with. */
static bool parse_beginning(const char *text, struct addr *ret, unsigned *ret_prefix)
{
        uint8_t bytes[4] = { 0 };
        unsigned n = 0;
        size_t digits;

        for (; *text; text += digits + 1) {
                char octet[4] = "", canonical[4];
                uint64_t number;

                digits = strcspn(text, ".");
                if (n == 3 || digits == 0 || digits > 3 || text[digits] != '.')
                        return false;
                memcpy(octet, text, digits);
                if (!str_parse_u64(octet, 255, &number))
                        return false;
                snprintf(canonical, sizeof(canonical), "%u", (unsigned)number);
                if (strcmp(octet, canonical) != 0)
                        return false;
                bytes[n++] = (uint8_t)number;
        }
        *ret = addr_from_v4(bytes);
        *ret_prefix = V4_PREFIX + 8 * n;
        return n > 0;
}

static int take_address(struct reader *r, const char *pattern, const char *operand)
{
        char text[ADDR_TEXT_MAX], beginning[ADDR_TEXT_MAX] = "";
        size_t n = strlen(pattern);
        struct addr addr;
        unsigned prefix;

        if (is_bare(pattern)) {
                if (!addr_parse(pattern, &addr) || strcasecmp(addr_format(&addr, text), pattern) != 0)
                        return refuse(r->import, "%s: no address as OpenSnitch writes it", operand);
                return add_network(r, &addr, 128, operand);
        }
        if (n > 1 && n < sizeof(beginning) && pattern[n - 1] == '*') {
                memcpy(beginning, pattern, n - 1);
                if (is_bare(beginning) && parse_beginning(beginning, &addr, &prefix))
                        return add_network(r, &addr, prefix, operand);
        }
        return refuse(r->import, "%s: neither whole addresses, nor beginnings of IPv4 addresses that end with a dot", operand);
}

static int take_addresses(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        int error = 0;

        for (unsigned i = 0; !error && i < p->n; i++)
                error = take_address(r, p->patterns[i], operand);
        return error;
}

/* As they read it: bits beyond the prefix are cut off, and a network of IPv6 has no addresses of IPv4 in it, which ::/0 has here. */
static int take_network(struct reader *r, const char *data, const char *operand)
{
        const char *slash = strchr(data, '/');
        bool is_v6 = strchr(data, ':') != NULL;
        const struct addr v4 = addr_from_v4((const uint8_t[4]){ 0 });
        char text[ADDR_TEXT_MAX];
        struct addr addr;
        uint64_t prefix;

        if (!slash || (size_t)(slash - data) >= sizeof(text))
                return refuse(r->import, "%s: an alias, not a network like 10.0.0.0/8", operand);
        snprintf(text, sizeof(text), "%.*s", (int)(slash - data), data);
        if (!addr_parse(text, &addr) || !str_parse_u64(slash + 1, is_v6 ? 128 : 32, &prefix) || (is_v6 && addr_is_v4(&addr)))
                return refuse(r->import, "%s: expected a network like 10.0.0.0/8", operand);
        prefix += is_v6 ? 0 : V4_PREFIX;
        if (is_v6 && prefix == 0) {
                r->families = r->families ? r->families & FAMILY_V6 : FAMILY_V6;
                return r->families ? 0 : refuse(r->import, "%s: IPv6 only, and another condition is IPv4 only: it matches nothing", operand);
        }
        if (is_v6 && prefix <= V4_PREFIX && addr_in_prefix(&v4, &addr, (unsigned)prefix))
                return refuse(r->import, "%s: here IPv4 addresses would be in this network too", operand);
        return add_network(r, &addr, (unsigned)prefix, operand);
}

/* Numbers. */

static bool any_matches(const struct regexp_patterns *p, const char *text)
{
        for (unsigned i = 0; i < p->n; i++)
                if (pattern_matches(p->patterns[i], PATTERN_TEXT, text, strlen(text)))
                        return true;
        return false;
}

static int add_ports(struct reader *r, const bool *in, const char *operand)
{
        for (unsigned port = 1; port < PORTS; port++) {
                unsigned last = port;
                int error;

                if (!in[port])
                        continue;
                while (last + 1 < PORTS && in[last + 1])
                        last++;
                error = added(r, rule_add_ports(r->rule, (uint16_t)port, (uint16_t)last), operand);
                if (error)
                        return error;
                port = last;
        }
        return 0;
}

/* Their port is a text of digits, "0" where the protocol has none: which of them match is tried. */
static void mark_ports(const char *pattern, bool *in)
{
        char text[8];

        for (unsigned port = 0; port < PORTS; port++) {
                snprintf(text, sizeof(text), "%u", port);
                in[port] |= pattern_matches(pattern, PATTERN_TEXT, text, strlen(text));
        }
}

/* "443", which is what most are. */
static void mark_port(const char *pattern, bool *in)
{
        char canonical[24];
        uint64_t port;

        if (!str_parse_u64(pattern, PORTS - 1, &port))
                return;
        snprintf(canonical, sizeof(canonical), "%u", (unsigned)port);
        if (strcmp(canonical, pattern) == 0)
                in[port] = true;
}

static int take_ports(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        _cleanup_(freep) bool *in = calloc(PORTS, sizeof(*in));
        unsigned n = 0;

        if (!in)
                return -ENOMEM;
        for (unsigned i = 0; i < p->n; i++)
                (is_bare(p->patterns[i]) ? mark_port : mark_ports)(p->patterns[i], in);
        for (unsigned port = 0; port < PORTS; port++)
                n += in[port];
        if (n == PORTS)
                return 0; /* no restriction */
        if (in[0])
                return refuse(r->import, "%s: some ports, and what has no port (0)", operand);
        return n > 0 ? add_ports(r, in, operand) : refuse(r->import, "%s: it matches no port", operand);
}

static int take_users(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        for (unsigned i = 0; i < p->n; i++) {
                char canonical[16];
                uint64_t uid;
                int error;

                if (!str_parse_u64(p->patterns[i], UINT32_MAX - 1, &uid))
                        return refuse(r->import, "%s: not the numbers of users: that needs ^ and $", operand);
                snprintf(canonical, sizeof(canonical), "%u", (unsigned)uid);
                if (strcmp(canonical, p->patterns[i]) != 0)
                        return refuse(r->import, "%s: it matches no user", operand);
                error = added(r, rule_add_number(r->rule, CRITERION_USER, (uint32_t)uid), operand);
                if (error)
                        return error;
        }
        return 0;
}

static int take_user_names(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        for (unsigned i = 0; i < p->n; i++) {
                _cleanup_(freep) char *name = NULL;
                uint32_t uid;
                int error;

                if (!pattern_is_literal(p->patterns[i]) || !*p->patterns[i])
                        return refuse(r->import, "%s: not whole names: that needs ^ and $", operand);
                error = unescaped(p->patterns[i], &name);
                if (error)
                        return error;
                if (!r->names || !r->names(r->userdata, SENTENCE_USER, name, &uid))
                        return refuse(r->import, "%s: this machine knows no user of this name", operand);
                error = added(r, rule_add_number(r->rule, CRITERION_USER, uid), operand);
                if (error)
                        return error;
        }
        return 0;
}

static int take_interfaces(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        int error = 0;

        for (unsigned i = 0; !error && i < p->n; i++)
                error = add_pattern(r, CRITERION_INTERFACE, p->patterns[i], operand);
        return error;
}

/* Their names of protocols, which are of one family each: "tcp" is IPv4 only. ICMP is of one family by itself. */
static const struct {
        const char *name;
        uint8_t number, family;
        bool of_both;
} protocols[] = {
        { "tcp", 6, FAMILY_V4, true },       { "tcp6", 6, FAMILY_V6, true },       { "udp", 17, FAMILY_V4, true },   { "udp6", 17, FAMILY_V6, true },
        { "udplite", 136, FAMILY_V4, true }, { "udplite6", 136, FAMILY_V6, true }, { "sctp", 132, FAMILY_V4, true }, { "sctp6", 132, FAMILY_V6, true },
        { "icmp", 1, FAMILY_V4, false },     { "icmp6", 58, FAMILY_V6, false },
};

static int take_protocols(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        unsigned by_number[256] = { 0 }, families = FAMILY_V4 | FAMILY_V6, all = 0;

        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (any_matches(p, protocols[i].name))
                        by_number[protocols[i].number] |= protocols[i].family;
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
                unsigned of = by_number[protocols[i].number];
                int error = of ? added(r, rule_add_number(r->rule, CRITERION_PROTOCOL, protocols[i].number), operand) : 0;

                if (error)
                        return error;
                all |= of;
                if (of && protocols[i].of_both)
                        families &= of;
        }
        if (!all)
                return refuse(r->import, "%s: no protocol that OpenSnitch tells", operand);
        if (families == (FAMILY_V4 | FAMILY_V6))
                return 0;
        if (all & ~families)
                return refuse(r->import, "%s: some protocols by IPv4, others by IPv6", operand);
        r->families = r->families ? r->families & families : families;
        return r->families ? 0 : refuse(r->import, "%s: of another family than the other conditions: it matches nothing", operand);
}

/* One condition. */

static int take_ancestors(struct reader *r, const struct regexp_patterns *p, const char *operand)
{
        return take_paths(r, CRITERION_ANCESTOR, p, operand);
}

static const struct operand {
        const char *name;
        enum criterion_kind kind;
        enum regexp_flavour flavour;
        int (*take)(struct reader *r, const struct regexp_patterns *p, const char *operand);
} operands[] = {
        { "process.path", CRITERION_PROGRAM, REGEXP_PATH, take_program },
        { "process.parent.path", CRITERION_ANCESTOR, REGEXP_PATH, take_ancestors },
        { "dest.host", CRITERION_HOST, REGEXP_WORDS, take_hosts },
        { "dest.ip", CRITERION_NETWORK, REGEXP_WORDS, take_addresses },
        { "dest.port", CRITERION_PORT, REGEXP_DIGITS, take_ports },
        { "protocol", CRITERION_PROTOCOL, REGEXP_DIGITS, take_protocols },
        { "user.id", CRITERION_USER, REGEXP_WORDS, take_users },
        { "user.name", CRITERION_USER, REGEXP_WORDS, take_user_names },
        { "iface.out", CRITERION_INTERFACE, REGEXP_TEXT, take_interfaces },
};

/* What OpenSnitch tells of a connection and rules here cannot ask for. */
static const struct {
        const char *beginning, *reason;
} unknown[] = {
        { "process.command", "arguments are compared one by one here, not as one line" },
        { "process.id", "the number of a process is another's tomorrow" },
        { "process.env.", "rules here do not look at the environment" },
        { "process.hash.", "rules here do not look at checksums" },
        { "source.", "rules here are about the remote end" },
        { "iface.in", "rules here are about what goes out" },
        { "lists.", "the list is another file, which changes" },
};

static const struct operand *find_operand(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(operands); i++)
                if (strcmp(operands[i].name, name) == 0)
                        return &operands[i];
        return NULL;
}

static int refuse_operand(struct reader *r, const char *name)
{
        _cleanup_(buf_deinit) struct buf shown = { 0 };

        const char *reason = "not known here";

        for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
                if (str_has_prefix(name, unknown[i].beginning))
                        reason = unknown[i].reason;
        str_escape(&shown, name);
        return buf_error(&shown) ? -ENOMEM : refuse(r->import, "%.100s: %s", shown.n > 0 ? shown.data : "no operand", reason);
}

/* What OpenSnitch compares without regard to case is lower case on both sides. Users and hosts are so anyway, and paths keep theirs. */
static char *fold(const struct operand *operand, const char *data, bool sensitive)
{
        char *text = strdup(data);

        for (char *at = text; at && *at && !sensitive && operand->flavour == REGEXP_DIGITS; at++)
                *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        return text;
}

/* The data as patterns. */
static int to_patterns(struct reader *r, const struct operand *operand, const char *type, const char *data, bool sensitive,
                       struct regexp_patterns *ret)
{
        _cleanup_(freep) char *text = fold(operand, data, sensitive);
        _cleanup_(buf_deinit) struct buf literal = { 0 };
        const char *reason;
        int error;

        if (!text)
                return -ENOMEM;
        if (strcmp(type, "regexp") == 0) {
                error = regexp_to_patterns(text, operand->flavour, ret, &reason);
                return error > 0 ? refuse(r->import, "%s: %s", operand->name, reason) : error;
        }
        if (strcmp(type, "simple") != 0)
                return refuse(r->import, "%s: compared in a way that is not known here", operand->name);
        if (!*data)
                return refuse(r->import, "%s: no data", operand->name);
        pattern_escape(&literal, text);
        ret->patterns[0] = buf_take(&literal);
        ret->n = ret->patterns[0] != NULL;
        return ret->n ? 0 : -ENOMEM;
}

static int enter(struct reader *r, enum criterion_kind kind, const char *operand)
{
        if (r->seen & CRITERION_BIT(kind))
                return refuse(r->import, "%s: a second condition on the same thing", operand);
        r->seen |= CRITERION_BIT(kind);
        return 0;
}

static bool has_upper_case(const char *text)
{
        for (; *text; text++)
                if (*text >= 'A' && *text <= 'Z')
                        return true;
        return false;
}

static int take_condition(struct reader *r, const char *type, const char *name, const char *data, bool sensitive)
{
        _cleanup_(regexp_patterns_deinit) struct regexp_patterns patterns = { .n = 0 };
        const struct operand *operand = find_operand(name);
        int error;

        if (strcmp(name, "true") == 0)
                return 0;
        if (strcmp(name, "dest.network") == 0 && strcmp(type, "network") == 0) {
                error = enter(r, CRITERION_NETWORK, name);
                return error ? error : take_network(r, data, name);
        }
        if (!operand)
                return refuse_operand(r, name);
        error = enter(r, operand->kind, operand->name);
        if (!error)
                error = to_patterns(r, operand, type, data, sensitive, &patterns);
        if (error)
                return error;
        if (sensitive && has_upper_case(data) && (operand->kind == CRITERION_HOST || operand->kind == CRITERION_NETWORK))
                return refuse(r->import, "%s: upper case that counts, where here case never does", operand->name);
        if (operand->flavour == REGEXP_PATH && (!sensitive || strncmp(data, "(?i)", 4) == 0))
                r->import->any_case = true;
        return operand->take(r, &patterns, operand->name);
}

/* The file's object. Null is as good as nothing there: so it was written. */

static const char *text_at(const json_t *o, const char *key)
{
        const char *text = json_string_value(json_object_get(o, key));

        return text ? text : "";
}

static bool is_absent(const json_t *value)
{
        return !value || json_is_null(value);
}

/* A key that this reader does not know may be a condition. */
static int check_keys(struct reader *r, const json_t *o, const char *const *known)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)o, key, value) {
                _cleanup_(buf_deinit) struct buf shown = { 0 };
                bool found = false;

                for (size_t i = 0; known[i]; i++)
                        found |= strcmp(known[i], key) == 0;
                if (found)
                        continue;
                str_escape(&shown, key);
                return buf_error(&shown) ? -ENOMEM : refuse(r->import, "the key \"%.100s\" is not known here", shown.n > 0 ? shown.data : "");
        }
        return 0;
}

enum wanted { TEXT, BOOL, OBJECT };

static int check_type(struct reader *r, const json_t *o, const char *key, enum wanted wanted)
{
        const json_t *value = json_object_get(o, key);

        if (is_absent(value) || (wanted == TEXT && json_is_string(value)) || (wanted == BOOL && json_is_boolean(value)) ||
            (wanted == OBJECT && json_is_object(value)))
                return 0;
        return refuse(r->import, "%s: expected %s", key, wanted == TEXT ? "a text" : wanted == BOOL ? "true or false" : "an object");
}

static int take_operator(struct reader *r, const json_t *o)
{
        static const char *const keys[] = { "type", "operand", "data", "sensitive", "list", NULL };
        const json_t *list = json_object_get(o, "list");
        int error;

        if (!json_is_object(o))
                return refuse(r->import, "a condition that is no object");
        error = check_keys(r, o, keys);
        for (size_t i = 0; !error && i < 3; i++)
                error = check_type(r, o, keys[i], TEXT);
        if (!error)
                error = check_type(r, o, "sensitive", BOOL);
        if (!error && !is_absent(list) && !(json_is_array(list) && json_array_size(list) == 0))
                error = refuse(r->import, "list: only where the type is list, and no list in a list");
        return error ? error : take_condition(r, text_at(o, "type"), text_at(o, "operand"), text_at(o, "data"), json_is_true(json_object_get(o, "sensitive")));
}

/* All of them must hold. Old files have the list as text in "data"; *ret is the caller's. */
static int find_list(struct reader *r, const json_t *o, json_t **ret)
{
        json_t *list = json_object_get(o, "list");
        const char *data = text_at(o, "data");

        if (json_is_array(list) && json_array_size(list) > 0) {
                *ret = json_incref(list);
                return 0;
        }
        *ret = is_absent(list) || json_is_array(list) ? json_loads(data, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_array(*ret) || json_array_size(*ret) == 0)
                return refuse(r->import, "a list without conditions");
        return 0;
}

static int take_list(struct reader *r, const json_t *o)
{
        static const char *const keys[] = { "type", "operand", "data", "sensitive", "list", NULL };
        _cleanup_(json_decrefp) json_t *list = NULL;
        int error = check_keys(r, o, keys);
        json_t *element;
        size_t i;

        if (!error)
                error = find_list(r, o, &list);
        json_array_foreach(list, i, element) {
                if (error)
                        break;
                error = take_operator(r, element);
        }
        return error;
}

/* Only IPv4, only IPv6: said by the network, where the conditions on addresses do not say it already. */
static int settle_family(struct reader *r)
{
        const struct criterion *networks = rule_criterion(r->rule, CRITERION_NETWORK);
        const union criterion_value *values = networks ? criterion_values(networks) : NULL;
        const struct addr v4 = addr_from_v4((const uint8_t[4]){ 0 });
        int error;

        if (!r->families)
                return 0;
        for (unsigned i = 0; networks && i < networks->n; i++)
                if (addr_is_v4(&values[i].network.addr) != (r->families == FAMILY_V4))
                        return refuse(r->import, "IPv4 and IPv6: OpenSnitch's protocols are of one of them, and the addresses of the other");
        if (networks)
                return 0;
        error = rule_add_network(r->rule, &v4, V4_PREFIX);
        if (!error && r->families == FAMILY_V6)
                rule_negate(r->rule, CRITERION_NETWORK);
        return error;
}

static int take_action(struct reader *r, const json_t *o)
{
        const char *action = text_at(o, "action");

        r->import->denies = strcmp(action, "deny") == 0 || strcmp(action, "reject") == 0;
        if (!r->import->denies && strcmp(action, "allow") != 0)
                return refuse(r->import, "action: expected allow, deny or reject");
        r->rule->action = r->import->denies ? ACTION_DENY : ACTION_ALLOW;
        r->rule->disabled = !json_is_true(json_object_get(o, "enabled"));
        r->import->precedence = json_is_true(json_object_get(o, "precedence"));
        if (strcmp(text_at(o, "duration"), "always") != 0)
                return refuse(r->import, "duration: it was not for always");
        return 0;
}

/* As much of the text as there is room for, whole characters. */
static size_t cut_utf8(const char *text, size_t max)
{
        size_t n = strlen(text);

        if (n <= max)
                return n;
        for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
                ;
        return n;
}

static int take_note(struct reader *r, const json_t *o)
{
        _cleanup_(buf_deinit) struct buf note = { 0 };
        const char *description = text_at(o, "description");

        buf_puts(&note, "from OpenSnitch: ");
        buf_puts(&note, r->import->name);
        if (*description)
                buf_printf(&note, " (%s)", description);
        if (buf_error(&note))
                return -ENOMEM;
        r->rule->note = strndup(note.data, cut_utf8(note.data, LIMIT_RULE_NOTE));
        return r->rule->note ? 0 : -ENOMEM;
}

static int check_length(struct reader *r)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        sentence_format(r->rule, &sentence);
        if (buf_error(&sentence))
                return -ENOMEM;
        return sentence.n + sizeof(" priority 1000000") <= LIMIT_SENTENCE ? 0 : refuse(r->import, "a sentence of more than %d bytes", LIMIT_SENTENCE);
}

static int take_rule(struct reader *r, const json_t *o)
{
        static const char *const keys[] = { "name", "description", "action", "duration", "enabled", "precedence", "nolog", "operator",
                                            "created", "updated", NULL };
        const json_t *operator = json_object_get(o, "operator");
        int error = check_keys(r, o, keys);

        for (size_t i = 0; !error && i < 8; i++)
                error = check_type(r, o, keys[i], i < 4 ? TEXT : i < 7 ? BOOL : OBJECT);
        if (!error)
                error = take_action(r, o);
        if (!error)
                error = strcmp(text_at(operator, "type"), "list") == 0 ? take_list(r, operator) : take_operator(r, operator);
        if (!error)
                error = settle_family(r);
        if (!error)
                error = take_note(r, o);
        return error ? error : check_length(r);
}

/* The rule's words. */

static void put_condition(const json_t *o, struct buf *out)
{
        buf_putc(out, ' ');
        str_escape(out, text_at(o, "operand"));
        buf_putc(out, ' ');
        str_escape(out, text_at(o, "type"));
        buf_puts(out, " \"");
        str_escape(out, text_at(o, "data"));
        buf_putc(out, '"');
}

static char *describe(const json_t *o)
{
        const json_t *operator = json_object_get(o, "operator"), *list = json_object_get(operator, "list"), *element;
        _cleanup_(buf_deinit) struct buf out = { 0 };
        size_t i;

        str_escape(&out, text_at(o, "action"));
        buf_putc(&out, ' ');
        str_escape(&out, text_at(o, "duration"));
        buf_putc(&out, ':');
        if (json_array_size(list) == 0)
                put_condition(operator, &out);
        json_array_foreach((json_t *)list, i, element) {
                if (i > 0)
                        buf_putc(&out, ',');
                put_condition(element, &out);
        }
        return buf_error(&out) ? NULL : strndup(out.data, cut_utf8(out.data, IMPORT_OPENSNITCH_WORDS));
}

static int read_object(const json_t *o, sentence_name_fn names, void *userdata, struct import_opensnitch *import)
{
        _cleanup_(rule_freep) struct rule *rule = rule_new(ACTION_DENY);
        struct reader r = { .import = import, .rule = rule, .names = names, .userdata = userdata };
        int error;

        import->words = describe(o);
        import->name = strdup(text_at(o, "name"));
        if (!rule || !import->words || !import->name)
                return -ENOMEM;
        error = take_rule(&r, o);
        if (!error)
                import->rule = TAKE_PTR(rule);
        return error;
}

int import_opensnitch_parse(const char *data, size_t n, sentence_name_fn names, void *userdata, struct import_opensnitch *ret)
{
        _cleanup_(import_opensnitch_deinit) struct import_opensnitch import = { .rule = NULL };
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct file_error where;
        int error;

        if (n > LIMIT_IMPORT_FILE) {
                refuse(&import, "a file of more than %d bytes", LIMIT_IMPORT_FILE);
        } else {
                error = jsonread_load(data, n, &root, &where);
                if (error > 0)
                        refuse(&import, "%u:%u: %.200s", where.line, where.column, where.text);
                else if (!error)
                        error = read_object(root, names, userdata, &import);
                if (error < 0)
                        return error;
        }
        if (!import.name && !(import.name = strdup("")))
                return -ENOMEM;
        *ret = import;
        import = (struct import_opensnitch){ .rule = NULL };
        return 0;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static bool is_strong(const struct import_opensnitch *i)
{
        return i->denies || i->precedence;
}

/* Those that decide at once, by name; then those that only allow. */
static int compare_strength(const void *a, const void *b)
{
        const struct import_opensnitch *of_a = *(struct import_opensnitch *const *)a, *of_b = *(struct import_opensnitch *const *)b;

        if (is_strong(of_a) != is_strong(of_b))
                return is_strong(of_a) ? -1 : 1;
        return strcmp(of_a->name, of_b->name);
}

static bool never_meet(const struct rule *a, const struct rule *b)
{
        return a->subject == RULE_PATH && b->subject == RULE_PATH && strcmp(a->program, b->program) != 0;
}

/* The smallest priority with which the stronger one comes before each weaker one that says something else. */
static int priority_over(const struct rule *rule, struct import_opensnitch *const *weaker, size_t n)
{
        int priority = PRIORITY_DEFAULT;

        for (size_t i = 0; i < n; i++) {
                struct rule *other = weaker[i]->rule;
                struct rule level = *rule;

                if (other->action == rule->action || other->priority < priority || never_meet(rule, other))
                        continue;
                level.priority = other->priority;
                priority = rule_compare(&level, other) < 0 ? other->priority : other->priority + 1;
        }
        return priority;
}

int import_opensnitch_rank(struct import_opensnitch *imports, size_t n)
{
        _cleanup_(freep) struct import_opensnitch **order = calloc(n + 1, sizeof(struct import_opensnitch *));
        size_t n_order = 0;

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (imports[i].rule)
                        order[n_order++] = &imports[i];
        qsort(order, n_order, sizeof(struct import_opensnitch *), compare_strength);
        for (size_t i = n_order; i > 0; i--)
                order[i - 1]->rule->priority = priority_over(order[i - 1]->rule, order + i, n_order - i);
        return 0;
}
