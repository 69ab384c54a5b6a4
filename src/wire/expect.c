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
#include "core/pattern.h"

#define WORD_EXPECT "expect"
#define WORD_ALLOW  "allow "

enum { COMM_MAX = 15 };

void supposed_deinit(struct supposed *s)
{
        subject_unref(s->subject);
        free(s->host);
        free(s->interface);
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
        static const char *const words[] = { "to",       "port", "protocol", "user",      "group", "argument", "parent",   "ancestor",
                                             "unit",     "cgroup", "interface", "for",    "until", "priority", "note",     "list" };

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

/* Of what follows "to": which kind of destination it is. */
static bool is_destination(const char *text, struct word w, enum criterion_kind kind)
{
        bool address = true, name = false;

        for (size_t i = 0; i < w.n; i++) {
                char c = text[w.at + i];

                if (c == ':' || c == '/')
                        return kind == CRITERION_NETWORK;
                address &= c == '.' || (c >= '0' && c <= '9') || c == ',';
                name |= c == '"' || c == '.' || (c >= '0' && c <= '9');
        }
        return kind == (address ? CRITERION_NETWORK : name ? CRITERION_HOST : CRITERION_SCOPE);
}

/* Of "to" the one with this kind of destination. The value or the "not" before it; a word that stands alone (disabled, a protocol's name). The
 * end of the text where there is none. */
static struct word find_value(const char *text, size_t n, const char *clause, enum criterion_kind kind)
{
        bool to = strcmp(clause, "to") == 0, protocol = strcmp(clause, "protocol") == 0;
        struct word w = word_after(text, n, subject_word(text, n)), value, last;

        for (; w.n > 0; w = word_after(text, n, last)) {
                value = last = word_after(text, n, w);
                if (word_is(text, w, "or")) /* one more of what stood before */
                        continue;
                if (!has_value(text, w)) {
                        if (word_is(text, w, clause) || (protocol && !word_is(text, w, "disabled")))
                                return w;
                        last = w;
                        continue;
                }
                if (word_is(text, value, "not"))
                        last = word_after(text, n, value);
                if (word_is(text, w, clause) && (!to || is_destination(text, last, kind)))
                        return value;
        }
        return (struct word){ .at = n };
}

static struct word value_of(const char *text, size_t n, const char *clause)
{
        return find_value(text, n, clause, CRITERION_NETWORK);
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
        case RULE_PROGRAMS:
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
        return 0;
}

/* The one value that a connection can have of a kind; 1 and *ret NULL where none is said. `expected` is for several of them, or "not". */
static int take_one(const char *text, size_t n, const struct rule *rule, enum criterion_kind kind, const char *clause, const char *expected,
                    const union criterion_value **ret, struct sentence_error *error)
{
        const struct criterion *c = rule_criterion(rule, kind);

        *ret = NULL;
        if (!c)
                return 0;
        if (c->negated || c->n != 1)
                return refuse(error, find_value(text, n, clause, kind), "expected %s: a connection has no more", expected);
        *ret = &c->one;
        return 0;
}

static int take_user(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        const union criterion_value *user, *group;
        int r = take_one(text, n, rule, CRITERION_USER, "user", "one user", &user, error);

        if (!r)
                r = take_one(text, n, rule, CRITERION_GROUP, "group", "one group", &group, error);
        if (r)
                return r;
        if (user)
                s->subject->uid = user->number;
        if (group)
                s->subject->gid = group->number;
        if ((user && user->number == UINT32_MAX) || (group && group->number == UINT32_MAX))
                return refuse(error, value_of(text, n, user && user->number == UINT32_MAX ? "user" : "group"),
                              "expected a user or group that this machine knows, or a number");
        return 0;
}

/* A text that is itself, and no pattern; *ret is new, or NULL where none is said. */
static int take_text(const char *text, size_t n, const struct rule *rule, enum criterion_kind kind, const char *clause, char **ret,
                     struct sentence_error *error)
{
        const union criterion_value *value;
        int r = take_one(text, n, rule, kind, clause, "one value", &value, error);

        *ret = NULL;
        if (r || !value)
                return r;
        if (kind == CRITERION_HOST ? value->text[0] == '.' : !pattern_is_literal(value->text))
                return refuse(error, find_value(text, n, clause, kind), "expected the thing itself, no pattern: a connection has one");
        *ret = strdup(value->text);
        if (!*ret)
                return -ENOMEM;
        if (kind != CRITERION_HOST)
                pattern_unescape(*ret);
        return 0;
}

/* argv[0] is the program's name, which no rule looks at. */
static int take_arguments(const char *text, size_t n, const struct rule *rule, struct subject *s, struct sentence_error *error)
{
        const struct criterion *c = rule_criterion(rule, CRITERION_ARGUMENT);
        _cleanup_(buf_deinit) struct buf all = { 0 };

        if (!c)
                return 0;
        if (c->negated)
                return refuse(error, value_of(text, n, "argument"), "expected the arguments that there are");
        buf_append(&all, s->name, strlen(s->name) + 1);
        for (unsigned i = 0; i < c->n; i++) {
                _cleanup_(freep) char *argument = NULL;

                if (!pattern_is_literal(criterion_values(c)[i].text))
                        return refuse(error, value_of(text, n, "argument"), "expected the arguments themselves, no patterns");
                argument = strdup(criterion_values(c)[i].text);
                if (!argument)
                        return -ENOMEM;
                pattern_unescape(argument);
                buf_append(&all, argument, strlen(argument) + 1);
        }
        if (buf_error(&all))
                return buf_error(&all);
        s->n_arguments = all.n;
        s->arguments = buf_take(&all);
        return 0;
}

/* A unit is a cgroup; which slice it lies in does not matter to anybody who says only this. */
static int take_cgroup(const char *text, size_t n, const struct rule *rule, struct subject *s, struct sentence_error *error)
{
        _cleanup_(freep) char *unit = NULL;
        int r = take_text(text, n, rule, CRITERION_CGROUP, "cgroup", &s->cgroup, error);

        if (!r)
                r = take_text(text, n, rule, CRITERION_UNIT, "unit", &unit, error);
        if (r || s->cgroup || !unit)
                return r;
        return asprintf(&s->cgroup, "/system.slice/%s", unit) < 0 ? -ENOMEM : 0;
}

static int take_ancestors(const char *text, size_t n, const struct rule *rule, struct subject *s, struct sentence_error *error)
{
        char *ancestor;
        int r = take_text(text, n, rule, CRITERION_PARENT, "parent", &s->ancestors[0].path, error);

        if (r)
                return r;
        s->n_ancestors = s->ancestors[0].path != NULL;
        r = take_text(text, n, rule, CRITERION_ANCESTOR, "ancestor", &ancestor, error);
        if (r || !ancestor)
                return r;
        s->ancestors[1].path = ancestor;
        s->n_ancestors = 2;
        return 0;
}

static int take_surroundings(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        int r = take_user(text, n, rule, s, error);

        if (!r)
                r = take_arguments(text, n, rule, s->subject, error);
        if (!r)
                r = take_cgroup(text, n, rule, s->subject, error);
        if (!r)
                r = take_ancestors(text, n, rule, s->subject, error);
        if (!r)
                r = take_text(text, n, rule, CRITERION_HOST, "to", &s->host, error);
        if (!r)
                r = take_text(text, n, rule, CRITERION_INTERFACE, "interface", &s->interface, error);
        return r;
}

static int take_destination(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        const union criterion_value *network, *scopes;
        int r = take_one(text, n, rule, CRITERION_NETWORK, "to", "one address", &network, error);

        if (!r)
                r = take_one(text, n, rule, CRITERION_SCOPE, "to", "kinds of destination without not", &scopes, error);
        if (r)
                return r;
        if (!network)
                return refuse(error, (struct word){ .at = n }, rule_criterion(rule, CRITERION_HOST) ?
                              "expected to ADDRESS besides the name, which is not looked up here" :
                              "expected to ADDRESS: which one is the connection to?");
        if (network->network.prefix != 128)
                return refuse(error, value_of(text, n, "to"), "expected one address: a connection has no more");
        s->flow.remote = network->network.addr;
        s->scopes = scopes ? scopes->number : 0;
        return 0;
}

static int take_port(const char *text, size_t n, const struct rule *rule, struct supposed *s, struct sentence_error *error)
{
        const union criterion_value *port, *protocol;
        int r = take_one(text, n, rule, CRITERION_PORT, "port", "one port", &port, error);
        char scratch[4];

        if (!r)
                r = take_one(text, n, rule, CRITERION_PROTOCOL, "protocol", "one protocol", &protocol, error);
        if (r)
                return r;
        if (!port && !protocol)
                return refuse(error, (struct word){ .at = n }, "expected port N, or a protocol that has none, like icmp");
        s->flow.protocol = protocol ? (uint8_t)protocol->number : 6; /* TCP */
        if (port && port->ports.first != port->ports.last)
                return refuse(error, value_of(text, n, "port"), "expected one port: a connection has no more");
        if ((port != NULL) != protocol_has_ports(s->flow.protocol))
                return refuse(error, value_of(text, n, "port"), "expected %s: %s has %s", port ? "no port" : "port N",
                              protocol_name(s->flow.protocol, scratch), port ? "none" : "ports");
        s->flow.remote_port = port ? port->ports.first : 0;
        return 0;
}

static int take_rest(const char *text, size_t n, const struct rule *rule, struct sentence_error *error)
{
        struct word lifetime = value_of(text, n, "for");

        if (rule_criterion(rule, CRITERION_LIST))
                return refuse(error, value_of(text, n, "list"), "expected no list: say to HOST, and rules look it up");
        if (rule->disabled)
                return refuse(error, value_of(text, n, "disabled"), "expected no disabled: that is for rules");
        if (rule->priority != PRIORITY_DEFAULT)
                return refuse(error, value_of(text, n, "priority"), "expected no priority: that is for rules");
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
                r = take_surroundings(text, n, rule, &s, error);
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

/* A text as a pattern that is no other. */
static int restate_text(struct rule *rule, enum criterion_kind kind, const char *text)
{
        _cleanup_(buf_deinit) struct buf literal = { 0 };

        if (!text || !*text)
                return 0;
        pattern_escape(&literal, text);
        return buf_error(&literal) ? -ENOMEM : rule_add_text(rule, kind, literal.data);
}

/* A connection as the rule that is about no other. What is longer than patterns may be is left out: these words are for people. */
static int restate(const struct supposed *s, enum rule_subject subject, struct rule *rule)
{
        const struct subject *of = s->subject;
        const char *program = subject == RULE_NAME ? of->name : of->path;
        int r = rule_add_network(rule, &s->flow.remote, 128);

        rule->subject = subject;
        rule->program = strdup(program);
        if (!rule->program || r < 0)
                return -ENOMEM;
        r = rule_add_number(rule, CRITERION_PROTOCOL, s->flow.protocol);
        if (r == 0 && protocol_has_ports(s->flow.protocol))
                r = rule_add_ports(rule, s->flow.remote_port, s->flow.remote_port);
        if (r == 0 && s->scopes)
                r = rule_add_number(rule, CRITERION_SCOPE, s->scopes);
        if (r == 0 && of->uid != UINT32_MAX)
                r = rule_add_number(rule, CRITERION_USER, of->uid);
        if (r == 0 && of->gid != UINT32_MAX)
                r = rule_add_number(rule, CRITERION_GROUP, of->gid);
        if (r == 0 && s->host)
                r = rule_add_text(rule, CRITERION_HOST, s->host);
        if (r == 0)
                r = restate_text(rule, CRITERION_INTERFACE, s->interface);
        if (r == 0)
                r = restate_text(rule, CRITERION_CGROUP, of->cgroup);
        for (size_t at = 0; r == 0 && of->arguments && at < of->n_arguments; at += strlen(of->arguments + at) + 1)
                r = at == 0 ? 0 : restate_text(rule, CRITERION_ARGUMENT, of->arguments + at);
        if (r == 0 && of->n_ancestors > 0)
                r = restate_text(rule, CRITERION_PARENT, of->ancestors[0].path);
        if (r == 0 && of->n_ancestors > 1)
                r = restate_text(rule, CRITERION_ANCESTOR, of->ancestors[1].path);
        return r == -EINVAL || r == -E2BIG ? 0 : r;
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
        _cleanup_(rule_freep) struct rule *rule = rule_new(ACTION_ALLOW);

        if (!rule || restate(s, named ? RULE_NAME : subjects[s->subject->kind], rule) < 0) {
                out->error = -ENOMEM;
                return;
        }
        sentence_format(rule, &sentence);
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
