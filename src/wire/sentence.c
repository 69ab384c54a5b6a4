/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sentence is words: bare ones, and quoted ones with escapes. The first is the action, then the subject, then clauses, each
 * of which is a row of a table. Nothing is guessed: an unknown word, a clause given twice, bits beyond a prefix are errors that
 * point at the word, because a rule that was read wider than it was meant is a hole. One word is held at a time.
 */
#include "wire/sentence.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/pattern.h"
#include "wire/escape.h"
#include "wire/ruletext.h"

struct reader {
        const char *text;
        size_t n, at;
        /* the word at hand */
        size_t word_at, word_length; /* in the text, quotes included */
        bool is_end, is_quoted;
        char word[LIMIT_SENTENCE + 1]; /* decoded */
        size_t word_n;
        sentence_name_fn names;
        void *userdata;
        struct sentence_error *error;
};

static int _printf_(2, 3) fail(struct reader *r, const char *format, ...)
{
        va_list ap;

        *r->error = (struct sentence_error){ .at = r->word_at, .length = r->word_length };
        va_start(ap, format);
        vsnprintf(r->error->expected, sizeof(r->error->expected), format, ap);
        va_end(ap);
        return 1;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t';
}

/* The opening quote stands at r->at. */
static int read_quoted(struct reader *r)
{
        size_t end = r->at + 1, bad;

        while (end < r->n && r->text[end] != '"')
                end += r->text[end] == '\\' ? 2 : 1;
        if (end >= r->n) {
                r->word_length = r->n - r->word_at;
                return fail(r, "expected a closing quote");
        }
        r->word_length = end + 1 - r->word_at;
        r->is_quoted = true;
        if (!escape_decode(r->text + r->at + 1, end - r->at - 1, r->word, &r->word_n, &bad)) {
                r->word_at = r->at + 1 + bad;
                r->word_length = 1;
                return fail(r, "expected \\\", \\\\, \\n, \\r, \\t, \\xNN or \\uNNNN after a backslash");
        }
        r->at = end + 1;
        if (r->at < r->n && !is_space(r->text[r->at])) {
                r->word_at = r->at;
                r->word_length = 1;
                return fail(r, "expected a space after the closing quote");
        }
        return 0;
}

static int read_bare(struct reader *r)
{
        size_t end = r->at;

        while (end < r->n && !is_space(r->text[end]))
                end++;
        r->word_n = r->word_length = end - r->at;
        memcpy(r->word, r->text + r->at, r->word_n);
        r->word[r->word_n] = 0;
        for (size_t i = 0; i < r->word_n; i++) {
                unsigned char c = (unsigned char)r->word[i];

                if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
                        return fail(r, "expected quotes around a word with quotes, backslashes or control characters");
        }
        r->at = end;
        return 0;
}

/* Moves to the next word; at the end r->is_end is set and the word is empty. */
static int next(struct reader *r)
{
        while (r->at < r->n && is_space(r->text[r->at]))
                r->at++;
        r->word_at = r->at;
        r->word_length = r->word_n = 0;
        r->word[0] = 0;
        r->is_quoted = false;
        r->is_end = r->at == r->n;
        if (r->is_end)
                return 0;
        return r->text[r->at] == '"' ? read_quoted(r) : read_bare(r);
}

/* Keywords are never quoted: "kernel" in quotes is no subject but a mistake. */
static bool word_is(const struct reader *r, const char *word)
{
        return !r->is_end && !r->is_quoted && strcmp(r->word, word) == 0;
}

static int parse_action(struct reader *r, struct rule *rule)
{
        if (r->is_quoted || !action_parse(r->word, &rule->action))
                return fail(r, "expected allow, deny or ask");
        return next(r);
}

/* What a criterion's setter has to say. `expected` is for -EINVAL. */
static int added(struct reader *r, int error, const char *expected)
{
        switch (error) {
        case -EINVAL:
                return fail(r, "expected %s", expected);
        case -E2BIG:
                return fail(r, "expected at most %d of them", LIMIT_RULE_VALUES);
        default:
                return error;
        }
}

/* One value of a criterion, in the reader's word or (`text`) in a part of it. */
typedef int (*value_fn)(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text);

