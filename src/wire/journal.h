/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal of the rules: each change that somebody makes, with when, who and what, so that it can be shown and undone. One line of JSON a
 * change, appended; the rules in it have the form of rules.json's list, ids included. A change of very many rules is kept as its counts alone.
 *
 * Here are the line and the lines that are kept, oldest first, in memory as text: at most LIMIT_JOURNAL_CHANGES and LIMIT_JOURNAL_BYTES, then
 * the older half goes. Numbers go on over that and are never given again. A change is undone while a change that undoes it stands, and that one is
 * not undone itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/rule.h"

/* ---- one change ---------------------------------------------------------------------------------------------------- */

/* One rule of it: added (no `before`), deleted (no `after`) or replaced. */
struct journal_change {
        struct rule *before, *after;
};

struct journal_entry {
        uint64_t number; /* from 1 */
        int64_t time_us; /* since 1970 */
        bool by_file;    /* rules.json was edited by somebody; else a client: */
        uint32_t uid, pid;
        char *program;   /* what that process ran, as /proc said then; NULL: it was gone */
        uint64_t undoes; /* the number of another change, 0: none */
        uint64_t n_added, n_deleted, n_replaced;
        bool whole; /* `changes` has all of it, else (some that are told, or) nothing */
        struct journal_change *changes;
        size_t n_changes;
        uint64_t undone_by; /* only told */
};
void journal_entry_deinit(struct journal_entry *e);
/* Counts one more rule; takes both, also on failure. Too many: the entry is no longer whole, and has no rules. 0 or -ENOMEM. */
int journal_entry_add(struct journal_entry *e, struct rule *before, struct rule *after);

/* One more would be counted only. */
bool journal_entry_is_full(const struct journal_entry *e);
/* The same as journal_entry_add() for an entry that is full, without taking anything. Returns 0. */
int journal_entry_count(struct journal_entry *e, const struct rule *before, const struct rule *after);

/* Nothing that matters to a person is different: the time of creation, which flat entries do not keep, is not looked at. */
bool journal_same_rule(const struct rule *a, const struct rule *b);

/* Appends the line, newline included. One that would be too long is written with its counts alone. */
void journal_format_line(const struct journal_entry *e, struct buf *out);
enum { JOURNAL_E_SYNTAX = 1 };
/* Without the newline. 0, -ENOMEM or JOURNAL_E_SYNTAX. */
int journal_parse_line(const char *line, size_t n, struct journal_entry *ret);

/* ---- all that are kept ------------------------------------------------------------------------------------------------ */

struct journal_line {
        uint64_t number, undoes;
        char *text; /* with its newline */
        size_t n;
};

struct journal {
        struct journal_line *lines; /* by number */
        size_t n, n_bytes;
        uint64_t last_number; /* given so far */
};
void journal_deinit(struct journal *j);

/* What was wrong with a file: lines that could not be read, and a last one that was not finished (a crash while it was written). */
struct journal_damage {
        size_t n_lines;
        bool half;
};
/* Into an empty journal. 0 or -ENOMEM. */
int journal_load(struct journal *j, const char *data, size_t n, struct journal_damage *ret);
/* Gives the entry its number and keeps its line, the last of j->lines. *ret_rotated: older lines went, the file is to be written anew. 0 or -ENOMEM. */
int journal_append(struct journal *j, struct journal_entry *e, bool *ret_rotated);
/* The whole file. */
void journal_format(const struct journal *j, struct buf *out);

const struct journal_line *journal_find(const struct journal *j, uint64_t number);
/* The change that undoes this one now, or 0. */
uint64_t journal_undone_by(const struct journal *j, uint64_t number);
/* The last that is neither an undoing nor undone, or 0. */
uint64_t journal_last_to_undo(const struct journal *j);
/* The last change after `number` with a rule of this id, or 0. */
uint64_t journal_changed_since(const struct journal *j, uint64_t number, const char *id);
