/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A terminal left in raw mode is a broken terminal, so restoring hangs on every way out: atexit(), the
 * signals that end a program (caught, noted, and acted on by the loop), and the ones that mean a bug
 * (restored in the handler, then raised again). Signals are blocked except inside ppoll(): between a look at
 * the flags and the wait none can be lost.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "cli/term.h"

const struct style style_plain = {"", "", "", "", "", "", ""};
static const struct style style_colour = {
        .bold = "\x1b[1m",
        .dim = "\x1b[2m",
        .red = "\x1b[31m",
        .green = "\x1b[32m",
        .yellow = "\x1b[33m",
        .cyan = "\x1b[36m",
        .reset = "\x1b[0m",
};

static struct termios saved;
static volatile sig_atomic_t is_raw, leave_seen, resize_seen, stop_seen;
static sigset_t outside; /* the mask before term_catch_signals(): what ppoll() waits with */

const struct style *term_style(int fd)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        if (!isatty(fd) || (no_color && *no_color) || !term || strcmp(term, "dumb") == 0)
                return &style_plain;
        return &style_colour;
}

void term_size(int fd, unsigned *ret_columns, unsigned *ret_rows)
{
        struct winsize size = {0};

        if (ioctl(fd, TIOCGWINSZ, &size) < 0)
                size = (struct winsize){0};
        *ret_columns = size.ws_col > 0 ? size.ws_col : 80;
        *ret_rows = size.ws_row > 0 ? size.ws_row : 24;
}

/* Async-signal-safe: tcsetattr() and write() only. */
void term_restore(void)
{
        static const char show_cursor[] = "\x1b[0m\x1b[?25h";

        if (!is_raw)
                return;
        is_raw = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
        if (write(STDOUT_FILENO, show_cursor, sizeof(show_cursor) - 1) < 0)
                return; /* the terminal is gone: nothing left to restore */
}

static void on_crash(int signal_number)
{
        term_restore();
        signal(signal_number, SIG_DFL);
        raise(signal_number);
}

static void on_signal(int signal_number)
{
        switch (signal_number) {
        case SIGWINCH:
                resize_seen = 1;
                break;
        case SIGTSTP:
                stop_seen = 1;
                break;
        default:
                leave_seen = 1;
        }
}

static const int wish_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

void term_catch_signals(void)
{
        struct sigaction action = {.sa_handler = on_signal};
        sigset_t ours;

        sigemptyset(&ours);
        for (size_t i = 0; i < ARRAY_SIZE(wish_signals); i++) {
                sigaction(wish_signals[i], &action, NULL);
                sigaddset(&ours, wish_signals[i]);
        }
        sigprocmask(SIG_BLOCK, &ours, &outside);
        for (size_t i = 0; i < ARRAY_SIZE(wish_signals); i++)
                sigdelset(&outside, wish_signals[i]);
}

static int enter_raw(void)
{
        struct termios raw = saved;

        raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
                return -errno;
        is_raw = 1;
        return 0;
}

int term_raw(void)
{
        struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

        if (tcgetattr(STDIN_FILENO, &saved) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(crash_signals); i++)
                sigaction(crash_signals[i], &crash, NULL);
        atexit(term_restore);
        return enter_raw();
}

/* Ctrl-Z: the shell gets its terminal as it was, and we ours when we are continued. */
static int stop_here(void)
{
        bool was_raw = is_raw;

        term_restore();
        raise(SIGSTOP);
        return was_raw ? enter_raw() : 0;
}

int term_poll(struct pollfd *fds, size_t n, int timeout_ms, unsigned *ret_wishes)
{
        struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
        unsigned wishes = 0;
        int r;

        r = ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, &outside);
        if (r < 0 && errno != EINTR)
                return -errno;
        if (r < 0) {
                for (size_t i = 0; i < n; i++)
                        fds[i].revents = 0;
                r = 0;
        }
        if (stop_seen) {
                int k;

                stop_seen = 0;
                k = stop_here();
                if (k < 0)
                        return k;
                wishes |= TERM_WISH_RESIZE;
        }
        if (resize_seen) {
                resize_seen = 0;
                wishes |= TERM_WISH_RESIZE;
        }
        if (leave_seen)
                wishes |= TERM_WISH_LEAVE;
        *ret_wishes = wishes;
        return r;
}