/* The parts of one word, between commas. One that is wrong is pointed at by itself, unless there are escapes before it. */
static int parse_parts(struct reader *r, struct rule *rule, enum criterion_kind kind, value_fn value)
{
        char *part = r->word;

        for (;;) {
                char *comma = strchr(part, ',');
                int error;

                if (comma)
                        *comma = 0;
                error = value(r, rule, kind, part);
                if (error > 0 && !r->is_quoted) {
                        r->error->at += (size_t)(part - r->word);
                        r->error->length = strlen(part);
                }
                if (error || !comma)
                        return error;
                part = comma + 1;
        }
}

/* [not] VALUE [or VALUE]…; each word is read whole, or where commas join in parts. */
static int parse_values(struct reader *r, struct rule *rule, enum criterion_kind kind, bool parts, value_fn value)
{
        bool negated = word_is(r, "not");
        int error = negated ? next(r) : 0;

        for (;;) {
                if (!error)
                        error = parts ? parse_parts(r, rule, kind, value) : value(r, rule, kind, r->word);
                if (!error)
                        error = next(r);
                if (error)
                        return error;
                if (!word_is(r, "or"))
                        break;
                error = next(r);
        }
        if (negated)
                rule_negate(rule, kind);
        return 0;
}

/* Subjects. */

static int parse_name(struct reader *r, struct rule *rule)
{
        int error = next(r);

        if (error)
                return error;
        if (r->word_n == 0 || r->word_n >= LIMIT_PATH)
                return fail(r, "expected a program's name as the kernel shows it (comm)");
        rule->program = strdup(r->word);
        if (!rule->program)
                return -ENOMEM;
        rule->subject = RULE_NAME;
        return next(r);
}

static int take_pattern(struct reader *r, struct rule *rule, enum criterion_kind kind, const char *text)
{
        const char *expected = pattern_check(text);

        return added(r, rule_add_text(rule, kind, text), expected ? expected : "a value");
}

static int path_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        if (text[0] != '/')
                return fail(r, "expected an absolute path, or a pattern for one like /usr/lib/*/firefox");
        return take_pattern(r, rule, kind, text);
}

/* A path is as long as paths are; a pattern is not. */
static int parse_path(struct reader *r, struct rule *rule)
{
        if (r->word_n >= LIMIT_PATH)
                return fail(r, "expected a path of at most %d bytes", LIMIT_PATH - 1);
        rule->program = strdup(r->word);
        if (!rule->program)
                return -ENOMEM;
        pattern_unescape(rule->program);
        rule->subject = RULE_PATH;
        return next(r);
}

/* The word is a path, no pattern, and the only one. */
static bool is_one_path(const struct reader *r)
{
        size_t at = r->at;

        while (at < r->n && is_space(r->text[at]))
                at++;
        return pattern_is_literal(r->word) && !(r->n - at >= 3 && memcmp(r->text + at, "or", 2) == 0 && is_space(r->text[at + 2]));
}

static int parse_subject(struct reader *r, struct rule *rule)
{
        static const struct {
                const char *word;
                enum rule_subject subject;
        } words[] = { { "anyone", RULE_ANYONE }, { "unknown", RULE_UNKNOWN }, { "kernel", RULE_KERNEL } };
        int error;

        if (word_is(r, "name"))
                return parse_name(r, rule);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (word_is(r, words[i].word)) {
                        rule->subject = words[i].subject;
                        return next(r);
                }
        if (r->word[0] == '/' && is_one_path(r))
                return parse_path(r, rule);
        if (r->word[0] != '/' && !word_is(r, "not"))
                return fail(r, "expected a program's absolute path, name COMM, anyone, unknown or kernel");
        rule->subject = RULE_PROGRAMS;
        error = parse_values(r, rule, CRITERION_PROGRAM, false, path_value);
        return error ? error : rule_settle_subject(rule); /* the same path twice is one */
}

/* Criteria. */

static int scope_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        enum scope scope;

        if (!scope_parse(text, &scope))
                return fail(r, "expected loopback, lan, link, multicast, broadcast, internet or resolver");
        return added(r, rule_add_number(rule, kind, scope), "a kind of destination");
}

