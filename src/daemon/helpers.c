/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's ends of its helpers: lines to the recorder, probes to the parser. Neither is ever waited for.
 *
 * Lines gather for a tenth of a second, those of decisions as records that are not put into words yet (history.c), then go out as datagrams from
 * `queue`; what the recorder does not take stays until its socket has room. The recorder says how many it dealt with. What it took and did not
 * report when it died, and what finds the queue full, is counted as lost. While there is no recorder lines wait in the queue for the next one.
 *
 * What helpers send is parsed like anybody's bytes, a few datagrams a turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "wire/feed.h"
#include "wire/probe.h"

enum { GATHER_US = 100000, ENOUGH = 48 << 10, READS_A_TURN = 16, FLUSH_MS = 1000, END_MS = 3000 };

static const int SEND_BUFFER = 1 << 20;
static const char PROBE_TEXT[] = "are you there?";

/* One helper's socket. */
struct line {
        int fd; /* -1: none */
        sd_event_source *source;
};

struct helpers {
        struct daemon *d;
        sd_event_source *nursery, *gather;
        bool gathering, due; /* a line waits for the timer; for history.c, which the timer woke */

        struct line recorder;
        bool recorder_ready;   /* it has sent its first report: before, it might never come to read a line */
        struct buf queue;      /* whole lines */
        size_t sent;           /* of the queue, already */
        bool blocked;          /* the socket is full; the loop tells when it is not */
        uint64_t n_queued, n_unreported, n_lost;
        char problem[256];     /* the recorder's words, or why there is none */
        int log_fd;            /* kept for the next recorder */
        bool log_wanted, log_untold;

        struct line parser;
        uint32_t probe_id;
        uint64_t probe_sent_us, probe_took_us; /* took: 0 while it has not been answered */
};

static void drop_line(struct line *l)
{
        l->source = sd_event_source_disable_unref(l->source);
        if (l->fd >= 0)
                close(l->fd);
        l->fd = -1;
}

/* ---- to the recorder ---------------------------------------------------------------------------------------------------------- */

static uint64_t count_lines(const char *data, size_t n)
{
        uint64_t lines = 0;

        for (const char *at = data; (at = memchr(at, '\n', n - (size_t)(at - data))); at++)
                lines++;
        return lines;
}

/* How much of the queue is the next datagram: whole lines. */
static size_t next_datagram(const struct helpers *h)
{
        const char *start = h->queue.data + h->sent;
        const char *end = memrchr(start, '\n', MIN(h->queue.n - h->sent, (size_t)LIMIT_FEED_DATAGRAM));

        return end ? (size_t)(end - start) + 1 : 0; /* no line is longer than a datagram */
}

/* An empty queue gives its memory back: it was large in a flood only. */
static void forget_sent(struct helpers *h)
{
        if (h->sent == h->queue.n) {
                buf_deinit(&h->queue);
                h->queue.max = LIMIT_FEED;
                h->sent = 0;
        } else if (h->sent > h->queue.n / 2) {
                buf_consume(&h->queue, h->sent);
                h->sent = 0;
        }
}

static int tell_log(struct helpers *h)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };
        int r;

        feed_format_log(&line, h->log_wanted);
        r = buf_error(&line) < 0 ? buf_error(&line) : fdpass_send(h->recorder.fd, line.data, line.n, h->log_fd, MSG_DONTWAIT);
        if (r == 0) {
                h->log_untold = false;
                h->n_unreported++;
        }
        return r;
}

/* Sends until the queue is empty (0) or the socket is full or gone (negative errno). */
static int send_queue(struct helpers *h)
{
        int r = 0;

        if (h->recorder.fd < 0 || !h->recorder_ready)
                return -ENOTCONN;
        if (h->log_untold)
                r = tell_log(h);
        while (r == 0 && h->sent < h->queue.n) {
                const char *start = h->queue.data + h->sent;
                const size_t n = next_datagram(h);
                const uint64_t lines = count_lines(start, n);

                r = fdpass_send(h->recorder.fd, start, n, -1, MSG_DONTWAIT);
                if (r < 0)
                        break;
                h->n_unreported += lines;
                h->n_queued -= lines;
                h->sent += n;
        }
        forget_sent(h);
        return r;
}

