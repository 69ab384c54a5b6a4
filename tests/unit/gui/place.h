/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A place with a history and the reader of it. The reader is looked for beside the program that wants it, so such a test runs again as a copy of
 * itself, in a folder that has the reader beside it; argv[1] says where that was built.
 */
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "../unit.h"
#include "core/record.h"
#include "recorder/store.h"

static const int64_t NOW_US = INT64_C(1800000000000000);

static char folder[] = "/tmp/bastion-model.XXXXXX";

/* A decision to be kept. */
struct row {
        uint64_t seq;
        int64_t time_us;
        const char *path, *remote, *host;
        uint16_t port;
        bool deny;
};

static void add_row(struct store *s, const struct row *row)
{
        _cleanup_(subject_unrefp) struct subject *subject = subject_new(SUBJECT_PROGRAM, row->path, "a-comm");
        struct decision decision = { row->deny ? VERDICT_DENY : VERDICT_ALLOW, REASON_LEARNING };
        struct flow flow = flow_to(row->remote, row->port, 6);
        const struct hosts hosts = hosts_one(row->host, HOST_SOURCE_DNS);
        struct record r;

        assert_int_equal(record_init(&r, &decision, subject, &flow, &hosts), 0);
        r.seq = row->seq;
        r.time_us = row->time_us;
        store_add(s, &r);
        record_deinit(&r);
}

/* `add` adds rows to FOLDER/history/history.db. */
static void make_history(void (*add)(struct store *s))
{
        static const struct store_limits limits = { .rows = 1000000, .bytes = 200 << 20, .age_us = UINT64_C(30) * 86400000000 };
        g_autofree char *history = g_build_filename(folder, "history", NULL), *path = g_build_filename(history, "history.db", NULL);
        struct store *s = store_new(path, &limits);

        assert_int_equal(g_mkdir(history, 0700), 0);
        store_begin(s, NOW_US);
        add(s);
        if (store_commit(s) != 0)
                fail_msg("%s", store_problem(s));
        store_free(s);
}

static int remove_place(_unused_ void **state)
{
        const char *const argv[] = { "rm", "-rf", "--", folder, NULL };
        int status = -1;

        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL);
        return status;
}

/* This program again, as FOLDER/gui/test with FOLDER/recorder beside it. */
static int run_copy(char *self, const char *reader)
{
        g_autofree char *gui = NULL, *recorder = NULL, *copy = NULL, *link = NULL;
        const char *const argv[] = { "cp", "--", self, NULL, NULL };
        int status = -1;

        if (!mkdtemp(folder))
                return 1;
        gui = g_build_filename(folder, "gui", NULL);
        recorder = g_build_filename(folder, "recorder", NULL);
        copy = g_build_filename(gui, "test", NULL);
        link = g_build_filename(recorder, "bastion-recorder", NULL);
        if (g_mkdir(gui, 0700) < 0 || g_mkdir(recorder, 0700) < 0 || symlink(reader, link) < 0)
                return 1;
        ((const char **)argv)[3] = copy;
        if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL) || status != 0)
                return 1;
        g_setenv("BASTION_TEST_PLACE", folder, TRUE);
        execl(copy, copy, NULL);
        return 1;
}

/* What main() does. */
static int run_in_place(int argc, char **argv, int (*run)(void))
{
        const char *place = g_getenv("BASTION_TEST_PLACE");

        if (!place)
                return argc > 1 ? run_copy(argv[0], argv[1]) : 2;
        g_strlcpy(folder, place, sizeof(folder));
        return run();
}
