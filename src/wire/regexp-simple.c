/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recursive descent; what has been read so far is a list of pieces, the patterns that it may be. Branches join lists, what follows each other
 * multiplies them; both are bounded, and so is the depth. Theory in the header.
 */
#include "wire/regexp-simple.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "core/pattern.h"

enum { LENGTH_MAX = 4096, DEPTH_MAX = 16, PIECES_MAX = LIMIT_RULE_VALUES };

struct piece {
        struct buf pattern;
        bool begins_text, ends_text; /* "^" stands before it, "$" behind it */
        bool ends_open;              /* its last item is a star */
};

struct pieces {
        struct piece *at; /* PIECES_MAX of them */
        unsigned n;
};

struct parser {
        const char *at;
        enum regexp_flavour flavour;
        unsigned depth;
        bool repeats; /* the item at hand is ".*" or ".+" */
        int error;
        const char *reason;
};

static void pieces_deinit(struct pieces *p)
{
        for (unsigned i = 0; i < p->n; i++)
                buf_deinit(&p->at[i].pattern);
        free(p->at);
        *p = (struct pieces){ .n = 0 };
}

/* Says why, and is false. */
static bool refuse(struct parser *p, const char *reason)
{
        p->error = REGEXP_E_NOT_SIMPLE;
        p->reason = reason;
        return false;
}

static bool no_memory(struct parser *p)
{
        p->error = -ENOMEM;
        return false;
}

static bool pieces_begin(struct parser *p, struct pieces *ret)
{
        *ret = (struct pieces){ .at = calloc(PIECES_MAX, sizeof(struct piece)) };
        return ret->at || no_memory(p);
}

/* One more, empty: NULL with words when there are too many. */
static struct piece *pieces_add(struct parser *p, struct pieces *pieces)
{
        if (pieces->n == PIECES_MAX) {
                refuse(p, "it stands for more than 64 patterns");
                return NULL;
        }
        pieces->at[pieces->n].pattern.max = LIMIT_PATTERN;
        return &pieces->at[pieces->n++];
}

/* What a buffer has to say. */
static bool written(struct parser *p, const struct buf *b)
{
        if (buf_error(b) == -E2BIG)
                return refuse(p, "it stands for a pattern of more than 512 bytes");
        return buf_error(b) ? no_memory(p) : true;
}

/* The one piece that is `text`, a pattern. */
static bool pieces_of(struct parser *p, struct pieces *pieces, const char *text, bool ends_open)
{
        struct piece *piece = pieces_add(p, pieces);

        if (!piece)
                return false;
        buf_puts(&piece->pattern, text);
        piece->ends_open = ends_open;
        return written(p, &piece->pattern);
}

static bool join_two(struct parser *p, const struct piece *a, const struct piece *b, struct pieces *out)
{
        struct piece *piece;

        if ((b->begins_text && (a->pattern.n > 0 || a->ends_text)) || (a->ends_text && b->pattern.n > 0))
                return refuse(p, "^ and $ can be told only where the text begins and ends");
        piece = pieces_add(p, out);
        if (!piece)
                return false;
        piece->begins_text = a->begins_text || b->begins_text;
        piece->ends_text = a->ends_text || b->ends_text;
        piece->ends_open = b->pattern.n > 0 ? b->ends_open : a->ends_open;
        buf_append(&piece->pattern, a->pattern.data, a->pattern.n);
        buf_append(&piece->pattern, b->pattern.data, b->pattern.n);
        return written(p, &piece->pattern);
}

/* `pieces`, each followed by each of `next`. */
static bool multiply(struct parser *p, struct pieces *pieces, const struct pieces *next)
{
        _cleanup_(pieces_deinit) struct pieces out = { .n = 0 };

        if (!pieces_begin(p, &out))
                return false;
        for (unsigned i = 0; i < pieces->n; i++)
                for (unsigned j = 0; j < next->n; j++)
                        if (!join_two(p, &pieces->at[i], &next->at[j], &out))
                                return false;
        pieces_deinit(pieces);
        *pieces = out;
        out = (struct pieces){ .n = 0 };
        return true;
}

/* Moves what `more` holds to the end of `pieces`. */
static bool append(struct parser *p, struct pieces *pieces, struct pieces *more)
{
        for (unsigned i = 0; i < more->n; i++) {
                struct piece *piece = pieces_add(p, pieces);

                if (!piece)
                        return false;
                *piece = more->at[i];
                more->at[i] = (struct piece){ .begins_text = false };
        }
        return true;
}

static const char *star(const struct parser *p)
{
        return p->flavour == REGEXP_PATH ? "**" : "*";
}

static bool literal(struct parser *p, struct pieces *out, const char *bytes, size_t n)
{
        _cleanup_(buf_deinit) struct buf escaped = { 0 };
        char text[8] = "";

        memcpy(text, bytes, MIN(n, sizeof(text) - 1));
        pattern_escape(&escaped, text);
        return buf_error(&escaped) ? no_memory(p) : pieces_of(p, out, escaped.data, false);
}

/* Sets. */