/* A recorder that is gone is noticed where its socket is read. */
static void flush_queue(struct helpers *h)
{
        h->blocked = send_queue(h) == -EAGAIN;
        if (h->recorder.source)
                sd_event_source_set_io_events(h->recorder.source, h->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int on_gathered(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct helpers *h = userdata;

        h->due = true;
        history_tell_soon(h->d);
        return 0;
}

void helpers_on_told(struct daemon *d)
{
        struct helpers *h = d->helpers;

        if (!h->due)
                return;
        h->due = h->gathering = false;
        if (!h->blocked)
                flush_queue(h);
}

void helpers_gather(struct daemon *d)
{
        struct helpers *h = d->helpers;

        if (h->gathering || sd_event_source_set_time_relative(h->gather, GATHER_US) < 0)
                return;
        sd_event_source_set_enabled(h->gather, SD_EVENT_ONESHOT);
        h->gathering = true;
}

void helpers_record(struct daemon *d, const struct buf *line)
{
        struct helpers *h = d->helpers;

        if (buf_error(line) < 0 || line->n > LIMIT_FEED_DATAGRAM || h->queue.n + line->n > LIMIT_FEED) {
                h->n_lost++;
                return;
        }
        buf_append(&h->queue, line->data, line->n);
        if (buf_error(&h->queue) < 0) { /* no memory; what it held is intact, but the error would stick */
                h->queue.error = 0;
                h->n_lost++;
                return;
        }
        h->n_queued++;
        if (h->queue.n >= ENOUGH && h->recorder_ready && !h->blocked)
                flush_queue(h);
        else
                helpers_gather(d);
}

int helpers_set_log(struct daemon *d, const char *path)
{
        struct helpers *h = d->helpers;
        int r = 0;

        if (h->log_fd >= 0)
                close(h->log_fd);
        h->log_fd = -1;
        h->log_wanted = path && *path;
        if (h->log_wanted) {
                h->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
                r = h->log_fd < 0 ? -errno : 0;
        }
        h->log_untold = true;
        flush_queue(h);
        return r;
}

/* ---- from the recorder -------------------------------------------------------------------------------------------------------- */

static void lose_recorder(struct helpers *h, const char *why)
{
        drop_line(&h->recorder);
        h->recorder_ready = h->blocked = false;
        h->n_lost += h->n_unreported;
        if (h->n_unreported > 0)
                log_warn("the recorder has gone (%s): what became of %" PRIu64 " lines is not known", why, h->n_unreported);
        h->n_unreported = 0;
        snprintf(h->problem, sizeof(h->problem), "there is no recorder now: %s", why);
}

static void take_report(struct helpers *h, const char *data, size_t n)
{
        struct feed_report report;

        if (feed_parse_report(data, n, &report) != 0 || report.n_done > h->n_unreported) {
                lose_recorder(h, "it sent what is no report");
                return;
        }
        h->n_unreported -= report.n_done;
        h->n_lost += report.n_lost;
        if (strcmp(h->problem, report.problem) != 0 && report.problem[0])
                log_warn("%s; decisions go on", report.problem);
        memcpy(h->problem, report.problem, sizeof(h->problem));
        if (!h->recorder_ready) {
                h->recorder_ready = true;
                flush_queue(h);
        }
}

static int on_recorder(_unused_ sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct helpers *h = userdata;
        char report[LIMIT_FEED_REPORT];

        for (int i = 0; i < READS_A_TURN && h->recorder.fd == fd; i++) {
                ssize_t n = recv(fd, report, sizeof(report), MSG_DONTWAIT | MSG_TRUNC);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n <= 0)
                        lose_recorder(h, n == 0 ? "it ended" : strerror(errno));
                else
                        take_report(h, report, MIN((size_t)n, sizeof(report))); /* one that was cut is no report */
        }
        if ((events & EPOLLOUT) && h->recorder.fd == fd)
                flush_queue(h);
        return 0;
}

/* ---- the parser --------------------------------------------------------------------------------------------------------------- */

static void send_probe(struct helpers *h)
{
        uint8_t request[PROBE_HEADER + LIMIT_PROBE_BYTES];
        const struct probe probe = {
                .id = ++h->probe_id, .kind = PROBE_ECHO_CHECK, .data = (const uint8_t *)PROBE_TEXT, .n = sizeof(PROBE_TEXT)
        };
        size_t n = probe_format(&probe, request);

        h->probe_sent_us = clock_monotonic_us();
        h->probe_took_us = 0;
        if (fdpass_send(h->parser.fd, request, n, -1, MSG_DONTWAIT) < 0)
                log_debug("the parser takes no probe");
}

static void take_answer(struct helpers *h, const uint8_t *data, size_t n)
{
        struct probe answer;
        bool parsed = probe_parse(data, n, &answer) == 0;

        if (parsed && answer.kind == PROBE_DNS && h->d->naming) {
                naming_on_parsed(h->d, &answer);
                return;
        }
        if (!parsed || answer.id != h->probe_id || answer.n != sizeof(PROBE_TEXT) ||
            memcmp(answer.data, PROBE_TEXT, sizeof(PROBE_TEXT)) != 0) {
                log_warn("the parser sent what was not asked for: ignored");
                return;
        }
        if (h->probe_took_us == 0)
                h->probe_took_us = MAX(clock_monotonic_us() - h->probe_sent_us, UINT64_C(1));
}

static void lose_parser(struct helpers *h)
{
        drop_line(&h->parser);
        naming_on_parser_gone(h->d);
}

int helpers_parse(struct daemon *d, const struct probe *request)
{
        uint8_t datagram[PROBE_HEADER + LIMIT_PROBE_BYTES];
        size_t n = probe_format(request, datagram);

        if (n == 0)
                return -E2BIG;
        return d->helpers->parser.fd < 0 ? -ENOTCONN : fdpass_send(d->helpers->parser.fd, datagram, n, -1, MSG_DONTWAIT);
}

static int on_parser(_unused_ sd_event_source *source, int fd, _unused_ uint32_t events, void *userdata)
{
        uint8_t answer[PROBE_HEADER + LIMIT_PROBE_BYTES + 1];
        struct helpers *h = userdata;

        for (int i = 0; i < READS_A_TURN && h->parser.fd == fd; i++) {
                ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n <= 0)
                        lose_parser(h);
                else
                        take_answer(h, answer, (size_t)n);
        }
        return 0;
}

