/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sentence's parser reads the words into a rule; here the rule is taken for a connection, and what a connection cannot have is
 * refused with its place. Places are found by walking over the words once more, which by then are known to be well formed.
 */
#include "wire/expect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define WORD_EXPECT "expect"
#define WORD_ALLOW  "allow "

enum { COMM_MAX = 15 };

void supposed_deinit(struct supposed *s)
{
        subject_unref(s->subject);
        *s = (struct supposed){ .scopes = 0 };
}

/* Places. */

struct word {
        size_t at, n;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t';
}

/* The word from `at` on; n is 0 at the end. Quotes and what they hold are one. */
static struct word word_at(const char *text, size_t n, size_t at)
{
        struct word w;

        while (at < n && is_space(text[at]))
                at++;
        w.at = at;
        if (at < n && text[at] == '"') {
                for (at++; at < n && text[at] != '"'; at++)
                        at += text[at] == '\\';
                at++;
        }
        while (at < n && !is_space(text[at]))
                at++;
        w.n = MIN(at, n) - w.at;
        return w;
}

static struct word word_after(const char *text, size_t n, struct word w)
{
        return word_at(text, n, w.at + w.n);
}

static bool word_is(const char *text, struct word w, const char *word)
{
        return w.n == strlen(word) && memcmp(text + w.at, word, w.n) == 0;
}

