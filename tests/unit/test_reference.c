/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rule set against its meaning (reference.h): sets that grow by adding, replacing, removing and expiring, and connections of which
 * more or less is known. Both must choose the same rule, order any two rules alike, and agree on each criterion; and each kind of
 * criterion, each sense of it, each answer and each step of the order must have been seen to matter, or nothing was shown.
 */
#include <time.h>

#include "unit.h"

#include "random-rules.h"
#include "reference.h"

enum { RULES_MAX = 400, ENOUGH_ROUNDS = 20000 };

/* What ought to be in the set. */
struct model {
        struct ruleset *set;
        struct rule *rules[RULES_MAX];
        size_t n;
};

/* How often something was seen. */
static struct seen {
        unsigned long truths[CRITERION_KIND_COUNT][2][3]; /* by sense, by answer */
        unsigned long decides[CRITERION_KIND_COUNT][2], several[CRITERION_KIND_COUNT];
        unsigned long steps[ORDER_STEP_COUNT];
        unsigned long subjects[RULE_KERNEL + 1], actions[ACTION_ASK + 1], origins[ORIGIN_SESSION + 1];
        unsigned long none, silenced, disabled, expired;
        unsigned long added, replaced, refused, removed, dropped, covers;
} seen;

/* The rules in the model, without core's help. */

static bool same_value(unsigned kind, const union criterion_value *a, const union criterion_value *b)
{
        switch (kind) {
        case CRITERION_PROCESS:
                return a->process.pid == b->process.pid && a->process.start_ns == b->process.start_ns &&
                       a->process.exec_id == b->process.exec_id;
        case CRITERION_NETWORK:
                return a->network.prefix == b->network.prefix && memcmp(&a->network.addr, &b->network.addr, sizeof(struct addr)) == 0;
        case CRITERION_PORT:
                return a->ports.first == b->ports.first && a->ports.last == b->ports.last;
        case CRITERION_SCOPE:
        case CRITERION_PROTOCOL:
        case CRITERION_USER:
        case CRITERION_GROUP:
                return a->number == b->number;
        default:
                return strcmp(a->text, b->text) == 0;
        }
}

static bool has_value(const struct criterion *c, const union criterion_value *value)
{
        for (unsigned i = 0; i < c->n; i++)
                if (same_value(c->kind, reference_value(c, i), value))
                        return true;
        return false;
}

static bool has_values(const struct criterion *a, const struct criterion *b)
{
        for (unsigned i = 0; i < b->n; i++)
                if (!has_value(a, reference_value(b, i)))
                        return false;
        return true;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
        bool named = a->subject == RULE_PATH || a->subject == RULE_NAME;

        if (a->origin != b->origin || a->priority != b->priority || a->subject != b->subject)
                return false;
        if (named && strcmp(a->program, b->program) != 0)
                return false;
        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++) {
                const struct criterion *of_a = reference_find(a, kind), *of_b = reference_find(b, kind);

                if (!of_a != !of_b)
                        return false;
                if (of_a && (of_a->negated != of_b->negated || !has_values(of_a, of_b) || !has_values(of_b, of_a)))
                        return false;
        }
        return true;
}

static struct rule **find_same(struct model *m, const struct rule *r)
{
        for (size_t i = 0; i < m->n; i++)
                if (same_rule(m->rules[i], r))
                        return &m->rules[i];
        return NULL;
}

static struct rule **find_id(struct model *m, const char *id)
{
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->rules[i]->id, id) == 0)
                        return &m->rules[i];
        return NULL;
}

/* Changes, each made twice. */

static void add(struct model *m, struct rule *r)
{
        struct rule **same = find_same(m, r), **taken = r->id ? find_id(m, r->id) : NULL;
        _cleanup_(freep) char *old_id = same ? strdup((*same)->id) : NULL;
        bool has_id = r->id != NULL;
        int result = ruleset_add(m->set, r);

        if (taken && taken != same) {
                assert_int_equal(result, RULESET_E_EXISTS);
                rule_free(r);
                seen.refused++;
                return;
        }
        assert_int_equal(result, 0);
        assert_non_null(r->id);
        if (same) {
                *same = r; /* the other one is gone */
                if (!has_id)
                        assert_string_equal(r->id, old_id);
                seen.replaced++;
        } else {
                m->rules[m->n++] = r;
                seen.added++;
        }
        assert_ptr_equal(ruleset_find(m->set, r->id), r);
}

