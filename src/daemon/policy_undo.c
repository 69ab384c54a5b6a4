/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Undoing a change of the rules: each rule of it is put back as it was before, under its own id. All of them, or none and words: everything is
 * looked at before anything is touched, and a rule that was changed since is not overwritten. An undoing is a change like any other: journalled,
 * saved, carried to live flows, and to be undone in its turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/policy.h"
#include "sys/clock.h"

/* ---- may it be? ------------------------------------------------------------------------------------------------------------ */

static int refuse_changed(const struct daemon *d, const struct journal_entry *e, const char *id, const char *what, struct policy_error *error)
{
        _cleanup_(buf_deinit) struct buf shown = { 0 };
        uint64_t by = journal_changed_since(&d->journal, e->number, id);

        str_escape(&shown, id);
        if (buf_error(&shown) < 0)
                return buf_error(&shown);
        if (by)
                return policy_refuse(error, MESSAGE_ERROR_CONFLICT, "rule %.300s %s since, by change %llu; nothing was undone", shown.data, what,
                                     (unsigned long long)by);
        return policy_refuse(error, MESSAGE_ERROR_CONFLICT, "rule %.300s %s since; nothing was undone", shown.data, what);
}

/* This rule goes when the change is undone. */
static bool is_made_by(const struct journal_entry *e, const struct rule *rule)
{
        for (size_t i = 0; i < e->n_changes; i++)
                if (e->changes[i].after && strcmp(e->changes[i].after->id, rule->id) == 0)
                        return true;
        return false;
}

/* What the change made is still as it made it. */
static int check_after(const struct daemon *d, const struct journal_entry *e, const struct rule *after, struct policy_error *error)
{
        const struct rule *now = ruleset_find(d->rules, after->id);

        if (!now)
                return refuse_changed(d, e, after->id, "was deleted", error);
        if ((now->origin != ORIGIN_FLAT && now->origin != ORIGIN_LIST) || !journal_same_rule(now, after))
                return refuse_changed(d, e, after->id, "was changed", error);
        return 0;
}

/* There is room for what was before. */
static int check_before(const struct daemon *d, const struct journal_entry *e, const struct rule *before, struct policy_error *error)
{
        const struct rule *now = ruleset_find(d->rules, before->id);
        const struct clocks clocks = clock_all(&d->boot);
        struct rule again = *before; /* borrows all that it has */

        if (!rule_begin(&again, &clocks))
                return policy_refuse(error, MESSAGE_ERROR_CONFLICT, "the time of rule %s, which would come back, is over", before->id);
        if (now && !is_made_by(e, now))
                return refuse_changed(d, e, before->id, "was added again", error);
        now = ruleset_find_same(d->rules, before);
        if (now && !is_made_by(e, now))
                return refuse_changed(d, e, now->id, "says the same and was added", error);
        return 0;
}

static int check(const struct daemon *d, const struct journal_entry *e, struct policy_error *error)
{
        size_t n_now = ruleset_count(d->rules), n_before = 0, n_after = 0;

        for (size_t i = 0; i < e->n_changes; i++) {
                const struct journal_change *c = &e->changes[i];
                int r = c->after ? check_after(d, e, c->after, error) : 0;

                if (r == 0 && c->before)
                        r = check_before(d, e, c->before, error);
                if (r != 0)
                        return r;
                n_before += c->before != NULL;
                n_after += c->after != NULL;
        }
        if (n_now + n_before > LIMIT_RULES + n_after)
                return policy_refuse(error, MESSAGE_ERROR_FULL, "there would be more than %d rules", LIMIT_RULES);
        return 0;
}

/* ---- doing it ---------------------------------------------------------------------------------------------------------------- */

/* What was taken out of the set and what was put into it, so that it can be as before when memory runs out in the middle. */
struct exchange {
        struct rule **out;
        size_t n_out, n_in;
};

static void exchange_deinit(struct exchange *x)
{
        for (size_t i = 0; i < x->n_out; i++)
                rule_free(x->out[i]);
        free(x->out);
}

static void take_back(struct daemon *d, const struct journal_entry *e, struct exchange *x)
{
        for (size_t i = 0; i < e->n_changes && x->n_in > 0; i++)
                if (e->changes[i].before) {
                        rule_free(ruleset_remove(d->rules, e->changes[i].before->id));
                        x->n_in--;
                }
        while (x->n_out > 0) {
                struct rule *rule = x->out[x->n_out - 1];

                if (ruleset_add(d->rules, rule) != 0) {
                        log_error("no memory: rule %s is lost by an undoing that failed", rule->id);
                        return;
                }
                x->n_out--;
        }
}

