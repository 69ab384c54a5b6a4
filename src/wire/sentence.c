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

static int take_program(struct reader *r, struct rule *rule, enum rule_subject subject)
{
        rule->program = strdup(r->word);
        if (!rule->program)
                return -ENOMEM;
        rule->subject = subject;
        return next(r);
}

static int parse_name(struct reader *r, struct rule *rule)
{
        int error = next(r);

        if (error)
                return error;
        if (r->word_n == 0 || r->word_n >= LIMIT_PATH)
                return fail(r, "expected a program's name as the kernel shows it (comm)");
        return take_program(r, rule, RULE_NAME);
}

static int parse_subject(struct reader *r, struct rule *rule)
{
        static const struct {
                const char *word;
                enum rule_subject subject;
        } words[] = { { "anyone", RULE_ANYONE }, { "unknown", RULE_UNKNOWN }, { "kernel", RULE_KERNEL } };

        if (word_is(r, "name"))
                return parse_name(r, rule);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (word_is(r, words[i].word)) {
                        rule->subject = words[i].subject;
                        return next(r);
                }
        if (r->word[0] != '/')
                return fail(r, "expected a program's absolute path, name COMM, anyone, unknown or kernel");
        if (r->word_n >= LIMIT_PATH)
                return fail(r, "expected a path of at most %d bytes", LIMIT_PATH - 1);
        return take_program(r, rule, RULE_PATH);
}

