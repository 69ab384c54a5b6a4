/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads *.table files and holds decide() to them. Lines, top to bottom; "#" starts a comment line:
 *
 *      mode: enforcement default=deny popup=yes      the configuration from here on
 *      rules: RULE                                   forget all rules, then this one (may be empty)
 *      rule: RULE                                    one more
 *      WHO -> ADDRESS:PORT PROTOCOL | VERDICT | WHY  a connection, its verdict, and the deciding rule's id or the reason
 *      failure WHAT | VERDICT | REASON               a row of the failure table
 *
 * RULE is a flat entry, "KEY" allow|deny, or ID allow|deny|ask followed by criteria (put_criterion() lists them).
 * WHO is a path, name=COMM (executable unreadable), "unknown" or "kernel", each with uid=, gid=, pid=, comm=, deleted, foreign
 * behind it; several are separated by "or" (ambiguous) or "and" (the kernel named all). VERDICT may go on with "would-deny" or
 * "would-ask". Words are separated by spaces; a path is written in quotes when it has one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/decision.h"

enum { LINE_LEN = 1024, WORDS_MAX = 64 };

static const struct boottime now = { 100 };

struct reader {
        const char *file;
        unsigned line, n_checked, n_failed;
        struct ruleset *rules;
        struct config config;
};

struct words {
        char *word[WORDS_MAX];
        unsigned n, at;
};

/* A table that cannot be read is a broken test: say where and stop. */
static void __attribute__((noreturn)) broken(const struct reader *t, const char *what)
{
        fprintf(stderr, "%s:%u: cannot read: %s\n", t->file, t->line, what);
        exit(2);
}

/* Cuts `text` into words; "quoted words" keep their spaces and lose their quotes. */
static struct words split(const struct reader *t, char *text)
{
        struct words w = { .n = 0 };

        for (;;) {
                char end = ' ';

                text += strspn(text, " \t");
                if (!*text)
                        return w;
                if (w.n == WORDS_MAX)
                        broken(t, "too many words");
                if (*text == '"') {
                        end = '"';
                        text++;
                }
                w.word[w.n++] = text;
                text = strchr(text, end);
                if (!text && end == '"')
                        broken(t, "a quote without end");
                if (!text)
                        return w;
                *text++ = '\0';
        }
}

static const char *next_word(struct words *w)
{
        return w->at < w->n ? w->word[w->at++] : NULL;
}

static const char *need_word(const struct reader *t, struct words *w, const char *what)
{
        const char *word = next_word(w);

        if (!word)
                broken(t, what);
        return word;
}

/* What follows `key` in "key=value", or NULL. */
static const char *value_of(const char *word, const char *key)
{
        size_t n = strlen(key);

        return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static uint64_t number(const struct reader *t, const char *text)
{
        uint64_t n;

        if (!str_parse_u64(text, UINT32_MAX, &n))
                broken(t, text);
        return n;
}

/* Rules. */

static void put_ports(const struct reader *t, struct rule *r, const char *text)
{
        unsigned first, last;
        int used;

        for (; *text; text += used, text += *text == ',') {
                if (sscanf(text, "%u-%u%n", &first, &last, &used) != 2) {
                        if (sscanf(text, "%u%n", &first, &used) != 1)
                                broken(t, text);
                        last = first;
                }
                if (rule_add_ports(r, (uint16_t)first, (uint16_t)last) < 0)
                        broken(t, "ports");
        }
}

static void put_network(const struct reader *t, struct rule *r, const char *text)
{
        char address[ADDR_TEXT_MAX];
        struct addr network;
        uint8_t prefix = 128;
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t)(slash - text) : strlen(text);

        if (n >= sizeof(address))
                broken(t, text);
        memcpy(address, text, n);
        address[n] = '\0';
        if (!addr_parse(address, &network))
                broken(t, text);
        if (slash)
                prefix = (uint8_t)(number(t, slash + 1) + (addr_is_v4(&network) ? 96 : 0));
        if (rule_add_network(r, &network, prefix) < 0)
                broken(t, text);
}

