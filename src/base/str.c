/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One UTF-8 decoder serves all three users: validation, lossy repair and escaping. It accepts exactly what RFC 3629 section 4
 * allows; whatever it refuses is taken one byte at a time, so that no byte of a hostile name can swallow its neighbour.
 * What counts as "invisible" is a table of ranges, because a name that reads like another name is an attack on the
 * person who answers, not on the parser.
 */
#include <string.h>

#include "base/str.h"

bool str_parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
        uint64_t value = 0;

        if (!s || !*s)
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return false;
                if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
                        return false;
        }
        if (value > max)
                return false;
        *ret = value;
        return true;
}

struct utf8_lead {
        uint8_t first, last;       /* range of the leading byte */
        uint8_t second, second_last; /* range of the second one: this is where overlong forms and surrogates die */
        uint8_t length;
        uint8_t mask; /* payload bits of the leading byte */
};

/* RFC 3629 section 4, "Syntax of UTF-8 Byte Sequences". */
static const struct utf8_lead utf8_leads[] = {
        { 0x00, 0x7f, 0x00, 0x00, 1, 0x7f }, { 0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f }, { 0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f },
        { 0xe1, 0xec, 0x80, 0xbf, 3, 0x0f }, { 0xed, 0xed, 0x80, 0x9f, 3, 0x0f }, { 0xee, 0xef, 0x80, 0xbf, 3, 0x0f },
        { 0xf0, 0xf0, 0x90, 0xbf, 4, 0x07 }, { 0xf1, 0xf3, 0x80, 0xbf, 4, 0x07 }, { 0xf4, 0xf4, 0x80, 0x8f, 4, 0x07 },
};

/* Length of the sequence at `p` and its code point, or 0 when the first byte starts no valid one. `n` > 0. */
static size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *ret)
{
        const struct utf8_lead *lead = NULL;
        uint32_t point;

        for (size_t i = 0; i < ARRAY_SIZE(utf8_leads) && !lead; i++)
                if (p[0] >= utf8_leads[i].first && p[0] <= utf8_leads[i].last)
                        lead = &utf8_leads[i];
        if (!lead || lead->length > n)
                return 0;
        point = p[0] & lead->mask;
        for (size_t i = 1; i < lead->length; i++) {
                uint8_t low = i == 1 ? lead->second : 0x80, high = i == 1 ? lead->second_last : 0xbf;

                if (p[i] < low || p[i] > high)
                        return 0;
                point = point << 6 | (p[i] & 0x3f);
        }
        *ret = point;
        return lead->length;
}

static bool is_hidden(uint32_t point)
{
        static const struct {
                uint32_t first, last;
        } hidden[] = {
                { 0x0000, 0x001f },   /* C0 controls */
                { 0x007f, 0x009f },   /* DEL, C1 controls */
                { 0x00ad, 0x00ad },   /* soft hyphen */
                { 0x034f, 0x034f },   /* combining grapheme joiner */
                { 0x061c, 0x061c },   /* Arabic letter mark */
                { 0x115f, 0x1160 },   /* Hangul fillers */
                { 0x17b4, 0x17b5 },   /* Khmer inherent vowels, not displayed */
                { 0x180b, 0x180f },   /* Mongolian selectors and separator */
                { 0x200b, 0x200f },   /* zero width, direction marks */
                { 0x2028, 0x202e },   /* line and paragraph separators, embeddings, overrides */
                { 0x2060, 0x206f },   /* word joiner, isolates, deprecated formatting */
                { 0x3164, 0x3164 },   /* Hangul filler */
                { 0xfe00, 0xfe0f },   /* variation selectors */
                { 0xfeff, 0xfeff },   /* byte order mark */
                { 0xffa0, 0xffa0 },   /* half-width Hangul filler */
                { 0xfff0, 0xfffb },   /* interlinear annotation */
                { 0x1bca0, 0x1bca3 }, /* shorthand format controls */
                { 0x1d173, 0x1d17a }, /* musical format controls */
                { 0xe0000, 0xe0fff }, /* tags, variation selectors supplement */
        };

        for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
                if (point >= hidden[i].first && point <= hidden[i].last)
                        return true;
        return false;
}

static void escape_point(struct buf *out, const char *bytes, size_t n, uint32_t point)
{
        if (point == '"' || point == '\\')
                buf_printf(out, "\\%c", (char)point);
        else if (point == '\n')
                buf_puts(out, "\\n");
        else if (point == '\r')
                buf_puts(out, "\\r");
        else if (point == '\t')
                buf_puts(out, "\\t");
        else if (!is_hidden(point))
                buf_append(out, bytes, n);
        else if (point < 0x80)
                buf_printf(out, "\\x%02x", point);
        else if (point <= 0xffff)
                buf_printf(out, "\\u%04x", point);
        else
                buf_printf(out, "\\U%08x", point);
}

/* How many bytes from `s` on stand for themselves: nearly always all of them, and every decision's log line passes here. */
static size_t plain_length(const char *s)
{
        size_t n = 0;

        while (s[n] >= ' ' && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
                n++;
        return n;
}

void str_escape(struct buf *out, const char *s)
{
        size_t left = strlen(s);

        while (left > 0) {
                uint32_t point;
                size_t n = plain_length(s);

                if (n > 0) {
                        buf_append(out, s, n);
                        s += n;
                        left -= n;
                        continue;
                }
                n = utf8_decode((const uint8_t *)s, left, &point);
                if (n > 0) {
                        escape_point(out, s, n, point);
                } else {
                        buf_printf(out, "\\x%02x", (unsigned char)*s);
                        n = 1;
                }
                s += n;
                left -= n;
        }
}

/* How many bytes from the start are UTF-8. Most text is ASCII, which needs no decoding. */
static size_t valid_length(const char *s, size_t n)
{
        size_t valid = 0;

        while (valid < n) {
                uint32_t point;
                size_t length = (unsigned char)s[valid] < 0x80 ? 1 : utf8_decode((const uint8_t *)s + valid, n - valid, &point);

                if (length == 0)
                        break;
                valid += length;
        }
        return valid;
}

void str_utf8_lossy(struct buf *out, const char *s, size_t n)
{
        for (;;) {
                size_t valid = valid_length(s, n);

                buf_append(out, s, valid);
                if (valid == n)
                        break;
                buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
                s += valid + 1;
                n -= valid + 1;
        }
}

bool str_is_utf8(const char *s, size_t n)
{
        return valid_length(s, n) == n;
}

bool str_has_prefix(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
        const size_t n = strlen(s), tail = strlen(suffix);

        return n >= tail && strcmp(s + n - tail, suffix) == 0;
}

const char *str_basename(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}