static void take_out(struct model *m, size_t i)
{
        memmove(&m->rules[i], &m->rules[i + 1], (m->n - i - 1) * sizeof(m->rules[0]));
        m->n--;
}

static void remove_one(struct model *m)
{
        size_t i = random_below((unsigned)m->n);
        struct rule *r = m->rules[i];

        assert_ptr_equal(ruleset_remove(m->set, r->id), r);
        take_out(m, i);
        rule_free(r);
        seen.removed++;
}

static void expire(struct model *m, struct boottime now)
{
        uint64_t first = UINT64_MAX;
        size_t n = 0;

        for (size_t i = 0; i < m->n; i++)
                first = MIN(first, m->rules[i]->expires.ns);
        assert_int_equal(ruleset_next_expiry(m->set).ns, first);
        for (size_t i = m->n; i-- > 0;)
                if (m->rules[i]->expires.ns <= now.ns) {
                        take_out(m, i);
                        n++;
                }
        seen.dropped += n;
        for (struct rule *r; (r = ruleset_take_expired(m->set, now)); n--)
                rule_free(r);
        assert_int_equal(n, 0);
}

static void change(struct model *m)
{
        struct rule *r = m->n > 0 && random_below(2) ? random_variant(m->rules[random_below((unsigned)m->n)]) : random_rule();
        char id[16];

        if (random_below(3) == 0) {
                snprintf(id, sizeof(id), "r%u", random_below(40));
                r->id = strdup(id);
        }
        add(m, r);
        if (m->n > 0 && random_below(3) == 0)
                remove_one(m);
        if (random_below(50) == 0)
                expire(m, (struct boottime){ random_now.ns - random_below(2) });
        assert_int_equal(ruleset_count(m->set), m->n);
}

static void start_anew(struct model *m)
{
        ruleset_free(m->set);
        *m = (struct model){ .set = ruleset_new(random_state) };
        assert_non_null(m->set);
}

/* Questions, each asked twice. */

static void compare_criteria(const struct rule *r, const struct facts *facts)
{
        static const enum criterion_truth truths[] = {
                [REFERENCE_NO] = CRITERION_FALSE,
                [REFERENCE_YES] = CRITERION_TRUE,
                [REFERENCE_UNKNOWN] = CRITERION_NOT_KNOWN,
        };

        for (unsigned i = 0; i < r->n_criteria; i++) {
                const struct criterion *c = &r->criteria[i];
                enum reference_truth truth = reference_truth(c, facts);

                assert_int_equal(criterion_test(c, facts), truths[truth]);
                seen.truths[c->kind][c->negated][truth]++;
        }
}

static int sign(int n)
{
        return (n > 0) - (n < 0);
}

static void compare_orders(const struct rule *a, const struct rule *b)
{
        int order = sign(reference_compare(a, b));

        assert_int_equal(sign(rule_compare(a, b)), order);
        assert_int_equal(sign(rule_compare(b, a)), -order);
        assert_true(order != 0);
}

/* Where one criterion is said to cover another, it does. */
static void check_cover(const struct rule *a, const struct rule *b, const struct facts *facts)
{
        for (unsigned i = 0; i < a->n_criteria; i++) {
                const struct criterion *narrow = reference_find(b, a->criteria[i].kind);

                if (!narrow || !criterion_covers(&a->criteria[i], narrow))
                        continue;
                seen.covers++;
                if (reference_truth(narrow, facts) == REFERENCE_YES)
                        assert_int_equal(reference_truth(&a->criteria[i], facts), REFERENCE_YES);
        }
}

static void note_decision(const struct model *m, const struct rule *best, const struct facts *facts)
{
        seen.subjects[best->subject]++;
        seen.actions[best->action]++;
        seen.origins[best->origin]++;
        for (unsigned i = 0; i < best->n_criteria; i++) {
                seen.decides[best->criteria[i].kind][best->criteria[i].negated]++;
                seen.several[best->criteria[i].kind] += best->criteria[i].n > 1;
        }
        for (size_t i = 0; i < m->n; i++) {
                enum order_step step;

                if (m->rules[i] == best || !reference_matches(m->rules[i], facts, random_now))
                        continue;
                if (rule_compare_step(best, m->rules[i], &step) > 0)
                        seen.silenced++; /* it comes before, and does not count */
                else
                        seen.steps[step]++;
        }
}