enum check_level helpers_check_parser(struct daemon *d, char *ret, size_t size)
{
        struct helpers *h = d->helpers;

        if (h->parser.fd < 0) {
                snprintf(ret, size, "does not run");
                return CHECK_WARNING;
        }
        if (h->probe_took_us == 0) {
                snprintf(ret, size, "has not answered for %" PRIu64 " ms", (clock_monotonic_us() - h->probe_sent_us) / 1000);
                return CHECK_WARNING;
        }
        snprintf(ret, size, "answered its last probe in %" PRIu64 " microseconds", h->probe_took_us);
        send_probe(h); /* for whoever asks next: nobody waits here */
        return CHECK_OK;
}

enum check_level helpers_check_recorder(struct daemon *d, char *ret, size_t size)
{
        struct helpers *h = d->helpers;

        if (h->problem[0] || h->recorder.fd < 0) {
                snprintf(ret, size, "%s", h->problem[0] ? h->problem : "does not run");
                return CHECK_WARNING;
        }
        snprintf(ret, size, "runs; %" PRIu64 " lines wait, %" PRIu64 " were lost", h->n_queued + h->n_unreported, h->n_lost);
        return h->n_lost ? CHECK_WARNING : CHECK_OK;
}

/* ---- coming and going ----------------------------------------------------------------------------------------------------------- */

static void take_helper(struct helpers *h, enum helper helper, int fd)
{
        struct line *line = helper == HELPER_RECORDER ? &h->recorder : &h->parser;
        int r;

        if (helper == HELPER_RECORDER && line->fd >= 0)
                lose_recorder(h, "another took its place");
        drop_line(line);
        if (helper == HELPER_PARSER)
                naming_on_parser_gone(h->d);
        r = sd_event_add_io(h->d->loop, &line->source, fd, EPOLLIN, helper == HELPER_RECORDER ? on_recorder : on_parser, h);
        if (r < 0) {
                log_error("cannot serve a helper: %s", strerror(-r));
                close(fd);
                return;
        }
        line->fd = fd;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &SEND_BUFFER, sizeof(SEND_BUFFER)); /* a smaller one only fills sooner */
        if (helper == HELPER_PARSER) {
                send_probe(h);
                return;
        }
        h->log_untold = true;
}

