/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An explanation as an object (PROTOCOL.md, "why"), both directions. The rules in it are whole, so that a reader needs no second
 * request, and what is offered to change is a sentence, so that it can be sent back as it is.
 */
#include <stdio.h>
#include <string.h>

#include "wire/message-shapes.h"
#include "wire/rulejson.h"
#include "wire/sentence.h"

void why_deinit(struct why *w)
{
        subject_unref(w->subject);
        hosts_deinit(&w->hosts);
        free(w->rule);
        for (unsigned i = 0; i < w->n_candidates; i++) {
                rule_free(w->candidates[i].rule);
                free(w->candidates[i].list);
                free(w->candidates[i].listed);
        }
        for (unsigned i = 0; i < w->n_changes; i++) {
                for (unsigned k = 0; k < w->changes[i].n_delete; k++)
                        free(w->changes[i].delete[k]);
                free(w->changes[i].add);
        }
        *w = (struct why){ .n_rules = 0 };
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void write_scopes(struct jsonwrite *w, unsigned scopes)
{
        jsonwrite_open(w, "scopes", '[');
        for (unsigned bit = 0; bit < 8 * sizeof(scopes); bit++)
                if (scopes & 1U << bit && scope_name((enum scope)(1U << bit)))
                        jsonwrite_string(w, NULL, scope_name((enum scope)(1U << bit)));
        jsonwrite_close(w, ']');
}

static void write_listed(struct jsonwrite *w, const struct rule *rule, const struct facts *facts)
{
        const struct criterion *c = rule_criterion(rule, CRITERION_LIST);
        char name[LIMIT_NAME + 2];
        struct listed listed;

        if (!c || !criterion_find_listed(c, facts, &listed))
                return;
        snprintf(name, sizeof(name), "%s%s", listed.below ? "." : "", listed.name);
        jsonwrite_bytes(w, "list", listed.path);
        jsonwrite_string(w, "listed", name);
}

static void write_candidate(struct jsonwrite *w, const struct explain_candidate *c, const struct facts *facts)
{
        jsonwrite_open(w, NULL, '{');
        jsonwrite_string(w, "fate", explain_fate_word(c->fate));
        if (c->fate == EXPLAIN_LOSES)
                jsonwrite_string(w, "by", order_step_word(c->step));
        if (c->not_known)
                jsonwrite_bool(w, "known", false);
        write_listed(w, c->rule, facts);
        rulejson_write(w, "rule", c->rule, RULEJSON_REPLY, !c->rule->disabled);
        jsonwrite_close(w, '}');
}

static void write_change(struct jsonwrite *w, const struct explain_change *c)
{
        _cleanup_(buf_deinit) struct buf sentence = {};

        if (c->add)
                sentence_format(c->add, &sentence);
        if (buf_error(&sentence)) {
                w->out->error = buf_error(&sentence);
                return;
        }
        jsonwrite_open(w, NULL, '{');
        jsonwrite_string(w, "verdict", action_name(c->action));
        jsonwrite_open(w, "delete", '[');
        for (unsigned i = 0; i < c->n_delete; i++) {
                jsonwrite_open(w, NULL, '{');
                jsonwrite_bytes(w, "id", c->delete[i]->id);
                jsonwrite_close(w, '}');
        }
        jsonwrite_close(w, ']');
        jsonwrite_string(w, "add", c->add ? sentence.data : NULL);
        jsonwrite_bool(w, "enforcement", c->enforce);
        jsonwrite_close(w, '}');
}

void shape_write_why(struct jsonwrite *w, const struct explanation *e, const struct facts *facts, const struct config *config, size_t n_rules)
{
        const struct hosts hosts = facts_hosts(facts);

        shape_write_subject(w, facts->subject);
        shape_write_flow(w, facts->flow);
        shape_write_hosts(w, &hosts);
        write_scopes(w, facts->scopes);
        jsonwrite_string(w, "mode", mode_name(config->mode));
        jsonwrite_string(w, "verdict", verdict_name(e->decision.verdict));
        jsonwrite_string(w, "reason", reason_word(e->decision.reason));
        jsonwrite_bytes(w, "rule", e->rule ? e->rule->id : NULL);
        jsonwrite_bool(w, "would_deny", e->decision.would_deny);
        jsonwrite_string(w, "unanswered", verdict_name(e->unanswered.verdict));
        jsonwrite_uint(w, "rules", n_rules);
        jsonwrite_uint(w, "considered", e->n_considered);
        jsonwrite_open(w, "candidates", '[');
        for (unsigned i = 0; i < e->n_candidates; i++)
                write_candidate(w, &e->candidates[i], facts);
        jsonwrite_close(w, ']');
        jsonwrite_open(w, "changes", '[');
        for (unsigned i = 0; i < e->n_changes; i++)
                write_change(w, &e->changes[i]);
        jsonwrite_close(w, ']');
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static unsigned read_scopes(struct jsonread *r, const json_t *o)
{
        const json_t *list = jsonread_array(r, o, "scopes");
        unsigned scopes = 0;

        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *word = json_string_value(json_array_get(list, i));
                enum scope scope;

                if (!word || !scope_parse(word, &scope))
                        jsonread_fail_at(r, "scopes", i, "expected a kind of destination");
                else
                        scopes |= scope;
        }
        return scopes;
}

static enum verdict read_verdict(struct jsonread *r, const json_t *o, const char *key)
{
        enum verdict verdict = VERDICT_ASK;

        if (!verdict_parse(jsonread_string(r, o, key), &verdict))
                jsonread_fail(r, key, "expected allow, deny or ask");
        return verdict;
}

static void read_candidate(struct jsonread *r, const json_t *o, struct why_candidate *ret)
{
        if (!explain_fate_parse(jsonread_string(r, o, "fate"), &ret->fate))
                jsonread_fail(r, "fate", "expected what became of a rule");
        if (ret->fate == EXPLAIN_LOSES && !order_step_parse(jsonread_string(r, o, "by"), &ret->step))
                jsonread_fail(r, "by", "expected a step of the order of decision");
        ret->not_known = !jsonread_bool_or(r, o, "known", true);
        ret->list = jsonread_bytes(r, o, "list");
        ret->listed = shape_read_copy(r, o, "listed");
        ret->rule = r->error ? NULL : rulejson_read(r, jsonread_object(r, o, "rule"), RULEJSON_REPLY);
        if (!r->error && !ret->rule)
                jsonread_fail(r, "rule", "expected a rule");
}

static void read_change(struct jsonread *r, const json_t *o, struct why_change *ret)
{
        const json_t *list = jsonread_array(r, o, "delete");

        if (!action_parse(jsonread_string(r, o, "verdict"), &ret->action))
                jsonread_fail(r, "verdict", "expected allow or deny");
        if (json_array_size(list) > EXPLAIN_RULES)
                jsonread_fail(r, "delete", "expected at most %d", EXPLAIN_RULES);
        for (size_t i = 0; i < json_array_size(list) && !r->error; i++) {
                char *id = jsonread_bytes(r, json_array_get(list, i), "id");

                if (id)
                        ret->delete[ret->n_delete++] = id;
                else
                        jsonread_fail_at(r, "delete", i, "expected a rule's id");
        }
        ret->add = shape_read_copy(r, o, "add");
        ret->enforce = jsonread_bool(r, o, "enforcement");
}

/* The counts grow before each element is read, so that what a broken one left behind is freed too. */
void shape_read_why(struct jsonread *r, const json_t *o, struct why *ret)
{
        const json_t *candidates = jsonread_array(r, o, "candidates"), *changes = jsonread_array(r, o, "changes");

        ret->subject = shape_read_subject(r, o);
        shape_read_flow(r, o, &ret->flow);
        shape_read_hosts(r, o, &ret->hosts);
        ret->scopes = read_scopes(r, o);
        if (!mode_parse(jsonread_string(r, o, "mode"), &ret->mode))
                jsonread_fail(r, "mode", "expected learning or enforcement");
        ret->verdict = read_verdict(r, o, "verdict");
        ret->unanswered = read_verdict(r, o, "unanswered");
        if (!reason_parse(jsonread_string(r, o, "reason"), &ret->reason))
                jsonread_fail(r, "reason", "expected a reason's word");
        ret->rule = jsonread_bytes(r, o, "rule");
        ret->would_deny = jsonread_bool(r, o, "would_deny");
        ret->n_rules = (unsigned)jsonread_int(r, o, "rules", 0, UINT32_MAX);
        ret->n_considered = (unsigned)jsonread_int(r, o, "considered", 0, UINT32_MAX);
        if (json_array_size(candidates) > EXPLAIN_RULES || json_array_size(changes) > EXPLAIN_CHANGES)
                jsonread_fail(r, "candidates", "expected at most %d, and %d changes", EXPLAIN_RULES, EXPLAIN_CHANGES);
        for (size_t i = 0; i < json_array_size(candidates) && !r->error; i++)
                read_candidate(r, json_array_get(candidates, i), &ret->candidates[ret->n_candidates++]);
        for (size_t i = 0; i < json_array_size(changes) && !r->error; i++)
                read_change(r, json_array_get(changes, i), &ret->changes[ret->n_changes++]);
}