static void note_idle(struct rule *r, const struct facts *facts)
{
        struct rule awake = *r;

        awake.disabled = false;
        awake.expires = BOOTTIME_NEVER;
        if (!reference_matches(&awake, facts, random_now))
                return;
        seen.disabled += r->disabled;
        seen.expired += r->expires.ns <= random_now.ns;
}

static void decide_once(struct model *m, bool thorough)
{
        _cleanup_(subject_unrefp) struct subject *s = random_subject();
        struct flow flow = random_flow();
        struct facts facts = random_facts(s, &flow);
        struct rule *best = reference_decide(m->rules, m->n, &facts, random_now);

        if (ruleset_decide(m->set, &facts, random_now) != best)
                fail_msg("%s does not decide", best ? best->id : "nothing");
        if (!best)
                seen.none++;
        else
                note_decision(m, best, &facts);
        for (size_t i = 0; thorough && i < m->n; i++) {
                struct rule *other = m->rules[random_below((unsigned)m->n)];

                compare_criteria(m->rules[i], &facts);
                note_idle(m->rules[i], &facts);
                if (other != m->rules[i])
                        compare_orders(m->rules[i], other);
                check_cover(m->rules[i], other, &facts);
        }
}

static void kind_was_seen(unsigned kind)
{
        bool always_known = kind == CRITERION_PROCESS || kind == CRITERION_NETWORK || kind == CRITERION_SCOPE || kind == CRITERION_PROTOCOL;
        bool one_value = kind == CRITERION_PROCESS || kind == CRITERION_SCOPE;

        for (unsigned negated = 0; negated < (kind == CRITERION_PROCESS ? 1 : 2); negated++) {
                const unsigned long *truths = seen.truths[kind][negated];

                print_message("%s%s: decides %lu times; %lu no, %lu yes, %lu not known\n", negated ? "not " : "",
                              criterion_name((enum criterion_kind)kind), seen.decides[kind][negated], truths[REFERENCE_NO],
                              truths[REFERENCE_YES], truths[REFERENCE_UNKNOWN]);
                assert_true(seen.decides[kind][negated] > 0);
                assert_true(truths[REFERENCE_NO] > 0 && truths[REFERENCE_YES] > 0);
                assert_true(always_known || truths[REFERENCE_UNKNOWN] > 0);
        }
        assert_true(one_value || seen.several[kind] > 0);
}

static void all_was_seen(void)
{
        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++)
                kind_was_seen(kind);
        for (unsigned step = 0; step < ORDER_STEP_COUNT; step++)
                if (seen.steps[step] == 0)
                        fail_msg("step %u never told two apart", step);
        for (unsigned i = 0; i < ARRAY_SIZE(seen.subjects); i++)
                assert_true(seen.subjects[i] > 0);
        for (unsigned i = 0; i < ARRAY_SIZE(seen.actions); i++)
                assert_true(seen.actions[i] > 0);
        for (unsigned i = 0; i < ARRAY_SIZE(seen.origins); i++)
                assert_true(seen.origins[i] > 0);
        assert_true(seen.none > 0 && seen.silenced > 0 && seen.disabled > 0 && seen.expired > 0 && seen.covers > 0);
        assert_true(seen.added > 0 && seen.replaced > 0 && seen.refused > 0 && seen.removed > 0 && seen.dropped > 0);
        print_message("%lu rules added, %lu replaced, %lu refused, %lu removed, %lu expired; %lu names silenced; nothing decided %lu times\n",
                      seen.added, seen.replaced, seen.refused, seen.removed, seen.dropped, seen.silenced, seen.none);
}

static void the_index_means_what_is_documented(void **state)
{
        uint64_t seed = random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL)), rounds = random_rounds(100000, 1000000);
        struct model m = { .n = 0 };

        (void)state;
        random_start(seed, rounds);
        for (uint64_t i = 0; i < rounds; i++) {
                if (i % 150 == 0)
                        start_anew(&m);
                change(&m);
                decide_once(&m, i % 10 == 0);
        }
        ruleset_free(m.set);
        if (rounds >= ENOUGH_ROUNDS)
                all_was_seen();
}

/* The order: total over small rules of every kind, and the documented one. */

