/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal of the rules (wire/journal.h) as the daemon keeps it: in memory, and in the state directory by the saver, a line at the end for each
 * change. A line is handed over before the rules.json that it is about, and the saver writes them in that order: what was told to be saved is
 * in the journal too. A daemon that is killed between the two leaves a line about a change that nobody was told of and that is not in force; that
 * one cannot be undone. A line that cannot be written, or was not finished by a daemon that was killed, costs nothing but itself: the whole is
 * written anew. Answers for a session and the end of a rule's time are no changes that somebody made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/procread.h"

static const char *const FILE_NAME = "rules.journal";
static const char *const ASIDE = "rules.journal.aside";

enum { FILE_MAX = LIMIT_JOURNAL_BYTES + LIMIT_JOURNAL_LINE };

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

static void write_whole(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };
        char path[PATH_MAX];
        size_t n;
        int64_t ticket = -ENOMEM;

        policy_path(path, d->options.state, FILE_NAME);
        journal_format(&d->journal, &text);
        n = text.n;
        if (buf_error(&text) == 0)
                ticket = saver_replace(d->saver, path, n > 0 ? buf_take(&text) : strdup(""), n, 0600);
        if (ticket < 0)
                log_error("cannot write %s: %s; tried again with the next change", path, strerror((int)-ticket));
        d->journal_unsaved = ticket < 0;
}

/* The last line of what is kept is not in the file yet. */
static void write_last(struct daemon *d)
{
        const struct journal_line *line = &d->journal.lines[d->journal.n - 1];
        char path[PATH_MAX];
        int64_t ticket;

        policy_path(path, d->options.state, FILE_NAME);
        ticket = saver_append(d->saver, path, line->text, line->n, 0600);
        if (ticket < 0) {
                log_error("cannot write %s: %s; tried again with the next change", path, strerror((int)-ticket));
                d->journal_unsaved = true;
        }
}

bool journal_on_saved(struct daemon *d, const char *path, int error)
{
        char own[PATH_MAX];

        policy_path(own, d->options.state, FILE_NAME);
        if (strcmp(path, own) != 0)
                return false;
        if (error < 0 && !d->journal_unsaved) {
                log_error("cannot write %s: %s; tried again with the next change", path, strerror(-error));
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s: %s; changes of rules cannot be undone after a restart", path, strerror(-error));
        }
        d->journal_unsaved = error < 0;
        return true;
}

void journal_stop(struct daemon *d)
{
        if (d->saver && d->journal_unsaved)
                write_whole(d);
        journal_deinit(&d->journal);
}

/* What is no journal of ours, or too large for one, is kept beside. */
static void put_aside(struct daemon *d, const char *path, int error)
{
        char aside[PATH_MAX];

        policy_path(aside, d->options.state, ASIDE);
        log_error("cannot read %s: %s; it is moved to %s, and a new one begins", path, strerror(-error), aside);
        if (rename(path, aside) < 0)
                log_error("cannot move it: %m");
}

int journal_start(struct daemon *d)
{
        _cleanup_(freep) char *text = NULL;
        struct journal_damage damage = { 0 };
        struct file_stamp ignored;
        char path[PATH_MAX], good[PATH_MAX];
        size_t n = 0;
        int r;

        policy_path(path, d->options.state, FILE_NAME);
        /* Named before rules.json, and so written before it: first the change, then the last good copy, then the file. */
        saver_expected(d->saver, path, &ignored);
        policy_path(good, d->options.state, "rules.json.good");
        saver_expected(d->saver, good, &ignored);
        r = files_read(path, FILE_MAX, &text, &n);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && r != -ENOENT)
                put_aside(d, path, r);
        if (r < 0)
                return 0;
        r = journal_load(&d->journal, text, n, &damage);
        if (r < 0)
                return r;
        if (damage.half)
                log_warn("%s: its last line was not finished and is left out", path);
        if (damage.n_lines > 0)
                log_warn("%s: %zu lines cannot be read and are left out", path, damage.n_lines);
        if (damage.half || damage.n_lines > 0)
                write_whole(d);
        return 0;
}

/* ---- what is written down ------------------------------------------------------------------------------------------------- */

