/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/list-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/hostlist.h"

void list_files_deinit(struct list_files *l)
{
        for (unsigned i = 0; i < l->sets.n; i++)
                hostset_free(l->owned[i]);
        l->sets.n = 0;
}

/* 0, a negative errno or HOSTLIST_E_…. */
static int read_open(int fd, struct hostset **ret)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(0);
        struct hostlist_skipped skipped;
        size_t left = LIMIT_LIST_FILE;
        char piece[16384];
        ssize_t n = 1;
        int r = list ? 0 : -ENOMEM;

        while (r == 0 && n > 0) {
                n = read(fd, piece, sizeof(piece));
                if (n < 0)
                        return -errno;
                r = (size_t)n > left ? -EFBIG : hostlist_feed(list, piece, (size_t)n);
                left -= MIN((size_t)n, left);
        }
        return r == 0 ? hostlist_finish(list, ret, &skipped) : r;
}

/* What is no file is none for the daemon either; a FIFO would be waited for. */
static int read_path(const char *path, struct hostset **ret)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
        struct stat st;

        if (fd < 0)
                return -errno;
        r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? read_open(fd, ret) : -EINVAL;
        close(fd);
        return r;
}

static const char *reading_words(int error)
{
        switch (error) {
        case -EFBIG:
                return "it is too large";
        case -EINVAL:
                return "it is no regular file";
        default:
                return strerror(-error);
        }
}

static void tell_unread(const char *path, int error, list_files_unread_fn unread, void *userdata)
{
        char words[128];

        if (error > 0)
                snprintf(words, sizeof(words), "%s", hostlist_error_words(error));
        else
                snprintf(words, sizeof(words), "it cannot be read: %s", reading_words(error));
        unread(userdata, path, error, words);
}

static bool is_loaded(const struct hostsets *sets, const char *path)
{
        for (unsigned i = 0; i < sets->n; i++)
                if (strcmp(sets->of[i].path, path) == 0)
                        return true;
        return false;
}

/* One that cannot be read has its place too, without a set: it is told once, and counts as it does for the daemon. */
static void load(const char *path, struct list_files *lists, list_files_unread_fn unread, void *userdata)
{
        struct hostsets *sets = &lists->sets;
        int r;

        if (is_loaded(sets, path))
                return;
        if (sets->n == LIMIT_LISTS) {
                unread(userdata, path, -E2BIG, "the rules speak of more lists than there may be");
                return;
        }
        r = read_path(path, &lists->owned[sets->n]);
        if (r != 0)
                tell_unread(path, r, unread, userdata);
        sets->of[sets->n].path = path;
        sets->of[sets->n].set = lists->owned[sets->n];
        sets->n++;
}

void list_files_load(const struct ruleset *rules, struct list_files *ret, list_files_unread_fn unread, void *userdata)
{
        for (const struct rule *rule = ruleset_next(rules, NULL); rule; rule = ruleset_next(rules, rule)) {
                const struct criterion *c = rule_criterion(rule, CRITERION_LIST);

                for (unsigned i = 0; c && i < c->n; i++)
                        load(criterion_values(c)[i].text, ret, unread, userdata);
        }
}
