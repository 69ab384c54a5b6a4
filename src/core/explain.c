/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule's first criterion that fails is found by asking them one by one, as rule_may_match() does. The candidates come from the rule set in the order of decision already; those that match are told before those that do not, where there are too many.
 *
 * The change for another verdict is the narrowest rule that is about this connection and no other: program, address, port, protocol,
 * and the user where that helps. What still comes before it has to go first.
 */
#include "core/explain.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* Off and expired come last: that a rule is off says something only where it would match. */
struct explain_candidate explain_rule(const struct rule *rule, const struct facts *facts, struct boottime now)
{
        struct explain_candidate candidate = { .rule = rule, .fate = EXPLAIN_DECIDES };
        struct rule on = *rule; /* borrows all that it has */

        on.disabled = false;
        on.expires = BOOTTIME_NEVER;
        if (!rule_may_match(&on, facts, 0, now)) {
                candidate.fate = EXPLAIN_SUBJECT;
                return candidate;
        }
        for (unsigned i = 0; i < rule->n_criteria; i++) {
                enum criterion_truth truth = criterion_test(&rule->criteria[i], facts);

                if (truth == CRITERION_TRUE)
                        continue;
                candidate.fate = (enum explain_fate)(EXPLAIN_CRITERION + rule->criteria[i].kind);
                candidate.not_known = truth == CRITERION_NOT_KNOWN;
                return candidate;
        }
        if (rule->disabled)
                candidate.fate = EXPLAIN_DISABLED;
        else if (!rule_matches(rule, facts, now))
                candidate.fate = EXPLAIN_EXPIRED;
        return candidate;
}

/* Collecting. */

struct list_of_candidates {
        struct explain_candidate of[EXPLAIN_RULES];
        unsigned n;
        bool more; /* than fit */
};

struct collection {
        const struct facts *facts;
        struct boottime now;
        const struct rule *rule; /* decides, or NULL */
        bool names_are_silent;
        size_t left; /* rules that are still looked at */
        struct list_of_candidates matching, others;
};

static void put_candidate(struct list_of_candidates *list, struct explain_candidate candidate)
{
        if (list->n == EXPLAIN_RULES)
                list->more = true;
        else
                list->of[list->n++] = candidate;
}

static bool on_rule(void *userdata, const struct rule *rule)
{
        struct collection *c = userdata;
        struct explain_candidate candidate = explain_rule(rule, c->facts, c->now);

        if (candidate.fate == EXPLAIN_DECIDES && rule->subject == RULE_NAME && c->names_are_silent)
                candidate.fate = EXPLAIN_SILENT;
        if (candidate.fate == EXPLAIN_DECIDES && rule != c->rule) {
                candidate.fate = EXPLAIN_LOSES;
                rule_compare_step(c->rule, rule, &candidate.step);
        }
        put_candidate(candidate.fate <= EXPLAIN_LOSES ? &c->matching : &c->others, candidate);
        return --c->left > 0;
}

/* Both lists are in order and so is what comes of them. */
static void merge(const struct collection *c, struct explanation *e)
{
        unsigned n_others = MIN(c->others.n, EXPLAIN_RULES - c->matching.n), m = 0, o = 0;

        while (m < c->matching.n || o < n_others) {
                bool matching = o == n_others ||
                                (m < c->matching.n && rule_compare(c->matching.of[m].rule, c->others.of[o].rule) < 0);

                e->candidates[e->n_candidates++] = matching ? c->matching.of[m++] : c->others.of[o++];
        }
}

static void collect(const struct ruleset *rules, struct collection *c, struct explanation *e)
{
        e->n_considered = ruleset_visit(rules, c->facts->subject, on_rule, c);
        if (c->left == 0 && e->n_considered > EXPLAIN_SCAN)
                c->matching.more = true;
        /* Those that match come no earlier than the one that decides; it may stand beyond what was looked at. */
        if (c->rule && c->matching.n == 0)
                put_candidate(&c->matching, (struct explain_candidate){ .rule = c->rule, .fate = EXPLAIN_DECIDES });
        merge(c, e);
}

