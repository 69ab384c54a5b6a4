/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "wire/ruletext.h"
#include "wire/search.h"

enum { HOST_MAX = 253 }; /* RFC 1035, 2.3.4, without the dot of the root */

void search_deinit(struct search *s)
{
        free(s->program);
        free(s->host);
        free(s->rule);
        *s = (struct search){};
}

/* ---- criteria from words --------------------------------------------------------------------------------------------------- */

/* Each: 0, -ENOMEM, or 1 after it pointed `ret_expected` at what was expected. */

static int take_text(char **to, const char *value, size_t max)
{
        if (!*value || strlen(value) > max)
                return 1;
        *to = strdup(value);
        return *to ? 0 : -ENOMEM;
}

static int set_program(struct search *s, const char *value, const char **ret_expected)
{
        *ret_expected = "a path, the last part of one, or a glob, of 1 to 4096 bytes";
        return take_text(&s->program, value, LIMIT_PATH);
}

static int set_host(struct search *s, const char *value, const char **ret_expected)
{
        /* An address has a colon, a slash behind it, or nothing but digits and dots; no host name has. */
        if (strpbrk(value, ":/") || value[strspn(value, "0123456789.")] == '\0') {
                bool good = ruletext_parse_network(value, &s->network, &s->prefix, ret_expected);

                *ret_expected = "an address, or a network as 10.0.0.0/8, without bits beyond its prefix";
                return good ? 0 : 1;
        }
        *ret_expected = "an address, a network, or a host name of at most 253 bytes";
        return take_text(&s->host, value, HOST_MAX);
}

static int set_port(struct search *s, const char *value, const char **ret_expected)
{
        const char *dash = strchr(value, '-');
        char first_text[8] = "";
        uint64_t first, last;
        size_t n = dash ? (size_t)(dash - value) : strlen(value);

        *ret_expected = "a port 1..65535, or two as in 8000-8999";
        if (n >= sizeof(first_text))
                return 1;
        memcpy(first_text, value, n);
        if (!str_parse_u64(first_text, UINT16_MAX, &first) || !str_parse_u64(dash ? dash + 1 : value, UINT16_MAX, &last))
                return 1;
        if (first == 0 || first > last)
                return 1;
        s->first_port = (uint16_t)first;
        s->last_port = (uint16_t)last;
        return 0;
}

static int set_verdict(struct search *s, const char *value, const char **ret_expected)
{
        *ret_expected = "allow or deny";
        return verdict_parse(value, &s->verdict) && s->verdict != VERDICT_ASK ? 0 : 1;
}

static int set_rule(struct search *s, const char *value, const char **ret_expected)
{
        *ret_expected = "a rule's id, as 'bastion rules' shows it, of at most 4352 bytes";
        return take_text(&s->rule, value, LIMIT_RULE_ID);
}

static int set_reason(struct search *s, const char *value, const char **ret_expected)
{
        static const char words[] = "one of"
#define REASON(constant, word, sentence) " " word
#include "core/reason.def"
#undef REASON
                ;

        *ret_expected = words;
        return reason_parse(value, &s->reason) ? 0 : 1;
}

static int set_uid(struct search *s, const char *value, const char **ret_expected)
{
        uint64_t uid;

        *ret_expected = "a user's number";
        if (!str_parse_u64(value, UINT32_MAX - 1, &uid))
                return 1;
        s->uid = (uint32_t)uid;
        return 0;
}

static int parse_time(const char *value, int64_t *ret, const char **ret_expected)
{
        uint64_t us;

        *ret_expected = "microseconds since 1970";
        if (!str_parse_u64(value, INT64_MAX, &us))
                return 1;
        *ret = (int64_t)us;
        return 0;
}

static int set_since(struct search *s, const char *value, const char **ret_expected)
{
        return parse_time(value, &s->since_us, ret_expected);
}

static int set_until(struct search *s, const char *value, const char **ret_expected)
{
        return parse_time(value, &s->until_us, ret_expected);
}

static int set_older(struct search *s, const char *value, const char **ret_expected)
{
        const char *at = strchr(value, '@');
        char seq[24];

        *ret_expected = "SEQ@TIME";
        if (!at || (size_t)(at - value) >= sizeof(seq))
                return 1;
        memcpy(seq, value, (size_t)(at - value));
        seq[at - value] = '\0';
        return str_parse_u64(seq, INT64_MAX, &s->older_seq) ? parse_time(at + 1, &s->older_us, ret_expected) : 1;
}