static void put_scope(const struct reader *t, struct rule *r, const char *text)
{
        enum scope scope;

        if (!scope_parse(text, &scope) || rule_add_number(r, CRITERION_SCOPE, scope) < 0)
                broken(t, text);
}

static void put_program(struct rule *r, enum rule_subject subject, const char *program)
{
        r->subject = subject;
        r->program = strdup(program);
}

static void put_criterion(const struct reader *t, struct rule *r, const char *word)
{
        const char *value;
        uint8_t protocol;

        if (word[0] == '/') {
                put_program(r, RULE_PATH, word);
        } else if ((value = value_of(word, "name"))) {
                put_program(r, RULE_NAME, value);
        } else if (strcmp(word, "unknown") == 0) {
                r->subject = RULE_UNKNOWN;
        } else if (strcmp(word, "kernel") == 0) {
                r->subject = RULE_KERNEL;
        } else if ((value = value_of(word, "ports"))) {
                put_ports(t, r, value);
        } else if ((value = value_of(word, "to"))) {
                put_network(t, r, value);
        } else if ((value = value_of(word, "scope"))) {
                put_scope(t, r, value);
        } else if ((value = value_of(word, "protocol"))) {
                if (!protocol_parse(value, &protocol) || rule_add_number(r, CRITERION_PROTOCOL, protocol) < 0)
                        broken(t, value);
        } else if ((value = value_of(word, "uid"))) {
                if (rule_add_number(r, CRITERION_USER, (uint32_t)number(t, value)) < 0)
                        broken(t, value);
        } else if ((value = value_of(word, "gid"))) {
                if (rule_add_number(r, CRITERION_GROUP, (uint32_t)number(t, value)) < 0)
                        broken(t, value);
        } else if ((value = value_of(word, "pid"))) {
                if (rule_set_process(r, &(struct process){ .pid = (uint32_t)number(t, value) }) < 0)
                        broken(t, value);
        } else if ((value = value_of(word, "priority"))) {
                r->priority = atoi(value);
        } else if ((value = value_of(word, "expires"))) {
                r->expires = (struct boottime){ number(t, value) };
        } else if (strcmp(word, "factory") == 0) {
                r->origin = ORIGIN_FACTORY;
                r->priority = PRIORITY_FACTORY;
        } else if (strcmp(word, "session") == 0) {
                r->origin = ORIGIN_SESSION;
                r->lifetime = LIFETIME_SESSION;
        } else if (strcmp(word, "once") == 0) {
                r->origin = ORIGIN_SESSION;
                r->lifetime = LIFETIME_ONCE;
        } else if (strcmp(word, "disabled") == 0) {
                r->disabled = true;
        } else {
                broken(t, word);
        }
}

static void add_rule(struct reader *t, char *text)
{
        bool flat = text[strspn(text, " ")] == '"';
        struct words w = split(t, text);
        const char *id = next_word(&w), *expected = "", *word;
        struct rule *r = NULL;
        enum action action;

        if (!id)
                return;
        if (!action_parse(need_word(t, &w, "a rule needs an action"), &action))
                broken(t, "allow, deny or ask");
        if (flat && rule_from_flat_key(id, action == ACTION_ALLOW, &r, &expected) < 0)
                broken(t, expected);
        if (!flat) {
                r = rule_new(action);
                r->id = strdup(id);
        }
        while ((word = next_word(&w)))
                put_criterion(t, r, word);
        if (ruleset_add(t->rules, r) != 0)
                broken(t, "the rule set does not take this rule");
}

static void clear_rules(struct reader *t)
{
        ruleset_free(t->rules);
        t->rules = ruleset_new(t->line);
        if (!t->rules)
                broken(t, "out of memory");
}