/* Changing. */

static int set_subject(const struct subject *s, struct rule *rule)
{
        const char *path = subject_rule_path(s), *program = path ? path : s->name;

        switch (s->kind) {
        case SUBJECT_KERNEL:
                rule->subject = RULE_KERNEL;
                return 0;
        case SUBJECT_UNKNOWN:
                rule->subject = RULE_UNKNOWN;
                return 0;
        case SUBJECT_PROGRAM:
                break;
        }
        if (!*program) /* not to be named: anyone, with this destination */
                return 0;
        rule->subject = path ? RULE_PATH : RULE_NAME;
        rule->program = strdup(program);
        return rule->program ? 0 : -ENOMEM;
}

/* About this connection and nothing else; NULL on -ENOMEM. */
static struct rule *narrow_rule(const struct facts *facts, enum action action, bool with_user)
{
        _cleanup_(rule_freep) struct rule *rule = rule_new(action);
        const struct subject *s = facts->subject;
        const struct flow *flow = facts->flow;

        if (!rule || set_subject(facts->subject, rule) < 0)
                return NULL;
        if (rule_add_network(rule, &flow->remote, 128) < 0 || rule_add_number(rule, CRITERION_PROTOCOL, flow->protocol) < 0)
                return NULL;
        if (protocol_has_ports(flow->protocol) && flow->remote_port > 0 && rule_add_ports(rule, flow->remote_port, flow->remote_port) < 0)
                return NULL;
        if (with_user && s->uid != UINT32_MAX && rule_add_number(rule, CRITERION_USER, s->uid) < 0)
                return NULL;
        if (with_user && s->gid != UINT32_MAX && rule_add_number(rule, CRITERION_GROUP, s->gid) < 0)
                return NULL;
        return TAKE_PTR(rule);
}

/* `rule` would not come before `other`, nor take its place. */
static bool stands_before(const struct rule *other, const struct rule *rule)
{
        if (other->origin == rule->origin && rule_same_criteria(other, rule))
                return false;
        return rule_compare(other, rule) < 0;
}

/* What has to go before `rule` decides; false: it cannot be made to. Where one with the wanted action comes to decide that way, it is
 * left to; `rule` is added all the same, for it keeps rules by name silent. */
static bool clear_the_way(const struct collection *c, const struct rule *rule, struct explain_change *change)
{
        for (unsigned i = 0; i < c->matching.n; i++) {
                const struct rule *other = c->matching.of[i].rule;

                if (other->subject == RULE_NAME && rule->subject == RULE_PATH)
                        continue; /* `rule` will silence it */
                if (other->action == rule->action || !stands_before(other, rule))
                        return true;
                if (other->origin == ORIGIN_FACTORY || other->origin == ORIGIN_FILE)
                        return false; /* neither is deleted by a command */
                change->delete[change->n_delete++] = other;
        }
        return !c->matching.more;
}

/* 0, -ENOMEM, or 1: there is no such change. */
static int find_change(const struct collection *c, enum action action, bool with_user, struct explain_change *ret)
{
        struct explain_change change = { .action = action };
        _cleanup_(rule_freep) struct rule *rule = narrow_rule(c->facts, action, with_user);

        if (!rule)
                return -ENOMEM;
        if (!clear_the_way(c, rule, &change))
                return 1;
        change.add = TAKE_PTR(rule);
        *ret = change;
        return 0;
}

