/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. A field that mktime() would carry over (February 30, 25:00) is refused, not moved. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/str.h"
#include "cli/when.h"

const char when_expected[] = "a time as 90s, 30m, 2h, 3d, 2w (ago), today, yesterday, 10:00, 2026-11-20 or 2026-11-20T10:00";

static const int64_t SECOND_US = 1000000;

/* ---- so long ago ----------------------------------------------------------------------------------------------------------- */

static bool parse_ago(const char *text, int64_t now_us, int64_t *ret)
{
        static const struct {
                const char *word;
                uint64_t seconds;
        } units[] = { { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 7 * 86400 } };
        size_t n = strspn(text, "0123456789");
        char number[12];
        uint64_t value;

        if (n == 0 || n >= sizeof(number))
                return false;
        memcpy(number, text, n);
        number[n] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strcmp(units[i].word, text + n) != 0)
                        continue;
                if (!str_parse_u64(number, WHEN_MAX_DAYS * UINT64_C(86400) / units[i].seconds, &value))
                        return false;
                *ret = MAX(now_us - (int64_t)(value * units[i].seconds) * SECOND_US, INT64_C(0));
                return true;
        }
        return false;
}

/* ---- days and hours -------------------------------------------------------------------------------------------------------- */

/* `n` digits and then `literal` (NUL: nothing more is asked). Moves on past both. */
static bool take_digits(const char **text, unsigned n, char literal, int *ret)
{
        int value = 0;

        for (unsigned i = 0; i < n; i++) {
                if (!isdigit((unsigned char)(*text)[i]))
                        return false;
                value = 10 * value + ((*text)[i] - '0');
        }
        if (literal && (*text)[n] != literal)
                return false;
        *text += n + (literal != '\0');
        *ret = value;
        return true;
}

/* "10:00" or "10:00:30", up to what follows. */
static bool take_clock(const char **text, struct tm *tm)
{
        if (!take_digits(text, 2, ':', &tm->tm_hour) || !take_digits(text, 2, '\0', &tm->tm_min))
                return false;
        if (**text != ':')
                return true;
        (*text)++;
        return take_digits(text, 2, '\0', &tm->tm_sec);
}

static bool take_date(const char **text, struct tm *tm)
{
        if (!take_digits(text, 4, '-', &tm->tm_year) || !take_digits(text, 2, '-', &tm->tm_mon) || !take_digits(text, 2, '\0', &tm->tm_mday))
                return false;
        tm->tm_year -= 1900;
        tm->tm_mon -= 1;
        return true;
}

/* ".123456Z" or "Z": UTC. */
static bool take_utc(const char **text, int *ret_us)
{
        if (**text == '.') {
                (*text)++;
                if (!take_digits(text, 6, '\0', ret_us))
                        return false;
        }
        return strcmp(*text, "Z") == 0;
}

static bool finish(struct tm *tm, bool utc, int us, int64_t *ret)
{
        struct tm made = *tm;
        time_t t;

        made.tm_isdst = -1;
        t = utc ? timegm(&made) : mktime(&made);
        /* What mktime() had to change was no time; in an hour that a clock skips in spring it changes the hour alone. */
        if (t < 0 || made.tm_mon != tm->tm_mon || made.tm_mday != tm->tm_mday || tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 59)
                return false;
        *ret = (int64_t)t * SECOND_US + us;
        return true;
}

static bool parse_date(const char *text, int64_t *ret)
{
        struct tm tm = { 0 };
        bool utc = false;
        int us = 0;

        if (!take_date(&text, &tm))
                return false;
        if (*text == 'T' || *text == ' ') {
                text++;
                if (!take_clock(&text, &tm))
                        return false;
                utc = *text != '\0';
                if (utc && !take_utc(&text, &us))
                        return false;
        } else if (*text) {
                return false;
        }
        return finish(&tm, utc, us, ret);
}

/* Midnight, so many days before today. */
static struct tm day_before(int64_t now_us, int days)
{
        const time_t now = (time_t)(now_us / SECOND_US);
        struct tm tm;

        localtime_r(&now, &tm);
        tm.tm_mday -= days;
        tm.tm_hour = 12; /* every day has that hour: what is carried over is days and months only */
        tm.tm_isdst = -1;
        mktime(&tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        return tm;
}

bool when_parse(const char *text, int64_t now_us, int64_t *ret_us)
{
        struct tm today = day_before(now_us, 0), yesterday = day_before(now_us, 1);
        const char *rest = text;

        if (strcmp(text, "now") == 0) {
                *ret_us = now_us;
                return true;
        }
        if (strcmp(text, "today") == 0)
                return finish(&today, false, 0, ret_us);
        if (strcmp(text, "yesterday") == 0)
                return finish(&yesterday, false, 0, ret_us);
        if (take_clock(&rest, &today) && !*rest)
                return finish(&today, false, 0, ret_us);
        return parse_ago(text, now_us, ret_us) || parse_date(text, ret_us);
}