static void set_mode(struct reader *t, char *text)
{
        struct words w = split(t, text);
        const char *word, *value;

        t->config = config_default();
        if (!mode_parse(need_word(t, &w, "a mode"), &t->config.mode))
                broken(t, "learning or enforcement");
        while ((word = next_word(&w)))
                if ((value = value_of(word, "default")) && action_parse(value, &t->config.default_action))
                        continue;
                else if ((value = value_of(word, "popup")))
                        t->config.popup_enabled = strcmp(value, "yes") == 0;
                else
                        broken(t, word);
}

/* Connections. */

static struct subject *read_who(const struct reader *t, const char *word)
{
        const char *name = value_of(word, "name");
        struct subject *s;

        if (strcmp(word, "unknown") == 0)
                return subject_unknown();
        if (strcmp(word, "kernel") == 0)
                return subject_kernel();
        if (!name && word[0] != '/')
                broken(t, word);
        s = subject_new(SUBJECT_PROGRAM, name ? "" : word, name ? name : str_basename(word));
        if (!s)
                broken(t, "out of memory");
        s->uid = s->gid = 1000;
        return s;
}

static void read_quality(const struct reader *t, struct subject *s, const char *word)
{
        const char *value;

        if (s->kind != SUBJECT_PROGRAM)
                broken(t, "only a program has a user and a process");
        if ((value = value_of(word, "uid"))) {
                s->uid = (uint32_t)number(t, value);
        } else if ((value = value_of(word, "gid"))) {
                s->gid = (uint32_t)number(t, value);
        } else if ((value = value_of(word, "pid"))) {
                s->process.pid = (uint32_t)number(t, value);
        } else if ((value = value_of(word, "comm"))) {
                free(s->name);
                s->name = strdup(value);
        } else if (strcmp(word, "deleted") == 0) {
                s->path_deleted = true;
        } else if (strcmp(word, "foreign") == 0) {
                s->path_foreign = true;
        } else {
                broken(t, word);
        }
}

/* Everything before "->". Returns how many subjects there are. */
static unsigned read_subjects(const struct reader *t, struct words *w, struct subject *ret[LIMIT_OWNERS], enum owners *ret_owners)
{
        unsigned n = 0;
        const char *word;

        *ret_owners = OWNERS_ALL;
        ret[n++] = read_who(t, need_word(t, w, "a program"));
        while (strcmp(word = need_word(t, w, "->"), "->") != 0) {
                bool ambiguous = strcmp(word, "or") == 0;

                if (!ambiguous && strcmp(word, "and") != 0) {
                        read_quality(t, ret[n - 1], word);
                        continue;
                }
                if (n == LIMIT_OWNERS)
                        broken(t, "too many owners");
                *ret_owners = ambiguous ? OWNERS_AMBIGUOUS : OWNERS_ALL;
                ret[n++] = read_who(t, need_word(t, w, "a program"));
        }
        return n;
}

/* "1.2.3.4:80", "[::1]:80", or an address alone. */
static void read_remote(const struct reader *t, const char *text, struct flow *flow)
{
        char address[ADDR_TEXT_MAX] = "";
        unsigned port = 0;

        if (sscanf(text, "[%45[^]]]:%u", address, &port) < 1 && sscanf(text, "%45[0-9.]:%u", address, &port) < 1)
                broken(t, text);
        if (!addr_parse(address, &flow->remote))
                broken(t, text);
        flow->remote_port = (uint16_t)port;
}

/* Checks a decision against "VERDICT [would-…] | WHY" and tells about a difference. */
static void check(struct reader *t, const struct decision *d, char *verdict, const char *why)
{
        struct words w = split(t, verdict);
        const char *word = need_word(t, &w, "a verdict"), *would = next_word(&w);
        const char *is = d->rule ? d->rule->id : reason_word(d->reason);
        bool would_deny = would && strcmp(would, "would-deny") == 0, would_ask = would && strcmp(would, "would-ask") == 0;

        t->n_checked++;
        if (strcmp(word, verdict_name(d->verdict)) == 0 && strcmp(why, is) == 0 && would_deny == d->would_deny &&
            would_ask == d->would_ask)
                return;
        t->n_failed++;
        fprintf(stderr, "%s:%u: is %s%s%s | %s (%s)\n", t->file, t->line, verdict_name(d->verdict), d->would_deny ? " would-deny" : "",
                d->would_ask ? " would-ask" : "", is, reason_word(d->reason));
}

