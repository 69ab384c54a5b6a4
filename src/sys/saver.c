/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. One mutex, held for copies only; the thread does its writing without it.
 *
 * Log lines are gathered: the first one wakes the thread, which then waits LOG_PAUSE_MS and writes all that came meanwhile at once. A
 * wake-up and a write for each line would cost as much as deciding the connection that it tells of.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "sys/files.h"
#include "sys/saver.h"

enum { LOG_PAUSE_MS = 100, LOG_ENOUGH = SAVER_LOG_MAX / 2 /* bytes that are worth writing at once */ };

struct save {
        char *path; /* NULL: the slot is free */
        char *data; /* what waits; NULL when nothing does */
        size_t n;
        mode_t mode;
        int64_t ticket;      /* of what waits */
        int64_t done_ticket; /* of what was finished and not yet told */
        int done_error;
};

struct saver {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        int event_fd;
        bool stopping;
        struct save saves[SAVER_FILES];
        int64_t last_ticket;
        struct buf lines;    /* log lines that wait */
        uint64_t n_lost;
        char log_path[PATH_MAX];
        bool log_to_stderr, reopen;
        int log_fd; /* the thread's */
};

static struct save *next_save(struct saver *s)
{
        for (size_t i = 0; i < SAVER_FILES; i++)
                if (s->saves[i].data)
                        return &s->saves[i];
        return NULL;
}

/* Called with the mutex held; drops it while it writes. */
static void run_save(struct saver *s, struct save *save)
{
        char *data = TAKE_PTR(save->data);
        int64_t ticket = save->ticket;
        size_t n = save->n;
        mode_t mode = save->mode;
        uint64_t one = 1;
        int r;

        pthread_mutex_unlock(&s->mutex);
        r = files_replace(save->path, data, n, mode); /* the path of a slot never changes */
        free(data);
        pthread_mutex_lock(&s->mutex);
        save->done_ticket = ticket;
        save->done_error = r;
        if (write(s->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
                log_error("cannot tell the loop that a save finished: %m");
}

static void open_log(struct saver *s, const char *path)
{
        if (s->log_fd >= 0)
                close(s->log_fd);
        s->log_fd = -1;
        if (!*path)
                return;
        s->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
        if (s->log_fd < 0)
                log_warn("cannot open log file %s: %m; decisions go on, its lines are lost", path);
}

static uint64_t count_lines(const char *data, size_t n)
{
        uint64_t lines = 0;

        for (size_t i = 0; i < n; i++)
                lines += data[i] == '\n';
        return lines;
}

/* The file's lines begin with the local date and time; the journal has its own. */
static int stamp_lines(const char *data, size_t n, struct buf *ret)
{
        const time_t now = time(NULL);
        char stamp[32];
        struct tm tm;

        localtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S ", &tm);
        while (n > 0) {
                const char *end = memchr(data, '\n', n);
                size_t length = end ? (size_t)(end - data) + 1 : n;

                buf_puts(ret, stamp);
                buf_append(ret, data, length);
                data += length;
                n -= length;
        }
        return buf_error(ret);
}

static bool write_log(struct saver *s, const char *data, size_t n, bool to_stderr)
{
        _cleanup_(buf_deinit) struct buf stamped = { 0 };
        bool fine = true;

        if (s->log_fd >= 0)
                fine = stamp_lines(data, n, &stamped) == 0 && write(s->log_fd, stamped.data, stamped.n) == (ssize_t)stamped.n;
        if (to_stderr)
                fine &= write(STDERR_FILENO, data, n) == (ssize_t)n;
        return fine;
}

/* Called with the mutex held; drops it while it writes. */
static void run_log(struct saver *s)
{
        struct buf lines = s->lines;
        char path[PATH_MAX];
        bool reopen = s->reopen, to_stderr = s->log_to_stderr, fine;

        s->lines = (struct buf){ .max = SAVER_LOG_MAX };
        s->reopen = false;
        memcpy(path, s->log_path, sizeof(path));
        pthread_mutex_unlock(&s->mutex);
        if (reopen)
                open_log(s, path);
        fine = write_log(s, lines.data, lines.n, to_stderr) && (s->log_fd >= 0 || !*path);
        pthread_mutex_lock(&s->mutex);
        if (!fine)
                s->n_lost += count_lines(lines.data, lines.n);
        buf_deinit(&lines);
}

/* Called with the mutex held, which waiting drops: until there is enough to write, or something that does not wait. */
static void gather_lines(struct saver *s)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOG_PAUSE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        while (!s->stopping && !s->reopen && s->lines.n < LOG_ENOUGH && !next_save(s))
                if (pthread_cond_timedwait(&s->wake, &s->mutex, &until) == ETIMEDOUT)
                        return;
}

static void *saver_main(void *userdata)
{
        struct saver *s = userdata;

        pthread_mutex_lock(&s->mutex);
        for (;;) {
                struct save *save = next_save(s);

                if (save)
                        run_save(s, save);
                else if (s->lines.n > 0 || s->reopen) {
                        gather_lines(s);
                        run_log(s);
                }
                else if (s->stopping)
                        break;
                else
                        pthread_cond_wait(&s->wake, &s->mutex);
        }
        pthread_mutex_unlock(&s->mutex);
        return NULL;
}

int saver_start(struct saver **ret)
{
        struct saver *s = calloc(1, sizeof(*s));
        pthread_condattr_t monotonic;
        sigset_t all, old;
        int r;

        if (!s)
                return -ENOMEM;
        s->log_fd = -1;
        s->lines.max = SAVER_LOG_MAX;
        pthread_mutex_init(&s->mutex, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&s->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0) {
                r = -errno;
                free(s);
                return r;
        }
        /* Signals belong to the loop's thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&s->thread, NULL, saver_main, s);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r < 0) {
                close(s->event_fd);
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

struct saver *saver_stop(struct saver *s)
{
        if (!s)
                return NULL;
        pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->mutex);
        pthread_join(s->thread, NULL);
        for (size_t i = 0; i < SAVER_FILES; i++)
                free(s->saves[i].path);
        buf_deinit(&s->lines);
        if (s->log_fd >= 0)
                close(s->log_fd);
        close(s->event_fd);
        pthread_cond_destroy(&s->wake);
        pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

int saver_fd(const struct saver *s)
{
        return s->event_fd;
}

static struct save *slot_for(struct saver *s, const char *path)
{
        for (size_t i = 0; i < SAVER_FILES; i++) {
                if (!s->saves[i].path)
                        s->saves[i].path = strdup(path);
                if (s->saves[i].path && strcmp(s->saves[i].path, path) == 0)
                        return &s->saves[i];
        }
        return NULL;
}

int64_t saver_replace(struct saver *s, const char *path, char *data, size_t n, mode_t mode)
{
        struct save *save;
        int64_t ticket = -ENOSPC;

        pthread_mutex_lock(&s->mutex);
        save = slot_for(s, path);
        if (save) {
                free(save->data);
                save->data = TAKE_PTR(data);
                save->n = n;
                save->mode = mode;
                /* The remainder names the file: see saver_covers(). */
                save->ticket = ticket = ++s->last_ticket * SAVER_FILES + (save - s->saves);
                pthread_cond_signal(&s->wake);
        }
        pthread_mutex_unlock(&s->mutex);
        free(data);
        return ticket;
}

