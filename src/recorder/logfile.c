/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "recorder/logfile.h"

enum { USEC_PER_SEC = 1000000 };

void logfile_init(struct logfile *l)
{
        *l = (struct logfile){ .fd = -1 };
}

void logfile_set(struct logfile *l, int fd, bool wants_file)
{
        if (l->fd >= 0)
                close(l->fd);
        l->fd = fd;
        l->wants_file = wants_file;
        l->error = 0;
}

static void put_stamp(struct buf *out, int64_t time_us)
{
        const time_t seconds = (time_t)(time_us / USEC_PER_SEC);
        char stamp[32];
        struct tm tm;

        localtime_r(&seconds, &tm);
        strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S ", &tm);
        buf_puts(out, stamp);
}

void logfile_add(struct logfile *l, int64_t time_us, const char *line)
{
        l->n_lines++;
        put_stamp(&l->file, time_us);
        buf_puts(&l->file, line);
        buf_putc(&l->file, '\n');
        buf_puts(&l->journal, line);
        buf_putc(&l->journal, '\n');
}

/* 0 or a negative errno. */
static int write_all(int fd, const struct buf *b)
{
        size_t done = 0;

        while (done < b->n) {
                ssize_t n = write(fd, b->data + done, b->n - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t)n;
        }
        return 0;
}

bool logfile_flush(struct logfile *l)
{
        int r = buf_error(&l->file);

        if (l->n_lines == 0)
                return true;
        if (r == 0 && l->fd >= 0)
                r = write_all(l->fd, &l->file);
        else if (r == 0 && l->wants_file)
                r = -EBADF;
        /* A journal that is gone is nobody's loss where there is a file. */
        if (write_all(STDERR_FILENO, &l->journal) < 0 && !l->wants_file && r == 0)
                r = -EPIPE;
        buf_reset(&l->file);
        buf_reset(&l->journal);
        l->n_lines = 0;
        l->error = -r;
        return r == 0;
}
