/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Calendar arithmetic is the proleptic Gregorian one in whole days, because the C library's knows a time zone and this must
 * not.
 */
#include "core/lifetime.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

static const char *const lifetime_names[] = {
        [LIFETIME_ONCE] = "once",   [LIFETIME_PROCESS] = "process", [LIFETIME_SESSION] = "session",
        [LIFETIME_UNTIL] = "until", [LIFETIME_REBOOT] = "reboot",   [LIFETIME_ALWAYS] = "always",
};

const char *lifetime_name(enum lifetime lifetime)
{
        return lifetime_names[lifetime];
}

bool lifetime_parse(const char *word, enum lifetime *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(lifetime_names); i++)
                if (strcmp(lifetime_names[i], word) == 0) {
                        *ret = (enum lifetime)i;
                        return true;
                }
        return false;
}

bool lifetime_is_kept(enum lifetime lifetime)
{
        return lifetime == LIFETIME_UNTIL || lifetime == LIFETIME_REBOOT || lifetime == LIFETIME_ALWAYS;
}

/* ---- which boot --------------------------------------------------------------------------------------------------- */

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool boot_id_parse(const char *text, struct boot_id *ret)
{
        struct boot_id id;

        for (size_t i = 0; i < sizeof(id.bytes); i++) {
                int high, low;

                if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
                        return false;
                high = hex_digit(text[0]);
                low = high < 0 ? -1 : hex_digit(text[1]);
                if (low < 0)
                        return false;
                id.bytes[i] = (uint8_t)(high << 4 | low);
                text += 2;
        }
        if (*text)
                return false;
        *ret = id;
        return true;
}

const char *boot_id_format(const struct boot_id *id, char ret[BOOT_ID_TEXT_MAX])
{
        static const char digits[] = "0123456789abcdef";
        char *at = ret;

        for (size_t i = 0; i < sizeof(id->bytes); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = digits[id->bytes[i] >> 4];
                *at++ = digits[id->bytes[i] & 15];
        }
        *at = '\0';
        return ret;
}

bool boot_id_is_set(const struct boot_id *id)
{
        static const struct boot_id none;

        return memcmp(id, &none, sizeof(none)) != 0;
}

bool boot_id_equal(const struct boot_id *a, const struct boot_id *b)
{
        return boot_id_is_set(a) && memcmp(a, b, sizeof(*a)) == 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* Nanoseconds until `until`; 0 when it is over. More than 292 years are as good as for ever, and saturate. */
static uint64_t wall_left_ns(int64_t until, int64_t realtime_us)
{
        const int64_t most_s = INT64_MAX / (int64_t)NS_PER_SEC - 1;
        int64_t left_s = until - realtime_us / 1000000;

        if (left_s > most_s)
                return INT64_MAX;
        if (until < 0 || until * 1000000 <= realtime_us)
                return 0;
        return (uint64_t)(until * 1000000 - realtime_us) * NS_PER_USEC;
}

bool ending_begin(struct ending *e, const struct clocks *now, struct boottime *expires)
{
        uint64_t left;

        if (boot_id_equal(&e->boot, &now->boot))
                return !boottime_reached(*expires, now->now);
        left = e->lasts > 0 ? e->lasts * NS_PER_SEC : wall_left_ns(e->until, now->realtime_us);
        if (left == 0)
                return false;
        if (e->lasts > 0)
                e->until = now->realtime_us / 1000000 + e->lasts; /* rounded down: in another boot it must not live again */
        e->lasts = 0;
        e->boot = now->boot;
        *expires = boottime_add(now->now, left);
        expires->ns = MIN(expires->ns, (uint64_t)INT64_MAX); /* what a file can say */
        return true;
}

bool ending_begin_boot(struct ending *e, const struct clocks *now)
{
        if (boot_id_is_set(&e->boot))
                return boot_id_equal(&e->boot, &now->boot);
        e->boot = now->boot;
        return true;
}

/* ---- durations ------------------------------------------------------------------------------------------------------ */

static const struct unit {
        const char *name;
        uint32_t seconds;
} units[] = { { "day", 24 * 60 * 60 }, { "hour", 60 * 60 }, { "minute", 60 }, { "second", 1 } };

bool duration_parse_number(const char *text, uint32_t *ret, size_t *ret_n)
{
        uint32_t number = 0;
        size_t n = 0;

        for (; text[n] >= '0' && text[n] <= '9'; n++) {
                number = number * 10 + (uint32_t)(text[n] - '0');
                if (number > DURATION_MAX)
                        return false;
        }
        if (number == 0)
                return false;
        *ret = number;
        *ret_n = n;
        return true;
}

uint32_t duration_unit(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                size_t n = strlen(units[i].name);

                if (word[0] == units[i].name[0] && word[1] == '\0')
                        return units[i].seconds;
                if (strncmp(word, units[i].name, n) == 0 && (strcmp(word + n, "") == 0 || strcmp(word + n, "s") == 0))
                        return units[i].seconds;
        }
        return 0;
}