/* Of each kind: values narrow and wide, two of them, none of one, none of two. */
static const char *const corners[CRITERION_KIND_COUNT][8] = {
        [CRITERION_PROGRAM] = { "/a", "/a*", "/aa*", "/a or /b?", "not /a", "not /a or /*" },
        [CRITERION_PROCESS] = { "1", "2" },
        [CRITERION_ARGUMENT] = { "a", "a*", "aa*", "a or b", "not a", "not a or *" },
        [CRITERION_PARENT] = { "/a", "/a*", "/a or /aa*", "not /a", "not /a or /*" },
        [CRITERION_ANCESTOR] = { "/a", "/a*", "/a* or /aa*", "not /a", "not /a or /*" },
        [CRITERION_UNIT] = { "a", "a*", "a or b", "not a", "not a or *" },
        [CRITERION_CGROUP] = { "/a", "/**", "/a or /b", "not /a", "not /a or /*" },
        [CRITERION_HOST] = { "a.b", ".b", ".a.b", "a.b or .b", "not a.b", "not a.b or .c" },
        [CRITERION_LIST] = { "/l/hosts", "/l/domains", "/l/hosts or /l/missing", "not /l/hosts", "not /l/hosts or /l/missing" },
        [CRITERION_NETWORK] = { "10.0.0.1", "10.0.0.0/104", "::/0", "10.0.0.1 or 10.0.0.0/104", "not 10.0.0.1", "not 10.0.0.1 or ::1" },
        [CRITERION_SCOPE] = { "1", "6", "not 1", "not 6" },
        [CRITERION_PORT] = { "1", "1-2", "1 or 3", "1-3 or 2-4", "not 1", "not 1 or 2" },
        [CRITERION_PROTOCOL] = { "6", "6 or 17", "not 6", "not 6 or 17" },
        [CRITERION_USER] = { "0", "0 or 1", "not 0", "not 0 or 1" },
        [CRITERION_GROUP] = { "0", "0 or 1", "not 0", "not 0 or 1" },
        [CRITERION_INTERFACE] = { "a", "a*", "a or b", "not a", "not a or *" },
};

static unsigned n_corners(unsigned kind)
{
        unsigned n = 0;

        while (n < ARRAY_SIZE(corners[kind]) && corners[kind][n])
                n++;
        return n;
}

static int put_value(struct rule *r, enum criterion_kind kind, const char *text)
{
        unsigned first, last, prefix = 128;
        struct addr network;
        char word[64];

        switch (criterion_shape(kind)) {
        case SHAPE_PATTERN:
        case SHAPE_HOST:
        case SHAPE_FILE:
                return rule_add_text(r, kind, text);
        case SHAPE_PROCESS:
                return rule_set_process(r, &(struct process){ .pid = (uint32_t)atoi(text) });
        case SHAPE_NETWORK:
                if (sscanf(text, "%63[^/]/%u", word, &prefix) < 1)
                        return -EINVAL;
                network = address(word);
                return rule_add_network(r, &network, (uint8_t)prefix);
        case SHAPE_PORTS:
                if (sscanf(text, "%u-%u", &first, &last) < 2)
                        last = first;
                return rule_add_ports(r, (uint16_t)first, (uint16_t)last);
        case SHAPE_SCOPES:
        case SHAPE_PROTOCOL:
        case SHAPE_ID:
                break;
        }
        return rule_add_number(r, kind, (uint32_t)atoi(text));
}

static void put_corner(struct rule *r, unsigned kind, unsigned corner)
{
        bool negated = strncmp(corners[kind][corner], "not ", 4) == 0;
        char text[64], *value = text, *or;

        if (kind == CRITERION_PROGRAM)
                r->subject = RULE_PROGRAMS;
        snprintf(text, sizeof(text), "%s", corners[kind][corner] + (negated ? 4 : 0));
        while ((or = strstr(value, " or "))) {
                *or = 0;
                assert_int_equal(put_value(r, (enum criterion_kind)kind, value), 0);
                value = or + 4;
        }
        assert_int_equal(put_value(r, (enum criterion_kind)kind, value), 0);
        if (negated)
                rule_negate(r, (enum criterion_kind)kind);
}

enum { LIST_MAX = 8192 };

struct list_of_rules {
        struct rule *rules[LIST_MAX];
        unsigned n;
};

/* Ids in no order that the rules have. */
static struct rule *list_add(struct list_of_rules *list)
{
        struct rule *r = rule_new(ACTION_ALLOW);
        char id[32];

        assert_non_null(r);
        assert_true(list->n < LIST_MAX);
        snprintf(id, sizeof(id), "%x-%u", list->n * 2654435761u >> 16, list->n);
        r->id = strdup(id);
        list->rules[list->n++] = r;
        return r;
}

static int by_order(const void *a, const void *b)
{
        return rule_compare(*(struct rule *const *)a, *(struct rule *const *)b);
}

