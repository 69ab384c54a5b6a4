/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/list-files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/hostlist.h"

void list_files_deinit(struct list_files *l)
{
        for (unsigned i = 0; i < l->sets.n; i++)
                hostset_free(l->owned[i]);
        l->sets.n = 0;
}

/* 0, a negative errno or HOSTLIST_E_…. */
static int read_list(FILE *file, struct hostset **ret)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(0);
        struct hostlist_skipped skipped;
        size_t n, left = LIMIT_LIST_FILE;
        char piece[16384];
        int r = list ? 0 : -ENOMEM;

        while (r == 0 && (n = fread(piece, 1, sizeof(piece), file)) > 0) {
                r = n > left ? -EFBIG : hostlist_feed(list, piece, n);
                left -= MIN(n, left);
        }
        if (r == 0 && ferror(file))
                r = -EIO;
        return r == 0 ? hostlist_finish(list, ret, &skipped) : r;
}

static int read_path(const char *path, struct hostset **ret)
{
        FILE *file = fopen(path, "rbe");
        int r;

        if (!file)
                return -errno;
        r = read_list(file, ret);
        fclose(file);
        return r;
}

static void tell_unread(const char *path, int error, list_files_unread_fn unread, void *userdata)
{
        char words[128];

        if (error > 0)
                snprintf(words, sizeof(words), "%s", hostlist_error_words(error));
        else
                snprintf(words, sizeof(words), "it cannot be read: %s", error == -EFBIG ? "it is too large" : strerror(-error));
        unread(userdata, path, error, words);
}

static void load(const char *path, struct list_files *lists, list_files_unread_fn unread, void *userdata)
{
        struct hostsets *sets = &lists->sets;
        int r;

        if (hostsets_find(sets, path))
                return;
        if (sets->n == LIMIT_LISTS) {
                unread(userdata, path, -E2BIG, "the rules speak of more lists than there may be");
                return;
        }
        r = read_path(path, &lists->owned[sets->n]);
        if (r != 0) {
                tell_unread(path, r, unread, userdata);
                return;
        }
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