typedef bool members[128];

/* The member at p->at, or -1. */
static int read_member(struct parser *p)
{
        unsigned char c = (unsigned char)*p->at;

        if (c == '\\') {
                c = (unsigned char)p->at[1];
                if (c >= 0x80 || !ispunct(c))
                        return refuse(p, "a backslash before this character is not understood"), -1;
                p->at++;
        }
        if (c == 0 || c >= 0x80 || (!isalnum(c) && !strchr("._-+/@~,:=% ", c)))
                return refuse(p, "a set of other characters than letters, digits and . _ - + / @ ~ , : = %"), -1;
        p->at++;
        return c;
}

static bool read_range(struct parser *p, members in)
{
        int first, last;

        if (p->at[0] == '\\' && p->at[1] == 'd') {
                memset(in + '0', true, 10);
                p->at += 2;
                return true;
        }
        first = last = read_member(p);
        if (first >= 0 && p->at[0] == '-' && p->at[1] != ']') {
                p->at++;
                last = read_member(p);
                if (last >= 0 && (!isalnum(first) || !isalnum(last) || last < first || isdigit(first) != isdigit(last) ||
                                  isupper(first) != isupper(last)))
                        return refuse(p, "a range in a set that is none of letters or digits");
        }
        if (first < 0 || last < 0)
                return false;
        memset(in + first, true, (size_t)(last - first + 1));
        return true;
}

static void put_set(const members in, struct buf *out)
{
        buf_putc(out, '[');
        for (int c = 0; c < 128; c++) {
                int last = c;

                if (!in[c] || c == '-')
                        continue;
                while (isalnum(c) && last < 127 && isalnum(last + 1) && in[last + 1])
                        last++;
                if (last - c < 2) {
                        buf_putc(out, (char)c);
                        continue;
                }
                buf_putc(out, (char)c);
                buf_putc(out, '-');
                buf_putc(out, (char)last);
                c = last;
        }
        if (in['-'])
                buf_putc(out, '-');
        buf_putc(out, ']');
}

static bool set_out(struct parser *p, const members in, struct pieces *out)
{
        _cleanup_(buf_deinit) struct buf set = { 0 };
        unsigned n = 0;

        for (int c = 0; c < 128; c++)
                n += in[c];
        if (n > 1 && p->flavour != REGEXP_WORDS) {
                if (p->flavour == REGEXP_PATH && in['/'])
                        return refuse(p, "a set with / in it");
                put_set(in, &set);
                return buf_error(&set) ? no_memory(p) : pieces_of(p, out, set.data, false);
        }
        for (int c = 0; c < 128; c++)
                if (in[c] && !literal(p, out, &(char){ (char)c }, 1))
                        return false;
        return true;
}

/* Behind the '['. */
static bool read_set(struct parser *p, struct pieces *out)
{
        members in = { false };

        if (*p->at == '^')
                return refuse(p, "a set of what it must not be");
        do {
                if (p->at[0] == '[')
                        return refuse(p, "a set with [ in it");
                if (!read_range(p, in))
                        return false;
        } while (*p->at != ']');
        p->at++;
        return set_out(p, in, out);
}

/* Items. */

/* Behind a '.'. What repeats it is read at once, because a dot alone can be told only where characters are bytes. */
static bool read_dot(struct parser *p, struct pieces *out)
{
        char sequence[8];

        p->repeats = *p->at == '*' || *p->at == '+';
        if (*p->at == '*') {
                p->at++;
                return pieces_of(p, out, star(p), true);
        }
        if (*p->at == '+' && p->flavour == REGEXP_PATH) {
                p->at++;
                return pieces_of(p, out, "?**", true) && pieces_of(p, out, "/**", true);
        }
        if (*p->at == '+') {
                p->at++;
                snprintf(sequence, sizeof(sequence), "?%s", star(p));
                return pieces_of(p, out, sequence, true);
        }
        if (p->flavour == REGEXP_DIGITS)
                return pieces_of(p, out, "?", false);
        return refuse(p, "a dot that stands for any character; for the dot itself write \\.");
}

static bool read_branches(struct parser *p, struct pieces *ret);

/* Behind the '('. */
static bool read_group(struct parser *p, struct pieces *out)
{
        _cleanup_(pieces_deinit) struct pieces inner = { .n = 0 };

        if (p->depth == DEPTH_MAX)
                return refuse(p, "groups in each other, 16 deep");
        if (p->at[0] == '?') {
                if (p->at[1] != ':')
                        return refuse(p, "a group with (?");
                p->at += 2;
        }
        p->depth++;
        if (!read_branches(p, &inner))
                return false;
        p->depth--;
        if (*p->at != ')')
                return refuse(p, "a group without its )");
        p->at++;
        p->repeats = false;
        return append(p, out, &inner);
}

static bool read_escape(struct parser *p, struct pieces *out)
{
        members digits = { false };
        unsigned char c = (unsigned char)*p->at;

        if (c == 'd') {
                p->at++;
                memset(digits + '0', true, 10);
                return set_out(p, digits, out);
        }
        if (c >= 0x80 || !ispunct(c))
                return refuse(p, "a backslash before this character is not understood");
        return literal(p, out, p->at++, 1);
}