bool saver_covers(int64_t done, int64_t waited)
{
        return done % SAVER_FILES == waited % SAVER_FILES && done >= waited;
}

void saver_dispatch(struct saver *s, saver_done_fn fn, void *userdata)
{
        uint64_t count;

        if (read(s->event_fd, &count, sizeof(count)) < 0)
                return; /* EAGAIN: told already */
        for (size_t i = 0; i < SAVER_FILES; i++) {
                int64_t ticket;
                int error;

                pthread_mutex_lock(&s->mutex);
                ticket = s->saves[i].done_ticket;
                error = s->saves[i].done_error;
                s->saves[i].done_ticket = 0;
                pthread_mutex_unlock(&s->mutex);
                if (ticket > 0)
                        fn(userdata, s->saves[i].path, ticket, error);
        }
}

int saver_set_log(struct saver *s, const char *path, bool to_stderr)
{
        if (path && strlen(path) >= sizeof(s->log_path))
                return -ENAMETOOLONG;
        pthread_mutex_lock(&s->mutex);
        memset(s->log_path, 0, sizeof(s->log_path));
        if (path)
                memcpy(s->log_path, path, strlen(path));
        s->log_to_stderr = to_stderr;
        s->reopen = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->mutex);
        return 0;
}

bool saver_log(struct saver *s, const char *line)
{
        bool kept, wake;
        size_t before;

        pthread_mutex_lock(&s->mutex);
        before = s->lines.n;
        if (s->lines.n + strlen(line) + 1 > SAVER_LOG_MAX) {
                kept = false;
        } else {
                buf_puts(&s->lines, line);
                buf_putc(&s->lines, '\n');
                kept = buf_error(&s->lines) == 0;
        }
        if (!kept)
                s->n_lost++;
        /* In between the thread is gathering and wakes by itself. */
        wake = kept && (before == 0 || (before < LOG_ENOUGH && s->lines.n >= LOG_ENOUGH));
        pthread_mutex_unlock(&s->mutex);
        if (wake)
                pthread_cond_signal(&s->wake); /* with the mutex free: the thread would only wake to wait for it */
        return kept;
}

uint64_t saver_log_lost(const struct saver *s)
{
        struct saver *locked = (struct saver *)(uintptr_t)s;
        uint64_t n;

        pthread_mutex_lock(&locked->mutex);
        n = s->n_lost;
        pthread_mutex_unlock(&locked->mutex);
        return n;
}
