/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/history-text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/words.h"
#include "gui/i18n.h"
#include "gui/panel-text-shape.h"
#include "gui/panel-text.h"
#include "wire/sentence.h"

/* What is put into a sentence, as the memory of who puts it there. */
static char *time_of(int64_t time_us, int64_t now_us)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        history_text_time(&out, time_us, now_us);
        return panel_take(&out);
}

static char *span_of(int64_t since_us, int64_t until_us, int64_t now_us)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        history_text_span(&out, since_us, until_us, now_us);
        return panel_take(&out);
}

static char *line_of(const struct record *r)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        history_text_line(&out, r);
        return panel_take(&out);
}

static char *why_of(const struct record *r)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        history_text_why(&out, r);
        return panel_take(&out);
}

static char *user_of(uint32_t uid)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        words_user(&out, uid);
        return panel_take(&out);
}

static char *sum_of(uint64_t n_allowed, uint64_t n_denied)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        history_text_sum(&out, n_allowed, n_denied, 0);
        return panel_take(&out);
}

static char *place_of(const struct record *r)
{
        return panel_place(&r->flow, hosts_first(&r->hosts));
}

void history_text_time(struct buf *out, int64_t time_us, int64_t now_us)
{
        const time_t then = (time_t)(time_us / 1000000), now = (time_t)(now_us / 1000000);
        struct tm at, today;
        char words[64] = "";

        if (localtime_r(&then, &at) && localtime_r(&now, &today)) {
                if (at.tm_year != today.tm_year)
                        strftime(words, sizeof(words), "%Y-%m-%d %H:%M:%S", &at);
                else if (at.tm_yday != today.tm_yday)
                        strftime(words, sizeof(words), "%-d %b %H:%M:%S", &at);
                else
                        strftime(words, sizeof(words), "%H:%M:%S", &at);
        }
        buf_puts(out, words);
}

static const char *verdict_word(const struct record *r)
{
        if (r->verdict == VERDICT_DENY)
                return _("Denied");
        return r->would_deny ? _("Allowed, though a rule denies it") : _("Allowed");
}

void history_text_verdict(struct buf *out, const struct record *r)
{
        buf_puts(out, verdict_word(r));
}

void history_text_why(struct buf *out, const struct record *r)
{
        _cleanup_(freep) char *rule = panel_plain(r->rule ? r->rule : "");

        if (r->rule)
                buf_printf(out, _("rule %s"), rule);
        else
                buf_puts(out, _(reason_sentence(r->reason)));
}

void history_text_amounts(struct buf *out, const struct record *r)
{
        _cleanup_(freep) char *count = panel_connections_count(r->n_connections);

        if (!r->is_summary)
                return;
        buf_puts(out, count);
        if (r->n_bytes > 0) {
                buf_puts(out, ", ");
                words_bytes(out, r->n_bytes);
        }
}

void history_text_line(struct buf *out, const struct record *r)
{
        _cleanup_(freep) char *why = why_of(r);

        if (r->would_deny)
                buf_printf(out, _("would be denied: %s"), why);
        else
                buf_puts(out, why);
        if (r->subject->uid != UINT32_MAX) {
                panel_begin_part(out);
                words_user(out, r->subject->uid);
        }
        if (r->is_summary) {
                panel_begin_part(out);
                history_text_amounts(out, r);
        }
}

void history_text_title(struct buf *out, const struct record *r)
{
        _cleanup_(freep) char *program = panel_program_name(r->subject), *place = place_of(r);

        buf_printf(out, "%s → %s", program, place);
}

void history_text_spoken(struct buf *out, const struct record *r, int64_t now_us)
{
        _cleanup_(freep) char *program = panel_program_name(r->subject), *place = place_of(r), *when = time_of(r->time_us, now_us), *line = line_of(r);

        /* The verdict, the program, to whom, when, why. */
        buf_printf(out, _("%s: %s to %s, %s, %s"), verdict_word(r), program, place, when, line);
}

const char *history_text_nothing(enum history_nothing nothing)
{
        static const char *const sentences[] = {
                [HISTORY_NOTHING_FOUND] = N_("No decision is like that. Try other words, or a longer time."),
                [HISTORY_NOTHING_THERE] = N_("There is no history yet. It is written as soon as the firewall has decided something."),
                [HISTORY_NOTHING_DENIED] = N_("You may not read the history: it is for root and members of the group “bastion”."),
                [HISTORY_NOTHING_READ] = N_("The history cannot be read."),
        };

        return _(sentences[nothing]);
}

void history_text_sum(struct buf *out, uint64_t n_allowed, uint64_t n_denied, uint64_t n_bytes)
{
        _cleanup_(freep) char *all = panel_number(n_allowed + n_denied), *denied = panel_number(n_denied);

        if (n_denied == 0)
                buf_printf(out, ngettext_("%s connection", "%s connections", n_allowed), all);
        else if (n_allowed == 0)
                buf_printf(out, ngettext_("%s connection, denied", "%s connections, all denied", n_denied), all);
        else
                buf_printf(out, ngettext_("%s connection, %s of them denied", "%s connections, %s of them denied", n_allowed + n_denied), all, denied);
        if (n_bytes > 0) {
                buf_puts(out, ", ");
                words_bytes(out, n_bytes);
        }
}

void history_text_elsewhere(struct buf *out, uint64_t n_connections)
{
        _cleanup_(freep) char *number = panel_number(n_connections);

        buf_printf(out, ngettext_("and %s connection to other places", "and %s connections to other places", n_connections), number);
}