static bool has_value(const char *text, struct word w)
{
        static const char *const words[] = { "to", "port", "protocol", "user", "group", "for", "until", "note" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (word_is(text, w, words[i]))
                        return true;
        return false;
}

/* The subject, after the action. */
static struct word subject_word(const char *text, size_t n)
{
        struct word w = word_after(text, n, word_at(text, n, 0));

        return word_is(text, w, "name") ? word_after(text, n, w) : w;
}

/* A word that is no kind of destination: an address or a network has one of these. */
static bool is_address(const char *text, struct word w)
{
        for (size_t i = 0; i < w.n; i++)
                if (strchr(".:/0123456789", text[w.at + i]))
                        return true;
        return false;
}

/* What follows `clause`; of "to" the address. The end of the text where there is none. */
static struct word value_of(const char *text, size_t n, const char *clause)
{
        struct word w = word_after(text, n, subject_word(text, n));

        for (; w.n > 0; w = word_after(text, n, w)) {
                struct word value;

                if (!has_value(text, w))
                        continue;
                value = word_after(text, n, w);
                if (word_is(text, w, clause) && (strcmp(clause, "to") != 0 || is_address(text, value)))
                        return value;
                w = value;
        }
        return (struct word){ .at = n };
}

/* Taking. */

static int _printf_(3, 4) refuse(struct sentence_error *error, struct word w, const char *format, ...)
{
        va_list ap;

        *error = (struct sentence_error){ .at = w.at, .length = w.n };
        va_start(ap, format);
        vsnprintf(error->expected, sizeof(error->expected), format, ap);
        va_end(ap);
        return 1;
}

/* The program's comm is not said; it is the start of its file's name, as the kernel makes it. */
static struct subject *program_subject(const struct rule *rule)
{
        char comm[COMM_MAX + 1];

        if (rule->subject == RULE_NAME)
                return subject_new(SUBJECT_PROGRAM, NULL, rule->program);
        snprintf(comm, sizeof(comm), "%s", str_basename(rule->program));
        return subject_new(SUBJECT_PROGRAM, rule->program, comm);
}

static int take_subject(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        switch (rule->subject) {
        case RULE_ANYONE:
                return refuse(error, subject_word(text, n), "expected a program's absolute path, name COMM, unknown or kernel");
        case RULE_PATH:
        case RULE_NAME:
                s->subject = program_subject(rule);
                break;
        case RULE_UNKNOWN:
                s->subject = subject_new(SUBJECT_UNKNOWN, NULL, NULL);
                break;
        case RULE_KERNEL:
                s->subject = subject_new(SUBJECT_KERNEL, NULL, NULL);
                break;
        }
        if (!s->subject)
                return -ENOMEM;
        if (rule->disabled)
                return refuse(error, value_of(text, n, rule->has & RULE_HAS_UID && rule->uid == UINT32_MAX ? "user" : "group"),
                              "expected a user or group that this machine knows, or a number");
        if (rule->has & RULE_HAS_UID)
                s->subject->uid = rule->uid;
        if (rule->has & RULE_HAS_GID)
                s->subject->gid = rule->gid;
        return 0;
}

static int take_destination(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        if (!(rule->has & RULE_HAS_NETWORK))
                return refuse(error, (struct word){ .at = n }, "expected to ADDRESS: which one is the connection to?");
        if (rule->prefix != 128)
                return refuse(error, value_of(text, n, "to"), "expected one address: a connection has no more");
        s->flow.remote = rule->network;
        s->scopes = rule->has & RULE_HAS_SCOPES ? rule->scopes : 0;
        return 0;
}

static int take_port(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        bool has_port = rule->has & RULE_HAS_PORTS;
        char scratch[4];

        if (!has_port && !(rule->has & RULE_HAS_PROTOCOL))
                return refuse(error, (struct word){ .at = n }, "expected port N, or a protocol that has none, like icmp");
        s->flow.protocol = rule->has & RULE_HAS_PROTOCOL ? rule->protocol : 6; /* TCP */
        if (has_port && (rule->n_ports != 1 || rule->ports[0].first != rule->ports[0].last))
                return refuse(error, value_of(text, n, "port"), "expected one port: a connection has no more");
        if (has_port != protocol_has_ports(s->flow.protocol))
                return refuse(error, value_of(text, n, "port"), "expected %s: %s has %s", has_port ? "no port" : "port N",
                              protocol_name(s->flow.protocol, scratch), has_port ? "none" : "ports");
        s->flow.remote_port = has_port ? rule->ports[0].first : 0;
        return 0;
}

static int take_rest(const char *text, size_t n, const struct rule *rule, struct sentence_error *error)
{
        struct word lifetime = value_of(text, n, "for");

        if (rule->lifetime != LIFETIME_ALWAYS)
                return refuse(error, lifetime.n > 0 ? lifetime : value_of(text, n, "until"), "expected no lifetime: that is for rules");
        if (rule->note)
                return refuse(error, value_of(text, n, "note"), "expected no note: a line that begins with # is a comment");
        return 0;
}

/* `text` is a sentence, its action included. */
static int take(const char *text, size_t n, sentence_name_fn names, void *userdata, enum action *ret_action, struct supposed *ret,
                struct sentence_error *error)
{
        _cleanup_(supposed_deinit) struct supposed s = { .scopes = 0 };
        _cleanup_(rule_freep) struct rule *rule = NULL;
        int r = sentence_parse_with_names(text, n, names, userdata, &rule, error);

        if (r)
                return r;
        r = take_subject(text, n, rule, &s, error);
        if (!r)
                r = take_destination(text, n, rule, &s, error);
        if (!r)
                r = take_port(text, n, rule, &s, error);
        if (!r)
                r = take_rest(text, n, rule, error);
        if (r)
                return r;
        *ret_action = rule->action;
        *ret = s;
        s = (struct supposed){ .scopes = 0 };
        return 0;
}

int supposed_parse(const char *text, size_t n, sentence_name_fn names, void *userdata, struct supposed *ret,
                   struct sentence_error *ret_error)
{
        const size_t before = strlen(WORD_ALLOW);
        _cleanup_(buf_deinit) struct buf sentence = { 0 };
        enum action action;
        int r;

        if (n > LIMIT_SENTENCE - before)
                return refuse(ret_error, (struct word){ .at = LIMIT_SENTENCE - before, .n = n - (LIMIT_SENTENCE - before) },
                              "expected at most %zu bytes", LIMIT_SENTENCE - before);
        buf_puts(&sentence, WORD_ALLOW);
        buf_append(&sentence, text, n);
        if (buf_error(&sentence))
                return buf_error(&sentence);
        r = take(sentence.data, sentence.n, names, userdata, &action, ret, ret_error);
        if (r > 0)
                ret_error->at -= before;
        return r;
}

/* As the rule that take() made it of, in the words of a sentence without its action. */
void supposed_format(const struct supposed *s, struct buf *out)
{
        static const enum rule_subject subjects[] = {
                [SUBJECT_PROGRAM] = RULE_PATH,
                [SUBJECT_KERNEL] = RULE_KERNEL,
                [SUBJECT_UNKNOWN] = RULE_UNKNOWN,
        };
        _cleanup_(buf_deinit) struct buf sentence = { 0 };
        bool named = s->subject->kind == SUBJECT_PROGRAM && !*s->subject->path;
        struct rule rule = {
                .action = ACTION_ALLOW,
                .lifetime = LIFETIME_ALWAYS,
                .subject = named ? RULE_NAME : subjects[s->subject->kind],
                .program = named ? s->subject->name : s->subject->path, /* borrowed */
                .has = RULE_HAS_NETWORK | RULE_HAS_PROTOCOL,
                .network = s->flow.remote,
                .prefix = 128,
                .protocol = s->flow.protocol,
                .scopes = s->scopes,
                .n_ports = 1,
                .ports = { { .first = s->flow.remote_port, .last = s->flow.remote_port } },
                .uid = s->subject->uid,
                .gid = s->subject->gid,
        };

        rule.has |= s->scopes ? RULE_HAS_SCOPES : 0;
        rule.has |= protocol_has_ports(s->flow.protocol) ? RULE_HAS_PORTS : 0;
        rule.has |= rule.uid != UINT32_MAX ? RULE_HAS_UID : 0;
        rule.has |= rule.gid != UINT32_MAX ? RULE_HAS_GID : 0;
        sentence_format(&rule, &sentence);
        if (buf_error(&sentence))
                out->error = buf_error(&sentence);
        else
                buf_puts(out, sentence.data + strlen(WORD_ALLOW));
}

static enum verdict verdict_of(enum action action)
{
        switch (action) {
        case ACTION_ALLOW:
                return VERDICT_ALLOW;
        case ACTION_DENY:
                return VERDICT_DENY;
        case ACTION_ASK:
                break;
        }
        return VERDICT_ASK;
}

int expect_parse(const char *line, size_t n, sentence_name_fn names, void *userdata, struct expectation *ret,
                 struct sentence_error *ret_error)
{
        struct word w = word_at(line, n, 0);
        struct expectation e = { .verdict = VERDICT_ASK };
        enum action action;
        size_t at;
        int r;

        if (w.n == 0 || line[w.at] == '#')
                return EXPECT_E_NOTHING;
        if (!word_is(line, w, WORD_EXPECT)) {
                refuse(ret_error, w, "expected the word expect");
                return EXPECT_E_SYNTAX;
        }
        at = w.at + w.n;
        r = take(line + at, n - at, names, userdata, &action, &e.supposed, ret_error);
        if (r > 0)
                ret_error->at += at;
        if (r)
                return r;
        e.verdict = verdict_of(action);
        *ret = e;
        return 0;
}