static int network_value(struct reader *r, struct rule *rule, _unused_ enum criterion_kind kind, char *text)
{
        const char *expected;
        struct addr addr;
        uint8_t prefix;

        if (!ruletext_parse_network(text, &addr, &prefix, &expected))
                return fail(r, "expected %s", expected);
        return added(r, rule_add_network(rule, &addr, prefix), "a network");
}

static int host_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        char host[RULETEXT_HOST_MAX];
        const char *expected;

        if (!ruletext_parse_host(text, host, &expected) || !ruletext_check_domain(host, &expected))
                return fail(r, "expected %s", expected);
        return added(r, rule_add_text(rule, kind, host), "a host");
}

/* Which kind of destination stands at `text`, up to a comma: an address has a colon, a slash or nothing but digits and dots; a host that is
 * one label stands in quotes, for a kind of destination that is spelled wrong must not become one. */
static enum criterion_kind destination_kind(const struct reader *r, const char *text)
{
        size_t n = strcspn(text, ",");
        bool is_name = strcspn(text, ".:/0123456789") >= n;

        if (is_name)
                return r->is_quoted ? CRITERION_HOST : CRITERION_SCOPE;
        if (strcspn(text, ":/") < n || strspn(text, "0123456789.") >= n)
                return CRITERION_NETWORK;
        return CRITERION_HOST;
}

/* The kind of what follows "to", which "not" may precede. */
static enum criterion_kind peek_destination(const struct reader *r)
{
        struct reader ahead;

        if (!word_is(r, "not"))
                return destination_kind(r, r->word);
        ahead = *r;
        return next(&ahead) ? CRITERION_SCOPE : destination_kind(&ahead, ahead.word);
}

static int destination_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        if (destination_kind(r, text) != kind && kind != CRITERION_SCOPE)
                return fail(r, kind == CRITERION_NETWORK ? "expected an address or a network, like those before; other kinds in a \"to\" of their own"
                                                         : "expected a host, like those before; other kinds in a \"to\" of their own");
        if (kind == CRITERION_SCOPE)
                return scope_value(r, rule, kind, text);
        return kind == CRITERION_NETWORK ? network_value(r, rule, kind, text) : host_value(r, rule, kind, text);
}

static int parse_to(struct reader *r, struct rule *rule)
{
        enum criterion_kind kind = peek_destination(r);
        enum scope scope;

        if (r->is_end || r->word_n == 0)
                return fail(r, "expected " RULETEXT_DESTINATION);
        if (rule_criterion(rule, kind))
                return fail(r, "expected only one \"to\" with this kind of destination; join several by \"or\"");
        if (kind == CRITERION_SCOPE && !strchr(r->word, ',') && !word_is(r, "not") && !scope_parse(r->word, &scope))
                return fail(r, "expected " RULETEXT_DESTINATION);
        return parse_values(r, rule, kind, true, destination_value);
}

static int port_value(struct reader *r, struct rule *rule, _unused_ enum criterion_kind kind, char *text)
{
        const char *expected;
        struct port_range range;

        if (!ruletext_parse_port(text, &range, &expected))
                return fail(r, "expected a port 1..65535, a range or a list");
        return added(r, rule_add_ports(rule, range.first, range.last), "a port");
}

static int parse_ports(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_PORT, true, port_value);
}

static int protocol_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        uint8_t protocol;

        if (!protocol_parse(text, &protocol))
                return fail(r, "expected a protocol's name or number 0..255");
        return added(r, rule_add_number(rule, kind, protocol), "a protocol");
}

static int parse_protocol(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_PROTOCOL, true, protocol_value);
}

/* A number, or a name where somebody is there who knows names. */
static int who_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        enum sentence_name what = kind == CRITERION_USER ? SENTENCE_USER : SENTENCE_GROUP;
        uint64_t number;
        uint32_t id = 0;

        if (str_parse_u64(text, UINT32_MAX - 1, &number)) {
                id = (uint32_t)number;
        } else if (!r->names || !*text || isdigit((unsigned char)*text)) {
                return fail(r, r->names ? "expected the name or the number of a %s" : "expected the number of a %s",
                            what == SENTENCE_USER ? "user" : "group");
        } else if (!r->names(r->userdata, what, text, &id)) {
                /* (uint32_t)-1 is nobody's number: even switched on again the rule matches nothing. */
                id = UINT32_MAX;
                rule->disabled = true;
        }
        return added(r, rule_add_number(rule, kind, id), "a number");
}