void history_text_seen(struct buf *out, int64_t first_us, int64_t last_us, uint32_t uid, int64_t now_us)
{
        _cleanup_(freep) char *first = time_of(first_us, now_us), *last = time_of(last_us, now_us), *user = user_of(uid);

        if (uid != UINT32_MAX)
                buf_printf(out, _("of %s, first seen %s, last %s"), user, first, last);
        else
                buf_printf(out, _("first seen %s, last %s"), first, last);
}

void history_text_origin(struct buf *out, const struct rule *rule)
{
        switch (rule->origin) {
        case ORIGIN_FLAT:
        case ORIGIN_LIST:
                buf_puts(out, _("yours"));
                break;
        case ORIGIN_SESSION:
                buf_puts(out, _("until the firewall restarts"));
                break;
        case ORIGIN_FACTORY:
                buf_puts(out, _("shipped with the firewall"));
                break;
        case ORIGIN_FILE:
                buf_puts(out, _("the administrator's"));
                break;
        }
}

void history_text_span(struct buf *out, int64_t since_us, int64_t until_us, int64_t now_us)
{
        history_text_time(out, since_us, now_us);
        buf_puts(out, " – ");
        history_text_time(out, until_us, now_us);
}

void history_text_stretch(struct buf *out, uint64_t n_allowed, uint64_t n_denied, int64_t since_us, int64_t until_us, int64_t now_us)
{
        _cleanup_(freep) char *allowed = panel_number(n_allowed), *denied = panel_number(n_denied), *span = span_of(since_us, until_us, now_us);

        buf_printf(out, _("%s allowed, %s denied, %s"), allowed, denied, span);
}

void history_text_rule(struct buf *out, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        sentence_format(rule, &sentence);
        if (buf_error(&sentence))
                out->error = buf_error(&sentence);
        else
                words_plain(out, sentence.data, sentence.n);
}

void history_text_fate(struct buf *out, const struct why_candidate *candidate)
{
        if (candidate->fate >= EXPLAIN_CRITERION) {
                buf_printf(out, candidate->not_known ? _("does not match: not known of this connection: %s") : _("does not match: %s"),
                           explain_fate_word(candidate->fate));
                return;
        }
        switch (candidate->fate) {
        case EXPLAIN_DECIDES:
                buf_puts(out, _("decides"));
                break;
        case EXPLAIN_LOSES:
                buf_printf(out, _("matches, but another comes first, by its %s"), order_step_word(candidate->step));
                break;
        case EXPLAIN_SILENT:
                buf_puts(out, _("matches by name only, and a rule about the path counts instead"));
                break;
        case EXPLAIN_DISABLED:
                buf_puts(out, _("would match, but is switched off"));
                break;
        case EXPLAIN_EXPIRED:
                buf_puts(out, _("would match, but its time is over"));
                break;
        case EXPLAIN_SUBJECT:
        case EXPLAIN_CRITERION: /* it and what follows are above */
        case EXPLAIN_FATE_LAST:
        case EXPLAIN_FATE_COUNT:
                buf_puts(out, _("is about another program"));
                break;
        }
}

void history_text_verdict_today(struct buf *out, const struct why *why)
{
        const char *reason = _(reason_sentence(why->reason));

        switch (why->verdict) {
        case VERDICT_ALLOW:
                buf_printf(out, _("Such a connection would be allowed: %s"), reason);
                break;
        case VERDICT_DENY:
                buf_printf(out, _("Such a connection would be denied: %s"), reason);
                break;
        case VERDICT_ASK:
                buf_printf(out, _("You would be asked about such a connection: %s"), reason);
                break;
        }
}

void history_text_proposal(struct buf *out, const struct proposal *p, int64_t now_us)
{
        const struct amounts *a = &p->amounts;
        _cleanup_(freep) char *sum = sum_of(a->n_connections - a->n_denied, a->n_denied),
                              *when = a->n_connections > 1 ? span_of(a->first_us, a->last_us, now_us) : time_of(a->first_us, now_us);
        char address[ADDR_TEXT_MAX];

        buf_printf(out, _("%s, %s, as to %s"), sum, when, addr_format(&p->example, address));
}

void history_text_surprises(struct buf *out, unsigned surprises)
{
        for (unsigned bit = 1; bit <= SURPRISE_LAST; bit <<= 1)
                if (surprises & bit) {
                        if (out->n > 0)
                                buf_putc(out, '\n');
                        buf_puts(out, _(surprise_sentence(bit)));
                }
}

void history_text_learned(struct buf *out, const struct learn_counts *counts)
{
        _cleanup_(freep) char *records = panel_number(counts->n_records), *undecided = panel_number(counts->n_undecided),
                              *nobody = panel_number(counts->n_nobody), *left_out = panel_number(counts->n_left_out);

        buf_printf(out, ngettext_("%s connection was recorded, %s of them without a rule of today.", "%s connections were recorded, %s of them without a rule of today.",
                                  counts->n_records), records, undecided);
        if (counts->n_nobody > 0) {
                buf_putc(out, ' ');
                buf_printf(out, _("No rule can be about the programs of %s (unknown, deleted, in a container)."), nobody);
        }
        if (counts->n_left_out > 0) {
                buf_putc(out, ' ');
                buf_printf(out, _("There was no room for %s: review again when these are decided."), left_out);
        }
}
