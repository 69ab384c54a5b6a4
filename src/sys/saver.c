/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. One mutex, held for copies only; the thread does its writing without it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/files.h"
#include "sys/saver.h"

struct save {
        char *path; /* NULL: the slot is free */
        char *data; /* what waits; NULL when nothing does */
        size_t n;
        mode_t mode;
        bool append;         /* what waits goes to the file's end */
        int64_t ticket;      /* of what waits */
        int64_t done_ticket; /* of what was finished and not yet told */
        int done_error;
        bool guarded; /* only this version is replaced: */
        struct file_stamp expected;
};

struct saver {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t wake, idle;
        int event_fd;
        bool running, stopping, busy;
        struct save saves[SAVER_FILES];
        int64_t last_ticket;
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
        struct file_stamp expected = save->expected, written;
        bool guarded = save->guarded, append = save->append;
        size_t n = save->n;
        mode_t mode = save->mode;
        uint64_t one = 1;
        int r;

        s->busy = true;
        pthread_mutex_unlock(&s->mutex);
        /* The path of a slot never changes. */
        r = append  ? files_append(save->path, data, n, mode) :
            guarded ? files_replace_known(save->path, &expected, data, n, mode, &written) :
                      files_replace(save->path, data, n, mode);
        free(data);
        pthread_mutex_lock(&s->mutex);
        s->busy = false;
        if (guarded && !append && r >= 0)
                save->expected = written;
        /* What was not appended is missing, whatever was appended since. */
        if (!append || save->done_ticket == 0 || save->done_error >= 0)
                save->done_error = r;
        save->done_ticket = ticket;
        if (write(s->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
                log_error("cannot tell the loop that a save finished: %m");
}

static void *saver_main(void *userdata)
{
        struct saver *s = userdata;

        pthread_mutex_lock(&s->mutex);
        for (;;) {
                struct save *save = next_save(s);

                if (save) {
                        run_save(s, save);
                        continue;
                }
                pthread_cond_broadcast(&s->idle);
                if (s->stopping)
                        break;
                pthread_cond_wait(&s->wake, &s->mutex);
        }
        pthread_mutex_unlock(&s->mutex);
        return NULL;
}

int saver_new(struct saver **ret)
{
        struct saver *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0) {
                r = -errno;
                free(s);
                return r;
        }
        pthread_mutex_init(&s->mutex, NULL);
        pthread_cond_init(&s->wake, NULL);
        pthread_cond_init(&s->idle, NULL);
        *ret = s;
        return 0;
}

int saver_run(struct saver *s)
{
        sigset_t all, old;
        int r;

        /* Signals belong to the loop's thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&s->thread, NULL, saver_main, s);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        s->running = r == 0;
        return r;
}

struct saver *saver_stop(struct saver *s)
{
        if (!s)
                return NULL;
        pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->mutex);
        if (s->running)
                pthread_join(s->thread, NULL);
        for (size_t i = 0; i < SAVER_FILES; i++) {
                free(s->saves[i].path);
                free(s->saves[i].data);
        }
        close(s->event_fd);
        pthread_cond_destroy(&s->wake);
        pthread_cond_destroy(&s->idle);
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

/* With the mutex held, after what was to be written changed. The remainder names the file: see saver_covers(). */
static int64_t give_ticket(struct saver *s, struct save *save)
{
        save->ticket = ++s->last_ticket * SAVER_FILES + (save - s->saves);
        pthread_cond_signal(&s->wake);
        return save->ticket;
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
                save->append = false;
                ticket = give_ticket(s, save);
        }
        pthread_mutex_unlock(&s->mutex);
        free(data);
        return ticket;
}

/* `save` may wait to be replaced: then the bytes are the end of that. */
static int append_waiting(struct save *save, const char *data, size_t n, mode_t mode)
{
        const bool waits = save->data != NULL;
        const size_t n_before = waits ? save->n : 0;
        char *more = realloc(save->data, n_before + n + 1);

        if (!more)
                return -ENOMEM;
        memcpy(more + n_before, data, n);
        more[n_before + n] = '\0';
        save->data = more;
        save->n = n_before + n;
        save->mode = mode;
        if (!waits)
                save->append = true;
        return 0;
}

int64_t saver_append(struct saver *s, const char *path, const char *data, size_t n, mode_t mode)
{
        struct save *save;
        int64_t ticket = -ENOSPC;

        pthread_mutex_lock(&s->mutex);
        save = slot_for(s, path);
        if (save) {
                ticket = append_waiting(save, data, n, mode);
                if (ticket == 0)
                        ticket = give_ticket(s, save);
        }
        pthread_mutex_unlock(&s->mutex);
        return ticket;
}

int saver_expect(struct saver *s, const char *path, const struct file_stamp *version)
{
        struct save *save;

        pthread_mutex_lock(&s->mutex);
        save = slot_for(s, path);
        if (save) {
                save->guarded = true;
                save->expected = *version;
        }
        pthread_mutex_unlock(&s->mutex);
        return save ? 0 : -ENOSPC;
}

bool saver_expected(struct saver *s, const char *path, struct file_stamp *ret)
{
        struct save *save;
        bool guarded;

        pthread_mutex_lock(&s->mutex);
        save = slot_for(s, path);
        guarded = save && save->guarded;
        if (guarded)
                *ret = save->expected;
        pthread_mutex_unlock(&s->mutex);
        return guarded;
}

void saver_wait(struct saver *s)
{
        pthread_mutex_lock(&s->mutex);
        while (s->running && (s->busy || next_save(s)))
                pthread_cond_wait(&s->idle, &s->mutex);
        pthread_mutex_unlock(&s->mutex);
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
