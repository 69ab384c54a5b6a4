/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rule in the place of another: what a form does that edits a rule. Both happen or neither, and it is one change of the journal, so that undoing it
 * brings the old rule back. The old one's id goes over to the new one where ids are only numbers; that of a flat entry is what it says.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"

static bool is_users(const struct rule *rule)
{
        return rule->origin == ORIGIN_FLAT || rule->origin == ORIGIN_LIST;
}

static bool keeps_id(const struct rule *old, const struct rule *rule)
{
        return rule->origin == old->origin && rule->origin != ORIGIN_FLAT;
}

/* `old` of the set goes and `rule` comes. 0 with `old` in *ret_old, the caller's now; else negative errno and all is as before. */
static int exchange(struct daemon *d, const struct rule *old, struct rule *rule, struct rule **ret_old)
{
        struct rule *taken = ruleset_remove(d->rules, old->id);
        int r = ruleset_add(d->rules, rule);

        if (r == 0) {
                *ret_old = taken;
                return 0;
        }
        if (ruleset_add(d->rules, taken) != 0) {
                log_error("no memory: rule %s is lost by a replacement that failed", taken->id);
                rule_free(taken);
        }
        return r < 0 ? r : -EEXIST;
}

/* Of the users' rules what was before and is now; rules of the session are in no file. */
static int64_t keep(struct daemon *d, struct rule *old, const struct rule *rule)
{
        const bool was = is_users(old);
        struct rule *copy = was ? rule_copy(old) : NULL;

        if (!was && !is_users(rule)) {
                rule_free(old);
                return 0;
        }
        if (was && !copy)
                log_error("a change of the rules is not in the journal: no memory");
        else
                journal_keep_one(d, copy, is_users(rule) ? rule : NULL);
        if (was)
                policy_remember_deletion(d, old);
        else
                rule_free(old);
        return policy_save_rules(d);
}

int policy_replace_rule(struct daemon *d, const char *id, struct rule *rule, const struct rule **ret, int64_t *ret_ticket,
                        struct policy_error *ret_error)
{
        _cleanup_(rule_freep) struct rule *mine = rule;
        const struct clocks now = clock_all(&d->boot);
        const struct rule *found, *same;
        struct rule *old;
        int r;

        policy_take_foreign_edit(d);
        found = ruleset_find(d->rules, id);
        if (!found)
                return policy_refuse(ret_error, MESSAGE_ERROR_NOT_FOUND, "there is no rule of this id any more");
        if (!rule_begin(mine, &now))
                return POLICY_E_OVER;
        same = ruleset_find_same(d->rules, mine);
        if (same && same != found)
                return policy_refuse(ret_error, MESSAGE_ERROR_CONFLICT, "another rule says the same: delete one of them");
        policy_date_rule(mine, found, &now);
        mine->unsaved = is_users(mine);
        mine->n_hits = same ? same->n_hits : 0;
        mine->id = keeps_id(found, mine) ? strdup(found->id) : NULL;
        if (keeps_id(found, mine) && !mine->id)
                return -ENOMEM;
        r = exchange(d, found, mine, &old);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(mine);
        if (!ruleset_find(d->rules, old->id))
                policy_tell_gone(d, old, RULE_GONE_DELETED);
        *ret_ticket = keep(d, old, *ret);
        policy_rules_changed(d);
        policy_changed(d);
        return 0;
}