static int parse_user(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_USER, true, who_value);
}

static int parse_group(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_GROUP, true, who_value);
}

static int text_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        if (!*text)
                return fail(r, "expected a word, or a pattern in which * stands for any bytes");
        return take_pattern(r, rule, kind, text);
}

static int list_value(struct reader *r, struct rule *rule, enum criterion_kind kind, char *text)
{
        return added(r, rule_add_text(rule, kind, text), RULETEXT_LIST);
}

static int parse_list(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_LIST, false, list_value);
}

static int parse_argument(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_ARGUMENT, false, text_value);
}

static int parse_parent(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_PARENT, false, path_value);
}

static int parse_ancestor(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_ANCESTOR, false, path_value);
}

static int parse_unit(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_UNIT, false, text_value);
}

static int parse_cgroup(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_CGROUP, false, path_value);
}

static int parse_interface(struct reader *r, struct rule *rule)
{
        return parse_values(r, rule, CRITERION_INTERFACE, false, text_value);
}

static int parse_priority(struct reader *r, struct rule *rule)
{
        const char *digits = r->word[0] == '-' ? r->word + 1 : r->word;
        uint64_t number;

        if (!str_parse_u64(digits, PRIORITY_MAX, &number))
                return fail(r, "expected a number -%d..%d; higher comes first", PRIORITY_MAX, PRIORITY_MAX);
        rule->priority = r->word[0] == '-' ? -(int)number : (int)number;
        return next(r);
}

static int parse_disabled(_unused_ struct reader *r, struct rule *rule)
{
        rule->disabled = true;
        return 0; /* it has no value */
}

/* Points at what stands from `at` to the end of the word at hand, or at the `length` bytes that were there when it was at hand. */
static int _printf_(4, 5) fail_at(struct reader *r, size_t at, size_t length, const char *format, ...)
{
        va_list ap;

        *r->error = (struct sentence_error){ .at = at, .length = length };
        va_start(ap, format);
        vsnprintf(r->error->expected, sizeof(r->error->expected), format, ap);
        va_end(ap);
        return 1;
}

static int take_lifetime(struct reader *r, struct rule *rule, enum lifetime lifetime)
{
        rule->lifetime = lifetime;
        rule->origin = lifetime_is_kept(lifetime) ? ORIGIN_LIST : ORIGIN_SESSION;
        return next(r);
}

/* "1 hour", "90m": the number is at hand. */
static int parse_duration(struct reader *r, struct rule *rule)
{
        const size_t at = r->word_at, length = r->word_length;
        uint32_t number, unit;
        size_t n;
        int error;

        if (!duration_parse_number(r->word, &number, &n))
                return fail(r, "expected 1 second to %d days", DURATION_MAX / (24 * 60 * 60));
        if (n == r->word_n) {
                error = next(r);
                if (error)
                        return error;
                n = 0;
        }
        unit = r->is_quoted ? 0 : duration_unit(r->word + n);
        if (unit == 0)
                return fail(r, "expected seconds, minutes, hours or days, or s, m, h or d");
        if (number > DURATION_MAX / unit)
                return fail_at(r, at, length, "expected 1 second to %d days", DURATION_MAX / (24 * 60 * 60));
        rule->ending.lasts = number * unit;
        return take_lifetime(r, rule, LIFETIME_UNTIL);
}

static int parse_for(struct reader *r, struct rule *rule)
{
        if (word_is(r, "session"))
                return take_lifetime(r, rule, LIFETIME_SESSION);
        if (word_is(r, "boot"))
                return take_lifetime(r, rule, LIFETIME_REBOOT);
        if (!r->is_quoted && isdigit((unsigned char)r->word[0]))
                return parse_duration(r, rule);
        return fail(r, "expected session, boot, or a duration like 1 hour, 90 minutes or 2d");
}

