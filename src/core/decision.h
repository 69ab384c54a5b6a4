/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From facts to verdict. Three steps, each a pure function: the rules (ruleset.h), then the table of failures, then the
 * mode. Nothing outside this file knows what learning mode or `default_action` do to a verdict.
 */
#pragma once

#include <stdbool.h>

#include "core/config.h"
#include "core/rule.h"
#include "core/ruleset.h"

enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_ASK };

enum reason {
#define REASON(constant, word, sentence) REASON_##constant,
#include "core/reason.def"
#undef REASON
        REASON_COUNT,
};

struct decision {
        enum verdict verdict; /* what happens to the packet; ASK: hold it and ask */
        enum reason reason;
        struct rule *rule;    /* the deciding rule, or NULL; borrowed from the rule set */
        const struct subject *subject; /* of several possible owners, the one the verdict is about */
        bool would_deny;      /* learning let through what a rule denies */
        bool would_ask;       /* learning let through what a person should be asked about */
        bool needs_packet;    /* ASK, because it depends on what only its next packet tells */
};

/* Rows of the failure table (ARCHITECTURE.md, "When something fails"). */
enum failure {
        FAILURE_UNPARSABLE,
        FAILURE_NOBODY,
        FAILURE_TIMEOUT,
        FAILURE_CAP,
        FAILURE_COUNT,
};

/* How several possible owners are judged. */
enum owners {
        OWNERS_ALL,       /* the kernel named each of them: the strictest verdict of all applies */
        OWNERS_AMBIGUOUS, /* the queue rung could not tell: allowed only if every one is, denied only if every one is, else ask */
};

/* Verdict for a connection; `facts` has 1..LIMIT_OWNERS elements that differ in their subject only. */
struct decision decide(const struct ruleset *rules, const struct config *config, const struct facts *facts, unsigned n,
                       enum owners owners, struct boottime now);

/* Verdict where no rule can be asked. Never VERDICT_ASK. */
struct decision decide_failure(enum failure failure, const struct config *config);

const char *verdict_name(enum verdict verdict); /* "allow", "deny", "ask" */
bool verdict_parse(const char *word, enum verdict *ret);
const char *reason_word(enum reason reason);
const char *reason_sentence(enum reason reason);
bool reason_parse(const char *word, enum reason *ret);
