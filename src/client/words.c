/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/words.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

void words_number(struct buf *out, uint64_t n)
{
        char digits[32];
        int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

        for (int i = 0; i < length; i++) {
                if (i > 0 && (length - i) % 3 == 0)
                        buf_putc(out, ',');
                buf_putc(out, digits[i]);
        }
}

void words_bytes(struct buf *out, uint64_t n)
{
        static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
        uint64_t tenths = 0;
        size_t unit = 0;

        for (; n >= 1000; n /= 1000, unit++)
                tenths = n % 1000 / 100;
        if (unit > 0 && n < 10)
                buf_printf(out, "%u.%u %s", (unsigned)n, (unsigned)tenths, units[unit]);
        else
                buf_printf(out, "%u %s", (unsigned)n, units[unit]);
}

void words_duration(struct buf *out, uint64_t seconds)
{
        static const struct {
                uint64_t seconds;
                const char *unit;
        } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};

        for (size_t i = 0; i + 1 < ARRAY_SIZE(units); i++) {
                if (seconds < units[i].seconds)
                        continue;
                buf_printf(out, "%llu %s", (unsigned long long)(seconds / units[i].seconds), units[i].unit);
                seconds = seconds % units[i].seconds / units[i + 1].seconds;
                if (seconds > 0)
                        buf_printf(out, " %llu %s", (unsigned long long)seconds, units[i + 1].unit);
                return;
        }
        buf_printf(out, "%llu s", (unsigned long long)seconds);
}

static bool passwd_find(uint32_t uid, char *ret, size_t size)
{
        struct passwd *entry;
        bool found = false;
        FILE *file;

        file = fopen("/etc/passwd", "re");
        if (!file)
                return false;
        while (!found && (entry = fgetpwent(file)))
                if (entry->pw_uid == uid)
                        found = snprintf(ret, size, "%s", entry->pw_name) < (int)size;
        fclose(file);
        return found;
}

void words_user(struct buf *out, uint32_t uid)
{
        /* The last few users asked for: a screen full of lines names the same two or three. */
        static struct {
                bool known;
                uint32_t uid;
                char name[64];
        } cache[8];
        static unsigned next;

        for (size_t i = 0; i < ARRAY_SIZE(cache); i++)
                if (cache[i].known && cache[i].uid == uid) {
                        buf_puts(out, cache[i].name);
                        return;
                }
        if (!passwd_find(uid, cache[next].name, sizeof(cache[next].name)))
                snprintf(cache[next].name, sizeof(cache[next].name), "%u", uid);
        cache[next].known = true;
        cache[next].uid = uid;
        buf_puts(out, cache[next].name);
        next = (next + 1) % ARRAY_SIZE(cache);
}

/* str_escape() makes a string that could stand in quotes; on a line of its own, quotes and backslashes are
 * just themselves. */
static void put_unquoted(struct buf *out, const char *escaped)
{
        for (; *escaped; escaped++) {
                if (escaped[0] == '\\' && (escaped[1] == '"' || escaped[1] == '\\'))
                        escaped++;
                buf_putc(out, *escaped);
        }
}

void words_plain(struct buf *out, const char *s, size_t n)
{
        _cleanup_(freep) char *copy = strndup(s, n);
        _cleanup_(buf_deinit) struct buf escaped = {0};

        if (copy)
                str_escape(&escaped, copy);
        if (!copy || buf_error(&escaped))
                out->error = -ENOMEM;
        else if (escaped.n > 0)
                put_unquoted(out, escaped.data);
}

void words_lines(struct buf *out, const char *s)
{
        for (size_t n; *s; s += n + (s[n] == '\n')) {
                n = strcspn(s, "\n");
                if (out->n > 0)
                        buf_putc(out, '\n');
                words_plain(out, s, n);
        }
}

static size_t n_characters(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

/* Where the character number `n` begins. */
static const char *character(const char *s, size_t n)
{
        for (; *s; s++)
                if (((unsigned char)*s & 0xc0) != 0x80 && n-- == 0)
                        break;
        return s;
}

void words_short(struct buf *out, const char *s, unsigned max)
{
        _cleanup_(buf_deinit) struct buf plain = {0};
        const char *end;
        size_t n;

        words_plain(&plain, s, strlen(s));
        if (buf_error(&plain)) {
                out->error = buf_error(&plain);
                return;
        }
        if (plain.n == 0)
                return;
        n = n_characters(plain.data);
        if (n <= max) {
                buf_append(out, plain.data, plain.n);
                return;
        }
        end = character(plain.data, max / 2);
        buf_append(out, plain.data, (size_t)(end - plain.data));
        buf_puts(out, "…");
        buf_puts(out, character(plain.data, n - (max - max / 2 - 1)));
}

/* One argument, in quotes where a shell would need them. */
static void put_argument(struct buf *out, const char *argument)
{
        bool quote = !*argument || strpbrk(argument, " \t\n'\"\\$`&|;<>()*?[]{}~#!");

        if (quote)
                buf_putc(out, '\'');
        str_escape(out, argument);
        if (quote)
                buf_putc(out, '\'');
}

void words_arguments(struct buf *out, const struct subject *s)
{
        size_t at = 0;

        while (s->arguments && at < s->n_arguments) {
                if (at > 0)
                        buf_putc(out, ' ');
                put_argument(out, s->arguments + at);
                at += strlen(s->arguments + at) + 1;
        }
        if (s->arguments_cut)
                buf_puts(out, " …");
}

void words_chain(struct buf *out, const struct subject *s, unsigned oldest)
{
        for (unsigned i = oldest; i > 0; i--) {
                str_escape(out, s->ancestors[i - 1].name);
                buf_puts(out, " ▸ ");
        }
        str_escape(out, subject_display_name(s));
}
