/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "cli/cli.h"
#include "cli/daemon-program.h"
#include "cli/history.h"
#include "wire/search.h"

enum { LINE_BYTES = 2 * LIMIT_FEED_DATAGRAM };

struct reading {
        history_fn each;
        void *userdata;
        struct buf input; /* not taken yet */
        bool ended;       /* `each` has enough */
};

static int end_reading(const char *what, int error)
{
        cli_error("cannot search history: %s: %s", what, strerror(error));
        return -error;
}

/* In the new process. */
static _Noreturn void become_reader(int fd, const char *folder, uint64_t limit, char *const *words, size_t n_words)
{
        _cleanup_(freep) char **argv = calloc(n_words + 5, sizeof(*argv));
        char number[24];

        snprintf(number, sizeof(number), "%llu", (unsigned long long)limit);
        if (argv && dup2(fd, STDOUT_FILENO) >= 0) {
                argv[1] = (char *)"--query";
                argv[2] = (char *)folder;
                argv[3] = number;
                for (size_t i = 0; i < n_words; i++)
                        argv[4 + i] = words[i];
                recorder_program_exec(argv);
        } else {
                end_reading("a new process", argv ? errno : ENOMEM);
        }
        _exit(SEARCH_EXIT_FAILED);
}

static int take_line(struct reading *r, const char *line, size_t n)
{
        _cleanup_(event_freep) struct event *event = NULL;
        int e = event_parse(line, n, &event);

        if (e == 0 && (event->type != EVENT_DECISION || event->n_records != 1))
                e = 1;
        if (e != 0)
                return end_reading("the reader's line", e < 0 ? -e : EPROTO);
        r->ended = !r->each(&event->records[0], r->userdata);
        return 0;
}

static int take_lines(struct reading *r)
{
        const char *at = r->input.data, *end;
        size_t left = r->input.n;
        int e = 0;

        while (e == 0 && !r->ended && left > 0 && (end = memchr(at, '\n', left))) {
                e = take_line(r, at, (size_t)(end - at));
                left -= (size_t)(end - at) + 1;
                at = end + 1;
        }
        buf_consume(&r->input, r->input.n - left);
        if (e == 0 && left > LINE_BYTES)
                e = end_reading("the reader's line", EPROTO);
        return e;
}

/* 0 or a negative errno with words. */
static int read_all(struct reading *r, int fd)
{
        char data[16 << 10];
        int e = 0;

        while (e == 0 && !r->ended) {
                ssize_t n = read(fd, data, sizeof(data));

                if (n == 0)
                        break;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return end_reading("the reader's pipe", errno);
                buf_append(&r->input, data, (size_t)n);
                e = buf_error(&r->input) ? end_reading("a line", ENOMEM) : take_lines(r);
        }
        return e;
}

/* What became of the process. One that we left early has died of its pipe. */
static enum history_result result_of(pid_t pid, bool ended)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR) {
                        end_reading("waiting for the reader", errno);
                        return HISTORY_FAILED;
                }
        if (ended)
                return HISTORY_FINE;
        if (!WIFEXITED(status)) {
                cli_error("cannot search history: its reader died of signal %d", WTERMSIG(status));
                return HISTORY_FAILED;
        }
        switch (WEXITSTATUS(status)) {
        case SEARCH_EXIT_FINE:
                return HISTORY_FINE;
        case SEARCH_EXIT_MISSING:
                return HISTORY_MISSING;
        case SEARCH_EXIT_DENIED:
                return HISTORY_DENIED;
        default:
                return HISTORY_FAILED;
        }
}

enum history_result history_search(const char *folder, uint64_t limit, char *const *words, size_t n_words, history_fn each, void *userdata)
{
        struct reading r = {.each = each, .userdata = userdata};
        enum history_result result;
        int pipe_fds[2], e;
        pid_t pid;

        fflush(stdout); /* or the new process would write it once more */
        if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
                end_reading("a pipe", errno);
                return HISTORY_FAILED;
        }
        pid = fork();
        if (pid == 0)
                become_reader(pipe_fds[1], folder, limit, words, n_words);
        close(pipe_fds[1]);
        e = pid < 0 ? end_reading("a new process", errno) : read_all(&r, pipe_fds[0]);
        close(pipe_fds[0]);
        buf_deinit(&r.input);
        if (pid < 0)
                return HISTORY_FAILED;
        result = result_of(pid, r.ended || e < 0);
        return e < 0 ? HISTORY_FAILED : result;
}