static void check_connection(struct reader *t, char *who, char *verdict, const char *why)
{
        struct words w = split(t, who);
        struct subject *subjects[LIMIT_OWNERS];
        struct facts facts[LIMIT_OWNERS];
        struct flow flow = { .local_port = 40000 };
        enum owners owners;
        unsigned n = read_subjects(t, &w, subjects, &owners);
        struct decision d;

        read_remote(t, need_word(t, &w, "a destination"), &flow);
        if (!protocol_parse(need_word(t, &w, "a protocol"), &flow.protocol))
                broken(t, "no such protocol");
        for (unsigned i = 0; i < n; i++)
                facts[i] = (struct facts){ .subject = subjects[i], .flow = &flow, .scopes = addr_scopes(&flow.remote, NULL) };
        d = decide(t->rules, &t->config, facts, n, owners, now);
        check(t, &d, verdict, why);
        for (unsigned i = 0; i < n; i++)
                subject_unref(subjects[i]);
}

static void check_failure(struct reader *t, const char *what, char *verdict, const char *why)
{
        static const char *const failures[FAILURE_COUNT] = {
                [FAILURE_UNPARSABLE] = "unparsable",
                [FAILURE_NOBODY] = "nobody",
                [FAILURE_TIMEOUT] = "timeout",
                [FAILURE_CAP] = "cap",
        };

        for (unsigned i = 0; i < FAILURE_COUNT; i++)
                if (strcmp(failures[i], what) == 0) {
                        struct decision d = decide_failure((enum failure)i, &t->config);

                        check(t, &d, verdict, why);
                        return;
                }
        broken(t, what);
}

/* Removes spaces at both ends, in place. */
static char *trim(char *text)
{
        size_t n;

        text += strspn(text, " \t");
        n = strlen(text);
        while (n > 0 && strchr(" \t\n", text[n - 1]))
                text[--n] = '\0';
        return text;
}

static void read_line(struct reader *t, char *line)
{
        char *who, *verdict, *why;

        line = trim(line);
        if (!*line || *line == '#')
                return;
        if (str_has_prefix(line, "mode:")) {
                set_mode(t, line + strlen("mode:"));
                return;
        }
        if (str_has_prefix(line, "rules:")) {
                clear_rules(t);
                add_rule(t, line + strlen("rules:"));
                return;
        }
        if (str_has_prefix(line, "rule:")) {
                add_rule(t, line + strlen("rule:"));
                return;
        }
        who = strtok(line, "|");
        verdict = strtok(NULL, "|");
        why = strtok(NULL, "|");
        if (!who || !verdict || !why)
                broken(t, "connection | verdict | why");
        if (str_has_prefix(who, "failure "))
                check_failure(t, trim(who + strlen("failure ")), trim(verdict), trim(why));
        else
                check_connection(t, trim(who), trim(verdict), trim(why));
}

int main(int argc, char **argv)
{
        struct reader t = { .file = argc == 2 ? argv[1] : "", .config = config_default() };
        char line[LINE_LEN];
        FILE *f = fopen(t.file, "re");

        if (!f) {
                fprintf(stderr, "%s: %s\n", t.file, strerror(errno));
                return 2;
        }
        clear_rules(&t);
        while (fgets(line, sizeof(line), f)) {
                t.line++;
                if (!strchr(line, '\n'))
                        broken(&t, "a line too long, or without end");
                read_line(&t, line);
        }
        fclose(f);
        ruleset_free(t.rules);
        printf("%s: %u passed, %u failed\n", t.file, t.n_checked - t.n_failed, t.n_failed);
        return t.n_failed > 0 || t.n_checked == 0;
}