/* The rule is made as wide as a person would make it, and as narrow as it must be to need fewer deletions. */
static int add_change(const struct collection *c, const struct config *config, enum action action, struct explanation *e)
{
        struct explain_change *change = &e->changes[e->n_changes], narrower = { .n_delete = 0 };
        bool enforce = action == ACTION_DENY && config->mode == MODE_LEARNING;
        int error, error2 = 1;

        if (c->rule && c->rule->action == action) {
                *change = (struct explain_change){ .action = action, .enforce = enforce };
                e->n_changes++;
                return 0;
        }
        error = find_change(c, action, false, change);
        if (error == 1 || (error == 0 && change->n_delete > 0))
                error2 = find_change(c, action, true, &narrower);
        if (error2 == 0 && (error != 0 || narrower.n_delete < change->n_delete)) {
                if (error == 0)
                        rule_free(change->add);
                *change = narrower;
                error = 0;
        } else {
                rule_free(narrower.add);
        }
        if (error < 0 || error2 < 0)
                return -ENOMEM;
        if (error == 0) {
                change->enforce = enforce;
                e->n_changes++;
        }
        return 0;
}

static int find_changes(const struct collection *c, const struct config *config, struct explanation *e)
{
        int error = 0;

        if (e->decision.verdict != VERDICT_ALLOW)
                error = add_change(c, config, ACTION_ALLOW, e);
        if (error == 0 && e->decision.verdict != VERDICT_DENY)
                error = add_change(c, config, ACTION_DENY, e);
        return error;
}

int explain(const struct ruleset *rules, const struct config *config, const struct facts *facts, struct boottime now,
            struct explanation *ret)
{
        struct explanation e = {
                .decision = decide(rules, config, facts, 1, OWNERS_ALL, now),
                .rule = ruleset_decide(rules, facts, now),
                .unanswered = decide_failure(FAILURE_TIMEOUT, config),
        };
        struct collection c = {
                .facts = facts,
                .now = now,
                .rule = e.rule,
                .names_are_silent = ruleset_silences_names(rules, facts, now),
                .left = EXPLAIN_SCAN,
        };
        int error;

        collect(rules, &c, &e);
        error = find_changes(&c, config, &e);
        if (error < 0) {
                explanation_deinit(&e);
                return error;
        }
        *ret = e;
        return 0;
}

void explanation_deinit(struct explanation *e)
{
        for (unsigned i = 0; i < EXPLAIN_CHANGES; i++)
                rule_free(e->changes[i].add);
        *e = (struct explanation){ .n_candidates = 0 };
}

/* Words. */

static const char *const fate_words[EXPLAIN_CRITERION] = {
        [EXPLAIN_DECIDES] = "decides",   [EXPLAIN_LOSES] = "loses",     [EXPLAIN_SILENT] = "silent",
        [EXPLAIN_DISABLED] = "disabled", [EXPLAIN_EXPIRED] = "expired", [EXPLAIN_SUBJECT] = "subject",
};

const char *explain_fate_word(enum explain_fate fate)
{
        return fate < EXPLAIN_CRITERION ? fate_words[fate] : criterion_name((enum criterion_kind)(fate - EXPLAIN_CRITERION));
}

bool explain_fate_parse(const char *word, enum explain_fate *ret)
{
        for (unsigned i = 0; i < EXPLAIN_FATE_COUNT; i++)
                if (strcmp(explain_fate_word((enum explain_fate)i), word) == 0) {
                        *ret = (enum explain_fate)i;
                        return true;
                }
        return false;
}

const char *order_step_word(enum order_step step)
{
        static const char *const words[ORDER_STEP_COUNT] = {
                [ORDER_PRIORITY] = "priority",
                [ORDER_SUBJECT] = "subject",
                [ORDER_ACTION] = "action",
                [ORDER_ID] = "id",
        };

        return words[step] ? words[step] : criterion_name((enum criterion_kind)(step - ORDER_CRITERION));
}

bool order_step_parse(const char *word, enum order_step *ret)
{
        for (unsigned i = 0; i < ORDER_STEP_COUNT; i++)
                if (strcmp(order_step_word((enum order_step)i), word) == 0) {
                        *ret = (enum order_step)i;
                        return true;
                }
        return false;
}
