/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only place where a mode or `default_action` becomes a verdict. First each possible owner is judged by the rules
 * alone, then the owners are combined into one judgement, then the mode is applied to it. Learning changes the verdict and
 * remembers what it would have been; it never changes which rule was found.
 */
#include <string.h>

#include "core/decision.h"

/* What the rules say of one owner, before any mode. */
static struct decision judge(const struct ruleset *rules, const struct facts *facts, struct boottime now)
{
        struct rule *rule = ruleset_decide(rules, facts, now);
        struct decision d = { .verdict = VERDICT_ASK, .rule = rule, .subject = facts->subject };

        if (!rule) {
                d.reason = facts->subject->kind == SUBJECT_UNKNOWN ? REASON_OWNER_UNKNOWN : REASON_NO_RULE;
                return d;
        }
        switch (rule->action) {
        case ACTION_ALLOW:
                d.verdict = VERDICT_ALLOW;
                break;
        case ACTION_DENY:
                d.verdict = VERDICT_DENY;
                break;
        case ACTION_ASK:
                break;
        }
        switch (rule->lifetime) {
        case LIFETIME_ONCE:
                d.reason = REASON_USER;
                break;
        case LIFETIME_PROCESS:
        case LIFETIME_SESSION:
                d.reason = REASON_SESSION;
                break;
        case LIFETIME_UNTIL:
        case LIFETIME_REBOOT:
        case LIFETIME_ALWAYS:
                d.reason = REASON_RULE;
                break;
        }
        return d;
}

static int strictness(enum verdict verdict)
{
        switch (verdict) {
        case VERDICT_ALLOW:
                return 0;
        case VERDICT_ASK:
                return 1;
        case VERDICT_DENY:
                break;
        }
        return 2;
}

static struct decision judge_owners(const struct ruleset *rules, const struct facts *facts, unsigned n, enum owners owners,
                                    struct boottime now)
{
        struct decision strictest = judge(rules, &facts[0], now);
        bool unanimous = true;

        for (unsigned i = 1; i < n; i++) {
                struct decision d = judge(rules, &facts[i], now);

                if (d.verdict != strictest.verdict)
                        unanimous = false;
                if (strictness(d.verdict) > strictness(strictest.verdict))
                        strictest = d;
        }
        if (owners == OWNERS_ALL || n == 1 || (unanimous && strictest.verdict != VERDICT_ASK))
                return strictest;
        strictest.verdict = VERDICT_ASK;
        strictest.reason = REASON_OWNER_AMBIGUOUS;
        strictest.rule = NULL;
        return strictest;
}

/* Learning lets everything through; it keeps the failure table's own reasons, for those say why nobody was asked by name. */
static struct decision let_through(struct decision d, const struct config *config)
{
        if (d.verdict == VERDICT_ALLOW)
                return d;
        d.would_deny = d.verdict == VERDICT_DENY;
        d.would_ask = d.verdict == VERDICT_ASK && config->popup_enabled;
        d.verdict = VERDICT_ALLOW;
        if (d.reason != REASON_OWNER_UNKNOWN && d.reason != REASON_OWNER_AMBIGUOUS)
                d.reason = REASON_LEARNING;
        return d;
}

struct decision decide(const struct ruleset *rules, const struct config *config, const struct facts *facts, unsigned n,
                       enum owners owners, struct boottime now)
{
        struct decision d = judge_owners(rules, facts, n, owners, now);

        if (config->mode == MODE_LEARNING)
                return let_through(d, config);
        if (d.verdict == VERDICT_ASK && !config->popup_enabled) {
                struct decision unasked = decide_failure(FAILURE_NOBODY, config);

                unasked.subject = d.subject;
                return unasked;
        }
        return d;
}

struct decision decide_failure(enum failure failure, const struct config *config)
{
        static const enum reason reasons[FAILURE_COUNT] = {
                [FAILURE_UNPARSABLE] = REASON_UNPARSABLE,
                [FAILURE_NOBODY] = REASON_NOBODY,
                [FAILURE_TIMEOUT] = REASON_TIMEOUT,
                [FAILURE_CAP] = REASON_CAP,
        };
        bool allow;

        if (config->mode == MODE_LEARNING)
                allow = true;
        else if (failure == FAILURE_UNPARSABLE)
                allow = false;
        else
                allow = config->default_action == ACTION_ALLOW;
        return (struct decision){
                .verdict = allow ? VERDICT_ALLOW : VERDICT_DENY,
                .reason = reasons[failure],
        };
}

static const char *const verdict_names[] = {
        [VERDICT_ALLOW] = "allow",
        [VERDICT_DENY] = "deny",
        [VERDICT_ASK] = "ask",
};

const char *verdict_name(enum verdict verdict)
{
        return verdict_names[verdict];
}

bool verdict_parse(const char *word, enum verdict *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(verdict_names); i++)
                if (strcmp(verdict_names[i], word) == 0) {
                        *ret = (enum verdict)i;
                        return true;
                }
        return false;
}

static const struct {
        const char *word, *sentence;
} reasons_table[] = {
#define REASON(constant, json_word, text) [REASON_##constant] = { json_word, text },
#include "core/reason.def"
#undef REASON
};

const char *reason_word(enum reason reason)
{
        return reasons_table[reason].word;
}

const char *reason_sentence(enum reason reason)
{
        return reasons_table[reason].sentence;
}

bool reason_parse(const char *word, enum reason *ret)
{
        for (size_t i = 0; i < REASON_COUNT; i++)
                if (strcmp(reasons_table[i].word, word) == 0) {
                        *ret = (enum reason)i;
                        return true;
                }
        return false;
}
