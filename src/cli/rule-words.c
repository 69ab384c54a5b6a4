/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names are resolved by the parser's help instead of a second parser: where it stumbles over the word after
 * `user` or `group`, that word is looked up and the sentence tried again. So a name in a path or a note is
 * never taken for one. A time after `until` that says no offset is local time here, and is put in UTC in the
 * same way.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "cli/rule-words.h"
#include "cli/text.h"
#include "client/words.h"

enum { NAMES_MAX = 4, NAME_MAX_BYTES = 256 };

static void put_quoted(struct buf *out, const char *word)
{
        buf_putc(out, '"');
        for (; *word; word++) {
                if (*word == '"' || *word == '\\')
                        buf_putc(out, '\\');
                if (*word == '\n')
                        buf_puts(out, "\\n");
                else
                        buf_putc(out, *word);
        }
        buf_putc(out, '"');
}

void rule_words_join(struct buf *out, char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buf_putc(out, ' ');
                if (n > 1 && words[i][0] != '"' && (!*words[i] || strpbrk(words[i], " \t\n\"\\")))
                        put_quoted(out, words[i]);
                else
                        buf_puts(out, words[i]);
        }
}

/* True when the word before `at` is `word`. */
static bool follows(const char *sentence, size_t at, const char *word)
{
        size_t n = strlen(word);

        while (at > 0 && sentence[at - 1] == ' ')
                at--;
        return at >= n && memcmp(sentence + at - n, word, n) == 0 && (at == n || sentence[at - n - 1] == ' ');
}

/* Without quotes, and with one blank for many. */
static void strip(char *text)
{
        char *to = text;

        for (const char *c = text; *c; c++)
                if (*c != '"' && !(*c == ' ' && c[1] == ' '))
                        *to++ = *c;
        *to = '\0';
}

/* "2026-12-31", "2026-12-31T18:00", "2026-12-31 18:00", all as this machine's time zone has it: appended in
 * UTC. An hour that the zone leaves out or has twice is taken as mktime() takes it. False for anything else. */
static bool put_local_time(struct buf *out, char *text)
{
        struct date date;
        struct tm tm;
        time_t t;

        strip(text);
        if (!date_parse(text, NULL, &date) || date.has_offset)
                return false;
        tm = (struct tm){.tm_year = date.year - 1900,
                         .tm_mon = date.month - 1,
                         .tm_mday = date.day,
                         .tm_hour = date.hour,
                         .tm_min = date.minute,
                         .tm_sec = date.second,
                         .tm_isdst = -1};
        t = mktime(&tm);
        if (t <= 0)
                return false;
        date_format(t, out);
        return true;
}

static bool put_id(struct buf *out, bool group, const char *name, rule_words_lookup_fn lookup)
{
        uint32_t id;

        if (!lookup(group, name, &id))
                return false;
        buf_printf(out, "%u", id);
        return true;
}

/* Replaces the words that `error` points at: by the number of the user or group they name, or by the time in
 * UTC. False when they are nothing of that kind. */
static bool resolve_at(struct buf *sentence, const struct sentence_error *error, rule_words_lookup_fn lookup)
{
        bool group = follows(sentence->data, error->at, "group");
        bool known = group || follows(sentence->data, error->at, "user");
        _cleanup_(buf_deinit) struct buf out = {0};
        char words[NAME_MAX_BYTES];

        if (error->length == 0 || error->length >= sizeof(words) || error->at + error->length > sentence->n)
                return false;
        memcpy(words, sentence->data + error->at, error->length);
        words[error->length] = '\0';
        buf_append(&out, sentence->data, error->at);
        if (known)
                known = put_id(&out, group, words, lookup);
        else if (follows(sentence->data, error->at, "until"))
                known = put_local_time(&out, words);
        if (!known)
                return false;
        buf_puts(&out, sentence->data + error->at + error->length);
        if (buf_error(&out))
                return false;
        buf_deinit(sentence);
        *sentence = out;
        out = (struct buf){0};
        return true;
}

int rule_words_resolve(struct buf *sentence, rule_words_lookup_fn lookup, struct rule **ret,
                       struct sentence_error *ret_error)
{
        int r;

        if (buf_error(sentence))
                return buf_error(sentence);
        for (int i = 0;; i++) {
                r = sentence_parse(sentence->n > 0 ? sentence->data : "", sentence->n, ret, ret_error);
                if (r <= 0 || i == NAMES_MAX || sentence->n == 0 || !resolve_at(sentence, ret_error, lookup))
                        return r;
        }
}

void rule_words_show_error(struct buf *out, const char *sentence, const struct sentence_error *error)
{
        _cleanup_(buf_deinit) struct buf before = {0}, word = {0};
        size_t n = strlen(sentence), at = MIN(error->at, n), length = MIN(error->length, n - at);

        words_plain(&before, sentence, at);
        words_plain(&word, sentence + at, length);
        buf_puts(out, "  ");
        words_plain(out, sentence, n);
        buf_printf(out, "\n  %*s", (int)(before.n > 0 ? text_width(before.data) : 0), "");
        for (unsigned i = word.n > 0 ? MAX(text_width(word.data), 1u) : 1; i > 0; i--)
                buf_putc(out, '^');
        buf_printf(out, "\n%s\n", error->expected);
}