/* One word, or two with the time of day in the second; the first is at hand. */
static int parse_date(struct reader *r, struct rule *rule)
{
        const size_t at = r->word_at, length = r->word_length;
        struct date date;
        bool has_time;
        size_t end;
        char day[32];
        int error;

        if (snprintf(day, sizeof(day), "%s", r->word) >= (int)sizeof(day) || !date_parse(day, NULL, &date))
                return fail(r, "expected reboot, or a date like 2026-12-31, 2026-12-31T18:00Z or 2026-12-31 18:00+01:00");
        end = at + length;
        error = next(r);
        if (error)
                return error;
        has_time = !r->is_end && !r->is_quoted && isdigit((unsigned char)r->word[0]);
        if (has_time) {
                if (!date_parse(day, r->word, &date))
                        return fail(r, "expected a time of day like 18:00, 18:00:05Z or 18:00+01:00");
                end = r->word_at + r->word_length;
        }
        if (!date.has_offset)
                return fail_at(r, at, end - at, "expected Z or an offset like +01:00 after the time");
        if (!date_seconds(&date, &rule->ending.until))
                return fail_at(r, at, end - at, "expected a time between 1970 and 9999");
        rule->lifetime = LIFETIME_UNTIL;
        return has_time ? next(r) : 0;
}

static int parse_until(struct reader *r, struct rule *rule)
{
        if (word_is(r, "reboot") || word_is(r, "boot"))
                return take_lifetime(r, rule, LIFETIME_REBOOT);
        return parse_date(r, rule);
}

static int parse_note(struct reader *r, struct rule *rule)
{
        if (r->is_end)
                return fail(r, "expected the note in quotes");
        if (r->word_n > LIMIT_RULE_NOTE || !str_is_utf8(r->word, r->word_n))
                return fail(r, "expected a note of at most %d bytes of UTF-8", LIMIT_RULE_NOTE);
        rule->note = strdup(r->word);
        return rule->note ? next(r) : -ENOMEM;
}

enum { CLAUSE_TO, CLAUSE_PROTOCOL, CLAUSE_FOR, CLAUSE_UNTIL }; /* the first of the table */

static const struct clause {
        const char *word;
        int (*parse)(struct reader *r, struct rule *rule);
} clauses[] = {
        [CLAUSE_TO] = { "to", parse_to },
        [CLAUSE_PROTOCOL] = { "protocol", parse_protocol },
        [CLAUSE_FOR] = { "for", parse_for },
        [CLAUSE_UNTIL] = { "until", parse_until },
        { "list", parse_list },
        { "port", parse_ports },
        { "user", parse_user },
        { "group", parse_group },
        { "argument", parse_argument },
        { "parent", parse_parent },
        { "ancestor", parse_ancestor },
        { "unit", parse_unit },
        { "cgroup", parse_cgroup },
        { "interface", parse_interface },
        { "priority", parse_priority },
        { "disabled", parse_disabled },
        { "note", parse_note },
};

/* Each clause once; "to" watches itself, for it may stand once with each kind of destination. */
static int enter_clause(struct reader *r, unsigned clause, unsigned *seen)
{
        if (clause != CLAUSE_TO && (*seen & 1U << clause))
                return fail(r, "expected %s only once", clauses[clause].word);
        if ((clause == CLAUSE_FOR || clause == CLAUSE_UNTIL) && (*seen & (1U << CLAUSE_FOR | 1U << CLAUSE_UNTIL)))
                return fail(r, "expected one lifetime only");
        *seen |= 1U << clause;
        return 0;
}

/* "tcp", "tcp,udp": by name it needs no other word before it. */
static bool begins_with_protocol(const struct reader *r)
{
        char name[16];
        size_t n = strcspn(r->word, ",");
        uint8_t protocol;

        if (r->is_quoted || !isalpha((unsigned char)r->word[0]) || n >= sizeof(name))
                return false;
        memcpy(name, r->word, n);
        name[n] = 0;
        return protocol_parse(name, &protocol);
}

