/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is built in one buffer on the stack and written with one call, so that lines of two threads do not mix and
 * nothing is allocated when memory is what ran out. Callers escape names; a control character that slips through all the same
 * becomes '?', because a line break here would be a forged line in the journal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { LOG_LINE_MAX = 2048 };

/* By level: the word that switches it on, and syslog's priority as sd-daemon(3) wants it. */
static const struct {
        const char *word;
        int priority;
} levels[] = {
        [LOG_LEVEL_ERROR] = { "error", 3 }, [LOG_LEVEL_WARN] = { "warn", 4 },   [LOG_LEVEL_INFO] = { "info", 6 },
        [LOG_LEVEL_DEBUG] = { "debug", 7 }, [LOG_LEVEL_TRACE] = { "trace", 7 },
};

/* Atomic, because the saver thread logs too. */
static _Atomic enum log_level current_level = LOG_LEVEL_INFO;
static atomic_bool to_journal;

bool log_level_parse(const char *word, enum log_level *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (strcmp(word, levels[i].word) == 0) {
                        *ret = (enum log_level)i;
                        return true;
                }
        return false;
}

void log_set_level(enum log_level level)
{
        current_level = level;
}

void log_set_journal(bool journal)
{
        to_journal = journal;
}

bool log_enabled(enum log_level level)
{
        return level <= current_level;
}

static size_t put_prefix(char *line, size_t size, enum log_level level)
{
        int n = to_journal ? snprintf(line, size, "<%d>", levels[level].priority) :
                             snprintf(line, size, "%s: ", levels[level].word);

        return n > 0 ? (size_t)n : 0;
}

/* Keeps one message one line. */
static void flatten(char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        *text = '?';
}

/* Standard error is where complaints go; when it fails there is nowhere left to complain. */
static void write_all(const char *data, size_t n)
{
        while (n > 0) {
                ssize_t done = write(STDERR_FILENO, data, n);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return;
                data += done;
                n -= (size_t)done;
        }
}

void log_write(enum log_level level, const char *format, ...)
{
        char line[LOG_LINE_MAX];
        size_t prefix, n;
        va_list args;
        int saved = errno;

        if (!log_enabled(level))
                return;
        prefix = put_prefix(line, sizeof(line), level);
        line[prefix] = '\0';
        errno = saved; /* for %m */
        va_start(args, format);
        vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
        va_end(args);
        flatten(line + prefix);
        n = strlen(line);
        line[n++] = '\n'; /* the byte that vsnprintf was not given */
        write_all(line, n);
        errno = saved;
}