static void put_units(uint64_t n, const struct unit *unit, struct buf *out)
{
        buf_printf(out, "%llu %s%s", (unsigned long long)n, unit->name, n == 1 ? "" : "s");
}

void duration_format(uint32_t seconds, struct buf *out)
{
        const struct unit *unit = units;

        while (seconds % unit->seconds != 0)
                unit++;
        put_units(seconds / unit->seconds, unit, out);
}

void duration_format_about(uint64_t seconds, struct buf *out)
{
        const struct unit *unit = units;

        /* "90 minutes" says more than "2 hours", and "1 day" as much as "24 hours". */
        while (unit->seconds > 1 && seconds < 2 * (uint64_t)unit->seconds && seconds != unit->seconds)
                unit++;
        put_units(seconds > 0 ? (seconds + unit->seconds - 1) / unit->seconds : 1, unit, out);
}

bool duration_parse(const char *word, uint32_t *ret)
{
        uint32_t number, unit;
        size_t n;

        if (!duration_parse_number(word, &number, &n))
                return false;
        unit = duration_unit(word + n);
        if (unit == 0 || number > DURATION_MAX / unit)
                return false;
        *ret = number * unit;
        return true;
}

/* ---- dates ---------------------------------------------------------------------------------------------------------- */

enum { SECONDS_PER_DAY = 24 * 60 * 60 };

static const int64_t last_second = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */

static bool is_leap(int year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before(int year)
{
        int64_t y = year - 1;

        return 365 * (y - 1969) + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) + (y / 400 - 1969 / 400);
}

/* Exactly `n` digits, which are stepped over. */
static bool take_digits(const char **text, int n, int *ret)
{
        int number = 0;

        for (int i = 0; i < n; i++) {
                char c = (*text)[i];

                if (c < '0' || c > '9')
                        return false;
                number = number * 10 + (c - '0');
        }
        *text += n;
        *ret = number;
        return true;
}

static bool take_char(const char **text, char c)
{
        if (**text != c)
                return false;
        (*text)++;
        return true;
}

static bool take_day(const char **text, struct date *ret)
{
        return take_digits(text, 4, &ret->year) && take_char(text, '-') && take_digits(text, 2, &ret->month) && take_char(text, '-') &&
               take_digits(text, 2, &ret->day) && ret->year >= 1970 && ret->month >= 1 && ret->month <= 12 && ret->day >= 1 &&
               ret->day <= days_of(ret->year, ret->month);
}

static bool take_time(const char **text, struct date *ret)
{
        if (!take_digits(text, 2, &ret->hour) || !take_char(text, ':') || !take_digits(text, 2, &ret->minute))
                return false;
        if (take_char(text, ':') && !take_digits(text, 2, &ret->second))
                return false;
        return ret->hour < 24 && ret->minute < 60 && ret->second < 60;
}

/* "", "Z", "+01:00": the end of the text. */
static bool take_offset(const char **text, struct date *ret)
{
        const bool west = **text == '-';
        int hours, minutes;

        if (**text == '\0')
                return true;
        ret->has_offset = true;
        if (take_char(text, 'Z'))
                return **text == '\0';
        if (!take_char(text, west ? '-' : '+') || !take_digits(text, 2, &hours) || !take_char(text, ':') || !take_digits(text, 2, &minutes) ||
            hours > 14 || minutes > 59)
                return false;
        ret->offset = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
        return **text == '\0';
}

bool date_parse(const char *day, const char *time, struct date *ret)
{
        struct date date = { 0 };

        if (!take_day(&day, &date))
                return false;
        if (time) {
                if (*day)
                        return false;
                day = time;
        }
        if ((time || take_char(&day, 'T') || take_char(&day, ' ')) && !take_time(&day, &date))
                return false;
        if (!take_offset(&day, &date))
                return false;
        *ret = date;
        return true;
}

bool date_seconds(const struct date *date, int64_t *ret)
{
        int64_t days = days_before(date->year) + date->day - 1, seconds;

        for (int month = 1; month < date->month; month++)
                days += days_of(date->year, month);
        seconds = days * SECONDS_PER_DAY + (date->hour * 60 + date->minute) * 60 + date->second - date->offset;
        if (seconds < 0 || seconds > last_second)
                return false;
        *ret = seconds;
        return true;
}

void date_format(int64_t seconds, struct buf *out)
{
        int64_t days, rest;
        int year, month = 1;

        seconds = MAX(seconds, (int64_t)0);
        seconds = MIN(seconds, last_second);
        days = seconds / SECONDS_PER_DAY;
        rest = seconds % SECONDS_PER_DAY;
        year = 1970 + (int)(days / 366); /* never too late, and a few years early at most */
        while (days >= days_before(year + 1))
                year++;
        days -= days_before(year);
        for (; days >= days_of(year, month); month++)
                days -= days_of(year, month);
        buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, (int)days + 1, (int)(rest / 3600), (int)(rest / 60 % 60),
                   (int)(rest % 60));
}