static int parse_clause(struct reader *r, struct rule *rule, unsigned *seen)
{
        int error;

        for (unsigned i = 0; i < ARRAY_SIZE(clauses); i++) {
                if (!word_is(r, clauses[i].word))
                        continue;
                error = enter_clause(r, i, seen);
                if (!error)
                        error = next(r);
                return error ? error : clauses[i].parse(r, rule);
        }
        if (begins_with_protocol(r)) {
                error = enter_clause(r, CLAUSE_PROTOCOL, seen);
                return error ? error : parse_protocol(r, rule);
        }
        return fail(r, "expected to, port, tcp, udp, icmp, protocol, user, group, argument, parent, ancestor, unit, cgroup, interface, list, for, until, "
                       "priority, disabled or note");
}

int sentence_parse_with_names(const char *text, size_t n, sentence_name_fn names, void *userdata, struct rule **ret,
                              struct sentence_error *ret_error)
{
        struct reader r = { .text = text, .n = n, .names = names, .userdata = userdata, .error = ret_error };
        _cleanup_(rule_freep) struct rule *rule = NULL;
        unsigned seen = 0;
        int error;

        if (n > LIMIT_SENTENCE) {
                r.word_at = LIMIT_SENTENCE;
                r.word_length = n - LIMIT_SENTENCE;
                return fail(&r, "expected at most %d bytes", LIMIT_SENTENCE);
        }
        rule = rule_new(ACTION_DENY);
        if (!rule)
                return -ENOMEM;
        error = next(&r);
        if (!error)
                error = parse_action(&r, rule);
        if (!error)
                error = parse_subject(&r, rule);
        while (!error && !r.is_end)
                error = parse_clause(&r, rule, &seen);
        if (error)
                return error;
        *ret = TAKE_PTR(rule);
        return 0;
}

int sentence_parse(const char *text, size_t n, struct rule **ret, struct sentence_error *ret_error)
{
        return sentence_parse_with_names(text, n, NULL, NULL, ret, ret_error);
}

static bool is_plain(const char *word)
{
        for (; *word; word++)
                if (*word <= 0x20 || *word >= 0x7f || *word == '"' || *word == '\\')
                        return false;
        return true;
}

static void put_quoted(struct buf *out, const char *word)
{
        buf_putc(out, '"');
        str_escape(out, word);
        buf_putc(out, '"');
}

static void put_word(struct buf *out, const char *word)
{
        if (is_plain(word))
                buf_puts(out, word);
        else
                put_quoted(out, word);
}

/* Words of the grammar itself are quoted where they are values. */
static void put_value(struct buf *out, const char *word)
{
        if (strcmp(word, "or") == 0 || strcmp(word, "not") == 0)
                put_quoted(out, word);
        else
                put_word(out, word);
}

static void put_path(struct buf *out, const char *path)
{
        _cleanup_(buf_deinit) struct buf literal = { 0 };

        pattern_escape(&literal, path);
        if (buf_error(&literal))
                out->error = buf_error(&literal);
        else
                put_word(out, literal.n > 0 ? literal.data : "");
}

static void format_protocol(uint32_t protocol, struct buf *out)
{
        char scratch[4];

        for (const char *name = protocol_name((uint8_t)protocol, scratch); *name; name++)
                buf_putc(out, (char)tolower((unsigned char)*name));
}

static void format_scopes(unsigned scopes, struct buf *out)
{
        const char *separator = "";

        for (unsigned bit = 0; bit < 8 * sizeof(scopes); bit++) {
                const char *name = scopes & 1U << bit ? scope_name((enum scope)(1U << bit)) : NULL;

                if (!name)
                        continue;
                buf_puts(out, separator);
                buf_puts(out, name);
                separator = ",";
        }
}

/* A host of one label would be read as a kind of destination. */
static void format_host(const char *host, struct buf *out)
{
        if (strpbrk(host, ".0123456789"))
                put_value(out, host);
        else
                put_quoted(out, host);
}

static void format_value(enum criterion_kind kind, const union criterion_value *value, struct buf *out)
{
        switch (criterion_shape(kind)) {
        case SHAPE_PROCESS:
                buf_printf(out, "%u", value->process.pid);
                break;
        case SHAPE_PATTERN:
        case SHAPE_FILE:
                put_value(out, value->text);
                break;
        case SHAPE_HOST:
                format_host(value->text, out);
                break;
        case SHAPE_NETWORK:
                ruletext_format_network(out, &value->network.addr, value->network.prefix);
                break;
        case SHAPE_SCOPES:
                format_scopes(value->number, out);
                break;
        case SHAPE_PORTS:
                ruletext_format_port(out, &value->ports);
                break;
        case SHAPE_PROTOCOL:
                format_protocol(value->number, out);
                break;
        case SHAPE_ID:
                buf_printf(out, "%u", value->number);
                break;
        }
}