static const struct {
        const char *key;
        int (*set)(struct search *s, const char *value, const char **ret_expected);
} criteria[] = {
        { "program", set_program }, { "host", set_host }, { "port", set_port },   { "verdict", set_verdict }, { "rule", set_rule },
        { "reason", set_reason },   { "uid", set_uid },   { "since", set_since }, { "until", set_until },
        { "older", set_older },
};
_Static_assert(1 << (ARRAY_SIZE(criteria) - 1) == SEARCH_OLDER, "each key has its bit");

int search_set(struct search *s, const char *key, const char *value, char ret_error[SEARCH_ERROR_MAX])
{
        for (size_t i = 0; i < ARRAY_SIZE(criteria); i++) {
                const char *expected = "";
                int r;

                if (strcmp(criteria[i].key, key) != 0)
                        continue;
                if (s->has & 1u << i) {
                        snprintf(ret_error, SEARCH_ERROR_MAX, "'%s' stands twice", key);
                        return 1;
                }
                r = criteria[i].set(s, value, &expected);
                if (r == 0)
                        s->has |= 1u << i;
                else if (r > 0)
                        snprintf(ret_error, SEARCH_ERROR_MAX, "'%.40s': expected %s", value, expected);
                return r;
        }
        snprintf(ret_error, SEARCH_ERROR_MAX, "nothing is searched by '%.40s'", key);
        return 1;
}

int search_set_word(struct search *s, const char *word, char ret_error[SEARCH_ERROR_MAX])
{
        const char *equals = strchr(word, '=');
        char key[16];

        if (!equals || (size_t)(equals - word) >= sizeof(key)) {
                snprintf(ret_error, SEARCH_ERROR_MAX, "'%.40s': expected KEY=VALUE", word);
                return 1;
        }
        memcpy(key, word, (size_t)(equals - word));
        key[equals - word] = '\0';
        return search_set(s, key, equals + 1, ret_error);
}

/* ---- matching -------------------------------------------------------------------------------------------------------------- */

/* A path may hold what a glob means something by, and is then found by itself too. */
static bool fits(const char *pattern, const char *text)
{
        return strcmp(pattern, text) == 0 || fnmatch(pattern, text, 0) == 0;
}

/* What subject_display_name() says of it. */
static const char *display_name(enum subject_kind kind, const char *path, const char *name)
{
        const char *last = str_basename(path);

        if (*last || *name)
                return *last ? last : name;
        return kind == SUBJECT_KERNEL ? "kernel" : "unknown";
}

bool search_matches_program(const struct search *s, enum subject_kind kind, const char *path, const char *name)
{
        if (!(s->has & SEARCH_PROGRAM))
                return true;
        return (*path && fits(s->program, path)) || fits(s->program, display_name(kind, path, name));
}

bool search_matches_remote(const struct search *s, const struct addr *remote, const char *host)
{
        if (!(s->has & SEARCH_HOST))
                return true;
        if (!s->host)
                return addr_in_prefix(remote, &s->network, s->prefix);
        return host && fnmatch(s->host, host, FNM_CASEFOLD) == 0;
}

bool search_matches(const struct search *s, const struct record *r)
{
        const unsigned has = s->has;

        if ((has & SEARCH_SINCE) && r->time_us < s->since_us)
                return false;
        if ((has & SEARCH_UNTIL) && r->time_us >= s->until_us)
                return false;
        if ((has & SEARCH_OLDER) && r->seq >= s->older_seq && r->time_us >= s->older_us)
                return false;
        if ((has & SEARCH_VERDICT) && r->verdict != s->verdict)
                return false;
        if ((has & SEARCH_REASON) && r->reason != s->reason)
                return false;
        if ((has & SEARCH_RULE) && !(r->rule && strcmp(s->rule, r->rule) == 0))
                return false;
        if ((has & SEARCH_UID) && r->subject->uid != s->uid)
                return false;
        if ((has & SEARCH_PORT) && (r->flow.remote_port < s->first_port || r->flow.remote_port > s->last_port))
                return false;
        return search_matches_remote(s, &r->flow.remote, hosts_first(&r->hosts)) &&
               search_matches_program(s, r->subject->kind, r->subject->path, r->subject->name);
}
