/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules are compared by a hash of their criteria first, sorted: there may be 200,000 on both sides. Theory in the header. */
#include "cli/import-plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"
#include "core/limits.h"
#include "core/ruleset.h"
#include "wire/jsonwrite.h"
#include "wire/sentence.h"

static void item_deinit(struct import_item *item)
{
        rule_free(item->rule);
        free(item->file);
        free(item->words);
        free(item->reason);
        free(item->other);
}

void import_plan_deinit(struct import_plan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                item_deinit(&plan->items[i]);
        free(plan->items);
        *plan = (struct import_plan){0};
}

int import_plan_add(struct import_plan *plan, struct import_item *item)
{
        if (plan->n == plan->size) {
                size_t size = plan->size ? plan->size * 2 : 64;
                struct import_item *items = realloc(plan->items, size * sizeof(*items));

                if (!items) {
                        item_deinit(item);
                        return -ENOMEM;
                }
                plan->items = items;
                plan->size = size;
        }
        item->state = item->rule ? IMPORT_NEW : IMPORT_REFUSED;
        plan->items[plan->n++] = *item;
        *item = (struct import_item){0};
        return 0;
}

static int refuse(struct import_item *item, const char *reason)
{
        item->state = IMPORT_REFUSED;
        item->reason = strdup(reason);
        return item->reason ? 0 : -ENOMEM;
}

/* The daemon takes sentences. */
static int check_length(struct import_item *item)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};

        sentence_format(item->rule, &sentence);
        if (buf_error(&sentence))
                return -ENOMEM;
        return sentence.n <= LIMIT_SENTENCE ? 0 : refuse(item, "a sentence of more than 8192 bytes");
}

_Static_assert(LIMIT_SENTENCE == 8192, "the words of check_length() say 8192");

/* ---- among each other --------------------------------------------------------------------------------------------- */

struct place {
        uint64_t hash;
        struct import_item *item;
};

/* Of those about the same, the one that decides first. */
static int compare_places(const void *a, const void *b)
{
        const struct place *of_a = a, *of_b = b;

        if (of_a->hash != of_b->hash)
                return of_a->hash < of_b->hash ? -1 : 1;
        if (of_a->item->rule->disabled != of_b->item->rule->disabled)
                return of_a->item->rule->disabled ? 1 : -1;
        if (rule_compare(of_a->item->rule, of_b->item->rule) != 0)
                return rule_compare(of_a->item->rule, of_b->item->rule);
        return (of_a->item > of_b->item) - (of_a->item < of_b->item);
}

static bool says_the_same(const struct rule *a, const struct rule *b)
{
        if (a->action != b->action || a->disabled != b->disabled || a->lifetime != b->lifetime)
                return false;
        return a->lifetime != LIFETIME_UNTIL || a->ending.until == b->ending.until;
}

static int compare_items(struct import_item *first, struct import_item *item)
{
        _cleanup_(buf_deinit) struct buf reason = {0};

        if (says_the_same(first->rule, item->rule)) {
                item->state = IMPORT_THERE;
                return 0;
        }
        buf_puts(&reason, "about the same, and before it comes what is in ");
        str_escape(&reason, first->file);
        return buf_error(&reason) ? -ENOMEM : refuse(item, reason.data);
}

static int compare_with_each_other(struct import_plan *plan)
{
        _cleanup_(freep) struct place *places = calloc(plan->n + 1, sizeof(*places));
        size_t n = 0;

        if (!places)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n; i++)
                if (plan->items[i].state == IMPORT_NEW)
                        places[n++] = (struct place){rule_criteria_hash(plan->items[i].rule, 0), &plan->items[i]};
        qsort(places, n, sizeof(*places), compare_places);
        for (size_t i = 1; i < n; i++)
                for (size_t j = i; j > 0 && places[j - 1].hash == places[i].hash; j--) {
                        struct import_item *before = places[j - 1].item, *item = places[i].item;

                        if (before->state != IMPORT_NEW || !rule_same_criteria(before->rule, item->rule))
                                continue;
                        if (compare_items(before, item) < 0)
                                return -ENOMEM;
                        break;
                }
        return 0;
}

/* ---- with what is there ------------------------------------------------------------------------------------------- */

/* A rule that is there; its priority is no criterion here, so it stands beside it. */
struct known {
        uint64_t hash;
        struct rule *rule;
        int priority;
};

static int compare_known(const void *a, const void *b)
{
        const struct known *of_a = a, *of_b = b;

        return (of_a->hash > of_b->hash) - (of_a->hash < of_b->hash);
}

static size_t find_known(const struct known *known, size_t n, uint64_t hash)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (known[middle].hash < hash)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int conflict(struct import_item *item, const struct known *with)
{
        _cleanup_(buf_deinit) struct buf other = {0};

        with->rule->priority = with->priority;
        str_escape(&other, with->rule->id ? with->rule->id : "");
        buf_puts(&other, ": ");
        sentence_format(with->rule, &other);
        with->rule->priority = PRIORITY_DEFAULT;
        item->state = IMPORT_CONFLICT;
        item->other = buf_take(&other);
        return item->other ? 0 : -ENOMEM;
}

/* The rule's priority is 0 meanwhile. */
static int compare_with(struct import_item *item, int priority, const struct known *known, size_t n)
{
        uint64_t hash = rule_criteria_hash(item->rule, 0);
        const struct known *differs = NULL;

        for (size_t i = find_known(known, n, hash); i < n && known[i].hash == hash; i++) {
                if (!rule_same_criteria(known[i].rule, item->rule))
                        continue;
                if (known[i].priority == priority && says_the_same(known[i].rule, item->rule)) {
                        item->state = IMPORT_THERE;
                        return 0;
                }
                differs = &known[i];
        }
        return differs ? conflict(item, differs) : 0;
}

