/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of words: for each way in which a rule does not apply, for each step at which a rule comes later than another.
 * Commands are put in single quotes for the shell, because a sentence may have any other sign in it.
 */
#include <string.h>

#include "base/str.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/why-page.h"
#include "client/words.h"

enum { LABEL_COLUMNS = 13, FACT_COLUMNS = 40 };

static void put_label(struct buf *out, const struct style *style, const char *label)
{
        buf_puts(out, style->dim);
        text_pad(out, label, LABEL_COLUMNS);
        buf_puts(out, style->reset);
}

/* A fact and where it comes from; takes the content of `fact`. */
static void put_fact(struct buf *out, const struct style *style, const char *label, struct buf *fact, const char *source)
{
        put_label(out, style, label);
        if (buf_error(fact))
                out->error = buf_error(fact);
        else if (fact->n > 0)
                buf_puts(out, fact->data);
        if (*source) {
                for (unsigned used = fact->n > 0 ? text_width(fact->data) : 0; used < FACT_COLUMNS; used++)
                        buf_putc(out, ' ');
                buf_printf(out, "  %s%s%s", style->dim, source, style->reset);
        }
        buf_putc(out, '\n');
        buf_reset(fact);
}

static const char *identity_words(const struct subject *s, bool supposed)
{
        static const char *const words[] = {
                [IDENTITY_TASK] = "from the kernel, in the calling task",
                [IDENTITY_SOCK_DIAG] = "from its socket, and its owner in /proc",
                [IDENTITY_PROC] = "from /proc",
                [IDENTITY_NONE] = "nobody was found",
        };

        return supposed ? "as you say" : words[s->identity];
}

static void put_number(struct buf *out, const char *what, uint32_t number)
{
        if (number == UINT32_MAX)
                buf_printf(out, "%s not known", what);
        else
                buf_printf(out, "%s %u", what, number);
}

static void put_user(struct buf *out, const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf name = {0};

        put_number(out, "user", s->uid);
        if (s->uid != UINT32_MAX) {
                words_user(&name, s->uid);
                buf_printf(out, " (%s)", name.n > 0 ? name.data : "");
        }
        put_number(out, ", group", s->gid);
}

static void put_scopes(struct buf *out, unsigned scopes)
{
        const char *separator = "";

        for (unsigned bit = 0; bit < 8 * sizeof(scopes); bit++) {
                const char *name = scopes & 1u << bit ? scope_name((enum scope)(1u << bit)) : NULL;

                if (name)
                        buf_printf(out, "%s%s", separator, name);
                separator = name ? ", " : separator;
        }
}

/* The oldest first, as in the chain of a question; of one whose path is not known the name, in brackets. */
static void put_ancestors(struct buf *out, const struct subject *s)
{
        for (unsigned i = s->n_ancestors; i > 0; i--) {
                const struct ancestor *a = &s->ancestors[i - 1];

                if (!a->path)
                        buf_putc(out, '(');
                str_escape(out, a->path ? a->path : a->name);
                if (!a->path)
                        buf_putc(out, ')');
                if (i > 1)
                        buf_puts(out, " ▸ ");
        }
}

static void put_facts(struct buf *out, const struct style *style, const struct why *w, bool supposed)
{
        _cleanup_(buf_deinit) struct buf fact = {0};
        const struct subject *s = w->subject;
        bool by_name = s->kind == SUBJECT_PROGRAM && !subject_rule_path(s);

        show_path(&fact, s);
        put_fact(out, style, "Program", &fact, identity_words(s, supposed));
        if (s->kind == SUBJECT_PROGRAM) {
                str_escape(&fact, s->name);
                put_fact(out, style, "Name", &fact,
                         !supposed ? "chosen by the program itself; counts only where no rule by path does"
                         : by_name ? "as you say"
                                   : "from the path");
                put_user(&fact, s);
                put_fact(out, style, "User", &fact,
                         s->uid == UINT32_MAX && s->gid == UINT32_MAX
                                 ? "rules about users do not match: say 'user NAME'"
                                 : identity_words(s, supposed));
        }
        if (s->n_ancestors > 0) {
                put_ancestors(&fact, s);
                put_fact(out, style, "Started by", &fact, "what its ancestors ran when it was asked about first");
        }
        show_destination(&fact, &w->flow, &w->hosts);
        put_fact(out, style, "Destination", &fact, supposed ? "as you say" : "from the packet");
        put_scopes(&fact, w->scopes);
        put_fact(out, style, "Which is", &fact, "from the address, and this machine's networks");
        buf_puts(&fact, mode_name(w->mode));
        put_fact(out, style, "Mode", &fact, w->mode == MODE_LEARNING ? "nothing is denied, nothing is asked" : "");
}