/* Who speaks to the daemon now; for what it does by itself, itself. */
static void name_author(const struct daemon *d, struct journal_entry *e)
{
        e->uid = d->speaker ? d->speaker->uid : 0;
        e->pid = d->speaker ? (uint32_t)d->speaker->pid : d->pid;
        e->program = procread_program(e->pid);
}

void journal_keep(struct daemon *d, struct journal_entry *e)
{
        bool rotated = false;
        int r;

        if (e->n_added + e->n_deleted + e->n_replaced == 0)
                return;
        e->time_us = clock_realtime_us();
        if (!e->by_file)
                name_author(d, e);
        r = journal_append(&d->journal, e, &rotated);
        if (r < 0)
                log_error("a change of the rules is not in the journal: %s", strerror(-r));
        else if (rotated || d->journal_unsaved)
                write_whole(d);
        else
                write_last(d);
}

void journal_keep_one(struct daemon *d, struct rule *before, const struct rule *after)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { 0 };
        struct rule *copy = after ? rule_copy(after) : NULL;

        if (after && !copy)
                rule_free(before);
        if ((after && !copy) || journal_entry_add(&e, before, copy) < 0)
                log_error("a change of the rules is not in the journal: no memory");
        else
                journal_keep(d, &e);
}

/* ---- what somebody else did to the file --------------------------------------------------------------------------------------- */

static bool is_users(const struct rule *r)
{
        return r->origin == ORIGIN_FLAT || r->origin == ORIGIN_LIST;
}

static int add_difference(struct journal_entry *e, const struct rule *before, const struct rule *after)
{
        struct rule *b, *a;

        /* 100,000 rules are counted and not copied. */
        if (journal_entry_is_full(e))
                return journal_entry_count(e, before, after);
        b = before ? rule_copy(before) : NULL;
        a = after ? rule_copy(after) : NULL;
        if ((before && !b) || (after && !a)) {
                rule_free(b);
                rule_free(a);
                return -ENOMEM;
        }
        return journal_entry_add(e, b, a);
}

/* What is ours alone and not in the file yet (`unsaved`) was written down when it was made. */
static int compare(const struct ruleset *from, const struct ruleset *to, struct journal_entry *e)
{
        const struct boottime now = clock_boottime();
        int error = 0;

        for (const struct rule *r = ruleset_next(from, NULL); r && error == 0; r = ruleset_next(from, r)) {
                const struct rule *other = is_users(r) ? ruleset_find(to, r->id) : NULL;

                /* One whose time is over is no longer read, though nobody took it away. */
                if (!is_users(r) || (other && other->unsaved) || boottime_reached(r->expires, now))
                        continue;
                if (!other || !is_users(other))
                        error = add_difference(e, r, NULL);
                else if (!journal_same_rule(r, other))
                        error = add_difference(e, r, other);
        }
        for (const struct rule *r = ruleset_next(to, NULL); r && error == 0; r = ruleset_next(to, r)) {
                const struct rule *was = is_users(r) && !r->unsaved ? ruleset_find(from, r->id) : NULL;

                if (is_users(r) && !r->unsaved && (!was || !is_users(was)))
                        error = add_difference(e, NULL, r);
        }
        return error;
}

void journal_keep_edit(struct daemon *d, const struct ruleset *from, const struct ruleset *to)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { .by_file = true };

        if (compare(from, to, &e) < 0)
                log_error("an edit of rules.json is not in the journal: no memory");
        else
                journal_keep(d, &e);
}

void journal_keep_edit_while_stopped(struct daemon *d, const char *good, const char *text, size_t n)
{
        _cleanup_(ruleset_freep) struct ruleset *before = NULL;
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = { 0 };
        _cleanup_(freep) char *copy = NULL;
        const struct clocks now = clock_all(&d->boot);
        struct file_error error;
        size_t n_copy;

        if (files_read(good, LIMIT_RULE_FILE, &copy, &n_copy) < 0)
                return; /* a first start: nobody knows what was there before */
        if (text && n == n_copy && memcmp(text, copy, n) == 0)
                return;
        free(TAKE_PTR(copy));
        before = ruleset_new(d->seed);
        if (before && policy_read_rules(good, &now, before, &rest, &copy, &n_copy, &error) == 0)
                journal_keep_edit(d, before, d->rules);
        else
                log_warn("%s cannot be compared with it: what changed in rules.json meanwhile is not in the journal", good);
}
