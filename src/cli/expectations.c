/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Line by line: each is told with its place, and a wrong one keeps none of the others from being tried. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/expectations.h"
#include "cli/rule-words.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"
#include "wire/jsonwrite.h"

/* What would happen to a connection, and why. */
struct outcome {
        struct decision decision, unanswered;
        const struct rule *rule; /* before any default; or NULL */
        bool holds;
};

/* Of the rules in files those were loaded whose time is not over: it is always now. */
static const struct boottime now = {0};

static struct outcome try_it(const struct expectations *e, const struct expectation *x)
{
        const struct supposed *supposed = &x->supposed;
        struct facts facts = {
                .subject = supposed->subject,
                .flow = &supposed->flow,
                .host = supposed->host,
                .lists = e->lists,
                .interface = supposed->interface,
        };
        struct config config = e->config;
        struct outcome o;

        config.mode = MODE_ENFORCEMENT;
        facts.scopes = addr_scopes(&x->supposed.flow.remote, NULL) | x->supposed.scopes;
        o.decision = decide(e->rules, &config, &facts, 1, OWNERS_ALL, now);
        o.unanswered = decide_failure(FAILURE_TIMEOUT, &config);
        o.rule = ruleset_decide(e->rules, &facts, now);
        o.holds = o.decision.verdict == x->verdict ||
                  (x->verdict == VERDICT_DENY && o.decision.verdict == VERDICT_ASK &&
                   o.unanswered.verdict == VERDICT_DENY);
        return o;
}

static void put_line(struct buf *out, const char *line, size_t n)
{
        buf_puts(out, "  ");
        words_plain(out, line, n);
        buf_putc(out, '\n');
}

static void put_rule(struct buf *out, const struct rule *rule)
{
        buf_puts(out, " by rule ");
        str_escape(out, rule->id);
        buf_puts(out, " (");
        show_sentence(out, rule);
        buf_putc(out, ')');
}

static void put_outcome(struct buf *out, const struct outcome *o)
{
        static const char *const words[] = {
                [VERDICT_ALLOW] = "allowed", [VERDICT_DENY] = "denied", [VERDICT_ASK] = "asked about"};

        buf_puts(out, words[o->decision.verdict]);
        if (o->rule)
                put_rule(out, o->rule);
        if (!o->rule || !o->decision.rule)
                buf_printf(out, ": %s", reason_sentence(o->decision.reason));
        if (o->decision.verdict == VERDICT_ASK)
                buf_printf(out, "; %s where nobody answers", words[o->unanswered.verdict]);
}

static void tell_failed(const struct expectations *e, unsigned number, const char *line, size_t n,
                        const struct expectation *x, const struct outcome *o, struct buf *out)
{
        buf_printf(out, "%s:%u: expected %s, would be ", e->file, number, verdict_name(x->verdict));
        put_outcome(out, o);
        buf_putc(out, '\n');
        put_line(out, line, n);
}

static void tell_json(unsigned number, const struct expectation *x, const struct outcome *o, struct buf *out)
{
        struct jsonwrite w = {.out = out};

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_uint(&w, "line", number);
        jsonwrite_bool(&w, "holds", o->holds);
        jsonwrite_string(&w, "expected", verdict_name(x->verdict));
        jsonwrite_string(&w, "verdict", verdict_name(o->decision.verdict));
        jsonwrite_string(&w, "unanswered", verdict_name(o->unanswered.verdict));
        jsonwrite_string(&w, "reason", reason_word(o->decision.reason));
        jsonwrite_bytes(&w, "rule", o->rule ? o->rule->id : NULL);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

static int tell_wrong(const struct expectations *e, unsigned number, const char *line, size_t n,
                      const struct sentence_error *error, struct buf *out)
{
        _cleanup_(freep) char *copy = strndup(line, n);
        struct jsonwrite w = {.out = out};

        if (!copy)
                return -ENOMEM;
        if (!e->json) {
                buf_printf(out, "%s:%u: this is no expectation:\n", e->file, number);
                rule_words_show_error(out, copy, error);
                return 0;
        }
        jsonwrite_open(&w, NULL, '{');
        jsonwrite_uint(&w, "line", number);
        jsonwrite_uint(&w, "byte", error->at + 1);
        jsonwrite_string(&w, "error", error->expected);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
        return 0;
}

static int run_line(const struct expectations *e, unsigned number, const char *line, size_t n, struct buf *out,
                    struct expectations_result *result)
{
        struct sentence_error error = {0};
        struct expectation x;
        struct outcome o;
        int r = expect_parse(line, n, e->names, NULL, &x, &error);

        if (r == EXPECT_E_NOTHING)
                return 0;
        if (r < 0)
                return r;
        if (r == EXPECT_E_SYNTAX) {
                result->n_wrong++;
                return tell_wrong(e, number, line, n, &error, out);
        }
        o = try_it(e, &x);
        result->n++;
        result->n_failed += !o.holds;
        if (e->json)
                tell_json(number, &x, &o, out);
        else if (!o.holds)
                tell_failed(e, number, line, n, &x, &o, out);
        supposed_deinit(&x.supposed);
        return 0;
}

int expectations_run(const struct expectations *e, const char *text, size_t n, struct buf *out,
                     struct expectations_result *ret)
{
        struct expectations_result result = {0};
        unsigned number = 0;
        size_t at = 0;

        while (at < n) {
                const char *line = text + at, *newline = memchr(line, '\n', n - at);
                size_t length = newline ? (size_t)(newline - line) : n - at;
                int r;

                at += length + 1;
                if (length > 0 && line[length - 1] == '\r')
                        length--;
                r = run_line(e, ++number, line, length, out, &result);
                if (r < 0)
                        return r;
        }
        *ret = result;
        return 0;
}