/* In a row in which each comes before all that follow it, whoever is compared: so the order is total, and transitive. */
static void check_list(struct list_of_rules *list)
{
        qsort(list->rules, list->n, sizeof(list->rules[0]), by_order);
        for (unsigned a = 0; a < list->n; a++) {
                assert_int_equal(rule_compare(list->rules[a], list->rules[a]), 0);
                for (unsigned b = a + 1; b < list->n; b++) {
                        assert_true(rule_compare(list->rules[a], list->rules[b]) < 0);
                        assert_true(rule_compare(list->rules[b], list->rules[a]) > 0);
                        assert_true(reference_compare(list->rules[a], list->rules[b]) < 0);
                }
        }
        print_message("%u rules, each pair both ways\n", list->n);
        for (unsigned i = 0; i < list->n; i++)
                rule_free(list->rules[i]);
        list->n = 0;
}

/* Any two kinds together, each at all its corners. A rule about several programs always says which. */
static void the_order_is_total_over_criteria(void **state)
{
        static struct list_of_rules list;

        (void)state;
        for (unsigned first = 0; first < CRITERION_KIND_COUNT; first++)
                for (unsigned second = first + 1; second < CRITERION_KIND_COUNT; second++)
                        for (unsigned i = 0; i < n_corners(first); i++)
                                for (unsigned j = 0; j < n_corners(second); j++) {
                                        struct rule *r = list_add(&list);

                                        put_corner(r, first, i);
                                        put_corner(r, second, j);
                                }
        check_list(&list);
}

/* One rule for each way in which the kinds of the mask can be there: said, or negated, which a process cannot be. */
static void add_senses(struct list_of_rules *list, unsigned kinds)
{
        for (unsigned negated = 0; negated < 1u << CRITERION_KIND_COUNT; negated = ((negated | ~kinds) + 1) & kinds) {
                struct rule *r;

                if (!(negated & CRITERION_BIT(CRITERION_PROCESS))) {
                        r = list_add(list);
                        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++)
                                if (kinds & 1u << kind)
                                        put_corner(r, kind, 0);
                        for (unsigned kind = 0; kind < CRITERION_KIND_COUNT; kind++)
                                if (negated & 1u << kind)
                                        rule_negate(r, (enum criterion_kind)kind);
                }
                if (negated == kinds)
                        return;
        }
}

/* Up to three kinds together, each absent, there or negated. */
static void the_order_is_total_over_combinations(void **state)
{
        static struct list_of_rules list;

        (void)state;
        for (unsigned kinds = 0; kinds < 1u << CRITERION_KIND_COUNT; kinds++)
                if (__builtin_popcount(kinds) <= 3)
                        add_senses(&list, kinds);
        check_list(&list);
}

static void add_plain(struct list_of_rules *list, enum rule_subject subject, int priority, bool other)
{
        for (unsigned action = 0; action <= ACTION_ASK; action++)
                for (unsigned origin = 0; origin <= ORIGIN_SESSION; origin++)
                        for (unsigned has_port = 0; has_port < 2; has_port++) {
                                struct rule *r = list_add(list);

                                if (subject == RULE_PROGRAMS)
                                        put_corner(r, CRITERION_PROGRAM, other);
                                if (subject == RULE_PATH || subject == RULE_NAME)
                                        r->program = strdup(other ? "/a" : "/b");
                                if (has_port)
                                        put_corner(r, CRITERION_PORT, other);
                                r->subject = subject;
                                r->priority = priority;
                                r->action = (enum action)action;
                                r->origin = (enum rule_origin)origin;
                        }
}

/* Every subject, priority, action and origin, with and without a criterion. */
static void the_order_is_total_over_the_rest(void **state)
{
        static const int priorities[] = { -PRIORITY_MAX, PRIORITY_FACTORY, -1, 0, 1, PRIORITY_MAX };
        static struct list_of_rules list;

        (void)state;
        for (unsigned subject = 0; subject <= RULE_KERNEL; subject++)
                for (unsigned i = 0; i < ARRAY_SIZE(priorities); i++)
                        for (unsigned other = 0; other < 2; other++)
                                add_plain(&list, (enum rule_subject)subject, priorities[i], other);
        check_list(&list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_order_is_total_over_criteria),
                cmocka_unit_test(the_order_is_total_over_combinations),
                cmocka_unit_test(the_order_is_total_over_the_rest),
                cmocka_unit_test(the_index_means_what_is_documented),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
