/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. One mutex, held for copies only. */
#include "sys/listreader.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

enum { PIECE = 64 << 10 };

/* A file to be read. */
struct job {
        char path[LIMIT_LIST_PATH];
        struct file_stamp known;
};

struct listreader {
        uint64_t seed;
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        int event_fd;
        atomic_bool stopping; /* looked at without the mutex between two pieces of a file */
        struct job jobs[LIMIT_LISTS];
        unsigned n_jobs;
        struct list_reading *done[LIMIT_LISTS];
        unsigned n_done;
};

static int read_pieces(int fd, struct hostlist *list, const atomic_bool *stop)
{
        char piece[PIECE];
        size_t left = LIMIT_LIST_FILE;

        for (;;) {
                ssize_t n = read(fd, piece, sizeof(piece));
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                if ((size_t)n > left)
                        return -EFBIG;
                left -= (size_t)n;
                r = hostlist_feed(list, piece, (size_t)n);
                if (r != 0)
                        return r;
                if (stop && *stop)
                        return -ECANCELED;
        }
}

static int read_open(int fd, uint64_t seed, const atomic_bool *stop, struct list_reading *ret)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(seed);
        int r = list ? read_pieces(fd, list, stop) : -ENOMEM;

        return r == 0 ? hostlist_finish(list, &ret->set, &ret->skipped) : r;
}

void list_read(const char *path, uint64_t seed, const struct file_stamp *known, const atomic_bool *stop, struct list_reading *ret)
{
        int fd;

        *ret = (struct list_reading){ .error = -ENAMETOOLONG };
        if (strlen(path) >= sizeof(ret->path))
                return;
        strcpy(ret->path, path);
        fd = files_open_roots(path, LIMIT_LIST_FILE, &ret->version);
        if (fd < 0) {
                ret->error = fd;
                return;
        }
        ret->error = file_stamp_equal(&ret->version, known) ? LISTREADER_E_SAME : read_open(fd, seed, stop, ret);
        close(fd);
}

/* With the mutex held; drops it while it reads. There is a job, and room for its result. */
static void run_job(struct listreader *r)
{
        struct list_reading *reading = calloc(1, sizeof(*reading));
        struct job job = r->jobs[0];
        uint64_t one = 1;

        r->n_jobs--;
        memmove(&r->jobs[0], &r->jobs[1], r->n_jobs * sizeof(r->jobs[0]));
        if (!reading) {
                log_error("cannot read %s: no memory; what was read before stays in force", job.path);
                return;
        }
        pthread_mutex_unlock(&r->mutex);
        list_read(job.path, r->seed, &job.known, &r->stopping, reading);
        pthread_mutex_lock(&r->mutex);
        r->done[r->n_done++] = reading;
        if (write(r->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
                log_error("cannot tell the loop that a list was read: %m");
}

static void *reader_main(void *userdata)
{
        struct listreader *r = userdata;

        pthread_mutex_lock(&r->mutex);
        while (!r->stopping) {
                if (r->n_jobs > 0 && r->n_done < LIMIT_LISTS)
                        run_job(r);
                else
                        pthread_cond_wait(&r->wake, &r->mutex);
        }
        pthread_mutex_unlock(&r->mutex);
        return NULL;
}

static int make_thread(struct listreader *r)
{
        sigset_t all, old;
        int error;

        /* Signals belong to the loop's thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        error = -pthread_create(&r->thread, NULL, reader_main, r);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        return error;
}

static void destroy(struct listreader *r)
{
        for (unsigned i = 0; i < r->n_done; i++) {
                hostset_free(r->done[i]->set);
                free(r->done[i]);
        }
        close(r->event_fd);
        pthread_cond_destroy(&r->wake);
        pthread_mutex_destroy(&r->mutex);
        free(r);
}

int listreader_new(uint64_t seed, struct listreader **ret)
{
        struct listreader *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        r->seed = seed;
        r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (r->event_fd < 0) {
                error = -errno;
                free(r);
                return error;
        }
        pthread_mutex_init(&r->mutex, NULL);
        pthread_cond_init(&r->wake, NULL);
        error = make_thread(r);
        if (error < 0) {
                destroy(r);
                return error;
        }
        *ret = r;
        return 0;
}

struct listreader *listreader_stop(struct listreader *r)
{
        if (!r)
                return NULL;
        pthread_mutex_lock(&r->mutex);
        r->stopping = true;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
        destroy(r);
        return NULL;
}

int listreader_fd(const struct listreader *r)
{
        return r->event_fd;
}

bool listreader_ask(struct listreader *r, const char *path, const struct file_stamp *known)
{
        bool fits = false;

        pthread_mutex_lock(&r->mutex);
        for (unsigned i = 0; i < LIMIT_LISTS && !fits; i++) {
                if (i < r->n_jobs && strcmp(r->jobs[i].path, path) != 0)
                        continue;
                fits = strlen(path) < sizeof(r->jobs[i].path);
                if (!fits)
                        break;
                strcpy(r->jobs[i].path, path);
                r->jobs[i].known = *known;
                r->n_jobs = MAX(r->n_jobs, i + 1);
        }
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->mutex);
        return fits;
}

/* The oldest result, or NULL. */
static struct list_reading *take_done(struct listreader *r)
{
        struct list_reading *reading = NULL;

        pthread_mutex_lock(&r->mutex);
        if (r->n_done > 0) {
                reading = r->done[0];
                r->n_done--;
                memmove(&r->done[0], &r->done[1], r->n_done * sizeof(struct list_reading *));
                pthread_cond_signal(&r->wake); /* there is room again */
        }
        pthread_mutex_unlock(&r->mutex);
        return reading;
}

void listreader_dispatch(struct listreader *r, list_read_fn fn, void *userdata)
{
        struct list_reading *reading;
        uint64_t count;

        if (read(r->event_fd, &count, sizeof(count)) < 0)
                return; /* EAGAIN: told already */
        while ((reading = take_done(r))) {
                fn(userdata, reading);
                hostset_free(reading->set);
                free(reading);
        }
}