static const char *verdict_color(const struct style *style, enum verdict verdict, bool would_deny)
{
        if (verdict == VERDICT_DENY)
                return style->red;
        return verdict == VERDICT_ASK || would_deny ? style->yellow : style->green;
}

static void put_verdict(struct buf *out, const struct style *style, const struct why *w)
{
        static const char *const words[] = {
                [VERDICT_ALLOW] = "ALLOW", [VERDICT_DENY] = "DENY", [VERDICT_ASK] = "ASK"};

        buf_putc(out, '\n');
        put_label(out, style, "Verdict");
        buf_printf(out, "%s%s%s: %s", verdict_color(style, w->verdict, w->would_deny), words[w->verdict], style->reset,
                   reason_sentence(w->reason));
        if (w->rule) {
                buf_puts(out, w->would_deny ? "; enforcement would deny it, by rule " : ", rule ");
                str_escape(out, w->rule);
        }
        buf_putc(out, '\n');
        if (w->verdict == VERDICT_ASK) {
                put_label(out, style, "");
                buf_printf(out, "where nobody answers in time: %s (default_action)\n", verdict_name(w->unanswered));
        }
}

/* The first rule about a list that has the name. */
static void put_listed(struct buf *out, const struct style *style, const struct why *w)
{
        for (unsigned i = 0; i < w->n_candidates; i++) {
                if (!w->candidates[i].list || !w->candidates[i].listed)
                        continue;
                put_label(out, style, "Listed");
                buf_puts(out, "as ");
                str_escape(out, w->candidates[i].listed);
                buf_puts(out, " in ");
                str_escape(out, w->candidates[i].list);
                buf_putc(out, '\n');
                return;
        }
}

static const char *const fate_words[EXPLAIN_CRITERION] = {
        [EXPLAIN_DECIDES] = "decides",
        [EXPLAIN_LOSES] = "matches, but comes later: ",
        [EXPLAIN_SILENT] = "matches, but a rule of the path does too, and a name is weak",
        [EXPLAIN_DISABLED] = "would match, but is switched off",
        [EXPLAIN_EXPIRED] = "would match, but its time is over",
        [EXPLAIN_SUBJECT] = "another program",
};

/* What people call a criterion: "another …", "names no …"; and what is wide of it: "a wider …". */
static const struct {
        const char *name, *wide;
} things[CRITERION_KIND_COUNT] = {
        [CRITERION_PROGRAM] = {"program", "choice of programs"},
        [CRITERION_PROCESS] = {"process", "process"},
        [CRITERION_ARGUMENT] = {"argument", "pattern for arguments"},
        [CRITERION_PARENT] = {"parent", "pattern for parents"},
        [CRITERION_ANCESTOR] = {"ancestor", "pattern for ancestors"},
        [CRITERION_UNIT] = {"unit", "pattern for units"},
        [CRITERION_CGROUP] = {"cgroup", "pattern for cgroups"},
        [CRITERION_HOST] = {"host", "domain"},
        [CRITERION_LIST] = {"list", "choice of lists"},
        [CRITERION_NETWORK] = {"address", "network"},
        [CRITERION_SCOPE] = {"kind of destination", "kind of destination"},
        [CRITERION_PORT] = {"port", "choice of ports"},
        [CRITERION_PROTOCOL] = {"protocol", "choice of protocols"},
        [CRITERION_USER] = {"user", "choice of users"},
        [CRITERION_GROUP] = {"group", "choice of groups"},
        [CRITERION_INTERFACE] = {"interface", "pattern for interfaces"},
};

/* No name is known of it, or what the list says is not. */
static void put_list_fate(struct buf *out, const struct why_candidate *c)
{
        const struct criterion *list = rule_criterion(c->rule, CRITERION_LIST);

        if (c->not_known)
                buf_puts(out, "name, or list, not known");
        else
                buf_puts(out, list && list->negated ? "is listed" : "is not listed");
}