static int on_nursery(sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct helpers *h = userdata;
        enum helper helper;
        int r, got = -1;

        while ((r = nursery_receive(&h->d->nursery, &helper, &got)) == 1)
                take_helper(h, helper, got);
        if (r < 0) {
                log_error("the nursery has ended (%s): helpers that end are not started again; verdicts go on", strerror(-r));
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        return 0;
}

/* The recorder's own folder in the state directory; nothing of ours is in it. Its group may enter: people who may read history, and the nursery,
 * which has no more rights than others when its capabilities are gone. */
static int open_history(const struct daemon *d)
{
        char path[PATH_MAX];
        struct stat st;
        int fd, r;

        snprintf(path, sizeof(path), "%s/" HELPERS_HISTORY, d->options.state);
        if (mkdir(path, 0710) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) == 0 && st.st_uid == d->nursery.uid && st.st_gid == d->nursery.readers && (st.st_mode & 07777) == 0710)
                return fd;
        if (fchmod(fd, 0710) < 0 || fchown(fd, d->nursery.uid, d->nursery.readers) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

static int begin_nursery(struct helpers *h)
{
        struct daemon *d = h->d;
        int history, r;

        r = sd_event_add_io(d->loop, &h->nursery, d->nursery.fd, EPOLLIN, on_nursery, h);
        if (r < 0)
                return r;
        history = open_history(d);
        if (history < 0) {
                snprintf(h->problem, sizeof(h->problem), "no recorder: the folder %s/history: %s", d->options.state, strerror(-history));
                log_error("%s; decisions go on, they are not kept", h->problem);
        }
        r = nursery_begin(&d->nursery, history);
        if (history >= 0)
                close(history);
        return r;
}

int helpers_start(struct daemon *d)
{
        struct helpers *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        *h = (struct helpers){ .d = d, .recorder.fd = -1, .parser.fd = -1, .log_fd = -1, .queue.max = LIMIT_FEED };
        d->helpers = h;
        r = sd_event_add_time(d->loop, &h->gather, CLOCK_MONOTONIC, 0, GATHER_US / 4, on_gathered, h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->gather, SD_EVENT_OFF);
        if (r < 0)
                return r;
        if (d->nursery.fd < 0) {
                snprintf(h->problem, sizeof(h->problem), "there is no recorder: the helpers could not be started");
                return 0;
        }
        return begin_nursery(h);
}

/* The daemon's last words: the only place that waits for the recorder, and not for long. */
static void send_last(struct helpers *h)
{
        const uint64_t until = clock_monotonic_us() + FLUSH_MS * UINT64_C(1000);
        struct pollfd p = { .fd = h->recorder.fd, .events = POLLOUT };

        while (send_queue(h) == -EAGAIN && clock_monotonic_us() < until)
                poll(&p, 1, FLUSH_MS / 10);
        if (h->n_queued > 0)
                log_warn("%" PRIu64 " lines did not reach the recorder", h->n_queued);
}

void helpers_stop(struct daemon *d)
{
        struct helpers *h = d->helpers;

        nursery_dismiss(&d->nursery);
        if (h) {
                if (h->recorder.fd >= 0)
                        send_last(h);
                drop_line(&h->recorder);
                drop_line(&h->parser);
                sd_event_source_disable_unref(h->nursery);
                sd_event_source_disable_unref(h->gather);
                if (h->log_fd >= 0)
                        close(h->log_fd);
                buf_deinit(&h->queue);
                free(h);
                d->helpers = NULL;
        }
        nursery_end(&d->nursery, END_MS);
}

uint64_t helpers_lost(const struct daemon *d)
{
        return d->helpers->n_lost;
}

const char *helpers_problem(const struct daemon *d)
{
        return d->helpers->problem;
}