/* One character, which is several bytes where it is not ASCII. */
static bool read_character(struct parser *p, struct pieces *out)
{
        size_t n = 1;

        if (*p->at == '{' || *p->at == '*' || *p->at == '+' || *p->at == '?')
                return refuse(p, "a repetition other than .* and .+");
        while (((unsigned char)p->at[n] & 0xc0) == 0x80 && n < 4)
                n++;
        p->at += n;
        return literal(p, out, p->at - n, n);
}

static bool read_anchor(struct parser *p, struct pieces *out)
{
        struct piece *piece = pieces_add(p, out);

        if (!piece)
                return false;
        piece->begins_text = *p->at == '^';
        piece->ends_text = *p->at == '$';
        p->at++;
        return true;
}

static bool read_atom(struct parser *p, struct pieces *out)
{
        p->repeats = false;
        switch (*p->at) {
        case '^':
        case '$':
                return read_anchor(p, out);
        case '.':
                p->at++;
                return read_dot(p, out);
        case '[':
                p->at++;
                return read_set(p, out);
        case '(':
                p->at++;
                return read_group(p, out);
        case '\\':
                p->at++;
                return read_escape(p, out);
        default:
                return read_character(p, out);
        }
}

/* What may follow an item: "?" for one that may be missing. After a repetition it only says which match is found first. */
static bool read_repetition(struct parser *p, struct pieces *item)
{
        if (*p->at == '?' && p->repeats) {
                p->at++;
        } else if (*p->at == '?') {
                p->at += p->at[1] == '?' ? 2 : 1;
                if (!pieces_add(p, item))
                        return false;
        }
        if (*p->at == '*' || *p->at == '+' || *p->at == '{' || *p->at == '?')
                return refuse(p, "a repetition other than .* and .+");
        return true;
}

static bool read_branch(struct parser *p, struct pieces *branch)
{
        if (!pieces_begin(p, branch) || !pieces_add(p, branch))
                return false;
        while (*p->at && *p->at != '|' && *p->at != ')') {
                _cleanup_(pieces_deinit) struct pieces item = { .n = 0 };

                if (!pieces_begin(p, &item) || !read_atom(p, &item) || !read_repetition(p, &item) || !multiply(p, branch, &item))
                        return false;
        }
        return true;
}

static bool read_branches(struct parser *p, struct pieces *ret)
{
        _cleanup_(pieces_deinit) struct pieces all = { .n = 0 };

        if (!pieces_begin(p, &all))
                return false;
        for (;;) {
                _cleanup_(pieces_deinit) struct pieces branch = { .n = 0 };

                if (!read_branch(p, &branch) || !append(p, &all, &branch))
                        return false;
                if (*p->at != '|')
                        break;
                p->at++;
        }
        *ret = all;
        all = (struct pieces){ .n = 0 };
        return true;
}

/* The whole pattern of a piece: what is not held by an anchor may go on. */
static char *whole(struct parser *p, const struct piece *piece)
{
        _cleanup_(buf_deinit) struct buf out = { .max = LIMIT_PATTERN };
        bool open = piece->pattern.n > 0 && piece->pattern.data[0] == '*';

        if (!piece->begins_text && !open)
                buf_puts(&out, star(p));
        buf_append(&out, piece->pattern.data, piece->pattern.n);
        if (!piece->ends_text && !piece->ends_open && (piece->pattern.n > 0 || piece->begins_text))
                buf_puts(&out, star(p));
        if (!written(p, &out))
                return NULL;
        return out.n > 0 ? buf_take(&out) : strdup("");
}

void regexp_patterns_deinit(struct regexp_patterns *p)
{
        for (unsigned i = 0; i < p->n; i++)
                free(p->patterns[i]);
        p->n = 0;
}

int regexp_to_patterns(const char *regexp, enum regexp_flavour flavour, struct regexp_patterns *ret, const char **ret_reason)
{
        struct parser p = { .at = regexp, .flavour = flavour };
        _cleanup_(pieces_deinit) struct pieces pieces = { .n = 0 };
        _cleanup_(regexp_patterns_deinit) struct regexp_patterns out = { .n = 0 };

        if (strlen(regexp) > LENGTH_MAX)
                refuse(&p, "it has more than 4096 bytes");
        if (strncmp(p.at, "(?i)", 4) == 0)
                p.at += 4;
        if (!p.error && read_branches(&p, &pieces) && *p.at == ')')
                refuse(&p, "a ) without its group");
        for (unsigned i = 0; !p.error && i < pieces.n; i++) {
                char *pattern = whole(&p, &pieces.at[i]);

                if (!pattern && !p.error)
                        p.error = -ENOMEM;
                if (pattern)
                        out.patterns[out.n++] = pattern;
        }
        if (p.error) {
                *ret_reason = p.reason;
                return p.error;
        }
        *ret = out;
        out = (struct regexp_patterns){ .n = 0 };
        return 0;
}