/* What is not known matches no rule about it: that is not another one. */
static void put_fate(struct buf *out, const struct why_candidate *c)
{
        const char *thing;

        if (c->fate < EXPLAIN_CRITERION) {
                buf_puts(out, fate_words[c->fate]);
                return;
        }
        thing = things[c->fate - EXPLAIN_CRITERION].name;
        if (c->fate == (enum explain_fate)(EXPLAIN_CRITERION + CRITERION_LIST))
                put_list_fate(out, c);
        else if (c->not_known)
                buf_printf(out, "%s not known", thing);
        else
                buf_printf(out, "another %s", thing);
}

/* Why `rule` comes later. */
static void put_step(struct buf *out, enum order_step step, const struct rule *rule)
{
        static const char *const words[ORDER_STEP_COUNT] = {
                [ORDER_PRIORITY] = "lower priority",
                [ORDER_SUBJECT] = "says less of the program",
                [ORDER_ACTION] = "deny comes before ask, and ask before allow",
                [ORDER_ID] = "alike, and its id sorts later",
        };
        enum criterion_kind kind;

        if (words[step]) {
                buf_puts(out, words[step]);
                return;
        }
        kind = (enum criterion_kind)(step - ORDER_CRITERION);
        if (rule_criterion(rule, kind))
                buf_printf(out, "wider %s", things[kind].wide);
        else
                buf_printf(out, "names no %s", things[kind].name);
}

static void add_row(struct columns *table, const struct why_candidate *c)
{
        _cleanup_(buf_deinit) struct buf cell = {0};
        struct rule plain = *c->rule; /* borrows the strings */

        plain.note = NULL; /* makes lines long; 'bastion rules' shows it */
        str_escape(&cell, c->rule->id ? c->rule->id : "");
        columns_take(table, &cell);
        put_fate(&cell, c);
        if (c->fate == EXPLAIN_LOSES)
                put_step(&cell, c->step, c->rule);
        columns_take(table, &cell);
        show_sentence(&cell, &plain);
        columns_take(table, &cell);
}

static void put_rules(struct buf *out, const struct style *style, const struct why *w)
{
        _cleanup_(columns_deinit) struct columns table = {.n_columns = 3};

        buf_putc(out, '\n');
        put_label(out, style, "Rules");
        buf_printf(out, "%u, of which %u can be about this program", w->n_rules, w->n_considered);
        if (w->n_considered > w->n_candidates)
                buf_printf(out, "; %u are shown", w->n_candidates);
        buf_puts(out, "; the first that matches decides\n");
        if (w->n_candidates == 0)
                return;
        columns_add(&table, "ID");
        columns_add(&table, "HERE");
        columns_add(&table, "RULE");
        for (unsigned i = 0; i < w->n_candidates; i++)
                add_row(&table, &w->candidates[i]);
        columns_format(&table, style, out);
}

/* As one word of a shell. */
static void put_shell_word(struct buf *out, const char *word)
{
        buf_putc(out, '\'');
        for (; *word; word++) {
                if (*word == '\'')
                        buf_puts(out, "'\\''");
                else
                        buf_putc(out, *word);
        }
        buf_putc(out, '\'');
}

static void put_change(struct buf *out, const struct style *style, const struct why_change *c)
{
        buf_printf(out, "\nTo %s it:\n", action_name(c->action));
        for (unsigned i = 0; i < c->n_delete; i++) {
                buf_printf(out, "  %sbastion rules delete ", style->bold);
                put_shell_word(out, c->delete[i]);
                buf_printf(out, "%s\n", style->reset);
        }
        if (c->add) {
                buf_printf(out, "  %sbastion rules add ", style->bold);
                put_shell_word(out, c->add);
                buf_printf(out, "%s\n", style->reset);
        }
        if (c->enforce)
                buf_printf(out, "  %sbastion mode enforcement%s\n", style->bold, style->reset);
}

void why_page(struct buf *out, const struct style *style, const struct why *w, const struct record *decision)
{
        if (decision) {
                show_record(out, style, 0, decision);
                buf_puts(out, "\n\nBy the rules that are in force now:\n");
        }
        put_facts(out, style, w, !decision);
        put_verdict(out, style, w);
        put_listed(out, style, w);
        put_rules(out, style, w);
        for (unsigned i = 0; i < w->n_changes; i++)
                put_change(out, style, &w->changes[i]);
}