static int parse_scopes(struct reader *r, struct rule *rule)
{
        char *save = NULL;
        unsigned scopes = 0;

        if (r->word_n == 0 || r->word[0] == ',' || r->word[r->word_n - 1] == ',' || strstr(r->word, ",,"))
                goto bad;
        for (char *word = strtok_r(r->word, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
                enum scope scope;

                if (!scope_parse(word, &scope))
                        goto bad;
                scopes |= scope;
        }
        if (rule->has & RULE_HAS_SCOPES)
                return fail(r, "expected the kinds of destination once, joined by commas");
        rule->scopes = scopes;
        rule->has |= RULE_HAS_SCOPES;
        return next(r);
bad:
        return fail(r, "expected an address, a network like 10.0.0.0/8, or loopback, lan, link, multicast, broadcast, "
                       "internet, resolver joined by commas");
}

static int parse_to(struct reader *r, struct rule *rule)
{
        const char *expected;

        /* Only an address has a digit or a colon in front of any comma and none of the words has one. */
        if (strpbrk(r->word, ".:/0123456789") == NULL)
                return parse_scopes(r, rule);
        if (!ruletext_parse_network(r->word, &rule->network, &rule->prefix, &expected))
                return fail(r, "expected %s", expected);
        if (rule->has & RULE_HAS_NETWORK)
                return fail(r, "expected one address or network only");
        rule->has |= RULE_HAS_NETWORK;
        return next(r);
}

static int parse_ports(struct reader *r, struct rule *rule)
{
        const char *expected;

        if (!ruletext_parse_ports(r->word, rule->ports, &rule->n_ports, &expected))
                return fail(r, "expected %s", expected);
        rule->has |= RULE_HAS_PORTS;
        return next(r);
}

static int parse_protocol(struct reader *r, struct rule *rule)
{
        if (!protocol_parse(r->word, &rule->protocol))
                return fail(r, "expected a protocol's name or number 0..255");
        rule->has |= RULE_HAS_PROTOCOL;
        return next(r);
}

/* A number, or a name where somebody is there who knows names. */
static int parse_who(struct reader *r, struct rule *rule, enum sentence_name what, uint32_t *ret)
{
        uint64_t number;

        if (str_parse_u64(r->word, UINT32_MAX - 1, &number)) {
                *ret = (uint32_t)number;
                return next(r);
        }
        if (!r->names || r->word_n == 0 || isdigit((unsigned char)r->word[0]))
                return fail(r, "expected the number of a %s", what == SENTENCE_USER ? "user" : "group");
        if (!r->names(r->userdata, what, r->word, ret)) {
                /* (uint32_t)-1 is nobody's number: even switched on again the rule matches nothing. */
                *ret = UINT32_MAX;
                rule->disabled = true;
        }
        return next(r);
}

static int parse_user(struct reader *r, struct rule *rule)
{
        rule->has |= RULE_HAS_UID;
        return parse_who(r, rule, SENTENCE_USER, &rule->uid);
}

static int parse_group(struct reader *r, struct rule *rule)
{
        rule->has |= RULE_HAS_GID;
        return parse_who(r, rule, SENTENCE_GROUP, &rule->gid);
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

enum { CLAUSE_TO, CLAUSE_PORT, CLAUSE_PROTOCOL, CLAUSE_USER, CLAUSE_GROUP, CLAUSE_FOR, CLAUSE_UNTIL, CLAUSE_NOTE };

static const struct clause {
        const char *word;
        int (*parse)(struct reader *r, struct rule *rule);
} clauses[] = {
        [CLAUSE_TO] = { "to", parse_to },       [CLAUSE_PORT] = { "port", parse_ports },
        [CLAUSE_PROTOCOL] = { "protocol", parse_protocol }, [CLAUSE_USER] = { "user", parse_user },
        [CLAUSE_GROUP] = { "group", parse_group }, [CLAUSE_FOR] = { "for", parse_for },
        [CLAUSE_UNTIL] = { "until", parse_until }, [CLAUSE_NOTE] = { "note", parse_note },
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
        if (!r->is_quoted && isalpha((unsigned char)r->word[0]) && protocol_parse(r->word, &rule->protocol)) {
                error = enter_clause(r, CLAUSE_PROTOCOL, seen);
                return error ? error : parse_protocol(r, rule);
        }
        return fail(r, "expected to, port, tcp, udp, icmp, protocol, user, group, for, until or note");
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
        rule->origin = ORIGIN_LIST;
        rule->lifetime = LIFETIME_ALWAYS;
        rule->subject = RULE_ANYONE;
        rule->priority = PRIORITY_DEFAULT;
        rule->expires = BOOTTIME_NEVER;

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

static void format_subject(const struct rule *r, struct buf *out)
{
        switch (r->subject) {
        case RULE_ANYONE:
                buf_puts(out, " anyone");
                break;
        case RULE_PATH:
                buf_putc(out, ' ');
                put_word(out, r->program);
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

static void format_scopes(unsigned scopes, struct buf *out)
{
        const char *separator = " to ";

        for (unsigned bit = 0; bit < 8 * sizeof(scopes); bit++) {
                const char *name = scopes & 1U << bit ? scope_name((enum scope)(1U << bit)) : NULL;

                if (!name)
                        continue;
                buf_puts(out, separator);
                buf_puts(out, name);
                separator = ",";
        }
}

static void format_protocol(uint8_t protocol, struct buf *out)
{
        char scratch[4];
        const char *name = protocol_name(protocol, scratch);

        buf_puts(out, isdigit((unsigned char)name[0]) ? " protocol " : " ");
        for (; *name; name++)
                buf_putc(out, (char)tolower((unsigned char)*name));
}

static void format_criteria(const struct rule *r, struct buf *out)
{
        if (r->has & RULE_HAS_NETWORK) {
                buf_puts(out, " to ");
                ruletext_format_network(out, &r->network, r->prefix);
        }
        if (r->has & RULE_HAS_SCOPES)
                format_scopes(r->scopes, out);
        if (r->has & RULE_HAS_PORTS) {
                buf_puts(out, " port ");
                ruletext_format_ports(out, r->ports, r->n_ports);
        }
        if (r->has & RULE_HAS_PROTOCOL)
                format_protocol(r->protocol, out);
        if (r->has & RULE_HAS_UID)
                buf_printf(out, " user %u", r->uid);
        if (r->has & RULE_HAS_GID)
                buf_printf(out, " group %u", r->gid);
        if (r->has & RULE_HAS_PROCESS)
                buf_printf(out, " process %u", r->process.pid);
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
        if (r->note) {
                buf_puts(out, " note ");
                put_quoted(out, r->note);
        }
}