static void format_values(const struct criterion *c, struct buf *out)
{
        bool texts = criterion_is_text((enum criterion_kind)c->kind) || c->kind == CRITERION_NETWORK;
        const union criterion_value *values = criterion_values(c);

        buf_puts(out, c->negated ? " not " : " ");
        for (unsigned i = 0; i < c->n; i++) {
                if (i > 0)
                        buf_puts(out, texts ? " or " : ",");
                format_value((enum criterion_kind)c->kind, &values[i], out);
        }
}

/* By name a protocol needs no other word before it. */
static bool has_number_first(const struct criterion *protocols)
{
        char scratch[4];

        return protocols->negated || isdigit((unsigned char)protocol_name((uint8_t)criterion_values(protocols)->number, scratch)[0]);
}

static void format_subject(const struct rule *r, struct buf *out)
{
        switch (r->subject) {
        case RULE_ANYONE:
                buf_puts(out, " anyone");
                break;
        case RULE_PATH:
                buf_putc(out, ' ');
                put_path(out, r->program);
                break;
        case RULE_PROGRAMS:
                format_values(rule_criterion(r, CRITERION_PROGRAM), out);
                break;
        case RULE_NAME:
                buf_puts(out, " name ");
                put_word(out, r->program);
                break;
        case RULE_UNKNOWN:
                buf_puts(out, " unknown");
                break;
        case RULE_KERNEL:
                buf_puts(out, " kernel");
                break;
        }
}

/* In the order in which people say it. */
static void format_criteria(const struct rule *r, struct buf *out)
{
        static const struct {
                enum criterion_kind kind;
                const char *word;
        } order[] = {
                { CRITERION_ARGUMENT, "argument" }, { CRITERION_PARENT, "parent" }, { CRITERION_ANCESTOR, "ancestor" }, { CRITERION_UNIT, "unit" },
                { CRITERION_CGROUP, "cgroup" },     { CRITERION_HOST, "to" },       { CRITERION_LIST, "list" },         { CRITERION_NETWORK, "to" },
                { CRITERION_SCOPE, "to" },          { CRITERION_PORT, "port" },     { CRITERION_PROTOCOL, "protocol" }, { CRITERION_USER, "user" },
                { CRITERION_GROUP, "group" },       { CRITERION_INTERFACE, "interface" }, { CRITERION_PROCESS, "process" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
                const struct criterion *c = rule_criterion(r, order[i].kind);

                if (!c)
                        continue;
                if (order[i].kind != CRITERION_PROTOCOL || has_number_first(c))
                        buf_printf(out, " %s", order[i].word);
                format_values(c, out);
        }
}

static void format_lifetime(const struct rule *r, struct buf *out)
{
        switch (r->lifetime) {
        case LIFETIME_ONCE:
        case LIFETIME_PROCESS:
        case LIFETIME_SESSION:
                buf_printf(out, " for %s", lifetime_name(r->lifetime));
                break;
        case LIFETIME_UNTIL:
                buf_puts(out, r->ending.lasts > 0 ? " for " : " until ");
                if (r->ending.lasts > 0)
                        duration_format(r->ending.lasts, out);
                else
                        date_format(r->ending.until, out);
                break;
        case LIFETIME_REBOOT:
                buf_puts(out, " until reboot");
                break;
        case LIFETIME_ALWAYS:
                break;
        }
}

void sentence_format(const struct rule *r, struct buf *out)
{
        buf_puts(out, action_name(r->action));
        format_subject(r, out);
        format_criteria(r, out);
        format_lifetime(r, out);
        if (r->priority != (r->origin == ORIGIN_FACTORY ? PRIORITY_FACTORY : PRIORITY_DEFAULT))
                buf_printf(out, " priority %d", r->priority);
        if (r->disabled)
                buf_puts(out, " disabled");
        if (r->note) {
                buf_puts(out, " note ");
                put_quoted(out, r->note);
        }
}