static int compare_with_known(struct import_plan *plan, const struct known *known, size_t n)
{
        for (size_t i = 0; i < plan->n; i++) {
                struct import_item *item = &plan->items[i];
                int priority, r;

                if (item->state != IMPORT_NEW)
                        continue;
                priority = item->rule->priority;
                item->rule->priority = PRIORITY_DEFAULT;
                r = compare_with(item, priority, known, n);
                item->rule->priority = priority;
                if (r < 0)
                        return r;
        }
        return 0;
}

int import_plan_compare(struct import_plan *plan, struct rule *const *rules, size_t n)
{
        _cleanup_(freep) struct known *known = calloc(n + 1, sizeof(*known));
        size_t n_known = 0;
        int r = known ? 0 : -ENOMEM;

        for (size_t i = 0; !r && i < plan->n; i++)
                r = plan->items[i].state == IMPORT_NEW ? check_length(&plan->items[i]) : 0;
        if (!r)
                r = compare_with_each_other(plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (rules[i]->origin == ORIGIN_FACTORY || rules[i]->origin == ORIGIN_SESSION)
                        continue;
                known[n_known++] = (struct known){.rule = rules[i], .priority = rules[i]->priority};
                rules[i]->priority = PRIORITY_DEFAULT;
                known[n_known - 1].hash = rule_criteria_hash(rules[i], 0);
        }
        qsort(known, n_known, sizeof(*known), compare_known);
        r = compare_with_known(plan, known, n_known);
        for (size_t i = 0; i < n_known; i++)
                known[i].rule->priority = known[i].priority;
        memset(plan->counts, 0, sizeof(plan->counts));
        for (size_t i = 0; i < plan->n; i++)
                plan->counts[plan->items[i].state]++;
        return r;
}

/* ---- words -------------------------------------------------------------------------------------------------------- */

static void put_words(const char *words, struct buf *out)
{
        words_plain(out, words, strlen(words));
}

static void put_item(const struct import_item *item, struct buf *out)
{
        buf_puts(out, "  ");
        if (item->state != IMPORT_REFUSED) {
                show_sentence(out, item->rule);
                buf_putc(out, '\n');
                if (item->other) {
                        buf_puts(out, "    is not added; there is ");
                        put_words(item->other, out);
                        buf_putc(out, '\n');
                }
                return;
        }
        put_words(item->file, out);
        buf_puts(out, ": ");
        put_words(item->reason, out);
        buf_putc(out, '\n');
        if (item->words || item->rule)
                buf_puts(out, "    ");
        if (item->words)
                put_words(item->words, out);
        else if (item->rule)
                show_sentence(out, item->rule);
        if (item->words || item->rule)
                buf_putc(out, '\n');
}

/* What a person must know who reads only the end. */
static void put_remarks(const struct import_plan *plan, struct buf *out)
{
        size_t n_denying = 0, n_named = 0;

        for (size_t i = 0; i < plan->n; i++) {
                n_denying += plan->items[i].state == IMPORT_REFUSED && plan->items[i].denies;
                n_named += plan->items[i].state == IMPORT_NEW && rule_criterion(plan->items[i].rule, CRITERION_HOST);
        }
        if (n_denying > 0)
                buf_printf(out, "%zu of those that cannot be added den%s: what %s kept back may be allowed by other rules.\n", n_denying,
                           n_denying == 1 ? "ies" : "y", n_denying == 1 ? "it" : "they");
        if (n_named > 0)
                buf_printf(out, "%zu of the new ones name%s hosts: without a name that the daemon knows a connection matches none of these.\n", n_named,
                           n_named == 1 ? "s" : "");
        if (plan->n_any_case > 0)
                buf_printf(out, "OpenSnitch compared the paths of %zu rule%s without regard to case; here case counts.\n", plan->n_any_case,
                           plan->n_any_case == 1 ? "" : "s");
}

void import_plan_format(const struct import_plan *plan, struct buf *out)
{
        static const char *const headings[] = {
                [IMPORT_NEW] = "New", [IMPORT_THERE] = "There already", [IMPORT_CONFLICT] = "In conflict with a rule that is there and stays",
                [IMPORT_REFUSED] = "Cannot be added"};

        for (size_t state = 0; state < IMPORT_STATE_COUNT; state++) {
                if (plan->counts[state] == 0)
                        continue;
                buf_printf(out, "%s: %zu\n", headings[state], plan->counts[state]);
                for (size_t i = 0; i < plan->n; i++)
                        if (plan->items[i].state == state)
                                put_item(&plan->items[i], out);
        }
        if (plan->n == 0)
                buf_puts(out, "There are no rules in it.\n");
        put_remarks(plan, out);
}

static void put_object(const struct import_item *item, struct buf *out)
{
        static const char *const words[] = {
                [IMPORT_NEW] = "new", [IMPORT_THERE] = "there", [IMPORT_CONFLICT] = "conflict", [IMPORT_REFUSED] = "refused"};
        _cleanup_(buf_deinit) struct buf sentence = {0};
        struct jsonwrite w = {.out = out};

        if (item->rule)
                sentence_format(item->rule, &sentence);
        if (buf_error(&sentence)) {
                out->error = buf_error(&sentence);
                return;
        }
        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "state", words[item->state]);
        jsonwrite_bytes(&w, "file", item->file);
        jsonwrite_string(&w, "sentence", item->rule ? sentence.data : NULL);
        jsonwrite_string(&w, "reason", item->reason);
        jsonwrite_string(&w, "words", item->words);
        jsonwrite_string(&w, "other", item->other);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

void import_plan_format_json(const struct import_plan *plan, struct buf *out)
{
        for (size_t i = 0; i < plan->n; i++)
                put_object(&plan->items[i], out);
}