static int put_in(struct daemon *d, const struct rule *before)
{
        const struct clocks now = clock_all(&d->boot);
        struct rule *copy = rule_copy(before);
        int r = -ENOMEM;

        if (copy) {
                copy->unsaved = true;
                if (!rule_begin(copy, &now))
                        copy->expires = now.now; /* check_before() has looked: in between its time was over */
                r = ruleset_add(d->rules, copy);
        }
        if (r != 0)
                rule_free(copy);
        return r == 0 ? 0 : -ENOMEM; /* everything else was looked at */
}

/* After check(). 0, or -ENOMEM and all is as before. */
static int exchange(struct daemon *d, const struct journal_entry *e, struct exchange *x)
{
        int r = 0;

        x->out = calloc(e->n_changes + 1, sizeof(*x->out));
        if (!x->out)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_changes; i++)
                if (e->changes[i].after)
                        x->out[x->n_out++] = ruleset_remove(d->rules, e->changes[i].after->id);
        for (size_t i = 0; i < e->n_changes && r == 0; i++)
                if (e->changes[i].before) {
                        r = put_in(d, e->changes[i].before);
                        x->n_in += r == 0;
                }
        if (r < 0)
                take_back(d, e, x);
        return r;
}

/* The same change the other way round. */
static int reversed(const struct journal_entry *e, struct journal_entry *ret)
{
        ret->undoes = e->number;
        for (size_t i = 0; i < e->n_changes; i++) {
                const struct journal_change *c = &e->changes[i];
                struct rule *before = c->after ? rule_copy(c->after) : NULL, *after = c->before ? rule_copy(c->before) : NULL;

                if ((c->after && !before) || (c->before && !after)) {
                        rule_free(before);
                        rule_free(after);
                        return -ENOMEM;
                }
                if (journal_entry_add(ret, before, after) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int undo(struct daemon *d, const struct journal_entry *e, uint64_t *ret_change)
{
        _cleanup_(journal_entry_deinit) struct journal_entry back = { 0 };
        _cleanup_(exchange_deinit) struct exchange x = { 0 };
        int r = reversed(e, &back);

        if (r == 0)
                r = exchange(d, e, &x);
        if (r < 0)
                return r;
        for (size_t i = 0; i < x.n_out; i++) {
                if (!ruleset_find(d->rules, x.out[i]->id))
                        policy_tell_gone(d, x.out[i], RULE_GONE_DELETED);
                policy_remember_deletion(d, TAKE_PTR(x.out[i]));
        }
        journal_keep(d, &back);
        *ret_change = back.number;
        return 0;
}

static int find(const struct daemon *d, uint64_t change, struct journal_entry *ret, struct policy_error *error)
{
        uint64_t number = change ? change : journal_last_to_undo(&d->journal), by;
        const struct journal_line *line = number ? journal_find(&d->journal, number) : NULL;
        int r;

        if (!number)
                return policy_refuse(error, MESSAGE_ERROR_NOT_FOUND, "there is no change that could be undone");
        if (!line)
                return policy_refuse(error, MESSAGE_ERROR_NOT_FOUND, "there is no change %llu in the journal", (unsigned long long)number);
        by = journal_undone_by(&d->journal, number);
        if (by)
                return policy_refuse(error, MESSAGE_ERROR_CONFLICT, "change %llu was undone already, by change %llu", (unsigned long long)number,
                                     (unsigned long long)by);
        r = journal_parse_line(line->text, line->n - 1, ret);
        if (r != 0)
                return r < 0 ? r : -EBADMSG; /* it was parsed when it came here */
        if (!ret->whole)
                return policy_refuse(error, MESSAGE_ERROR_CONFLICT, "change %llu is too large to be undone: of its %llu rules only the number was kept",
                                     (unsigned long long)number, (unsigned long long)(ret->n_added + ret->n_deleted + ret->n_replaced));
        return 0;
}

int policy_undo(struct daemon *d, uint64_t change, uint64_t *ret_change, int64_t *ret_ticket, struct policy_error *ret_error)
{
        _cleanup_(journal_entry_deinit) struct journal_entry e = { 0 };
        int r;

        policy_take_foreign_edit(d);
        r = find(d, change, &e, ret_error);
        if (r == 0)
                r = check(d, &e, ret_error);
        if (r == 0)
                r = undo(d, &e, ret_change);
        if (r != 0)
                return r;
        *ret_ticket = policy_save_rules(d);
        policy_rules_changed(d);
        policy_changed(d);
        return 0;
}
