/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-recorder: what was decided, on disk. The daemon's nursery starts it as root in the history folder, with one socket (descriptor 3): it
 * makes that folder its root, becomes a user without privileges, gives up the system calls it has no use for, and only then opens the database. The
 * log file comes through the socket as a descriptor, because the folder it lies in is root's.
 *
 * One source of work, read by blocking: datagrams of lines (wire/feed.h). What is there is taken as one batch of at most BATCH_LINES: one write to
 * the log, one transaction, one report. With nothing to record it sleeps. It ends when the daemon has closed the socket and all was read.
 *
 *      bastion-recorder UID GID
 *
 * With --query it is another program, which reads what this one wrote: reader.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "core/limits.h"
#include "recorder/logfile.h"
#include "recorder/reader.h"
#include "recorder/store.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "sys/privs.h"
#include "wire/feed.h"

enum { SOCKET = 3, BATCH_LINES = 2048, EXIT_FINE = 0, EXIT_SETUP = 1, EXIT_USAGE = 2 };

static const char DATABASE[] = "/history.db"; /* below the folder that is our root */
static const uint64_t DAY_US = UINT64_C(86400000000);

struct recorder {
        struct logfile log;
        struct store *store;
        struct feed_report report; /* not sent yet */
        uint64_t n_rows, n_lines;  /* of this batch */
        uint64_t n_unreadable;
};

/* ---- work ----------------------------------------------------------------------------------------------------------------- */

static void record_decision(struct recorder *rec, const struct record *record)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        record_format_log(record, &line);
        if (buf_error(&line) == 0)
                logfile_add(&rec->log, record->time_us, line.data);
        if (rec->n_rows++ == 0)
                store_begin(rec->store, clock_realtime_us());
        store_add(rec->store, record);
}

/* `fd` is taken where the line is about it. */
static void take_line(struct recorder *rec, const char *text, size_t n, int *fd)
{
        _cleanup_(feed_deinit) struct feed feed = { .type = FEED_LINE };

        rec->n_lines++;
        if (feed_parse(text, n, &feed) != 0) {
                if (rec->n_unreadable++ == 0)
                        log_error("a line of %zu bytes from the daemon cannot be read; it is lost", n);
                rec->report.n_lost++;
                return;
        }
        switch (feed.type) {
        case FEED_DECISION:
                record_decision(rec, &feed.record);
                return;
        case FEED_LINE:
                logfile_add(&rec->log, feed.time_us, feed.text);
                return;
        case FEED_LOG:
                logfile_flush(&rec->log);
                logfile_set(&rec->log, TAKE_FD(*fd), feed.wants_file);
                return;
        }
}

static void take_datagram(struct recorder *rec, const char *data, size_t n, int fd)
{
        while (n > 0) {
                const char *end = memchr(data, '\n', n);
                size_t length = end ? (size_t)(end - data) : n;

                take_line(rec, data, length, &fd);
                length += end != NULL;
                data += length;
                n -= length;
        }
        if (fd >= 0)
                close(fd);
}

static void describe_problem(struct recorder *rec)
{
        struct feed_report *report = &rec->report;

        if (rec->log.error)
                snprintf(report->problem, sizeof(report->problem), "the decision log is not written: %s", strerror(rec->log.error));
        else
                snprintf(report->problem, sizeof(report->problem), "%s", store_problem(rec->store));
}

/* What the daemon cannot take now goes with the next report. */
static void send_report(struct recorder *rec)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        feed_format_report(&line, &rec->report);
        if (buf_error(&line) == 0 && fdpass_send(SOCKET, line.data, line.n, -1, MSG_DONTWAIT) == 0)
                rec->report = (struct feed_report){ 0 };
}

static void finish_batch(struct recorder *rec)
{
        const uint64_t n_lines = rec->n_lines;
        uint64_t lost = rec->n_rows ? store_commit(rec->store) : 0;

        /* A line that reached neither of the two places is lost once. */
        if (!logfile_flush(&rec->log))
                lost = n_lines;
        rec->report.n_done += n_lines;
        rec->report.n_lost = MIN(rec->report.n_lost + lost, rec->report.n_done);
        describe_problem(rec);
        rec->n_lines = rec->n_rows = 0;
        send_report(rec);
}

/* 1, 0 when nothing is there now, -ENOTCONN at the end, or another negative errno. */
static int receive(struct recorder *rec, int flags)
{
        static char datagram[LIMIT_FEED_DATAGRAM];
        int fd = -1;
        ssize_t n = fdpass_receive(SOCKET, datagram, sizeof(datagram), &fd, flags);

        if (n == -ECONNRESET)
                return 1; /* the daemon left without reading our report; what it sent is still there */
        if (n == -EAGAIN)
                return 0;
        if (n <= 0)
                return n < 0 ? (int)n : -ENOTCONN;
        take_datagram(rec, datagram, (size_t)n, fd);
        return 1;
}

static int serve(struct recorder *rec)
{
        int r;

        for (;;) {
                /* Waits here, and only here, when there is nothing to do. */
                r = recv(SOCKET, NULL, 0, MSG_PEEK) < 0 && errno != EINTR && errno != ECONNRESET ? -errno : 1;
                while (r > 0 && rec->n_lines < BATCH_LINES)
                        r = receive(rec, MSG_DONTWAIT);
                finish_batch(rec);
                if (r < 0)
                        return r == -ENOTCONN ? 0 : r;
        }
}

/* ---- start ------------------------------------------------------------------------------------------------------------------ */

static int give_up_privileges(uid_t uid, gid_t gid)
{
        int r;

        tzset(); /* reads a file that is out of reach below */
        if (chroot(".") < 0 || chdir("/") < 0)
                return -errno;
        r = privs_become(uid, gid);
        return r < 0 ? r : privs_confine(PRIVS_RECORDER, PRIVS_DIE);
}

int main(int argc, char **argv)
{
        const struct store_limits limits = {
                .rows = LIMIT_HISTORY_ROWS, .bytes = LIMIT_HISTORY_BYTES, .age_us = LIMIT_HISTORY_DAYS * DAY_US
        };
        struct recorder rec = { 0 };
        uint64_t uid, gid;
        int r;

        if (argc > 1 && strcmp(argv[1], "--query") == 0)
                return reader_main(argc - 2, argv + 2);
        prctl(PR_SET_NAME, "bastion-record"); /* fifteen bytes at most; started by descriptor, the kernel would call it by its number */
        log_set_journal(getenv("JOURNAL_STREAM") != NULL);
        if (argc != 3 || !str_parse_u64(argv[1], UINT32_MAX - 1, &uid) || !str_parse_u64(argv[2], UINT32_MAX - 1, &gid) || uid == 0) {
                log_error("usage: bastion-recorder UID GID; bastion-daemon starts it");
                return EXIT_USAGE;
        }
        r = give_up_privileges((uid_t)uid, (gid_t)gid);
        if (r < 0) {
                log_error("bastion-recorder: cannot give up privileges: %s", strerror(-r));
                return EXIT_SETUP;
        }
        logfile_init(&rec.log);
        rec.store = store_new(DATABASE, &limits);
        if (!rec.store)
                return EXIT_SETUP;
        send_report(&rec); /* "ready": before, nothing is sent */
        r = serve(&rec);
        if (r < 0)
                log_error("bastion-recorder: %s", strerror(-r));
        store_free(rec.store);
        logfile_set(&rec.log, -1, false);
        buf_deinit(&rec.log.file);
        buf_deinit(&rec.log.journal);
        return r < 0 ? EXIT_SETUP : EXIT_FINE;
}
