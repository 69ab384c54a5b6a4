/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * History read: the newest rows that a search finds, oldest first, as lines of the protocol (`decision` or `decisions`, as `watch` gets them).
 *
 * The database is opened read-only, changed by nothing here and never moved aside; the SQL is constant, and what is searched for is bound to it.
 * Databases of this version and of older ones are read. The recorder may write meanwhile. It can begin its log of changes anew only when nobody
 * reads, so no read goes on while the caller writes: first the ids of the oldest and the newest row that are wanted are found, then the rows come
 * a few at a time, each time from where the last one was. Ids grow, and rows go at the old end only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/search.h"

struct query;
struct fold;
struct timeline;

enum {
        QUERY_E_MISSING = 1, /* there is no such file */
        QUERY_E_DENIED = 2,  /* this user may not read it */
        QUERY_E_FAILED = 3,  /* words: damaged, of a newer version, busy … */
};
enum { QUERY_ERROR_MAX = 512 };

/* 0; -ENOMEM; or one of the above, with words for a person in `ret_error`. */
int query_open(const char *path, struct query **ret, char ret_error[QUERY_ERROR_MAX]);
struct query *query_free(struct query *q); /* takes NULL, returns NULL */
DEFINE_FREEP(struct query, query_free)

/* Whether the recorder has come as far as `s` wants: to its `older` decision, or beyond its `until`, when all that can be found is there already. A
 * database without numbers is as far as it ever gets. *ret_newest: the newest row's id, 0 where there is none. */
bool query_has_reached(struct query *q, const struct search *s, int64_t *ret_newest);

/* Finds where the last `limit` (at least 1) rows begin that `s` finds; `s` is borrowed until the end. 0, or as above. */
int query_begin(struct query *q, const struct search *s, uint64_t limit, char ret_error[QUERY_ERROR_MAX]);
/* From now on rows are put together there (fold.h), and told at the end as summaries; those without room are told as they are. Borrowed. */
void query_fold(struct query *q, struct fold *fold);
/* From now on rows only count, there (timeline.h), and the counts are told at the end. Borrowed. */
void query_timeline(struct query *q, struct timeline *timeline);
/* Appends the next lines to `out`: QUERY_MORE, QUERY_END, -ENOMEM, or QUERY_E_FAILED with words. */
enum { QUERY_END = 0, QUERY_MORE = 100 };
int query_next(struct query *q, struct buf *out, char ret_error[QUERY_ERROR_MAX]);

/* Rows that were found and mean nothing to this program. */
uint64_t query_n_unreadable(const struct query *q);
