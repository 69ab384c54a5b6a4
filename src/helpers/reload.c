/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Refuses to know: what the files mean (the parsers are the daemon's own) and where else a daemon could run: the
 * directories are the system's, because a privileged program that takes directories from its caller can be made to write anywhere.
 */
#include "helpers/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "sys/files.h"
#include "sys/listener.h"

static const char ETC[] = "/etc/bastion/";
static const char LOCK[] = "/run/bastion/bastion-daemon.lock";
static const char DAEMON[] = "bastion-daemon";

bool reload_is_configuration(const char *path)
{
        if (!str_has_prefix(path, ETC))
                return false;
        for (path += strlen(ETC) - 1; *path; path += strcspn(path, "/")) {
                size_t n = strcspn(++path, "/");

                if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
        }
        return true;
}

/* The directory is held open from reading to removing: a caller who exchanges it meanwhile cannot have us remove another file. */
struct source {
        const char *path, *name;
        int directory;
        char *data;
        size_t n;
};

static void source_close(struct source *s)
{
        if (s->directory >= 0)
                close(s->directory);
        free(s->data);
}

static int source_read(struct source *s, const char *path, size_t max)
{
        _cleanup_(freep) char *directory = NULL;

        s->path = path;
        s->name = str_basename(path);
        directory = s->name > path ? strndup(path, (size_t)(s->name - path)) : strdup(".");
        if (!directory)
                return -ENOMEM;
        s->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->directory < 0)
                return -errno;
        return files_read_at(s->directory, s->name, max, &s->data, &s->n);
}

static const char *words_of(int error)
{
        return error == -ELOOP  ? "it is a symbolic link" :
               error == -EINVAL ? "it is no regular file" :
               error == -EFBIG  ? "it is too large" :
                                  strerror(-error);
}

static int validate(const struct reload *r, const struct source *s)
{
        struct file_error error = { 0 };
        int e = r->check(s->data, s->n, &error);

        if (e == 0)
                return RELOAD_FINE;
        if (e < 0) {
                fprintf(stderr, "%s: %s: %s\n", r->program, s->path, strerror(-e));
                return RELOAD_NO_DAEMON;
        }
        fprintf(stderr, "%s:%u:%u: %s\n", s->path, error.line, error.column, error.text);
        return RELOAD_INPUT;
}

static int tell_daemon(const struct reload *r)
{
        int e = lock_signal(LOCK, DAEMON, SIGHUP);

        if (e == 0 || !r->needs_daemon)
                return RELOAD_FINE;
        if (e == -ESRCH)
                fprintf(stderr, "%s: no daemon runs; the file is in place and will be read when one starts\n", r->program);
        else
                fprintf(stderr, "%s: the file is in place, but the daemon cannot be told: %s\n", r->program, strerror(-e));
        return RELOAD_NO_DAEMON;
}

static int put_in_place(const struct reload *r, const char *target, struct source *s)
{
        int e = files_replace(target, s->data, s->n, 0644);

        if (e < 0) {
                fprintf(stderr, "%s: cannot write %s: %s\n", r->program, target, words_of(e));
                return RELOAD_NO_DAEMON;
        }
        if (unlinkat(s->directory, s->name, 0) < 0)
                fprintf(stderr, "%s: %s is in place, but %s cannot be removed: %s\n", r->program, target, s->path, strerror(errno));
        return tell_daemon(r);
}

static int run(const struct reload *r, const char *tmp, const char *target)
{
        _cleanup_(source_close) struct source s = { .directory = -1 };
        int e;

        e = source_read(&s, tmp, r->max);
        if (e < 0) {
                fprintf(stderr, "%s: cannot read %s: %s\n", r->program, tmp, words_of(e));
                return RELOAD_INPUT;
        }
        e = validate(r, &s);
        return e == RELOAD_FINE ? put_in_place(r, target, &s) : e;
}

int reload_main(const struct reload *r, int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "--help") == 0) {
                printf("Usage: %s TMP TARGET\nValidates TMP and puts it in the place of TARGET (%s), then has the daemon read it.\n", r->program,
                       r->target_words);
                return RELOAD_FINE;
        }
        if (argc != 3) {
                fprintf(stderr, "Usage: %s TMP TARGET\n", r->program);
                return RELOAD_INPUT;
        }
        if (geteuid() != 0) {
                fprintf(stderr, "%s: for root only\n", r->program);
                return RELOAD_NOT_PERMITTED;
        }
        if (!r->target_is_ours(argv[2])) {
                fprintf(stderr, "%s: %s: expected %s\n", r->program, argv[2], r->target_words);
                return RELOAD_INPUT;
        }
        umask(022);
        return run(r, argv[1], argv[2]);
}
